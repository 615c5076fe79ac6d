//! The regression's rows: one for each origin, the lags shared by all horizons, the calendar by target.

use ndarray::{Array2, Axis};

use super::super::baseline::moved_week;
use super::super::calendar::Calendar;
use super::super::lags::{lags, stride};
use super::super::recent::{LAG_DAYS, fill_gaps};
use crate::history::History;
use crate::time::DAY;

/// The rows of a history, in units of its scale.
///
/// Places of targets count steps from the first origin; origin `i` stands at place `i * stride`.
pub(super) struct Design {
    /// Lags by origin; a row of zeros where the origin cannot be used.
    pub lags: Array2<f64>,
    /// The same, times the origin's weight.
    pub weighted: Array2<f64>,
    /// Weight by origin, 0 where it cannot be used.
    pub weights: Vec<f64>,
    /// Calendar by target; a row of zeros where the target is missing.
    pub calendar: Array2<f64>,
    /// What the moved week leaves to explain, by origin and horizon step; 0 where the target is missing.
    pub left: Array2<f64>,
    /// Whether the target at a place was measured.
    pub known: Vec<bool>,
    /// Steps between two origins.
    pub stride: usize,
    /// Lags in steps before the origin.
    pub offsets: Vec<usize>,
    /// The factor by which a weight shrinks with every step of age.
    decay: f64,
    /// The values with gaps filled, 0 where they could not be.
    filled: Vec<f64>,
    /// Place of the first origin among them.
    first: usize,
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

impl Design {
    /// The rows of `history` for `steps` horizons, weighing an origin half at `half_life_days` before the end.
    pub(super) fn new(history: &History, calendar: &Calendar, scale: Scale, steps: usize, half_life_days: f64) -> Self {
        let cadence = history.cadence();
        let month = LAG_DAYS as usize * cadence.per_day();
        let scaled: Vec<f64> = history.values().iter().map(|v| (v - scale.mean) / scale.deviation).collect();
        let filled = fill_gaps(&scaled, cadence);
        let places = scaled.len().saturating_sub(month);
        let stride = stride(cadence);
        let decay = 0.5_f64.powf(cadence.seconds() as f64 / (half_life_days * DAY as f64));
        let (offsets, origins) = (lags(cadence), places.div_ceil(stride));
        let mut design = Self {
            lags: Array2::zeros((origins, offsets.len())),
            weighted: Array2::zeros((origins, offsets.len())),
            weights: vec![0.0; origins],
            calendar: calendar_rows(history, calendar, month),
            left: Array2::zeros((origins, steps)),
            known: scaled.iter().skip(month).map(|v| v.is_finite()).collect(),
            stride,
            offsets,
            decay,
            filled: filled.iter().map(|v| if v.is_finite() { *v } else { 0.0 }).collect(),
            first: month,
        };
        for row in 0..origins {
            let origin = month + row * stride;
            // With the newest value measured, every gap among the lags was closed before the origin.
            let window = &filled[origin - month..origin];
            if scaled[origin - 1].is_finite() && window.iter().all(|v| v.is_finite()) {
                let weight = decay.powi((scaled.len() - origin) as i32);
                design.set_lags(row, window, weight);
                let usual = moved_week(window, cadence, steps);
                design.set_left(row, &usual, &scaled[origin..]);
            }
        }
        design
    }

    /// The factor on the weight of a target whose origin is `step` steps older than itself.
    pub(super) fn aged(&self, step: usize) -> f64 {
        self.decay.powi(step as i32)
    }

    /// The calendar of the targets at these places, times the weights of their origins `step` steps earlier.
    pub(super) fn heavy_calendar(&self, places: &[usize], step: usize) -> Array2<f64> {
        let mut rows = self.calendar.select(Axis(0), places);
        for (mut row, place) in rows.outer_iter_mut().zip(places) {
            row *= self.decay.powi((self.known.len() + step - place) as i32);
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

    fn set_lags(&mut self, row: usize, window: &[f64], weight: f64) {
        self.weights[row] = weight;
        for (column, back) in self.offsets.iter().enumerate() {
            let value = window[window.len() - back];
            self.lags[[row, column]] = value;
            self.weighted[[row, column]] = weight * value;
        }
    }

    fn set_left(&mut self, row: usize, usual: &[f64], targets: &[f64]) {
        for (step, (target, usual)) in targets.iter().zip(usual).enumerate() {
            if target.is_finite() {
                self.left[[row, step]] = target - usual;
            }
        }
    }
}

/// The calendar of every step after the first `skipped`, zero where the value is missing.
fn calendar_rows(history: &History, calendar: &Calendar, skipped: usize) -> Array2<f64> {
    let width = calendar.describes().len();
    let places = history.values().len().saturating_sub(skipped);
    let mut rows = Array2::zeros((places, width));
    for (place, mut row) in rows.outer_iter_mut().enumerate() {
        if history.values()[skipped + place].is_finite() {
            row.assign(&ndarray::Array1::from_vec(calendar.features(history.time(skipped + place))));
        }
    }
    rows
}
