//! The streams and buckets that Aria needs: made or brought up to date by one privileged step, then only used.

use async_nats::jetstream::kv;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use tracing::info;

use super::link::Link;
use super::{Bus, BusError};
use crate::contracts::ALL_SUBJECTS;

/// The stream of all events.
pub(crate) const STREAM: &str = "ARIA";

/// The bucket with the newest snapshot of every series.
pub const HEADS: &str = "heads";
/// The bucket with the state of every drift monitor.
pub const MONITORS: &str = "monitors";
/// The bucket of how far the batches of every series have come to their ends.
pub const ENDINGS: &str = "endings";
/// The bucket with the serving model of every series.
pub const REGISTRY: &str = "registry";

/// The bucket of messages that were taken up and not yet put down.
pub(super) const ATTEMPTS: &str = "attempts";

/// The bucket of what the platform knows of itself.
pub(super) const PLATFORM: &str = "platform";

const BUCKETS: [(&str, &str); 6] = [
    (HEADS, "The newest snapshot of every series"),
    (MONITORS, "The state of every drift monitor"),
    (ENDINGS, "How far the batches of every series have come to their ends"),
    (REGISTRY, "The serving model of every series"),
    (PLATFORM, "What the platform knows of itself"),
    (ATTEMPTS, "Messages that were taken up and not yet put down"),
];

const HISTORY: i64 = 16;
const LARGEST_CELL_BYTES: i32 = 512 << 10;

impl Bus {
    /// Makes the stream and the buckets, or brings them up to date; doing it again changes nothing.
    ///
    /// # Errors
    /// Where the broker refuses, or silently keeps other settings than those asked for.
    pub async fn ensure(&self) -> Result<(), BusError> {
        if matches!(self.link, Link::Memory(_)) {
            return Ok(());
        }
        let wanted = self.stream_config();
        let made = self
            .jetstream()?
            .create_or_update_stream(wanted.clone())
            .await
            .map_err(|source| BusError::Stream { stream: STREAM.to_owned(), source })?;
        compare(&wanted, &made.config)?;
        for (bucket, description) in BUCKETS {
            self.ensure_bucket(bucket, description).await?;
        }
        info!(stream = STREAM, buckets = BUCKETS.len(), "the broker is set up");
        Ok(())
    }

    fn stream_config(&self) -> Config {
        Config {
            name: STREAM.to_owned(),
            description: Some("Aria's facts and dead letters".to_owned()),
            subjects: vec![ALL_SUBJECTS.to_owned()],
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            discard: DiscardPolicy::Old,
            max_age: self.config.max_age,
            duplicate_window: self.config.duplicate_window,
            num_replicas: self.config.replicas,
            allow_direct: true,
            max_messages: -1,
            max_messages_per_subject: -1,
            max_bytes: -1,
            max_consumers: -1,
            max_message_size: -1,
            ..Config::default()
        }
    }

    async fn ensure_bucket(&self, bucket: &str, description: &str) -> Result<(), BusError> {
        let wanted = kv::Config {
            bucket: bucket.to_owned(),
            description: description.to_owned(),
            history: HISTORY,
            max_value_size: LARGEST_CELL_BYTES,
            max_bytes: -1,
            storage: StorageType::File,
            num_replicas: self.config.replicas,
            ..kv::Config::default()
        };
        let store = self
            .jetstream()?
            .create_or_update_key_value(wanted)
            .await
            .map_err(|source| BusError::Bucket { bucket: bucket.to_owned(), source })?;
        let found = &store.stream.cached_info().config;
        same(&found.name, "max_msgs_per_subject", &HISTORY, &found.max_messages_per_subject)?;
        same(&found.name, "max_msg_size", &LARGEST_CELL_BYTES, &found.max_message_size)?;
        same(&found.name, "num_replicas", &self.config.replicas, &found.num_replicas)
    }
}

/// A broker drops settings it does not know without a word, so its answer is compared with the request.
fn compare(wanted: &Config, found: &Config) -> Result<(), BusError> {
    let stream = &wanted.name;
    same(stream, "subjects", &wanted.subjects, &found.subjects)?;
    same(stream, "retention", &wanted.retention, &found.retention)?;
    same(stream, "storage", &wanted.storage, &found.storage)?;
    same(stream, "max_age", &wanted.max_age, &found.max_age)?;
    same(stream, "duplicate_window", &wanted.duplicate_window, &found.duplicate_window)?;
    same(stream, "num_replicas", &wanted.num_replicas, &found.num_replicas)?;
    same(stream, "allow_direct", &wanted.allow_direct, &found.allow_direct)
}

fn same<T: PartialEq + std::fmt::Debug>(
    stream: &str,
    setting: &'static str,
    wanted: &T,
    found: &T,
) -> Result<(), BusError> {
    if wanted == found {
        return Ok(());
    }
    let (wanted, found) = (format!("{wanted:?}"), format!("{found:?}"));
    Err(BusError::Ignored { stream: stream.to_owned(), setting, wanted, found })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_setting_that_the_broker_dropped_is_named() {
        let wanted = Config { name: STREAM.to_owned(), duplicate_window: Duration::from_secs(60), ..Config::default() };
        let found = Config { duplicate_window: Duration::ZERO, ..wanted.clone() };
        let fault = compare(&wanted, &found).unwrap_err();
        assert!(matches!(fault, BusError::Ignored { setting: "duplicate_window", .. }));
    }
}
