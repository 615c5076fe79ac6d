//! Waits until a platform has nothing left to do, and tells what is stuck where it does not come to that.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::sync::watch;
use tokio::time::Instant;

use super::record;
use super::world::World;
use crate::until;

/// Waits until every batch has ended and every consumer is done.
///
/// # Errors
/// After `patience`, with what is left.
pub async fn drain(world: &World, batches: u64, mut ended: watch::Receiver<u64>, patience: Duration) -> Result<()> {
    let deadline = Instant::now() + patience;
    let all =
        tokio::time::timeout(patience, ended.wait_for(|ended| *ended >= batches)).await.is_ok_and(|seen| seen.is_ok());
    let how_many = *ended.borrow();
    let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
    let done = until("the consumers to be done", left, async || done(world).await).await;
    match (all, done) {
        (true, done) => done,
        (false, Ok(())) => {
            anyhow::bail!("{how_many} of {batches} batches have ended, and nobody has anything left to do")
        }
        (false, Err(left)) => anyhow::bail!("{how_many} of {batches} batches have ended; {left:#}"),
    }
}

/// Nothing is under way: asked twice, for what one consumer does is the next one's work.
async fn done(world: &World) -> Result<()> {
    let context = record::jetstream(world).await?;
    let before = record::last_sequence(&context).await?;
    for _ in 0..2 {
        let consumers = record::consumers(&context).await?;
        let busy: Vec<String> = consumers
            .iter()
            .filter(|consumer| !consumer.is_done())
            .map(|consumer| {
                format!("{} has {} pending and {} in hand", consumer.service, consumer.pending, consumer.in_hand)
            })
            .collect();
        ensure!(busy.is_empty(), "{}", busy.join(", "));
    }
    ensure!(record::last_sequence(&context).await? == before, "somebody publishes");
    Ok(())
}
