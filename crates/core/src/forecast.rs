//! Forecasts: candidates that are fitted and put together, what their past errors say, and the values that come out.
//!
//! Everything here uses what was known at the origin and nothing later; a property test holds it to that.

mod backcast;
pub mod baseline;
pub(crate) mod calendar;
mod calibration;
mod combination;
mod decomposition;
mod ensemble;
mod error;
mod explain;
mod inputs;
mod lags;
mod member;
mod memory;
mod recent;
mod ridge;
mod rolling;
mod trees;
pub(crate) mod values;
pub(crate) mod weather;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use backcast::backcast;
pub use calibration::{Calibration, HalfWidths, TooFewErrors};
pub use ensemble::{Ensemble, Made};
pub use error::{FitError, ModelError, PredictError};
pub use explain::{Explanation, Input};
pub use inputs::{Covariate, Inputs};
pub(crate) use lags::{covariate_lags, lags};
pub use member::{Candidate, Member};
pub use memory::Memory;
pub use recent::{NEEDED_DAYS, RecentError};
pub use ridge::{Ridge, SolveError};
pub use values::{CSV_HEADER, Forecast, Point, ValuesError};
pub use weather::{Conditions, Run, Weather, WeatherError};

use self::calibration::Outlook;
use self::ensemble::Shares;
use self::ridge::{Fitting, With};
use self::rolling::Trial;
use crate::series::Definition;
use crate::time::{DAY, Timestamp};

/// The least days before an origin through which a calibration is carried on, where the model is as old: errors before
/// them hardly count any more.
const REPLAY_DAYS: i64 = 150;
/// Days by which the beginning of that moves on. Between two such days a calibration that was carried on and one that
/// begins anew are the same.
const REPLAY_STRIDE_DAYS: i64 = 75;

/// A model as training leaves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Fitted {
    /// Fitted on hours before the holdout; evaluation compares this one.
    pub candidate: Ensemble,
    /// The same recipe fitted on every hour; a promoted model forecasts with this one.
    pub serving: Ensemble,
    /// The first hour that the candidate does not know.
    pub holdout_start: Timestamp,
    /// The end of the hours that the serving model knows.
    pub trained_until: Timestamp,
    /// The errors of rolling origins, each by a model that did not know its hour.
    pub calibration: Calibration,
    /// Covariates that could not be used and candidates that could not be fitted, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

#[derive(Deserialize)]
struct Parts {
    candidate: Ensemble,
    serving: Ensemble,
    holdout_start: Timestamp,
    trained_until: Timestamp,
    calibration: Calibration,
    #[serde(default)]
    left_out: Vec<String>,
}

impl TryFrom<Parts> for Fitted {
    type Error = ModelError;

    fn try_from(parts: Parts) -> Result<Self, ModelError> {
        let Parts { candidate, serving, holdout_start, trained_until, calibration, left_out } = parts;
        for model in [&candidate, &serving] {
            calibration.fits(model.cadence(), model.horizon_steps())?;
        }
        Ok(Self { candidate, serving, holdout_start, trained_until, calibration, left_out })
    }
}

/// Fits the model of a series on its history, which ends at the origin that training serves.
///
/// # Errors
/// Where the history is too short, too thin or constant.
pub fn fit(definition: &Definition, inputs: &Inputs) -> Result<Fitted, FitError> {
    let holdout_start = inputs.end().plus(-i64::from(definition.forecast.holdout_days) * DAY);
    let mut cuts = rolling::cuts(definition, &inputs.own, holdout_start);
    loop {
        match fit_at(definition, inputs, holdout_start, &cuts) {
            // Gaps may leave an early cut too little: errors from it are dear, but no model depends on them.
            Err(FitError::TooFewRows { .. } | FitError::Constant { .. } | FitError::Unmeasured { .. })
                if cuts.len() > 2 =>
            {
                cuts.remove(0);
            }
            fitted => return fitted,
        }
    }
}

/// Fits at rising cuts, the last two of which are the start of the holdout and the end.
fn fit_at(
    definition: &Definition,
    inputs: &Inputs,
    holdout_start: Timestamp,
    cuts: &[Timestamp],
) -> Result<Fitted, FitError> {
    let trained_until = inputs.end();
    let first = cuts.first().copied().unwrap_or(holdout_start);
    let (inputs, mut lacking) = inputs.usable(first, holdout_start);
    if definition.forecast.weather.is_some() && inputs.weather.is_none() {
        lacking.push(FitError::Weather { problem: "is not there" });
    }
    let inputs = &inputs;
    lacking.extend(overlooked(&Candidate::chosen(definition, inputs), inputs));
    let FittedAt { by_candidate, left_out } = members_at(definition, inputs, cuts, holdout_start)?;
    let at = |cut: usize| -> Vec<Member> { by_candidate.iter().map(|members| members[cut].clone()).collect() };
    let mut rolled = Rolled::new(definition, inputs, holdout_start);
    let newest = cuts.len() - 1;
    for fold in 0..newest {
        rolled.fold(&at(fold), cuts[fold], cuts[fold + 1]);
    }
    let candidate = rolled.ensemble(at(newest - 1), holdout_start);
    let serving = rolled.ensemble(at(newest), trained_until);
    rolled.calibration.check(trained_until, &inputs.own)?;
    let candidates = left_out.into_iter().map(|(candidate, why)| format!("{}: {why}", candidate.name()));
    let left_out = lacking.iter().map(ToString::to_string).chain(candidates).collect();
    Ok(Fitted { candidate, serving, holdout_start, trained_until, calibration: rolled.calibration, left_out })
}

/// What the candidates gave.
struct FittedAt {
    /// Of each candidate that could be fitted a member for every cut.
    by_candidate: Vec<Vec<Member>>,
    /// The others, and why.
    left_out: Vec<(Candidate, FitError)>,
}

/// Fits every candidate at rising cuts. One that looks at other inputs has to forecast from most days since
/// `holdout_start`.
fn members_at(
    definition: &Definition,
    inputs: &Inputs,
    cuts: &[Timestamp],
    holdout_start: Timestamp,
) -> Result<FittedAt, FitError> {
    let fitting = Fitting::new(definition, inputs, With::default(), cuts)?;
    let held_out = cuts.iter().rposition(|cut| *cut <= holdout_start).unwrap_or_default();
    let (mut left_out, mut by_candidate) = (Vec::new(), Vec::new());
    for candidate in Candidate::chosen(definition, inputs) {
        match candidate.fit(definition, inputs, &fitting, cuts) {
            Ok(members) if !rolling::can_forecast(&members[held_out], inputs, holdout_start) => {
                left_out.push((candidate, FitError::NotThere));
            }
            Ok(members) => by_candidate.push(members),
            // What another input lacks keeps only those from it that look at it.
            Err(why) if candidate.sees_others() => left_out.push((candidate, why)),
            Err(why) => return Err(why),
        }
    }
    if by_candidate.is_empty() {
        let why = left_out.into_iter().next().map(|(_, why)| why);
        return Err(why.unwrap_or(FitError::NoCandidate));
    }
    Ok(FittedAt { by_candidate, left_out })
}

/// Inputs that no candidate looks at: whoever named them would take them for used.
fn overlooked(chosen: &[Candidate], inputs: &Inputs) -> Vec<FitError> {
    let problem = "is looked at by none of the candidates";
    let seen = |sees: fn(Candidate) -> bool| chosen.iter().any(|candidate| sees(*candidate));
    let covariates = inputs.covariates.iter().filter(|_| !seen(Candidate::sees_covariates));
    let covariates = covariates.map(|covariate| FitError::Covariate { name: covariate.name.clone(), problem });
    let weather = inputs.weather.iter().filter(|_| !seen(Candidate::sees_weather));
    covariates.chain(weather.map(|_| FitError::Weather { problem })).collect()
}

/// What rolling origins have shown so far.
struct Rolled<'a> {
    definition: &'a Definition,
    inputs: &'a Inputs,
    trials: Vec<Trial>,
    calibration: Calibration,
}

impl<'a> Rolled<'a> {
    fn new(definition: &'a Definition, inputs: &'a Inputs, holdout_start: Timestamp) -> Self {
        let calibration = Calibration::new(definition.cadence, definition.horizon_steps(), holdout_start);
        Self { definition, inputs, trials: Vec::new(), calibration }
    }

    /// The members put together by what was known at a cut.
    fn ensemble(&self, members: Vec<Member>, cut: Timestamp) -> Ensemble {
        let days = self.definition.horizon_steps().div_ceil(self.definition.cadence.per_day());
        // Beside members that see the weather, those that do not stand by for the day on which it is missing.
        let informed = members.iter().any(|member| member.candidate().sees_weather());
        let shares = |takes_part: &dyn Fn(Candidate) -> bool| {
            let takes_part: Vec<bool> = members.iter().map(|member| takes_part(member.candidate())).collect();
            combination::shares(&self.trials, &takes_part, days, &self.inputs.own, cut)
        };
        let whole = shares(&|candidate| !informed || candidate.sees_weather());
        let without = |sees: fn(Candidate) -> bool| {
            let count = members.iter().filter(|member| sees(member.candidate())).count();
            (count > 0 && count < members.len()).then(|| shares(&|candidate| !sees(candidate)))
        };
        let (without_weather, alone) = (without(Candidate::sees_weather), without(Candidate::sees_others));
        Ensemble::new(self.definition, cut, members, Shares { whole, without_weather, alone })
    }

    /// Lets the members fitted at a cut forecast until the next.
    fn fold(&mut self, members: &[Member], cut: Timestamp, until: Timestamp) {
        let trials = rolling::trials(&members.iter().collect::<Vec<_>>(), self.inputs, cut, until);
        let ensemble = self.ensemble(members.to_vec(), cut);
        for trial in &trials {
            self.calibration.advance(trial.origin, ensemble.combine(&trial.forecasts), &self.inputs.own);
        }
        self.trials.extend(trials);
    }
}

/// The first time whose values a forecast from `origin` reads: the weeks before the oldest origin that the calibration
/// is carried on through, or that a forecast without some of its inputs is calibrated on.
pub fn reads_from(fitted: &Fitted, origin: Timestamp) -> Timestamp {
    let held_out = fitted.serving.sees_others().then(|| fitted.daily_from(fitted.holdout_start, origin));
    let carried = fitted.carries_from(origin);
    let first = held_out.unwrap_or(origin).min(carried).min(origin);
    // The hours that were still to come at the training are looked at as long as the calibration begins with it.
    let since_training = carried.since(fitted.trained_until) < DAY;
    let waited_for = fitted.calibration.open_since().filter(|_| since_training).unwrap_or(first);
    first.plus(-NEEDED_DAYS * DAY).min(waited_for)
}

/// Makes the forecast from an origin, with the intervals kept inside the values that can be.
///
/// # Errors
/// Where the newest weeks before the origin cannot be forecast from.
pub fn issue(fitted: &Fitted, inputs: &Inputs, origin: Timestamp) -> Result<Issue, PredictError> {
    Issuer::new(fitted).issue(inputs, origin)
}

/// A forecast, and what it had to be made without.
#[derive(Clone, Debug, PartialEq)]
pub struct Issue {
    /// The forecast.
    pub forecast: Forecast,
    /// Inputs that were missing, each with the members that stood back and the reason.
    pub without: Vec<String>,
}

/// A model that forecasts from rising origins: what the errors until one of them said need not be learnt anew at the
/// next.
#[derive(Clone, Debug)]
pub struct Issuer<'a> {
    fitted: &'a Fitted,
    calibration: Calibration,
    /// Where the calibration began, and the first origin that it has not taken in; none before the first forecast.
    carried: Option<(Timestamp, Timestamp)>,
}

impl<'a> Issuer<'a> {
    /// A model as training left it.
    pub fn new(fitted: &'a Fitted) -> Self {
        Self { fitted, calibration: fitted.calibration.clone(), carried: None }
    }

    /// Makes the forecast from an origin, later than those before by whole days.
    ///
    /// # Errors
    /// Where the newest weeks before the origin cannot be forecast from.
    pub fn issue(&mut self, inputs: &Inputs, origin: Timestamp) -> Result<Issue, PredictError> {
        self.issue_and_made(inputs, origin).map(|(issue, _)| issue)
    }

    /// The forecast, and its values before what recent errors say was taken off.
    fn issue_and_made(&mut self, inputs: &Inputs, origin: Timestamp) -> Result<(Issue, Vec<f64>), PredictError> {
        self.carry_on(inputs, origin);
        let serving = &self.fitted.serving;
        let made = serving.predict(inputs, origin)?;
        let outlook = self.calibration.clone().outlook(origin, &inputs.own);
        let mut outlook = outlook.map_err(|why| PredictError::Errors { origin, why })?;
        if !made.without.is_empty() {
            let without: Vec<Candidate> = made.without.iter().map(|(candidate, _)| *candidate).collect();
            // Where too few such errors are known yet, those with everything are the best there is.
            if let Ok(reduced) = self.fitted.outlook_without(&without, inputs, origin) {
                outlook = outlook.or_wider(reduced);
            }
        }
        let cadence = inputs.cadence();
        let points = points(serving, origin, &made.values, &outlook);
        let without = made.without.iter().map(|(candidate, why)| format!("{}: {why}", candidate.name())).collect();
        Ok((Issue { forecast: Forecast { origin, cadence, points }, without }, made.values))
    }

    /// Takes the forecast from an origin apart: with the base, the parts sum up to its values.
    ///
    /// # Errors
    /// As [`Self::issue`].
    pub fn explain(&mut self, inputs: &Inputs, origin: Timestamp) -> Result<Explanation, PredictError> {
        let (issue, made) = self.issue_and_made(inputs, origin)?;
        let base = baseline::mean(&ridge::newest_month(&inputs.own, inputs.cadence(), origin)?);
        let mut steps = self.fitted.serving.explain(inputs, origin, &made)?;
        for ((parts, point), made) in steps.iter_mut().zip(&issue.forecast.points).zip(made) {
            parts.put(Input::RecentErrors, point.value - made);
        }
        Ok(Explanation::of(origin, base, steps))
    }

    /// Lets the model forecast once a day since its training, at the time of day of the origin, so that the errors
    /// until then are known beside those of training.
    fn carry_on(&mut self, inputs: &Inputs, origin: Timestamp) {
        let begun = self.fitted.carries_from(origin);
        let from = match self.carried {
            Some((from, next)) if from == begun => next,
            _ => {
                self.calibration = self.fitted.calibration.clone();
                // What was still to come at the training is out of sight once the beginning has moved on from it.
                if begun.since(self.fitted.trained_until) >= DAY {
                    self.calibration.close();
                }
                begun
            }
        };
        let days = (0..).map(|day| from.plus(day * DAY));
        let origins: Vec<Timestamp> = days.take_while(|at| *at < origin).collect();
        let next = origins.last().map_or(from, |last| last.plus(DAY));
        // An origin in a gap makes no forecast, and so no error.
        let predict = |at: &Timestamp| self.fitted.serving.predict(inputs, *at).ok();
        let made: Vec<Option<Made>> = origins.par_iter().map(predict).collect();
        for (at, made) in origins.into_iter().zip(made) {
            if let Some(made) = made {
                self.calibration.advance(at, made.values, &inputs.own);
            }
        }
        self.carried = Some((begun, next));
    }
}

/// The steps of a forecast, corrected and with the intervals around them.
fn points(model: &Ensemble, origin: Timestamp, values: &[f64], outlook: &Outlook) -> Vec<Point> {
    let point = |(step, value): (usize, &f64)| {
        let value = model.bounded(value - outlook.corrections[step]);
        let half = outlook.widths[step];
        let around = |width: f64| (model.bounded(value - width), model.bounded(value + width));
        let ((lower_50, upper_50), (lower_80, upper_80)) = (around(half.half_50), around(half.half_80));
        let (lower_95, upper_95) = around(half.half_95);
        let target = origin.plus(step as i64 * model.cadence().seconds());
        Point { target, value, lower_50, upper_50, lower_80, upper_80, lower_95, upper_95 }
    };
    values.iter().enumerate().map(point).collect()
}

impl Fitted {
    /// What errors say of a forecast that some members have no part in: those that the others would have made without
    /// them, from the holdout on, each by the fit that did not know its hour.
    fn outlook_without(
        &self,
        without: &[Candidate],
        inputs: &Inputs,
        origin: Timestamp,
    ) -> Result<Outlook, TooFewErrors> {
        let (cadence, steps) = (self.serving.cadence(), self.serving.horizon_steps());
        let mut calibration = Calibration::new(cadence, steps, self.holdout_start);
        let mut at = self.daily_from(self.holdout_start, origin);
        while at < origin {
            let model = if at < self.trained_until { &self.candidate } else { &self.serving };
            if let Ok(made) = model.predict_without(inputs, at, without) {
                calibration.advance(at, made.values, &inputs.own);
            }
            at = at.plus(DAY);
        }
        calibration.outlook(origin, &inputs.own)
    }

    /// The first origin that a calibration takes in after the training, at the time of day of `origin`.
    fn carries_from(&self, origin: Timestamp) -> Timestamp {
        let age = origin.since(self.trained_until) / DAY;
        let moved = (age - REPLAY_DAYS).max(0) / REPLAY_STRIDE_DAYS * REPLAY_STRIDE_DAYS;
        let from = self.trained_until.plus(moved * DAY);
        from.plus(origin.since(from).rem_euclid(DAY))
    }

    /// The first origin from a time on, at most so many days ago, at the time of day of `origin`.
    fn daily_from(&self, from: Timestamp, origin: Timestamp) -> Timestamp {
        let oldest = origin.plus(-REPLAY_DAYS * DAY).max(from);
        oldest.plus(origin.since(oldest).rem_euclid(DAY))
    }
}

#[cfg(test)]
pub(crate) mod tests;
