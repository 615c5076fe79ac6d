//! What has to be known of a message whoever gets it next: how often it was taken up and never put down, which tells
//! one that brings its process down, and that it is given up.

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

impl Bus {
    /// Puts on record that a message is given up, and why. That is done before its chain is ended: whoever gets the
    /// message next would otherwise find it handled, and the dead letter would never be written.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub(crate) async fn condemn(&self, service: &str, sequence: u64, reason: &str) -> Result<(), BusError> {
        match self.cells(ATTEMPTS).swap_key(&condemned(service, sequence), None, reason.to_owned().into()).await {
            // Someone has given it up before; the first reason stands.
            Ok(_) | Err(BusError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Why a message is given up; none where it is not.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub(crate) async fn why_condemned(&self, service: &str, sequence: u64) -> Result<Option<String>, BusError> {
        let found = self.cells(ATTEMPTS).read_key(&condemned(service, sequence)).await?;
        Ok(found.map(|cell| String::from_utf8_lossy(&cell.value).into_owned()))
    }

    /// Strikes the record off, once the message lies with the dead letters.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub(crate) async fn strike_off(&self, service: &str, sequence: u64) -> Result<(), BusError> {
        self.cells(ATTEMPTS).purge(&condemned(service, sequence)).await
    }
}

fn condemned(service: &str, sequence: u64) -> String {
    format!("{service}.{sequence}.condemned")
}

fn key(service: &str, sequence: u64) -> String {
    format!("{service}.{sequence}")
}
