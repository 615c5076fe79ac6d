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
        let (cells, key) = (self.cells(ATTEMPTS), key(service, sequence));
        let found = cells.read_key(&key).await?;
        // What is no number was not written here, and says nothing.
        let before = found.as_ref().and_then(|cell| std::str::from_utf8(&cell.value).ok()?.parse::<u64>().ok());
        let times = before.unwrap_or(0).saturating_add(1);
        cells.swap_key(&key, found.map(|cell| cell.revision), times.to_string().into()).await?;
        Ok(times)
    }

    /// Notes that the process outlived a message.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub(crate) async fn put_down(&self, service: &str, sequence: u64) -> Result<(), BusError> {
        self.cells(ATTEMPTS).purge(&key(service, sequence)).await
    }
}

fn key(service: &str, sequence: u64) -> String {
    format!("{service}.{sequence}")
}
