//! How much of the broker's store is in use.

use super::{Bus, BusError};

/// How much of the broker's store is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Bytes in use.
    pub used: u64,
    /// The most; none where the broker names no bound.
    pub most: Option<u64>,
}

impl Bus {
    /// How much of the broker's store this account uses, of how much.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn storage(&self) -> Result<Storage, BusError> {
        let account = self.jetstream()?.query_account().await;
        let account = account.map_err(|error| BusError::client("ask for the account", error))?;
        Ok(Storage {
            used: account.storage,
            most: account.limits.max_storage.and_then(|most| u64::try_from(most).ok()).filter(|most| *most > 0),
        })
    }
}
