//! The mark of the event log, by which it knows the store that it belongs to.

use async_nats::jetstream::kv::CreateErrorKind;

use super::setup::PLATFORM;
use super::{Bus, BusError};

const KEY: &str = "store";

impl Bus {
    /// The mark of the store that the log belongs to; none before one was given.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub(crate) async fn mark(&self) -> Result<Option<String>, BusError> {
        let found =
            self.bucket(PLATFORM).await?.get(KEY).await.map_err(|e| BusError::client("read the log's mark", e))?;
        Ok(found.map(|mark| String::from_utf8_lossy(&mark).into_owned()))
    }

    /// Gives the log a mark, unless someone else was first; gives the one that it has.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub(crate) async fn give_mark(&self, mark: &str) -> Result<String, BusError> {
        match self.bucket(PLATFORM).await?.create(KEY, mark.to_owned().into()).await {
            Ok(_) => Ok(mark.to_owned()),
            Err(error) if error.kind() == CreateErrorKind::AlreadyExists => {
                Ok(self.mark().await?.unwrap_or_else(|| mark.to_owned()))
            }
            Err(error) => Err(BusError::client("mark the log", error)),
        }
    }
}
