//! Logistic regression with a squared penalty, small enough to be exact: the objective of scikit-learn's
//! `LogisticRegression`, minimised by Newton's method.

use nalgebra::{DMatrix, DVector};

/// Newton's method needs five to ten steps; where it has not arrived after so many, it will not.
const MOST_STEPS: usize = 100;

/// A regression that tells two kinds of rows apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Logistic {
    /// The intercept, then a weight for each column.
    weights: DVector<f64>,
}

impl Logistic {
    /// Minimises the sum of log(1 + exp(-y f)) over rows, with y = 1 where `labels` holds and -1 elsewhere, and half of
    /// `penalty` times the squared weights, the intercept left free. None where that has no finite solution, which a
    /// positive penalty and both labels exclude but for columns that are not standardised.
    pub(super) fn fit(rows: &[Vec<f64>], labels: &[bool], penalty: f64) -> Option<Self> {
        let columns = rows.first()?.len();
        let design = DMatrix::from_row_iterator(
            rows.len(),
            columns + 1,
            rows.iter().flat_map(|row| std::iter::once(1.0).chain(row.iter().copied())),
        );
        let signs = DVector::from_iterator(labels.len(), labels.iter().map(|label| if *label { 1.0 } else { -1.0 }));
        let mut weights = DVector::zeros(columns + 1);
        let mut loss = objective(&design, &signs, &weights, penalty);
        for _ in 0..MOST_STEPS {
            let step = newton_step(&design, &signs, &weights, penalty)?;
            let (next, next_loss) = descend(&design, &signs, &weights, &step, penalty, loss)?;
            let moved = (&next - &weights).amax();
            (weights, loss) = (next, next_loss);
            // Each step squares the distance that is left.
            if moved <= 1e-9 * (1.0 + weights.amax()) {
                return Some(Self { weights });
            }
        }
        None
    }

    /// How much a row looks like those with the label: the logarithm of the odds.
    pub(super) fn score(&self, row: &[f64]) -> f64 {
        std::iter::once(&1.0).chain(row).zip(self.weights.iter()).map(|(value, weight)| value * weight).sum()
    }

    /// The intercept, then a weight for each column.
    #[cfg(test)]
    pub(super) fn weights(&self) -> &[f64] {
        self.weights.as_slice()
    }
}

fn objective(design: &DMatrix<f64>, signs: &DVector<f64>, weights: &DVector<f64>, penalty: f64) -> f64 {
    let margins = (design * weights).component_mul(signs);
    // log(1 + exp(-m)) without overflow.
    let losses = margins.iter().map(|m| (-m.abs()).exp().ln_1p() + (-m).max(0.0));
    losses.sum::<f64>() + 0.5 * penalty * weights.iter().skip(1).map(|w| w * w).sum::<f64>()
}

/// The solution of Hessian times step = -gradient.
fn newton_step(
    design: &DMatrix<f64>,
    signs: &DVector<f64>,
    weights: &DVector<f64>,
    penalty: f64,
) -> Option<DVector<f64>> {
    let margins = (design * weights).component_mul(signs);
    let wrong = margins.map(|m| 1.0 / (1.0 + m.exp()));
    let mut descent = design.tr_mul(&wrong.component_mul(signs));
    let mut weighted = design.clone();
    for (mut row, share) in weighted.row_iter_mut().zip(wrong.iter()) {
        row *= share * (1.0 - share);
    }
    let mut hessian = design.tr_mul(&weighted);
    for place in 1..weights.len() {
        descent[place] -= penalty * weights[place];
        hessian[(place, place)] += penalty;
    }
    Some(hessian.cholesky()?.solve(&descent))
}

/// The weights after the step, halved until the loss does not grow, and that loss.
fn descend(
    design: &DMatrix<f64>,
    signs: &DVector<f64>,
    weights: &DVector<f64>,
    step: &DVector<f64>,
    penalty: f64,
    loss: f64,
) -> Option<(DVector<f64>, f64)> {
    let mut share = 1.0;
    // Less than 2^-60 of a step moves nothing.
    for _ in 0..60 {
        let next = weights + step * share;
        let next_loss = objective(design, signs, &next, penalty);
        // Close to the solution the loss changes by less than its rounding.
        if next_loss.is_finite() && next_loss <= loss + 1e-12 * loss.abs() {
            return Some((next, next_loss));
        }
        share *= 0.5;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_columns_that_tell_anything_the_intercept_is_the_logarithm_of_the_odds() {
        // Three of four rows have the label: log 3.
        let fitted = Logistic::fit(&vec![vec![0.0]; 4], &[true, true, true, false], 1.0).unwrap();
        assert!((fitted.weights()[0] - 3.0_f64.ln()).abs() < 1e-12);
        assert_eq!(fitted.weights()[1], 0.0);
        assert!((fitted.score(&[9.0]) - 3.0_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn rows_that_are_told_apart_without_error_have_a_solution_too() {
        let rows: Vec<Vec<f64>> = (-10..10).map(|i| vec![f64::from(i) + 0.5]).collect();
        let labels: Vec<bool> = rows.iter().map(|row| row[0] > 0.0).collect();
        let fitted = Logistic::fit(&rows, &labels, 1e-6).unwrap();
        assert!(fitted.weights()[1] > 5.0);
        assert!(fitted.weights()[0].abs() < 1e-6);
    }

    #[test]
    fn one_label_only_has_no_finite_solution() {
        assert_eq!(Logistic::fit(&[vec![1.0], vec![2.0]], &[true, true], 1.0), None);
        assert_eq!(Logistic::fit(&[], &[], 1.0), None);
    }
}
