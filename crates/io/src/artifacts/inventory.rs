//! What lies in the store, and how it is taken out: for whoever decides what is garbage, and nobody else.

use aria_core::artifact::{Kind, Ref};
use aria_core::garbage::Stored;
use aria_core::time::Timestamp;
use futures::stream::{BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};

use super::{Artifacts, PROBE, StoreError, named};

/// An object of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// An artifact.
    Artifact(Stored),
    /// Something that does not bear an artifact's name.
    Foreign {
        /// Its key.
        key: String,
        /// Its length.
        size_bytes: u64,
        /// When it was written last.
        modified: Timestamp,
    },
}

impl Artifacts {
    /// Everything that lies in the store, in no particular order.
    pub fn everything(&self) -> BoxStream<'static, Result<Found, StoreError>> {
        let found = self.store.list(None).map(|found| match found {
            Ok(found) => Ok(classify(&found)),
            Err(error) => Err(StoreError::about("", &error)),
        });
        found.boxed()
    }

    /// When an artifact was written last, by the store's clock; none where it is not there.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn written(&self, name: &Ref) -> Result<Option<Timestamp>, StoreError> {
        let key = name.key();
        match self.store.head(&Path::from(key.as_str())).await {
            Ok(found) => Ok(Some(time(&found))),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(StoreError::about(&key, &error)),
        }
    }

    /// The time by the store's clock, as it stamps what is written now.
    ///
    /// # Errors
    /// Where it cannot be written or read, or is no longer the one that it was.
    pub async fn clock(&self) -> Result<Timestamp, StoreError> {
        self.check().await?;
        let found = self.store.head(&Path::from(PROBE)).await.map_err(|error| StoreError::about(PROBE, &error))?;
        Ok(time(&found))
    }

    /// Deletes an artifact; one that is not there is no fault. Only for what is on record as about to be deleted.
    ///
    /// # Errors
    /// Where the store does not do it, or is no longer the one that it was.
    pub async fn delete(&self, name: &Ref) -> Result<(), StoreError> {
        self.check_folder()?;
        let key = name.key();
        self.forget(name);
        match self.store.delete(&Path::from(key.as_str())).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(StoreError::about(&key, &error)),
        }
    }
}

fn classify(found: &ObjectMeta) -> Found {
    let modified = time(found);
    match artifact(found) {
        Some(name) => Found::Artifact(Stored { name, modified }),
        None => Found::Foreign { key: found.location.to_string(), size_bytes: found.size, modified },
    }
}

/// The name of an artifact, where the key is exactly one's.
fn artifact(found: &ObjectMeta) -> Option<Ref> {
    let mut parts = found.location.as_ref().split('/');
    let (kind, series) = (parts.next()?, parts.next()?);
    let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind)?;
    named(kind, &series.parse().ok()?, found)
}

/// When an object was written last, in whole seconds: lists tell more of it than single answers do.
fn time(found: &ObjectMeta) -> Timestamp {
    // A clock outside the years 1900 to 2199 stamps what never grows old.
    Timestamp::from_seconds(found.last_modified.timestamp()).unwrap_or(Timestamp::EPOCH.plus(i64::MAX))
}
