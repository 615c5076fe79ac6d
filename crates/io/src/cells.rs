//! Cells: one small value a series, moved only by compare-and-set. In the broker's key-value buckets, or in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aria_core::series::SeriesId;

use crate::bus::{self, BusError, Cell};

/// A bucket of cells.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a process has a handful of buckets")]
pub enum Cells {
    /// In the broker.
    Broker(bus::Cells),
    /// In memory, for a history that is run offline.
    Memory(Arc<Mutex<BTreeMap<SeriesId, Cell>>>),
}

impl Cells {
    /// Empty cells in memory.
    pub fn in_memory() -> Self {
        Self::Memory(Arc::default())
    }

    /// The cell of a series; none where it was never written.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn read(&self, series: &SeriesId) -> Result<Option<Cell>, BusError> {
        match self {
            Self::Broker(bucket) => bucket.read(series).await,
            Self::Memory(cells) => Ok(cells.lock().unwrap_or_else(PoisonError::into_inner).get(series).cloned()),
        }
    }

    /// Writes the cell if it still has the expected revision, or was never written where none is expected.
    ///
    /// # Errors
    /// [`BusError::Conflict`] where another writer was first; otherwise where the broker does not answer.
    pub async fn swap(&self, series: &SeriesId, expected: Option<u64>, value: Vec<u8>) -> Result<u64, BusError> {
        match self {
            Self::Broker(bucket) => bucket.swap(series, expected, value).await,
            Self::Memory(cells) => swap_in_memory(cells, series, expected, value),
        }
    }
}

fn swap_in_memory(
    cells: &Mutex<BTreeMap<SeriesId, Cell>>,
    series: &SeriesId,
    expected: Option<u64>,
    value: Vec<u8>,
) -> Result<u64, BusError> {
    let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
    let found = cells.get(series).map(|cell| cell.revision);
    if found != expected {
        return Err(BusError::Conflict { bucket: "memory".to_owned(), key: series.to_string() });
    }
    let revision = found.unwrap_or(0) + 1;
    cells.insert(series.clone(), Cell { value: value.into(), revision });
    Ok(revision)
}
