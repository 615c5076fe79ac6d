//! Reads Parquet: only the needed columns, each as what it is stored as.

use std::borrow::Cow;

use polars::prelude::{Column, DataFrame, DataType, Float64Chunked, Int32Chunked, Int64Chunked};
use polars::prelude::{IdxCa, IdxSize, PolarsResult, StringChunked, TimeUnit};

use super::broken::BrokenReason;
use super::cell::Cell;
use super::columns::Places;
use super::judge::Judge;
use crate::series::Definition;
use crate::table::ParquetError;
use crate::table::parquet::{Field, Held, Limits, Wanted, decode, encode, schema};
use crate::time::{Cadence, Timestamp};

pub(super) fn read(bytes: &[u8], judge: &mut Judge<'_>) -> Result<(), BrokenReason> {
    let definition = judge.definition();
    let Opened { places, frame, time } = Opened::open(bytes, definition)?;
    let mut columns = Vec::new();
    for (place, name) in places.cells().zip(definition.columns()) {
        columns.push(match place {
            Some(_) => stored(&frame, name)?,
            None => Stored::Nulls,
        });
    }
    for row in 0..frame.height() {
        let cells: Vec<Cell<'_>> = columns.iter().map(|c| c.cell(row)).collect();
        judge.judge(&time.cell(row), &cells)?;
    }
    Ok(())
}

/// A file with the columns that the definition names, each as what it is stored as.
struct Opened {
    places: Places,
    frame: DataFrame,
    time: Stored,
}

impl Opened {
    fn open(bytes: &[u8], definition: &Definition) -> Result<Self, BrokenReason> {
        let fields = schema(bytes)?;
        let names: Vec<String> = fields.iter().map(|f| f.name.clone()).collect();
        let places = Places::find(definition, &names)?;
        check_types(definition, &places, &fields)?;
        let frame = decode(bytes, &wanted(definition, &places)).map_err(refused)?;
        let time = stored(&frame, &definition.source.time_column)?;
        Ok(Self { places, frame, time })
    }
}

/// The rows of a file with the times that stand in them, for a history that is cut into batches.
pub(crate) struct Rows {
    frame: DataFrame,
    /// The time of each row; none where ingestion would refuse it.
    pub(crate) times: Vec<Option<Timestamp>>,
}

impl Rows {
    /// Reads the columns that the definition names.
    pub(crate) fn read(bytes: &[u8], definition: &Definition) -> Result<Self, BrokenReason> {
        let Opened { frame, time, .. } = Opened::open(bytes, definition)?;
        let times = (0..frame.height()).map(|row| time.cell(row).time(definition.cadence).ok()).collect();
        Ok(Self { frame, times })
    }

    /// A file of these rows, in this order.
    pub(crate) fn part(&self, rows: &[usize]) -> Result<Vec<u8>, ParquetError> {
        let places: Vec<IdxSize> = rows.iter().map(|row| *row as IdxSize).collect();
        let places = IdxCa::from_vec("row".into(), places);
        encode(&mut self.frame.take(&places)?)
    }
}

fn wanted(definition: &Definition, places: &Places) -> Wanted {
    let mut columns: Vec<usize> = places.cells().flatten().chain([places.time]).collect();
    columns.sort_unstable();
    let contract = &definition.contract;
    Wanted { columns, limits: Limits { rows: contract.upload_rows, bytes: contract.upload_bytes } }
}

fn refused(error: ParquetError) -> BrokenReason {
    match error {
        ParquetError::Rows { found, most } => BrokenReason::TooManyRows { found: Some(found), most },
        ParquetError::Bytes { found, most } => BrokenReason::TooManyBytes { found, most },
        ParquetError::Library(_) | ParquetError::Impossible(_) | ParquetError::Encoding(_) | ParquetError::Damaged => {
            BrokenReason::Parquet(error)
        }
    }
}

fn check_types(definition: &Definition, places: &Places, fields: &[Field]) -> Result<(), BrokenReason> {
    let Some(time) = fields.get(places.time) else { return Ok(()) };
    let can_be_time = match &time.dtype {
        Held::Instant | Held::Integer | Held::Float64 | Held::Text | Held::Nulls => true,
        Held::Date => definition.cadence == Cadence::Day,
        Held::WallClock | Held::ShortInteger | Held::Float32 | Held::Boolean | Held::Categories | Held::Other(_) => {
            false
        }
    };
    if !can_be_time {
        return Err(unfit(time, "times with the zone UTC, or text such as 2023-03-26T01:00:00Z"));
    }
    for field in places.cells().flatten().filter_map(|place| fields.get(place)) {
        match &field.dtype {
            Held::Integer | Held::Float32 | Held::Float64 | Held::Text | Held::Nulls => {}
            Held::Instant
            | Held::WallClock
            | Held::Date
            | Held::ShortInteger
            | Held::Boolean
            | Held::Categories
            | Held::Other(_) => return Err(unfit(field, "numbers")),
        }
    }
    Ok(())
}

fn unfit(field: &Field, wanted: &'static str) -> BrokenReason {
    BrokenReason::ColumnType { column: field.name.clone(), found: field.dtype.to_string(), wanted }
}

/// A column as it is stored.
enum Stored {
    Instants { values: Int64Chunked, per_second: i64 },
    Dates(Int32Chunked),
    Numbers(Float64Chunked),
    Text(StringChunked),
    Nulls,
}

impl Stored {
    fn cell(&self, row: usize) -> Cell<'_> {
        let cell = match self {
            Self::Instants { values, per_second } => values.get(row).map(|ticks| Cell::Instant {
                seconds: ticks.div_euclid(*per_second),
                fraction: ticks.rem_euclid(*per_second) != 0,
            }),
            Self::Dates(days) => days.get(row).map(Cell::Date),
            Self::Numbers(numbers) => numbers.get(row).map(Cell::Number),
            Self::Text(texts) => texts.get(row).map(|text| Cell::Text(Cow::Borrowed(text))),
            Self::Nulls => None,
        };
        cell.unwrap_or(Cell::Empty)
    }
}

fn stored(frame: &DataFrame, name: &str) -> Result<Stored, BrokenReason> {
    let found = frame.columns().iter().find(|c| c.name() == name).ok_or(ParquetError::Damaged)?;
    typed(found).map_err(|error| BrokenReason::Parquet(ParquetError::Library(error)))
}

fn typed(column: &Column) -> PolarsResult<Stored> {
    Ok(match column.dtype() {
        DataType::Datetime(unit, _) => {
            let per_second = match unit {
                TimeUnit::Milliseconds => 1_000,
                TimeUnit::Microseconds => 1_000_000,
                TimeUnit::Nanoseconds => 1_000_000_000,
            };
            Stored::Instants { values: column.to_physical_repr().i64()?.clone(), per_second }
        }
        DataType::Date => Stored::Dates(column.to_physical_repr().i32()?.clone()),
        DataType::String => Stored::Text(column.str()?.clone()),
        DataType::Null => Stored::Nulls,
        _ => Stored::Numbers(column.cast(&DataType::Float64)?.f64()?.clone()),
    })
}
