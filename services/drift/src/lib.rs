//! Drift: checks every accepted batch, scores forecasts when their hours arrive, and lets the policy decide whether to
//! ask for a retraining.

mod handler;

pub use handler::Drift;

use std::process::ExitCode;

use aria_io::runtime::{Edges, Limits, Shutdown, WorkError, process, work_with};

/// Runs the service until it is asked to leave.
///
/// # Errors
/// Where its consumer cannot be used, and waiting would not help.
pub async fn run(edges: &Edges, limits: Limits, shutdown: Shutdown) -> Result<(), WorkError> {
    work_with(Drift::new(edges.stores()), edges, limits, shutdown).await
}

/// Runs the service as a process of its own, with its settings from the environment, until a signal ends it.
pub fn process() -> ExitCode {
    process::serve("drift", |edges, settings, shutdown| async move { run(&edges, settings.limits, shutdown).await })
}
