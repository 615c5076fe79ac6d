//! Two tables laid side by side, column by column: every statistic that needs neither a model nor a calendar, and one
//! judgement of each column.
//!
//! A column has drifted where the difference is both beyond chance and large. Each alone misleads: among a million rows
//! the smallest difference is beyond chance, and a day of rows looks far from a year of them where nothing has changed.
//! Rows are taken to be in order of time: values that follow each other closely count for fewer independent ones. What
//! [`super::data`] compares beside that, values without their season and changes from step to step, needs a series.

use std::fmt;

use rayon::prelude::*;
use serde::Serialize;

use super::dependence::{effective_size, lag_one};
use super::discovery;
use super::distribution::LEAST;
use super::finding::FEWEST_INDEPENDENT;
use super::psi::Bins;
use super::sample::{Sample, SampleError};
use super::season::MISSING_SHARE;
use super::{ks, wasserstein};

/// The level below which an adjusted p-value is beyond chance, that of a series unless its definition says otherwise.
pub const SIGNIFICANCE: f64 = 0.01;

/// Finite values that each table must have of a column: fewer cannot be four independent ones.
pub const FEWEST_VALUES: usize = FEWEST_INDEPENDENT as usize;

/// A column as both tables have it: NaN where a value is missing, infinite where it is infinite.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// Its name.
    pub name: &'a str,
    /// The values to compare with.
    pub reference: &'a [f64],
    /// The values that may have drifted.
    pub current: &'a [f64],
}

/// How much a column has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The difference is within what chance gives.
    Stable,
    /// The difference is beyond chance, and too small to matter.
    Slight,
    /// The difference is beyond chance and large, or values have gone missing or come back.
    Drifted,
    /// The rows are worth too few independent values to say.
    InsufficientData,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stable => "stable",
            Self::Slight => "slight",
            Self::Drifted => "drifted",
            Self::InsufficientData => "insufficient data",
        })
    }
}

/// Every statistic of a column; one beyond the range of numbers is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The column.
    pub column: String,
    /// How much it has changed.
    pub severity: Severity,
    /// Why, in numbers.
    pub reason: String,
    /// The Kolmogorov-Smirnov distance.
    pub ks_distance: f64,
    /// Its p-value, were all values independent.
    pub ks_p_value: f64,
    /// Its p-value for as many independent values as the rows are worth.
    pub ks_p_value_dependent: f64,
    /// That p-value adjusted for the number of columns; none where a column's rows are worth too few values.
    pub ks_p_value_adjusted: Option<f64>,
    /// The Wasserstein distance in the column's own unit.
    pub wasserstein: Option<f64>,
    /// The Wasserstein distance in deviations of the reference; none where the reference does not vary.
    pub wasserstein_normed: Option<f64>,
    /// The population stability index over the reference's deciles.
    pub psi: f64,
    /// What the reference has of it.
    pub reference: Side,
    /// What the current table has of it.
    pub current: Side,
}

/// What one table has of a column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// Rows of the table.
    pub rows: usize,
    /// Rows without a value.
    pub missing: usize,
    /// Rows with an infinite value.
    pub infinite: usize,
    /// The share of rows that have no finite value.
    pub missing_share: f64,
    /// The mean of the finite values.
    pub mean: Option<f64>,
    /// Their standard deviation.
    pub deviation: Option<f64>,
    /// Their autocorrelation from row to row; none where they do not vary.
    pub autocorrelation: Option<f64>,
    /// The independent values that they are worth.
    pub effective_size: f64,
}

/// Which of the two tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one to compare with.
    Reference,
    /// The one that may have drifted.
    Current,
}

/// Why a column cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Incomparable {
    /// One of the tables has no finite value of it.
    #[error("it has no finite value in {rows} rows")]
    NoFinite {
        /// The table.
        which: Which,
        /// Its rows.
        rows: usize,
    },
    /// One of the tables has too few finite values of it.
    #[error("it has {finite} finite values in {rows} rows, and {FEWEST_VALUES} are the fewest that can be compared")]
    TooFew {
        /// The table.
        which: Which,
        /// Its finite values.
        finite: usize,
        /// Its rows.
        rows: usize,
    },
    /// The values make no sample.
    #[error(transparent)]
    Sample(#[from] SampleError),
}

/// Compares columns, each with its answer, in their order. The p-values are adjusted for all that can be told.
pub fn compare(columns: &[Column<'_>]) -> Vec<Result<Comparison, Incomparable>> {
    let mut compared: Vec<_> = columns.par_iter().map(measure).collect();
    let tested = || compared.iter().flatten().filter(|c| can_be_told(c));
    let adjusted = discovery::adjusted(&tested().map(|c| c.ks_p_value_dependent).collect::<Vec<_>>());
    let tests = adjusted.len();
    let mut adjusted = adjusted.into_iter();
    for comparison in compared.iter_mut().flatten() {
        if can_be_told(comparison) {
            comparison.ks_p_value_adjusted = adjusted.next();
        }
        (comparison.severity, comparison.reason) = judge(comparison, tests);
    }
    compared
}

/// The statistics of a column, not yet judged.
fn measure(column: &Column<'_>) -> Result<Comparison, Incomparable> {
    let (reference, reference_sample) = side(column.reference, Which::Reference)?;
    let (current, current_sample) = side(column.current, Which::Current)?;
    let ks_distance = ks::distance(&reference_sample, &current_sample);
    let p_value = |n, m| ks::p_value(ks_distance, n, m);
    Ok(Comparison {
        column: column.name.to_owned(),
        severity: Severity::InsufficientData,
        reason: String::new(),
        ks_distance,
        ks_p_value: p_value(reference_sample.len() as f64, current_sample.len() as f64),
        ks_p_value_dependent: p_value(reference.effective_size, current.effective_size),
        ks_p_value_adjusted: None,
        wasserstein: finite(wasserstein::distance(&reference_sample, &current_sample)),
        wasserstein_normed: wasserstein::normed(&reference_sample, &current_sample).and_then(finite),
        psi: Bins::deciles(&reference_sample).index(&current_sample),
        reference,
        current,
    })
}

fn side(values: &[f64], which: Which) -> Result<(Side, Sample), Incomparable> {
    let known: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let (rows, finite_values) = (values.len(), known.len());
    match finite_values {
        0 => return Err(Incomparable::NoFinite { which, rows }),
        finite if finite < FEWEST_VALUES => return Err(Incomparable::TooFew { which, finite, rows }),
        _ => {}
    }
    let missing = values.iter().filter(|v| v.is_nan()).count();
    let autocorrelation = lag_one(values);
    let sample = Sample::new(known)?;
    let side = Side {
        rows,
        missing,
        infinite: rows - finite_values - missing,
        missing_share: (rows - finite_values) as f64 / rows as f64,
        mean: finite(sample.mean()),
        deviation: finite(sample.deviation()),
        autocorrelation,
        effective_size: effective_size(finite_values, autocorrelation.unwrap_or_default()),
    };
    Ok((side, sample))
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn can_be_told(comparison: &Comparison) -> bool {
    comparison.reference.effective_size.min(comparison.current.effective_size) >= FEWEST_INDEPENDENT
}

/// What the statistics of a column come to. Missing values are judged by themselves: what is left may look as before.
fn judge(comparison: &Comparison, tests: usize) -> (Severity, String) {
    let (severity, reason) = judge_values(comparison, tests);
    let (before, after) = (comparison.reference.missing_share, comparison.current.missing_share);
    if (after - before).abs() <= MISSING_SHARE {
        return (severity, reason);
    }
    let missing = format!(
        "{:.1} % of its rows have no finite value, {:.1} % of the reference's, more than {:.0} points apart",
        100.0 * after,
        100.0 * before,
        100.0 * MISSING_SHARE,
    );
    (Severity::Drifted, format!("{missing}; {reason}"))
}

fn judge_values(comparison: &Comparison, tests: usize) -> (Severity, String) {
    let (reference, current) = (comparison.reference.effective_size, comparison.current.effective_size);
    let Some(p_value) = comparison.ks_p_value_adjusted else {
        let reason = format!(
            "its values follow each other so closely that they are worth {reference:.1} independent ones in the \
             reference and {current:.1} here, and {FEWEST_INDEPENDENT} are needed"
        );
        return (Severity::InsufficientData, reason);
    };
    // A reference that does not vary has no deviation to measure in, and any difference from it is large.
    let far = comparison.wasserstein_normed.is_none_or(|distance| distance > LEAST.wasserstein);
    let severity = match (p_value < SIGNIFICANCE, far || comparison.psi > LEAST.psi) {
        (false, _) => Severity::Stable,
        (true, false) => Severity::Slight,
        (true, true) => Severity::Drifted,
    };
    let distance = match comparison.wasserstein_normed {
        Some(distance) => format!("{distance:.2} deviations (large above {})", LEAST.wasserstein),
        None => "no number of deviations, for the reference does not vary,".to_owned(),
    };
    let reason = format!(
        "it moved by {distance} with a stability index of {:.2} (large above {}); p {p_value:.2e} (beyond chance below \
         {SIGNIFICANCE}) for {reference:.0} and {current:.0} independent values, columns tested: {tests}",
        comparison.psi, LEAST.psi,
    );
    (severity, reason)
}

#[cfg(test)]
mod tests;
