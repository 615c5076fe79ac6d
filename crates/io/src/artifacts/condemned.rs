//! Storing next to someone who deletes: what was written is looked up in the record of what is about to be deleted, and
//! written again once that deletion is over. `aria_core::garbage::Condemned` says why one of the two sees the other.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aria_core::garbage::Condemned;
use aria_core::time::Timestamp;
use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::time::{Instant, sleep};
use tracing::info;

use super::{Artifacts, StoreError};

/// How often a writer looks whether a deletion is over.
const PAUSE: Duration = Duration::from_millis(100);

/// Where it is told what is about to be deleted.
pub trait Record: Send + Sync {
    /// What is on record; none where nobody has deleted anything yet. The answer must not be older than the question.
    fn read(&self) -> BoxFuture<'_, Result<Option<OnRecord>, RecordError>>;

    /// Puts this on record in the place of the revision that is expected, or where nothing is. Gives the new revision;
    /// none where someone else was first.
    fn write<'a>(
        &'a self,
        expected: Option<u64>,
        condemned: &'a Condemned,
    ) -> BoxFuture<'a, Result<Option<u64>, RecordError>>;
}

/// What is on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnRecord {
    /// Which write of the record it was.
    pub revision: u64,
    /// When it was written, by the clock of whoever keeps the record.
    pub written: Timestamp,
    /// What is about to be deleted.
    pub condemned: Condemned,
}

/// A record that cannot be read or written.
pub type RecordError = Box<dyn std::error::Error + Send + Sync>;

/// The record that writers look at, once there is one.
#[derive(Clone, Default)]
pub(super) struct Heeded(Arc<OnceLock<Arc<dyn Record>>>);

impl fmt::Debug for Heeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Heeded").field(&self.0.get().is_some()).finish()
    }
}

impl Artifacts {
    /// From now on looks at this record after every write; a second call changes nothing.
    pub fn heed(&self, record: Arc<dyn Record>) {
        let _ = self.heeded.0.set(record);
    }

    /// Makes sure that what was just written outlives a deletion that may be under way.
    pub(super) async fn outlive_deletion(&self, key: &str, bytes: &Bytes) -> Result<(), StoreError> {
        let Some(record) = self.heeded.0.get() else { return Ok(()) };
        let mut over = None;
        loop {
            match look(record.as_ref(), key).await? {
                None => return Ok(()),
                Some(seen) if over == Some(seen.revision) => return Ok(()),
                Some(seen) => {
                    let revision = seen.revision;
                    info!(key, revision, "what was stored is about to be deleted: it is stored again after that");
                    wait_for_end(record.as_ref(), key, &seen).await?;
                    self.overwrite(key, bytes.clone()).await?;
                    over = Some(revision);
                }
            }
        }
    }
}

/// The record, where it names the key.
async fn look(record: &dyn Record, key: &str) -> Result<Option<OnRecord>, StoreError> {
    let found =
        record.read().await.map_err(|said| StoreError::Unsure { key: key.to_owned(), said: said.to_string() })?;
    Ok(found.filter(|found| found.condemned.keys.contains(key)))
}

/// Waits until the record is another one, or has stood for so long that nobody deletes by it any more.
async fn wait_for_end(record: &dyn Record, key: &str, seen: &OnRecord) -> Result<(), StoreError> {
    let over = Instant::now() + Duration::from_secs(seen.condemned.over_after_seconds());
    while Instant::now() < over {
        sleep(PAUSE).await;
        if look(record, key).await?.is_none_or(|now| now.revision != seen.revision) {
            break;
        }
    }
    Ok(())
}
