//! Normal equations of every horizon, from the rows whose targets lie in a span.
//!
//! What the horizons have in common is summed once. The lags' own block is the same for all. A lag `j` before the
//! origin is `h + j` before the target, so every horizon's lags against the calendar, and the calendar's own block, are
//! sums over targets. Among targets at one step of the day the horizons differ by a constant factor alone, the weight
//! of the origin's age and time of day. A horizon then takes away the few rows that it lacks. Sums run in a fixed
//! order: the same rows give the same bits.

use std::collections::BTreeSet;
use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2, Axis, Slice, concatenate};
use rayon::prelude::*;

use super::design::{Design, Outside};

/// Rows that are copied at a time.
const PIECE: usize = 4_096;

/// `X'WX` and `X'Wy` of one horizon, lags first, and the number of rows in them.
#[derive(Clone, Debug)]
pub(super) struct Normal {
    pub gram: Array2<f64>,
    pub moments: Array1<f64>,
    pub rows: usize,
}

impl Normal {
    /// Equations of that many features without a row.
    pub(super) fn none(width: usize) -> Self {
        Self { gram: Array2::zeros((width, width)), moments: Array1::zeros(width), rows: 0 }
    }

    /// Adds the equations of more rows, each of them times a factor.
    pub(super) fn add(&mut self, more: &Self, factor: f64) {
        self.gram.scaled_add(factor, &more.gram);
        self.moments.scaled_add(factor, &more.moments);
        self.rows += more.rows;
    }

    /// The equations of the first step of the horizon over the targets at these places, from the last day's level
    /// alone, and with origins that differ in weight by their age alone.
    pub(super) fn of_first_step(design: &Design<'_>, targets: Range<usize>) -> Self {
        let is_used = |row: &usize| {
            let place = row * design.stride;
            targets.contains(&place) && design.weights[*row] > 0.0 && design.known[place]
        };
        let width = design.lags.ncols() + design.calendar.ncols();
        let mut sum = Self::none(width);
        let rows: Vec<usize> = (0..design.weights.len()).filter(is_used).collect();
        // In pieces, so that no copy of all rows is made.
        for rows in rows.chunks(PIECE) {
            let places: Vec<usize> = rows.iter().map(|row| row * design.stride).collect();
            let (lags, calendar) = (design.lags.select(Axis(0), rows), design.calendar.select(Axis(0), &places));
            let features = concatenate![Axis(1), lags, calendar];
            let mut weighted = features.clone();
            for (mut row, place) in weighted.outer_iter_mut().zip(&places) {
                row *= design.weighing.age(*place);
            }
            let left: Array1<f64> = rows.iter().map(|row| design.next[*row]).collect();
            sum.gram += &weighted.t().dot(&features);
            sum.moments += &weighted.t().dot(&left);
            sum.rows += rows.len();
        }
        sum
    }
}

/// What all horizons share over one span of targets.
pub(super) struct Shared<'a> {
    design: &'a Design<'a>,
    targets: Range<usize>,
    /// Origins whose lags are in the shared block.
    origins: Range<usize>,
    lags: Array2<f64>,
    /// `X'Wy` of the lags, a column for each horizon.
    moments: Array2<f64>,
    /// Sums over targets by step of the day.
    by_time_of_day: Vec<OfDay>,
}

/// Sums over the targets at one step of the day, weighed by their own age.
struct OfDay {
    calendar: Array2<f64>,
    /// By channel.
    crosses: Vec<Crosses>,
}

/// A channel's values against the calendar of the target.
struct Crosses {
    /// Distances from a value to the target, ascending.
    distances: Vec<usize>,
    /// A row for each distance.
    sums: Array2<f64>,
}

/// The targets of one horizon: those with an origin to learn from, and those without.
struct Split {
    used: Vec<usize>,
    lacking: Vec<usize>,
}

impl<'a> Shared<'a> {
    /// Sums what all horizons share over the targets at these places.
    pub(super) fn over(design: &'a Design<'a>, targets: Range<usize>, per_day: usize) -> Self {
        let row = |place: usize| place.div_ceil(design.stride).min(design.weights.len());
        let origins = row(targets.start)..row(targets.end);
        let lags = span(&design.weighted, origins.clone()).t().dot(&span(&design.lags, origins.clone()));
        // Origins as far as a horizon before the span have targets in it.
        let reached = row(targets.start.saturating_sub(design.left.ncols()))..origins.end;
        let mut moments = Array2::zeros((design.lags.ncols(), design.left.ncols()));
        for piece in pieces(reached) {
            let mut left = span(&design.left, piece.clone()).to_owned();
            for ((row, step), value) in left.indexed_iter_mut() {
                if !targets.contains(&((piece.start + row) * design.stride + step)) {
                    *value = 0.0;
                }
            }
            moments += &span(&design.weighted, piece).t().dot(&left);
        }
        let of_day = |step: usize| OfDay::over(design, &targets, step, per_day);
        let by_time_of_day = (0..per_day).into_par_iter().map(of_day).collect();
        Self { design, targets, origins, lags, moments, by_time_of_day }
    }

    /// The normal equations of the horizon `step` steps after its origins.
    pub(super) fn horizon(&self, step: usize) -> Normal {
        let split = self.split(step);
        let cross = self.cross_block(step, &split);
        let lags = concatenate![Axis(1), self.lag_block(step, &split.used), cross];
        let calendars = concatenate![Axis(1), cross.t(), self.calendar_block(step, &split)];
        let normal = Normal {
            gram: concatenate![Axis(0), lags, calendars],
            moments: concatenate![Axis(0), self.moments.column(step), self.calendar_moments(step, &split.used)],
            rows: split.used.len(),
        };
        match &self.design.outside {
            Some(outside) => self.with_weather(normal, outside, step, &split.used),
            None => normal,
        }
    }

    /// The equations with the weather, which is seen from each origin in another way: nothing of it is shared.
    fn with_weather(&self, normal: Normal, outside: &Outside<'_>, step: usize, used: &[usize]) -> Normal {
        let design = self.design;
        let rows: Vec<usize> = used.iter().map(|place| (place - step) / design.stride).collect();
        let weather = design.weather(outside, used, step);
        let others = concatenate![Axis(1), design.lags.select(Axis(0), &rows), design.calendar.select(Axis(0), used)];
        let mut weighted = weather.clone();
        for (mut row, origin) in weighted.outer_iter_mut().zip(&rows) {
            row *= design.weights[*origin];
        }
        let left: Array1<f64> = rows.iter().map(|row| design.left[[*row, step]]).collect();
        let (cross, square) = (weighted.t().dot(&others), weighted.t().dot(&weather));
        let above = concatenate![Axis(1), normal.gram, cross.t()];
        let below = concatenate![Axis(1), cross, square];
        Normal {
            gram: concatenate![Axis(0), above, below],
            moments: concatenate![Axis(0), normal.moments, weighted.t().dot(&left)],
            rows: normal.rows,
        }
    }

    /// Measured targets of the span that have an origin's place before them, by whether that origin can be used.
    fn split(&self, step: usize) -> Split {
        let (design, stride) = (self.design, self.design.stride);
        let targets = self.targets.clone().filter(|place| place % stride == step % stride && design.known[*place]);
        let (used, lacking) =
            targets.partition(|place| *place >= step && design.weights[(place - step) / stride] > 0.0);
        Split { used, lacking }
    }

    /// The shared sum less the origins that lack a target in the span and more those before it that have one; or the
    /// sum over the horizon's own origins, where that has fewer terms.
    fn lag_block(&self, step: usize, used: &[usize]) -> Array2<f64> {
        let own: Vec<usize> = used.iter().map(|place| (place - step) / self.design.stride).collect();
        let is_own = |row: &usize| own.binary_search(row).is_ok();
        let lacking: Vec<usize> =
            self.origins.clone().filter(|row| self.design.weights[*row] > 0.0 && !is_own(row)).collect();
        let further: Vec<usize> = own.iter().copied().filter(|row| !self.origins.contains(row)).collect();
        if lacking.len() + further.len() < own.len() {
            &self.lags - self.lag_gram(&lacking) + self.lag_gram(&further)
        } else {
            self.lag_gram(&own)
        }
    }

    fn lag_gram(&self, rows: &[usize]) -> Array2<f64> {
        self.design.weighted.select(Axis(0), rows).t().dot(&self.design.lags.select(Axis(0), rows))
    }

    fn calendar_block(&self, step: usize, split: &Split) -> Array2<f64> {
        let gram = |places: &[usize]| {
            self.weighted_calendar(places, step).t().dot(&self.design.calendar.select(Axis(0), places))
        };
        if split.lacking.len() >= split.used.len() {
            return gram(&split.used);
        }
        let mut block = Array2::zeros((self.design.calendar.ncols(), self.design.calendar.ncols()));
        for (shift, of_day) in self.shifted(step) {
            block.scaled_add(shift, &of_day.calendar);
        }
        block - gram(&split.lacking)
    }

    fn cross_block(&self, step: usize, split: &Split) -> Array2<f64> {
        let channels = 0..self.design.channels.len();
        let blocks: Vec<Array2<f64>> = channels.map(|channel| self.cross_of(channel, step, split)).collect();
        let views: Vec<ArrayView2<'_, f64>> = blocks.iter().map(Array2::view).collect();
        // Blocks of equal width always fit together.
        concatenate(Axis(0), &views).unwrap_or_else(|_| Array2::zeros((0, self.design.calendar.ncols())))
    }

    fn cross_of(&self, channel: usize, step: usize, split: &Split) -> Array2<f64> {
        let seen = &self.design.channels[channel];
        let distances: Vec<usize> = seen.offsets.iter().map(|back| back + step).collect();
        let cross = |places: &[usize]| {
            seen.values_before(self.design.first, places, &distances).dot(&self.weighted_calendar(places, step))
        };
        if split.lacking.len() >= split.used.len() {
            return cross(&split.used);
        }
        let mut block = Array2::zeros((distances.len(), self.design.calendar.ncols()));
        for (shift, of_day) in self.shifted(step) {
            of_day.crosses[channel].add_to(&mut block, shift, &distances);
        }
        block - cross(&split.lacking)
    }

    /// The calendar of these targets, times the weights of the origins `step` steps before them.
    fn weighted_calendar(&self, places: &[usize], step: usize) -> Array2<f64> {
        self.design.weighted_calendar(places, |place| self.design.weighing.origin_before(place, step))
    }

    /// The shared sums that have targets of this horizon, each with the factor that makes them the horizon's.
    fn shifted(&self, step: usize) -> impl Iterator<Item = (f64, &OfDay)> {
        let stride = self.design.stride;
        let of_day = self.by_time_of_day.iter().enumerate().filter(move |(place, _)| place % stride == step % stride);
        of_day.map(move |(place, sums)| (self.design.weighing.shift(place, step), sums))
    }

    fn calendar_moments(&self, step: usize, used: &[usize]) -> Array1<f64> {
        let mut moments = Array1::zeros(self.design.calendar.ncols());
        for &place in used {
            let row = (place - step) / self.design.stride;
            let heavy = self.design.left[[row, step]] * self.design.weights[row];
            moments.scaled_add(heavy, &self.design.calendar.row(place));
        }
        moments
    }
}

impl OfDay {
    fn over(design: &Design<'_>, targets: &Range<usize>, of_day: usize, per_day: usize) -> Self {
        let places: Vec<usize> =
            targets.clone().filter(|place| place % per_day == of_day && design.known[*place]).collect();
        let heavy = design.weighted_calendar(&places, |place| design.weighing.age(place));
        let calendar = heavy.t().dot(&design.calendar.select(Axis(0), &places));
        let crosses = design.channels.iter().map(|channel| {
            let steps = (of_day % design.stride..design.left.ncols()).step_by(design.stride);
            let all = steps.flat_map(|step| channel.offsets.iter().map(move |back| back + step));
            let distances: Vec<usize> = all.collect::<BTreeSet<_>>().into_iter().collect();
            let sums = channel.values_before(design.first, &places, &distances).dot(&heavy);
            Crosses { distances, sums }
        });
        Self { calendar, crosses: crosses.collect() }
    }
}

impl Crosses {
    /// Adds the sums at these distances, each of which is one of its own, times a factor.
    fn add_to(&self, block: &mut Array2<f64>, factor: f64, distances: &[usize]) {
        for (mut row, distance) in block.outer_iter_mut().zip(distances) {
            let place = self.distances.binary_search(distance);
            debug_assert!(place.is_ok(), "distance {distance} was not summed");
            if let Ok(place) = place {
                row.scaled_add(factor, &self.sums.row(place));
            }
        }
    }
}

/// Rows in pieces that are copied one at a time.
fn pieces(rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = rows.end;
    rows.step_by(PIECE).map(move |from| from..(from + PIECE).min(end))
}

fn span(rows: &Array2<f64>, places: Range<usize>) -> ArrayView2<'_, f64> {
    rows.slice_axis(Axis(0), Slice::from(places))
}
