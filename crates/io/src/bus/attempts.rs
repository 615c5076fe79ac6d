//! How often a message was taken up and never put down: what tells one that brings its process down, which leaves no
//! other trace.

use super::setup::ATTEMPTS;
use super::{Bus, BusError};

impl Bus {
    /// Puts on record that a service takes a message up; gives how often it has been, this time included, since it was
    /// put down last.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub(crate) async fn take_up(&self, service: &str, sequence: u64) -> Result<u64, BusError> {
        let (bucket, key) = (self.attempts().await?, key(service, sequence));
        let found = bucket.get(&key).await.map_err(|e| fault("read a record of attempts", e))?;
        // What is no number was not written here, and says nothing.
        let before: u64 = found.and_then(|text| std::str::from_utf8(&text).ok()?.parse().ok()).unwrap_or(0);
        let times = before.saturating_add(1);
        bucket.put(&key, times.to_string().into()).await.map_err(|e| fault("write a record of attempts", e))?;
        Ok(times)
    }

    /// Notes that the process outlived a message.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub(crate) async fn put_down(&self, service: &str, sequence: u64) -> Result<(), BusError> {
        let bucket = self.attempts().await?;
        bucket.purge(key(service, sequence)).await.map_err(|e| fault("strike off a record of attempts", e))
    }

    async fn attempts(&self) -> Result<async_nats::jetstream::kv::Store, BusError> {
        self.jetstream.get_key_value(ATTEMPTS).await.map_err(|e| fault("open the records of attempts", e))
    }
}

fn key(service: &str, sequence: u64) -> String {
    format!("{service}.{sequence}")
}

fn fault(action: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> BusError {
    BusError::Client { action, source: source.into() }
}
