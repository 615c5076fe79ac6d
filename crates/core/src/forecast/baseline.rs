//! Naive forecasts: what every model has to beat.
//!
//! Gaps are filled as for the model. A baseline is `None` where less than half of the days that it repeats was
//! measured.

use super::recent::{LAG_DAYS, Recent};
use crate::history::History;
use crate::time::{Cadence, Timestamp};

/// A naive forecast of `steps` steps from an origin.
pub type Baseline = fn(&History, Timestamp, usize) -> Option<Vec<f64>>;

/// The naive forecasts that evaluation compares with, by name.
pub const BASELINES: [(&str, Baseline); 3] =
    [("previous_day", previous_day), ("previous_week", previous_week), ("usual_week", usual_week)];

/// Every naive forecast from an origin, by name; none where one of them has none, since they are compared on the same
/// origins.
pub fn all(history: &History, origin: Timestamp, steps: usize) -> Option<Vec<(&'static str, Vec<f64>)>> {
    BASELINES.into_iter().map(|(name, baseline)| Some((name, baseline(history, origin, steps)?))).collect()
}

/// The last day, repeated.
pub fn previous_day(history: &History, origin: Timestamp, steps: usize) -> Option<Vec<f64>> {
    repeated(history, origin, steps, 1)
}

/// The last week, repeated.
pub fn previous_week(history: &History, origin: Timestamp, steps: usize) -> Option<Vec<f64>> {
    repeated(history, origin, steps, 7)
}

/// The last day's level times the usual shape of the week, which is the mean of the last four weeks.
///
/// Where a value is negative or the level is zero, the shape is moved to the level instead: stretching needs one sign.
pub fn usual_week(history: &History, origin: Timestamp, steps: usize) -> Option<Vec<f64>> {
    let recent = Recent::before(history, origin).ok().filter(|r| r.is_mostly_measured(LAG_DAYS))?;
    let month = recent.days(LAG_DAYS)?;
    let per_day = history.cadence().per_day();
    let week = mean_week(month, per_day);
    let level = mean(&month[month.len() - per_day..]);
    let usual = mean(&week[week.len() - per_day..]);
    if !(usual > 0.0 && month.iter().all(|v| *v >= 0.0)) {
        return Some(moved_week(month, history.cadence(), steps, 1.0));
    }
    Some((0..steps).map(|step| level * week[step % week.len()] / usual).collect())
}

/// The last day's level with a share of the usual shape of the week, 1 for the whole of it. The shape is moved, not
/// stretched, to the level: so it is linear in the values, which the start of a linear model has to be.
///
/// `month` is the last four weeks, oldest first.
pub(crate) fn moved_week(month: &[f64], cadence: Cadence, steps: usize, share: f64) -> Vec<f64> {
    let per_day = cadence.per_day();
    let week = mean_week(month, per_day);
    let level = mean(&month[month.len() - per_day..]);
    let usual = mean(&week[week.len() - per_day..]);
    (0..steps).map(|step| level + share * (week[step % week.len()] - usual)).collect()
}

/// The newest days of these values, repeated.
pub(crate) fn repeated_days(values: &[f64], cadence: Cadence, steps: usize, days: usize) -> Vec<f64> {
    values[values.len() - days * cadence.per_day()..].iter().copied().cycle().take(steps).collect()
}

fn repeated(history: &History, origin: Timestamp, steps: usize, days: i64) -> Option<Vec<f64>> {
    let recent = Recent::before(history, origin).ok().filter(|r| r.is_mostly_measured(days))?;
    let last = recent.days(days)?;
    Some(last.iter().copied().cycle().take(steps).collect())
}

/// The mean of the weeks of `month`, step by step, beginning with the step that follows it.
fn mean_week(month: &[f64], per_day: usize) -> Vec<f64> {
    let steps = 7 * per_day;
    let weeks = (month.len() / steps) as f64;
    (0..steps).map(|step| month.iter().skip(step).step_by(steps).sum::<f64>() / weeks).collect()
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY, HOUR};

    fn start() -> Timestamp {
        "2021-01-01".parse().unwrap()
    }

    fn hourly(hours: i32) -> History {
        History::new(start(), Cadence::Hour, (0..hours).map(f64::from).collect())
    }

    #[test]
    fn the_previous_day_is_repeated_over_the_whole_horizon() {
        let forecast = previous_day(&hourly(48), start().plus(2 * DAY), 30).unwrap();
        let expected: Vec<f64> = (24..48).chain(24..30).map(f64::from).collect();
        assert_eq!(forecast, expected);
    }

    #[test]
    fn the_previous_week_gives_the_same_hours_of_the_week_before() {
        let forecast = previous_week(&hourly(400), start().plus(300 * HOUR), 96).unwrap();
        let expected: Vec<f64> = (132..228).map(f64::from).collect();
        assert_eq!(forecast, expected);
    }

    #[test]
    fn the_usual_week_keeps_the_shape_and_takes_the_level_of_the_last_day() {
        // Values 1..7 by day of the week for three weeks, then a week at twice the level. The mean week is
        // (3 d + 2 d) / 4 = 1.25 d; the last day's level is 14 against a usual 8.75, so day d is 1.25 d x 1.6 = 2 d.
        let day = |d: usize| ((d % 7 + 1) * if d < 21 { 1 } else { 2 }) as f64;
        let values = (0..28).map(day).collect();
        let history = History::new(start(), Cadence::Day, values);
        let forecast = usual_week(&history, start().plus(28 * DAY), 9).unwrap();
        let expected = [2.0, 4.0, 6.0, 8.0, 10.0, 12.0, 14.0, 2.0, 4.0];
        assert!(forecast.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-12), "{forecast:?}");
    }

    #[test]
    fn the_moved_week_adds_the_change_of_level() {
        // As above: the mean week is 1.25 d and the level rose from 8.75 to 14.
        let month: Vec<f64> = (0..28).map(|d| ((d % 7 + 1) * if d < 21 { 1 } else { 2 }) as f64).collect();
        assert_eq!(moved_week(&month, Cadence::Day, 2, 1.0), [1.25 + 5.25, 2.5 + 5.25]);
        // Half of the shape: 14 + (1.25 - 8.75) / 2 and 14 + (2.5 - 8.75) / 2.
        assert_eq!(moved_week(&month, Cadence::Day, 2, 0.5), [10.25, 10.875]);
    }

    #[test]
    fn too_little_history_gives_no_forecast() {
        let origin = start().plus(6 * DAY);
        assert!(previous_day(&hourly(144), origin, 96).is_some());
        assert!(previous_week(&hourly(144), origin, 96).is_none());
        assert!(usual_week(&hourly(144), origin, 96).is_none());
    }

    #[test]
    fn a_day_that_was_mostly_not_measured_is_not_repeated() {
        let mut values = vec![1.0; 240];
        values[217..230].fill(f64::NAN);
        let history = History::new(start(), Cadence::Hour, values);
        assert!(previous_day(&history, start().plus(10 * DAY), 24).is_none());
    }

    #[test]
    fn nothing_at_or_after_the_origin_changes_a_baseline() {
        let (origin, mut values) = (start().plus(30 * DAY), vec![5.0; 800]);
        values.iter_mut().enumerate().for_each(|(i, v)| *v += (i % 24) as f64);
        let mut changed = values.clone();
        changed[720..].fill(1e6);
        let [known, future] = [values, changed].map(|v| History::new(start(), Cadence::Hour, v));
        for (name, baseline) in BASELINES {
            assert_eq!(baseline(&known, origin, 96), baseline(&future, origin, 96), "{name}");
        }
    }
}
