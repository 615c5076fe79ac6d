//! Work that keeps a processor busy, away from what must not be held up, and what is left of it when nobody waits for
//! it any more.
//!
//! A thread cannot be stopped: heavy work that is given up, because it took too long, goes on with its memory. So what
//! is left over is counted, and a process with too much of it leaves: that ends the threads, and its messages come
//! again to the process that is started in its place.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use metrics::gauge;
use tokio::sync::watch;
use tracing::warn;

use super::Failure;
use super::clock::{has_clock, panicked, text_of};

/// Heavy work that was given up and still runs, at which a process leaves: as many as it has hands for new messages.
const MOST_LEFT: usize = 4;

static LEFT: std::sync::LazyLock<Leftovers> = std::sync::LazyLock::new(Leftovers::default);

/// Runs work that keeps a processor busy where it does not hold up anything else.
///
/// # Errors
/// Where the work panics; the failure is permanent and tells the panic's text.
pub async fn cpu<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    LEFT.run(work).await
}

/// Waits until too much work that was given up still runs; what the process then says as it leaves.
pub async fn overrun() -> String {
    LEFT.reach(MOST_LEFT).await;
    format!("{MOST_LEFT} steps that took too long still run: leaving, so that they end; start the process again")
}

/// Counts the work that nobody waits for any more.
#[derive(Debug, Default)]
struct Leftovers {
    count: Arc<watch::Sender<usize>>,
}

const RUNNING: u8 = 0;
const DONE: u8 = 1;
const GIVEN_UP: u8 = 2;

/// One piece of work, as seen by who waits for it.
struct Awaited {
    state: Arc<AtomicU8>,
    count: Arc<watch::Sender<usize>>,
}

/// The same, as seen by the thread that does it. Dropped at its end, also by a panic.
struct Doing(Awaited);

impl Leftovers {
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
        if !has_clock() {
            let done = catch_unwind(AssertUnwindSafe(work));
            return done.map_err(|panic| Failure::permanent(text_of(&*panic)));
        }
        let state = Arc::new(AtomicU8::new(RUNNING));
        let awaited = || Awaited { state: Arc::clone(&state), count: Arc::clone(&self.count) };
        let doing = Doing(awaited());
        let _waits = awaited();
        let span = tracing::Span::current();
        let done = tokio::task::spawn_blocking(move || {
            let _doing = doing;
            span.in_scope(work)
        });
        done.await.map_err(|stopped| Failure::permanent(panicked(stopped)))
    }

    async fn reach(&self, most: usize) {
        // The sender lives as long as the process.
        let _ = self.count.subscribe().wait_for(|left| *left >= most).await;
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        let was = self.state.compare_exchange(RUNNING, GIVEN_UP, Ordering::AcqRel, Ordering::Acquire);
        if was.is_ok() {
            self.count.send_modify(|left| *left += 1);
            note(*self.count.borrow());
            warn!("a step was given up and goes on without anybody waiting for it");
        }
    }
}

impl Drop for Doing {
    fn drop(&mut self) {
        // Before the other half of this pair looks: what is done is not given up.
        if self.0.state.swap(DONE, Ordering::AcqRel) == GIVEN_UP {
            self.0.count.send_modify(|left| *left = left.saturating_sub(1));
            note(*self.0.count.borrow());
        }
    }
}

fn note(left: usize) {
    gauge!("aria_steps_left_over").set(left as f64);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::super::FailureKind;
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

    #[tokio::test]
    async fn work_that_is_given_up_counts_until_its_thread_has_ended() {
        let left = Leftovers::default();
        let (let_go, held) = mpsc::channel::<()>();
        let work = left.run(move || held.recv());
        assert!(tokio::time::timeout(Duration::from_millis(50), work).await.is_err());
        left.reach(1).await;
        assert_eq!(*left.count.borrow(), 1);
        drop(let_go);
        left.count.subscribe().wait_for(|left| *left == 0).await.unwrap();
    }

    #[tokio::test]
    async fn work_that_is_waited_for_never_counts() {
        let left = Leftovers::default();
        for result in 0..100 {
            assert_eq!(left.run(move || result).await.unwrap(), result);
        }
        assert!(left.run(|| -> () { panic!("on purpose") }).await.is_err());
        assert_eq!(*left.count.borrow(), 0);
    }
}
