//! Leaving in good order: by a signal or because the program decides so.

use std::sync::Arc;

use tokio::sync::watch;
use tracing::{info, warn};

/// What a process exits with that was asked to leave twice, as shells do for SIGINT.
const CUT_OFF: i32 = 130;

/// Tells every part of a process to finish what it does and leave; cheap to clone, all clones tell the same.
#[derive(Clone, Debug)]
pub struct Shutdown {
    requested: Arc<watch::Sender<bool>>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl Shutdown {
    /// A shutdown that only the program requests.
    pub fn new() -> Self {
        Self { requested: Arc::new(watch::Sender::new(false)) }
    }

    /// A shutdown that SIGTERM and SIGINT request too; the second of them ends the process at once.
    ///
    /// # Errors
    /// Where the signals cannot be listened to.
    pub fn on_signals() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let shutdown = Self::new();
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let requested = shutdown.clone();
        tokio::spawn(async move {
            let signal = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            info!(signal, "leaving");
            requested.request();
            // Whoever asks again does not want to wait: what is not finished comes again to the next process.
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            warn!("asked a second time: leaving at once");
            std::process::exit(CUT_OFF);
        });
        Ok(shutdown)
    }

    /// Requests it; again changes nothing.
    pub fn request(&self) {
        self.requested.send_replace(true);
    }

    /// Whether it was requested.
    pub fn is_requested(&self) -> bool {
        *self.requested.borrow()
    }

    /// What work gives that may be cut off anywhere; none where leaving is requested before it ends.
    pub async fn cut_short<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.requested() => None,
            done = work => Some(done),
        }
    }

    /// Waits until it is requested.
    pub async fn requested(&self) {
        // Waiting fails only when every sender is gone, and this is one.
        let _ = self.requested.subscribe().wait_for(|requested| *requested).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_clone_learns_of_the_request_even_afterwards() {
        let shutdown = Shutdown::new();
        let clone = shutdown.clone();
        assert!(!clone.is_requested());
        shutdown.request();
        clone.requested().await;
        assert!(clone.is_requested());
    }

    #[tokio::test]
    async fn work_that_may_be_cut_off_ends_where_leaving_is_requested_and_gives_its_result_otherwise() {
        let shutdown = Shutdown::new();
        assert_eq!(shutdown.cut_short(async { 42 }).await, Some(42));
        let endless = std::future::pending::<u32>();
        let (ended, ()) = tokio::join!(shutdown.cut_short(endless), async { shutdown.request() });
        assert_eq!(ended, None);
    }
}
