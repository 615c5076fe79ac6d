//! The memory that checking batches takes: the largest uploads are worked on one after the other, however many hands
//! there are, and small ones beside them.

use std::sync::Arc;

use aria_core::artifact::{Format, Ref};
use aria_core::series::Definition;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const MIB: u64 = 1 << 20;
/// The bytes of uploads that are checked at once, where no series allows a larger one.
const LEAST: u64 = 256 * MIB;

/// Room for the batches that are being checked.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    room: Arc<Semaphore>,
    mib: u32,
}

impl Memory {
    /// Enough for the largest batch that any of these series allows.
    pub(crate) fn for_series<'a>(definitions: impl Iterator<Item = &'a Definition>) -> Self {
        let largest = definitions.map(|d| d.contract.upload_bytes).max().unwrap_or_default();
        let mib = mib(largest.max(LEAST));
        Self { room: Arc::new(Semaphore::new(mib as usize)), mib }
    }

    /// Waits for the room that a batch takes until it is dropped.
    pub(crate) async fn room(&self, definition: &Definition, raw: &Ref) -> Option<OwnedSemaphorePermit> {
        let bytes = match raw.format {
            // However short the file is, its columns may be as long as the contract allows.
            Format::Parquet => definition.contract.upload_bytes,
            Format::Csv | Format::Ndjson | Format::Json => raw.size_bytes,
        };
        // The semaphore is never closed.
        Arc::clone(&self.room).acquire_many_owned(mib(bytes).min(self.mib)).await.ok()
    }
}

/// Whole MiB, at least one.
fn mib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(MIB).max(1)).unwrap_or(u32::MAX)
}
