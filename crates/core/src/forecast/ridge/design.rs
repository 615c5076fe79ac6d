//! The regression's rows: one for each origin, the lags shared by all horizons, the calendar by target.

use std::ops::Range;

use ndarray::{Array1, Array2, Axis, concatenate};

use super::super::baseline::moved_week;
use super::super::calendar::Calendar;
use super::super::error::FitError;
use super::super::inputs::Covariate;
use super::super::lags::{covariate_lags, lags, stride};
use super::super::recent::{LAG_DAYS, fill_gaps};
use super::super::weather::{self, Seen, Weather};
use super::SHAPE_SHARE;
use crate::history::History;
use crate::time::{Cadence, DAY, HOUR, Timestamp};

/// Weight of an origin at the other end of the day, against one at the time of day that the model will serve.
const FAR_WEIGHT: f64 = 0.1;
/// Distance in time of day over which an origin's weight falls to a third.
const NEAR_HOURS: f64 = 3.0;

/// Difference in age of the newest weather forecast over which an origin's weight falls to a third; chosen on the first
/// half of CarbonCast's 2021.
const RUN_HOURS: f64 = 8.0;

/// The rows of a history, in units of its scale.
///
/// Places of targets count steps from the first origin; origin `i` stands at place `i * stride`, and the end of the
/// history would be an origin too.
pub(super) struct Design<'a> {
    /// Lags by origin, channel by channel; a row of zeros where the origin cannot be used.
    pub lags: Array2<f64>,
    /// The same, times the origin's weight.
    pub weighted: Array2<f64>,
    /// Weight by origin, 0 where it cannot be used.
    pub weights: Vec<f64>,
    /// Calendar by target; a row of zeros where the target is missing.
    pub calendar: Array2<f64>,
    /// What the guess leaves to explain, by origin and horizon step; 0 where the target is missing.
    pub left: Array2<f64>,
    /// What the last day's level alone leaves of the first step, by origin; 0 where the target is missing.
    pub next: Vec<f64>,
    /// Whether the target at a place was measured.
    pub known: Vec<bool>,
    /// What is looked back at: the series itself, then its covariates.
    pub channels: Vec<Channel>,
    /// The weather that rows look at.
    pub outside: Option<Outside<'a>>,
    /// Place of the first origin among the values.
    pub first: usize,
    /// Steps between two origins.
    pub stride: usize,
    /// How an origin weighs by its age and its time of day.
    pub weighing: Weighing,
}

/// The weather that rows look at.
pub(super) struct Outside<'a> {
    /// By origin; none where no run was known.
    seen: Vec<Option<Seen<'a>>>,
    /// The start of the first target, and the seconds of a step.
    start: Timestamp,
    step: i64,
    /// The places of the waves of day and year in the calendar.
    waves: (Range<usize>, [usize; 2]),
}

/// Past values that rows look back at.
pub(super) struct Channel {
    /// Lags in steps before the origin.
    pub offsets: Vec<usize>,
    /// The values with gaps filled, 0 where they could not be.
    filled: Vec<f64>,
}

/// How an origin weighs: less with age, and less the further its time of day is from that of the end of the history.
///
/// How long a deviation lasts depends on the time of day that it is seen at: a still night says little about the sun.
/// So the origins at the time of day that the model will serve count most, and the others steady it.
pub(super) struct Weighing {
    /// The factor by which a weight shrinks with every step of age.
    decay: f64,
    /// The place of the end of the history.
    pub end: usize,
    /// The factor by step of the day, for places counted from the first origin.
    by_time_of_day: Vec<f64>,
}

/// Which rows to make.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a> {
    /// Steps of the horizon.
    pub steps: usize,
    /// The age at which an origin weighs half.
    pub half_life_days: f64,
    /// Values before each cut, at most all; nothing after a cut shapes what stands before it.
    pub cuts: &'a [usize],
}

/// The location and spread that values are measured in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) struct Scale {
    pub mean: f64,
    pub deviation: f64,
}

impl Scale {
    /// Mean and standard deviation of the measured values; none where there are none.
    pub(in super::super) fn of(values: &[f64]) -> Option<Self> {
        let known: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        if known.is_empty() {
            return None;
        }
        let count = known.len() as f64;
        let mean = known.iter().sum::<f64>() / count;
        let variance = known.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
        Some(Self { mean, deviation: variance.sqrt() })
    }

    /// Whether there is anything to learn: values that differ by rounding only are the same value.
    pub(in super::super) fn varies(self) -> bool {
        self.deviation > 1e-9 * self.mean.abs().max(f64::MIN_POSITIVE)
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

impl<'a> Design<'a> {
    /// The rows of `history`, its values in units of `scale`, as far as the series' own past goes: add the covariates,
    /// then [`Self::weigh`] the rows.
    pub(super) fn new(history: &History, calendar: &Calendar, scale: Scale, rows: Rows<'_>) -> Self {
        let Rows { steps, half_life_days, cuts } = rows;
        let cadence = history.cadence();
        let month = LAG_DAYS as usize * cadence.per_day();
        let (offsets, stride) = (lags(cadence), stride(cadence));
        let scaled: Vec<f64> = history.values().iter().map(|v| (v - scale.mean) / scale.deviation).collect();
        let filled = fill_gaps_as_seen(&scaled, cuts, cadence);
        let first = month + scaled.len().saturating_sub(month) % stride;
        let places = scaled.len().saturating_sub(first);
        let origins = places / stride;
        let mut design = Self {
            lags: Array2::zeros((origins, offsets.len())),
            weighted: Array2::zeros((origins, offsets.len())),
            weights: vec![0.0; origins],
            calendar: calendar_rows(history, calendar, first),
            left: Array2::zeros((origins, steps)),
            next: vec![0.0; origins],
            known: scaled.iter().skip(first).map(|v| v.is_finite()).collect(),
            stride,
            channels: Vec::new(),
            outside: None,
            weighing: Weighing::new(cadence, places, half_life_days),
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
                design.weights[row] = design.weighing.origin_before(row * stride, 0);
                let seen: Array1<f64> = offsets.iter().map(|back| window[month - back]).collect();
                design.lags.row_mut(row).assign(&seen);
                let guess = moved_week(window, cadence, steps, SHAPE_SHARE);
                design.set_left(row, &guess, &scaled[origin..]);
                let level = moved_week(window, cadence, 1, 0.0);
                design.next[row] =
                    scaled[origin..].iter().zip(level).map(|(v, level)| or_zero(v - level)).take(1).sum();
            }
        }
        design.channels.push(Channel { offsets, filled: filled.into_iter().map(or_zero).collect() });
        design
    }

    /// Adds the lags of a covariate; an origin at which they are not known can no longer be used. Gives the scale that
    /// its values are measured in.
    ///
    /// # Errors
    /// Where it does not vary before the first cut.
    pub(super) fn add(
        &mut self,
        own: &History,
        covariate: &Covariate,
        first_cut: Timestamp,
        cuts: &[usize],
    ) -> Result<Scale, FitError> {
        let refused = |problem| FitError::Covariate { name: covariate.name.clone(), problem };
        let cadence = own.cadence();
        let scale = covariate.scale(first_cut).ok_or(refused("does not vary in what there is to learn from"))?;
        let at = |place: usize| covariate.history.at(own.time(place)).unwrap_or(f64::NAN);
        let scaled: Vec<f64> =
            (0..own.values().len()).map(|place| (at(place) - scale.mean) / scale.deviation).collect();
        let filled = fill_gaps_as_seen(&scaled, cuts, cadence);
        let delay = (covariate.delay / cadence.seconds()) as usize;
        let offsets: Vec<usize> = covariate_lags(cadence).into_iter().map(|lag| lag + delay).collect();
        let mut lags = Array2::zeros((self.weights.len(), offsets.len()));
        for (row, mut seen) in lags.outer_iter_mut().enumerate() {
            let origin = self.first + row * self.stride;
            let values = offsets.iter().map(|back| origin.checked_sub(*back).map_or(f64::NAN, |at| filled[at]));
            let values: Array1<f64> = values.collect();
            // As for the series itself: with the newest value measured, every gap was closed before the origin.
            let newest = origin.checked_sub(delay + 1).is_some_and(|at| scaled[at].is_finite());
            if newest && values.iter().all(|v| v.is_finite()) {
                seen.assign(&values);
            } else {
                self.weights[row] = 0.0;
            }
        }
        self.lags = concatenate![Axis(1), self.lags, lags];
        self.channels.push(Channel { offsets, filled: filled.into_iter().map(or_zero).collect() });
        Ok(scale)
    }

    /// Adds weather forecasts; an origin at which none was known can no longer be used. Origins then count by how old
    /// the newest run usually is at their time of day, against its age at that of the end: a fresh forecast tells more
    /// than one that is a day old. What is usual is read from the origins before the first cut.
    pub(super) fn look_at(
        &mut self,
        own: &History,
        weather: &'a Weather,
        waves: (Range<usize>, [usize; 2]),
        first_cut: Timestamp,
    ) {
        let origin = |row: usize| own.time(self.first + row * self.stride);
        let seen: Vec<Option<Seen<'a>>> = (0..self.weights.len()).map(|row| weather.seen_from(origin(row))).collect();
        let per_day = own.cadence().per_day();
        let usual: Vec<Option<i64>> = (0..per_day / self.stride)
            .map(|of_day| {
                let rows =
                    (of_day..seen.len()).step_by(per_day / self.stride).take_while(|row| origin(*row) < first_cut);
                let mut ages: Vec<i64> = rows.filter_map(|row| Some(seen[row].as_ref()?.age())).collect();
                ages.sort_unstable();
                ages.get(ages.len() / 2).copied()
            })
            .collect();
        let served = usual[self.weighing.end % per_day / self.stride];
        for (of_day, usual) in usual.iter().enumerate() {
            if let (Some(usual), Some(served)) = (usual, served) {
                let apart = (usual - served).abs() as f64 / HOUR as f64;
                let steps = of_day * self.stride..(of_day + 1) * self.stride;
                self.weighing.by_time_of_day[steps].fill((-apart / RUN_HOURS).exp());
            }
        }
        for (row, seen) in seen.iter().enumerate() {
            let is_used = self.weights[row] > 0.0 && seen.is_some();
            self.weights[row] = if is_used { self.weighing.origin_before(row * self.stride, 0) } else { 0.0 };
        }
        self.outside = Some(Outside { seen, start: own.time(self.first), step: own.cadence().seconds(), waves });
    }

    /// The weather features of the targets at these places, as they are seen `step` steps before.
    pub(super) fn weather(&self, outside: &Outside<'_>, places: &[usize], step: usize) -> Array2<f64> {
        let mut rows = Array2::zeros((places.len(), weather::FEATURES));
        let (day, year) = &outside.waves;
        for (mut row, place) in rows.outer_iter_mut().zip(places) {
            let Some(seen) = &outside.seen[(place - step) / self.stride] else { continue };
            let calendar = self.calendar.row(*place);
            let waves: Vec<f64> = calendar.iter().skip(day.start).take(day.len()).copied().collect();
            let target = outside.start.plus(*place as i64 * outside.step);
            let features = seen.features(target, &waves, year.map(|place| calendar[place]));
            row.iter_mut().zip(features).for_each(|(cell, feature)| *cell = feature);
        }
        rows
    }

    /// Weighs the rows, once all lags are there.
    pub(super) fn weigh(&mut self) {
        for (mut row, weight) in self.lags.outer_iter_mut().zip(&self.weights) {
            if *weight == 0.0 {
                row.fill(0.0);
            }
        }
        self.weighted = self.lags.clone();
        for (mut row, weight) in self.weighted.outer_iter_mut().zip(&self.weights) {
            row *= *weight;
        }
    }

    /// Targets before a place that were measured, from the first that can be learnt from.
    pub(super) fn seen(&self, place: usize) -> usize {
        let first = self.weights.iter().position(|weight| *weight > 0.0).unwrap_or(0) * self.stride;
        self.known.iter().take(place).skip(first).filter(|known| **known).count()
    }

    /// The calendar of the targets at these places, each times a weight.
    pub(super) fn weighted_calendar(&self, places: &[usize], weight: impl Fn(usize) -> f64) -> Array2<f64> {
        let mut rows = self.calendar.select(Axis(0), places);
        for (mut row, place) in rows.outer_iter_mut().zip(places) {
            row *= weight(*place);
        }
        rows
    }

    fn set_left(&mut self, row: usize, guess: &[f64], targets: &[f64]) {
        for (step, (target, guess)) in targets.iter().zip(guess).enumerate() {
            if target.is_finite() {
                self.left[[row, step]] = target - guess;
            }
        }
    }
}

impl Channel {
    /// The values at these distances before these places from the first origin, a row for each distance; 0 where there
    /// is none.
    pub(super) fn values_before(&self, first: usize, places: &[usize], distances: &[usize]) -> Array2<f64> {
        let mut rows = Array2::zeros((distances.len(), places.len()));
        for (mut row, distance) in rows.outer_iter_mut().zip(distances) {
            for (value, place) in row.iter_mut().zip(places) {
                *value = (place + first).checked_sub(*distance).map_or(0.0, |at| self.filled[at]);
            }
        }
        rows
    }
}

fn or_zero(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

/// The values with gaps filled. A gap that is open at a cut stays as it is seen from there: a model that is fitted at
/// the cut must not see what ends it.
fn fill_gaps_as_seen(values: &[f64], cuts: &[usize], cadence: Cadence) -> Vec<f64> {
    let mut filled = Vec::with_capacity(values.len());
    for cut in cuts.iter().copied().chain([values.len()]) {
        filled.extend_from_slice(&fill_gaps(&values[..cut], cadence)[filled.len()..]);
    }
    filled
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
