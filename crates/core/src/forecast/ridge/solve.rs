//! The ridge solution from normal equations, by linfa's least squares.

use linfa::Dataset;
use linfa::traits::Fit;
use linfa_linalg::cholesky::Cholesky;
use linfa_linalg::triangular::{SolveTriangular, UPLO};
use linfa_linear::LinearRegression;
use ndarray::{Array1, Array2, Axis};

/// Normal equations that have no solution in finite numbers.
#[derive(Debug, thiserror::Error)]
pub enum SolveError {
    /// The matrix or the right-hand side holds a value that is no number.
    #[error("the normal equations hold a value that is not finite")]
    NotFinite,
    /// The matrix is not positive definite.
    #[error("the normal equations cannot be factored")]
    Factor(#[from] linfa_linalg::LinalgError),
    /// The least squares failed.
    #[error("the least squares failed")]
    LeastSquares(#[from] linfa_linear::LinearError<f64>),
}

/// Solves `(G + diag(penalty)) w = m`, with `G = X'WX` and `m = X'Wy`.
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
    if !gram.iter().chain(&moments).all(|v| v.is_finite()) {
        return Err(SolveError::NotFinite);
    }
    let mut diagonal = gram.diag_mut();
    diagonal += penalty;
    let factor = gram.cholesky()?;
    let target = factor.solve_triangular(&moments.insert_axis(Axis(1)), UPLO::Lower)?;
    let square = Dataset::new(factor.reversed_axes(), target.remove_axis(Axis(1)));
    let fitted = LinearRegression::new().with_intercept(false).fit(&square)?;
    let weights = fitted.params().to_owned();
    if weights.iter().all(|w| w.is_finite()) { Ok(weights) } else { Err(SolveError::NotFinite) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_solution_is_that_of_the_normal_equations() {
        // X = [[1, 2], [3, 4], [5, 6]], y = (1, 2, 4), penalty 1: X'X = [[35, 44], [44, 56]], X'y = (27, 34). By
        // Cramer's rule on [[36, 44], [44, 57]]: det = 116, w = (27 57 - 44 34, 36 34 - 44 27) / 116 = (43, 36) / 116.
        let weights = solve(array![[35.0, 44.0], [44.0, 56.0]], array![27.0, 34.0], &array![1.0, 1.0]).unwrap();
        assert!((weights[0] - 43.0 / 116.0).abs() < 1e-12, "{weights}");
        assert!((weights[1] - 36.0 / 116.0).abs() < 1e-12, "{weights}");
    }

    #[test]
    fn a_doubled_feature_shares_its_weight() {
        // x = (1, 2) twice, y = (1, 2), penalty 1: both weights are 5 / (10 + 1).
        let weights = solve(array![[5.0, 5.0], [5.0, 5.0]], array![5.0, 5.0], &array![1.0, 1.0]).unwrap();
        assert!(weights.iter().all(|w| (w - 5.0 / 11.0).abs() < 1e-12), "{weights}");
    }

    #[test]
    fn equations_that_are_not_finite_are_refused() {
        let refused = solve(array![[f64::NAN]], array![1.0], &array![1.0]);
        assert!(matches!(refused, Err(SolveError::NotFinite)));
    }

    #[test]
    fn equations_that_are_not_positive_definite_are_refused() {
        let refused = solve(array![[1.0, 2.0], [2.0, 1.0]], array![1.0, 1.0], &array![0.0, 0.0]);
        assert!(matches!(refused, Err(SolveError::Factor(_))));
    }
}
