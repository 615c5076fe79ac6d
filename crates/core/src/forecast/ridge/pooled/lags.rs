//! What a pooled regression looks at of the newest weeks: differences from the last day's level, counted back from the
//! target.

use serde::{Deserialize, Serialize};

use super::super::super::baseline::{mean, moved_week};
use super::super::{SHAPE_SHARE, dot};
use crate::time::{Cadence, HOUR};

/// The version of the lags: a stored model says which its weights belong to, so change it with them.
pub(super) const VERSION: u32 = 1;
/// Days of the last week, each of whose levels, and whose step at the target's time of day, is looked at.
const DAYS: usize = 7;
/// Days back to the same step of earlier weeks.
const WEEKS: [usize; 2] = [14, 21];
/// The newest hours that are compared with the same a day before.
const NEWEST_HOURS: [i64; 4] = [1, 3, 6, 12];
/// Hours after which what the newest hours tell has faded to a third.
const FADE_HOURS: f64 = 4.0;

/// Lags of one step, or the weights on them, by the input that they come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Lags {
    /// How the last day lies against each of the six before it and against the four weeks.
    pub levels: Vec<f64>,
    /// The usual week's shape.
    pub shape: Vec<f64>,
    /// The last day's step at the target's time of day, then the newest hours, as they are and faded.
    pub last_day: Vec<f64>,
    /// The same step of single days before the last.
    pub earlier: Vec<f64>,
}

impl Lags {
    /// How many there are by input, in the order of the fields.
    pub(super) const COUNTS: [usize; 4] = [DAYS, 1, 1 + 2 * NEWEST_HOURS.len(), DAYS - 1 + WEEKS.len()];

    /// How many there are.
    pub(super) fn count() -> usize {
        Self::COUNTS.iter().sum()
    }

    /// Cuts values, as many as there are lags, into inputs.
    pub(super) fn of(values: &[f64]) -> Self {
        let [levels, shape, last_day, _] = Self::COUNTS;
        let (levels, rest) = values.split_at(levels);
        let (shape, rest) = rest.split_at(shape);
        let (last_day, earlier) = rest.split_at(last_day);
        let [levels, shape, last_day, earlier] = [levels, shape, last_day, earlier].map(<[f64]>::to_vec);
        Self { levels, shape, last_day, earlier }
    }

    /// All of them, in the order of the fields.
    pub(super) fn values(&self) -> impl Iterator<Item = f64> + '_ {
        let Self { levels, shape, last_day, earlier } = self;
        [levels, shape, last_day, earlier].into_iter().flatten().copied()
    }

    /// Whether every input has as many as there must be.
    pub(super) fn is_whole(&self) -> bool {
        let Self { levels, shape, last_day, earlier } = self;
        [levels, shape, last_day, earlier].map(Vec::len) == Self::COUNTS
    }

    pub(super) fn times(&self, other: &Self) -> f64 {
        dot(&self.levels, &other.levels)
            + dot(&self.shape, &other.shape)
            + dot(&self.last_day, &other.last_day)
            + dot(&self.earlier, &other.earlier)
    }
}

/// The four weeks before an origin, as far as they are the same for all steps.
pub(super) struct Seen {
    month: Vec<f64>,
    cadence: Cadence,
    level: f64,
    /// The usual week from the origin on, about its mean on the last day.
    week: Vec<f64>,
    levels: Vec<f64>,
    newest: Vec<f64>,
}

impl Seen {
    /// From the newest four weeks, oldest first and without gaps.
    pub(super) fn new(month: Vec<f64>, cadence: Cadence) -> Self {
        let (per_day, end) = (cadence.per_day(), month.len());
        let day = |back: usize| mean(&month[end - back * per_day..end - (back - 1) * per_day]);
        let level = day(1);
        let week = moved_week(&month, cadence, 7 * per_day, 1.0).into_iter().map(|value| value - level).collect();
        let levels = (2..=DAYS).map(|back| level - day(back)).chain([level - mean(&month)]).collect();
        let against_yesterday = |hours: i64| {
            // Where a step is longer, the newest hours are the newest step.
            let steps = ((hours * HOUR / cadence.seconds()) as usize).max(1);
            mean(&month[end - steps..]) - mean(&month[end - per_day - steps..end - per_day])
        };
        let newest = NEWEST_HOURS.into_iter().map(against_yesterday).collect();
        Self { month, cadence, level, week, levels, newest }
    }

    /// The mean of the last day.
    pub(super) fn level(&self) -> f64 {
        self.level
    }

    /// The guess that the regression starts from, as the direct one does.
    pub(super) fn guess(&self, step: usize) -> f64 {
        self.level + SHAPE_SHARE * self.week[step % self.week.len()]
    }

    /// The lags of a step.
    pub(super) fn lags(&self, step: usize) -> Lags {
        let per_day = self.cadence.per_day();
        let back = |days: usize, step: usize| self.month[self.month.len() - days * per_day + step] - self.level;
        let (of_day, of_week) = (step % per_day, step % (7 * per_day));
        let hours = (step as i64 * self.cadence.seconds()) as f64 / HOUR as f64;
        let fade = (-hours / FADE_HOURS).exp();
        let last_day =
            [back(1, of_day)].into_iter().chain(self.newest.iter().flat_map(|newest| [*newest, fade * newest]));
        let earlier = (2..=DAYS).map(|days| back(days, of_day)).chain(WEEKS.map(|days| back(days, of_week)));
        Lags {
            levels: self.levels.clone(),
            shape: vec![self.week[of_week]],
            last_day: last_day.collect(),
            earlier: earlier.collect(),
        }
    }
}
