//! Which of the newest values a linear model looks at.

use crate::time::Cadence;

use super::recent::LAG_DAYS;

/// Places before the origin, in steps, 1 being the newest value.
///
/// Every hour of the last week and a little more, then single hours of the weeks before it. With a shorter cadence the last
/// half day is seen at every step and the rest of the week at every hour, which keeps the number of weights in bounds.
pub(crate) fn lags(cadence: Cadence) -> Vec<usize> {
    let week_and_more = 170;
    let hours = |hours: &[usize]| hours.iter().map(|h| h * cadence.per_day() / 24).collect::<Vec<_>>();
    match cadence {
        Cadence::Hour => (1..=170)
            .chain([72, 96, 120, 144, 165, 166, 167, 168, 169, 170].into_iter().filter(|l| *l > 170))
            .chain([192, 336, 504, LAG_DAYS as usize * 24])
            .collect(),
        Cadence::QuarterHour => {
            let week: Vec<usize> = (13..=week_and_more).chain([192, 336, 504, LAG_DAYS as usize * 24]).collect();
            (1..=48).chain(hours(&week)).collect()
        }
        Cadence::Day => (1..=14).chain([21, LAG_DAYS as usize]).collect(),
    }
}

/// Steps between two origins that a model is trained on. Every step for an hourly or daily series; at a quarter of an hour
/// every fifth, which still meets every time of day and keeps a fit of years within seconds.
pub(crate) fn stride(cadence: Cadence) -> usize {
    match cadence {
        Cadence::QuarterHour => 5,
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
    fn the_stride_meets_every_time_of_day() {
        // A stride shares no factor with the steps of a day.
        let (stride, per_day) = (stride(Cadence::QuarterHour), Cadence::QuarterHour.per_day());
        assert_ne!(per_day % stride, 0);
        assert_eq!(
            (0..per_day).map(|i| i * stride % per_day).collect::<std::collections::BTreeSet<_>>().len(),
            per_day
        );
    }
}
