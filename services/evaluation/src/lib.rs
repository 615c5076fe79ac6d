//! Evaluation: on `model.trained`, compares challenger, champion and naive forecasts on the same held-out hours, and
//! promotes by compare-and-set or rejects; on `performance.scored`, looks whether a model that took over should not
//! have, and puts the one before back.

mod handler;
mod probation;

pub use handler::Evaluation;

use std::process::ExitCode;

use aria_io::runtime::{Edges, Limits, Shutdown, WorkError, process, work_with};

/// Runs the service until it is asked to leave.
///
/// # Errors
/// Where its consumer cannot be used, and waiting would not help.
pub async fn run(edges: &Edges, limits: Limits, shutdown: Shutdown) -> Result<(), WorkError> {
    work_with(Evaluation::new(edges.stores()), edges, limits, shutdown).await
}

/// Runs the service as a process of its own, with its settings from the environment, until a signal ends it.
pub fn process() -> ExitCode {
    process::serve(
        "evaluation",
        |edges, settings, shutdown| async move { run(&edges, settings.limits, shutdown).await },
    )
}
