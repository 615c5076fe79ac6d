//! What a model's errors usually are beside naive ones on the same hours, learnt on its own past and kept with it.
//!
//! A day is hard or easy for every forecast. So the logarithm of a day's error is explained by those of the naive
//! forecasts, by day of the horizon, and what is left tells of the model alone. Two errors are looked at: the mean
//! absolute error, which matters, and its change from step to step, which is even enough to tell within days.
//! Measured on the hourly carbon intensity of eight European grids in 2022, references of 2021: the mean over a week
//! that is left has a deviation of 0.13 to 0.18, that of the plain logarithm of error over naive error 0.34 to 0.41.

use std::collections::BTreeMap;

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

use super::trace::{self, Bound, Day, Run};
use super::{DayScore, Errors};
use crate::bootstrap::{self, Plan, Scheme};
use crate::series::Drift;
use crate::time::Timestamp;

/// Scored days that a yardstick is made of at least: half a year, as a shorter past has seen too little.
const FEWEST_DAYS: usize = 182;
/// Days of a block of the bootstrap: weather that makes errors alike lasts a week or two.
const BLOCK_DAYS: usize = 14;
/// Years that the bootstrap draws.
const YEARS: usize = 200;
/// Days of a drawn year.
const YEAR_DAYS: usize = 365;
/// The share of the allowed alarms that the past may have raised: what comes is less even than what was. Chosen so that
/// references of 2021 raise no more than is allowed on the grids of 2022, which all of it would exceed.
const CAUTION: f64 = 0.02;
/// The seed of the bootstrap: the same past gives the same threshold.
const SEED: u64 = 0;
/// The pull of the regression on the naive errors to none of them, in rows.
const PENALTY: f64 = 1.0;

/// What the errors of a model's forecasts usually are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Yardstick {
    /// The mean absolute error.
    level: Channel,
    /// Its change from step to step; none of a series of days.
    change: Option<Channel>,
    /// By which the deviations of both together are divided.
    scale: f64,
    /// The sum of deviations above which an alarm is raised.
    threshold: f64,
    /// The least mean excess of an alarm.
    least_excess: f64,
    alarms_a_year: f64,
    days: u64,
    from: Timestamp,
    until: Timestamp,
    usual: Option<f64>,
    usual_naive: f64,
    alarms: Vec<Timestamp>,
}

/// A past that no yardstick can be learnt from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoYardstick {
    /// It is too short or has too many gaps.
    #[error("{days} scored days of the model's own past are too few to tell what is usual: {FEWEST_DAYS} are needed")]
    TooShort {
        /// Days that could be scored.
        days: usize,
    },
    /// The model's errors, or those of naive forecasts, are none or all the same.
    #[error("the errors of {days} days of the model's own past do not vary, so that none of them is unusual")]
    Even {
        /// Days that were scored.
        days: usize,
    },
}

/// What one kind of error usually is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Channel {
    /// By day of the horizon: the constant, then what the logarithm of each naive error counts.
    by_day: Vec<Vec<f64>>,
    /// Of the mean of what is left over that many days of the horizon, from one on: mean and deviation.
    spreads: Vec<(f64, f64)>,
}

impl Yardstick {
    /// Learns from the scores of forecasts that were made without the hours that they are scored on.
    ///
    /// # Errors
    /// Where there are too few days, or their errors do not vary.
    pub fn learn(scores: &[DayScore], drift: &Drift) -> Result<Self, NoYardstick> {
        let horizon = scores.iter().map(|score| score.day).max().unwrap_or_default() as usize;
        let first_days = scores.iter().filter(|score| score.day == 1);
        let (days, usual) =
            (first_days.clone().count(), super::ratio(first_days.clone().map(|s| (s.mae, s.naive_mae))));
        let usual_naive = super::mean(first_days.map(|score| score.naive_mae));
        if days < FEWEST_DAYS {
            return Err(NoYardstick::TooShort { days });
        }
        let by_target = by_target(&scores.iter().collect::<Vec<_>>());
        let level =
            Channel::learn(scores, &by_target, horizon, |errors| Some(errors.mae)).ok_or(NoYardstick::Even { days })?;
        let change = Channel::learn(scores, &by_target, horizon, |errors| errors.change);
        let bounds = (by_target.keys().next(), by_target.keys().next_back());
        let (Some(from), Some(until)) = bounds else { return Err(NoYardstick::TooShort { days }) };
        let mut yardstick = Self {
            level,
            change,
            scale: 1.0,
            threshold: f64::MAX,
            least_excess: drift.skill_factor - 1.0,
            alarms_a_year: drift.alarms_a_year,
            days: days as u64,
            from: *from,
            until: *until,
            usual,
            usual_naive,
            alarms: Vec::new(),
        };
        let past = yardstick.past(&by_target);
        yardstick.scale = deviation(past.iter().map(|day| day.deviation)).filter(|d| *d > 0.0).unwrap_or(1.0);
        let past = yardstick.past(&by_target);
        yardstick.threshold = yardstick.calibrated(&past);
        yardstick.alarms = trace::alarms(&past, yardstick.bound());
        Ok(yardstick)
    }

    /// The days on which this monitor would have raised an alarm on the past that it was learnt from.
    pub fn would_have_alarmed(&self) -> &[Timestamp] {
        &self.alarms
    }

    /// The first and the last day of that past.
    pub fn span(&self) -> (Timestamp, Timestamp) {
        (self.from, self.until)
    }

    /// Scored days of that past.
    pub fn days(&self) -> u64 {
        self.days
    }

    /// The alarms a year that a model that is as ever may raise.
    pub fn alarms_a_year(&self) -> f64 {
        self.alarms_a_year
    }

    /// The sum of deviations above which an alarm is raised.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// The least mean excess of an alarm: 0.15 is 15 % more than due.
    pub fn least_excess(&self) -> f64 {
        self.least_excess
    }

    /// The error over that of the usual week, on first days.
    pub(super) fn usual(&self) -> Option<f64> {
        self.usual
    }

    /// The usual week's mean absolute error on first days, in the series' unit.
    pub(super) fn usual_naive(&self) -> f64 {
        self.usual_naive
    }

    pub(super) fn bound(&self) -> Bound {
        Bound { threshold: self.threshold, least_excess: self.least_excess }
    }

    /// The sum after the newest scored day; none where no day could be scored.
    pub(super) fn run(&self, scores: &[&DayScore]) -> Option<Run> {
        let days = self.past(&by_target(scores));
        trace::runs(&days, self.bound()).last().map(|(_, run)| run)
    }

    /// The threshold that circular block resamples of a past exceed as often as may be.
    fn calibrated(&self, past: &[Day]) -> f64 {
        let wanted = CAUTION * self.alarms_a_year * YEARS as f64;
        let Ok(plan) = Plan::new(past.len(), BLOCK_DAYS.min(past.len()), YEARS * YEAR_DAYS, Scheme::Circular) else {
            return f64::MAX;
        };
        let drawn: Vec<Day> = plan.places(SEED, 0).into_iter().filter_map(|place| past.get(place).copied()).collect();
        bootstrap::threshold(0.0, wanted, |threshold| trace::alarms(&drawn, Bound { threshold, ..self.bound() }).len())
    }

    fn past(&self, by_target: &BTreeMap<Timestamp, Vec<&DayScore>>) -> Vec<Day> {
        by_target.iter().filter_map(|(target, scores)| self.day(*target, scores)).collect()
    }

    /// A day by the scores of the forecasts for it.
    fn day(&self, target: Timestamp, scores: &[&DayScore]) -> Option<Day> {
        let (level, excess) = self.level.deviation(scores, |errors| Some(errors.mae))?;
        let change = self.change.as_ref().and_then(|channel| channel.deviation(scores, |errors| errors.change));
        let deviation = match change {
            Some((change, _)) => level + change,
            // Alone it says as much as both would have, were the other like it.
            None if self.change.is_some() => 2.0 * level,
            None => level,
        };
        Some(Day { target, deviation: deviation / self.scale, excess })
    }
}

fn by_target<'a>(scores: &[&'a DayScore]) -> BTreeMap<Timestamp, Vec<&'a DayScore>> {
    let mut by_target: BTreeMap<Timestamp, Vec<&DayScore>> = BTreeMap::new();
    for score in scores {
        // Forecasts of one day are not always issued at the same hour, and tell of the same day.
        by_target.entry(score.target().day_start()).or_default().push(score);
    }
    by_target
}

/// What is looked at of errors, where it is there.
type Pick = fn(Errors) -> Option<f64>;

impl Channel {
    fn learn(
        scores: &[DayScore],
        by_target: &BTreeMap<Timestamp, Vec<&DayScore>>,
        horizon: usize,
        pick: Pick,
    ) -> Option<Self> {
        let fit = |day: usize| {
            let of_day = scores.iter().filter(|score| score.day as usize == day + 1);
            regress(&of_day.filter_map(|score| Row::of(score, pick)).collect::<Vec<_>>())
        };
        let by_day = (0..horizon).map(fit).collect::<Option<Vec<_>>>()?;
        let mut channel = Self { by_day, spreads: Vec::new() };
        for days in 1..=horizon {
            let first = |scores: &Vec<&DayScore>| {
                let nearest: Vec<&DayScore> = scores.iter().copied().filter(|s| s.day as usize <= days).collect();
                channel.left(&nearest, pick).filter(|(_, count)| *count == days).map(|(left, _)| left)
            };
            let left: Vec<f64> = by_target.values().filter_map(first).collect();
            let spread = deviation(left.iter().copied()).filter(|spread| *spread > 0.0)?;
            channel.spreads.push((left.iter().sum::<f64>() / left.len() as f64, spread));
        }
        Some(channel)
    }

    /// How far the errors of a day lie above their due: in deviations of such days, and as a logarithm.
    fn deviation(&self, scores: &[&DayScore], pick: Pick) -> Option<(f64, f64)> {
        let (left, count) = self.left(scores, pick)?;
        let (mean, spread) = self.spreads.get(count - 1)?;
        Some(((left - mean) / spread, left - mean))
    }

    /// The mean of what the naive errors leave of a day's errors over the days of the horizon, and their number.
    fn left(&self, scores: &[&DayScore], pick: Pick) -> Option<(f64, usize)> {
        let left = |score: &&DayScore| {
            let weights = self.by_day.get((score.day as usize).checked_sub(1)?)?;
            let row = Row::of(score, pick)?;
            Some(row.own - weights.iter().zip(&row.naive).map(|(weight, naive)| weight * naive).sum::<f64>())
        };
        let left: Vec<f64> = scores.iter().filter_map(left).collect();
        (!left.is_empty()).then(|| (left.iter().sum::<f64>() / left.len() as f64, left.len()))
    }
}

/// The logarithms of a day's errors: the model's, and a one followed by the naive forecasts'.
struct Row {
    own: f64,
    naive: Vec<f64>,
}

impl Row {
    /// None where a naive forecast is missing or was exact, or the model was: no logarithm tells of it.
    fn of(score: &DayScore, pick: Pick) -> Option<Self> {
        let ln = |error: f64| (error > 0.0 && error.is_finite()).then(|| error.ln());
        let own = ln(pick(Errors { mae: score.mae, change: score.change })?)?;
        let naive: Option<Vec<f64>> = score.naive.iter().map(|errors| ln(pick(*errors)?)).collect();
        let naive = naive.filter(|naive| naive.len() == crate::forecast::baseline::BASELINES.len())?;
        Some(Self { own, naive: std::iter::once(1.0).chain(naive).collect() })
    }
}

/// The least squares weights, the constant first; none of too few rows.
fn regress(rows: &[Row]) -> Option<Vec<f64>> {
    let width = rows.first()?.naive.len();
    if rows.len() < 4 * width {
        return None;
    }
    let design = DMatrix::from_fn(rows.len(), width, |row, column| rows[row].naive[column]);
    let own = DVector::from_iterator(rows.len(), rows.iter().map(|row| row.own));
    let mut products = design.transpose() * &design;
    for place in 1..width {
        products[(place, place)] += PENALTY;
    }
    let solved = products.cholesky()?.solve(&(design.transpose() * own));
    solved.iter().all(|weight| weight.is_finite()).then(|| solved.iter().copied().collect())
}

/// The standard deviation (divisor n); none of nothing.
fn deviation(values: impl Iterator<Item = f64> + Clone) -> Option<f64> {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    (count > 0.0).then(|| (values.map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt())
}
