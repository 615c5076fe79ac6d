//! The newest weeks before an origin, with their gaps filled from what was known then.
//!
//! Nothing at or after the origin is read. The rules of filling are written once, here, so that a model is trained on
//! the same values as it forecasts from.

use crate::history::History;
use crate::time::{Cadence, DAY, HOUR, Timestamp};

/// Days of lags that a forecast is made from: four whole weeks.
pub const LAG_DAYS: i64 = 28;
/// Days of history that a forecast reads: the lags, and a week more to fill gaps among the oldest of them.
pub const NEEDED_DAYS: i64 = LAG_DAYS + 7;
/// The longest gap before an origin that is bridged; beyond it a forecast would be a guess.
const LONGEST_OPEN_GAP: i64 = DAY;
/// The longest gap that a straight line bridges: beyond it the shape of the day matters.
const LONGEST_STRAIGHT_GAP: i64 = 6 * HOUR;

/// Why the newest weeks before an origin cannot be forecast from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecentError {
    /// The origin is not a step of the series.
    #[error("the origin {origin} is not the start of a step of the series")]
    Misaligned {
        /// The origin.
        origin: Timestamp,
    },
    /// There is no value before the origin.
    #[error("there is no value before {origin}")]
    Empty {
        /// The origin.
        origin: Timestamp,
    },
    /// The newest value is too old.
    #[error("the newest value before {origin} starts at {newest}, more than {limit_hours} hours earlier")]
    Stale {
        /// The origin.
        origin: Timestamp,
        /// The newest step with a value.
        newest: Timestamp,
        /// The longest wait that is bridged.
        limit_hours: i64,
    },
}

/// The newest weeks before an origin, oldest first, gaps filled where they can be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recent {
    filled: Vec<f64>,
    measured: Vec<bool>,
    cadence: Cadence,
}

impl Recent {
    /// What was known at `origin` of the [`NEEDED_DAYS`] before it.
    pub(crate) fn before(history: &History, origin: Timestamp) -> Result<Self, RecentError> {
        let cadence = history.cadence();
        if origin.since(history.start()).rem_euclid(cadence.seconds()) != 0 {
            return Err(RecentError::Misaligned { origin });
        }
        let known = history.between(origin.plus(-NEEDED_DAYS * DAY), origin);
        let Some(newest) = known.values().iter().rposition(|v| v.is_finite()) else {
            return Err(RecentError::Empty { origin });
        };
        let newest = known.time(newest);
        if origin.since(newest) > LONGEST_OPEN_GAP + cadence.seconds() {
            return Err(RecentError::Stale { origin, newest, limit_hours: LONGEST_OPEN_GAP / HOUR });
        }
        let mut values = known.values().to_vec();
        values.resize((origin.since(known.start()) / cadence.seconds()) as usize, f64::NAN);
        let measured = values.iter().map(|v| v.is_finite()).collect();
        Ok(Self { filled: fill_gaps(&values, cadence), measured, cadence })
    }

    /// The newest `days` days, oldest first, where there are as many and none of their values is missing.
    pub(crate) fn days(&self, days: i64) -> Option<&[f64]> {
        let steps = self.steps(days);
        let newest = self.filled.get(self.filled.len().checked_sub(steps)?..)?;
        newest.iter().all(|v| v.is_finite()).then_some(newest)
    }

    /// Steps of the newest `days` days that were measured.
    pub(crate) fn measured(&self, days: i64) -> usize {
        self.measured.iter().rev().take(self.steps(days)).filter(|m| **m).count()
    }

    /// Whether at least half of the newest `days` days was measured; what is filled from less says nothing.
    pub(crate) fn is_mostly_measured(&self, days: i64) -> bool {
        2 * self.measured(days) >= self.steps(days)
    }

    fn steps(&self, days: i64) -> usize {
        days as usize * self.cadence.per_day()
    }
}

/// The values with gaps filled: a short gap between two values by a straight line, any other with the same step of the
/// week before, or of the day before. What has neither stays `NaN`.
///
/// The line needs the value that ends the gap, so a filled value holds only for origins after that one; a caller with
/// an origin inside a gap must cut the values at the origin first.
pub(crate) fn fill_gaps(values: &[f64], cadence: Cadence) -> Vec<f64> {
    let mut filled = values.to_vec();
    let straight = (LONGEST_STRAIGHT_GAP / cadence.seconds()).max(1) as usize;
    let mut from = 0;
    while from < filled.len() {
        let gap = values[from..].iter().take_while(|v| !v.is_finite()).count();
        let until = from + gap;
        if gap > 0 && gap <= straight && from > 0 && until < filled.len() && filled[from - 1].is_finite() {
            draw_line(&mut filled, from, until);
        } else {
            repeat_week(&mut filled, from, until, cadence.per_day());
        }
        from = until + 1;
    }
    filled
}

/// Fills `from..until` by the straight line between the values around it.
fn draw_line(values: &mut [f64], from: usize, until: usize) {
    let (left, right) = (values[from - 1], values[until]);
    let distance = (until - from + 1) as f64;
    for (step, value) in values[from..until].iter_mut().enumerate() {
        *value = left + (right - left) * (step + 1) as f64 / distance;
    }
}

/// Fills `from..until` with the same step of the week before, or of the day before.
fn repeat_week(values: &mut [f64], from: usize, until: usize, per_day: usize) {
    for place in from..until {
        let earlier = [7 * per_day, per_day].into_iter().filter_map(|back| place.checked_sub(back));
        if let Some(value) = earlier.map(|at| values[at]).find(|v| v.is_finite()) {
            values[place] = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: f64 = f64::NAN;

    fn hourly(values: Vec<f64>) -> History {
        History::new("2021-01-01".parse().unwrap(), Cadence::Hour, values)
    }

    fn hour(hours: i64) -> Timestamp {
        "2021-01-01".parse::<Timestamp>().unwrap().plus(hours * HOUR)
    }

    #[test]
    fn a_short_gap_is_bridged_by_a_straight_line() {
        assert_eq!(fill_gaps(&[1.0, N, N, N, 5.0], Cadence::Hour), [1.0, 2.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn a_long_gap_repeats_the_week_before() {
        let mut values: Vec<f64> = (0..400).map(f64::from).collect();
        values[200..210].fill(N);
        let filled = fill_gaps(&values, Cadence::Hour);
        assert_eq!(filled[199..211].to_vec(), [199, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 210].map(f64::from));
    }

    #[test]
    fn an_open_gap_is_not_bridged_towards_what_comes_later() {
        let mut values: Vec<f64> = (0..400).map(f64::from).collect();
        values[300] = N;
        let recent = Recent::before(&hourly(values), hour(301)).unwrap();
        // The same hour of the week before: 300 - 168. The line to hour 301 would give 300.
        assert_eq!(recent.days(1).unwrap()[23], 132.0);
    }

    #[test]
    fn a_gap_at_the_start_stays_open() {
        let filled = fill_gaps(&[N, N, 1.0], Cadence::Hour);
        assert!(filled[0].is_nan() && filled[1].is_nan());
    }

    #[test]
    fn a_newest_value_older_than_a_day_is_refused() {
        let history = hourly(vec![1.0; 1000]);
        assert!(Recent::before(&history, hour(1024)).is_ok());
        let stale = Recent::before(&history, hour(1025)).unwrap_err();
        assert_eq!(stale, RecentError::Stale { origin: hour(1025), newest: hour(999), limit_hours: 24 });
    }

    #[test]
    fn an_origin_between_two_steps_is_refused() {
        let origin = hour(10).plus(60);
        let refused = Recent::before(&hourly(vec![1.0; 100]), origin).unwrap_err();
        assert_eq!(refused, RecentError::Misaligned { origin });
    }

    #[test]
    fn a_history_of_missing_values_is_empty() {
        let origin = hour(100);
        assert_eq!(Recent::before(&hourly(vec![N; 100]), origin).unwrap_err(), RecentError::Empty { origin });
    }
}
