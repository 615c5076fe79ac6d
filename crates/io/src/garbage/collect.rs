//! Deleting: in rounds, each put on record before it begins and struck off when it is over.

use std::sync::Arc;
use std::time::Duration;

use aria_core::artifact::Ref;
use aria_core::garbage::{Condemned, MOST_CONDEMNED, Stored};
use aria_core::time::Timestamp;
use futures::future::BoxFuture;
use futures::stream::{StreamExt, TryStreamExt, iter};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::warn;

use crate::artifacts::{Artifacts, OnRecord, Record, RecordError, StoreError};
use crate::bus::{Bus, BusError};

/// Objects looked at and deleted at once.
const AT_ONCE: usize = 8;
/// How often a collector looks whether another one's deletion is over.
const PAUSE: Duration = Duration::from_millis(200);

/// Who deletes artifacts. There is one at a time: a second one finds the record moved and stops.
pub struct Collector<'a> {
    artifacts: &'a Artifacts,
    record: &'a dyn Record,
    lease_seconds: u32,
    revision: u64,
    /// When the record was taken, by its keeper's clock.
    begun: Timestamp,
    watcher: Option<Watcher>,
}

/// Whoever wants to know how far a deletion has come, and holds it up while it is told.
pub type Watcher = Arc<dyn Fn(Moment) -> BoxFuture<'static, ()> + Send + Sync>;

/// A moment of a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The artifacts of a round are on record, and none has been looked at.
    Condemned,
    /// An artifact was found as old as it was listed, and is about to be deleted.
    Looked(Ref),
}

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collection {
    /// Artifacts that are gone.
    pub deleted: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Artifacts that were stored again or deleted since they were listed, and are left alone.
    pub spared: u64,
}

/// A deletion that stopped. What it put on record stays there until it is over for sure.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The store did not do its part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The record cannot be read or written.
    #[error("the record of what is about to be deleted cannot be used: {0}")]
    Record(#[source] RecordError),
    /// Another collector is at work.
    #[error("another collection of garbage is at work: let it end, then run this again")]
    Another,
    /// What was begun was not done within the lease.
    #[error("the store takes more than {lease_seconds} s to delete an artifact: give a longer --lease")]
    TooSlow {
        /// The lease.
        lease_seconds: u32,
    },
}

impl<'a> Collector<'a> {
    /// Takes the record over, once no other deletion can be under way. One that was cut off is waited out.
    ///
    /// # Errors
    /// Where another collector is at work, or the record cannot be used.
    pub async fn begin(
        artifacts: &'a Artifacts,
        record: &'a dyn Record,
        lease_seconds: u32,
    ) -> Result<Self, CollectError> {
        let before = record.read().await.map_err(CollectError::Record)?;
        if let Some(before) = &before {
            wait_out(record, before).await?;
        }
        let none = Condemned { lease_seconds, ..Condemned::default() };
        let written = record.write(before.map(|before| before.revision), &none).await.map_err(CollectError::Record)?;
        let revision = written.ok_or(CollectError::Another)?;
        let found = record.read().await.map_err(CollectError::Record)?;
        let found = found.filter(|found| found.revision == revision).ok_or(CollectError::Another)?;
        Ok(Self { artifacts, record, lease_seconds, revision, begun: found.written, watcher: None })
    }

    /// Tells somebody of every moment, who holds it up until then.
    pub fn watched(mut self, watcher: Watcher) -> Self {
        self.watcher = Some(watcher);
        self
    }

    /// When it began, by the clock of whoever keeps the record.
    pub fn begun(&self) -> Timestamp {
        self.begun
    }

    /// Deletes artifacts, but for those that were stored again since they were listed; tells of each round.
    ///
    /// # Errors
    /// Where another collector took over, the store or the record fails, or a deletion takes longer than the lease.
    pub async fn delete(
        &mut self,
        doomed: &[Stored],
        mut told: impl FnMut(&Collection),
    ) -> Result<Collection, CollectError> {
        let (mut all, mut rest) = (Collection::default(), doomed);
        while !rest.is_empty() {
            let round = rest.get(..MOST_CONDEMNED).unwrap_or(rest);
            let Collection { deleted, bytes, spared } = self.round(round).await?;
            let done = usize::try_from(deleted + spared).unwrap_or(usize::MAX);
            rest = rest.get(done..).unwrap_or_default();
            all.deleted += deleted;
            all.bytes += bytes;
            all.spared += spared;
            told(&all);
        }
        Ok(all)
    }

    /// One round, of as many of these as can be begun in half of the lease, from the first on; at least one.
    async fn round(&mut self, round: &[Stored]) -> Result<Collection, CollectError> {
        // From before the record is written: it is over before anybody may think that it is.
        let (now, lease) = (Instant::now(), Duration::from_secs(u64::from(self.lease_seconds)));
        let keys = round.iter().map(|stored| stored.name.key()).collect();
        self.write(Condemned { keys, lease_seconds: self.lease_seconds }).await?;
        self.tell(Moment::Condemned).await;
        let collected = timeout_at(now + lease, self.delete_all(round, now + lease / 2)).await;
        // Where it failed, an answer that was not waited for may still be carried out: the record stays.
        let collected = collected.map_err(|_| CollectError::TooSlow { lease_seconds: self.lease_seconds })??;
        self.write(Condemned { lease_seconds: self.lease_seconds, ..Condemned::default() }).await?;
        Ok(collected)
    }

    async fn delete_all(&self, round: &[Stored], last_begin: Instant) -> Result<Collection, StoreError> {
        let in_time = |(i, _): &(usize, &Stored)| *i == 0 || Instant::now() < last_begin;
        let begun = round.iter().enumerate().take_while(in_time);
        let deletions = iter(begun).map(|(_, stored)| self.delete_one(stored)).buffer_unordered(AT_ONCE);
        let add = |mut all: Collection, bytes: Option<u64>| async move {
            match bytes {
                Some(bytes) => (all.deleted, all.bytes) = (all.deleted + 1, all.bytes + bytes),
                None => all.spared += 1,
            }
            Ok(all)
        };
        deletions.try_fold(Collection::default(), add).await
    }

    /// Deletes an artifact that is as it was listed; gives its length, or none where it is another or gone.
    async fn delete_one(&self, stored: &Stored) -> Result<Option<u64>, StoreError> {
        if self.artifacts.written(&stored.name).await? != Some(stored.modified) {
            return Ok(None);
        }
        self.tell(Moment::Looked(stored.name.clone())).await;
        self.artifacts.delete(&stored.name).await?;
        Ok(Some(stored.name.size_bytes))
    }

    async fn write(&mut self, condemned: Condemned) -> Result<(), CollectError> {
        let written = self.record.write(Some(self.revision), &condemned).await.map_err(CollectError::Record)?;
        self.revision = written.ok_or(CollectError::Another)?;
        Ok(())
    }

    async fn tell(&self, moment: Moment) {
        if let Some(watcher) = &self.watcher {
            watcher(moment).await;
        }
    }
}

/// Deletes messages of the log, one after the other in its order; tells how many are gone.
///
/// # Errors
/// Where the broker does not do it. What is gone by then need not have stayed for what is not.
pub async fn clear_log(bus: &Bus, messages: &[u64], mut told: impl FnMut(usize)) -> Result<(), BusError> {
    for (i, sequence) in messages.iter().enumerate() {
        bus.delete_message(*sequence).await?;
        told(i + 1);
    }
    Ok(())
}

/// Waits until nobody deletes by a record any more; an error where it moves meanwhile, since then somebody is at work.
async fn wait_out(record: &dyn Record, before: &OnRecord) -> Result<(), CollectError> {
    if before.condemned.keys.is_empty() {
        return Ok(());
    }
    let seconds = before.condemned.over_after_seconds();
    warn!(artifacts = before.condemned.keys.len(), seconds, "waiting out a collection that is at work or was cut off");
    let over = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < over {
        sleep(PAUSE).await;
        let now = record.read().await.map_err(CollectError::Record)?;
        if now.is_none_or(|now| now.revision != before.revision) {
            return Err(CollectError::Another);
        }
    }
    Ok(())
}
