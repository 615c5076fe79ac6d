//! What a handler works with: artifacts, and the cells that hold what moves.

use aria_core::archive::Arrival;
use aria_core::cell::Cell;
use aria_core::document::{self, Document, DocumentError};
use aria_core::outbox::{self, Outbox, WithOutbox};
use aria_core::series::SeriesId;

use crate::artifacts::{Artifacts, StoreError};
use crate::bus::memory::Broker;
use crate::bus::{Bus, BusError, Cells};
use crate::runtime::Edges;

/// Artifacts and cells, cheap to clone.
#[derive(Clone, Debug)]
pub struct Stores {
    /// Content-addressed artifacts.
    pub artifacts: Artifacts,
    /// The head of each series.
    pub heads: Cells,
    /// The drift monitor of each series.
    pub monitors: Cells,
    /// The models of each series.
    pub registry: Cells,
    /// How far the batches of each series have come to their ends.
    pub endings: Cells,
}

/// A document of a cell with the revision that a swap has to name.
#[derive(Clone, Debug, PartialEq)]
pub struct Held<T> {
    /// The document.
    pub document: T,
    /// The revision; none where the cell is empty.
    pub revision: Option<u64>,
}

/// A cell that cannot be read or moved.
#[derive(Debug, thiserror::Error)]
pub enum CellError {
    /// The bucket did not answer, or another writer was first.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The series is being imported.
    #[error("`{series}` is being imported: wait for `aria import` to end, or run it again where it was cut off")]
    Importing {
        /// The series.
        series: SeriesId,
    },
    /// The cell holds something else than the document.
    #[error("cell of `{series}`: {source}")]
    Document {
        /// The series.
        series: SeriesId,
        /// What is wrong with it.
        source: DocumentError,
    },
}

impl Stores {
    /// Artifacts and cells in memory, for a history that is run offline.
    ///
    /// # Errors
    /// Where the store in memory cannot be made.
    pub fn in_memory() -> Result<Self, StoreError> {
        let artifacts = Artifacts::open("memory://")?;
        Ok(Edges { bus: Bus::in_memory(&Broker::default()), artifacts }.stores())
    }

    /// The bucket of a cell.
    pub fn cells(&self, cell: Cell) -> &Cells {
        match cell {
            Cell::Head => &self.heads,
            Cell::Monitor => &self.monitors,
            Cell::Registry => &self.registry,
            Cell::Endings => &self.endings,
        }
    }
}

impl Cells {
    /// The document of a series; its default where the cell is empty.
    ///
    /// # Errors
    /// Where the bucket does not answer or the cell holds something else.
    pub async fn load<T: Document + Default>(&self, series: &SeriesId) -> Result<Held<T>, CellError> {
        let Some(cell) = self.read(series).await? else {
            return Ok(Held { document: T::default(), revision: None });
        };
        let document = document::decode(&cell.value).map_err(|source| {
            let series = series.clone();
            match document::decode::<Arrival>(&cell.value) {
                Ok(_) => CellError::Importing { series },
                Err(_) => CellError::Document { series, source },
            }
        })?;
        Ok(Held { document, revision: Some(cell.revision) })
    }

    /// Puts a document in the place of the one that was loaded.
    ///
    /// # Errors
    /// Where another writer was first ([`BusError::Conflict`]) or the bucket does not answer.
    pub async fn store<T: Document>(
        &self,
        series: &SeriesId,
        revision: Option<u64>,
        document: &T,
    ) -> Result<u64, CellError> {
        let bytes =
            document::encode(document).map_err(|source| CellError::Document { series: series.clone(), source })?;
        Ok(self.swap(series, revision, bytes).await?)
    }

    /// Notes beside a series' state that these facts are published.
    ///
    /// # Errors
    /// As [`Self::load`] and [`Self::store`].
    pub async fn settle<T: Document + Default + WithOutbox>(
        &self,
        series: &SeriesId,
        published: &Outbox,
    ) -> Result<(), CellError> {
        let mut held: Held<T> = self.load(series).await?;
        if outbox::settle(held.document.outbox_mut(), published) {
            self.store(series, held.revision, &held.document).await?;
        }
        Ok(())
    }
}
