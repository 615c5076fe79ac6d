//! Artifacts in object storage: content-addressed, never changed, verified on every read.
//!
//! What is stored again is written again, with the same bytes: its age is new then, and no collector of garbage takes
//! it for something that nobody wants.
//!
//! The only place that knows object_store. What an artifact means is not its business.

mod cache;
mod condemned;
#[doc(hidden)]
pub mod conformance;
mod error;
mod inventory;
mod location;
mod mark;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aria_core::artifact::{Artifact, Format, Kind, Ref, Sha256Hex};
use aria_core::document::{self, Document};
use aria_core::series::SeriesId;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

pub use condemned::{OnRecord, Record, RecordError};
pub use error::StoreError;
pub use inventory::Found;
pub use location::{LocationError, check_location};

use cache::Cache;
use location::Location;

const CACHE_BYTES: usize = 64 * 1024 * 1024;
const PROBE: &str = "probe/aria";

/// The artifacts of all series. Clones share the store and the memory of what was read.
#[derive(Clone)]
pub struct Artifacts {
    store: Arc<dyn ObjectStore>,
    cache: Arc<Mutex<Cache>>,
    location: Arc<str>,
    known: Arc<mark::Known>,
    heeded: condemned::Heeded,
}

/// What a store was found to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Whether it refuses to write what is there when asked to. Nothing depends on it, since the same key always means
    /// the same bytes; without it, the same artifact may be written twice.
    pub honours_conditions: bool,
}

impl Artifacts {
    /// Opens the artifacts at a location: a folder's path (made where it is missing), `file://<path>`,
    /// `s3://<bucket>[/<prefix>]` with the server and credentials in the AWS_* environment (`AWS_ENDPOINT_URL` for a
    /// server other than Amazon's), or `memory://`, which ends with the process.
    ///
    /// # Errors
    /// Where the location names no store, or a folder that cannot be opened. A server is not asked: see
    /// [`Self::check`].
    pub fn open(location: &str) -> Result<Self, StoreError> {
        let location: Location = location.parse()?;
        Ok(Self::over(location.open()?, &location))
    }

    /// Opens the artifacts at a location as [`Self::open`] does, and makes no folder.
    ///
    /// # Errors
    /// As [`Self::open`], and where the folder is not there.
    pub fn open_existing(location: &str) -> Result<Self, StoreError> {
        let parsed: Location = location.parse()?;
        if let Some(folder) = parsed.folder()
            && !folder.is_dir()
        {
            return Err(LocationError::NoFolder { path: folder.to_owned() }.into());
        }
        Ok(Self::over(parsed.open()?, &parsed))
    }

    /// Opens the artifacts at a location as [`Self::open`] does, with an S3 server's address and credentials from these
    /// settings, named as in the environment, in place of the environment's.
    ///
    /// # Errors
    /// As [`Self::open`], and where a setting is none of S3's.
    pub fn open_with(location: &str, settings: &[(String, String)]) -> Result<Self, StoreError> {
        let location: Location = location.parse()?;
        Ok(Self::over(location.open_with(settings)?, &location))
    }

    /// Artifacts in a store that is open already: in a simulation, one that fails on purpose.
    pub fn in_store(store: Arc<dyn ObjectStore>) -> Self {
        Self::over(store, &Location::Memory)
    }

    fn over(store: Arc<dyn ObjectStore>, location: &Location) -> Self {
        let known = mark::Known::of(location.folder());
        let (cache, location) = (Self::empty_cache(), location.describe().into());
        Self { store, cache, location, known: Arc::new(known), heeded: condemned::Heeded::default() }
    }

    fn empty_cache() -> Arc<Mutex<Cache>> {
        Arc::new(Mutex::new(Cache::new(CACHE_BYTES)))
    }

    /// Where they lie, without credentials.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Finds out whether the store can be written and read, and what it does beyond that.
    ///
    /// # Errors
    /// Where it cannot be written or read, or is no longer the one that it was.
    pub async fn check(&self) -> Result<Probe, StoreError> {
        self.check_folder()?;
        self.check_mark().await?;
        let (path, payload) = (Path::from(PROBE), Bytes::from_static(b"aria was here\n"));
        let fault = |error| StoreError::about(PROBE, &error);
        self.store.put(&path, payload.clone().into()).await.map_err(fault)?;
        let read = self.store.get(&path).await.map_err(fault)?.bytes().await.map_err(fault)?;
        if read != payload {
            return Err(StoreError::Corrupt { key: PROBE.to_owned() });
        }
        let honours_conditions = match self.create(&path, payload).await {
            Ok(Creation::Created) => false,
            Ok(Creation::Existed) => true,
            Err(object_store::Error::NotImplemented { .. }) => false,
            Err(error) => return Err(fault(error)),
        };
        Ok(Probe { honours_conditions })
    }

    /// Stores an artifact under its name.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn store(&self, artifact: &Artifact) -> Result<(), StoreError> {
        let Ref { kind, series, format, .. } = &artifact.name;
        self.put(*kind, series, *format, artifact.bytes.clone()).await?;
        Ok(())
    }

    /// Stores bytes and names them. Where they are there they are written again, so that they are as young as what is
    /// stored now; bytes under that name that are not the named ones, from a failing disk for example, are replaced.
    ///
    /// # Errors
    /// Where the store does not take them, or it is not known whether they are about to be deleted.
    pub async fn put(&self, kind: Kind, series: &SeriesId, format: Format, bytes: Vec<u8>) -> Result<Ref, StoreError> {
        self.check_folder()?;
        let name = Ref::of(kind, series, format, &bytes);
        let (key, bytes) = (name.key(), Bytes::from(bytes));
        match self.create(&Path::from(key.as_str()), bytes.clone()).await {
            Ok(Creation::Created) => {}
            // A server answers a conflict of two writers in the same way, and may then hold neither's bytes.
            Ok(Creation::Existed) => self.overwrite(&key, bytes.clone()).await?,
            // Conditions were switched off for a server without them: writing the same bytes again is harmless.
            Err(object_store::Error::NotImplemented { .. }) => self.overwrite(&key, bytes.clone()).await?,
            Err(error) => return Err(StoreError::about(&key, &error)),
        }
        self.outlive_deletion(&key, &bytes).await?;
        self.remember(&name, bytes);
        Ok(name)
    }

    /// The bytes of an artifact, verified against its name.
    ///
    /// # Errors
    /// Where it is missing, its bytes are not the named ones, or the store cannot be read.
    pub async fn get(&self, name: &Ref) -> Result<Bytes, StoreError> {
        if let Some(bytes) = self.recall(name) {
            return Ok(bytes);
        }
        self.check_folder()?;
        let bytes = match self.look(name).await? {
            Lying::Intact(bytes) => bytes,
            // Once more: the fault may lie in the transfer, or the bytes are being mended.
            Lying::Other(first) => match self.look(name).await? {
                Lying::Intact(bytes) => bytes,
                Lying::Other(second) if second == first => return Err(StoreError::Corrupt { key: name.key() }),
                Lying::Other(_) => return Err(StoreError::Garbled { key: name.key() }),
            },
        };
        self.remember(name, bytes.clone());
        Ok(bytes)
    }

    /// Stores a document if it is not there yet, and names it.
    ///
    /// # Errors
    /// Where it has no JSON form, or the store does not take it.
    pub async fn put_document<T: Document>(
        &self,
        series: &SeriesId,
        kind: Kind,
        document: &T,
    ) -> Result<Ref, StoreError> {
        let bytes = document::encode(document).map_err(StoreError::Unwritable)?;
        self.put(kind, series, Format::Json, bytes).await
    }

    /// Reads a document.
    ///
    /// # Errors
    /// Where [`Self::get`] fails, or the bytes are no such document.
    pub async fn get_document<T: Document>(&self, name: &Ref) -> Result<T, StoreError> {
        let bytes = self.get(name).await?;
        document::decode(&bytes).map_err(|source| StoreError::Document { key: name.key(), source })
    }

    /// The names of a series' artifacts of one kind, in no particular order; for operators, since a step is told by its
    /// event what to read. Whatever else lies there is passed over.
    pub fn list(&self, kind: Kind, series: &SeriesId) -> BoxStream<'static, Result<Ref, StoreError>> {
        let folder = format!("{}/{series}", kind.as_str());
        let series = series.clone();
        let names = self.store.list(Some(&Path::from(folder.as_str()))).filter_map(move |found| {
            let name = match found {
                Ok(found) => named(kind, &series, &found).map(Ok),
                Err(error) => Some(Err(StoreError::about(&folder, &error))),
            };
            std::future::ready(name)
        });
        names.boxed()
    }

    async fn create(&self, path: &Path, bytes: Bytes) -> Result<Creation, object_store::Error> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(path, PutPayload::from(bytes), options).await {
            Ok(_) => Ok(Creation::Created),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Ok(Creation::Existed)
            }
            Err(error) => Err(error),
        }
    }

    async fn overwrite(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        let written = self.store.put(&Path::from(key), bytes.into()).await;
        written.map(|_| ()).map_err(|error| StoreError::about(key, &error))
    }

    async fn look(&self, name: &Ref) -> Result<Lying, StoreError> {
        let key = name.key();
        let fault = |error| StoreError::about(&key, &error);
        let found = self.store.get(&Path::from(key.as_str())).await.map_err(fault)?;
        // Before the body is read, so that memory is bounded by the length that is named.
        if found.meta.size != name.size_bytes {
            return Ok(Lying::Other(Other::Length(found.meta.size)));
        }
        let bytes = found.bytes().await.map_err(fault)?;
        let digest = Sha256Hex::of(&bytes);
        Ok(if digest == name.sha256 { Lying::Intact(bytes) } else { Lying::Other(Other::Digest(digest)) })
    }

    fn recall(&self, name: &Ref) -> Option<Bytes> {
        let found = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(&name.sha256)?;
        (found.len() as u64 == name.size_bytes).then_some(found)
    }

    fn forget(&self, name: &Ref) {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).remove(&name.sha256);
    }

    fn remember(&self, name: &Ref, bytes: Bytes) {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).insert(&name.sha256, bytes);
    }
}

impl fmt::Debug for Artifacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Artifacts").field("location", &self.location).finish_non_exhaustive()
    }
}

/// What lies under a name.
enum Lying {
    /// The named bytes.
    Intact(Bytes),
    /// Others.
    Other(Other),
}

/// By what bytes that are not the named ones are known again.
#[derive(PartialEq)]
enum Other {
    Length(u64),
    Digest(Sha256Hex),
}

enum Creation {
    Created,
    Existed,
}

fn named(kind: Kind, series: &SeriesId, found: &ObjectMeta) -> Option<Ref> {
    let (digest, ending) = found.location.filename()?.split_once('.')?;
    let format = Format::from_ending(ending)?;
    let name = Ref { kind, series: series.clone(), sha256: digest.parse().ok()?, format, size_bytes: found.size };
    (name.key() == found.location.as_ref()).then_some(name)
}
