//! What the errors of past forecasts say of the next one: a correction of its level, and how wide its intervals are.
//!
//! A calibration takes the forecasts of past origins in the order of time and looks at each error once its hour has
//! passed. It is stored with the model, from the errors of training's rolling origins, and carried on by whoever
//! forecasts, through the origins since. No error is in sample.
//! - A level that the newest fit misses for weeks is met a part of the way: a share of the mean error of a day of the
//!   horizon, newer errors counting more, is taken off.
//! - Half widths are conformal quantiles of the absolute errors that are left, by step, newer errors counting more
//!   (NexCP, Barber et al. 2023, arXiv 2202.13415).
//! - A tracker for each day of the horizon widens or narrows them by how often they were left of late (Angelopoulos et
//!   al. 2023, arXiv 2307.16895; Gibbs and Candes 2021, arXiv 2106.00170).

use serde::{Deserialize, Serialize};

use super::error::ModelError;
use crate::history::History;
use crate::time::{Cadence, DAY, HOUR, Timestamp};

/// The shares of the values that the intervals are to cover.
const LEVELS: [f64; 3] = [0.5, 0.8, 0.95];
/// The factor by which an error's weight falls with every day of its age.
const DAILY_DECAY: f64 = 0.98;
/// Origins that are remembered: the weight of an older one is less than a twentieth.
const MOST_ORIGINS: usize = 150;
/// Steps before and after a step whose quantiles are averaged with its own, in hours; one step where a step
/// is longer.
const NEIGHBOUR_HOURS: i64 = 3;
/// The fewest errors that a 95 % interval can be read from: with fewer its rank lies beyond the largest. A step with
/// fewer takes those around it for its own.
const FEWEST: usize = 19;
/// How far a day in which every value left the interval moves the logarithm of its width.
const TRACKER_STEP: f64 = 0.15;
/// The tracker's bounds: a factor beyond them would be no correction any more.
const TRACKER_BOUNDS: (f64, f64) = (0.25, 4.0);
/// The age at which an error counts a third in the correction of the level, in days.
const LEVEL_MEMORY_DAYS: f64 = 25.0;
/// The share of the mean error that is taken off.
const LEVEL_GAIN: f64 = 0.35;
/// The fewest origins that a correction is learnt from.
const FEWEST_ORIGINS: usize = 7;

/// Past errors, and what became of the intervals around the forecasts that made them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    cadence: Cadence,
    steps: usize,
    /// Oldest first.
    past: Vec<Past>,
    /// The tracker's factor on each half width, by day of the horizon.
    factors: Vec<[f64; 3]>,
    /// The first origin whose errors tell of the level: those of older fits were mended by fitting anew.
    level_from: Timestamp,
}

/// A forecast from a past origin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Past {
    origin: Timestamp,
    /// Forecast less actual value by step, without correction; none where the hour has not passed or was not measured.
    errors: Vec<Option<f64>>,
    /// What was taken off, by day of the horizon.
    corrections: Vec<f64>,
    /// What is needed as long as hours are to come; none once all have passed.
    open: Option<Open>,
}

/// A forecast some of whose hours are still to come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Open {
    values: Vec<f64>,
    /// Steps that were looked at: the last of them may not have been measured.
    looked: usize,
    /// By step; empty where there were too few errors for any.
    widths: Vec<HalfWidths>,
}

/// Half widths of the intervals around one step, in the series' unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HalfWidths {
    /// Of the interval that covers half of the values.
    pub half_50: f64,
    /// Of the interval that covers 80 % of the values.
    pub half_80: f64,
    /// Of the interval that covers 95 % of the values.
    pub half_95: f64,
}

impl HalfWidths {
    /// In the order of the levels.
    fn by_level(self) -> [f64; 3] {
        [self.half_50, self.half_80, self.half_95]
    }
}

/// What past errors say of a forecast.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    /// What is to be taken off, by step.
    pub corrections: Vec<f64>,
    /// Around the corrected forecast, by step.
    pub widths: Vec<HalfWidths>,
}

impl Outlook {
    /// That of a forecast which lacks something: its own correction, and no interval narrower than with all of it.
    pub(super) fn or_wider(&self, lacking: Self) -> Self {
        let wider = |(whole, lacking): (&HalfWidths, HalfWidths)| HalfWidths {
            half_50: whole.half_50.max(lacking.half_50),
            half_80: whole.half_80.max(lacking.half_80),
            half_95: whole.half_95.max(lacking.half_95),
        };
        Self { corrections: lacking.corrections, widths: self.widths.iter().zip(lacking.widths).map(wider).collect() }
    }
}

/// Too few errors to learn an interval from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there are {errors} errors of step {step} to learn from, and an interval needs {FEWEST}: raise forecast.holdout_days"
)]
pub struct TooFewErrors {
    /// The step of the horizon, from 0.
    pub step: usize,
    /// Errors that are there.
    pub errors: usize,
}

impl Calibration {
    /// A calibration that has seen nothing. Errors of origins before `level_from` tell only how wide intervals are.
    pub(super) fn new(cadence: Cadence, steps: usize, level_from: Timestamp) -> Self {
        let factors = vec![[1.0; 3]; steps.div_ceil(cadence.per_day())];
        Self { cadence, steps, past: Vec::new(), factors, level_from }
    }

    /// Lets only errors of origins from a time on tell of the level.
    pub(super) fn correct_from(&mut self, level_from: Timestamp) {
        self.level_from = level_from;
    }

    /// One whose quantiles are these half widths: errors of one origin at `at` with them, as many of each sign.
    pub(crate) fn of_half_widths(cadence: Cadence, widths: &[HalfWidths], at: Timestamp) -> Self {
        let mut calibration = Self::new(cadence, widths.len(), at.plus(DAY));
        let corrections = vec![0.0; calibration.factors.len()];
        // Of twenty errors the eleventh is the conformal median, the seventeenth the 80 % and the last the 95 % bound.
        let by_size = [(12, 0), (6, 1), (2, 2)];
        let sizes = by_size.into_iter().flat_map(|(count, size)| std::iter::repeat_n(size, count));
        for (place, size) in sizes.enumerate() {
            let sign = if place % 2 == 0 { 1.0 } else { -1.0 };
            let errors = widths.iter().map(|widths| Some(sign * widths.by_level()[size])).collect();
            calibration.past.push(Past { origin: at, errors, corrections: corrections.clone(), open: None });
        }
        calibration
    }

    /// Takes in the forecast that was made from an origin later than those before, without correction. The errors of
    /// earlier ones are looked at as far as their hours had passed then.
    pub(super) fn advance(&mut self, origin: Timestamp, values: Vec<f64>, actual: &History) {
        debug_assert!(self.past.last().is_none_or(|past| past.origin < origin), "origins rise");
        self.look(origin, actual);
        let corrections = self.corrections(origin);
        let widths = self.widths(origin).unwrap_or_default();
        let open = Some(Open { values, looked: 0, widths });
        self.past.push(Past { origin, errors: vec![None; self.steps], corrections, open });
        let surplus = self.past.len().saturating_sub(MOST_ORIGINS);
        self.past.drain(..surplus);
    }

    /// What the errors known at an origin say of a forecast from it.
    ///
    /// # Errors
    /// Where too few errors are known of a step.
    pub(super) fn outlook(mut self, origin: Timestamp, actual: &History) -> Result<Outlook, TooFewErrors> {
        self.look(origin, actual);
        let widths = self.widths(origin)?;
        let by_day = self.corrections(origin);
        let per_day = self.cadence.per_day();
        Ok(Outlook { corrections: (0..self.steps).map(|step| by_day[step / per_day]).collect(), widths })
    }

    /// Whether enough errors are known at a time for a forecast from it.
    ///
    /// # Errors
    /// Where there are not.
    pub(super) fn check(&self, at: Timestamp, actual: &History) -> Result<(), TooFewErrors> {
        self.clone().outlook(at, actual).map(drop)
    }

    /// The first step that any open forecast still waits for, where there is one.
    pub(super) fn open_since(&self) -> Option<Timestamp> {
        self.past.iter().find(|past| past.open.is_some()).map(|past| past.origin)
    }

    /// Gives up waiting for the hours that were still to come.
    pub(super) fn close(&mut self) {
        self.past.iter_mut().for_each(|past| past.open = None);
    }

    /// Looks at the hours that have passed at `now`, and lets the tracker see each day that is over.
    fn look(&mut self, now: Timestamp, actual: &History) {
        let (per_day, step) = (self.cadence.per_day(), self.cadence.seconds());
        for past in &mut self.past {
            let Some(open) = &mut past.open else { continue };
            let passed = (now.since(past.origin) / step).clamp(0, self.steps as i64) as usize;
            let looked = open.looked;
            open.looked = passed.max(looked);
            for place in looked..passed {
                let value = actual.at(past.origin.plus(place as i64 * step));
                past.errors[place] = value.map(|value| open.values[place] - value);
            }
            for (day, factors) in self.factors.iter_mut().enumerate() {
                let steps = day * per_day..((day + 1) * per_day).min(self.steps);
                if looked < steps.end && steps.end <= passed && !open.widths.is_empty() {
                    let errors = (&past.errors[steps.clone()], past.corrections[day]);
                    follow(factors, errors, &open.widths[steps]);
                }
            }
            if passed == self.steps {
                past.open = None;
            }
        }
    }

    /// The errors of rolling origins by step, with what was taken off for the level; none of a model of an earlier
    /// version, whose errors only stand for its half widths.
    pub fn errors(&self) -> impl Iterator<Item = (Timestamp, Vec<Option<f64>>)> + '_ {
        let is_rolled = self.past.is_sorted_by(|a, b| a.origin < b.origin);
        self.past.iter().filter(move |_| is_rolled).map(|past| {
            let left = |(step, error): (usize, &Option<f64>)| {
                Some((*error)? - past.corrections[step / self.cadence.per_day()])
            };
            (past.origin, past.errors.iter().enumerate().map(left).collect())
        })
    }

    /// What is to be taken off, by day of the horizon.
    fn corrections(&self, now: Timestamp) -> Vec<f64> {
        let per_day = self.cadence.per_day();
        let of_day = |day: usize| {
            let (mut sum, mut total, mut origins) = (0.0, 0.0, 0);
            for past in self.past.iter().filter(|past| past.origin >= self.level_from) {
                let steps = day * per_day..((day + 1) * per_day).min(self.steps);
                let known: Vec<f64> = past.errors[steps].iter().flatten().copied().collect();
                if known.is_empty() {
                    continue;
                }
                let weight = (-age_days(past.origin, now) / LEVEL_MEMORY_DAYS).exp();
                sum += weight * known.iter().sum::<f64>() / known.len() as f64;
                total += weight;
                origins += 1;
            }
            if origins < FEWEST_ORIGINS { 0.0 } else { LEVEL_GAIN * sum / total }
        };
        (0..self.factors.len()).map(of_day).collect()
    }

    fn widths(&self, now: Timestamp) -> Result<Vec<HalfWidths>, TooFewErrors> {
        let weights: Vec<f64> = self.past.iter().map(|past| DAILY_DECAY.powf(age_days(past.origin, now))).collect();
        let errors: Vec<Vec<(f64, f64)>> = (0..self.steps).map(|step| self.left(step, &weights)).collect();
        let own: Vec<[f64; 3]> = errors.iter().map(|errors| weighted_quantiles(errors)).collect();
        let widths = |step: usize| {
            let found = if errors[step].len() >= FEWEST {
                let near = step.saturating_sub(self.reach())..(step + self.reach() + 1).min(self.steps);
                let known: Vec<&[f64; 3]> =
                    near.filter(|place| errors[*place].len() >= FEWEST).map(|place| &own[place]).collect();
                std::array::from_fn(|level| known.iter().map(|found| found[level]).sum::<f64>() / known.len() as f64)
            } else {
                weighted_quantiles(&self.pooled(step, &errors)?)
            };
            let factors = self.factors[step / self.cadence.per_day()];
            let [half_50, half_80, half_95]: [f64; 3] = std::array::from_fn(|level| factors[level] * found[level]);
            // Trackers move apart: an interval that is to cover more is never the narrower one.
            let half_80 = half_80.max(half_50);
            Ok(HalfWidths { half_50, half_80, half_95: half_95.max(half_80) })
        };
        (0..self.steps).map(widths).collect()
    }

    /// What a correction leaves of the errors known of a step, with the weight of each, the smallest first.
    fn left(&self, step: usize, weights: &[f64]) -> Vec<(f64, f64)> {
        let day = step / self.cadence.per_day();
        let left = |(past, weight): (&Past, &f64)| Some(((past.errors[step]? - past.corrections[day]).abs(), *weight));
        let mut errors: Vec<(f64, f64)> = self.past.iter().zip(weights).filter_map(left).collect();
        errors.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        errors
    }

    /// The errors of as many steps around one as give enough, at most a day on each side.
    fn pooled(&self, step: usize, errors: &[Vec<(f64, f64)>]) -> Result<Vec<(f64, f64)>, TooFewErrors> {
        let around = |reach: usize| &errors[step.saturating_sub(reach)..(step + reach + 1).min(self.steps)];
        let count = |reach: usize| around(reach).iter().map(Vec::len).sum::<usize>();
        let widest = self.cadence.per_day().max(self.reach());
        let Some(reach) = (self.reach()..=widest).find(|reach| count(*reach) >= FEWEST) else {
            return Err(TooFewErrors { step, errors: count(widest) });
        };
        let mut pooled = around(reach).concat();
        pooled.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(pooled)
    }

    /// Steps on each side whose quantiles are averaged with a step's own.
    fn reach(&self) -> usize {
        (NEIGHBOUR_HOURS * HOUR / self.cadence.seconds()).max(1) as usize
    }
}

/// Moves a day's factors by its errors before correction: up by each value that left its interval, down by each that
/// did not, so that they rest where the intervals cover what they should.
fn follow(factors: &mut [f64; 3], (errors, correction): (&[Option<f64>], f64), widths: &[HalfWidths]) {
    let mut left = [0.0; 3];
    let mut measured = 0.0;
    for (error, widths) in errors.iter().zip(widths) {
        let Some(error) = error else { continue };
        let size = (error - correction).abs();
        for (left, half) in left.iter_mut().zip(widths.by_level()) {
            *left += f64::from(u8::from(size > half));
        }
        measured += 1.0;
    }
    if measured > 0.0 {
        for ((factor, left), level) in factors.iter_mut().zip(left).zip(LEVELS) {
            let moved = *factor * (TRACKER_STEP * (left / measured - (1.0 - level))).exp();
            *factor = moved.clamp(TRACKER_BOUNDS.0, TRACKER_BOUNDS.1);
        }
    }
}

/// For each level the least error up to which the weights reach that share of all weights and a further one of 1: the
/// largest where there is none.
fn weighted_quantiles(sorted: &[(f64, f64)]) -> [f64; 3] {
    let total = 1.0 + sorted.iter().map(|(_, weight)| weight).sum::<f64>();
    let mut found = [sorted.last().map_or(0.0, |(error, _)| *error); 3];
    let mut reached = [false; 3];
    let mut sum = 0.0;
    for (error, weight) in sorted {
        sum += weight;
        for place in 0..LEVELS.len() {
            // Rounding must not move a rank.
            if !reached[place] && sum >= LEVELS[place] * total - 1e-9 {
                (found[place], reached[place]) = (*error, true);
            }
        }
    }
    found
}

fn age_days(origin: Timestamp, now: Timestamp) -> f64 {
    now.since(origin) as f64 / DAY as f64
}

impl Calibration {
    /// Whether what was stored fits a horizon.
    ///
    /// # Errors
    /// Where it does not.
    pub(crate) fn fits(&self, cadence: Cadence, steps: usize) -> Result<(), ModelError> {
        let days = steps.div_ceil(cadence.per_day());
        let whole = |past: &Past| {
            let open = past.open.as_ref();
            past.errors.len() == steps
                && past.corrections.len() == days
                && open.is_none_or(|open| open.values.len() == steps && open.looked <= steps)
                && open.is_none_or(|open| open.widths.is_empty() || open.widths.len() == steps)
        };
        let fits = self.cadence == cadence && self.steps == steps && self.factors.len() == days;
        if fits && self.past.iter().all(whole) { Ok(()) } else { Err(ModelError::Errors) }
    }
}

#[cfg(test)]
mod tests;
