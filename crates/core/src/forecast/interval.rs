//! Prediction intervals by split conformal prediction: the candidate's errors on hours it was not fitted on.
//!
//! The width of a step is a quantile of the absolute errors that rolling origins made at that step and its neighbours,
//! at the rank that covers a further error drawn like them (Lei et al. 2018, arXiv 1604.04173). Hours are neither
//! independent nor drawn alike for ever, so the coverage is approximate, and it lapses when the series drifts: nothing
//! here adapts between two trainings.

use serde::{Deserialize, Serialize};

use super::ridge::Ridge;
use crate::history::History;
use crate::time::{Cadence, DAY, HOUR, Timestamp};

/// Hours between two origins of the holdout, and from the time of day served to the furthest that counts.
const NEAR_HOURS: i64 = 3;
/// Hours before and after a step whose errors count for it too.
const NEIGHBOUR_HOURS: i64 = 3;
/// The fewest errors that a 95 % interval can be read from: with fewer its rank lies beyond the largest.
const FEWEST: usize = 19;

/// Half widths of the intervals around each step of a forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Intervals {
    steps: Vec<HalfWidths>,
}

/// Half widths around one step, in the series' unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HalfWidths {
    /// Of the interval that covers half of the values.
    pub half_50: f64,
    /// Of the interval that covers 80 % of the values.
    pub half_80: f64,
    /// Of the interval that covers 95 % of the values.
    pub half_95: f64,
}

/// Too few errors to learn an interval from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the holdout has {errors} errors of step {step}, and an interval needs {FEWEST}: raise forecast.holdout_days")]
pub struct TooFewErrors {
    /// The step of the horizon, from 0.
    pub step: usize,
    /// Errors that are there.
    pub errors: usize,
}

impl Intervals {
    /// Learns the widths from the forecasts of `candidate` for the hours from `from` to the end of the history.
    ///
    /// # Errors
    /// Where these hours are too few, or too few of them were measured.
    pub fn learn(candidate: &Ridge, history: &History, from: Timestamp) -> Result<Self, TooFewErrors> {
        debug_assert!(candidate.trained_until() <= from, "the errors must be out of sample");
        let errors = absolute_errors(candidate, history, from);
        let reach = neighbours(history.cadence());
        let widths = |step: usize| {
            let near = step.saturating_sub(reach)..(step + reach + 1).min(errors.len());
            let mut pooled: Vec<f64> = errors[near].iter().flatten().copied().collect();
            if pooled.len() < FEWEST || errors[step].is_empty() {
                return Err(TooFewErrors { step, errors: pooled.len() });
            }
            pooled.sort_by(f64::total_cmp);
            Ok(HalfWidths {
                half_50: conformal_quantile(&pooled, 0.5),
                half_80: conformal_quantile(&pooled, 0.8),
                half_95: conformal_quantile(&pooled, 0.95),
            })
        };
        Ok(Self { steps: (0..errors.len()).map(widths).collect::<Result<_, _>>()? })
    }

    /// The half widths by step of the horizon.
    pub fn steps(&self) -> &[HalfWidths] {
        &self.steps
    }
}

/// The candidate's absolute errors by step of the horizon, over origins from `from` on.
fn absolute_errors(candidate: &Ridge, history: &History, from: Timestamp) -> Vec<Vec<f64>> {
    let mut errors = vec![Vec::new(); candidate.horizon_steps()];
    for origin in origins(history, from) {
        // An origin in a gap makes no forecast, and so no error.
        for (step, value) in candidate.predict(history, origin).unwrap_or_default().into_iter().enumerate() {
            let target = origin.plus(step as i64 * history.cadence().seconds());
            errors[step].extend(history.at(target).map(|actual| (actual - value).abs()));
        }
    }
    errors
}

/// Origins from `from` to the end of the history, near the time of day of that end, at which the model will serve.
fn origins(history: &History, from: Timestamp) -> Vec<Timestamp> {
    let between = (NEAR_HOURS * HOUR).max(history.cadence().seconds());
    let all = (0..).map(|count| from.plus(count * between)).take_while(|origin| *origin < history.end());
    let is_near = |origin: &Timestamp| {
        let apart = history.end().since(*origin).rem_euclid(DAY);
        apart.min(DAY - apart) <= NEAR_HOURS * HOUR
    };
    all.filter(is_near).collect()
}

fn neighbours(cadence: Cadence) -> usize {
    (NEIGHBOUR_HOURS * HOUR / cadence.seconds()).max(1) as usize
}

/// The error of rank `ceil((n + 1) level)` among `n` sorted errors, the largest where there is none of that rank.
fn conformal_quantile(sorted: &[f64], level: f64) -> f64 {
    let rank = ((sorted.len() + 1) as f64 * level).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len()) - 1).copied().unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantile_has_the_conformal_rank() {
        // Ranks ceil(20 x .5) = 10, ceil(20 x .8) = 16, ceil(20 x .95) = 19 of 1..19.
        let errors: Vec<f64> = (1..=19).map(f64::from).collect();
        assert_eq!([0.5, 0.8, 0.95].map(|level| conformal_quantile(&errors, level)), [10.0, 16.0, 19.0]);
    }

    #[test]
    fn the_largest_error_stands_in_for_a_rank_beyond_it() {
        assert_eq!(conformal_quantile(&[1.0, 2.0], 0.95), 2.0);
    }
}
