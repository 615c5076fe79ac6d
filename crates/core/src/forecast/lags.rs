//! Which of the newest values a linear model looks at.

use crate::time::Cadence;

use super::recent::LAG_DAYS;

/// Hours before the origin that matter apart from the newest days: the same hour of earlier days, the hours around the
/// same one of the week before, and the same hour of the weeks before that.
const SINGLE_HOURS: [usize; 12] = [120, 144, 165, 166, 167, 168, 169, 170, 192, 336, 504, LAG_DAYS as usize * 24];
/// The newest hours, each of which is looked at.
const NEWEST_HOURS: usize = 96;

/// Places before the origin, in steps, 1 being the newest value.
///
/// With a cadence shorter than an hour the last half day is seen at every step and the rest at every hour, which keeps
/// the number of weights in bounds.
pub(crate) fn lags(cadence: Cadence) -> Vec<usize> {
    match cadence {
        Cadence::Hour => (1..=NEWEST_HOURS).chain(SINGLE_HOURS).collect(),
        Cadence::QuarterHour => {
            let hours = (13..=NEWEST_HOURS).chain(SINGLE_HOURS);
            (1..=48).chain(hours.map(|hours| 4 * hours)).collect()
        }
        Cadence::Day => (1..=14).chain([21, LAG_DAYS as usize]).collect(),
    }
}

/// Places before the first step that is not known of a covariate, in steps, 1 being the newest value: the last day
/// every three hours, and the same hour of some days before it.
pub(crate) fn covariate_lags(cadence: Cadence) -> Vec<usize> {
    let hours = [1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 48, 72, 168];
    match cadence {
        Cadence::Hour => hours.to_vec(),
        Cadence::QuarterHour => hours.map(|hours| 4 * hours).to_vec(),
        Cadence::Day => (1..=7).collect(),
    }
}

/// Steps between two origins that a model is trained on: an hour, or a step where that is longer.
pub(crate) fn stride(cadence: Cadence) -> usize {
    match cadence {
        Cadence::QuarterHour => 4,
        Cadence::Hour | Cadence::Day => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_lag_is_older_than_the_weeks_a_forecast_reads() {
        for cadence in [Cadence::QuarterHour, Cadence::Hour, Cadence::Day] {
            let lags = lags(cadence);
            assert!(lags.is_sorted_by(|a, b| a < b), "{cadence:?}");
            assert_eq!((lags[0], lags[lags.len() - 1]), (1, LAG_DAYS as usize * cadence.per_day()));
        }
    }

    #[test]
    fn the_stride_divides_the_day() {
        for cadence in [Cadence::QuarterHour, Cadence::Hour, Cadence::Day] {
            assert_eq!(cadence.per_day() % stride(cadence), 0, "{cadence:?}");
        }
    }
}
