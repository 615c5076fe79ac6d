//! Values explained by covariates and the hour of the day, day by day from the days before.

use std::f64::consts::TAU;

use nalgebra::{DMatrix, DVector};

use super::Companion;
use crate::history::History;
use crate::series::Definition;
use crate::time::Timestamp;

/// Waves of the day beside the covariates.
const WAVES: usize = 2;
/// The pull of standardised weights to nothing, in rows.
const PENALTY: f64 = 1e-5;
/// The share of a day's steps that must be known.
const OF_DAY: f64 = 0.75;
/// The share of the steps before it that must be known.
const BEFORE: f64 = 0.5;

/// Every step of a series with what explains it, in whole days that end with it.
pub(super) struct Rows {
    end: Timestamp,
    per_day: usize,
    /// By step: what explains it, then its value; none where either is missing.
    steps: Vec<Option<(Vec<f64>, f64)>>,
}

impl Rows {
    pub(super) fn new(own: &History, companions: &[Companion], definition: &Definition) -> Self {
        let per_day = own.cadence().per_day();
        let zone = definition.zone();
        let whole = own.values().len() / per_day * per_day;
        let first = own.values().len() - whole;
        let step = |place: usize| {
            let time = own.time(place);
            let value = own.values().get(place).copied().filter(|value| value.is_finite())?;
            let mut explains: Vec<f64> = companions.iter().map(|c| c.history.at(time)).collect::<Option<_>>()?;
            let local = time.local(&zone);
            let day = (f64::from(local.hour()) + f64::from(local.minute()) / 60.0) / 24.0;
            if per_day > 1 {
                for wave in 1..=WAVES {
                    let (sine, cosine) = (TAU * day * wave as f64).sin_cos();
                    explains.extend([sine, cosine]);
                }
            }
            Some((explains, value))
        };
        Self { end: own.end(), per_day, steps: (first..own.values().len()).map(step).collect() }
    }

    /// The first step after the last.
    pub(super) fn end(&self) -> Timestamp {
        self.end
    }
}

/// What is left of each of the newest days, at most so many, oldest first: the mean of the day less what the days
/// before it explain, as a share of their level. None where too much is missing.
pub(super) fn left_of_days(rows: &Rows, most: usize, learnt: usize) -> Vec<Option<f64>> {
    let days = rows.steps.len() / rows.per_day;
    let first = days.saturating_sub(most).max(learnt);
    (first..days).map(|day| left_of_day(rows, day, learnt)).collect()
}

fn left_of_day(rows: &Rows, day: usize, learnt: usize) -> Option<f64> {
    let known = |from: usize, until: usize| -> Vec<&(Vec<f64>, f64)> {
        rows.steps[from * rows.per_day..until * rows.per_day].iter().flatten().collect()
    };
    let (before, of_day) = (known(day - learnt, day), known(day, day + 1));
    let enough = |found: usize, days: usize, share: f64| found as f64 >= share * (days * rows.per_day) as f64;
    if !enough(before.len(), learnt, BEFORE) || !enough(of_day.len(), 1, OF_DAY) {
        return None;
    }
    let fit = Fit::learn(&before)?;
    let left = of_day.iter().map(|(explains, value)| value - fit.value(explains)).sum::<f64>() / of_day.len() as f64;
    Some(left / fit.level.abs()).filter(|left| left.is_finite())
}

/// A regression on standardised columns.
struct Fit {
    level: f64,
    means: Vec<f64>,
    deviations: Vec<f64>,
    weights: DVector<f64>,
}

impl Fit {
    fn learn(rows: &[&(Vec<f64>, f64)]) -> Option<Self> {
        let (count, width) = (rows.len() as f64, rows.first()?.0.len());
        let mean = |column: usize| rows.iter().map(|row| row.0[column]).sum::<f64>() / count;
        let means: Vec<f64> = (0..width).map(mean).collect();
        let deviation = |column: usize| {
            (rows.iter().map(|row| (row.0[column] - means[column]).powi(2)).sum::<f64>() / count).sqrt()
        };
        let deviations: Vec<f64> = (0..width).map(deviation).collect();
        let level = rows.iter().map(|row| row.1).sum::<f64>() / count;
        if !(level.abs() > f64::MIN_POSITIVE && level.is_finite()) {
            return None;
        }
        let standardised = |row: usize, column: usize| scaled(rows[row].0[column], means[column], deviations[column]);
        let design = DMatrix::from_fn(rows.len(), width, standardised);
        let own = DVector::from_iterator(rows.len(), rows.iter().map(|row| row.1 - level));
        let mut products = design.transpose() * &design;
        for place in 0..width {
            products[(place, place)] += PENALTY * count;
        }
        let weights = products.cholesky()?.solve(&(design.transpose() * own));
        Some(Self { level, means, deviations, weights })
    }

    fn value(&self, explains: &[f64]) -> f64 {
        let columns = explains.iter().zip(&self.means).zip(&self.deviations);
        let parts = columns.zip(self.weights.iter());
        self.level
            + parts.map(|(((value, mean), deviation), weight)| scaled(*value, *mean, *deviation) * weight).sum::<f64>()
    }
}

/// A column that did not vary explains nothing.
fn scaled(value: f64, mean: f64, deviation: f64) -> f64 {
    if deviation > 1e-12 * mean.abs() && deviation > 0.0 { (value - mean) / deviation } else { 0.0 }
}
