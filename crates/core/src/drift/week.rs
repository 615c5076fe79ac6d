//! Whether the times of a table cover a whole week: less compares other hours of the week, and a difference between
//! those is no drift.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::time::{DAY, HOUR, Timestamp};

/// What a comparison of hours of the week needs, in days.
pub const FEWEST_DAYS: i64 = 7;
/// In how many of ten places of the week there must be a time: so few gaps change no distribution by much.
pub const FEWEST_PLACES_IN_TEN: usize = 9;

const WEEK: i64 = 7 * DAY;

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
    /// Places that a week has: its hours, or its steps where those are longer.
    pub places_of_week: usize,
    /// Places of the week that have a time in one of its weeks.
    pub covered_places: usize,
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
        let place_seconds = step_seconds.clamp(HOUR, WEEK);
        let places_of_week = (WEEK + place_seconds - 1) / place_seconds;
        Some(Self {
            first: Timestamp::from_seconds(first)?,
            last: Timestamp::from_seconds(last)?,
            step_seconds,
            steps: seconds.len(),
            missing_steps: whole.saturating_sub(seconds.len()),
            places_of_week: places_of_week as usize,
            covered_places: covered(&seconds, first, place_seconds, places_of_week),
        })
    }

    /// The seconds that its steps cover, gaps left out.
    pub fn covered_seconds(&self) -> i64 {
        self.step_seconds.saturating_mul(self.steps as i64)
    }

    /// Whether its steps come to seven days or more, and lie in nearly all places of the week: nights of many weeks are
    /// no week.
    pub fn covers_a_week(&self) -> bool {
        let is_all_around = 10 * self.covered_places >= FEWEST_PLACES_IN_TEN * self.places_of_week;
        is_all_around && self.covered_seconds() >= FEWEST_DAYS * DAY
    }
}

/// How many places of the week have a time, counted from the first one. A time belongs to the nearest place, so that
/// days whose midnight moves with a clock, and steps that tremble, fill each their own.
fn covered(seconds: &[i64], first: i64, place_seconds: i64, places_of_week: i64) -> usize {
    let place = |time: &i64| ((time - first) % WEEK + place_seconds / 2) / place_seconds % places_of_week;
    seconds.iter().map(place).collect::<BTreeSet<i64>>().len()
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

    fn seconds(places: impl IntoIterator<Item = i64>) -> Option<Window> {
        let start: Timestamp = "2023-03-20T00:00:00Z".parse().unwrap();
        Window::of(&places.into_iter().map(|place| start.plus(place)).collect::<Vec<_>>())
    }

    fn hours(places: impl IntoIterator<Item = i64>) -> Option<Window> {
        seconds(places.into_iter().map(|hour| hour * HOUR))
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
    fn nights_or_mondays_of_many_weeks_are_no_week() {
        let nights = hours((0..60 * 24).filter(|hour| hour % 24 < 6)).unwrap();
        assert_eq!((nights.covered_seconds(), nights.covers_a_week()), (15 * DAY, false));
        assert_eq!((nights.covered_places, nights.places_of_week), (42, 168));
        assert!(!hours((0..49 * 24).filter(|hour| hour / 24 % 7 == 0)).unwrap().covers_a_week());
        let workdays = hours((0..49).filter(|day| day % 7 < 5).map(|day| day * 24)).unwrap();
        assert_eq!((workdays.covered_places, workdays.places_of_week, workdays.covers_a_week()), (5, 7, false));
    }

    #[test]
    fn a_tenth_of_the_places_of_the_week_may_be_empty() {
        // A tenth of 168 is 16.8.
        let without = |empty: i64| hours((0..28 * 24).filter(|hour| hour % 168 >= empty)).unwrap();
        assert!(without(16).covers_a_week() && !without(17).covers_a_week());
    }

    #[test]
    fn days_are_places_of_their_own_also_where_the_clock_changes() {
        let days = |count: i64, shift: i64| hours((0..count).map(|day| day * 24 - if day > 3 { shift } else { 0 }));
        for shift in [-1, 0, 1] {
            assert!(days(7, shift).unwrap().covers_a_week());
            assert!(!days(6, shift).unwrap().covers_a_week());
        }
    }

    #[test]
    fn steps_shorter_than_an_hour_or_longer_than_a_week_cover_it_too() {
        assert!(seconds((0..7 * 96).map(|quarter| quarter * HOUR / 4)).unwrap().covers_a_week());
        assert!(hours((0..4).map(|week| week * 168)).unwrap().covers_a_week());
        assert!(hours((0..12).map(|month| month * 730)).unwrap().covers_a_week());
        // Every five hours, which divide no week.
        assert!(hours((0..34).map(|step| step * 5)).unwrap().covers_a_week());
        // Seconds around the hour.
        assert!(seconds((0..168).map(|hour| hour * HOUR + hour * 379 % 120)).unwrap().covered_places > 151);
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
