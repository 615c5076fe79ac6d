//! Waiting and working beside others, with and without a clock.
//!
//! Without a tokio runtime, which is how a simulation runs the same code, there is no time and no other thread: a rest
//! lets others go first, a limit is never reached, and work is done at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::Instrument;

use super::Failure;

/// Lets time pass.
pub(crate) async fn rest(length: Duration) {
    if has_clock() {
        sleep(length).await;
    } else {
        let_others_go_first().await;
    }
}

/// What a piece of work gives; nothing where it takes longer than the limit.
pub(super) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    if has_clock() { timeout(limit, work).await.ok() } else { Some(work.await) }
}

/// Runs a part of a handler where its panic and its hanging hurt nobody else.
pub(super) async fn apart<T: Send + 'static>(
    limit: Duration,
    part: impl Future<Output = Result<T, Failure>> + Send + 'static,
) -> Result<T, Failure> {
    if !has_clock() {
        let panicked = |panic: Box<dyn std::any::Any + Send>| Err(Failure::permanent(text_of(&*panic)));
        return AssertUnwindSafe(part).catch_unwind().await.unwrap_or_else(panicked);
    }
    // A set, because dropping it stops the task: a delivery that is given back is not worked on any longer.
    let mut task = JoinSet::new();
    task.spawn(part.in_current_span());
    match timeout(limit, task.join_next()).await {
        Ok(Some(Ok(result))) => result,
        Ok(Some(Err(stopped))) => Err(Failure::permanent(panicked(stopped))),
        Ok(None) => Err(Failure::transient("the handler's task was lost")),
        Err(_) => Err(Failure::transient(format!("not finished within {limit:?}"))),
    }
}

/// Runs work that keeps a processor busy where it does not hold up anything else.
///
/// # Errors
/// Where the work panics; the failure is permanent and tells the panic's text.
pub async fn cpu<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    if !has_clock() {
        return catch_unwind(AssertUnwindSafe(work)).map_err(|panic| Failure::permanent(text_of(&*panic)));
    }
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
        .await
        .map_err(|stopped| Failure::permanent(panicked(stopped)))
}

/// What a task that stopped by a panic said.
pub(super) fn panicked(stopped: tokio::task::JoinError) -> String {
    match stopped.try_into_panic() {
        Ok(panic) => text_of(&*panic),
        Err(stopped) => format!("stopped: {stopped}"),
    }
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a text"))
}

fn has_clock() -> bool {
    Handle::try_current().is_ok()
}

/// Is not ready the first time it is asked.
async fn let_others_go_first() {
    let mut asked = false;
    std::future::poll_fn(|context| {
        if asked {
            return std::task::Poll::Ready(());
        }
        asked = true;
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
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
}
