//! Reconstruction error: how badly rows fit the ways in which the reference's columns move together.
//!
//! A change in how columns belong together is seen that no column shows by itself. Columns are standardised by the
//! reference, rows are projected on its principal components and back, and the mean distance to what they were is the
//! error: NannyML 0.13.1's `DataReconstructionDriftCalculator` of numeric columns, except that incomplete rows are left
//! out and not filled with means. The error is a number without a threshold: that comes from chunks of the reference.

use nalgebra::{DMatrix, SymmetricEigen};
use serde::{Deserialize, Serialize};

use super::rows::{Rows, Scale, scales};

/// The share of the reference's variance that NannyML has the components explain.
pub const USUAL_SHARE: f64 = 0.65;

/// What is remembered of a reference: no rows, only how its columns lie and move together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Components {
    means: Vec<f64>,
    deviations: Vec<f64>,
    components: Vec<Vec<f64>>,
    explained: f64,
    reference: ReconstructionError,
}

/// How far rows are from their reconstruction, in standard deviations of the reference's columns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReconstructionError {
    /// The mean of the rows' Euclidean distances.
    pub mean: f64,
    /// Their standard deviation (divisor n - 1); 0 of a single row.
    pub deviation: f64,
    /// The rows.
    pub rows: usize,
}

/// A reference that nothing can be reconstructed by.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum FitError {
    /// The share to explain is no share.
    #[error("the share of variance to explain is {0} and has to lie between 0 and 1")]
    Share(f64),
    /// One column is its own component and would be reconstructed without error, whatever comes.
    #[error("one column has no other that it could move together with")]
    OneColumn,
    /// Rows that are no more than the columns lie in a plane by chance.
    #[error("{rows} complete rows are too few for {columns} columns; there have to be more rows than columns")]
    TooFewRows {
        /// Complete rows.
        rows: usize,
        /// Columns.
        columns: usize,
    },
    /// A column does not vary and cannot be standardised.
    #[error("column {column} is constant in the reference; leave it out")]
    Constant {
        /// Its place, from 0.
        column: usize,
    },
    /// The columns are too large for their squares to be finite, or their eigenvalues were not found.
    #[error("the covariance of the columns cannot be decomposed")]
    NotDecomposed,
}

/// Rows of another number of columns than the reference's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rows have {found} columns and the reference has {expected}")]
pub struct OtherColumns {
    /// Columns of the rows.
    pub found: usize,
    /// Columns of the reference.
    pub expected: usize,
}

impl Components {
    /// The fewest components of the reference that explain more than `share` of its variance ([`USUAL_SHARE`]).
    ///
    /// # Errors
    /// Where the share is none, or the rows have one column only, too few rows or a constant column.
    pub fn fit(reference: &Rows, share: f64) -> Result<Self, FitError> {
        if !(share > 0.0 && share < 1.0) {
            return Err(FitError::Share(share));
        }
        let (rows, columns) = (reference.len(), reference.columns());
        if columns < 2 {
            return Err(FitError::OneColumn);
        }
        if rows <= columns {
            return Err(FitError::TooFewRows { rows, columns });
        }
        let scales = scales(&reference.iter().collect::<Vec<_>>(), columns);
        if let Some(column) = scales.iter().position(|scale| scale.deviation == 0.0) {
            return Err(FitError::Constant { column });
        }
        if scales.iter().any(|scale| !scale.deviation.is_finite()) {
            return Err(FitError::NotDecomposed);
        }
        let (components, explained) = principal(&correlation(reference, &scales), share)?;
        let means = scales.iter().map(|scale| scale.mean).collect();
        let deviations = scales.iter().map(|scale| scale.deviation).collect();
        let nothing = ReconstructionError { mean: 0.0, deviation: 0.0, rows: 0 };
        let mut fitted = Self { means, deviations, components, explained, reference: nothing };
        fitted.reference = fitted.error_of_rows(reference);
        Ok(fitted)
    }

    /// The reconstruction error of rows whose columns are the reference's, in its order.
    ///
    /// # Errors
    /// Where the number of columns is another.
    pub fn error(&self, rows: &Rows) -> Result<ReconstructionError, OtherColumns> {
        if rows.columns() != self.means.len() {
            return Err(OtherColumns { found: rows.columns(), expected: self.means.len() });
        }
        Ok(self.error_of_rows(rows))
    }

    /// The error of the reference itself, which is a little smaller than that of rows like it.
    pub fn reference(&self) -> ReconstructionError {
        self.reference
    }

    /// How many components there are.
    pub fn count(&self) -> usize {
        self.components.len()
    }

    /// The share of the reference's variance that they explain.
    pub fn explained(&self) -> f64 {
        self.explained
    }

    fn error_of_rows(&self, rows: &Rows) -> ReconstructionError {
        let distances: Vec<f64> = rows.iter().map(|row| self.distance(row)).collect();
        let count = distances.len() as f64;
        let mean = distances.iter().sum::<f64>() / count;
        let squares: f64 = distances.iter().map(|d| (d - mean).powi(2)).sum();
        let deviation = if distances.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 };
        ReconstructionError { mean, deviation, rows: distances.len() }
    }

    /// The distance of a row from its projection on the components. As these are at right angles to each other, what a
    /// component explains can be taken away before the next is looked at.
    fn distance(&self, row: &[f64]) -> f64 {
        let scales = self.means.iter().zip(&self.deviations);
        let mut rest: Vec<f64> = row.iter().zip(scales).map(|(v, (mean, deviation))| (v - mean) / deviation).collect();
        for component in &self.components {
            let along: f64 = rest.iter().zip(component).map(|(v, c)| v * c).sum();
            rest.iter_mut().zip(component).for_each(|(v, c)| *v -= along * c);
        }
        rest.iter().map(|v| v * v).sum::<f64>().sqrt()
    }
}

/// The covariance of standardised columns.
fn correlation(reference: &Rows, scales: &[Scale]) -> DMatrix<f64> {
    let (rows, columns) = (reference.len(), reference.columns());
    let standardised = reference
        .iter()
        .flat_map(|row| row.iter().zip(scales).map(|(value, scale)| (value - scale.mean) / scale.deviation));
    let matrix = DMatrix::from_row_iterator(rows, columns, standardised);
    matrix.tr_mul(&matrix) / rows as f64
}

/// The eigenvectors of the largest eigenvalues that together explain more than `share`, and what they explain.
fn principal(correlation: &DMatrix<f64>, share: f64) -> Result<(Vec<Vec<f64>>, f64), FitError> {
    if correlation.iter().any(|v| !v.is_finite()) {
        return Err(FitError::NotDecomposed);
    }
    let eigen = SymmetricEigen::try_new(correlation.clone(), f64::EPSILON, 10_000).ok_or(FitError::NotDecomposed)?;
    let total: f64 = eigen.eigenvalues.iter().sum();
    let mut order: Vec<(f64, Vec<f64>)> = eigen
        .eigenvalues
        .iter()
        .zip(eigen.eigenvectors.column_iter())
        .map(|(value, vector)| (*value, vector.iter().copied().collect()))
        .collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut components, mut explained) = (Vec::new(), 0.0);
    for (value, vector) in order {
        components.push(vector);
        explained += value / total;
        if explained > share {
            break;
        }
    }
    Ok((components, explained))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Two columns that move together, one of half the size, with a ripple between them.
    fn pair(rows: usize) -> Rows {
        let first: Vec<f64> = (0..rows).map(|i| (i as f64 * 0.7).sin() * 2.0).collect();
        let second: Vec<f64> = first.iter().enumerate().map(|(i, v)| v / 2.0 + 0.01 * (i as f64 * 2.3).cos()).collect();
        Rows::new(&[&first, &second]).unwrap()
    }

    #[test]
    fn two_columns_worked_by_hand() {
        // Correlation 8/10: components along (1, 1) and (1, -1), of which the first explains 0.9. What is left of a row
        // is its difference over sqrt 2, and each standardised difference is 1 / sqrt 2.5: together sqrt 0.2.
        let rows = Rows::new(&[&[-2.0, -1.0, 1.0, 2.0], &[-1.0, -2.0, 2.0, 1.0]]).unwrap();
        let fitted = Components::fit(&rows, 0.65).unwrap();
        assert_eq!(fitted.count(), 1);
        assert!((fitted.explained() - 0.9).abs() < 1e-12);
        assert!((fitted.reference().mean - 0.2_f64.sqrt()).abs() < 1e-12);
        assert!(fitted.reference().deviation < 1e-12);
    }

    #[test]
    fn columns_that_no_longer_move_together_are_seen_though_each_looks_as_before() {
        let fitted = Components::fit(&pair(200), USUAL_SHARE).unwrap();
        let columns: Vec<Vec<f64>> = (0..2).map(|c| pair(200).iter().map(|row| row[c]).collect()).collect();
        let turned: Vec<f64> = columns[1].iter().map(|v| -v).collect();
        let error = fitted.error(&Rows::new(&[&columns[0], &turned]).unwrap()).unwrap();
        assert!(error.mean > 20.0 * fitted.reference().mean, "{error:?}");
    }

    #[test]
    fn references_of_which_nothing_can_be_said_are_refused() {
        let of = |columns: &[&[f64]]| Components::fit(&Rows::new(columns).unwrap(), 0.65).unwrap_err();
        assert_eq!(of(&[&[1.0, 2.0, 3.0]]), FitError::OneColumn);
        assert_eq!(of(&[&[1.0, 2.0], &[3.0, 1.0]]), FitError::TooFewRows { rows: 2, columns: 2 });
        assert_eq!(of(&[&[1.0, 2.0, 5.0], &[0.1, 0.1, 0.1]]), FitError::Constant { column: 1 });
        assert_eq!(of(&[&[1e300, -1e300, 1e300], &[3.0, 1.0, 2.0]]), FitError::NotDecomposed);
        assert_eq!(Components::fit(&pair(9), 1.0), Err(FitError::Share(1.0)));
    }

    #[test]
    fn rows_of_other_columns_are_refused() {
        let fitted = Components::fit(&pair(9), 0.65).unwrap();
        let one = Rows::new(&[&[1.0]]).unwrap();
        assert_eq!(fitted.error(&one), Err(OtherColumns { found: 1, expected: 2 }));
    }

    #[test]
    fn what_is_stored_holds_no_rows_and_answers_as_before() {
        let fitted = Components::fit(&pair(500), 0.65).unwrap();
        let text = serde_json::to_string(&fitted).unwrap();
        assert!(text.len() < 400, "{text}");
        assert_eq!(serde_json::from_str::<Components>(&text).unwrap(), fitted);
    }

    proptest! {
        #[test]
        fn the_error_has_no_unit(
            values in proptest::collection::vec(-5.0..5.0_f64, 60), scale in 0.01..100.0_f64, shift in -50.0..50.0_f64,
        ) {
            let columns: Vec<&[f64]> = values.chunks(20).collect();
            let moved: Vec<f64> = columns[1].iter().map(|v| v * scale + shift).collect();
            let plain = Components::fit(&Rows::new(&columns).unwrap(), 0.65).unwrap();
            let other = Components::fit(&Rows::new(&[columns[0], &moved, columns[2]]).unwrap(), 0.65).unwrap();
            prop_assert!((plain.reference().mean - other.reference().mean).abs() < 1e-6);
        }
    }
}
