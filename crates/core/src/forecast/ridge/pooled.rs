//! Pooled ridge regression: one linear model for all steps of a day of the horizon, where the direct one has an
//! equation for each step.
//!
//! Lags are counted back from the target in whole days and told against the last day's level, so that a weight means
//! the same at every step. What the newest hours tell fades within a day: it stands there twice, as it is and times a
//! factor that falls with the step.

mod fit;
mod lags;

use serde::{Deserialize, Serialize};

use self::lags::{Lags, Seen};
use super::super::baseline::mean;
use super::super::calendar::{self, Calendar, Describes};
use super::super::error::{ModelError, PredictError};
use super::super::explain::{Input, Terms};
use super::super::inputs::Inputs;
use super::{dot, newest_month};
use crate::time::{Cadence, Timestamp};

/// A fitted model: weights for each day of the horizon, in the series' own unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Pooled {
    cadence: Cadence,
    steps: usize,
    time_zone: String,
    /// Which calendar features and which lags the weights belong to.
    calendar_features: u32,
    pooled_lags: u32,
    days: Vec<Weights>,
}

#[derive(Deserialize)]
struct Parts {
    cadence: Cadence,
    steps: usize,
    time_zone: String,
    calendar_features: u32,
    pooled_lags: u32,
    days: Vec<Weights>,
}

/// The weights of one day of the horizon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Weights {
    lags: Lags,
    /// The first belongs to a feature that is always 1, the intercept.
    calendar: Vec<f64>,
}

impl Pooled {
    /// Steps that it forecasts.
    pub(in super::super) fn steps(&self) -> usize {
        self.steps
    }

    /// Forecasts the steps from `origin` on, from the four weeks before it.
    ///
    /// # Errors
    /// Where the newest weeks are not there, too old or too thin, or the history has another cadence.
    pub(in super::super) fn predict(&self, inputs: &Inputs, origin: Timestamp) -> Result<Vec<f64>, PredictError> {
        let seen = Seen::new(newest_month(&inputs.own, self.cadence, origin)?, self.cadence);
        let calendar = self.calendar();
        let forecast = |step: usize| {
            let weights = &self.days[step / self.cadence.per_day()];
            let described = calendar.features(origin.plus(step as i64 * self.cadence.seconds()));
            let value = seen.guess(step) + weights.lags.times(&seen.lags(step)) + dot(&weights.calendar, &described);
            if value.is_finite() { Ok(value) } else { Err(PredictError::NotFinite { origin, step }) }
        };
        (0..self.steps).map(forecast).collect()
    }

    /// The parts of the forecast of every step, beside the mean of the last four weeks.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub(in super::super) fn explain(&self, inputs: &Inputs, origin: Timestamp) -> Result<Vec<Terms>, PredictError> {
        let month = newest_month(&inputs.own, self.cadence, origin)?;
        let (base, seen) = (mean(&month), Seen::new(month, self.cadence));
        let calendar = self.calendar();
        let describes = calendar.describes();
        let explain = |step: usize| {
            let Weights { lags: weights, calendar: by_calendar } = &self.days[step / self.cadence.per_day()];
            let lags = seen.lags(step);
            let mut parts = Terms::default();
            parts.put(Input::Level, seen.level() - base + dot(&weights.levels, &lags.levels));
            parts.put(Input::UsualShape, seen.guess(step) - seen.level() + dot(&weights.shape, &lags.shape));
            parts.put(Input::LastDay, dot(&weights.last_day, &lags.last_day));
            parts.put(Input::Earlier, dot(&weights.earlier, &lags.earlier));
            let described = calendar.features(origin.plus(step as i64 * self.cadence.seconds()));
            for ((weight, value), describes) in by_calendar.iter().zip(described).zip(&describes) {
                let input = match describes {
                    Describes::Level | Describes::Week => Input::DayAndWeek,
                    Describes::Season => Input::Season,
                };
                parts.put(input, weight * value);
            }
            parts
        };
        Ok((0..self.steps).map(explain).collect())
    }

    fn calendar(&self) -> Calendar {
        Calendar::of_model(&self.time_zone, self.cadence)
    }
}

impl TryFrom<Parts> for Pooled {
    type Error = ModelError;

    fn try_from(parts: Parts) -> Result<Self, ModelError> {
        let Parts { cadence, steps, time_zone, calendar_features, pooled_lags, days } = parts;
        if calendar_features != calendar::FEATURES {
            return Err(ModelError::CalendarFeatures { found: calendar_features, made: calendar::FEATURES });
        }
        if pooled_lags != lags::VERSION {
            return Err(ModelError::PooledLags { found: pooled_lags, made: lags::VERSION });
        }
        let Ok(zone) = jiff::tz::TimeZone::get(&time_zone) else {
            return Err(ModelError::TimeZone { time_zone });
        };
        let calendar = Calendar::new(zone, cadence).describes().len();
        let fits = |weights: &Weights| weights.lags.is_whole() && weights.calendar.len() == calendar;
        let needed = steps.div_ceil(cadence.per_day());
        let broken = days.iter().position(|weights| !fits(weights)).or((days.len() != needed).then_some(days.len()));
        if let Some(day) = broken {
            return Err(ModelError::Weights { step: day.saturating_mul(cadence.per_day()) });
        }
        Ok(Self { cadence, steps, time_zone, calendar_features, pooled_lags, days })
    }
}

#[cfg(test)]
mod tests;
