//! What a batch must keep before it becomes part of a series.
//!
//! Bytes go in, a table of good rows comes out, with a record of every row and cell that was refused: which, where and
//! why. Only what makes the whole batch doubtful breaks it: a file that is no table, a missing column, a wrong unit,
//! too many bad rows. Hours that are missing are no fault: they stay gaps. A time far from the series is one, since it
//! would move the series' beginning or end for good.

use serde::{Deserialize, Serialize};

use crate::artifact::{Format, Ref};
use crate::document::Document;
use crate::series::Definition;
use crate::snapshot::{Level, Manifest};
use crate::table::Table;
use crate::time::{Cadence, Timestamp};

mod broken;
pub(crate) mod cell;
pub(crate) mod columns;
pub(crate) mod csv;
mod fault;
mod judge;
mod ndjson;
mod parquet;
pub(crate) mod reach;
mod rows;
pub(crate) mod sniff;
#[cfg(test)]
mod tests;

pub use broken::BrokenReason;
pub(crate) use parquet::Rows;
pub(crate) use rows::{Timed, rows_of_csv, rows_of_ndjson};

/// The most refused rows that are listed; beyond it they are only counted.
pub const QUARANTINE_ROWS: usize = 10_000;

/// What a series holds before a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// The time of its first value.
    pub first: Timestamp,
    /// The time of its newest value.
    pub newest: Timestamp,
    /// The level of its newest four weeks, where there are any.
    pub level: Option<Level>,
}

impl Known {
    /// What a snapshot of a series of this cadence holds.
    pub fn of(manifest: &Manifest, cadence: Cadence) -> Self {
        Self { first: manifest.first, newest: manifest.end.plus(-cadence.seconds()), level: manifest.level }
    }
}

/// A batch that kept the contract.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The good rows: the value column, then the covariates.
    pub table: Table,
    /// The refused rows and cells by row, at most [`QUARANTINE_ROWS`].
    pub quarantined: Vec<Quarantined>,
    /// How many rows and cells were refused in all.
    pub quarantined_total: u64,
    /// How many rows were refused: a row that only lost a covariate is not one of them.
    pub rows_refused: u64,
    /// Of those, the rows whose time a later row has too: no fault of the data.
    pub rows_repeated: u64,
}

/// A batch that broke the contract.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Broken {
    /// Why, and what to do about it.
    #[source]
    pub reason: Box<BrokenReason>,
    /// The refused rows and cells by row, at most [`QUARANTINE_ROWS`].
    pub quarantined: Vec<Quarantined>,
    /// How many rows and cells were refused in all.
    pub quarantined_total: u64,
}

/// A refused row, or a covariate's refused cell in a row that was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// The row's place among the rows of data, from 1: a header and blank lines do not count.
    pub row: u64,
    /// The column; empty where the row as a whole cannot be read.
    pub column: String,
    /// What stood there, cut to 80 characters.
    pub value: String,
    /// Why it was refused.
    pub reason: String,
}

/// The refused rows of one batch, as they are stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// The batch as it was received.
    pub raw: Ref,
    /// How many rows and cells were refused in all.
    pub total: u64,
    /// The refused rows and cells by row, at most [`QUARANTINE_ROWS`].
    pub rows: Vec<Quarantined>,
}

impl Document for Quarantine {
    const NAME: &'static str = "quarantine";
    const VERSION: u32 = 1;
}

/// Checks a batch against the contract of its series.
///
/// `known` is what the series holds, which tells a wrong unit and times that lie too far from it; none before its first
/// batch. `received` is when the batch was handed in, which tells values from the future.
///
/// # Errors
/// Where the batch as a whole cannot be trusted, with the refused rows as far as they could be told apart.
pub fn check(
    definition: &Definition,
    format: Format,
    bytes: &[u8],
    known: Option<&Known>,
    received: Timestamp,
) -> Result<Checked, Broken> {
    let mut judge = judge::Judge::new(definition, received);
    match read(format, bytes, &mut judge) {
        Ok(()) => judge.conclude(known),
        Err(reason) => Err(judge.broken(reason)),
    }
}

/// Whether bytes can be a table of this format at all, by their size and beginning: what a client can be told at once.
///
/// # Errors
/// Where every check would find that they are none.
pub fn glance(definition: &Definition, format: Format, bytes: &[u8]) -> Result<(), BrokenReason> {
    let most = definition.contract.upload_bytes;
    if bytes.len() as u64 > most {
        return Err(BrokenReason::TooManyBytes { found: bytes.len() as u64, most });
    }
    sniff::table_bytes(format, bytes).map(drop)
}

/// What becomes of a batch whose name says that it is larger than its series takes: it need not be read to be refused.
pub fn too_large(definition: &Definition, raw: &Ref) -> Option<Broken> {
    let most = definition.contract.upload_bytes;
    let reason = || Box::new(BrokenReason::TooManyBytes { found: raw.size_bytes, most });
    (raw.size_bytes > most).then(|| Broken { reason: reason(), quarantined: Vec::new(), quarantined_total: 0 })
}

fn read(format: Format, bytes: &[u8], judge: &mut judge::Judge<'_>) -> Result<(), BrokenReason> {
    glance(judge.definition(), format, bytes)?;
    let bytes = sniff::table_bytes(format, bytes)?;
    match format {
        Format::Csv => csv::read(bytes, judge.definition(), judge).map(drop),
        Format::Ndjson => ndjson::read(bytes, judge.definition(), judge),
        Format::Parquet => parquet::read(bytes, judge),
        Format::Json => Err(BrokenReason::Document),
    }
}
