//! A history cut into the batches in which it would have come.

use std::collections::BTreeMap;

use crate::artifact::Format;
use crate::contract::{BrokenReason, Rows, time_in_text};
use crate::series::Definition;
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

/// Cuts a file into batches of `days` UTC days; a row whose time cannot be read goes with the row before it, so that
/// ingestion names it.
///
/// # Errors
/// Where the file is no table or has no times.
pub fn split(bytes: &[u8], format: Format, definition: &Definition, days: u32) -> Result<Vec<Batch>, SplitError> {
    let period = i64::from(days.max(1)) * DAY;
    match format {
        Format::Csv => split_csv(bytes, definition, period),
        Format::Ndjson => split_ndjson(bytes, definition, period),
        Format::Parquet => split_parquet(bytes, definition, period),
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

    /// A batch of each period, in their order.
    fn batches(
        self,
        format: Format,
        encode: impl Fn(Vec<T>) -> Result<Vec<u8>, SplitError>,
    ) -> Result<Vec<Batch>, SplitError> {
        let batch = |(end, rows)| {
            let as_of = Timestamp::from_seconds(end).ok_or(SplitError::LastPeriod)?;
            Ok(Batch { as_of, format, bytes: encode(rows)? })
        };
        self.rows.into_iter().map(batch).collect()
    }
}

fn split_csv(bytes: &[u8], definition: &Definition, period: i64) -> Result<Vec<Batch>, SplitError> {
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
    let mut periods = Periods::new(period);
    for record in reader.byte_records() {
        let record = record?;
        let time = record.get(place).and_then(|field| time_in_text(field, definition.cadence));
        periods.push(time, record);
    }
    with_times(periods, column)?.batches(Format::Csv, |rows| csv_of(&header, &rows))
}

fn csv_of(header: &csv::ByteRecord, rows: &[csv::ByteRecord]) -> Result<Vec<u8>, SplitError> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    writer.write_byte_record(header)?;
    for row in rows {
        writer.write_byte_record(row)?;
    }
    Ok(writer.into_inner().map_err(|e| csv::Error::from(e.into_error()))?)
}

fn split_ndjson(bytes: &[u8], definition: &Definition, period: i64) -> Result<Vec<Batch>, SplitError> {
    let text = std::str::from_utf8(bytes).map_err(|_| SplitError::NotText)?;
    let column = definition.source.time_column.as_str();
    let mut periods = Periods::new(period);
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        let object = serde_json::from_str::<serde_json::Value>(line).ok();
        let time = object.as_ref().and_then(|o| o.get(column)).and_then(|t| t.as_str());
        periods.push(time.and_then(|t| time_in_text(t.as_bytes(), definition.cadence)), line.to_owned());
    }
    with_times(periods, column)?.batches(Format::Ndjson, |lines| Ok(lines.join("\n").into_bytes()))
}

fn split_parquet(bytes: &[u8], definition: &Definition, period: i64) -> Result<Vec<Batch>, SplitError> {
    let rows = Rows::read(bytes, definition).map_err(Box::new)?;
    let mut periods = Periods::new(period);
    for (row, time) in rows.times.iter().enumerate() {
        periods.push(*time, row);
    }
    let column = &definition.source.time_column;
    with_times(periods, column)?.batches(Format::Parquet, |part| Ok(rows.part(&part)?))
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
    fn parquet_of_any_layout_is_cut_by_its_times_and_keeps_its_types() {
        use polars::prelude::{Column, DataFrame};
        let times = ["2021-01-02T00:00:00+01:00", "2021-01-02T01:00:00+01:00", "2021-01-02T02:00:00+01:00"];
        let columns = vec![
            Column::new("other".into(), [true, false, true]),
            Column::new("v".into(), [1_i64, 2, 3]),
            Column::new("t".into(), times),
        ];
        let mut frame = DataFrame::new(3, columns).unwrap();
        let bytes = crate::table::parquet::encode(&mut frame).unwrap();
        let batches = split(&bytes, Format::Parquet, &definition(), 1).unwrap();
        // 2021-01-02T00:00 in Rome's winter is 23:00 UTC of the day before.
        assert_eq!(
            batches.iter().map(|b| b.as_of.to_string()).collect::<Vec<_>>(),
            ["2021-01-02T00:00:00Z", "2021-01-03T00:00:00Z"]
        );
        let rows = |batch: &Batch| Rows::read(&batch.bytes, &definition()).unwrap().times.len();
        assert_eq!(batches.iter().map(rows).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn lines_of_json_are_kept_as_they_are() {
        let file = "{\"t\":\"2021-01-01T22:00:00Z\",\"v\":1}\n{\"t\":\"2021-01-02T00:00:00Z\",\"v\":2}\n";
        let batches = split(file.as_bytes(), Format::Ndjson, &definition(), 1).unwrap();
        assert_eq!(batches.len(), 2);
    }
}
