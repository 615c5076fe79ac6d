//! Training: on `retraining.requested`, trains a challenger on the named snapshot and announces it, or says why there
//! is none.

mod handler;

pub use handler::Training;

use std::process::ExitCode;

use aria_io::runtime::{Edges, Limits, Shutdown, WorkError, process, work_with};

/// Runs the service until it is asked to leave.
///
/// # Errors
/// Where its consumer cannot be used, and waiting would not help.
pub async fn run(edges: &Edges, limits: Limits, shutdown: Shutdown) -> Result<(), WorkError> {
    work_with(Training::new(edges.stores()), edges, limits, shutdown).await
}

/// Runs the service as a process of its own, with its settings from the environment, until a signal ends it.
pub fn process() -> ExitCode {
    process::serve("training", |edges, settings, shutdown| async move { run(&edges, settings.limits, shutdown).await })
}
