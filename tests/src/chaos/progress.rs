//! How far a run has come: how many batches have ended, told by the log itself, past every line.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use aria_core::summary::ended;
use aria_io::bus::{Filter, Start};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::world::World;

/// While the broker is away it is asked this often.
const AGAIN: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(2);

/// Follows a run. Dropping it ends that.
#[derive(Debug)]
pub struct Progress {
    ended: watch::Receiver<u64>,
    following: JoinHandle<()>,
}

impl Progress {
    /// Follows the batches of a world.
    pub fn of(world: Arc<World>) -> Self {
        let (tell, ended) = watch::channel(0);
        let following = tokio::spawn(async move {
            let (mut known, mut next) = (BTreeSet::new(), 1);
            // Whatever goes wrong here is a broker that is away, or not yet set up.
            while follow(&world, &mut known, &mut next, &tell).await.is_err() {
                tokio::time::sleep(AGAIN).await;
            }
        });
        Self { ended, following }
    }

    /// The number of batches that have ended, now and whenever it changes.
    pub fn ended(&self) -> watch::Receiver<u64> {
        self.ended.clone()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.following.abort();
    }
}

async fn follow(world: &World, known: &mut BTreeSet<u64>, next: &mut u64, tell: &watch::Sender<u64>) -> Result<()> {
    let edges = world.edges("watch", PATIENCE).await?;
    let mut events = edges.bus.events(&Filter::all(), Start::Sequence(*next)).await?;
    while let Some(recorded) = events.next_readable().await {
        let recorded = recorded?;
        *next = recorded.sequence + 1;
        if let Some(ordinal) = ended(&recorded.event.fact) {
            known.insert(ordinal);
            tell.send_replace(known.len() as u64);
        }
    }
    anyhow::bail!("the log ended")
}
