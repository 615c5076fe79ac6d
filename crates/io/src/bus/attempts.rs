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
        let (bucket, key) = (self.bucket(ATTEMPTS).await?, key(service, sequence));
        let found = bucket.get(&key).await.map_err(|e| BusError::client("read a record of attempts", e))?;
        // What is no number was not written here, and says nothing.
        let before: u64 = found.and_then(|text| std::str::from_utf8(&text).ok()?.parse().ok()).unwrap_or(0);
        let times = before.saturating_add(1);
        bucket
            .put(&key, times.to_string().into())
            .await
            .map_err(|e| BusError::client("write a record of attempts", e))?;
        Ok(times)
    }

    /// Notes that the process outlived a message.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub(crate) async fn put_down(&self, service: &str, sequence: u64) -> Result<(), BusError> {
        let bucket = self.bucket(ATTEMPTS).await?;
        bucket.purge(key(service, sequence)).await.map_err(|e| BusError::client("strike off a record of attempts", e))
    }
}

fn key(service: &str, sequence: u64) -> String {
    format!("{service}.{sequence}")
}
