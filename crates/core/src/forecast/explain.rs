//! Which inputs moved a forecast, and by how much.
//!
//! Every member but the trees is linear in what it looks at, so that what each input adds is exact; a tree adds to an
//! input what its splits on it make of the value. With the base, the mean of the last four weeks, the parts sum up to
//! the forecast.

use std::collections::BTreeMap;
use std::fmt;

use crate::time::Timestamp;

/// What a part of a forecast comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input {
    /// How the last day lay against the last four weeks.
    Level,
    /// The shape of the last four weeks.
    UsualShape,
    /// The single steps of the last day.
    LastDay,
    /// Steps before the last day.
    Earlier,
    /// Time of day, day of the week and holidays, with what the model adds always.
    DayAndWeek,
    /// The season.
    Season,
    /// The past of a covariate.
    Covariate(String),
    /// The weather forecast.
    Weather,
    /// What the newest errors make taken off.
    RecentErrors,
    /// The bounds of the values that can be true.
    Bounds,
}

/// A forecast taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The first step that it forecasts.
    pub origin: Timestamp,
    /// The mean of the last four weeks, from which every part counts, in the series' unit.
    pub base: f64,
    /// What each input adds, by step, in the series' unit.
    pub parts: BTreeMap<Input, Vec<f64>>,
}

/// The parts of one step's forecast, beside the base.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Terms(BTreeMap<Input, f64>);

impl Terms {
    /// Adds to a part.
    pub(super) fn put(&mut self, input: Input, value: f64) {
        *self.0.entry(input).or_insert(0.0) += value;
    }

    /// Adds other parts times a factor.
    pub(super) fn put_all(&mut self, more: &Self, factor: f64) {
        for (input, value) in &more.0 {
            self.put(input.clone(), factor * value);
        }
    }

    /// What they add up to.
    pub(super) fn sum(&self) -> f64 {
        self.0.values().sum()
    }
}

impl Explanation {
    /// From the parts of every step.
    pub(super) fn of(origin: Timestamp, base: f64, steps: Vec<Terms>) -> Self {
        let mut parts: BTreeMap<Input, Vec<f64>> = BTreeMap::new();
        let count = steps.len();
        for (step, of_step) in steps.into_iter().enumerate() {
            for (input, value) in of_step.0 {
                parts.entry(input).or_insert_with(|| vec![0.0; count])[step] += value;
            }
        }
        Self { origin, base, parts }
    }

    /// What the parts sum up to: the forecast.
    pub fn values(&self) -> Vec<f64> {
        let steps = self.parts.values().next().map_or(0, Vec::len);
        (0..steps).map(|step| self.base + self.parts.values().map(|values| values[step]).sum::<f64>()).collect()
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level => f.write_str("level"),
            Self::UsualShape => f.write_str("usual_shape"),
            Self::LastDay => f.write_str("last_day"),
            Self::Earlier => f.write_str("earlier"),
            Self::DayAndWeek => f.write_str("day_and_week"),
            Self::Season => f.write_str("season"),
            Self::Covariate(name) => write!(f, "covariate:{name}"),
            Self::Weather => f.write_str("weather"),
            Self::RecentErrors => f.write_str("recent_errors"),
            Self::Bounds => f.write_str("bounds"),
        }
    }
}
