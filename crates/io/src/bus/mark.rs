//! The mark of the event log, by which it knows the store that it belongs to.

use super::setup::PLATFORM;
use super::{Bus, BusError};

const KEY: &str = "store";

impl Bus {
    /// The mark of the store that the log belongs to; none before one was given.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub(crate) async fn mark(&self) -> Result<Option<String>, BusError> {
        let found = self.cells(PLATFORM).read_key(KEY).await?;
        Ok(found.map(|mark| String::from_utf8_lossy(&mark.value).into_owned()))
    }

    /// Gives the log a mark, unless someone else was first; gives the one that it has.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub(crate) async fn give_mark(&self, mark: &str) -> Result<String, BusError> {
        match self.cells(PLATFORM).swap_key(KEY, None, mark.to_owned().into()).await {
            Ok(_) => Ok(mark.to_owned()),
            Err(BusError::Conflict { .. }) => Ok(self.mark().await?.unwrap_or_else(|| mark.to_owned())),
            Err(error) => Err(error),
        }
    }
}
