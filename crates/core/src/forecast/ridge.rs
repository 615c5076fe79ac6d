//! Direct ridge regression: one linear model for each step of the horizon, on lags and calendar, pooled over all origins.
//!
//! A model explains what the moved week ([`super::baseline`]) leaves, so that the penalty draws it towards a forecast that is
//! already sensible: with little history it is hardly more than the moved week, with years of it the weights speak.

mod design;
mod normal;
mod solve;

use ndarray::Array1;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::design::{Design, Scale};
use self::normal::{Normal, Shared};
pub use self::solve::SolveError;
use super::baseline::moved_week;
use super::calendar::{Calendar, Describes};
use super::lags::lags;
use super::recent::{LAG_DAYS, Recent, RecentError};
use crate::history::History;
use crate::series::Definition;
use crate::time::{Cadence, DAY, Timestamp};

/// A fitted model: weights for each step of the horizon, in the series' own unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Ridge {
    cadence: Cadence,
    time_zone: String,
    minimum: f64,
    maximum: f64,
    trained_until: Timestamp,
    lags: Vec<usize>,
    steps: Vec<Weights>,
}

/// The weights of one step of the horizon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Weights {
    lags: Vec<f64>,
    /// The first belongs to a feature that is always 1, the intercept.
    calendar: Vec<f64>,
}

#[derive(Deserialize)]
struct Parts {
    cadence: Cadence,
    time_zone: String,
    minimum: f64,
    maximum: f64,
    trained_until: Timestamp,
    lags: Vec<usize>,
    steps: Vec<Weights>,
}

/// A stored model that this code cannot forecast with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Its time zone is unknown.
    #[error("the model's time zone `{time_zone}` is unknown")]
    TimeZone {
        /// The zone's name.
        time_zone: String,
    },
    /// Its weights do not fit its features.
    #[error("the model's weights of step {step} do not fit its features")]
    Weights {
        /// The step, from 0.
        step: usize,
    },
    /// A lag reaches beyond what a forecast reads.
    #[error("the model looks {lag} steps back, and a forecast reads 1 to {most}")]
    Lag {
        /// The lag.
        lag: usize,
        /// The longest lag.
        most: usize,
    },
    /// Its bounds exclude every value.
    #[error("the model's bounds {minimum} to {maximum} exclude every value")]
    Bounds {
        /// The lower bound, as text.
        minimum: String,
        /// The upper bound, as text.
        maximum: String,
    },
}

/// Why there is no forecast.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PredictError {
    /// The history has another cadence than the model.
    #[error("the model was trained on values every {} seconds, the history has one every {}", .model.seconds(), .history.seconds())]
    Cadence {
        /// The model's.
        model: Cadence,
        /// The history's.
        history: Cadence,
    },
    /// The newest weeks cannot be forecast from.
    #[error(transparent)]
    Recent(#[from] RecentError),
    /// Too little was measured in the newest weeks.
    #[error("{measured} of the {steps} steps before {origin} were measured; a forecast needs half of them")]
    Sparse {
        /// The origin.
        origin: Timestamp,
        /// Steps with a value.
        measured: usize,
        /// Steps that are looked at.
        steps: usize,
    },
    /// The oldest of the weeks are missing and cannot be filled.
    #[error("the {days} days before {origin} are not complete, and there is nothing earlier to fill them with")]
    Incomplete {
        /// The origin.
        origin: Timestamp,
        /// Days that are looked at.
        days: i64,
    },
    /// Values so large that the forecast is no number.
    #[error("the forecast of step {step} after {origin} is not finite")]
    NotFinite {
        /// The origin.
        origin: Timestamp,
        /// The step, from 0.
        step: usize,
    },
}

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The history has another cadence than the definition.
    #[error("the series is defined with a value every {} seconds, the history has one every {}", .definition.seconds(), .history.seconds())]
    Cadence {
        /// The definition's.
        definition: Cadence,
        /// The history's.
        history: Cadence,
    },
    /// The history is too short.
    #[error("there are {days} days of history, and a model needs {needed}")]
    TooShort {
        /// Whole days between the first and the last value.
        days: i64,
        /// Days that are needed.
        needed: i64,
    },
    /// Every value is the same, or as good as.
    #[error("every value is {value}: there is nothing to learn")]
    Constant {
        /// The value, as text.
        value: String,
    },
    /// Too many gaps leave too few hours to learn from.
    #[error("gaps leave {rows} origins to learn step {step} from, and a model needs {needed}")]
    TooFewRows {
        /// The step of the horizon, from 0.
        step: usize,
        /// Origins that are there.
        rows: usize,
        /// Origins that are needed.
        needed: usize,
    },
    /// The equations have no solution in finite numbers.
    #[error("step {step} of the horizon cannot be fitted")]
    Solve {
        /// The step, from 0.
        step: usize,
        /// Why.
        source: SolveError,
    },
}

/// The same recipe, fitted up to two times from one pass over the history.
pub(super) struct Pair {
    /// Fitted on hours before the cut.
    pub candidate: Ridge,
    /// Fitted on the whole history.
    pub serving: Ridge,
}

impl Ridge {
    /// The end of the hours it was fitted on: it knows no value at or after this time.
    pub fn trained_until(&self) -> Timestamp {
        self.trained_until
    }

    /// Steps that it forecasts.
    pub fn horizon_steps(&self) -> usize {
        self.steps.len()
    }

    /// Forecasts the steps from `origin` on, from the [`super::NEEDED_DAYS`] before it and nothing at or after it.
    ///
    /// # Errors
    /// Where the newest weeks are not there, too old or too thin, or the history has another cadence.
    pub fn predict(&self, history: &History, origin: Timestamp) -> Result<Vec<f64>, PredictError> {
        if history.cadence() != self.cadence {
            return Err(PredictError::Cadence { model: self.cadence, history: history.cadence() });
        }
        let recent = Recent::before(history, origin)?;
        if !recent.is_mostly_measured(LAG_DAYS) {
            let steps = LAG_DAYS as usize * self.cadence.per_day();
            return Err(PredictError::Sparse { origin, measured: recent.measured(LAG_DAYS), steps });
        }
        let month = recent.days(LAG_DAYS).ok_or(PredictError::Incomplete { origin, days: LAG_DAYS })?;
        let seen: Vec<f64> = self.lags.iter().map(|back| month[month.len() - back]).collect();
        let usual = moved_week(month, self.cadence, self.steps.len());
        let calendar = self.calendar();
        let forecast = |(step, usual): (usize, f64)| {
            let weights = &self.steps[step];
            let target = origin.plus(step as i64 * self.cadence.seconds());
            let value = usual + dot(&weights.lags, &seen) + dot(&weights.calendar, &calendar.features(target));
            if !value.is_finite() {
                return Err(PredictError::NotFinite { origin, step });
            }
            Ok(self.bounded(value))
        };
        usual.into_iter().enumerate().map(forecast).collect()
    }

    /// The nearest value that can be true.
    pub(super) fn bounded(&self, value: f64) -> f64 {
        value.clamp(self.minimum, self.maximum)
    }

    fn calendar(&self) -> Calendar {
        // The name was checked when the model was made.
        let zone = jiff::tz::TimeZone::get(&self.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
        Calendar::new(zone, self.cadence)
    }
}

impl TryFrom<Parts> for Ridge {
    type Error = ModelError;

    fn try_from(parts: Parts) -> Result<Self, ModelError> {
        let Parts { cadence, time_zone, minimum, maximum, trained_until, lags, steps } = parts;
        let Ok(zone) = jiff::tz::TimeZone::get(&time_zone) else {
            return Err(ModelError::TimeZone { time_zone });
        };
        let most = LAG_DAYS as usize * cadence.per_day();
        if let Some(&lag) = lags.iter().find(|lag| !(1..=most).contains(*lag)) {
            return Err(ModelError::Lag { lag, most });
        }
        let calendar = Calendar::new(zone, cadence).describes().len();
        let fits = |weights: &Weights| weights.lags.len() == lags.len() && weights.calendar.len() == calendar;
        if let Some(step) = steps.iter().position(|weights| !fits(weights)) {
            return Err(ModelError::Weights { step });
        }
        if !(minimum < maximum) {
            return Err(ModelError::Bounds { minimum: minimum.to_string(), maximum: maximum.to_string() });
        }
        Ok(Self { cadence, time_zone, minimum, maximum, trained_until, lags, steps })
    }
}

/// Fits the definition's model on the hours before `cut`, and on all hours.
pub(super) fn fit_pair(definition: &Definition, history: &History, cut: Timestamp) -> Result<Pair, FitError> {
    let scale = scale(history, cut)?;
    let calendar = Calendar::new(definition.zone(), history.cadence());
    let steps = definition.horizon_steps();
    let design = Design::new(history, &calendar, scale, steps, definition.forecast.half_life_days);
    let month = LAG_DAYS as usize * history.cadence().per_day();
    let all = design.known.len();
    let early = history.between(history.start(), cut).values().len().saturating_sub(month).min(all);
    let (before, after) = (Shared::over(&design, 0..early), Shared::over(&design, early..all));
    let recipe = Recipe { definition, scale, describes: calendar.describes(), cadence: history.cadence() };
    let fitted: Vec<Result<(Weights, Weights), FitError>> = (0..steps)
        .into_par_iter()
        .map(|step| {
            let known = before.horizon(step);
            let whole = known.plus(&after.horizon(step));
            Ok((recipe.weights(step, known, early)?, recipe.weights(step, whole, all)?))
        })
        .collect();
    let fitted = fitted.into_iter().collect::<Result<Vec<_>, _>>()?;
    let (candidate, serving) = fitted.into_iter().unzip();
    Ok(Pair { candidate: recipe.model(cut, candidate), serving: recipe.model(history.end(), serving) })
}

/// The scale of the values before `cut`: what comes later must not shape the model that is evaluated on it.
fn scale(history: &History, cut: Timestamp) -> Result<Scale, FitError> {
    let known = history.before(cut);
    let scale = Scale::of(known.values()).ok_or(FitError::TooShort { days: 0, needed: LAG_DAYS })?;
    // Values that differ by rounding only are the same value.
    if !(scale.deviation > 1e-9 * scale.mean.abs().max(f64::MIN_POSITIVE)) {
        return Err(FitError::Constant { value: scale.mean.to_string() });
    }
    Ok(scale)
}

/// How normal equations become weights.
struct Recipe<'a> {
    definition: &'a Definition,
    scale: Scale,
    describes: Vec<Describes>,
    cadence: Cadence,
}

impl Recipe<'_> {
    /// The weights of one horizon step, in the series' unit, from the rows of the first `places` targets.
    fn weights(&self, step: usize, normal: Normal, places: usize) -> Result<Weights, FitError> {
        let needed = 2 * self.cadence.per_day();
        if normal.rows < needed {
            return Err(FitError::TooFewRows { step, rows: normal.rows, needed });
        }
        let lags = normal.gram.nrows() - self.describes.len();
        let penalty = self.penalty(lags, places);
        let solved =
            solve::solve(normal.gram, normal.moments, &penalty).map_err(|source| FitError::Solve { step, source })?;
        let mut lag_weights = solved.to_vec();
        let calendar_weights = lag_weights.split_off(lags);
        Ok(self.in_unit(lag_weights, calendar_weights))
    }

    /// The penalty on each weight. A season is held back until a year has shown it: a wave a year long that is fitted to
    /// weeks takes every trend for a season.
    fn penalty(&self, lags: usize, places: usize) -> Array1<f64> {
        let penalty = self.definition.forecast.penalty;
        let years = places as f64 * self.cadence.seconds() as f64 / (365.25 * DAY as f64);
        let season = penalty * (1.0 / years.clamp(1e-3, 1.0)).powf(SEASON_CAUTION as f64);
        let of_calendar = self.describes.iter().map(|describes| match describes {
            Describes::Level => 0.0,
            Describes::Week => penalty,
            Describes::Season => season,
        });
        std::iter::repeat_n(penalty, lags).chain(of_calendar).collect()
    }

    /// Turns weights on scaled values into weights on the values themselves; the location goes into the intercept.
    fn in_unit(&self, lags: Vec<f64>, mut calendar: Vec<f64>) -> Weights {
        calendar.iter_mut().for_each(|weight| *weight *= self.scale.deviation);
        if let Some(intercept) = calendar.first_mut() {
            *intercept -= self.scale.mean * lags.iter().sum::<f64>();
        }
        Weights { lags, calendar }
    }

    fn model(&self, trained_until: Timestamp, steps: Vec<Weights>) -> Ridge {
        Ridge {
            cadence: self.cadence,
            time_zone: self.definition.time_zone.clone(),
            minimum: self.definition.contract.minimum,
            maximum: self.definition.contract.maximum,
            trained_until,
            lags: lags(self.cadence),
            steps,
        }
    }
}

/// How fast the penalty on seasons grows as the history falls short of a year.
const SEASON_CAUTION: i32 = 4;

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(l, r)| l * r).sum()
}
