//! Forecasts: naive ones, a ridge regression on lags and calendar, its intervals, and the values that come out.
//!
//! Everything here uses what was known at the origin and nothing later; a property test holds it to that.

pub mod baseline;
mod calendar;
mod interval;
mod lags;
mod recent;
mod ridge;
pub(crate) mod values;

use serde::{Deserialize, Serialize};

pub use interval::{HalfWidths, Intervals, TooFewErrors};
pub use recent::{NEEDED_DAYS, RecentError};
pub use ridge::{ModelError, PredictError, Ridge, SolveError};
pub use values::{CSV_HEADER, Forecast, Point, ValuesError};

use crate::history::History;
use crate::series::Definition;
use crate::time::{DAY, Timestamp};

/// A model as training leaves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// Fitted on hours before the holdout; evaluation compares this one.
    pub candidate: Ridge,
    /// The same recipe fitted on every hour; a promoted model forecasts with this one.
    pub serving: Ridge,
    /// The first hour that the candidate does not know.
    pub holdout_start: Timestamp,
    /// The end of the hours that the serving model knows.
    pub trained_until: Timestamp,
    /// Half widths around a forecast, from the candidate's errors in the holdout.
    pub intervals: Intervals,
}

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The regression has no solution.
    #[error(transparent)]
    Ridge(#[from] ridge::FitError),
    /// The holdout is too thin.
    #[error(transparent)]
    Intervals(#[from] TooFewErrors),
}

/// Fits the model of a series on its history, which ends at the origin that training serves.
///
/// # Errors
/// Where the history is too short, too thin or constant.
pub fn fit(definition: &Definition, history: &History) -> Result<Fitted, FitError> {
    let trained_until = history.end();
    let holdout_start = trained_until.plus(-i64::from(definition.forecast.holdout_days) * DAY);
    let pair = ridge::fit_pair(definition, history, holdout_start)?;
    let intervals = Intervals::learn(&pair.candidate, history, holdout_start)?;
    Ok(Fitted { candidate: pair.candidate, serving: pair.serving, holdout_start, trained_until, intervals })
}

/// Makes the forecast from an origin, with the intervals kept inside the values that can be.
///
/// # Errors
/// Where the newest weeks before the origin cannot be forecast from.
pub fn issue(
    serving: &Ridge,
    intervals: &Intervals,
    history: &History,
    origin: Timestamp,
) -> Result<Forecast, PredictError> {
    let values = serving.predict(history, origin)?;
    let cadence = history.cadence();
    let point = |(step, (value, half)): (usize, (f64, &HalfWidths))| {
        let around = |width: f64| (serving.bounded(value - width), serving.bounded(value + width));
        let ((lower_50, upper_50), (lower_80, upper_80)) = (around(half.half_50), around(half.half_80));
        let (lower_95, upper_95) = around(half.half_95);
        let target = origin.plus(step as i64 * cadence.seconds());
        Point { target, value, lower_50, upper_50, lower_80, upper_80, lower_95, upper_95 }
    };
    let points = values.into_iter().zip(intervals.steps()).enumerate().map(point).collect();
    Ok(Forecast { origin, cadence, points })
}

#[cfg(test)]
pub(crate) mod tests;
