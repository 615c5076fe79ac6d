//! Rows of a series: a time and the columns that are kept, sorted by time, every time once.
//!
//! How rows are held (a polars data frame) is known here; Parquet is written and read in [`parquet`] alone.

use polars::prelude::{
    Column, DataFrame, DataType, Float64Chunked, Int64Chunked, IntoSeries, NewChunkedArray, TimeUnit, TimeZone,
};

use crate::history::History;
use crate::time::{Cadence, Timestamp};

mod merge;
pub(crate) mod parquet;
#[cfg(test)]
mod tests;

pub use parquet::ParquetError;

/// The name of the time column.
pub const TIME_COLUMN: &str = "timestamp_utc";

/// Rows sorted by time, every time once; a cell is a finite number or empty.
#[derive(Clone, Debug)]
pub struct Table {
    frame: DataFrame,
}

/// Rows that make no table, or bytes that hold none.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The bytes cannot be read as Parquet.
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    /// The first column is not the time column.
    #[error("the first column is `{found}`, not the times in `{TIME_COLUMN}`")]
    TimeColumn {
        /// What the first column is.
        found: String,
    },
    /// A column holds something other than numbers.
    #[error("column `{column}` holds {found}, not 64-bit numbers")]
    ColumnType {
        /// The column.
        column: String,
        /// What it holds.
        found: String,
    },
    /// A row has no time, or one outside the supported years.
    #[error("row {row} has no time of the years 1900 to 2199 in whole seconds")]
    Time {
        /// The row, from 1.
        row: usize,
    },
    /// A time is not after the one before it.
    #[error("the time of row {row}, {time}, is not after that of the row before it")]
    Order {
        /// The row, from 1.
        row: usize,
        /// Its time.
        time: Timestamp,
    },
    /// A cell holds NaN or infinity.
    #[error("column `{column}` is not a finite number at {time}")]
    NotFinite {
        /// The column.
        column: String,
        /// The time of its row.
        time: Timestamp,
    },
    /// A row has more or fewer cells than there are columns.
    #[error("the row at {time} has {found} cells for {expected} columns")]
    Width {
        /// The time of the row.
        time: Timestamp,
        /// Its cells.
        found: usize,
        /// The columns.
        expected: usize,
    },
    /// There is no such column.
    #[error("there is no column `{column}`; there are {found}")]
    UnknownColumn {
        /// The column asked for.
        column: String,
        /// The columns there are.
        found: String,
    },
    /// The table has no row where one is needed.
    #[error("the table has no row")]
    Empty,
    /// A time does not lie on the grid of the cadence.
    #[error("{time} is not the start of a step of the series' cadence")]
    OffGrid {
        /// The time.
        time: Timestamp,
    },
    /// The data frame refused the columns, for example for a name that stands twice.
    #[error("the columns make no table: {0}")]
    Frame(#[from] polars::prelude::PolarsError),
}

impl Table {
    /// A table of these columns without a row.
    ///
    /// # Errors
    /// Where a column stands twice.
    pub fn empty(columns: &[&str]) -> Result<Self, TableError> {
        Self::from_columns(&owned(columns), &[], vec![Vec::new(); columns.len()])
    }

    /// A table of these rows, in any order: a time and one cell a column.
    ///
    /// # Errors
    /// Where a row's width is not that of the columns, a time stands twice, a number is not finite or a column twice.
    pub fn from_rows<R>(columns: &[&str], rows: R) -> Result<Self, TableError>
    where
        R: IntoIterator<Item = (Timestamp, Vec<Option<f64>>)>,
    {
        let mut rows: Vec<_> = rows.into_iter().collect();
        rows.sort_by_key(|(time, _)| *time);
        let times: Vec<Timestamp> = rows.iter().map(|(time, _)| *time).collect();
        let mut values = vec![Vec::with_capacity(rows.len()); columns.len()];
        for (time, cells) in rows {
            if cells.len() != columns.len() {
                return Err(TableError::Width { time, found: cells.len(), expected: columns.len() });
            }
            for ((cell, column), name) in cells.into_iter().zip(&mut values).zip(columns) {
                if cell.is_some_and(|v| !v.is_finite()) {
                    return Err(TableError::NotFinite { column: (*name).to_owned(), time });
                }
                column.push(cell.unwrap_or(f64::NAN));
            }
        }
        Self::from_columns(&owned(columns), &times, values)
    }

    /// A table of whole columns, where `NaN` is an empty cell; the times must rise.
    pub(crate) fn from_columns(
        names: &[String],
        times: &[Timestamp],
        values: Vec<Vec<f64>>,
    ) -> Result<Self, TableError> {
        for (row, pair) in times.windows(2).enumerate() {
            if pair[0] >= pair[1] {
                return Err(TableError::Order { row: row + 2, time: pair[1] });
            }
        }
        let milliseconds = times.iter().map(|t| t.seconds() * 1_000).collect();
        let times_column = Int64Chunked::from_vec(TIME_COLUMN.into(), milliseconds)
            .into_datetime(TimeUnit::Milliseconds, Some(TimeZone::UTC))
            .into_series();
        let mut columns = vec![Column::from(times_column)];
        for (name, cells) in names.iter().zip(values) {
            if let Some((_, time)) = cells.iter().zip(times).find(|(v, _)| v.is_infinite()) {
                return Err(TableError::NotFinite { column: name.clone(), time: *time });
            }
            let cells = cells.into_iter().map(|v| if v.is_nan() { None } else { Some(v) });
            columns.push(Column::from(Float64Chunked::from_iter_options(name.as_str().into(), cells).into_series()));
        }
        Ok(Self { frame: DataFrame::new(times.len(), columns)? })
    }

    /// The number of rows.
    pub fn rows(&self) -> u64 {
        self.frame.height() as u64
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.frame.height() == 0
    }

    /// The names of the columns, without that of the time.
    pub fn columns(&self) -> Vec<&str> {
        self.frame.columns().iter().skip(1).map(|c| c.name().as_str()).collect()
    }

    /// The times of the rows, rising.
    pub fn times(&self) -> Vec<Timestamp> {
        let Some(column) = self.frame.columns().first() else { return Vec::new() };
        let physical = column.to_physical_repr();
        let Ok(milliseconds) = physical.i64() else { return Vec::new() };
        milliseconds.iter().flatten().filter_map(|ms| Timestamp::from_seconds(ms.div_euclid(1_000))).collect()
    }

    /// The time of the first row.
    pub fn first(&self) -> Option<Timestamp> {
        self.between_rows(0, 1).times().first().copied()
    }

    /// The time of the last row.
    pub fn last(&self) -> Option<Timestamp> {
        self.between_rows(self.frame.height().saturating_sub(1), 1).times().last().copied()
    }

    /// The cells of a column in the order of [`Self::times`].
    ///
    /// # Errors
    /// Where there is no such column.
    pub fn values(&self, column: &str) -> Result<Vec<Option<f64>>, TableError> {
        let unknown = || TableError::UnknownColumn { column: column.to_owned(), found: self.columns().join(", ") };
        let found = self.frame.columns().iter().skip(1).find(|c| c.name() == column).ok_or_else(unknown)?;
        Ok(found.f64()?.iter().collect())
    }

    /// The rows of `from <= time < until`.
    pub fn between(&self, from: Timestamp, until: Timestamp) -> Self {
        let times = self.times();
        let first = times.partition_point(|t| *t < from);
        let end = times.partition_point(|t| *t < until).max(first);
        self.between_rows(first, end - first)
    }

    /// A column on the even grid of a cadence, from the first row's time to the last's; `NaN` where a row or cell is
    /// missing, so that a gap stays one.
    ///
    /// # Errors
    /// Where there is no row, no such column, or a time that is no step of the cadence.
    pub fn history(&self, column: &str, cadence: Cadence) -> Result<History, TableError> {
        let values = self.values(column)?;
        let times = self.times();
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return Err(TableError::Empty) };
        let step = cadence.seconds();
        let mut grid = vec![f64::NAN; (last.since(*first) / step) as usize + 1];
        for (time, value) in times.iter().zip(values) {
            if !cadence.is_aligned(*time) {
                return Err(TableError::OffGrid { time: *time });
            }
            grid[(time.since(*first) / step) as usize] = value.unwrap_or(f64::NAN);
        }
        Ok(History::new(*first, cadence, grid))
    }

    /// One table of several: each cell is that of the latest table that has one for its time and column, so that a
    /// later table revises an earlier one and an empty cell erases nothing.
    ///
    /// # Errors
    /// Where a column is called like the time column.
    pub fn merge(tables: &[Self]) -> Result<Self, TableError> {
        merge::merge(tables)
    }

    /// The table as Parquet: equal tables give equal bytes, and reading gives every number back bit for bit.
    ///
    /// # Errors
    /// Where the encoder fails.
    pub fn to_parquet(&self) -> Result<Vec<u8>, TableError> {
        // Written from fresh columns: a slice or a merge may lie in memory in another way than the same rows read back.
        let mut canonical = Self::from_columns(&owned(&self.columns()), &self.times(), self.cells()?)?;
        Ok(parquet::encode(&mut canonical.frame)?)
    }

    /// Reads what [`Self::to_parquet`] wrote.
    ///
    /// # Errors
    /// Where the bytes are damaged, no Parquet, or hold something other than a table.
    pub fn from_parquet(bytes: &[u8]) -> Result<Self, TableError> {
        let schema = parquet::schema(bytes)?;
        let names: Vec<String> = schema.iter().skip(1).map(|field| field.name.clone()).collect();
        if let Some(field) = schema.iter().skip(1).find(|f| f.dtype != parquet::Held::Float64) {
            return Err(TableError::ColumnType { column: field.name.clone(), found: field.dtype.to_string() });
        }
        if !schema.first().is_some_and(|f| f.name == TIME_COLUMN && f.dtype == parquet::Held::Instant) {
            let found = schema.first().map_or_else(|| "missing".to_owned(), |f| f.name.clone());
            return Err(TableError::TimeColumn { found });
        }
        let frame = parquet::decode(bytes, &parquet::Wanted::all(&schema))?;
        let times = stored_times(&frame)?;
        let mut values = Vec::with_capacity(names.len());
        for (column, name) in frame.columns().iter().skip(1).zip(&names) {
            values.push(stored_cells(column, name, &times)?);
        }
        Self::from_columns(&names, &times, values)
    }

    /// All columns with `NaN` for an empty cell.
    fn cells(&self) -> Result<Vec<Vec<f64>>, TableError> {
        let read = |c: &Column| Ok(c.f64()?.iter().map(|v| v.unwrap_or(f64::NAN)).collect());
        self.frame.columns().iter().skip(1).map(read).collect()
    }

    fn between_rows(&self, offset: usize, length: usize) -> Self {
        Self { frame: self.frame.slice(offset as i64, length) }
    }
}

/// Tables are equal where they have the same columns, times and cells.
impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        self.frame.equals_missing(&other.frame)
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

fn stored_times(frame: &DataFrame) -> Result<Vec<Timestamp>, TableError> {
    let Some(column) = frame.columns().first() else {
        return Err(TableError::TimeColumn { found: "missing".to_owned() });
    };
    let DataType::Datetime(TimeUnit::Milliseconds, _) = column.dtype() else {
        return Err(TableError::TimeColumn { found: column.dtype().to_string() });
    };
    let physical = column.to_physical_repr();
    let mut times = Vec::with_capacity(frame.height());
    for (row, milliseconds) in physical.i64()?.iter().enumerate() {
        let whole = milliseconds.filter(|ms| ms.rem_euclid(1_000) == 0).map(|ms| ms.div_euclid(1_000));
        times.push(whole.and_then(Timestamp::from_seconds).ok_or(TableError::Time { row: row + 1 })?);
    }
    Ok(times)
}

fn stored_cells(column: &Column, name: &str, times: &[Timestamp]) -> Result<Vec<f64>, TableError> {
    let mut cells = Vec::with_capacity(times.len());
    for (cell, time) in column.f64()?.iter().zip(times) {
        if cell.is_some_and(|v| !v.is_finite()) {
            return Err(TableError::NotFinite { column: name.to_owned(), time: *time });
        }
        cells.push(cell.unwrap_or(f64::NAN));
    }
    Ok(cells)
}
