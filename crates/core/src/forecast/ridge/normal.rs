//! Normal equations of every horizon, from the rows whose targets lie in a span.
//!
//! What the horizons have in common is summed once. The lags' own block is the same for all. A lag `j` before the origin is
//! `h + j` before the target, so every horizon's lags against the calendar, and the calendar's own block, are sums over
//! targets that differ between horizons by a constant factor alone: the age of the origin. A horizon then takes away the few
//! rows that it lacks. Sums run in a fixed order: the same rows give the same bits.

use std::collections::BTreeSet;
use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView2, Axis, Slice, concatenate};
use rayon::prelude::*;

use super::design::Design;

/// Distances whose sums are made together: enough to keep the multiplication busy, few enough to stay small.
const TOGETHER: usize = 64;

/// `X'WX` and `X'Wy` of one horizon, lags first, and the number of rows in them.
#[derive(Clone, Debug)]
pub(super) struct Normal {
    pub gram: Array2<f64>,
    pub moments: Array1<f64>,
    pub rows: usize,
}

impl Normal {
    /// The equations of both sets of rows together.
    pub(super) fn plus(&self, other: &Self) -> Self {
        Self { gram: &self.gram + &other.gram, moments: &self.moments + &other.moments, rows: self.rows + other.rows }
    }
}

/// What all horizons share over one span of targets.
pub(super) struct Shared<'a> {
    design: &'a Design,
    targets: Range<usize>,
    /// Origins whose lags are in the shared block.
    origins: Range<usize>,
    lags: Array2<f64>,
    /// `X'Wy` of the lags, a column for each horizon.
    moments: Array2<f64>,
    /// Sums over targets, apart for each place within the stride.
    phases: Vec<Phase>,
}

/// Sums over the targets of one place within the stride, weighed as if they were their own origins.
struct Phase {
    calendar: Array2<f64>,
    /// Distances from a value to the target, ascending.
    distances: Vec<usize>,
    /// Values at these distances against the calendar of the target.
    crosses: Array2<f64>,
}

/// The targets of one horizon: those with an origin to learn from, and those without.
struct Split {
    used: Vec<usize>,
    lacking: Vec<usize>,
}

impl<'a> Shared<'a> {
    /// Sums what all horizons share over the targets at these places.
    pub(super) fn over(design: &'a Design, targets: Range<usize>) -> Self {
        let row = |place: usize| place.div_ceil(design.stride).min(design.weights.len());
        let origins = row(targets.start)..row(targets.end);
        let lags = span(&design.weighted, origins.clone()).t().dot(&span(&design.lags, origins.clone()));
        let mut left = design.left.clone();
        for ((row, step), value) in left.indexed_iter_mut() {
            if !targets.contains(&(row * design.stride + step)) {
                *value = 0.0;
            }
        }
        let moments = design.weighted.t().dot(&left);
        let phases = (0..design.stride).map(|phase| Phase::over(design, &targets, phase)).collect();
        Self { design, targets, origins, lags, moments, phases }
    }

    /// The normal equations of the horizon `step` steps after its origins.
    pub(super) fn horizon(&self, step: usize) -> Normal {
        let split = self.split(step);
        let cross = self.cross_block(step, &split);
        let lags = concatenate![Axis(1), self.lag_block(step, &split.used), cross];
        let calendars = concatenate![Axis(1), cross.t(), self.calendar_block(step, &split)];
        Normal {
            gram: concatenate![Axis(0), lags, calendars],
            moments: concatenate![Axis(0), self.moments.column(step), self.calendar_moments(step, &split.used)],
            rows: split.used.len(),
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

    /// The shared sum less the origins that lack a target in the span and more those before it that have one; or the sum
    /// over the horizon's own origins, where that has fewer terms.
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
            self.design.heavy_calendar(places, step).t().dot(&self.design.calendar.select(Axis(0), places))
        };
        if split.lacking.len() < split.used.len() {
            &self.phase(step).calendar * self.design.aged(step) - gram(&split.lacking)
        } else {
            gram(&split.used)
        }
    }

    fn cross_block(&self, step: usize, split: &Split) -> Array2<f64> {
        let distances: Vec<usize> = self.design.offsets.iter().map(|back| back + step).collect();
        let cross = |places: &[usize]| {
            self.design.values_before(places, &distances).dot(&self.design.heavy_calendar(places, step))
        };
        if split.lacking.len() < split.used.len() {
            self.phase(step).cross(&distances) * self.design.aged(step) - cross(&split.lacking)
        } else {
            cross(&split.used)
        }
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

    fn phase(&self, step: usize) -> &Phase {
        &self.phases[step % self.design.stride]
    }
}

impl Phase {
    fn over(design: &Design, targets: &Range<usize>, phase: usize) -> Self {
        let places: Vec<usize> =
            targets.clone().filter(|place| place % design.stride == phase && design.known[*place]).collect();
        let heavy = design.heavy_calendar(&places, 0);
        let calendar = heavy.t().dot(&design.calendar.select(Axis(0), &places));
        let steps = (phase..design.left.ncols()).step_by(design.stride);
        let all = steps.flat_map(|step| design.offsets.iter().map(move |back| back + step));
        let distances: Vec<usize> = all.collect::<BTreeSet<_>>().into_iter().collect();
        let blocks: Vec<Array2<f64>> = distances
            .par_chunks(TOGETHER)
            .map(|distances| design.values_before(&places, distances).dot(&heavy))
            .collect();
        let mut crosses = Array2::zeros((distances.len(), heavy.ncols()));
        for (mut rows, block) in crosses.axis_chunks_iter_mut(Axis(0), TOGETHER).zip(&blocks) {
            rows.assign(block);
        }
        Self { calendar, distances, crosses }
    }

    /// The sums at these distances, each of which is one of the phase's.
    fn cross(&self, distances: &[usize]) -> Array2<f64> {
        let rows: Vec<usize> = distances.iter().filter_map(|k| self.distances.binary_search(k).ok()).collect();
        debug_assert_eq!(rows.len(), distances.len());
        self.crosses.select(Axis(0), &rows)
    }
}

fn span(rows: &Array2<f64>, places: Range<usize>) -> ArrayView2<'_, f64> {
    rows.slice_axis(Axis(0), Slice::from(places))
}
