//! Whether the times of a table cover a whole week: less compares other hours of the week, and a difference between
//! those is no drift.

use serde::Serialize;

use crate::time::{DAY, Timestamp};

/// What a comparison of hours of the week needs, in days.
pub const FEWEST_DAYS: i64 = 7;

/// The time that a table covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    /// Its earliest time.
    pub first: Timestamp,
    /// Its latest time.
    pub last: Timestamp,
    /// The distance between times that is the most common one.
    pub step_seconds: i64,
    /// Different times.
    pub steps: usize,
    /// Times that lie between the first and the last at this distance and are not there: gaps, also one that a clock
    /// put forward leaves.
    pub missing_steps: usize,
}

impl Window {
    /// The window of times in any order; none where there are fewer than two different ones.
    pub fn of(times: &[Timestamp]) -> Option<Self> {
        let mut seconds: Vec<i64> = times.iter().map(|time| time.seconds()).collect();
        seconds.sort_unstable();
        seconds.dedup();
        let (&first, &last) = (seconds.first()?, seconds.last()?);
        let step_seconds = most_common(seconds.windows(2).map(|pair| pair[1] - pair[0]).collect())?;
        let whole = ((last - first) / step_seconds + 1) as usize;
        Some(Self {
            first: Timestamp::from_seconds(first)?,
            last: Timestamp::from_seconds(last)?,
            step_seconds,
            steps: seconds.len(),
            missing_steps: whole.saturating_sub(seconds.len()),
        })
    }

    /// The seconds that its steps cover, gaps left out.
    pub fn covered_seconds(&self) -> i64 {
        self.step_seconds.saturating_mul(self.steps as i64)
    }

    /// Whether its steps come to seven days or more.
    pub fn covers_a_week(&self) -> bool {
        self.covered_seconds() >= FEWEST_DAYS * DAY
    }
}

/// The time that a text tells: RFC 3339, or a wall clock's without a zone, which is taken as UTC. Spans are all that is
/// asked of it here, and whoever needs the moment itself must refuse such a text.
pub fn time(text: &str) -> Option<Timestamp> {
    let wall_clock = || {
        let time: jiff::civil::DateTime = text.parse().ok()?;
        Timestamp::from_seconds(jiff::tz::TimeZone::UTC.to_timestamp(time).ok()?.as_second())
    };
    text.parse().ok().or_else(wall_clock)
}

/// The value that stands most often, the smallest of those.
fn most_common(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    let runs = values.chunk_by(|a, b| a == b);
    runs.rev().max_by_key(|run| run.len()).and_then(|run| run.first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::HOUR;

    fn hours(places: impl IntoIterator<Item = i64>) -> Option<Window> {
        let start: Timestamp = "2023-03-20T00:00:00Z".parse().unwrap();
        Window::of(&places.into_iter().map(|hour| start.plus(hour * HOUR)).collect::<Vec<_>>())
    }

    #[test]
    fn a_week_of_hours_is_whole_and_one_hour_less_is_not() {
        assert!(hours(0..168).unwrap().covers_a_week());
        assert!(!hours(0..167).unwrap().covers_a_week());
    }

    #[test]
    fn a_gap_takes_its_hours_from_a_week_and_is_counted() {
        let gap = hours((0..100).chain(102..168)).unwrap();
        assert_eq!((gap.missing_steps, gap.covers_a_week()), (2, false));
        assert!(hours((0..100).chain(102..170)).unwrap().covers_a_week());
    }

    #[test]
    fn times_in_any_order_and_twice_are_times_once() {
        assert_eq!(hours([3, 1, 2, 2, 0]), hours(0..4));
    }

    #[test]
    fn a_time_is_told_with_a_zone_or_without_one() {
        let start = Some("2023-03-20T00:00:00Z".parse().unwrap());
        for text in ["2023-03-20", "2023-03-20 00:00:00", "2023-03-20T01:00:00+01:00", "2023-03-20T00:00Z"] {
            assert_eq!(time(text), start, "{text}");
        }
        assert_eq!([time("wind"), time("12"), time("monday")], [None; 3]);
    }

    #[test]
    fn one_time_has_no_step() {
        assert_eq!((hours([]), hours([5, 5])), (None, None));
    }
}
