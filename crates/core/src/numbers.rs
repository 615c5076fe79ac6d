//! The numbers of any table, CSV or Parquet, and the texts of the other columns. It knows no series and no contract.

mod text;

use std::collections::BTreeMap;

use polars::prelude::{DataFrame, DataType, PolarsError, TimeUnit};

use crate::contract::BrokenReason;
use crate::contract::cell::shown;
use crate::contract::csv::refuse_other_separators;
use crate::contract::sniff::table_bytes;
use crate::table::ParquetError;
use crate::table::parquet::{Field, Held, Limits, Wanted, decode, schema};
use crate::time::{DAY, Timestamp};

use self::text::Builder;
pub use self::text::Text;

/// The most rows and decoded bytes that are read: what a large machine can hold.
const LIMITS: Limits = Limits { rows: 1 << 30, bytes: 1 << 36 };

/// Text that stands for a missing number, whatever its case, beside nothing at all.
const MISSING: [&str; 5] = ["nan", "na", "n/a", "null", "none"];

/// A format that numbers are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header line.
    Csv,
    /// Apache Parquet.
    Parquet,
}

/// The columns of a table.
#[derive(Clone, Debug)]
pub struct Numbers {
    /// Every column in the table's order, with its numbers or why it has none.
    pub columns: Vec<Column>,
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its values in the order of the rows, NaN where one is missing.
    pub values: Result<Vec<f64>, NotNumeric>,
}

/// Why a column has no numbers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotNumeric {
    /// A cell holds something else.
    #[error("it is not numeric: row {row} holds `{value}`")]
    Cell {
        /// The row, from 1.
        row: usize,
        /// What stands there, cut.
        value: String,
    },
    /// A cell has a comma where a point should be.
    #[error("it is not numeric: row {row} holds `{value}`; write numbers with `.`")]
    Comma {
        /// The row, from 1.
        row: usize,
        /// What stands there, cut.
        value: String,
    },
    /// It is stored as something else.
    #[error("it is not numeric: it holds {found}; store {wanted}")]
    Type {
        /// What it is stored as.
        found: String,
        /// What it should be stored as.
        wanted: &'static str,
    },
    /// Another column has the same name.
    #[error("it stands twice")]
    Doubled,
}

/// Bytes that no table can be read from; each message says the next step.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// They are something other than a table.
    #[error("the file is {found}, no table; give CSV or Parquet")]
    NotATable {
        /// What they are.
        found: &'static str,
    },
    /// They are a table of another format than the file's name says.
    #[error("the file is named {named} but is {found}; name it for what it is")]
    Misnamed {
        /// What its name says.
        named: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A row has more or fewer cells than the header.
    #[error("row {row} has {found} cells and the header {expected}; correct the row")]
    Width {
        /// The row, from 1.
        row: usize,
        /// Its cells.
        found: usize,
        /// The header's.
        expected: usize,
    },
    /// A quotation mark is open, and the lines after it would be lost in one cell.
    #[error(
        "line {line} opens a quotation mark that nothing closes, and would take the lines after it; correct the quotes"
    )]
    Quotes {
        /// The line, from 1.
        line: usize,
    },
    /// A line holds bytes that are no UTF-8 text.
    #[error("line {line} is no UTF-8 text; save the file as UTF-8")]
    NotUtf8 {
        /// The line, from 1.
        line: usize,
    },
    /// It breaks what every table must keep.
    #[error(transparent)]
    Broken(BrokenReason),
}

impl From<BrokenReason> for Unreadable {
    fn from(reason: BrokenReason) -> Self {
        match reason {
            BrokenReason::NotATable { found } => Self::NotATable { found },
            BrokenReason::OtherFormat { declared, found } => Self::Misnamed { named: declared, found },
            other => Self::Broken(other),
        }
    }
}

impl From<ParquetError> for Unreadable {
    fn from(error: ParquetError) -> Self {
        Self::Broken(error.into())
    }
}

impl From<PolarsError> for Unreadable {
    fn from(error: PolarsError) -> Self {
        ParquetError::Library(error).into()
    }
}

/// Reads the numbers of a table; one without a row has columns without a value.
///
/// # Errors
/// Where the bytes hold no table.
pub fn read(format: Format, bytes: &[u8]) -> Result<Numbers, Unreadable> {
    let mut columns = match format {
        Format::Csv => read_csv(table_bytes(crate::artifact::Format::Csv, bytes)?)?,
        Format::Parquet => read_parquet(table_bytes(crate::artifact::Format::Parquet, bytes)?)?,
    };
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for column in &columns {
        *times.entry(column.name.clone()).or_default() += 1;
    }
    for column in &mut columns {
        if times.get(&column.name).is_some_and(|times| *times > 1) {
            column.values = Err(NotNumeric::Doubled);
        }
    }
    Ok(Numbers { columns })
}

/// Reads the texts of the columns of a table that hold no numbers, by name: text, and of Parquet what is true or false,
/// dates, and times as RFC 3339 writes them, those without a zone as if they were UTC's. What stands for a missing
/// number stands for a missing text.
///
/// # Errors
/// Where the bytes hold no table.
pub fn texts(format: Format, bytes: &[u8], numbers: &Numbers) -> Result<BTreeMap<String, Text>, Unreadable> {
    let is_text = |column: &Column| column.values.as_ref().is_err_and(|why| *why != NotNumeric::Doubled);
    let places: Vec<usize> = (0..numbers.columns.len()).filter(|place| is_text(&numbers.columns[*place])).collect();
    if places.is_empty() {
        return Ok(BTreeMap::new());
    }
    match format {
        Format::Csv => {
            let texts = csv_texts(table_bytes(crate::artifact::Format::Csv, bytes)?, &places)?;
            let names = places.iter().map(|place| numbers.columns[*place].name.clone());
            Ok(names.zip(texts).collect())
        }
        Format::Parquet => parquet_texts(table_bytes(crate::artifact::Format::Parquet, bytes)?, &places),
    }
}

fn read_csv(text: &[u8]) -> Result<Vec<Column>, Unreadable> {
    refuse_other_encodings(text)?;
    let mut reader = csv_reader(text);
    let mut record = ::csv::ByteRecord::new();
    next_record(&mut reader, &mut record, text, 0)?;
    let names: Vec<String> = record.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    refuse_other_separators(&names)?;
    let mut columns: Vec<Column> = names.into_iter().map(|name| Column { name, values: Ok(Vec::new()) }).collect();
    let mut row = 0;
    while next_record(&mut reader, &mut record, text, row)? {
        row += 1;
        if record.len() != columns.len() {
            return Err(Unreadable::Width { row, found: record.len(), expected: columns.len() });
        }
        for (column, cell) in columns.iter_mut().zip(&record) {
            let Ok(values) = &mut column.values else { continue };
            match number(cell) {
                Some(value) => values.push(value),
                None => column.values = Err(no_number(row, cell)),
            }
        }
    }
    Ok(columns)
}

/// Refuses text in another encoding: its letters would become others.
fn refuse_other_encodings(text: &[u8]) -> Result<(), Unreadable> {
    std::str::from_utf8(text)
        .map(|_| ())
        .map_err(|error| Unreadable::NotUtf8 { line: line_of(text, error.valid_up_to()) })
}

/// Reads the record after a row, if there is one.
fn next_record(
    reader: &mut ::csv::Reader<&[u8]>,
    record: &mut ::csv::ByteRecord,
    text: &[u8],
    row: usize,
) -> Result<bool, Unreadable> {
    let from = reader.position().byte() as usize;
    let is_there = reader.read_byte_record(record).map_err(unreadable(row))?;
    let raw = text.get(from..reader.position().byte() as usize).unwrap_or_default().trim_ascii_start();
    if takes_lines(raw) {
        return Err(Unreadable::Quotes { line: line_of(text, reader.position().byte() as usize - raw.len()) });
    }
    Ok(is_there)
}

/// Whether a record runs over several lines because a quotation mark is open: those of a whole record are even.
fn takes_lines(raw: &[u8]) -> bool {
    let has_line_end = raw.trim_ascii_end().iter().any(|byte| matches!(byte, b'\n' | b'\r'));
    has_line_end && raw.iter().filter(|byte| **byte == b'"').count() % 2 == 1
}

/// The line that a byte stands in, from 1.
fn line_of(text: &[u8], byte: usize) -> usize {
    let before = text.get(..byte).unwrap_or_default();
    let ends =
        |pair: &&[u8]| pair.first() == Some(&b'\n') || (pair.first() == Some(&b'\r') && pair.get(1) != Some(&b'\n'));
    let whole = before.windows(2).filter(ends).count();
    let last = before.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r'));
    1 + whole + usize::from(last)
}

fn csv_texts(text: &[u8], places: &[usize]) -> Result<Vec<Text>, Unreadable> {
    let mut reader = csv_reader(text);
    let mut record = ::csv::ByteRecord::new();
    let mut builders: Vec<Builder> = places.iter().map(|_| Builder::default()).collect();
    let mut row = 0;
    reader.read_byte_record(&mut record).map_err(unreadable(0))?;
    while reader.read_byte_record(&mut record).map_err(unreadable(row))? {
        row += 1;
        for (builder, place) in builders.iter_mut().zip(places) {
            let cell = String::from_utf8_lossy(record.get(*place).unwrap_or_default());
            builder.push(present(&cell));
        }
    }
    Ok(builders.into_iter().map(Builder::build).collect())
}

fn csv_reader(text: &[u8]) -> ::csv::Reader<&[u8]> {
    ::csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text)
}

fn unreadable(row: usize) -> impl FnOnce(::csv::Error) -> BrokenReason {
    move |source| BrokenReason::Csv { row: row as u64, source }
}

/// The text that a cell holds, without the blanks around it; none where it is missing.
fn present(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty() && !is_missing(text)).then_some(text)
}

fn is_missing(text: &str) -> bool {
    MISSING.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// The number that a cell holds, NaN where it is missing.
fn number(cell: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(cell).ok()?.trim();
    if text.is_empty() {
        return Some(f64::NAN);
    }
    text.parse().ok().or_else(|| is_missing(text).then_some(f64::NAN))
}

fn no_number(row: usize, cell: &[u8]) -> NotNumeric {
    let text = String::from_utf8_lossy(cell);
    let value = shown(&text);
    match text.trim().replacen(',', ".", 1).parse::<f64>() {
        Ok(_) => NotNumeric::Comma { row, value },
        Err(_) => NotNumeric::Cell { row, value },
    }
}

fn read_parquet(bytes: &[u8]) -> Result<Vec<Column>, Unreadable> {
    let fields = schema(bytes)?;
    let places: Vec<usize> = (0..fields.len()).filter(|place| is_numeric(&fields[*place].dtype)).collect();
    let frame = match places.is_empty() {
        true => DataFrame::empty(),
        false => decode(bytes, &Wanted { columns: places, limits: LIMITS })?,
    };
    let mut columns = Vec::with_capacity(fields.len());
    for field in fields {
        let values = match is_numeric(&field.dtype) {
            true => Ok(floats(&frame, &field.name)?),
            false => Err(NotNumeric::Type { found: field.dtype.to_string(), wanted: wanted(&field.dtype) }),
        };
        columns.push(Column { name: field.name, values });
    }
    Ok(columns)
}

fn is_numeric(held: &Held) -> bool {
    match held {
        Held::Integer | Held::ShortInteger | Held::Float32 | Held::Float64 | Held::Nulls => true,
        Held::Instant | Held::WallClock | Held::Date => false,
        Held::Text | Held::Boolean | Held::Categories | Held::Other(_) => false,
    }
}

/// What a column should be stored as that holds no numbers.
fn wanted(held: &Held) -> &'static str {
    if *held == Held::Categories { "the categories as text" } else { "32- or 64-bit numbers" }
}

fn parquet_texts(bytes: &[u8], places: &[usize]) -> Result<BTreeMap<String, Text>, Unreadable> {
    let fields = schema(bytes)?;
    let is_readable = |place: &usize| fields.get(*place).is_some_and(|field| is_text(&field.dtype));
    let columns: Vec<usize> = places.iter().copied().filter(is_readable).collect();
    let wanted: Vec<&Field> = columns.iter().filter_map(|place| fields.get(*place)).collect();
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let frame = decode(bytes, &Wanted { columns, limits: LIMITS })?;
    let mut texts = BTreeMap::new();
    for field in wanted {
        let column = frame.columns().iter().find(|c| c.name() == &field.name).ok_or(ParquetError::Damaged)?;
        let text = match column.dtype() {
            DataType::Boolean => {
                Text::of(column.bool()?.iter().map(|value| Some(if value? { "true" } else { "false" })))
            }
            DataType::Datetime(unit, _) => instants(column, *unit)?,
            DataType::Date => dates(column)?,
            _ => Text::of(column.str()?.iter().map(|value| value.and_then(present))),
        };
        texts.insert(field.name.clone(), text);
    }
    Ok(texts)
}

fn is_text(held: &Held) -> bool {
    match held {
        Held::Text | Held::Boolean | Held::Instant | Held::WallClock | Held::Date => true,
        Held::Integer | Held::ShortInteger | Held::Float32 | Held::Float64 | Held::Nulls => false,
        Held::Categories | Held::Other(_) => false,
    }
}

fn instants(column: &polars::prelude::Column, unit: TimeUnit) -> Result<Text, Unreadable> {
    let per_second = match unit {
        TimeUnit::Milliseconds => 1_000,
        TimeUnit::Microseconds => 1_000_000,
        TimeUnit::Nanoseconds => 1_000_000_000,
    };
    let units = column.to_physical_repr();
    let told = |units: i64| Some(Timestamp::from_seconds(units.div_euclid(per_second))?.to_string());
    let times: Vec<Option<String>> = units.i64()?.iter().map(|units| told(units?)).collect();
    Ok(Text::of(times.iter().map(Option::as_deref)))
}

fn dates(column: &polars::prelude::Column) -> Result<Text, Unreadable> {
    let days = column.to_physical_repr();
    let told = |days: i32| Some(Timestamp::from_seconds(i64::from(days) * DAY)?.utc().date().to_string());
    let dates: Vec<Option<String>> = days.i32()?.iter().map(|days| told(days?)).collect();
    Ok(Text::of(dates.iter().map(Option::as_deref)))
}

fn floats(frame: &DataFrame, name: &str) -> Result<Vec<f64>, Unreadable> {
    let column = frame.columns().iter().find(|c| c.name() == name).ok_or(ParquetError::Damaged)?;
    let numbers = column.cast(&DataType::Float64)?;
    Ok(numbers.f64()?.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

#[cfg(test)]
mod tests;
