//! The worker that runs every service: it pulls, decodes, heartbeats, publishes, acknowledges, retries, dead-letters,
//! traces, counts and drains, so that a service's handler does none of it.

mod backoff;
pub mod config;
mod consumer;
mod delivery;
mod edges;
mod handler;
pub mod http;
mod ledger;
pub mod process;
mod shutdown;
pub mod telemetry;
mod waiting;
mod worker;

use std::time::Duration;

pub use edges::{Edges, EdgesError};
pub use handler::{Claim, Delivery, Failure, FailureKind, Handler, Outcome, Wait, chain};
pub use shutdown::Shutdown;
pub use worker::{WorkError, work, work_with};

/// How hard and how long a worker tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long the broker waits for a sign of life before it hands a message to someone else.
    pub ack_wait: Duration,
    /// Transient failures of one message before it goes to the dead letters; twelve last about five minutes. Failures
    /// while the broker or the store serves nobody do not count.
    pub attempts: u64,
    /// Messages handled at once by one replica; as many again of those that had to wait for their turn.
    pub concurrency: usize,
    /// How long messages in hand may take to finish when the process is asked to leave.
    pub drain: Duration,
    /// How long one message may be handled; a hung one is tried again.
    pub handling: Duration,
    /// Deliveries of one message, for whatever reason, after which each handling of it is put on record before it
    /// begins: it may be a message that brings its process down, which leaves no other trace.
    pub deliveries: u64,
    /// Handlings on record that never ended before a message goes to the dead letters.
    pub crashes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ack_wait: Duration::from_secs(10),
            attempts: 12,
            concurrency: 4,
            drain: Duration::from_secs(20),
            handling: Duration::from_secs(3_600),
            deliveries: 20,
            crashes: 5,
        }
    }
}

/// Runs work that keeps a processor busy where it does not hold up anything else.
///
/// # Errors
/// Where the work panics; the failure is permanent and tells the panic's text.
pub async fn cpu<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
        .await
        .map_err(|stopped| Failure::permanent(panicked(stopped)))
}

/// What a task that stopped by a panic said.
fn panicked(stopped: tokio::task::JoinError) -> String {
    match stopped.try_into_panic() {
        Ok(panic) => {
            let text = panic.downcast_ref::<&str>().map(|t| (*t).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            format!("panicked: {}", text.as_deref().unwrap_or("without a text"))
        }
        Err(stopped) => format!("stopped: {stopped}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_in_heavy_work_is_a_permanent_failure_with_its_text() {
        let failure = cpu(|| -> () { panic!("no such {}", "column") }).await.unwrap_err();
        assert_eq!((failure.kind, failure.to_string().as_str()), (FailureKind::Permanent, "panicked: no such column"));
    }

    #[tokio::test]
    async fn heavy_work_gives_its_result() {
        assert_eq!(cpu(|| 6 * 7).await.unwrap(), 42);
    }
}
