//! A history cut into the batches in which it would have come.

use std::collections::BTreeMap;

use crate::artifact::Format;
use crate::series::Definition;
use crate::table::{Table, TableError};
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
    /// A line that cannot be read as CSV.
    #[error("the file cannot be read as CSV: {0}")]
    Csv(#[from] csv::Error),
    /// A Parquet file that cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Documents hold no table of rows.
    #[error("a JSON document is no table: give CSV, NDJSON or Parquet")]
    Document,
}

/// Cuts a file into batches of `days` UTC days; a row whose time cannot be read goes with the row before it, so that
/// ingestion names it.
///
/// # Errors
/// Where the file is no table or has no times.
pub fn split(bytes: &[u8], format: Format, definition: &Definition, days: u32) -> Result<Vec<Batch>, SplitError> {
    let period = i64::from(days.max(1)) * DAY;
    let source = &definition.source;
    match format {
        Format::Csv => split_csv(bytes, &source.time_column, period),
        Format::Ndjson => split_ndjson(bytes, &source.time_column, period),
        Format::Parquet => {
            let table = Table::from_parquet(bytes)?;
            split_table(&table, period)
        }
        Format::Json => Err(SplitError::Document),
    }
}

/// Rows by the period they belong to: the period's end, in seconds.
struct Periods<T> {
    period: i64,
    rows: BTreeMap<i64, Vec<T>>,
    current: Option<i64>,
    early: Vec<T>,
}

impl<T> Periods<T> {
    fn new(period: i64) -> Self {
        Self { period, rows: BTreeMap::new(), current: None, early: Vec::new() }
    }

    fn push(&mut self, time: Option<Timestamp>, row: T) {
        if let Some(time) = time {
            let end = (time.seconds().div_euclid(self.period) + 1) * self.period;
            let early = std::mem::take(&mut self.early);
            self.rows.entry(end).or_default().extend(early);
            self.current = Some(end);
        }
        match self.current {
            Some(end) => self.rows.entry(end).or_default().push(row),
            None => self.early.push(row),
        }
    }

    fn batches(self, format: Format, encode: impl Fn(Vec<T>) -> Vec<u8>) -> Vec<Batch> {
        let batch =
            |(end, rows)| Timestamp::from_seconds(end).map(|as_of| Batch { as_of, format, bytes: encode(rows) });
        self.rows.into_iter().filter_map(batch).collect()
    }
}

fn split_csv(bytes: &[u8], column: &str, period: i64) -> Result<Vec<Batch>, SplitError> {
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
    let mut periods = Periods::new(period);
    for record in reader.byte_records() {
        let record = record?;
        let time = record.get(place).and_then(|f| std::str::from_utf8(f).ok()).and_then(|t| t.trim().parse().ok());
        periods.push(time, record);
    }
    with_times(periods, column)?.batches_of_csv(&header)
}

impl Periods<csv::ByteRecord> {
    fn batches_of_csv(self, header: &csv::ByteRecord) -> Result<Vec<Batch>, SplitError> {
        let mut batches = Vec::new();
        for (end, rows) in self.rows {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            writer.write_byte_record(header)?;
            for row in &rows {
                writer.write_byte_record(row)?;
            }
            let bytes = writer.into_inner().map_err(|e| csv::Error::from(e.into_error()))?;
            batches.extend(Timestamp::from_seconds(end).map(|as_of| Batch { as_of, format: Format::Csv, bytes }));
        }
        Ok(batches)
    }
}

fn split_ndjson(bytes: &[u8], column: &str, period: i64) -> Result<Vec<Batch>, SplitError> {
    let text = std::str::from_utf8(bytes).map_err(|_| SplitError::NotText)?;
    let mut periods = Periods::new(period);
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        let object = serde_json::from_str::<serde_json::Value>(line).ok();
        let time = object.as_ref().and_then(|o| o.get(column)).and_then(|t| t.as_str()).and_then(|t| t.parse().ok());
        periods.push(time, line.to_owned());
    }
    let lines = |lines: Vec<String>| lines.join("\n").into_bytes();
    Ok(with_times(periods, column)?.batches(Format::Ndjson, lines))
}

fn split_table(table: &Table, period: i64) -> Result<Vec<Batch>, SplitError> {
    let (Some(first), Some(last)) = (table.first(), table.last()) else { return Err(SplitError::Empty) };
    let mut batches = Vec::new();
    let mut start = first.seconds().div_euclid(period) * period;
    while start <= last.seconds() {
        let span = Timestamp::from_seconds(start).zip(Timestamp::from_seconds(start + period));
        start += period;
        let Some((from, until)) = span else { continue };
        let part = table.between(from, until);
        if part.rows() > 0 {
            batches.push(Batch { as_of: until, format: Format::Parquet, bytes: part.to_parquet()? });
        }
    }
    Ok(batches)
}

fn with_times<T>(periods: Periods<T>, column: &str) -> Result<Periods<T>, SplitError> {
    if periods.current.is_none() {
        return Err(SplitError::NoTime { column: column.to_owned() });
    }
    Ok(periods)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition() -> Definition {
        Definition::from_toml(
            "id = \"it.x\"\nunit = \"g\"\ncadence = \"1h\"\ntime_zone = \"UTC\"\n[source]\ntime_column = \"t\"\nvalue_column = \"v\"",
        )
        .unwrap()
    }

    fn texts(batches: &[Batch]) -> Vec<&str> {
        batches.iter().map(|b| std::str::from_utf8(&b.bytes).unwrap()).collect()
    }

    #[test]
    fn each_day_becomes_a_batch_that_comes_at_its_end() {
        let file = "t,v\n2021-01-01T22:00:00Z,1\n2021-01-01T23:00:00Z,2\n2021-01-02T00:00:00Z,3\n";
        let batches = split(file.as_bytes(), Format::Csv, &definition(), 1).unwrap();
        let expected = ["t,v\n2021-01-01T22:00:00Z,1\n2021-01-01T23:00:00Z,2\n", "t,v\n2021-01-02T00:00:00Z,3\n"];
        assert_eq!(texts(&batches), expected);
        assert_eq!(batches[0].as_of, "2021-01-02".parse().unwrap());
    }

    #[test]
    fn a_row_without_a_time_goes_with_the_row_before_it() {
        let file = "t,v\nyesterday,0\n2021-01-01T22:00:00Z,1\nnoon,9\n";
        let batches = split(file.as_bytes(), Format::Csv, &definition(), 1).unwrap();
        assert_eq!(texts(&batches), ["t,v\nyesterday,0\n2021-01-01T22:00:00Z,1\nnoon,9\n"]);
    }

    #[test]
    fn a_file_without_the_time_column_names_what_it_has() {
        let error = split(b"a,b\n1,2\n", Format::Csv, &definition(), 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the file has no column `t`; it has a, b: name the right one in the series' definition"
        );
    }

    #[test]
    fn lines_of_json_are_kept_as_they_are() {
        let file = "{\"t\":\"2021-01-01T22:00:00Z\",\"v\":1}\n{\"t\":\"2021-01-02T00:00:00Z\",\"v\":2}\n";
        let batches = split(file.as_bytes(), Format::Ndjson, &definition(), 1).unwrap();
        assert_eq!(batches.len(), 2);
    }
}
