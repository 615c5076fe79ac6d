//! The regression's rows: one for each origin, the lags shared by all horizons, the calendar by target.

use ndarray::{Array1, Array2, Axis};

use super::super::baseline::moved_week;
use super::super::calendar::Calendar;
use super::super::lags::{lags, stride};
use super::super::recent::{LAG_DAYS, fill_gaps};
use super::SHAPE_SHARE;
use crate::history::History;
use crate::time::{Cadence, DAY, HOUR};

/// Weight of an origin at the other end of the day, against one at the time of day that the model will serve.
const FAR_WEIGHT: f64 = 0.1;
/// Distance in time of day over which an origin's weight falls to a third.
const NEAR_HOURS: f64 = 3.0;

/// The rows of a history, in units of its scale.
///
/// Places of targets count steps from the first origin; origin `i` stands at place `i * stride`, and the end of the
/// history would be an origin too.
pub(super) struct Design {
    /// Lags by origin; a row of zeros where the origin cannot be used.
    pub lags: Array2<f64>,
    /// The same, times the origin's weight.
    pub weighted: Array2<f64>,
    /// Weight by origin, 0 where it cannot be used.
    pub weights: Vec<f64>,
    /// Calendar by target; a row of zeros where the target is missing.
    pub calendar: Array2<f64>,
    /// What the guess leaves to explain, by origin and horizon step; 0 where the target is missing.
    pub left: Array2<f64>,
    /// Whether the target at a place was measured.
    pub known: Vec<bool>,
    /// Lags in steps before the origin.
    pub offsets: Vec<usize>,
    /// Steps between two origins.
    pub stride: usize,
    /// How an origin weighs by its age and its time of day.
    pub weighing: Weighing,
    /// The values with gaps filled, 0 where they could not be.
    filled: Vec<f64>,
    /// Place of the first origin among them.
    first: usize,
}

/// How an origin weighs: less with age, and less the further its time of day is from that of the end of the history.
///
/// How long a deviation lasts depends on the time of day that it is seen at: a still night says little about the sun.
/// So the origins at the time of day that the model will serve count most, and the others steady it.
pub(super) struct Weighing {
    /// The factor by which a weight shrinks with every step of age.
    decay: f64,
    /// The place of the end of the history.
    end: usize,
    /// The factor by step of the day, for places counted from the first origin.
    by_time_of_day: Vec<f64>,
}

/// Which rows to make.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    /// Steps of the horizon.
    pub steps: usize,
    /// The age at which an origin weighs half.
    pub half_life_days: f64,
    /// Values before the cut, at most all; nothing after it shapes what stands before it.
    pub cut: usize,
}

/// The location and spread that values are measured in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    pub mean: f64,
    pub deviation: f64,
}

impl Scale {
    /// Mean and standard deviation of the measured values; none where there are none.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let known: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        if known.is_empty() {
            return None;
        }
        let count = known.len() as f64;
        let mean = known.iter().sum::<f64>() / count;
        let variance = known.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
        Some(Self { mean, deviation: variance.sqrt() })
    }
}

impl Weighing {
    fn new(cadence: Cadence, end: usize, half_life_days: f64) -> Self {
        let per_day = cadence.per_day();
        let hours = cadence.seconds() as f64 / HOUR as f64;
        let factor = |place: usize| {
            let apart = (place + per_day - end % per_day) % per_day;
            let apart = hours * apart.min(per_day - apart) as f64;
            FAR_WEIGHT + (1.0 - FAR_WEIGHT) * (-(apart / NEAR_HOURS).powi(2)).exp()
        };
        Self {
            decay: 0.5_f64.powf(cadence.seconds() as f64 / (half_life_days * DAY as f64)),
            end,
            by_time_of_day: (0..per_day).map(factor).collect(),
        }
    }

    /// The weight of the origin `step` steps before a place, which itself is not after the end.
    pub(super) fn origin_before(&self, place: usize, step: usize) -> f64 {
        self.age(place) * self.shift(place % self.by_time_of_day.len(), step)
    }

    /// The part of a weight that is due to the age of the target.
    pub(super) fn age(&self, place: usize) -> f64 {
        self.decay.powi((self.end - place) as i32)
    }

    /// The rest of the weight of an origin `step` steps before a target at this step of the day.
    pub(super) fn shift(&self, of_day: usize, step: usize) -> f64 {
        let per_day = self.by_time_of_day.len();
        let days = step.div_ceil(per_day) * per_day;
        self.decay.powi(step as i32) * self.by_time_of_day[(of_day + days - step) % per_day]
    }
}

impl Design {
    /// The rows of `history`, its values in units of `scale`.
    pub(super) fn new(history: &History, calendar: &Calendar, scale: Scale, rows: Rows) -> Self {
        let Rows { steps, half_life_days, cut } = rows;
        let cadence = history.cadence();
        let month = LAG_DAYS as usize * cadence.per_day();
        let (offsets, stride) = (lags(cadence), stride(cadence));
        let scaled: Vec<f64> = history.values().iter().map(|v| (v - scale.mean) / scale.deviation).collect();
        // A gap that is open at the cut stays as it is seen from there: the candidate must not see what ends it.
        let mut filled = fill_gaps(&scaled[..cut], cadence);
        filled.extend_from_slice(&fill_gaps(&scaled, cadence)[cut..]);
        let first = month + scaled.len().saturating_sub(month) % stride;
        let places = scaled.len().saturating_sub(first);
        let origins = places / stride;
        let mut design = Self {
            lags: Array2::zeros((origins, offsets.len())),
            weighted: Array2::zeros((origins, offsets.len())),
            weights: vec![0.0; origins],
            calendar: calendar_rows(history, calendar, first),
            left: Array2::zeros((origins, steps)),
            known: scaled.iter().skip(first).map(|v| v.is_finite()).collect(),
            stride,
            offsets,
            weighing: Weighing::new(cadence, places, half_life_days),
            filled: filled.iter().map(|v| if v.is_finite() { *v } else { 0.0 }).collect(),
            first,
        };
        let seen = measured_before(&scaled);
        for row in 0..origins {
            let origin = first + row * stride;
            // With the newest value measured, every gap among the lags was closed before the origin. Weeks that were
            // mostly filled, as those after a hole of years, are none that a forecast would be made from.
            let window = &filled[origin - month..origin];
            let is_measured = scaled[origin - 1].is_finite() && 2 * (seen[origin] - seen[origin - month]) >= month;
            if is_measured && window.iter().all(|v| v.is_finite()) {
                design.set_lags(row, window);
                let guess = moved_week(window, cadence, steps, SHAPE_SHARE);
                design.set_left(row, &guess, &scaled[origin..]);
            }
        }
        design
    }

    /// The calendar of the targets at these places, each times a weight.
    pub(super) fn weighted_calendar(&self, places: &[usize], weight: impl Fn(usize) -> f64) -> Array2<f64> {
        let mut rows = self.calendar.select(Axis(0), places);
        for (mut row, place) in rows.outer_iter_mut().zip(places) {
            row *= weight(*place);
        }
        rows
    }

    /// The values at these distances before these places, a row for each distance; 0 where there is none.
    pub(super) fn values_before(&self, places: &[usize], distances: &[usize]) -> Array2<f64> {
        let mut rows = Array2::zeros((distances.len(), places.len()));
        for (mut row, distance) in rows.outer_iter_mut().zip(distances) {
            for (value, place) in row.iter_mut().zip(places) {
                *value = (place + self.first).checked_sub(*distance).map_or(0.0, |at| self.filled[at]);
            }
        }
        rows
    }

    fn set_lags(&mut self, row: usize, window: &[f64]) {
        let weight = self.weighing.origin_before(row * self.stride, 0);
        self.weights[row] = weight;
        for (column, back) in self.offsets.iter().enumerate() {
            let value = window[window.len() - back];
            self.lags[[row, column]] = value;
            self.weighted[[row, column]] = weight * value;
        }
    }

    fn set_left(&mut self, row: usize, guess: &[f64], targets: &[f64]) {
        for (step, (target, guess)) in targets.iter().zip(guess).enumerate() {
            if target.is_finite() {
                self.left[[row, step]] = target - guess;
            }
        }
    }
}

/// How many values were measured before each place.
fn measured_before(values: &[f64]) -> Vec<usize> {
    let counted = values.iter().scan(0, |count, value| {
        *count += usize::from(value.is_finite());
        Some(*count)
    });
    std::iter::once(0).chain(counted).collect()
}

/// The calendar of every step after the first `skipped`, zero where the value is missing.
fn calendar_rows(history: &History, calendar: &Calendar, skipped: usize) -> Array2<f64> {
    let width = calendar.describes().len();
    let places = history.values().len().saturating_sub(skipped);
    let mut rows = Array2::zeros((places, width));
    for (place, mut row) in rows.outer_iter_mut().enumerate() {
        if history.values()[skipped + place].is_finite() {
            row.assign(&Array1::from_vec(calendar.features(history.time(skipped + place))));
        }
    }
    rows
}
