//! Moving older batches from the tail into month segments, so that a manifest and what a forecast loads stay short.

use std::collections::BTreeSet;

use super::{Manifest, Month, Segment};
use crate::artifact::Ref;
use crate::table::{Table, TableError};
use crate::time::Timestamp;

/// The most batches of a tail that is left as it is.
const TAIL_BATCHES: usize = 31;
/// The most rows of a tail that is left as it is: a bulk load goes into months at once, so that the batches after it do
/// not read all of it again.
const TAIL_ROWS: u64 = 20_000;
/// The newest batches, which stay in the tail: hours are most often revised within days.
const KEPT_BATCHES: usize = 7;

/// A compaction that is due: which tables go into which months.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compaction {
    /// Months that the moved batches may touch, rising.
    pub months: Vec<Month>,
    /// The segments of these months as they are.
    pub segments: Vec<Ref>,
    /// The batches that move, oldest first.
    pub batches: Vec<Ref>,
    /// The newest batch that moves.
    pub through: u64,
}

/// The rows of a month that a compaction changed.
#[derive(Clone, Debug, PartialEq)]
pub struct MonthTable {
    /// The month.
    pub month: Month,
    /// All of its rows.
    pub table: Table,
    first: Timestamp,
    last: Timestamp,
}

/// Tables that a compaction cannot use.
#[derive(Debug, thiserror::Error)]
pub enum CompactionError {
    /// Not the tables that were asked for.
    #[error("a compaction of {expected} tables was given {found}")]
    Tables {
        /// How many were asked for.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// They cannot be merged.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl Manifest {
    /// The compaction that is due: where the tail has grown long, all but its newest batches move into months.
    pub fn compaction(&self) -> Option<Compaction> {
        let rows: u64 = self.tail.iter().map(|b| b.rows).sum();
        if self.tail.len() <= TAIL_BATCHES && rows <= TAIL_ROWS {
            return None;
        }
        let (moved, _) = self.tail.split_at(self.tail.len() - self.kept());
        let through = moved.last()?.ordinal;
        let months: BTreeSet<Month> =
            moved.iter().flat_map(|b| Month::of(b.first).through(Month::of(b.last))).collect();
        let touched = self.segments.iter().filter(|s| months.contains(&s.month));
        Some(Compaction {
            segments: touched.map(|s| s.table.clone()).collect(),
            batches: moved.iter().map(|b| b.table.clone()).collect(),
            months: months.into_iter().collect(),
            through,
        })
    }

    /// The same state with the moved batches in their months; `stored` are the segments of what
    /// [`Compaction::apply`] gave.
    pub fn compacted(&self, compaction: &Compaction, stored: Vec<Segment>) -> Self {
        let changed: BTreeSet<Month> = stored.iter().map(|s| s.month).collect();
        let untouched = self.segments.iter().filter(|s| !changed.contains(&s.month)).cloned();
        let mut segments: Vec<Segment> = untouched.chain(stored).collect();
        segments.sort_by_key(|s| s.month);
        let tail = self.tail.iter().filter(|b| b.ordinal > compaction.through).cloned().collect();
        Self { segments, tail, ..self.clone() }
    }

    /// How many of the newest batches stay in the tail: at most seven and no more rows than a tail may have.
    fn kept(&self) -> usize {
        let mut rows = 0;
        let fits = |rows_so_far: &mut u64, batch_rows: u64| {
            *rows_so_far += batch_rows;
            *rows_so_far <= TAIL_ROWS
        };
        self.tail.iter().rev().take(KEPT_BATCHES).take_while(|b| fits(&mut rows, b.rows)).count()
    }
}

impl Compaction {
    /// The tables to load, in the order in which [`Self::apply`] wants them.
    pub fn tables(&self) -> Vec<&Ref> {
        self.segments.iter().chain(&self.batches).collect()
    }

    /// The months that the moved batches change, rising, each with all of its rows.
    ///
    /// # Errors
    /// Where the tables are not as many as [`Self::tables`] names or cannot be merged.
    pub fn apply(&self, tables: &[Table]) -> Result<Vec<MonthTable>, CompactionError> {
        let expected = self.segments.len() + self.batches.len();
        if tables.len() != expected {
            return Err(CompactionError::Tables { expected, found: tables.len() });
        }
        let moved = tables.iter().skip(self.segments.len());
        let changed: BTreeSet<Month> = moved.flat_map(Table::times).map(Month::of).collect();
        let merged = Table::merge(tables)?;
        let mut months = Vec::with_capacity(changed.len());
        for month in changed {
            let table = merged.between(month.start(), month.end());
            if let (Some(first), Some(last)) = (table.first(), table.last()) {
                months.push(MonthTable { month, table, first, last });
            }
        }
        Ok(months)
    }
}

impl MonthTable {
    /// The month as a segment, once its rows are stored under this name.
    pub fn segment(&self, table: Ref) -> Segment {
        Segment { month: self.month, table, rows: self.table.rows(), first: self.first, last: self.last }
    }
}
