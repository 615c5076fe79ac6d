//! The conformal test martingale: a capital that bets on strange values following each other, and stays near one while
//! every order of the values is as likely as any other.
//!
//! Vovk, Gammerman and Shafer (2022), "Algorithmic learning in a random world", second edition: the simple jumper
//! (algorithm 8.1) and the CUSUM form for change detection (section 8.3). By Ville's inequality the capital reaches c
//! with a chance of at most 1/c, at whatever time one looks, but only of exchangeable values: hourly errors are not
//! (measured: 147 alarms a year), daily or weekly summaries nearly are.

use serde::{Deserialize, Serialize};

/// The experts of algorithm 8.1: how steeply each bets against large p-values.
const SLOPES: [f64; 5] = [-1.0, -0.5, 0.0, 0.5, 1.0];

/// What a martingale cannot take.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum MartingaleError {
    /// The rate is no chance above 0.
    #[error("the jump rate is {0} and has to be above 0 and at most 1")]
    JumpRate(f64),
    /// A capital that is reached before the first value.
    #[error("the threshold is {0} and has to be above 1")]
    Threshold(f64),
    /// A p-value outside of 0 to 1.
    #[error("the p-value is {0} and has to lie between 0 and 1")]
    PValue(f64),
    /// The share of ties is no share.
    #[error("tau is {0} and has to lie between 0 and 1")]
    Tau(f64),
    /// A score is NaN or infinite.
    #[error("a score is {0} and has to be finite")]
    Score(f64),
}

/// The smoothed conformal p-value of a score against past scores, larger being stranger: (the number of past scores
/// above it + tau times the number equal to it, itself among them) / (their number + 1), within 0 to 1.
///
/// With tau drawn evenly from 0 to 1 the p-values of exchangeable scores are independent and even. Without a past it is
/// tau.
///
/// # Errors
/// Where a score is not finite or tau lies outside of 0 to 1.
pub fn p_value(past: &[f64], score: f64, tau: f64) -> Result<f64, MartingaleError> {
    if !(0.0..=1.0).contains(&tau) {
        return Err(MartingaleError::Tau(tau));
    }
    if let Some(score) = past.iter().chain([&score]).find(|s| !s.is_finite()) {
        return Err(MartingaleError::Score(*score));
    }
    let above = past.iter().filter(|s| **s > score).count() as f64;
    let equal = past.iter().filter(|s| **s == score).count() as f64 + 1.0;
    Ok((above + tau * equal) / (past.len() as f64 + 1.0))
}

/// The state of the simple jumper: the logarithm of what each expert holds. It starts with a capital of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SimpleJumper {
    rate: f64,
    log_shares: [f64; 5],
    log_capital: f64,
}

impl SimpleJumper {
    /// A capital of one, of which each step spreads the share `rate` evenly over the experts; the book's is 0.01.
    ///
    /// # Errors
    /// Where the rate is not above 0 and at most 1.
    pub fn new(rate: f64) -> Result<Self, MartingaleError> {
        if !(rate > 0.0 && rate <= 1.0) {
            return Err(MartingaleError::JumpRate(rate));
        }
        Ok(Self { rate, log_shares: [-(SLOPES.len() as f64).ln(); 5], log_capital: 0.0 })
    }

    /// Bets on the next p-value; the natural logarithm of the capital after it.
    ///
    /// # Errors
    /// Where the p-value lies outside of 0 to 1; the state stays as it was.
    pub fn update(&mut self, p_value: f64) -> Result<f64, MartingaleError> {
        if !(0.0..=1.0).contains(&p_value) {
            return Err(MartingaleError::PValue(p_value));
        }
        let spread = (self.rate / SLOPES.len() as f64).ln() + self.log_capital;
        let kept = (1.0 - self.rate).ln();
        for (share, slope) in self.log_shares.iter_mut().zip(SLOPES) {
            *share = log_sum(&[kept + *share, spread]) + (1.0 + slope * (p_value - 0.5)).ln();
        }
        self.log_capital = log_sum(&self.log_shares);
        Ok(self.log_capital)
    }

    /// The natural logarithm of the capital.
    pub fn log_capital(&self) -> f64 {
        self.log_capital
    }
}

/// The state of a change detector: how many times the capital has grown since it was lowest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detector {
    jumper: SimpleJumper,
    log_lowest: f64,
    log_threshold: f64,
}

impl Detector {
    /// A detector that takes a growth to more than `threshold` times the lowest capital for a change. Its first alarm
    /// on exchangeable values comes after `threshold` values or later on average.
    ///
    /// # Errors
    /// Where the jump rate is not above 0 and at most 1, or the threshold not above 1.
    pub fn new(rate: f64, threshold: f64) -> Result<Self, MartingaleError> {
        if !(threshold > 1.0 && threshold.is_finite()) {
            return Err(MartingaleError::Threshold(threshold));
        }
        Ok(Self { jumper: SimpleJumper::new(rate)?, log_lowest: 0.0, log_threshold: threshold.ln() })
    }

    /// Bets on the next p-value; the logarithm of the growth where it is a change, after which capital and growth start
    /// at one again.
    ///
    /// # Errors
    /// Where the p-value lies outside of 0 to 1; the state stays as it was.
    pub fn update(&mut self, p_value: f64) -> Result<Option<f64>, MartingaleError> {
        let log_capital = self.jumper.update(p_value)?;
        self.log_lowest = self.log_lowest.min(log_capital);
        let growth = self.log_growth();
        if growth <= self.log_threshold {
            return Ok(None);
        }
        self.jumper = SimpleJumper::new(self.jumper.rate)?;
        self.log_lowest = 0.0;
        Ok(Some(growth))
    }

    /// The natural logarithm of the growth since the capital was lowest: 0 or more.
    pub fn log_growth(&self) -> f64 {
        self.jumper.log_capital - self.log_lowest
    }
}

/// The logarithm of the sum of what these are logarithms of.
fn log_sum(logs: &[f64]) -> f64 {
    let greatest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    greatest + logs.iter().map(|log| (log - greatest).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_p_value_of_a_tie_is_worked_by_hand() {
        // Above 2: one. Equal, itself among them: two. (1 + 0.25 * 2) / 5.
        assert_eq!(p_value(&[1.0, 2.0, 3.0, 0.0], 2.0, 0.25), Ok(0.3));
        assert_eq!(p_value(&[], 2.0, 0.25), Ok(0.25));
    }

    #[test]
    fn what_is_no_score_no_share_and_no_chance_is_refused() {
        assert!(matches!(p_value(&[f64::NAN], 1.0, 0.5), Err(MartingaleError::Score(_))));
        assert_eq!(p_value(&[], 1.0, 1.5), Err(MartingaleError::Tau(1.5)));
        assert_eq!(SimpleJumper::new(0.0), Err(MartingaleError::JumpRate(0.0)));
        assert_eq!(Detector::new(0.01, 1.0), Err(MartingaleError::Threshold(1.0)));
        let mut jumper = SimpleJumper::new(0.01).unwrap();
        assert!(jumper.update(f64::NAN).is_err());
        assert_eq!(jumper.update(-0.1), Err(MartingaleError::PValue(-0.1)));
        assert_eq!(jumper, SimpleJumper::new(0.01).unwrap());
    }

    #[test]
    fn the_first_bet_of_five_even_experts_changes_nothing() {
        // The mean of 1 + slope (p - 1/2) over slopes that add up to nothing is 1.
        let mut jumper = SimpleJumper::new(0.01).unwrap();
        assert!(jumper.update(0.0).unwrap().abs() < 1e-15);
    }

    #[test]
    fn small_p_values_make_a_detector_alarm_once_and_start_again() {
        let mut detector = Detector::new(0.01, 100.0).unwrap();
        let alarms: Vec<usize> = (0..20).filter(|_| detector.update(0.01).unwrap().is_some()).collect();
        assert_eq!(alarms.len(), 1);
        assert!(detector.log_growth() < 100.0_f64.ln());
    }

    proptest! {
        #[test]
        fn a_bet_is_fair_on_even_p_values(
            history in proptest::collection::vec(0.0..=1.0_f64, 0..40), rate in 0.001..=1.0_f64,
        ) {
            // The bet is linear in the p-value: its mean over 0 to 1 is that of both ends.
            let mut jumper = SimpleJumper::new(rate).unwrap();
            history.into_iter().for_each(|p| { jumper.update(p).unwrap(); });
            let before = jumper.log_capital();
            let (low, high) = (jumper.clone().update(0.0).unwrap(), jumper.clone().update(1.0).unwrap());
            let mean = 0.5 * ((low - before).exp() + (high - before).exp());
            prop_assert!((mean - 1.0).abs() < 1e-12, "{mean}");
        }

        #[test]
        fn a_stored_state_goes_on_as_the_one_that_was_never_stored(
            p_values in proptest::collection::vec(0.0..=1.0_f64, 1..60), split in 0..60_usize,
        ) {
            let (mut through, mut stored) = (Detector::new(0.01, 5.0).unwrap(), Detector::new(0.01, 5.0).unwrap());
            for (i, p) in p_values.iter().enumerate() {
                if i == split {
                    stored = serde_json::from_str(&serde_json::to_string(&stored).unwrap()).unwrap();
                }
                prop_assert_eq!(through.update(*p), stored.update(*p));
            }
            prop_assert_eq!(through, stored);
        }
    }
}
