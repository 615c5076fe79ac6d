//! Waiting for something that can only be asked for: a port that answers, a value in a store.

use std::future::Future;
use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::time::{Instant, sleep};

const FIRST: Duration = Duration::from_millis(5);
const LONGEST: Duration = Duration::from_millis(200);

/// Asks until the answer is `Ok`, with a growing pause between.
///
/// For what tells nobody that it changed. What announces itself, by an event or a log line, is waited for by that.
///
/// # Errors
/// With the last answer, after `patience`.
pub async fn until<T, F>(what: &str, patience: Duration, mut ask: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let deadline = Instant::now() + patience;
    let mut pause = FIRST;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if Instant::now() >= deadline => {
                return Err(anyhow!("waited {} s for {what}: {error:#}", patience.as_secs_f32()));
            }
            Err(_) => sleep(pause).await,
        }
        pause = (pause * 2).min(LONGEST);
    }
}
