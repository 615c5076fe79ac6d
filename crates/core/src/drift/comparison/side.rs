//! What one table has of a column, and how many independent values that is worth.

use serde::Serialize;

use super::super::dependence::{agreement, effective_size, lag_one};
use super::super::finding::FEWEST_INDEPENDENT;
use super::super::sample::Sample;
use crate::numbers::Text;

/// Values that each table must have of a column: fewer cannot be four independent ones.
pub const FEWEST_VALUES: usize = FEWEST_INDEPENDENT as usize;

/// What one table has of a column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// Rows of the table.
    pub rows: usize,
    /// Rows without a value.
    pub missing: usize,
    /// Rows with an infinite value.
    pub infinite: usize,
    /// The share of rows that have no finite value; none of none.
    pub missing_share: f64,
    /// The mean of the finite values.
    pub mean: Option<f64>,
    /// Their standard deviation.
    pub deviation: Option<f64>,
    /// The number of different texts, of a column of text.
    pub categories: Option<usize>,
    /// The autocorrelation from row to row, of text how much more often than by chance a row has the text before it;
    /// none where rows do not vary.
    pub autocorrelation: Option<f64>,
    /// The independent values that they are worth.
    pub effective_size: f64,
    /// Whether all its values are the same.
    #[serde(skip)]
    pub(super) is_constant: bool,
    /// Whether they are a quantity, which a meter would measure: numbers of more than two values.
    #[serde(skip)]
    pub(super) is_quantity: bool,
}

impl Side {
    /// What a table has of a column of numbers, and its finite values if there are any.
    pub(super) fn of_numbers(values: &[f64]) -> (Self, Option<Sample>) {
        let known: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        let missing = values.iter().filter(|v| v.is_nan()).count();
        let infinite = values.len() - known.len() - missing;
        let autocorrelation = lag_one(values);
        let worth = effective_size(known.len(), autocorrelation.unwrap_or_default());
        let sample = Sample::new(known).ok();
        let side = Self {
            rows: values.len(),
            missing,
            infinite,
            missing_share: share(missing + infinite, values.len()),
            mean: sample.as_ref().map(Sample::mean).filter(|v| v.is_finite()),
            deviation: sample.as_ref().map(Sample::deviation).filter(|v| v.is_finite()),
            categories: None,
            autocorrelation,
            effective_size: worth,
            is_constant: sample.as_ref().is_some_and(Sample::is_constant),
            is_quantity: sample.as_ref().is_some_and(has_more_than_two),
        };
        (side, sample)
    }

    /// What a table has of a column of text.
    pub(super) fn of_text(text: &Text) -> Self {
        let rows = text.rows();
        let missing = rows.iter().filter(|row| row.is_none()).count();
        let autocorrelation = agreement(rows);
        Self {
            rows: rows.len(),
            missing,
            infinite: 0,
            missing_share: share(missing, rows.len()),
            mean: None,
            deviation: None,
            categories: Some(text.names().len()),
            autocorrelation,
            effective_size: effective_size(rows.len() - missing, autocorrelation.unwrap_or_default()),
            is_constant: text.names().len() == 1,
            is_quantity: false,
        }
    }

    /// Rows with a value that is used.
    pub fn known(&self) -> usize {
        self.rows - self.missing - self.infinite
    }
}

fn has_more_than_two(sample: &Sample) -> bool {
    sample.sorted().chunk_by(|a, b| a == b).nth(2).is_some()
}

fn share(part: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}
