//! Cells: one small value per series, read and moved only by compare-and-set.
//!
//! A cell is an entry of a JetStream key-value bucket. Reads ask the stream's leader, since a replica may lag behind.

use aria_core::series::SeriesId;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::header::NATS_ROLLUP;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::{HeaderMap, HeaderValue};
use bytes::Bytes;

use super::link::Link;
use super::reader::Placed;
use super::{BusError, text_header};

/// The header by which a bucket marks a deleted entry.
const OPERATION: &str = "KV-Operation";
const PURGE: &str = "PURGE";
const DELETE: &str = "DEL";
/// What lets a message take the place of all those before it on its subject.
const SUBJECT_ONLY: &str = "sub";

/// The cells of one bucket.
#[derive(Clone)]
pub struct Cells {
    link: Link,
    bucket: String,
}

impl std::fmt::Debug for Cells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cells").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

/// What a cell holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The value.
    pub value: Bytes,
    /// Which write it was: what [`Cells::swap`] compares with.
    pub revision: u64,
}

impl Cells {
    pub(super) fn new(link: Link, bucket: &str) -> Self {
        Self { link, bucket: bucket.to_owned() }
    }

    /// The value of a series' cell; none where it was never written.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn read(&self, series: &SeriesId) -> Result<Option<Cell>, BusError> {
        self.read_key(series.as_str()).await
    }

    pub(super) async fn read_key(&self, key: &str) -> Result<Option<Cell>, BusError> {
        let last = self.last(key).await?;
        Ok(last.filter(|m| !is_deleted(m)).map(|m| Cell { value: m.payload, revision: m.sequence }))
    }

    /// Writes a cell if its revision is still the expected one; with none expected, if it does not exist.
    /// Gives the new revision.
    ///
    /// # Errors
    /// [`BusError::Conflict`] where someone else was first: read again, decide again. Where the broker does not answer,
    /// the value may have been written all the same.
    pub async fn swap(&self, series: &SeriesId, expected: Option<u64>, value: Vec<u8>) -> Result<u64, BusError> {
        self.swap_key(series.as_str(), expected, value.into()).await
    }

    pub(super) async fn swap_key(&self, key: &str, expected: Option<u64>, value: Bytes) -> Result<u64, BusError> {
        match self.write(key, expected.unwrap_or(0), value.clone()).await {
            // An entry that an operator deleted leaves a mark with a revision of its own.
            Err(BusError::Conflict { bucket, key }) if expected.is_none() => match self.last(&key).await? {
                Some(mark) if is_deleted(&mark) => self.write(&key, mark.sequence, value).await,
                _ => Err(BusError::Conflict { bucket, key }),
            },
            outcome => outcome,
        }
    }

    /// The series that have a cell, in the order of their names.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn names(&self) -> Result<Vec<SeriesId>, BusError> {
        let subjects = self.link.subjects(&self.stream_name(), self.subject(">")).await?;
        let prefix = self.subject("");
        let keys = subjects.iter().filter_map(|subject| subject.strip_prefix(&prefix));
        let mut names = Vec::new();
        for name in keys.filter_map(|key| key.parse().ok()) {
            if self.read(&name).await?.is_some() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Takes an entry out with everything that it held.
    pub(super) async fn purge(&self, key: &str) -> Result<(), BusError> {
        let subject = self.subject(key);
        let mut headers = HeaderMap::new();
        headers.insert(OPERATION, PURGE);
        headers.insert(NATS_ROLLUP, SUBJECT_ONLY);
        let sent = self.link.publish(&subject, headers, Bytes::new()).await;
        sent.map(drop).map_err(|source| BusError::Publish { subject, source })
    }

    pub(super) async fn last(&self, key: &str) -> Result<Option<Placed>, BusError> {
        self.link.last(&self.stream_name(), &self.subject(key)).await
    }

    pub(super) async fn write(&self, key: &str, revision: u64, value: Bytes) -> Result<u64, BusError> {
        let subject = self.subject(key);
        let fault = |source: async_nats::jetstream::context::PublishError| match source.kind() {
            PublishErrorKind::WrongLastSequence => {
                BusError::Conflict { bucket: self.bucket.clone(), key: key.to_owned() }
            }
            _ => BusError::Publish { subject: subject.clone(), source },
        };
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(revision));
        self.link.publish(&subject, headers, value).await.map(|stored| stored.sequence).map_err(fault)
    }

    fn stream_name(&self) -> String {
        format!("KV_{}", self.bucket)
    }

    fn subject(&self, key: &str) -> String {
        format!("$KV.{}.{key}", self.bucket)
    }
}

fn is_deleted(message: &Placed) -> bool {
    matches!(text_header(message.headers.as_ref(), OPERATION), Some(DELETE | PURGE))
}
