//! A store in memory whose requests fail by chance, as a server's do.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::chance::{Chance, Failure, others_first};

/// One process' way to the store that all share.
#[derive(Debug)]
pub(super) struct Unreliable {
    store: Arc<InMemory>,
    chance: Chance,
}

impl Unreliable {
    pub(super) fn new(store: &Arc<InMemory>, chance: &Chance) -> Self {
        Self { store: Arc::clone(store), chance: chance.clone() }
    }

    /// A point at which the request may fail.
    async fn arrives(&self) -> Result<()> {
        others_first().await;
        if !self.chance.fails(Failure::Store) {
            return Ok(());
        }
        Err(Error::Generic { store: "simulated", source: "503 Slow Down".into() })
    }
}

impl fmt::Display for Unreliable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a store that fails by chance")
    }
}

#[async_trait]
impl ObjectStore for Unreliable {
    async fn put_opts(&self, path: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.arrives().await?;
        let stored = self.store.put_opts(path, payload, options).await;
        self.arrives().await?;
        stored
    }

    async fn put_multipart_opts(&self, path: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.arrives().await?;
        let mut found = self.store.get_opts(path, options).await?;
        if self.chance.fails(Failure::Spoilt) {
            let whole = Bytes::from(body(&found.meta, &self.store).await?);
            found.payload = GetResultPayload::Stream(stream::once(spoil(&self.chance, whole)).boxed());
        }
        Ok(found)
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.arrives().await?;
        self.store.get_ranges(path, ranges).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }
}

async fn body(meta: &ObjectMeta, store: &InMemory) -> Result<Vec<u8>> {
    Ok(store.get_opts(&meta.location, GetOptions::default()).await?.bytes().await?.to_vec())
}

/// The bytes with one of them changed, or with a part missing.
fn spoil(chance: &Chance, whole: Bytes) -> impl Future<Output = Result<Bytes>> + Send + 'static {
    let mut bytes = whole.to_vec();
    let place = chance.below(bytes.len());
    if chance.once_in(2) {
        bytes.truncate(place);
    } else if let Some(byte) = bytes.get_mut(place) {
        *byte ^= 1 << chance.below(8);
    }
    std::future::ready(Ok(Bytes::from(bytes)))
}
