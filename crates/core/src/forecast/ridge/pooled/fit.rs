//! From the rows of a history to the weights of every day of the horizon, at each of the cuts.

use std::ops::Range;

use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;

use super::super::super::calendar::{self, Describes};
use super::super::super::error::FitError;
use super::super::super::recent::LAG_DAYS;
use super::super::fit::{Cut, Fitting, with};
use super::super::normal::Normal;
use super::super::solve::solve_fast;
use super::lags::{self, Lags, Seen};
use super::{Pooled, Weights};
use crate::time::HOUR;

/// Hours between two origins that are learnt from: all of them tell hardly more, at four times the cost.
const ORIGIN_HOURS: i64 = 4;
/// Rows that an origin has for each day of its horizon, where the cadence allows.
const ROWS_A_DAY: usize = 24;
/// Origins that are summed up at a time.
const CHUNK: usize = 64;

impl Fitting<'_> {
    /// A pooled model for each cut.
    ///
    /// # Errors
    /// Where gaps leave too few rows, or the equations have no solution.
    pub(in super::super::super) fn pooled(&self) -> Result<Vec<Pooled>, FitError> {
        let definition = self.recipe.definition;
        let (cadence, steps) = (self.recipe.cadence, definition.horizon_steps());
        let days = 0..steps.div_ceil(cadence.per_day());
        let by_day: Vec<Result<Vec<Weights>, FitError>> = days.into_par_iter().map(|day| self.of_day(day)).collect();
        let by_day = by_day.into_iter().collect::<Result<Vec<_>, _>>()?;
        let model = |cut: usize| Pooled {
            cadence,
            steps,
            time_zone: definition.time_zone.clone(),
            calendar_features: calendar::FEATURES,
            pooled_lags: lags::VERSION,
            days: by_day.iter().map(|cuts| cuts[cut].clone()).collect(),
        };
        Ok((0..self.cuts.len()).map(model).collect())
    }

    /// The weights of one day of the horizon at each cut.
    fn of_day(&self, day: usize) -> Result<Vec<Weights>, FitError> {
        let mut known: Option<Normal> = None;
        let mut weights = Vec::new();
        for (span, cut) in self.spans().zip(&self.cuts) {
            let sum = with(&mut known, &self.pooled_sum(day, span), 1.0);
            weights.push(self.pooled_weights(day, sum, cut)?);
        }
        Ok(weights)
    }

    /// The equations of the rows of a day of the horizon whose targets lie at these places.
    fn pooled_sum(&self, day: usize, targets: Range<usize>) -> Normal {
        let width = Lags::count() + self.recipe.describes.len();
        let mut sum = Normal::none(width);
        let origins: Vec<usize> = self.pooled_origins(day, &targets).collect();
        for origins in origins.chunks(CHUNK) {
            let rows = self.pooled_rows(day, &targets, origins);
            let mut weighted = rows.features.clone();
            for (mut row, weight) in weighted.outer_iter_mut().zip(&rows.weights) {
                row *= *weight;
            }
            sum.gram += &weighted.t().dot(&rows.features);
            sum.moments += &weighted.t().dot(&rows.left);
            sum.rows += rows.weights.len();
        }
        sum
    }

    /// The origins that are learnt from and may have such targets, at even distances from the end.
    fn pooled_origins(&self, day: usize, targets: &Range<usize>) -> impl Iterator<Item = usize> + '_ {
        let (design, cadence) = (&self.design, self.recipe.cadence);
        let apart = ((ORIGIN_HOURS * HOUR / cadence.seconds()) as usize / design.stride).max(1);
        let last = targets.end.div_ceil(design.stride).min(design.weights.len());
        let first = targets.start.saturating_sub((day + 1) * cadence.per_day()) / design.stride;
        let is_used =
            move |row: &usize| (design.weights.len() - row).is_multiple_of(apart) && design.weights[*row] > 0.0;
        (first.min(last)..last).filter(is_used)
    }

    fn pooled_rows(&self, day: usize, targets: &Range<usize>, origins: &[usize]) -> Rows {
        let (design, cadence) = (&self.design, self.recipe.cadence);
        let per_day = cadence.per_day();
        let month: Vec<usize> = (1..=LAG_DAYS as usize * per_day).rev().collect();
        let places: Vec<usize> = origins.iter().map(|row| row * design.stride).collect();
        let months = design.channels[0].values_before(design.first, &places, &month);
        let between = (per_day / ROWS_A_DAY).max(1);
        let steps = day * per_day..((day + 1) * per_day).min(design.left.ncols());
        let (mut features, mut left, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for (column, row) in origins.iter().enumerate() {
            let seen = Seen::new(months.column(column).to_vec(), cadence);
            // Of neighbouring steps that tell the same, each has its turn.
            for step in steps.clone().filter(|step| (step + row / between).is_multiple_of(between)) {
                let place = row * design.stride + step;
                if targets.contains(&place) && design.known[place] {
                    features.extend(seen.lags(step).values());
                    features.extend(design.calendar.row(place));
                    left.push(design.left[[*row, step]]);
                    weights.push(design.weights[*row]);
                }
            }
        }
        let width = Lags::count() + self.recipe.describes.len();
        // Each row has as many values: the shape always fits.
        let features = Array2::from_shape_vec((left.len(), width), features).unwrap_or_default();
        Rows { features, left: Array1::from_vec(left), weights }
    }

    fn pooled_weights(&self, day: usize, sum: &Normal, cut: &Cut) -> Result<Weights, FitError> {
        let (recipe, lags) = (&self.recipe, Lags::count());
        let per_day = recipe.cadence.per_day();
        let (step, needed) = (day * per_day, 2 * per_day);
        if sum.rows < needed {
            return Err(FitError::TooFewRows { step, rows: sum.rows, needed });
        }
        // As for each step alone: the less history, the stronger, and strongest on what it takes a year to learn. An
        // origin counts as often as it has rows, and so does what stands against it.
        let scarcity = recipe.scarcity(cut.seen) * per_day.min(ROWS_A_DAY) as f64;
        let penalty = self.design.weighing.age(cut.place) * recipe.definition.forecast.penalty * scarcity;
        let caution = recipe.caution(sum.gram[[lags, lags]], cut.seen);
        let levels = Lags::COUNTS[0];
        let of_lags = (0..lags).map(|place| if place < levels { penalty + caution } else { penalty });
        let of_calendar = recipe.describes.iter().map(|describes| match describes {
            Describes::Level => 0.0,
            Describes::Week => penalty,
            Describes::Season => penalty + caution,
        });
        let penalties: Array1<f64> = of_lags.chain(of_calendar).collect();
        let solved = solve_fast(sum.gram.clone(), &sum.moments, &penalties);
        let solved = solved.map_err(|source| FitError::Solve { step, source })?;
        let (of_lags, of_calendar) = solved.view().split_at(Axis(0), lags);
        // Lags are differences: their weights are the same in every unit.
        Ok(Weights {
            lags: Lags::of(&of_lags.to_vec()),
            calendar: of_calendar.iter().map(|weight| weight * recipe.scale.deviation).collect(),
        })
    }
}

/// Rows of a regression.
struct Rows {
    features: Array2<f64>,
    left: Array1<f64>,
    weights: Vec<f64>,
}
