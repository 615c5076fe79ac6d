//! Every forecast of a contest beside what came to pass, and the errors of each contender.

use polars::prelude::Column;
use serde::{Deserialize, Serialize};

use crate::forecast::values::{time_column, to_parquet};
use crate::table::ParquetError;
use crate::time::{Cadence, Timestamp};

/// A contender's errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contender {
    /// Its name: `challenger`, `champion` or a naive forecast's.
    pub name: String,
    /// Mean absolute error, in the series' unit, which decides.
    pub mae: f64,
    /// Mean absolute percentage error, in %, over the hours whose actual value is not zero.
    pub mape: Option<f64>,
    /// Mean absolute error of the first, second, ... day of the forecasts.
    pub mae_by_day: Vec<Option<f64>>,
}

/// Forecasts and actual values of a contest, hour by hour.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    pub(super) names: Vec<&'static str>,
    pub(super) rows: Vec<Row>,
}

/// One hour of one origin.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub origin: Timestamp,
    pub step: usize,
    pub target: Timestamp,
    pub actual: f64,
    /// Forecasts in the order of the names.
    pub forecasts: Vec<f64>,
}

impl Predictions {
    /// The table as Parquet: origin, step of the horizon from 0, target, actual value, and a column for each contender.
    /// The same contest always gives the same bytes.
    ///
    /// # Errors
    /// Where the table cannot be written.
    pub fn to_parquet(&self) -> Result<Vec<u8>, ParquetError> {
        let times = |of: fn(&Row) -> Timestamp| self.rows.iter().map(of).collect::<Vec<_>>();
        let mut columns = vec![
            time_column("origin_utc", &times(|row| row.origin))?,
            Column::new("step".into(), self.rows.iter().map(|row| row.step as i64).collect::<Vec<_>>()),
            time_column("target_utc", &times(|row| row.target))?,
            Column::new("actual".into(), self.rows.iter().map(|row| row.actual).collect::<Vec<_>>()),
        ];
        for (place, name) in self.names.iter().enumerate() {
            let values: Vec<f64> = self.rows.iter().map(|row| row.forecasts[place]).collect();
            columns.push(Column::new((*name).into(), values));
        }
        to_parquet(columns)
    }

    /// Rows of the table.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the table has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(super) fn origins(&self) -> usize {
        self.rows.chunk_by(|a, b| a.origin == b.origin).count()
    }

    pub(super) fn contenders(&self, cadence: Cadence) -> Vec<Contender> {
        self.names.iter().enumerate().map(|(place, name)| self.contender(place, name, cadence)).collect()
    }

    fn contender(&self, place: usize, name: &str, cadence: Cadence) -> Contender {
        let error = |row: &Row| row.error(place);
        let steps = self.rows.iter().map(|row| row.step + 1).max().unwrap_or(0);
        let day = |row: &Row| row.step / cadence.per_day();
        let of_day = |wanted| mean(self.rows.iter().filter(|row| day(row) == wanted).map(error));
        let percentages = self.rows.iter().filter(|row| row.actual != 0.0).map(|row| error(row) / row.actual.abs());
        Contender {
            name: name.to_owned(),
            mae: mean(self.rows.iter().map(error)).unwrap_or(f64::MAX),
            mape: mean(percentages).map(|share| 100.0 * share),
            mae_by_day: (0..steps.div_ceil(cadence.per_day())).map(of_day).collect(),
        }
    }
}

impl Row {
    /// How far off a contender was, by its place among the names.
    pub fn error(&self, place: usize) -> f64 {
        (self.forecasts[place] - self.actual).abs()
    }
}

pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}
