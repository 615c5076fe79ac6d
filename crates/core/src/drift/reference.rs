//! What a model version remembers of its training data, learnt once and kept with it.

use serde::{Deserialize, Serialize};

use super::dependence::{effective_size, lag_one};
use super::distribution::{self, Distribution};
use super::sample::{Sample, SampleError};
use super::season::{self, Calendar, Unusable, Window};
use crate::history::History;
use crate::series::Definition;
use crate::time::Cadence;

/// Windows that thresholds need at least.
const FEWEST_WINDOWS: usize = 4;

/// The newest days that a reference looks at: a year, so that every season is in it, and the windows at its start.
const LONGEST_DAYS: usize = 400;

/// The training data as drift is measured from: a sketch of what season, week and day do not explain, and how far
/// windows of the same length lay from the rest while nothing had drifted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// Days of the windows that it was learnt from and can be compared with.
    pub window_days: u32,
    /// The cadence of its series.
    pub cadence: Cadence,
    /// The zone whose local time its profile is in.
    pub time_zone: String,
    /// The number of windows that its thresholds come from.
    pub windows: u64,
    /// What remains at each local time of the week, Monday's first, once the week before is taken off.
    pub(super) profile: Vec<f64>,
    /// What remains of the values.
    pub(super) values: Distribution,
    /// Its changes from step to step: they show a noise that the slow swings of weather hide in the values.
    pub(super) changes: Distribution,
}

/// A history that no reference can be learnt from.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Insufficient {
    /// It is too short.
    #[error("{days} days are too few to learn from: {FEWEST_WINDOWS} windows of {window_days} days take {needed} days")]
    TooShort {
        /// Its days.
        days: usize,
        /// The days of a window.
        window_days: u32,
        /// The days it would take.
        needed: usize,
    },
    /// It is long enough, but too many of its windows cannot be used.
    #[error(
        "only {usable} of {windows} windows can be learnt from and {FEWEST_WINDOWS} are needed; for one, {example}"
    )]
    TooFewWindows {
        /// Windows that can.
        usable: usize,
        /// All windows.
        windows: usize,
        /// What is wrong with the newest that cannot.
        example: String,
    },
    /// Season, week and day explain all of it, so that there is nothing to measure a distance in.
    #[error("nothing varies but the hour of the week, so that no distance can be measured")]
    NothingVaries,
    /// A distribution has no values.
    #[error("nothing is left to learn from: {0}")]
    NoValues(#[from] SampleError),
    /// Its cadence is not the definition's.
    #[error("the history's cadence is {found:?} and the definition's {wanted:?}")]
    Cadence {
        /// The history's.
        found: Cadence,
        /// The definition's.
        wanted: Cadence,
    },
}

impl Reference {
    /// Learns from training data: windows of `drift.window_days`, each half a window after the one before, the newest
    /// at the end. Thresholds are the mean and three standard deviations of the statistics of each window against all
    /// windows that share no value with it; a window compared with a reference that holds it would look too near.
    ///
    /// # Errors
    /// Where there are fewer than four usable windows, or nothing varies.
    pub fn learn(history: &History, definition: &Definition) -> Result<Self, Insufficient> {
        let cadence = history.cadence();
        if cadence != definition.cadence {
            return Err(Insufficient::Cadence { found: cadence, wanted: definition.cadence });
        }
        let longest = (LONGEST_DAYS * cadence.per_day()) as i64 * cadence.seconds();
        let newest = history.between(history.end().plus(-longest), history.end());
        let calendar = Calendar::new(&newest, definition);
        let windows = windows(&newest, &calendar, definition)?;
        let learnt = Learnt::from(&windows, calendar.slots_of_week(), |_| true)?;
        learnt.refuse_rounding(&newest)?;
        let (values, changes): (Vec<_>, Vec<_>) = left_out(&windows, &calendar, definition)?.into_iter().unzip();
        Ok(Self {
            window_days: definition.drift.window_days,
            cadence,
            time_zone: definition.time_zone.clone(),
            windows: windows.len() as u64,
            profile: learnt.profile,
            values: learnt.values.with(&values),
            changes: learnt.changes.with(&changes),
        })
    }
}

/// A window and the place of its first value.
struct Placed {
    start: usize,
    window: Window,
}

/// The usable windows, oldest first.
fn windows(newest: &History, calendar: &Calendar, definition: &Definition) -> Result<Vec<Placed>, Insufficient> {
    let per_day = newest.cadence().per_day();
    let window_days = definition.drift.window_days;
    let (steps, before) = season::steps(window_days, newest.cadence());
    // At half a window, each of any four windows has one that shares no value with it.
    let stride = (window_days as usize).div_ceil(2) * per_day;
    let needed = before + steps + (FEWEST_WINDOWS - 1) * stride;
    let length = newest.values().len();
    if length < needed {
        let (days, needed) = (length / per_day, needed / per_day);
        return Err(Insufficient::TooShort { days, window_days, needed });
    }
    let (mut usable, mut fault, mut tried) = (Vec::new(), None, 0);
    let mut start = length - steps;
    loop {
        tried += 1;
        match calendar.window(start, steps) {
            Ok(window) => usable.push(Placed { start, window }),
            Err(unusable) => fault = fault.or(Some(unusable)),
        }
        if start < before + stride {
            break;
        }
        start -= stride;
    }
    if usable.len() < FEWEST_WINDOWS {
        let example = fault.as_ref().map_or_else(String::new, Unusable::to_string);
        return Err(Insufficient::TooFewWindows { usable: usable.len(), windows: tried, example });
    }
    usable.reverse();
    Ok(usable)
}

/// A window in both channels, values and changes.
type Pair = (distribution::Window, distribution::Window);

/// Each window against those that share no value with it.
fn left_out(windows: &[Placed], calendar: &Calendar, definition: &Definition) -> Result<Vec<Pair>, Insufficient> {
    let (steps, _) = season::steps(definition.drift.window_days, definition.cadence);
    let apart = |a: &Placed, b: &Placed| a.start.abs_diff(b.start) >= steps;
    let mut scores = Vec::with_capacity(windows.len());
    for placed in windows.iter().filter(|window| windows.iter().any(|other| apart(window, other))) {
        let rest = Learnt::from(windows, calendar.slots_of_week(), |other| apart(placed, other))?;
        let residual = residual(&placed.window, &rest.profile);
        scores.push((rest.values.window(&known(&residual)?), rest.changes.window(&changes(&residual)?)));
    }
    Ok(scores)
}

/// What is learnt of some of the windows.
struct Learnt {
    profile: Vec<f64>,
    values: Distribution,
    changes: Distribution,
}

impl Learnt {
    fn from(windows: &[Placed], slots: usize, chosen: impl Fn(&Placed) -> bool) -> Result<Self, Insufficient> {
        let chosen: Vec<&Placed> = windows.iter().filter(|placed| chosen(placed)).collect();
        let profile = profile(&chosen.iter().map(|placed| &placed.window).collect::<Vec<_>>(), slots);
        let once = share_once(&chosen);
        let (mut values, mut differences) = (Vec::new(), Vec::new());
        for placed in chosen {
            let residual = residual(&placed.window, &profile);
            differences.extend(changes_of(&residual));
            // Windows are apart from each other, and the last value of one is no neighbour of the next.
            differences.push(f64::NAN);
            values.extend(residual);
            values.push(f64::NAN);
        }
        Ok(Self { profile, values: distribution(&values, once)?, changes: distribution(&differences, once)? })
    }
}

/// The distribution of values in the order of time, `once` being the share of them that are there for the first time.
fn distribution(values: &[f64], once: f64) -> Result<Distribution, Insufficient> {
    let known: Vec<f64> = finite(values.iter().copied()).collect();
    let different = (known.len() as f64 * once).round() as usize;
    let worth = effective_size(different, lag_one(values).unwrap_or_default());
    Distribution::of(known, worth)
}

/// The share of the values of windows, oldest first, that no window before them holds.
fn share_once(windows: &[&Placed]) -> f64 {
    let (mut end, mut first, mut all) = (0, 0, 0);
    for placed in windows {
        let (start, steps) = (placed.start, placed.window.values.len());
        first += (start + steps).saturating_sub(end.max(start));
        all += steps;
        end = end.max(start + steps);
    }
    first as f64 / (all as f64).max(1.0)
}

impl Learnt {
    /// Refuses deviations that are nothing but what rounding leaves of the values.
    fn refuse_rounding(&self, history: &History) -> Result<(), Insufficient> {
        let greatest = history.values().iter().filter(|v| v.is_finite()).fold(0.0_f64, |most, v| most.max(v.abs()));
        if self.values.deviation.min(self.changes.deviation) <= 1e-12 * greatest {
            return Err(Insufficient::NothingVaries);
        }
        Ok(())
    }
}

/// The mean at each time of the week; nothing where no window has a value.
fn profile(windows: &[&Window], slots: usize) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0_f64); slots];
    for window in windows {
        for (slot, value) in window.slots.iter().zip(&window.values).filter(|(_, value)| value.is_finite()) {
            sums[*slot].0 += value;
            sums[*slot].1 += 1.0;
        }
    }
    sums.iter().map(|(sum, count)| sum / count.max(1.0)).collect()
}

/// What the profile leaves of a window; NaN where there is no value.
pub(super) fn residual(window: &Window, profile: &[f64]) -> Vec<f64> {
    let expected = |slot: &usize| profile.get(*slot).copied().unwrap_or(f64::NAN);
    window.slots.iter().zip(&window.values).map(|(slot, value)| value - expected(slot)).collect()
}

/// The values of a residual.
pub(super) fn known(residual: &[f64]) -> Result<Sample, SampleError> {
    Sample::new(finite(residual.iter().copied()).collect())
}

/// The changes of a residual from one step to the next.
pub(super) fn changes(residual: &[f64]) -> Result<Sample, SampleError> {
    Sample::new(finite(changes_of(residual)).collect())
}

/// The changes from step to step in the order of time; NaN beside a missing value.
pub(super) fn changes_of(residual: &[f64]) -> impl Iterator<Item = f64> {
    residual.windows(2).map(|pair| pair[1] - pair[0])
}

fn finite(values: impl Iterator<Item = f64>) -> impl Iterator<Item = f64> {
    values.filter(|v| v.is_finite())
}

#[cfg(test)]
pub(super) mod tests;
