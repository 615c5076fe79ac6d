//! The outside things that a service works with, and whether they belong together.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aria_core::artifact::Sha256Hex;
use aria_core::belonging::{Apart, Belonging, belonging};
use aria_core::ending::Endings;
use aria_core::head::Head;
use aria_core::intake::Progress;
use aria_core::series::SeriesId;

use super::chain;
use super::clock::within;
use crate::artifacts::{Artifacts, StoreError};
use crate::bus::{self, Bus, BusError, Health};
use crate::stores::{CellError, Held, Stores};

/// How long the broker and the store may take to show that they serve anybody.
const PROBE: Duration = Duration::from_secs(10);

/// The outside things that a service works with.
#[derive(Clone)]
pub struct Edges {
    /// The event log and the cells.
    pub bus: Bus,
    /// The object storage.
    pub artifacts: Artifacts,
}

/// A broker and a store that cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub enum EdgesError {
    /// The broker does not do its part.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The store does not do its part.
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
    /// The event log names artifacts, and the store has none of it.
    #[error(
        "the store at {location} is not the one that the event log belongs to: it is empty or lost its mark `aria/mark`; \
         mount or name the right one"
    )]
    Lost {
        /// Where the store lies.
        location: String,
    },
    /// The store belongs to another event log.
    #[error("the store at {location} belongs to another event log than this broker's: name the right one of the two")]
    Foreign {
        /// Where the store lies.
        location: String,
    },
}

impl Edges {
    /// What a handler works with: the artifacts, and the cells in the broker.
    pub fn stores(&self) -> Stores {
        let cells = |bucket| self.bus.cells(bucket);
        Stores {
            artifacts: self.artifacts.clone(),
            heads: cells(bus::HEADS),
            monitors: cells(bus::MONITORS),
            endings: cells(bus::ENDINGS),
            registry: cells(bus::REGISTRY),
        }
    }

    /// How far the batches of a series have come.
    ///
    /// # Errors
    /// Where the broker does not answer, or a cell cannot be read.
    pub async fn progress(&self, series: &SeriesId) -> Result<Progress, CellError> {
        // The log first: what ends meanwhile only makes the answer more hopeful than the state was.
        let received = self.bus.last_ordinal(series).await?;
        let stores = self.stores();
        let head: Held<Head> = stores.heads.load(series).await?;
        let endings: Held<Endings> = stores.endings.load(series).await?;
        let Head { ordinal: taken_up, sequence: accepted, .. } = head.document;
        Ok(Progress { received: received.max(taken_up), taken_up, accepted, ended: endings.document.sequence })
    }

    /// Finds out before any work whether the store can be used and is the one that the event log belongs to; marks both
    /// where they are new.
    ///
    /// # Errors
    /// Where it is not, or one of them does not answer.
    pub async fn join(&self) -> Result<(), EdgesError> {
        match self.compare().await? {
            Belonging::Together(mark) => self.artifacts.expect_mark(&mark),
            Belonging::MarkStore(mark) => self.artifacts.give_mark(&mark).await?,
            Belonging::MarkLog(mark) => self.artifacts.give_mark(&self.bus.give_mark(&mark).await?).await?,
            Belonging::Unmarked => self.artifacts.give_mark(&self.bus.give_mark(&new_mark()).await?).await?,
        }
        self.artifacts.check().await?;
        Ok(())
    }

    /// Finds out whether the store is the one that the event log belongs to, and changes neither.
    ///
    /// # Errors
    /// As [`Self::join`].
    pub async fn verify(&self) -> Result<(), EdgesError> {
        self.compare().await.map(drop)
    }

    async fn compare(&self) -> Result<Belonging, EdgesError> {
        // Before anything is stored: a collector of garbage may be at work.
        self.artifacts.heed(Arc::new(self.bus.clone()));
        let log_is_empty = self.bus.last_sequence().await? == 0;
        let (log, store) = (self.bus.mark().await?, self.artifacts.mark().await?);
        let location = || self.artifacts.location().to_owned();
        belonging(log.as_deref(), store.as_deref(), log_is_empty).map_err(|apart| match apart {
            Apart::Lost => EdgesError::Lost { location: location() },
            Apart::Foreign => EdgesError::Foreign { location: location() },
        })
    }

    /// What the broker or the store says where it serves nobody at all; none where both do their work.
    pub async fn outage(&self) -> Option<String> {
        match self.bus.health() {
            Health::Connected => self.probe().await,
            Health::Disconnected => Some("no connection to the broker".to_owned()),
            Health::Refused { reason } => Some(format!("the broker refuses: {reason}")),
        }
    }

    /// Asks both for something that always succeeds where they serve anybody: a connection alone does not tell.
    async fn probe(&self) -> Option<String> {
        let asked = async {
            self.bus.last_sequence().await.map_err(|error| chain(&error))?;
            self.artifacts.check().await.map_err(|error| chain(&error))
        };
        match within(PROBE, asked).await {
            Some(answered) => answered.err(),
            None => Some(format!("no answer within {PROBE:?}")),
        }
    }
}

/// A mark that no other platform has: the moment and the process that made it.
fn new_mark() -> String {
    let moment = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    Sha256Hex::of(format!("{moment} {}", std::process::id()).as_bytes()).as_str().to_owned()
}
