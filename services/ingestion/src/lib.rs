//! Ingestion: checks received bytes against the series' contract, quarantines what breaks it, and moves the series'
//! head.

mod append;
mod handler;
mod memory;

pub use handler::Ingestion;

use std::process::ExitCode;

use aria_core::series::Definition;
use aria_io::runtime::{Edges, Limits, Shutdown, WorkError, process, work_with};

/// Runs the service for the defined series until it is asked to leave.
///
/// # Errors
/// Where its consumer cannot be used, and waiting would not help.
pub async fn run(
    edges: &Edges,
    definitions: Vec<Definition>,
    limits: Limits,
    shutdown: Shutdown,
) -> Result<(), WorkError> {
    work_with(Ingestion::new(edges.stores(), definitions), edges, limits, shutdown).await
}

/// Runs the service as a process of its own, with its settings from the environment, until a signal ends it.
pub fn process() -> ExitCode {
    process::serve("ingestion", |edges, settings, shutdown| async move {
        run(&edges, settings.series, settings.limits, shutdown).await
    })
}
