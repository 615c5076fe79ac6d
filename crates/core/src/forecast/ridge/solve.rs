//! The ridge solution from normal equations.
//!
//! The solution is exact by the Cholesky factor, and cannot be rank deficient. Where there is one target, the last step
//! is linfa's least squares on the factor. A horizon of hours has 96 sets of equations of some two hundred features
//! each: there the factor and both substitutions are nalgebra's, which take a sixteenth of linfa's time. A test holds
//! one against the other.

use linfa::Dataset;
use linfa::traits::Fit;
use linfa_linalg::cholesky::Cholesky;
use linfa_linalg::triangular::{SolveTriangular, UPLO};
use linfa_linear::LinearRegression;
use nalgebra::{DMatrix, DVector};
use ndarray::{Array1, Array2, Axis};

/// Normal equations that have no solution in finite numbers.
#[derive(Debug, thiserror::Error)]
pub enum SolveError {
    /// The matrix or the right-hand side holds a value that is no number.
    #[error("the normal equations hold a value that is not finite")]
    NotFinite,
    /// The matrix is not positive definite.
    #[error("the normal equations cannot be factored")]
    NotDefinite,
    /// The matrix is not positive definite.
    #[error("the normal equations cannot be factored")]
    Factor(#[from] linfa_linalg::LinalgError),
    /// The least squares failed.
    #[error("the least squares failed")]
    LeastSquares(#[from] linfa_linear::LinearError<f64>),
}

/// Solves `(G + diag(penalty)) w = m`, with `G = X'WX` and `m = X'Wy`, by linfa's least squares.
///
/// With the Cholesky factor `L` of the left side, the least squares of `L'` against `L^-1 m` has exactly this solution,
/// cannot be rank deficient, and is as small as the number of features whatever the number of hours.
///
/// # Errors
/// Where the equations are not finite, or not positive definite, which a positive penalty excludes but for rounding.
pub(crate) fn solve(
    mut gram: Array2<f64>,
    moments: Array1<f64>,
    penalty: &Array1<f64>,
) -> Result<Array1<f64>, SolveError> {
    check(&gram, &moments)?;
    let mut diagonal = gram.diag_mut();
    diagonal += penalty;
    let factor = gram.cholesky()?;
    let target = factor.solve_triangular(&moments.insert_axis(Axis(1)), UPLO::Lower)?;
    let square = Dataset::new(factor.reversed_axes(), target.remove_axis(Axis(1)));
    let fitted = LinearRegression::new().with_intercept(false).fit(&square)?;
    finite(fitted.params().to_owned())
}

/// Solves the same equations as [`solve`], faster: for those of every step of a horizon.
///
/// # Errors
/// As [`solve`].
pub(crate) fn solve_fast(
    gram: Array2<f64>,
    moments: &Array1<f64>,
    penalty: &Array1<f64>,
) -> Result<Array1<f64>, SolveError> {
    check(&gram, moments)?;
    let width = moments.len();
    // The matrix is symmetric: rows may be read as columns.
    let mut left = DMatrix::from_iterator(width, width, gram);
    for (place, penalty) in penalty.iter().enumerate() {
        left[(place, place)] += penalty;
    }
    let factor = left.cholesky().ok_or(SolveError::NotDefinite)?;
    let solved = factor.solve(&DVector::from_iterator(width, moments.iter().copied()));
    finite(solved.iter().copied().collect())
}

fn check(gram: &Array2<f64>, moments: &Array1<f64>) -> Result<(), SolveError> {
    if gram.iter().chain(moments).all(|v| v.is_finite()) { Ok(()) } else { Err(SolveError::NotFinite) }
}

fn finite(weights: Array1<f64>) -> Result<Array1<f64>, SolveError> {
    if weights.iter().all(|w| w.is_finite()) { Ok(weights) } else { Err(SolveError::NotFinite) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn both(gram: Array2<f64>, moments: Array1<f64>, penalty: &Array1<f64>) -> [Result<Array1<f64>, SolveError>; 2] {
        [solve_fast(gram.clone(), &moments, penalty), solve(gram, moments, penalty)]
    }

    #[test]
    fn the_solution_is_that_of_the_normal_equations() {
        // X = [[1, 2], [3, 4], [5, 6]], y = (1, 2, 4), penalty 1: X'X = [[35, 44], [44, 56]], X'y = (27, 34). By
        // Cramer's rule on [[36, 44], [44, 57]]: det = 116, w = (27 57 - 44 34, 36 34 - 44 27) / 116 = (43, 36) / 116.
        for weights in both(array![[35.0, 44.0], [44.0, 56.0]], array![27.0, 34.0], &array![1.0, 1.0]) {
            let weights = weights.unwrap();
            assert!((weights[0] - 43.0 / 116.0).abs() < 1e-12, "{weights}");
            assert!((weights[1] - 36.0 / 116.0).abs() < 1e-12, "{weights}");
        }
    }

    #[test]
    fn a_doubled_feature_shares_its_weight() {
        // x = (1, 2) twice, y = (1, 2), penalty 1: both weights are 5 / (10 + 1).
        for weights in both(array![[5.0, 5.0], [5.0, 5.0]], array![5.0, 5.0], &array![1.0, 1.0]) {
            assert!(weights.unwrap().iter().all(|w| (w - 5.0 / 11.0).abs() < 1e-12));
        }
    }

    #[test]
    fn the_fast_solution_equals_that_of_linfa() {
        // Forty rows of thirty features, so that the penalty matters, with values from -1 to 1 without a pattern.
        let rows = Array2::from_shape_fn((40, 30), |(i, j)| ((i * 7_919 + j * 104_729 + i * j * 31) % 1_000) as f64);
        let rows = rows / 500.0 - 1.0;
        let [fast, linfa] = both(rows.t().dot(&rows), rows.t().dot(&rows.column(3)), &Array1::from_elem(30, 0.5));
        let (fast, linfa) = (fast.unwrap(), linfa.unwrap());
        assert!(fast.iter().zip(&linfa).all(|(a, b)| (a - b).abs() < 1e-12), "{fast} and {linfa}");
    }

    #[test]
    fn equations_that_are_not_finite_are_refused() {
        for refused in both(array![[f64::NAN]], array![1.0], &array![1.0]) {
            assert!(matches!(refused, Err(SolveError::NotFinite)));
        }
    }

    #[test]
    fn equations_that_are_not_positive_definite_are_refused() {
        for refused in both(array![[1.0, 2.0], [2.0, 1.0]], array![1.0, 1.0], &array![0.0, 0.0]) {
            assert!(matches!(refused, Err(SolveError::Factor(_) | SolveError::NotDefinite)));
        }
    }
}
