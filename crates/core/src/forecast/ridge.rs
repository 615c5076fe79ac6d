//! Direct ridge regression: one linear model for each step of the horizon, on lags, covariates and calendar, pooled
//! over all origins.
//!
//! A model explains what a plain guess leaves, the last day's level with a hint of the week's shape. So the penalty
//! draws it towards the level that is, not towards the mean of all history, and with little history it is hardly more
//! than the guess.

mod design;
mod explain;
mod fit;
mod normal;
mod pooled;
mod solve;

use serde::{Deserialize, Serialize};

pub(super) use self::design::Scale;
pub(super) use self::fit::{Fitting, With};
pub use self::pooled::Pooled;
pub use self::solve::SolveError;
use super::baseline::moved_week;
use super::calendar::{self, Calendar};
use super::error::{ModelError, PredictError};
use super::inputs::{Covariate, Inputs};
use super::memory::Memory;
use super::recent::{LAG_DAYS, Recent};
use super::weather::{self, Seen};
use crate::history::History;
use crate::time::{Cadence, Timestamp};

/// The share of the usual week's shape in the guess that a model starts from, chosen on Italy's 2021 and 2022: the
/// whole of it carries weeks-old weather into every forecast, none of it leaves days 3 and 4 less sure.
const SHAPE_SHARE: f64 = 0.3;

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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    covariates: Vec<Lagged>,
    /// Which weather features the weights belong to, none where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    weather_features: Option<u32>,
    /// By day of the horizon; none in a model of the next step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    memories: Vec<Memory>,
    steps: Vec<Weights>,
}

/// A covariate as a model looks at it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Lagged {
    /// Its name.
    pub name: String,
    /// Places before the first step that is not known, 1 being the newest value.
    pub lags: Vec<usize>,
}

/// The weights of one step of the horizon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Weights {
    /// On the series' own lags, and after them on those of the covariates.
    lags: Vec<f64>,
    /// The first belongs to a feature that is always 1, the intercept.
    calendar: Vec<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    weather: Vec<f64>,
}

#[derive(Deserialize)]
struct Parts {
    cadence: Cadence,
    time_zone: String,
    minimum: f64,
    maximum: f64,
    trained_until: Timestamp,
    calendar_features: u32,
    shape_share: f64,
    lags: Vec<usize>,
    #[serde(default)]
    covariates: Vec<Lagged>,
    #[serde(default)]
    weather_features: Option<u32>,
    #[serde(default)]
    memories: Vec<Memory>,
    steps: Vec<Weights>,
}

impl Ridge {
    /// A model whose days of the horizon each come from one of these, which differ in their memory alone.
    pub(super) fn of_days(all: &[&Self], by_day: &[usize]) -> Self {
        let mut whole = all[0].clone();
        let per_day = whole.cadence.per_day();
        for (day, place) in by_day.iter().enumerate().filter(|(_, place)| **place > 0) {
            let steps = day * per_day..((day + 1) * per_day).min(whole.steps.len());
            whole.steps[steps.clone()].clone_from_slice(&all[*place].steps[steps]);
            whole.memories[day] = all[*place].memories[day];
        }
        whole
    }

    /// What each day of the horizon was learnt from; empty for a model of the next step, and for one that was stored
    /// before there was a choice.
    pub fn memories(&self) -> &[Memory] {
        &self.memories
    }

    /// The end of the hours it was fitted on: it knows no value at or after this time.
    pub fn trained_until(&self) -> Timestamp {
        self.trained_until
    }

    /// Steps that it forecasts.
    pub fn horizon_steps(&self) -> usize {
        self.steps.len()
    }

    /// The least and the greatest value that can be true.
    pub(super) fn bounds(&self) -> (f64, f64) {
        (self.minimum, self.maximum)
    }

    /// The distance between two values.
    pub(crate) fn cadence(&self) -> Cadence {
        self.cadence
    }

    /// Forecasts the steps from `origin` on, from the [`super::NEEDED_DAYS`] before it and nothing at or after it.
    ///
    /// # Errors
    /// Where the newest weeks are not there, too old or too thin, a covariate is, or the history has another cadence.
    pub fn predict(&self, inputs: &Inputs, origin: Timestamp) -> Result<Vec<f64>, PredictError> {
        let month = newest_month(&inputs.own, self.cadence, origin)?;
        let mut seen: Vec<f64> = self.lags.iter().map(|back| month[month.len() - back]).collect();
        for lagged in &self.covariates {
            seen.extend(lagged.seen(inputs, origin)?);
        }
        let usual = moved_week(&month, self.cadence, self.steps.len(), self.shape_share);
        let calendar = self.calendar();
        let (day, year) = calendar.wave_places();
        let weather = self.weather(inputs, origin)?;
        let forecast = |(step, usual): (usize, f64)| {
            let target = origin.plus(step as i64 * self.cadence.seconds());
            let described = calendar.features(target);
            let mut value = usual + self.steps[step].of(&seen, &described);
            if let Some(weather) = &weather {
                let features = weather.features(target, &described[day.clone()], year.map(|place| described[place]));
                value += dot(&self.steps[step].weather, &features);
            }
            if !value.is_finite() {
                return Err(PredictError::NotFinite { origin, step });
            }
            Ok(value.clamp(self.minimum, self.maximum))
        };
        usual.into_iter().enumerate().map(forecast).collect()
    }

    /// Forecasts `steps` steps by its first step alone, each from the ones before it.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub(super) fn predict_recursively(
        &self,
        inputs: &Inputs,
        origin: Timestamp,
        steps: usize,
    ) -> Result<Vec<f64>, PredictError> {
        let mut values = newest_month(&inputs.own, self.cadence, origin)?;
        let (month, calendar) = (values.len(), self.calendar());
        for step in 0..steps {
            let window = &values[step..];
            let seen: Vec<f64> = self.lags.iter().map(|back| window[month - back]).collect();
            let usual = moved_week(window, self.cadence, 1, self.shape_share).into_iter().sum::<f64>();
            let target = origin.plus(step as i64 * self.cadence.seconds());
            let weights = self.steps.first().ok_or(PredictError::NotFinite { origin, step })?;
            let value = usual + weights.of(&seen, &calendar.features(target));
            if !value.is_finite() {
                return Err(PredictError::NotFinite { origin, step });
            }
            values.push(value.clamp(self.minimum, self.maximum));
        }
        Ok(values.split_off(month))
    }

    /// The weather that the model looks at; none where it looks at none.
    fn weather<'a>(&self, inputs: &'a Inputs, origin: Timestamp) -> Result<Option<Seen<'a>>, PredictError> {
        if self.weather_features.is_none() {
            return Ok(None);
        }
        let refused =
            |problem: &str| PredictError::Covariate { name: "weather".to_owned(), problem: problem.to_owned() };
        let weather = inputs.weather.as_ref().ok_or_else(|| refused("is not there"))?;
        let seen = weather.seen_from(origin);
        seen.map(Some).ok_or_else(|| refused("has no complete run of the two days before the origin"))
    }

    fn calendar(&self) -> Calendar {
        Calendar::of_model(&self.time_zone, self.cadence)
    }
}

impl Weights {
    fn of(&self, seen: &[f64], calendar: &[f64]) -> f64 {
        dot(&self.lags, seen) + dot(&self.calendar, calendar)
    }
}

impl Lagged {
    /// The values that it looks at, the newest first.
    fn seen(&self, inputs: &Inputs, origin: Timestamp) -> Result<Vec<f64>, PredictError> {
        let refused = |problem: String| PredictError::Covariate { name: self.name.clone(), problem };
        let Some(covariate) = inputs.covariate(&self.name) else { return Err(refused("is not there".to_owned())) };
        if covariate.history.cadence() != inputs.cadence() {
            return Err(refused("has another cadence than the series".to_owned()));
        }
        let week = newest_week(covariate, origin).map_err(|why| refused(format!("cannot be used: {why}")))?;
        Ok(self.lags.iter().map(|back| week[week.len() - back]).collect())
    }
}

/// Days of a covariate's past that a model looks at.
pub(super) const COVARIATE_DAYS: i64 = 7;

/// The four weeks before an origin, oldest first, gaps filled.
///
/// # Errors
/// Where they are not there, too old or too thin, or the history has another cadence.
pub(super) fn newest_month(history: &History, cadence: Cadence, origin: Timestamp) -> Result<Vec<f64>, PredictError> {
    newest(history, cadence, origin, LAG_DAYS)
}

/// The week of a covariate before the first step that is not known at an origin, oldest first, gaps filled.
///
/// # Errors
/// Where it is not there, too old or too thin.
pub(super) fn newest_week(covariate: &Covariate, origin: Timestamp) -> Result<Vec<f64>, PredictError> {
    newest(&covariate.history, covariate.history.cadence(), covariate.known_until(origin), COVARIATE_DAYS)
}

fn newest(history: &History, cadence: Cadence, origin: Timestamp, days: i64) -> Result<Vec<f64>, PredictError> {
    if history.cadence() != cadence {
        return Err(PredictError::Cadence { model: cadence, history: history.cadence() });
    }
    let recent = Recent::before(history, origin)?;
    if !recent.is_mostly_measured(days) {
        let steps = days as usize * cadence.per_day();
        return Err(PredictError::Sparse { origin, measured: recent.measured(days), steps });
    }
    let newest = recent.days(days).ok_or(PredictError::Incomplete { origin, days })?;
    Ok(newest.to_vec())
}

impl TryFrom<Parts> for Ridge {
    type Error = ModelError;

    fn try_from(parts: Parts) -> Result<Self, ModelError> {
        let Parts { cadence, time_zone, minimum, maximum, trained_until, .. } = parts;
        let Parts { calendar_features, shape_share, lags, covariates, weather_features, memories, steps, .. } = parts;
        if calendar_features != calendar::FEATURES {
            return Err(ModelError::CalendarFeatures { found: calendar_features, made: calendar::FEATURES });
        }
        if let Some(found) = weather_features.filter(|found| *found != weather::VERSION) {
            return Err(ModelError::WeatherFeatures { found, made: weather::VERSION });
        }
        if !(0.0..=1.0).contains(&shape_share) {
            return Err(ModelError::ShapeShare { share: shape_share.to_string() });
        }
        let Ok(zone) = jiff::tz::TimeZone::get(&time_zone) else {
            return Err(ModelError::TimeZone { time_zone });
        };
        check_lags(&lags, LAG_DAYS, cadence)?;
        for lagged in &covariates {
            check_lags(&lagged.lags, COVARIATE_DAYS, cadence)?;
        }
        let seen = lags.len() + covariates.iter().map(|lagged| lagged.lags.len()).sum::<usize>();
        let calendar = Calendar::new(zone, cadence).describes().len();
        let weather = weather_features.map_or(0, |_| weather::FEATURES);
        let fits = |weights: &Weights| {
            weights.lags.len() == seen && weights.calendar.len() == calendar && weights.weather.len() == weather
        };
        if let Some(step) = steps.iter().position(|weights| !fits(weights)) {
            return Err(ModelError::Weights { step });
        }
        let has_room = minimum < maximum;
        if !has_room {
            return Err(ModelError::Bounds { minimum: minimum.to_string(), maximum: maximum.to_string() });
        }
        Ok(Self {
            cadence,
            time_zone,
            minimum,
            maximum,
            trained_until,
            calendar_features,
            shape_share,
            lags,
            covariates,
            weather_features,
            memories,
            steps,
        })
    }
}

fn check_lags(lags: &[usize], days: i64, cadence: Cadence) -> Result<(), ModelError> {
    let most = days as usize * cadence.per_day();
    match lags.iter().find(|lag| !(1..=most).contains(*lag)) {
        Some(&lag) => Err(ModelError::Lag { lag, most }),
        None => Ok(()),
    }
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(l, r)| l * r).sum()
}

#[cfg(test)]
mod tests;
