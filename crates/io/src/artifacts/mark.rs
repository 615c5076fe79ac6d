//! The mark of a store, by which it is known again: a store without it is not the one whose artifacts are named.

use std::path::PathBuf;
use std::sync::OnceLock;

use bytes::Bytes;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::{Artifacts, StoreError};

const MARK: &str = "aria/mark";

/// What is known of the store that artifacts are to lie in.
#[derive(Debug)]
pub(super) struct Known {
    mark: OnceLock<String>,
    /// The store's folder, where it is one.
    folder: Option<PathBuf>,
}

impl Known {
    /// A store, perhaps in a folder, whose mark is not known.
    pub(super) fn of(folder: Option<&std::path::Path>) -> Self {
        Self { mark: OnceLock::new(), folder: folder.map(Into::into) }
    }
}

impl Artifacts {
    /// The mark of the store; none before it was given one.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub(crate) async fn mark(&self) -> Result<Option<String>, StoreError> {
        let fault = |error| StoreError::about(MARK, &error);
        match self.store.get(&Path::from(MARK)).await {
            Ok(found) => Ok(Some(String::from_utf8_lossy(&found.bytes().await.map_err(fault)?).into_owned())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(fault(error)),
        }
    }

    /// Gives the store a mark.
    ///
    /// # Errors
    /// Where the store does not take it, or holds another one.
    pub(crate) async fn give_mark(&self, mark: &str) -> Result<(), StoreError> {
        self.create(&Path::from(MARK), Bytes::from(mark.to_owned()))
            .await
            .map_err(|error| StoreError::about(MARK, &error))?;
        self.expect_mark(mark);
        self.check_mark().await
    }

    /// From now on works only with the store of this mark; a second call changes nothing.
    pub(crate) fn expect_mark(&self, mark: &str) {
        let _ = self.known.mark.set(mark.to_owned());
    }

    /// Finds out whether the store still is the one that it was.
    pub(super) async fn check_mark(&self) -> Result<(), StoreError> {
        let Some(expected) = self.known.mark.get() else { return Ok(()) };
        if self.mark().await?.as_ref() == Some(expected) { Ok(()) } else { Err(self.other_store()) }
    }

    /// The same of a folder, at once: its client makes a folder anew that is gone, and what was stored in it would be
    /// gone when the right one is back.
    pub(super) fn check_folder(&self) -> Result<(), StoreError> {
        let (Some(folder), Some(_)) = (&self.known.folder, self.known.mark.get()) else { return Ok(()) };
        if folder.join(MARK).is_file() { Ok(()) } else { Err(self.other_store()) }
    }

    fn other_store(&self) -> StoreError {
        StoreError::Other { location: self.location.to_string() }
    }
}
