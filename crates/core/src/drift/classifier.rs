//! The domain classifier: whether anything can tell the reference's rows from current ones, and how well.
//!
//! A logistic regression learns to tell them apart and is asked about rows it has not seen; the area under its receiver
//! operating curve (AUC) is the chance that a current row looks more current than a reference row, a half where nothing
//! can be told. Friedman (2003), "On multivariate goodness-of-fit and two-sample testing"; Lopez-Paz and Oquab (2017),
//! "Revisiting classifier two-sample tests". NannyML 0.13.1's `DomainClassifierCalculator` is the same with boosted
//! trees and random folds. Rows are a series here: folds are whole blocks of neighbouring rows, never random ones,
//! since a row is as good as seen when its neighbour is. A linear classifier sees changes of level, not of how columns
//! move together: that is [`super::pca`]'s.

use serde::{Deserialize, Serialize};

use super::logistic::Logistic;
use super::rows::{Rows, Scale, scales};
use crate::tail;

/// How the classifier learns and is asked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Blocks into which both sets of rows are cut; each is asked about once. At least 2.
    pub folds: usize,
    /// What squared weights of standardised columns cost; above 0. scikit-learn's C is 1 over it.
    pub penalty: f64,
}

impl Default for Settings {
    /// Five folds as NannyML's, and scikit-learn's penalty.
    fn default() -> Self {
        Self { folds: 5, penalty: 1.0 }
    }
}

/// How well the rows can be told apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The mean of the folds' AUC, 0 to 1: the effect size. A half is nothing; below it is chance.
    pub auc: f64,
    /// The AUC of each fold, in the order of time.
    pub folds: Vec<f64>,
    /// Reference rows asked about.
    pub reference: usize,
    /// Current rows asked about.
    pub current: usize,
}

/// Why rows cannot be classified.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ClassifierError {
    /// Without a second fold there is nothing to learn from.
    #[error("{0} folds are too few; there have to be at least 2")]
    Folds(usize),
    /// Without a penalty, rows that are told apart without error have no solution.
    #[error("the penalty is {0} and has to be above 0")]
    Penalty(f64),
    /// Both sets need the same columns.
    #[error("the current rows have {current} columns and the reference has {reference}")]
    OtherColumns {
        /// Columns of the reference.
        reference: usize,
        /// Columns of the current rows.
        current: usize,
    },
    /// A set has fewer than two rows for each fold.
    #[error("{rows} rows are too few for {folds} folds; there have to be two for each")]
    TooFewRows {
        /// Rows of the smaller set.
        rows: usize,
        /// Folds asked for.
        folds: usize,
    },
    /// Columns are too large to be standardised.
    #[error("the classifier of fold {fold} has no finite solution")]
    NotFitted {
        /// The fold, from 0.
        fold: usize,
    },
}

/// Asks, for each block of rows, a classifier that has learnt from all other blocks.
///
/// # Errors
/// Where a setting is out of range, the columns differ, or there are too few rows.
pub fn compare(reference: &Rows, current: &Rows, settings: Settings) -> Result<Verdict, ClassifierError> {
    let Settings { folds, penalty } = settings;
    if folds < 2 {
        return Err(ClassifierError::Folds(folds));
    }
    if !(penalty > 0.0 && penalty.is_finite()) {
        return Err(ClassifierError::Penalty(penalty));
    }
    if reference.columns() != current.columns() {
        return Err(ClassifierError::OtherColumns { reference: reference.columns(), current: current.columns() });
    }
    let rows = reference.len().min(current.len());
    if rows / 2 < folds {
        return Err(ClassifierError::TooFewRows { rows, folds });
    }
    let areas = (0..folds)
        .map(|fold| fold_auc(reference, current, fold, settings).ok_or(ClassifierError::NotFitted { fold }))
        .collect::<Result<Vec<f64>, _>>()?;
    let auc = areas.iter().sum::<f64>() / folds as f64;
    Ok(Verdict { auc, folds: areas, reference: reference.len(), current: current.len() })
}

/// The chance that a value of `upper` is above one of `lower`, ties counted half: the AUC, by ranks (Mann and Whitney
/// 1947). A half where either is empty.
pub fn auc(lower: &[f64], upper: &[f64]) -> f64 {
    if lower.is_empty() || upper.is_empty() {
        return 0.5;
    }
    let mut all: Vec<(f64, bool)> = lower.iter().map(|v| (*v, false)).chain(upper.iter().map(|v| (*v, true))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut wins) = (0.0, 0.0);
    for tied in all.chunk_by(|a, b| a.0 == b.0) {
        let upper_tied = tied.iter().filter(|(_, is_upper)| *is_upper).count() as f64;
        let lower_tied = tied.len() as f64 - upper_tied;
        wins += upper_tied * (below + 0.5 * lower_tied);
        below += lower_tied;
    }
    wins / (lower.len() as f64 * upper.len() as f64)
}

/// The chance of at least this AUC where nothing can be told apart: the normal approximation of Mann and Whitney's
/// statistic, without ties, of sizes that may be the effective ones of dependent rows
/// ([`effective_size`](super::effective_size)). It is one-sided: what falls below a half is chance. None where a size
/// is not above 0.
///
/// It takes the scores for those of one classifier, though folds learn from shared rows: a guide, where a threshold
/// from chunks of the reference is a measure.
pub fn p_value(auc: f64, reference: f64, current: f64) -> Option<f64> {
    if !(reference > 0.0 && current > 0.0) {
        return None;
    }
    let variance = (reference + current + 1.0) / (12.0 * reference * current);
    Some(tail::normal((auc - 0.5) / variance.sqrt()))
}

fn fold_auc(reference: &Rows, current: &Rows, fold: usize, settings: Settings) -> Option<f64> {
    let (seen_before, asked_before) = split(reference, fold, settings.folds);
    let (seen_now, asked_now) = split(current, fold, settings.folds);
    let labels: Vec<bool> = seen_before.iter().map(|_| false).chain(seen_now.iter().map(|_| true)).collect();
    let seen = [seen_before, seen_now].concat();
    let scales = scales(&seen, reference.columns());
    let standardised: Vec<Vec<f64>> = seen.iter().map(|row| standardise(row, &scales)).collect();
    let fitted = Logistic::fit(&standardised, &labels, settings.penalty)?;
    let scores =
        |rows: &[&[f64]]| -> Vec<f64> { rows.iter().map(|row| fitted.score(&standardise(row, &scales))).collect() };
    Some(auc(&scores(&asked_before), &scores(&asked_now)))
}

/// The rows outside of a fold's block and those within it.
fn split(rows: &Rows, fold: usize, folds: usize) -> (Vec<&[f64]>, Vec<&[f64]>) {
    let block = rows.len() * fold / folds..rows.len() * (fold + 1) / folds;
    let (asked, seen): (Vec<_>, Vec<_>) = rows.iter().enumerate().partition(|(place, _)| block.contains(place));
    let bare = |rows: Vec<(usize, _)>| rows.into_iter().map(|(_, row)| row).collect();
    (bare(seen), bare(asked))
}

/// A column that does not vary keeps its unit: it has taught nothing, and its weight is none.
pub(super) fn standardise(row: &[f64], scales: &[Scale]) -> Vec<f64> {
    let by = |scale: &Scale| if scale.deviation > 0.0 { scale.deviation } else { 1.0 };
    row.iter().zip(scales).map(|(value, scale)| (value - scale.mean) / by(scale)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Rows of a wave and its echo, raised by `shift`.
    fn wave(rows: usize, shift: f64) -> Rows {
        let first: Vec<f64> = (0..rows).map(|i| (i as f64 * 0.9).sin() + shift).collect();
        let second: Vec<f64> = (0..rows).map(|i| (i as f64 * 1.7).cos()).collect();
        Rows::new(&[&first, &second]).unwrap()
    }

    #[test]
    fn an_auc_with_ties_worked_by_hand() {
        // Of six pairs: 2 > 1, 2 = 2, 2 < 3, 3 > 1, 3 > 2, 3 = 3: four wins and a half twice less one loss = 4/6.
        assert!((auc(&[1.0, 2.0, 3.0], &[2.0, 3.0]) - 4.0 / 6.0).abs() < 1e-15);
        assert_eq!(auc(&[], &[1.0]), 0.5);
    }

    #[test]
    fn rows_of_another_level_are_told_apart_and_those_of_the_same_are_not() {
        let found = compare(&wave(200, 0.0), &wave(150, 3.0), Settings::default()).unwrap();
        assert_eq!(found.auc, 1.0);
        let same = compare(&wave(200, 0.0), &wave(200, 0.0), Settings::default()).unwrap();
        assert!((same.auc - 0.5).abs() < 1e-12, "{same:?}");
    }

    #[test]
    fn an_auc_of_a_half_has_an_even_chance_and_sizes_that_are_none_have_no_chance() {
        assert_eq!(p_value(0.5, 100.0, 50.0), Some(0.5));
        assert!(p_value(0.7, 100.0, 50.0).unwrap() < 1e-4);
        assert_eq!(p_value(0.7, 0.0, 50.0), None);
    }

    #[test]
    fn what_cannot_be_classified_is_told_with_its_reason() {
        let of = |folds, penalty| compare(&wave(50, 0.0), &wave(9, 0.0), Settings { folds, penalty }).unwrap_err();
        assert_eq!(of(1, 1.0), ClassifierError::Folds(1));
        assert_eq!(of(3, 0.0), ClassifierError::Penalty(0.0));
        assert_eq!(of(5, 1.0), ClassifierError::TooFewRows { rows: 9, folds: 5 });
        let one = Rows::new(&[&[1.0; 50]]).unwrap();
        let found = compare(&one, &wave(50, 0.0), Settings::default()).unwrap_err();
        assert_eq!(found, ClassifierError::OtherColumns { reference: 1, current: 2 });
    }

    #[test]
    fn columns_that_are_all_constant_tell_nothing() {
        let constant = Rows::new(&[&[0.1; 50], &[7.0; 50]]).unwrap();
        assert_eq!(compare(&constant, &constant, Settings::default()).unwrap().auc, 0.5);
    }

    proptest! {
        #[test]
        fn both_sides_of_an_auc_add_up_to_one(
            a in proptest::collection::vec(-3..3_i32, 1..30), b in proptest::collection::vec(-3..3_i32, 1..30),
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) = (a.into_iter().map(f64::from).collect(), b.into_iter().map(f64::from).collect());
            let there = auc(&a, &b);
            prop_assert!((0.0..=1.0).contains(&there));
            prop_assert!((there + auc(&b, &a) - 1.0).abs() < 1e-12);
        }

        #[test]
        fn columns_in_another_unit_are_told_apart_as_well(scale in 0.01..100.0_f64, shift in -50.0..50.0_f64) {
            let moved = |rows: &Rows| {
                let columns: Vec<Vec<f64>> = (0..2).map(|c| rows.iter().map(|row| row[c] * scale + shift).collect()).collect();
                Rows::new(&[&columns[0], &columns[1]]).unwrap()
            };
            let (a, b) = (wave(60, 0.0), wave(60, 0.7));
            let plain = compare(&a, &b, Settings::default()).unwrap();
            let other = compare(&moved(&a), &moved(&b), Settings::default()).unwrap();
            prop_assert!((plain.auc - other.auc).abs() < 0.01);
        }
    }
}
