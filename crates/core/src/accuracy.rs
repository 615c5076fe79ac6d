//! Whether one forecast is better than another by more than chance: the test of Diebold and Mariano on paired losses.
//!
//! Diebold and Mariano (1995), "Comparing predictive accuracy", with the long-run variance of Newey and West (1987),
//! which is never negative, and the correction for few origins and Student's distribution of Harvey, Leybourne and
//! Newbold (1997). It compares forecasts, not models: a model that was chosen on the same origins is flattered.

use serde::{Deserialize, Serialize};

use crate::tail;

/// With fewer origins than this nothing is said.
pub const FEWEST_ORIGINS: usize = 8;

/// How a champion and a challenger compare. Gains are positive where the challenger is better.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Origins compared.
    pub origins: usize,
    /// Steps over which differences were taken to depend on each other.
    pub lags: usize,
    /// The champion's mean loss less the challenger's, in the unit of the losses.
    pub gain: f64,
    /// The standard error of the gain, with the correction for few origins.
    pub standard_error: f64,
    /// The gain over its standard error.
    pub statistic: f64,
    /// The gain as a share of the champion's mean loss: the effect size.
    pub relative_gain: f64,
    /// What the relative gain is at least, with the confidence asked for. The champion's mean loss counts as known.
    pub relative_gain_at_least: f64,
    /// The chance of such a gain if the challenger were no better.
    pub p_better: f64,
    /// The chance of such a difference either way if both were equally good.
    pub p_different: f64,
}

/// Why losses cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Insufficient {
    /// The losses are no pairs.
    #[error("{champion} losses of the champion cannot be paired with {challenger} of the challenger")]
    Unpaired {
        /// The champion's.
        champion: usize,
        /// The challenger's.
        challenger: usize,
    },
    /// A loss is NaN or infinite.
    #[error("a loss of origin {origin} is not finite")]
    NotFinite {
        /// Its place, from 0.
        origin: usize,
    },
    /// There are too few origins.
    #[error("{origins} origins are too few; there have to be at least {FEWEST_ORIGINS}")]
    Origins {
        /// How many there are.
        origins: usize,
    },
    /// Dependence that reaches over all origins leaves none that is independent.
    #[error("{origins} origins are too few where {lags} neighbours depend on each other")]
    Lags {
        /// Steps of dependence.
        lags: usize,
        /// How many origins there are.
        origins: usize,
    },
    /// Both forecasts have the same loss at every origin.
    #[error("both forecasts have the same losses")]
    Identical,
    /// The difference does not vary, or beyond all numbers, so that nothing is known of chance.
    #[error("the losses differ by {gain} at every origin alike")]
    NoVariance {
        /// The champion's mean loss less the challenger's.
        gain: f64,
    },
    /// There is nothing that a gain could be a share of.
    #[error("the champion's mean loss is {mean}, which a gain cannot be a share of")]
    NoLoss {
        /// The champion's mean loss.
        mean: f64,
    },
    /// The confidence is no chance above a half.
    #[error("the confidence is {0} and has to be at least a half and below 1")]
    Confidence(f64),
}

/// Compares the losses of two forecasts, each the mean over an origin's hours, of the same origins in the order of
/// time.
///
/// `lags` is how many following origins share hours with one: 3 where 96 hours are forecast once a day. More where
/// losses also depend on each other otherwise ([`usual_lags`]). `confidence` is that of the lower bound, such as 0.95.
///
/// # Errors
/// Where nothing can be said, for the reason that is returned.
pub fn compare(champion: &[f64], challenger: &[f64], lags: usize, confidence: f64) -> Result<Comparison, Insufficient> {
    check(champion, challenger, lags, confidence)?;
    let origins = champion.len();
    let n = origins as f64;
    let differences: Vec<f64> = champion.iter().zip(challenger).map(|(old, new)| old - new).collect();
    let champion_mean = champion.iter().sum::<f64>() / n;
    if champion_mean <= 0.0 || !champion_mean.is_finite() {
        return Err(Insufficient::NoLoss { mean: champion_mean });
    }
    let gain = differences.iter().sum::<f64>() / n;
    let variance = long_run_variance(&differences, gain, lags).max(0.0);
    // What rounding leaves of differences that are all the same, or cancel each other exactly, is no variance.
    let rounding = f64::EPSILON * champion.iter().chain(challenger).fold(0.0_f64, |size, loss| size.max(loss.abs()));
    if variance.sqrt() <= 4.0 * rounding || !variance.is_finite() {
        return Err(Insufficient::NoVariance { gain });
    }
    // Harvey, Leybourne and Newbold, equation 9, with a horizon of one step more than the dependence reaches.
    let horizon = lags as f64 + 1.0;
    let correction = ((n + 1.0 - 2.0 * horizon + horizon * (horizon - 1.0) / n) / n).sqrt();
    let standard_error = (variance / n).sqrt() / correction;
    let statistic = gain / standard_error;
    let margin = tail::student_quantile(1.0 - confidence, n - 1.0) * standard_error;
    Ok(Comparison {
        origins,
        lags,
        gain,
        standard_error,
        statistic,
        relative_gain: gain / champion_mean,
        relative_gain_at_least: (gain - margin) / champion_mean,
        p_better: tail::student(statistic, n - 1.0),
        p_different: 2.0 * tail::student(statistic.abs(), n - 1.0),
    })
}

/// The number of lags that grows with the origins as Newey and West (1994) have it: 4 (n/100)^(2/9), rounded down.
pub fn usual_lags(origins: usize) -> usize {
    (4.0 * (origins as f64 / 100.0).powf(2.0 / 9.0)).floor() as usize
}

fn check(champion: &[f64], challenger: &[f64], lags: usize, confidence: f64) -> Result<(), Insufficient> {
    let origins = champion.len();
    if origins != challenger.len() {
        return Err(Insufficient::Unpaired { champion: origins, challenger: challenger.len() });
    }
    if let Some(origin) = champion.iter().zip(challenger).position(|(a, b)| !a.is_finite() || !b.is_finite()) {
        return Err(Insufficient::NotFinite { origin });
    }
    if origins < FEWEST_ORIGINS {
        return Err(Insufficient::Origins { origins });
    }
    if lags >= origins - 1 {
        return Err(Insufficient::Lags { lags, origins });
    }
    if champion == challenger {
        return Err(Insufficient::Identical);
    }
    if !(0.5..1.0).contains(&confidence) {
        return Err(Insufficient::Confidence(confidence));
    }
    Ok(())
}

/// The variance of the mean times the number of values, of values that depend on each other over `lags` steps: Newey
/// and West (1987), weights of Bartlett, no correction of the degrees of freedom.
fn long_run_variance(values: &[f64], mean: f64, lags: usize) -> f64 {
    let n = values.len() as f64;
    let centred: Vec<f64> = values.iter().map(|v| v - mean).collect();
    let covariance =
        |lag: usize| centred.iter().skip(lag).zip(&centred).map(|(late, early)| late * early).sum::<f64>() / n;
    let weight = |lag: usize| 1.0 - lag as f64 / (lags as f64 + 1.0);
    (1..=lags).fold(covariance(0), |sum, lag| sum + 2.0 * weight(lag) * covariance(lag))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ten_differences_worked_by_hand_without_dependence() {
        // Differences 1 and 3 in turn: mean 2, variance 1, standard error sqrt(1/10) / sqrt(9/10) = 1/3, statistic 6.
        let champion = [5.0; 10];
        let challenger: Vec<f64> = (0..10).map(|i| if i % 2 == 0 { 4.0 } else { 2.0 }).collect();
        let found = compare(&champion, &challenger, 0, 0.95).unwrap();
        assert!((found.gain - 2.0).abs() < 1e-12 && (found.relative_gain - 0.4).abs() < 1e-12);
        assert!((found.standard_error - 1.0 / 3.0).abs() < 1e-12);
        assert!((found.statistic - 6.0).abs() < 1e-12);
        assert!(found.relative_gain_at_least > 0.27 && found.relative_gain_at_least < 0.28);
    }

    #[test]
    fn what_cannot_be_compared_is_told_with_its_reason() {
        let rising: Vec<f64> = (1..=10).map(f64::from).collect();
        let higher: Vec<f64> = rising.iter().map(|v| v + 0.1).collect();
        let of = |a: &[f64], b: &[f64], lags| compare(a, b, lags, 0.95).unwrap_err();
        assert_eq!(of(&rising, &rising, 0), Insufficient::Identical);
        assert!(matches!(of(&higher, &rising, 2), Insufficient::NoVariance { gain } if (gain - 0.1).abs() < 1e-9));
        assert_eq!(of(&rising[..7], &higher[..7], 0), Insufficient::Origins { origins: 7 });
        assert_eq!(of(&rising, &higher[..9], 0), Insufficient::Unpaired { champion: 10, challenger: 9 });
        assert_eq!(of(&rising, &higher, 9), Insufficient::Lags { lags: 9, origins: 10 });
        let mut gap = rising.clone();
        gap[3] = f64::NAN;
        assert_eq!(of(&gap, &rising, 0), Insufficient::NotFinite { origin: 3 });
        assert_eq!(of(&[0.0; 10], &rising, 0), Insufficient::NoLoss { mean: 0.0 });
        assert_eq!(compare(&rising, &[1.0; 10], 0, 1.0), Err(Insufficient::Confidence(1.0)));
    }

    #[test]
    fn a_hundred_origins_have_four_usual_lags() {
        assert_eq!(usual_lags(100), 4);
        assert_eq!(usual_lags(0), 0);
    }

    proptest! {
        #[test]
        fn champion_and_challenger_changed_over_mirror_the_answer(
            pairs in proptest::collection::vec((0.1..9.0_f64, 0.1..9.0_f64), 10..80), lags in 0..6_usize,
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let (there, back) = (compare(&a, &b, lags, 0.9).unwrap(), compare(&b, &a, lags, 0.9).unwrap());
            prop_assert!((there.gain + back.gain).abs() < 1e-12);
            prop_assert!((there.p_better + back.p_better - 1.0).abs() < 1e-9);
            prop_assert!((there.p_different - back.p_different).abs() < 1e-9);
            prop_assert!(there.relative_gain_at_least < there.relative_gain);
        }

        #[test]
        fn the_answer_has_no_unit(
            pairs in proptest::collection::vec((0.1..9.0_f64, 0.1..9.0_f64), 10..80), scale in 0.01..100.0_f64,
        ) {
            let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let scaled = |v: &[f64]| v.iter().map(|x| x * scale).collect::<Vec<_>>();
            let (plain, other) = (compare(&a, &b, 3, 0.9).unwrap(), compare(&scaled(&a), &scaled(&b), 3, 0.9).unwrap());
            prop_assert!((plain.p_better - other.p_better).abs() < 1e-9);
            prop_assert!((plain.relative_gain - other.relative_gain).abs() < 1e-9);
        }
    }
}
