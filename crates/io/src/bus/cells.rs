//! Cells: one small value per series, read and moved only by compare-and-set.
//!
//! A cell is an entry of a JetStream key-value bucket. Reads ask the stream's leader, since a replica may lag behind.

use aria_core::series::SeriesId;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::jetstream::context::{Context, PublishErrorKind};
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_nats::{HeaderMap, HeaderValue};
use bytes::Bytes;
use futures::TryStreamExt;

use super::{BusError, open, text_header};

/// The header by which a bucket marks a deleted entry.
const OPERATION: &str = "KV-Operation";

/// The cells of one bucket.
#[derive(Clone, Debug)]
pub struct Cells {
    jetstream: Context,
    bucket: String,
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
    pub(super) fn new(jetstream: Context, bucket: &str) -> Self {
        Self { jetstream, bucket: bucket.to_owned() }
    }

    /// The value of a series' cell; none where it was never written.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn read(&self, series: &SeriesId) -> Result<Option<Cell>, BusError> {
        let last = self.last(series.as_str()).await?;
        Ok(last.filter(|m| !is_deleted(m)).map(|m| Cell { value: m.payload, revision: m.sequence }))
    }

    /// Writes a cell if its revision is still the expected one; with none expected, if it does not exist.
    /// Gives the new revision.
    ///
    /// # Errors
    /// [`BusError::Conflict`] where someone else was first: read again, decide again. Where the broker does not answer,
    /// the value may have been written all the same.
    pub async fn swap(&self, series: &SeriesId, expected: Option<u64>, value: Vec<u8>) -> Result<u64, BusError> {
        let value = Bytes::from(value);
        match self.write(series.as_str(), expected.unwrap_or(0), value.clone()).await {
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
        let stream = self.stream_name();
        let fault = |source| BusError::State { stream: stream.clone(), source };
        let handle = open(&self.jetstream, &stream).await?;
        let subjects = handle.info_with_subjects(self.subject(">")).await.map_err(fault)?;
        let subjects: Vec<(String, usize)> = subjects.try_collect().await.map_err(fault)?;
        let prefix = self.subject("");
        let keys = subjects.iter().filter_map(|(subject, _)| subject.strip_prefix(&prefix));
        let mut names = Vec::new();
        for name in keys.filter_map(|key| key.parse().ok()) {
            if self.read(&name).await?.is_some() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    async fn last(&self, key: &str) -> Result<Option<StreamMessage>, BusError> {
        let subject = self.subject(key);
        let stream = open(&self.jetstream, &self.stream_name()).await?;
        match stream.get_last_raw_message_by_subject(&subject).await {
            Ok(message) => Ok(Some(message)),
            Err(source) if source.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(source) => Err(BusError::Read { subject, source }),
        }
    }

    async fn write(&self, key: &str, revision: u64, value: Bytes) -> Result<u64, BusError> {
        let subject = self.subject(key);
        let fault = |source: async_nats::jetstream::context::PublishError| match source.kind() {
            PublishErrorKind::WrongLastSequence => {
                BusError::Conflict { bucket: self.bucket.clone(), key: key.to_owned() }
            }
            _ => BusError::Publish { subject: subject.clone(), source },
        };
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(revision));
        let sent = self.jetstream.publish_with_headers(subject.clone(), headers, value).await.map_err(fault)?;
        sent.await.map(|stored| stored.sequence).map_err(fault)
    }

    fn stream_name(&self) -> String {
        format!("KV_{}", self.bucket)
    }

    fn subject(&self, key: &str) -> String {
        format!("$KV.{}.{key}", self.bucket)
    }
}

fn is_deleted(message: &StreamMessage) -> bool {
    matches!(text_header(Some(&message.headers), OPERATION), Some("DEL" | "PURGE"))
}
