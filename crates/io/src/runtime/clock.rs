//! Waiting and working beside others, with and without a clock.
//!
//! Without a tokio runtime, which is how a simulation runs the same code, there is no time and no other thread: a rest
//! lets others go first, a limit is never reached, and heavy work is done at once.

use std::panic::AssertUnwindSafe;
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

/// What a task that stopped by a panic said.
pub(super) fn panicked(stopped: tokio::task::JoinError) -> String {
    match stopped.try_into_panic() {
        Ok(panic) => text_of(&*panic),
        Err(stopped) => format!("stopped: {stopped}"),
    }
}

/// What a panic said.
pub(super) fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a text"))
}

/// Whether there is a runtime, and with it time.
pub(super) fn has_clock() -> bool {
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
