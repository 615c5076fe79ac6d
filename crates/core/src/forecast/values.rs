//! A forecast's values, as Parquet and as rows of text.

use polars::prelude::{Column, DataFrame, DataType, PolarsError, TimeUnit, TimeZone};

use crate::table::ParquetError;
use crate::table::parquet::{self, Wanted};
use crate::time::{Cadence, HOUR, Timestamp};

/// The header above [`Forecast::csv_rows`].
pub const CSV_HEADER: &str = "origin_utc,horizon_h,target_utc,forecast,lower,upper";

/// A forecast made at one origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// The first step that is forecast; nothing at or after it was known.
    pub origin: Timestamp,
    /// The distance between two steps.
    pub cadence: Cadence,
    /// The steps in order of time.
    pub points: Vec<Point>,
}

/// The forecast of one step, with the intervals that should cover 50, 80 and 95 % of the values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The start of the step.
    pub target: Timestamp,
    /// The forecast.
    pub value: f64,
    /// Lower end of the 50 % interval.
    pub lower_50: f64,
    /// Upper end of the 50 % interval.
    pub upper_50: f64,
    /// Lower end of the 80 % interval.
    pub lower_80: f64,
    /// Upper end of the 80 % interval.
    pub upper_80: f64,
    /// Lower end of the 95 % interval.
    pub lower_95: f64,
    /// Upper end of the 95 % interval.
    pub upper_95: f64,
}

/// Bytes that are no forecast, or a forecast that has no bytes.
#[derive(Debug, thiserror::Error)]
pub enum ValuesError {
    /// The table cannot be read or written.
    #[error("the forecast's table: {0}")]
    Parquet(#[from] ParquetError),
    /// A column is missing or of another type.
    #[error("the forecast's table has other columns: {0}")]
    Columns(#[from] PolarsError),
    /// A column has an empty cell.
    #[error("column `{column}` of the forecast has an empty cell")]
    Empty {
        /// The column.
        column: &'static str,
    },
    /// The table has no rows, so there is no origin.
    #[error("the forecast has no rows")]
    NoRows,
    /// The steps do not follow one another from the origin on.
    #[error("row {row} of the forecast is not the step that follows")]
    Uneven {
        /// The row, from 0.
        row: usize,
    },
    /// The distance between steps is no cadence.
    #[error("{seconds} seconds are no cadence of a forecast")]
    Cadence {
        /// The distance that was found.
        seconds: i64,
    },
    /// A time lies outside the supported years.
    #[error("column `{column}` of the forecast has a time outside the years 1900 to 2199")]
    Time {
        /// The column.
        column: &'static str,
    },
}

const VALUES: [&str; 7] = ["forecast", "lower_50", "upper_50", "lower_80", "upper_80", "lower_95", "upper_95"];

impl Forecast {
    /// The forecast as Parquet; the same forecast always gives the same bytes.
    ///
    /// # Errors
    /// Where the table cannot be written.
    pub fn to_parquet(&self) -> Result<Vec<u8>, ValuesError> {
        let origins = vec![self.origin; self.points.len()];
        let targets: Vec<Timestamp> = self.points.iter().map(|p| p.target).collect();
        let seconds = vec![self.cadence.seconds(); self.points.len()];
        let mut columns = vec![
            time_column("origin_utc", &origins)?,
            time_column("target_utc", &targets)?,
            Column::new("step_seconds".into(), seconds),
        ];
        for (place, name) in VALUES.into_iter().enumerate() {
            let values: Vec<f64> = self.points.iter().map(|p| p.values()[place]).collect();
            columns.push(Column::new(name.into(), values));
        }
        Ok(to_parquet(columns)?)
    }

    /// Reads what [`Self::to_parquet`] wrote.
    ///
    /// # Errors
    /// Where the bytes are no such table or its steps do not follow one another.
    pub fn from_parquet(bytes: &[u8]) -> Result<Self, ValuesError> {
        let table = parquet::decode(bytes, &Wanted::all(&parquet::schema(bytes)?))?;
        let origins = times(&table, "origin_utc")?;
        let targets = times(&table, "target_utc")?;
        let seconds = integers(&table, "step_seconds")?;
        let (Some(&origin), Some(&seconds)) = (origins.first(), seconds.first()) else {
            return Err(ValuesError::NoRows);
        };
        let cadence = [Cadence::QuarterHour, Cadence::Hour, Cadence::Day]
            .into_iter()
            .find(|cadence| cadence.seconds() == seconds)
            .ok_or(ValuesError::Cadence { seconds })?;
        let expected = |row: usize| origin.plus(row as i64 * cadence.seconds());
        if let Some(row) = (0..targets.len()).find(|&row| targets[row] != expected(row) || origins[row] != origin) {
            return Err(ValuesError::Uneven { row });
        }
        let mut columns = Vec::new();
        for name in VALUES {
            columns.push(numbers(&table, name)?);
        }
        let point = |(row, target)| Point::new(target, std::array::from_fn(|place| columns[place][row]));
        Ok(Self { origin, cadence, points: targets.into_iter().enumerate().map(point).collect() })
    }

    /// One line of text for each step, in the order of [`CSV_HEADER`], with the 80 % interval.
    ///
    /// A number is written as the shortest text that reads back as the same number, so that two files of the same
    /// forecasts are equal byte for byte. The first step has horizon 0.
    pub fn csv_rows(&self) -> impl Iterator<Item = String> + '_ {
        self.points.iter().map(|point| {
            let hours = point.target.since(self.origin) as f64 / HOUR as f64;
            let Point { target, value, lower_80, upper_80, .. } = point;
            format!("{},{hours},{target},{value},{lower_80},{upper_80}", self.origin)
        })
    }

    /// The forecast values in order of time.
    pub fn values(&self) -> Vec<f64> {
        self.points.iter().map(|p| p.value).collect()
    }
}

impl Point {
    fn new(target: Timestamp, values: [f64; VALUES.len()]) -> Self {
        let [value, lower_50, upper_50, lower_80, upper_80, lower_95, upper_95] = values;
        Self { target, value, lower_50, upper_50, lower_80, upper_80, lower_95, upper_95 }
    }

    /// The numbers in the order of the table's columns.
    fn values(&self) -> [f64; VALUES.len()] {
        let Self { target: _, value, lower_50, upper_50, lower_80, upper_80, lower_95, upper_95 } = *self;
        [value, lower_50, upper_50, lower_80, upper_80, lower_95, upper_95]
    }
}

/// The columns as Parquet.
pub(crate) fn to_parquet(columns: Vec<Column>) -> Result<Vec<u8>, ParquetError> {
    let height = columns.first().map_or(0, Column::len);
    parquet::encode(&mut DataFrame::new(height, columns)?)
}

/// A column of times in UTC, to the millisecond as everywhere in the store.
pub(crate) fn time_column(name: &str, times: &[Timestamp]) -> Result<Column, PolarsError> {
    let milliseconds: Vec<i64> = times.iter().map(|t| t.seconds() * 1_000).collect();
    Column::new(name.into(), milliseconds).cast(&DataType::Datetime(TimeUnit::Milliseconds, Some(TimeZone::UTC)))
}

fn times(table: &DataFrame, column: &'static str) -> Result<Vec<Timestamp>, ValuesError> {
    let milliseconds = integers(table, column)?;
    let time = |ms: i64| Timestamp::from_seconds(ms.div_euclid(1_000)).ok_or(ValuesError::Time { column });
    milliseconds.into_iter().map(time).collect()
}

fn integers(table: &DataFrame, column: &'static str) -> Result<Vec<i64>, ValuesError> {
    let whole = table.column(column)?.cast(&DataType::Int64)?;
    whole.i64()?.iter().collect::<Option<_>>().ok_or(ValuesError::Empty { column })
}

fn numbers(table: &DataFrame, column: &'static str) -> Result<Vec<f64>, ValuesError> {
    table.column(column)?.f64()?.iter().collect::<Option<_>>().ok_or(ValuesError::Empty { column })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forecast() -> Forecast {
        let origin: Timestamp = "2023-01-01".parse().unwrap();
        let point = |h: i64| {
            let v = 100.0 + h as f64 / 3.0;
            Point::new(origin.plus(h * HOUR), [v, v - 1.0, v + 1.0, v - 2.0, v + 2.0, v - 3.0, v + 3.0])
        };
        Forecast { origin, cadence: Cadence::Hour, points: (0..96).map(point).collect() }
    }

    #[test]
    fn a_forecast_reads_back_as_it_was_written() {
        let bytes = forecast().to_parquet().unwrap();
        assert_eq!(Forecast::from_parquet(&bytes).unwrap(), forecast());
    }

    #[test]
    fn the_same_forecast_gives_the_same_bytes() {
        assert_eq!(forecast().to_parquet().unwrap(), forecast().to_parquet().unwrap());
    }

    #[test]
    fn a_forecast_with_a_step_left_out_is_refused() {
        let mut gap = forecast();
        gap.points.remove(5);
        let refused = Forecast::from_parquet(&gap.to_parquet().unwrap());
        assert!(matches!(refused, Err(ValuesError::Uneven { row: 5 })));
    }

    #[test]
    fn a_forecast_without_steps_is_refused() {
        let empty = Forecast { points: Vec::new(), ..forecast() };
        assert!(matches!(Forecast::from_parquet(&empty.to_parquet().unwrap()), Err(ValuesError::NoRows)));
    }

    #[test]
    fn other_bytes_are_refused() {
        assert!(matches!(Forecast::from_parquet(b"no table"), Err(ValuesError::Parquet(_))));
    }

    #[test]
    fn a_row_of_text_has_the_shortest_exact_numbers() {
        let rows: Vec<String> = forecast().csv_rows().collect();
        assert_eq!(rows[0], "2023-01-01T00:00:00Z,0,2023-01-01T00:00:00Z,100,98,102");
        let third: f64 = 100.0 + 1.0 / 3.0;
        let expected = format!("2023-01-01T00:00:00Z,1,2023-01-01T01:00:00Z,{third},{},{}", third - 2.0, third + 2.0);
        assert_eq!(rows[1], expected);
        let text = rows[1].split(',').nth(3).unwrap();
        assert_eq!(text.parse::<f64>().unwrap().to_bits(), third.to_bits());
    }
}
