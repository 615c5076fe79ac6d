//! A history cut into the batches in which it would have come.

use std::collections::BTreeMap;

use crate::artifact::Format;
use crate::contract::reach::{Stretch, main_stretch};
use crate::contract::{BrokenReason, Rows, time_in_text};
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
    /// The file is not text.
    #[error("the file is not UTF-8 text: give CSV, NDJSON or Parquet")]
    NotText,
    /// The file has no header line.
    #[error("the file is empty: give one with a header line and rows")]
    Empty,
    /// The file lacks the column with the times.
    #[error("the file has no column `{wanted}`; it has {found}: name the right one in the series' definition")]
    NoTimeColumn {
        /// The column that the definition names.
        wanted: String,
        /// The columns of the file.
        found: String,
    },
    /// No row has a time that can be read.
    #[error("no row of the file has a time such as 2023-03-26T01:00:00Z in column `{column}`")]
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
    /// A line that cannot be read as CSV.
    #[error("the file cannot be read as CSV: {0}")]
    Csv(#[from] csv::Error),
    /// A Parquet file that ingestion would refuse.
    #[error("{0}")]
    Broken(#[from] Box<BrokenReason>),
    /// A part of a Parquet file that cannot be written.
    #[error("a part of the file cannot be written: {0}")]
    Parquet(#[from] ParquetError),
    /// A period ends beyond the last year that has a name.
    #[error("the file's last times lie beyond the year 9999")]
    LastPeriod,
    /// Documents hold no table of rows.
    #[error("a JSON document is no table: give CSV, NDJSON or Parquet")]
    Document,
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
        Format::Json => Err(SplitError::Document),
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

    fn push(&mut self, time: Option<Timestamp>, row: T) -> Result<(), SplitError> {
        if self.count >= self.most {
            return Err(SplitError::TooManyRows { most: self.most });
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
            let as_of = Timestamp::from_seconds(reached).ok_or(SplitError::LastPeriod)?;
            batches.push(Batch { as_of, format, bytes: encode(rows)? });
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
    let column = definition.source.time_column.as_str();
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = reader.byte_headers()?.clone();
    if header.is_empty() {
        return Err(SplitError::Empty);
    }
    let name = |field: &[u8]| String::from_utf8_lossy(field).trim_start_matches('\u{feff}').trim().to_owned();
    let place = header.iter().position(|field| name(field) == column).ok_or_else(|| SplitError::NoTimeColumn {
        wanted: column.to_owned(),
        found: header.iter().map(name).collect::<Vec<_>>().join(", "),
    })?;
    let mut periods = Periods::new(cut, &definition.contract);
    for record in reader.byte_records() {
        let record = record?;
        let time = record.get(place).and_then(|field| time_in_text(field, definition.cadence));
        periods.push(time, record)?;
    }
    with_times(periods, column)?.batches(Format::Csv, &definition.contract, |rows| csv_of(&header, &rows))
}

fn csv_of(header: &csv::ByteRecord, rows: &[csv::ByteRecord]) -> Result<Vec<u8>, SplitError> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    writer.write_byte_record(header)?;
    for row in rows {
        writer.write_byte_record(row)?;
    }
    Ok(writer.into_inner().map_err(|e| csv::Error::from(e.into_error()))?)
}

fn split_ndjson(bytes: &[u8], definition: &Definition, cut: Cut) -> Result<Vec<Batch>, SplitError> {
    let text = std::str::from_utf8(bytes).map_err(|_| SplitError::NotText)?;
    let column = definition.source.time_column.as_str();
    let mut periods = Periods::new(cut, &definition.contract);
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        let object = serde_json::from_str::<serde_json::Value>(line).ok();
        let time = object.as_ref().and_then(|o| o.get(column)).and_then(|t| t.as_str());
        periods.push(time.and_then(|t| time_in_text(t.as_bytes(), definition.cadence)), line.to_owned())?;
    }
    with_times(periods, column)?
        .batches(Format::Ndjson, &definition.contract, |lines| Ok(lines.join("\n").into_bytes()))
}

fn split_parquet(bytes: &[u8], definition: &Definition, cut: Cut) -> Result<Vec<Batch>, SplitError> {
    let rows = Rows::read(bytes, definition).map_err(Box::new)?;
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
