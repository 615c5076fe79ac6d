//! A history cut into the batches in which it would have come.

use std::collections::BTreeMap;

use crate::artifact::Format;
use crate::contract::reach::{Stretch, main_stretch};
use crate::contract::{BrokenReason, Rows, Timed, rows_of_csv, rows_of_ndjson};
use crate::series::{Contract, Definition};
use crate::table::ParquetError;
use crate::time::{DAY, Timestamp};

/// One batch of a replayed history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The end of the batch's period: the data's time at which it comes.
    pub as_of: Timestamp,
    /// How to read the bytes.
    pub format: Format,
    /// The bytes, as they would have been handed in.
    pub bytes: Vec<u8>,
}

/// The time that is kept of a history; open where it has no end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// What comes before is left out.
    pub from: Option<Timestamp>,
    /// What comes after is left out.
    pub to: Option<Timestamp>,
}

/// A history that cannot be cut into batches.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// No row has a time that can be read.
    #[error(
        "no row of the file has a time such as 2023-03-26T01:00:00Z in column `{column}`: correct it, or name the right \
         column in the series' definition"
    )]
    NoTime {
        /// The column that the definition names.
        column: String,
    },
    /// More rows than are held in memory at once.
    #[error("the file has more than {most} rows: cut it by time and replay the parts in order")]
    TooManyRows {
        /// The most rows, those of the largest upload.
        most: u64,
    },
    /// A file that ingestion would refuse as a whole, whatever its rows.
    #[error("{0}")]
    Broken(Box<BrokenReason>),
    /// A part of a Parquet file that cannot be written.
    #[error("a part of the file cannot be written: {0}")]
    Parquet(#[from] ParquetError),
}

impl From<BrokenReason> for SplitError {
    fn from(reason: BrokenReason) -> Self {
        match reason {
            BrokenReason::TooManyRows { most, .. } => Self::TooManyRows { most },
            other => Self::Broken(Box::new(other)),
        }
    }
}

/// Cuts a file into batches of `days` UTC days, in the order of time whatever that of the rows; a row whose time cannot
/// be read goes with the row before it, so that ingestion names it.
///
/// What lies a long pause before most of the file, be it one row of 1970 or a year measured long ago, comes after the
/// first batch of the rest, newest first, as a back-fill that ingestion can judge: as the first batch of a series it
/// would be the series, and everything after it far away.
///
/// # Errors
/// Where the file is no table or has no times.
pub fn split(bytes: &[u8], format: Format, definition: &Definition, days: u32) -> Result<Vec<Batch>, SplitError> {
    split_span(bytes, format, definition, days, Span::default())
}

/// Cuts a file as [`split`] does, and as if it had no other rows than those of the periods that lie in a span. A row
/// whose time cannot be read stays or goes with its period.
///
/// # Errors
/// As [`split`]; none where nothing lies in the span.
pub fn split_span(
    bytes: &[u8],
    format: Format,
    definition: &Definition,
    days: u32,
    span: Span,
) -> Result<Vec<Batch>, SplitError> {
    let cut = Cut { period: i64::from(days.max(1)) * DAY, span };
    match format {
        Format::Csv => split_csv(bytes, definition, cut),
        Format::Ndjson => split_ndjson(bytes, definition, cut),
        Format::Parquet => split_parquet(bytes, definition, cut),
        Format::Json => Err(BrokenReason::Document.into()),
    }
}

/// How a history is cut.
#[derive(Clone, Copy)]
struct Cut {
    /// The length of a period, in seconds.
    period: i64,
    span: Span,
}

impl Cut {
    /// Whether the whole period that ends then, in seconds, is kept.
    fn keeps(&self, end: i64) -> bool {
        let Span { from, to } = self.span;
        from.is_none_or(|from| end - self.period >= from.seconds()) && to.is_none_or(|to| end <= to.seconds())
    }
}

/// Rows by the period they belong to: the period's end, in seconds.
struct Periods<T> {
    cut: Cut,
    /// The most rows, and how many there are.
    most: u64,
    count: u64,
    parts: BTreeMap<i64, Part<T>>,
    current: Option<i64>,
    early: Vec<T>,
}

/// The rows of one period.
struct Part<T> {
    /// Those with a time.
    timed: Stretch,
    rows: Vec<T>,
}

impl<T> Periods<T> {
    fn new(cut: Cut, contract: &Contract) -> Self {
        Self { cut, most: contract.upload_rows, count: 0, parts: BTreeMap::new(), current: None, early: Vec::new() }
    }

    fn push(&mut self, time: Option<Timestamp>, row: T) -> Result<(), BrokenReason> {
        if self.count >= self.most {
            return Err(BrokenReason::TooManyRows { found: None, most: self.most });
        }
        self.count += 1;
        if let Some(time) = time {
            let period = self.cut.period;
            let end = (time.seconds().div_euclid(period) + 1) * period;
            self.current = Some(end);
            let timed = Stretch::of(time);
            let early = std::mem::take(&mut self.early);
            self.parts
                .entry(end)
                .and_modify(|part| part.timed = part.timed.with(timed))
                .or_insert(Part { timed, rows: Vec::new() })
                .rows
                .extend(early);
        }
        match self.current.and_then(|end| self.parts.get_mut(&end)) {
            Some(part) => part.rows.push(row),
            None => self.early.push(row),
        }
        Ok(())
    }

    /// A batch of each period that is kept, in the order in which they come.
    fn batches(
        mut self,
        format: Format,
        contract: &Contract,
        encode: impl Fn(Vec<T>) -> Result<Vec<u8>, SplitError>,
    ) -> Result<Vec<Batch>, SplitError> {
        // Before the order is found: what is left out must not move what stays.
        self.parts.retain(|end, _| self.cut.keeps(*end));
        let mut batches = Vec::with_capacity(self.parts.len());
        // What comes late comes no earlier than what came before it.
        let mut reached = i64::MIN;
        for (end, rows) in self.in_turn(contract) {
            reached = reached.max(end);
            // The last period there is ends with the last time there is.
            batches.push(Batch { as_of: Timestamp::EPOCH.plus(reached), format, bytes: encode(rows)? });
        }
        Ok(batches)
    }

    /// The periods in the order in which they come, each with its end.
    fn in_turn(self, contract: &Contract) -> Vec<(i64, Vec<T>)> {
        let begin = main_stretch(self.parts.values().map(|part| part.timed), contract).map(|main| main.first);
        let (before, rest): (Vec<_>, Vec<_>) =
            self.parts.into_iter().partition(|(_, part)| begin.is_some_and(|begin| part.timed.last < begin));
        let mut rest = rest.into_iter();
        let turns = rest.next().into_iter().chain(before.into_iter().rev()).chain(rest);
        turns.map(|(end, part)| (end, part.rows)).collect()
    }
}

fn split_csv(bytes: &[u8], definition: &Definition, cut: Cut) -> Result<Vec<Batch>, SplitError> {
    let mut periods = Periods::new(cut, &definition.contract);
    let header = rows_of_csv(bytes, definition, |Timed { time, raw }| periods.push(time, raw))?;
    with_times(periods, &definition.source.time_column)?
        .batches(Format::Csv, &definition.contract, |rows| Ok(lines(std::iter::once(header).chain(rows))))
}

fn split_ndjson(bytes: &[u8], definition: &Definition, cut: Cut) -> Result<Vec<Batch>, SplitError> {
    let mut periods = Periods::new(cut, &definition.contract);
    rows_of_ndjson(bytes, definition, |Timed { time, raw }| periods.push(time, raw))?;
    with_times(periods, &definition.source.time_column)?
        .batches(Format::Ndjson, &definition.contract, |rows| Ok(lines(rows.into_iter())))
}

/// A text of these lines.
fn lines<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    lines.fold(Vec::new(), |mut text, line| {
        text.extend_from_slice(line);
        text.push(b'\n');
        text
    })
}

fn split_parquet(bytes: &[u8], definition: &Definition, cut: Cut) -> Result<Vec<Batch>, SplitError> {
    let rows = Rows::read(bytes, definition)?;
    let mut periods = Periods::new(cut, &definition.contract);
    for (row, time) in rows.times.iter().enumerate() {
        periods.push(*time, row)?;
    }
    let column = &definition.source.time_column;
    with_times(periods, column)?.batches(Format::Parquet, &definition.contract, |part| Ok(rows.part(&part)?))
}

fn with_times<T>(periods: Periods<T>, column: &str) -> Result<Periods<T>, SplitError> {
    if periods.current.is_none() {
        return Err(SplitError::NoTime { column: column.to_owned() });
    }
    Ok(periods)
}

#[cfg(test)]
mod tests;
