//! What drift found: a statistic, its threshold, one of three answers, and the reason in words.

use serde::{Deserialize, Serialize};

use super::dependence::{effective_size, lag_one};
use super::discovery;
use super::distribution::Distribution;
use super::reference::{self, Reference};
use super::sample::{Sample, SampleError};
use super::season::{self, Calendar, Unusable};
use super::week::Window;
use super::{kolmogorov, ks};
use crate::history::History;
use crate::series::Definition;
use crate::time::{Cadence, Timestamp};

/// One statistic's answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The statistic: `wasserstein`, `psi`, `wasserstein_changes`, `psi_changes`, `ks` of the first day of the horizon
    /// or `ks_day_2` of another, `level_given_covariates`.
    pub statistic: String,
    /// Its value, where it could be computed.
    pub value: Option<f64>,
    /// The value from which on it is drift.
    pub threshold: Option<f64>,
    /// The probability of at least this value without drift, where the statistic has one.
    pub p_value: Option<f64>,
    /// What it says.
    pub answer: Answer,
    /// Why, in numbers and units.
    pub reason: String,
}

/// What a statistic says. Too little data is neither drift nor its absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Within what the reference showed.
    Stable,
    /// Beyond it.
    Drifted,
    /// It cannot be said.
    InsufficientData,
}

impl Answer {
    /// The answer and its reason where the batch only made up for the past: a back-fill raises no alarm by itself.
    pub fn of_a_back_fill(self, reason: String) -> (Self, String) {
        match self {
            Self::Drifted => (Self::Stable, format!("{reason}; a back-fill raises no alarm by itself")),
            Self::Stable | Self::InsufficientData => (self, reason),
        }
    }
}

/// Fewer independent values than this can tell no distributions apart.
pub(super) const FEWEST_INDEPENDENT: f64 = 4.0;

/// Names of the statistics of [`data`], in the order of its findings.
const OF_DATA: [&str; 4] = ["wasserstein", "psi", "wasserstein_changes", "psi_changes"];

/// Compares the last `drift.window_days` of a history with the reference; the week before them, which the history must
/// hold too ([`super::days_needed`]), is what they are read against.
///
/// On the grids of 2021 to 2023 and windows of 14 days that `season.rs` speaks of, which hold real changes too, 8 % of
/// the windows had a drifted statistic. Of windows changed on purpose, at least one statistic saw 95 % with doubled
/// noise, 98 % in another unit, 54 % with 30 % more and 38 % with 30 % less: two weeks of weather can move a real grid
/// as far.
///
/// The findings are always the same four, in the same order, so that two reports can be laid side by side.
pub fn data(reference: &Reference, window: &History, definition: &Definition) -> Vec<Finding> {
    match compare(reference, window, definition) {
        Ok(findings) => findings,
        Err(reason) => OF_DATA.iter().map(|statistic| Finding::insufficient(statistic, reason.to_string())).collect(),
    }
}

/// Why a window cannot be compared with a reference.
#[derive(Debug, thiserror::Error)]
pub(super) enum Incomparable {
    #[error("the reference is of windows of {found} days and the definition asks for {wanted}: train a model anew")]
    WindowDays { found: u32, wanted: u32 },
    #[error("the reference is in {found} and the series in {wanted}: train a model anew")]
    Calendar { found: String, wanted: String },
    #[error(transparent)]
    Unusable(#[from] Unusable),
    #[error(transparent)]
    Sample(#[from] SampleError),
}

/// What season, week and day do not explain of the newest window of a history, as the reference can be compared with
/// it, in the order of time; NaN where there is no value.
pub(super) fn left_of_window(
    reference: &Reference,
    history: &History,
    definition: &Definition,
) -> Result<Vec<f64>, Incomparable> {
    let wanted = definition.drift.window_days;
    if reference.window_days != wanted {
        return Err(Incomparable::WindowDays { found: reference.window_days, wanted });
    }
    if (reference.cadence, &reference.time_zone) != (history.cadence(), &definition.time_zone) {
        let name = |cadence: Cadence, zone: &str| format!("steps of {} s of {zone}", cadence.seconds());
        return Err(Incomparable::Calendar {
            found: name(reference.cadence, &reference.time_zone),
            wanted: name(history.cadence(), &definition.time_zone),
        });
    }
    let (steps, before) = season::steps(wanted, history.cadence());
    let newest = history.end().plus(-((before + steps) as i64 * history.cadence().seconds()));
    let window = &history.between(newest, history.end());
    let length = window.values().len();
    let start = length.checked_sub(steps).ok_or(Unusable::Short { found: length, needed: before + steps })?;
    let window = Calendar::new(window, definition).window(start, steps)?;
    Ok(reference::residual(&window, &reference.profile))
}

fn compare(reference: &Reference, window: &History, definition: &Definition) -> Result<Vec<Finding>, Incomparable> {
    let residual = left_of_window(reference, window, definition)?;
    let channel = |distribution, sample: &Sample, suffix, what| {
        let channel = Channel { distribution, suffix, what, unit: &definition.unit, windows: reference.windows };
        channel.findings(sample)
    };
    let mut findings = channel(&reference.values, &reference::known(&residual)?, "", "values");
    findings.extend(channel(
        &reference.changes,
        &reference::changes(&residual)?,
        "_changes",
        "changes from step to step",
    ));
    Ok(findings)
}

/// One of the two distributions of a reference, with the words for it.
struct Channel<'a> {
    distribution: &'a Distribution,
    suffix: &'static str,
    what: &'static str,
    unit: &'a str,
    windows: u64,
}

impl Channel<'_> {
    fn findings(&self, sample: &Sample) -> Vec<Finding> {
        let Self { distribution, suffix, what, unit, windows } = self;
        let (score, threshold) = (distribution.score(sample), distribution.threshold);
        let source = format!("from {windows} windows of training data");
        let distance = format!(
            "{what} without season lie {:.2} deviations ({:.1} {unit}) from the reference, threshold {:.2} {source}",
            score.wasserstein,
            score.wasserstein * distribution.deviation,
            threshold.wasserstein,
        );
        let index = format!(
            "{what} without season are spread over the reference's deciles with a stability index of {:.2}, threshold \
             {:.2} {source}",
            score.psi, threshold.psi,
        );
        vec![
            Finding::above(format!("wasserstein{suffix}"), score.wasserstein, threshold.wasserstein, distance),
            Finding::above(format!("psi{suffix}"), score.psi, threshold.psi, index),
        ]
    }
}

impl Finding {
    /// The same where the batch only made up for the past.
    #[must_use]
    pub fn of_a_back_fill(self) -> Self {
        let (answer, reason) = self.answer.of_a_back_fill(self.reason);
        Self { answer, reason, ..self }
    }

    fn above(statistic: String, value: f64, threshold: f64, reason: String) -> Self {
        if !value.is_finite() {
            return Self::insufficient(
                &statistic,
                format!("the {statistic} of the window is beyond the range of numbers"),
            );
        }
        let answer = if value > threshold { Answer::Drifted } else { Answer::Stable };
        Self { statistic, value: Some(value), threshold: Some(threshold), p_value: None, answer, reason }
    }

    fn insufficient(statistic: &str, reason: String) -> Self {
        let (statistic, answer) = (statistic.to_owned(), Answer::InsufficientData);
        Self { statistic, value: None, threshold: None, p_value: None, answer, reason }
    }
}

/// A step that was forecast and has come: its time, the forecast and the actual value.
pub type Met = (Timestamp, f64, f64);

/// Compares forecasts with the actual values of the same steps, one pair a step and by day of the horizon: the
/// Kolmogorov-Smirnov distance of the two distributions, with a p-value for as many independent values as the
/// forecast's errors are worth, adjusted for the days that can be told.
///
/// The errors of one forecast go together, the more so the further ahead it looks, and a day of them tells nothing of
/// their dependence: further days than the first need a whole week of pairs.
///
/// The distributions differ by the errors alone, so their autocorrelation is what takes from the size. The pairs are of
/// the same steps and so nearer than the test supposes: it errs towards `Stable`, and an alarm of it can be relied on.
pub fn prediction(days: &[Vec<Met>], significance: f64) -> Vec<Finding> {
    let of_day = |(day, pairs): (usize, &Vec<Met>)| {
        if day > 1 {
            refuse_part_of_a_week(pairs)?;
        }
        paired(pairs, significance).map(Distance::of)
    };
    let measured: Vec<Result<Distance, Untellable>> = (1..).zip(days).map(of_day).collect();
    let told: Vec<f64> = measured.iter().flatten().map(|distance| distance.p_value).collect();
    let mut adjusted = discovery::adjusted(&told).into_iter();
    let finding = |(day, measured): (usize, Result<Distance, Untellable>)| {
        let statistic = if day == 1 { "ks".to_owned() } else { format!("ks_day_{day}") };
        match measured {
            Ok(distance) => distance.finding(statistic, adjusted.next().unwrap_or(1.0), told.len(), significance),
            Err(reason) => Finding::insufficient(&statistic, reason.to_string()),
        }
    };
    (1..).zip(measured).map(finding).collect()
}

/// Why forecasts cannot be compared with actual values.
#[derive(Debug, thiserror::Error)]
pub(super) enum Untellable {
    #[error("{0} pairs of forecast and actual value are too few")]
    Few(usize),
    #[error("{known} pairs of forecast and actual value are less than a whole week of them")]
    PartOfAWeek { known: usize },
    #[error("the forecast's errors are all the same, so that their dependence cannot be told")]
    EvenErrors,
    #[error(
        "{pairs} pairs with errors of autocorrelation {rho:.2} are worth {worth:.1} independent ones: too few for any \
         distance to be as unlikely as {significance}"
    )]
    Dependent { pairs: usize, rho: f64, worth: f64, significance: f64 },
    #[error("{0} is no significance level: it must lie between 0 and 1")]
    Significance(f64),
    #[error(transparent)]
    Sample(#[from] SampleError),
}

/// Forecasts and what came of them.
pub(super) struct Paired {
    /// The forecasts.
    pub forecasts: Sample,
    /// What came.
    pub actuals: Sample,
    /// The independent values that the pairs are worth.
    pub worth: f64,
    rho: f64,
}

/// Refuses pairs that come to less than a week.
pub(super) fn refuse_part_of_a_week(pairs: &[Met]) -> Result<(), Untellable> {
    let known = pairs.iter().filter(|(_, f, a)| f.is_finite() && a.is_finite()).map(|(time, _, _)| *time);
    let known: Vec<Timestamp> = known.collect();
    match Window::of(&known).is_some_and(|window| window.covers_a_week()) {
        true => Ok(()),
        false => Err(Untellable::PartOfAWeek { known: known.len() }),
    }
}

/// The pairs of which both are known.
pub(super) fn paired(pairs: &[Met], significance: f64) -> Result<Paired, Untellable> {
    if !(significance > 0.0 && significance < 1.0) {
        return Err(Untellable::Significance(significance));
    }
    let mut known: Vec<_> = pairs.iter().filter(|(_, f, a)| f.is_finite() && a.is_finite()).copied().collect();
    if known.len() < 3 {
        return Err(Untellable::Few(known.len()));
    }
    known.sort_by_key(|(time, _, _)| *time);
    let rho = lag_one(&errors(&known)).ok_or(Untellable::EvenErrors)?;
    let worth = effective_size(known.len(), rho);
    if worth < FEWEST_INDEPENDENT || ks::p_value_of_worth(1.0, worth, worth) >= significance {
        return Err(Untellable::Dependent { pairs: known.len(), rho, worth, significance });
    }
    let forecasts = Sample::new(known.iter().map(|pair| pair.1).collect())?;
    let actuals = Sample::new(known.iter().map(|pair| pair.2).collect())?;
    Ok(Paired { forecasts, actuals, worth, rho })
}

/// How far forecasts lie from what came, and how likely that is.
struct Distance {
    pairs: Paired,
    distance: f64,
    p_value: f64,
}

impl Distance {
    fn of(pairs: Paired) -> Self {
        let distance = ks::distance(&pairs.forecasts, &pairs.actuals);
        let p_value = ks::p_value_of_worth(distance, pairs.worth, pairs.worth);
        Self { pairs, distance, p_value }
    }

    fn finding(self, statistic: String, adjusted: f64, days: usize, significance: f64) -> Finding {
        let Self { pairs: Paired { actuals, worth, rho, .. }, distance, .. } = self;
        let threshold = kolmogorov::critical_distance(significance, ks::joint_size(worth, worth));
        let of_days = if days > 1 { format!(" adjusted for {days} days") } else { String::new() };
        let reason = format!(
            "forecasts and actual values of {} steps are {distance:.2} apart (p {adjusted:.3}{of_days}, drift below \
             {significance}), threshold {threshold:.2} for the {worth:.0} independent values that errors of autocorrelation \
             {rho:.2} leave",
            actuals.len(),
        );
        let answer = if adjusted < significance { Answer::Drifted } else { Answer::Stable };
        let (value, threshold, p_value) = (Some(distance), Some(threshold), Some(adjusted));
        Finding { statistic, value, threshold, p_value, answer, reason }
    }
}

/// The errors in the order of time, NaN where a step between them has no pair: what lies across a gap is no neighbour.
fn errors(known: &[Met]) -> Vec<f64> {
    let apart = known.windows(2).map(|pair| pair[1].0.since(pair[0].0));
    let step = apart.filter(|seconds| *seconds > 0).min().unwrap_or_default();
    let mut errors = Vec::with_capacity(known.len());
    let mut last: Option<Timestamp> = None;
    for (time, forecast, actual) in known {
        if last.is_some_and(|last| time.since(last) > step) {
            errors.push(f64::NAN);
        }
        errors.push(forecast - actual);
        last = Some(*time);
    }
    errors
}

#[cfg(test)]
mod tests;
