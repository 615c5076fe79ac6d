//! Direct ridge regression: one linear model for each step of the horizon, on lags and calendar, pooled over all
//! origins.
//!
//! A model explains what a plain guess leaves, the last day's level with a hint of the week's shape. So the penalty
//! draws it towards the level that is, not towards the mean of all history, and with little history it is hardly more
//! than the guess.

mod design;
mod normal;
mod solve;

use ndarray::{Array1, Array2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::design::{Design, Rows, Scale};
use self::normal::{Normal, Shared};
pub use self::solve::SolveError;
use super::baseline::moved_week;
use super::calendar::{self, Calendar, Describes};
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
    /// Which calendar features the weights belong to.
    calendar_features: u32,
    /// The share of the usual week's shape in the guess that the weights start from.
    shape_share: f64,
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
    /// Which calendar features the weights belong to.
    calendar_features: u32,
    /// The share of the usual week's shape in the guess that the weights start from.
    shape_share: f64,
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
    /// It was fitted on other calendar features than this code makes.
    #[error("the model has calendar features {found}, this code makes {made}: retrain the series")]
    CalendarFeatures {
        /// The model's.
        found: u32,
        /// This code's.
        made: u32,
    },
    /// Its share of the usual week is no share.
    #[error("the model's share of the usual week is {share}, and must lie between 0 and 1")]
    ShapeShare {
        /// The share, as text.
        share: String,
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
    #[error(
        "the model was trained on values every {} seconds, the history has one every {}",
        .model.seconds(),
        .history.seconds()
    )]
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
    #[error(
        "the series is defined with a value every {} seconds, the history has one every {}",
        .definition.seconds(),
        .history.seconds()
    )]
    Cadence {
        /// The definition's.
        definition: Cadence,
        /// The history's.
        history: Cadence,
    },
    /// The history is too short.
    #[error("there are {days} days of history, and a model needs {needed}")]
    TooShort {
        /// Days that were measured.
        days: u32,
        /// Days that are needed.
        needed: u32,
    },
    /// Nothing was measured.
    #[error("no value before {cut} was measured")]
    Unmeasured {
        /// The end of the hours that were looked at.
        cut: Timestamp,
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

/// The same recipe, fitted twice from one pass over the history.
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
        let usual = moved_week(month, self.cadence, self.steps.len(), self.shape_share);
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
        let Parts { cadence, time_zone, minimum, maximum, trained_until, calendar_features, shape_share, lags, steps } =
            parts;
        if calendar_features != calendar::FEATURES {
            return Err(ModelError::CalendarFeatures { found: calendar_features, made: calendar::FEATURES });
        }
        if !(0.0..=1.0).contains(&shape_share) {
            return Err(ModelError::ShapeShare { share: shape_share.to_string() });
        }
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
        let has_room = minimum < maximum;
        if !has_room {
            return Err(ModelError::Bounds { minimum: minimum.to_string(), maximum: maximum.to_string() });
        }
        Ok(Self { cadence, time_zone, minimum, maximum, trained_until, calendar_features, shape_share, lags, steps })
    }
}

/// Fits the definition's model on the hours before `cut`, and on all hours.
pub(super) fn fit_pair(definition: &Definition, history: &History, cut: Timestamp) -> Result<Pair, FitError> {
    check(definition, history)?;
    let scale = scale(history, cut)?;
    let calendar = Calendar::new(definition.zone(), history.cadence());
    let steps = definition.horizon_steps();
    let held_out = history.between(cut, history.end()).values().len();
    let rows =
        Rows { steps, half_life_days: definition.forecast.half_life_days, cut: history.values().len() - held_out };
    let design = Design::new(history, &calendar, scale, rows);
    let (all, per_day) = (design.known.len(), history.cadence().per_day());
    let early = all.saturating_sub(held_out);
    let (before, after) = (Shared::over(&design, 0..early, per_day), Shared::over(&design, early..all, per_day));
    let (seen_early, seen) = measured_targets(&design, held_out);
    let recipe = Recipe { definition, scale, describes: calendar.describes(), cadence: history.cadence() };
    let fitted: Vec<Result<(Weights, Weights), FitError>> = (0..steps)
        .into_par_iter()
        .map(|step| {
            let known = before.horizon(step);
            let whole = known.plus(&after.horizon(step));
            Ok((recipe.weights(step, known, seen_early)?, recipe.weights(step, whole, seen)?))
        })
        .collect();
    let fitted = fitted.into_iter().collect::<Result<Vec<_>, _>>()?;
    let (candidate, serving) = fitted.into_iter().unzip();
    Ok(Pair { candidate: recipe.model(cut, candidate), serving: recipe.model(history.end(), serving) })
}

fn check(definition: &Definition, history: &History) -> Result<(), FitError> {
    if history.cadence() != definition.cadence {
        return Err(FitError::Cadence { definition: definition.cadence, history: history.cadence() });
    }
    let (days, needed) = (history.measured_days(), definition.forecast.history_days);
    if days < needed {
        return Err(FitError::TooShort { days, needed });
    }
    Ok(())
}

/// The scale of the values before `cut`: what comes later must not shape the model that is evaluated on it.
fn scale(history: &History, cut: Timestamp) -> Result<Scale, FitError> {
    let known = history.before(cut);
    let scale = Scale::of(known.values()).ok_or(FitError::Unmeasured { cut })?;
    // Values that differ by rounding only are the same value.
    let varies = scale.deviation > 1e-9 * scale.mean.abs().max(f64::MIN_POSITIVE);
    if !varies {
        return Err(FitError::Constant { value: scale.mean.to_string() });
    }
    Ok(scale)
}

/// Targets that were measured: those before what is held out, and all of them.
fn measured_targets(design: &Design, held_out: usize) -> (usize, usize) {
    let measured = |known: &[bool]| known.iter().filter(|known| **known).count();
    let early = design.known.len().saturating_sub(held_out);
    (measured(&design.known[..early]), measured(&design.known))
}

/// How normal equations become weights.
struct Recipe<'a> {
    definition: &'a Definition,
    scale: Scale,
    describes: Vec<Describes>,
    cadence: Cadence,
}

impl Recipe<'_> {
    /// The weights of one horizon step, in the series' unit, from rows with that many measured targets among them.
    fn weights(&self, step: usize, normal: Normal, targets: usize) -> Result<Weights, FitError> {
        let needed = 2 * self.cadence.per_day();
        if normal.rows < needed {
            return Err(FitError::TooFewRows { step, rows: normal.rows, needed });
        }
        let lags = normal.gram.nrows() - self.describes.len();
        let Normal { mut gram, moments, .. } = normal;
        // The diagonal of the feature that is always 1 is the weight of all rows.
        let caution = self.caution(gram[[lags, lags]], targets);
        hold_level(&mut gram, lags, caution);
        let penalty = self.penalty(lags, targets, caution);
        let solved = solve::solve(gram, moments, &penalty).map_err(|source| FitError::Solve { step, source })?;
        let mut lag_weights = solved.to_vec();
        let calendar_weights = lag_weights.split_off(lags);
        Ok(self.in_unit(lag_weights, calendar_weights))
    }

    /// How many rows' weight stands against what less than a year cannot show: nothing once it is a year.
    ///
    /// Within a year nobody can tell a season from a trend, nor whether a level returns to the mean: a model that is
    /// left to learn it from a winter expects winter's level in May.
    fn caution(&self, weight: f64, targets: usize) -> f64 {
        weight * (self.scarcity(targets).powi(2) - 1.0)
    }

    /// A year over what was measured, at least 1: years in which nothing was measured teach no season.
    fn scarcity(&self, targets: usize) -> f64 {
        let years = targets as f64 * self.cadence.seconds() as f64 / (365.25 * DAY as f64);
        1.0 / years.clamp(1e-3, 1.0)
    }

    /// The penalty on each weight: the less history, the stronger, and strongest on the season.
    fn penalty(&self, lags: usize, targets: usize, caution: f64) -> Array1<f64> {
        let penalty = self.definition.forecast.penalty * self.scarcity(targets);
        let of_calendar = self.describes.iter().map(|describes| match describes {
            Describes::Level => 0.0,
            Describes::Week => penalty,
            Describes::Season => penalty + caution,
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
            calendar_features: calendar::FEATURES,
            shape_share: SHAPE_SHARE,
            lags: lags(self.cadence),
            steps,
        }
    }
}

/// The share of the usual week's shape in the guess that a model starts from, chosen on Italy's 2021 and 2022: the
/// whole of it carries weeks-old weather into every forecast, none of it leaves days 3 and 4 less sure.
const SHAPE_SHARE: f64 = 0.3;

/// Adds rows of this weight whose lags are all off the mean by the same and that leave nothing to explain: they say
/// that a level stays where it is.
fn hold_level(gram: &mut Array2<f64>, lags: usize, weight: f64) {
    for ((row, column), value) in gram.indexed_iter_mut() {
        if row < lags && column < lags {
            *value += weight;
        }
    }
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(l, r)| l * r).sum()
}

#[cfg(test)]
mod tests;
