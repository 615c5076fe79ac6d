//! Drift: checks every accepted batch, scores forecasts when their hours arrive, and lets the policy decide whether to ask
//! for a retraining.

mod handler;

pub use handler::Drift;

use aria_io::runtime::{Edges, Limits, Shutdown, WorkError, work_with};

/// Runs the service until it is asked to leave.
///
/// # Errors
/// Where its consumer cannot be used, and waiting would not help.
pub async fn run(edges: &Edges, limits: Limits, shutdown: Shutdown) -> Result<(), WorkError> {
    work_with(Drift::new(edges.stores()), edges, limits, shutdown).await
}
