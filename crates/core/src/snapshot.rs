//! A series as a chain of immutable manifests: month segments, a short tail of recent batches, and what is to be known
//! without loading either.
//!
//! Everything here is pure. An edge carries a batch in by these moves:
//! 1. load and merge, in this order, what [`recent`] names;
//! 2. [`append`] the batch;
//! 3. where [`Manifest::compaction`] answers, load [`Compaction::tables`], [`Compaction::apply`], store each month and
//!    hand the names to [`Manifest::compacted`];
//! 4. store the manifest and move the series' head to it.
//!
//! A compacted manifest keeps its sequence and parent: compaction is part of the step that brought the batch, and the
//! manifests before it stay readable, since nothing they name is ever changed.

use serde::{Deserialize, Serialize};

use crate::artifact::Ref;
use crate::document::{self, Document};
use crate::series::SeriesId;
use crate::table::Table;
use crate::time::{Cadence, DAY, Timestamp};

mod append;
mod compaction;
mod level;
mod month;
#[cfg(test)]
mod tests;

pub use append::{Addition, AppendError, append};
pub use compaction::{Compaction, CompactionError, MonthTable};
pub use level::Level;
pub use month::{Month, ParseMonthError};

/// The span of the newest values that give the [`Level`]: four weeks, in seconds.
pub const LEVEL_SPAN: i64 = 28 * DAY;

/// The state of a series after one accepted batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The series.
    pub series: SeriesId,
    /// Place among the batches accepted for the series, from 1.
    pub sequence: u64,
    /// Place of the newest batch among the batches received for the series, from 1.
    pub ordinal: u64,
    /// The state before the newest batch.
    pub parent: Option<Ref>,
    /// The definition by which the newest batch was read.
    pub definition: Ref,
    /// Older rows by month, rising, each month at most once.
    pub segments: Vec<Segment>,
    /// The newest batches by ordinal; they win over the segments, and a later one over an earlier one.
    pub tail: Vec<TailBatch>,
    /// The time of the first value.
    pub first: Timestamp,
    /// The first step after the newest value.
    pub end: Timestamp,
    /// The latest time at which a batch of this state was received.
    pub as_of: Timestamp,
    /// The level of the four weeks before `end`.
    pub level: Option<Level>,
    /// Steps that have a row, each counted once however often it was revised.
    pub rows: u64,
    /// Steps whose value the newest batch changed.
    pub revised: u64,
    /// Other series that this one is forecast with, as they were when the newest batch came in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub companions: Vec<Companion>,
    /// The version of the code that made this state.
    pub code_version: String,
}

/// Another series as of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Companion {
    /// The series.
    pub series: SeriesId,
    /// Its snapshot.
    pub snapshot: Ref,
}

/// The rows of one month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The month, in UTC.
    pub month: Month,
    /// The rows.
    pub table: Ref,
    /// How many there are.
    pub rows: u64,
    /// The time of the first.
    pub first: Timestamp,
    /// The time of the last.
    pub last: Timestamp,
}

/// A recent batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TailBatch {
    /// Place among the batches received for the series.
    pub ordinal: u64,
    /// The bytes as they were received.
    pub raw: Ref,
    /// The good rows.
    pub table: Ref,
    /// The refused rows, where there were any.
    pub quarantine: Option<Ref>,
    /// When it was received.
    pub received: Timestamp,
    /// The time of the first good row.
    pub first: Timestamp,
    /// The time of the last good row.
    pub last: Timestamp,
    /// Good rows.
    pub rows: u64,
}

impl Document for Manifest {
    const NAME: &'static str = "snapshot";
    // Of version 2, so that code that knows no companions does not take them for unreachable.
    const VERSION: u32 = 2;

    fn earlier(version: u32, bytes: &[u8]) -> Result<Option<Self>, serde_json::Error> {
        // Version 1 named no companions.
        if version == 1 { document::body(bytes).map(Some) } else { Ok(None) }
    }
}

impl Manifest {
    /// Another series as it was when the newest batch came in; none where it had no batch then.
    pub fn companion(&self, series: &SeriesId) -> Option<&Ref> {
        self.companions.iter().find(|companion| companion.series == *series).map(|companion| &companion.snapshot)
    }

    /// The tables that may hold rows of `from <= time < until`, in the order in which they are to be merged.
    ///
    /// They may hold rows outside the span too: cut the merged table with [`Table::between`].
    pub fn tables(&self, from: Timestamp, until: Timestamp) -> Vec<&Ref> {
        self.tables_of(&[(from, until)])
    }

    /// All tables, in the order in which they are to be merged.
    pub fn all_tables(&self) -> Vec<&Ref> {
        self.tables(self.first, self.end)
    }

    fn tables_of(&self, spans: &[(Timestamp, Timestamp)]) -> Vec<&Ref> {
        let wanted = |first, last| spans.iter().any(|(from, until)| first < *until && last >= *from);
        let segments = self.segments.iter().filter(|s| wanted(s.first, s.last)).map(|s| &s.table);
        let tail = self.tail.iter().filter(|b| wanted(b.first, b.last)).map(|b| &b.table);
        segments.chain(tail).collect()
    }
}

/// The tables that must be loaded and merged, in this order, before [`append`] can add a batch: those with rows of the
/// batch's own span, to tell revised steps from added ones, and of the four weeks that end with the newest value, for
/// the level. The span between the two, where a batch is late by years, is left out.
pub fn recent<'a>(parent: Option<&'a Manifest>, batch: &Table, cadence: Cadence) -> Vec<&'a Ref> {
    let (Some(parent), Some(first), Some(last)) = (parent, batch.first(), batch.last()) else { return Vec::new() };
    let after_batch = last.plus(cadence.seconds());
    let end = parent.end.max(after_batch);
    parent.tables_of(&[(first, after_batch), (end.plus(-LEVEL_SPAN), end)])
}
