//! Day after day, how far a model's errors lie from those that such days bring, and the sum that an alarm is read from.

use crate::time::Timestamp;

/// What a day must lie above its due to count as worse, in deviations: half the change that is to be found fastest
/// (Page 1954).
const ALLOWANCE: f64 = 0.5;

/// The sum grows no further than so many thresholds, so that a model that is well again is not blamed for months.
const CAP: f64 = 2.0;

/// A day of the calendar by the scores of all forecasts for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Day {
    /// Its first step.
    pub target: Timestamp,
    /// How far errors lie above their due, in deviations of such days.
    pub deviation: f64,
    /// The logarithm of the mean absolute error over its due.
    pub excess: f64,
}

/// When an alarm is raised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bound {
    /// The sum above which it is, in deviations.
    pub threshold: f64,
    /// The least mean excess: 0.1 is a tenth more than due.
    pub least_excess: f64,
}

/// A one-sided cumulative sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Run {
    /// The sum, in deviations.
    pub sum: f64,
    /// The first day of those that make it up; none where it is nothing.
    pub since: Option<Timestamp>,
    days: u64,
    excess: f64,
}

impl Run {
    /// The mean excess of the days that make up the sum: 0.5 is half as much again.
    pub fn excess(&self) -> f64 {
        if self.days == 0 { 0.0 } else { (self.excess / self.days as f64).exp() - 1.0 }
    }

    /// Whether it raises the alarm.
    pub fn is_alarm(&self, bound: Bound) -> bool {
        self.sum > bound.threshold && self.excess() >= bound.least_excess
    }

    fn after(self, day: &Day, bound: Bound) -> Self {
        let sum = (self.sum + day.deviation - ALLOWANCE).clamp(0.0, CAP * bound.threshold);
        if sum <= 0.0 {
            return Self::default();
        }
        Self { sum, since: self.since.or(Some(day.target)), days: self.days + 1, excess: self.excess + day.excess }
    }
}

/// The sum after each of these days.
pub(super) fn runs<'a>(
    days: impl IntoIterator<Item = &'a Day>,
    bound: Bound,
) -> impl Iterator<Item = (Timestamp, Run)> {
    days.into_iter().scan(Run::default(), move |run, day| {
        *run = run.after(day, bound);
        Some((day.target, *run))
    })
}

/// The days on which an alarm was raised that had not been the day before.
pub(super) fn alarms<'a>(days: impl IntoIterator<Item = &'a Day>, bound: Bound) -> Vec<Timestamp> {
    let mut raised = false;
    let mut alarms = Vec::new();
    for (target, run) in runs(days, bound) {
        let alarm = run.is_alarm(bound);
        if alarm && !raised {
            alarms.push(target);
        }
        raised = alarm;
    }
    alarms
}
