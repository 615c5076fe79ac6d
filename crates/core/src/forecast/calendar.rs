//! What the calendar says of a step: its local time of day, kind of day and season.
//!
//! Features are functions of the step's start alone and lie between -1 and 1, so they need no fitted scale.

mod holidays;

use std::f64::consts::TAU;

use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::time::{Cadence, HOUR, Timestamp};

/// The version of the features: a stored model says which its weights belong to, so change it with the features.
pub(crate) const FEATURES: u32 = 1;
/// Waves a day that describe its shape.
const DAY_WAVES: usize = 8;
/// Waves a day that describe how the shape differs by kind of day.
const KIND_WAVES: usize = 4;
/// Waves a year that describe the season's level.
const YEAR_WAVES: usize = 2;
/// Waves a day that describe how the shape changes with the season.
const SEASON_WAVES: usize = 4;

/// The calendar of a zone at a cadence.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    zone: TimeZone,
    has_italian_holidays: bool,
    day_waves: usize,
}

/// What a feature describes, which decides how strongly it is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Describes {
    /// The level; never held back.
    Level,
    /// The day and the week.
    Week,
    /// The season, which takes a year of history to learn.
    Season,
}

impl Calendar {
    /// The calendar of an IANA zone. Italy's zone has Italy's public holidays; other zones have weekends only.
    pub(crate) fn new(zone: TimeZone, cadence: Cadence) -> Self {
        let has_italian_holidays = zone.iana_name() == Some("Europe/Rome");
        // A wave needs two values a period.
        Self { zone, has_italian_holidays, day_waves: (cadence.per_day() / 2).min(DAY_WAVES) }
    }

    /// The calendar of a model, which checked the name of its zone when it was made or read.
    pub(super) fn of_model(time_zone: &str, cadence: Cadence) -> Self {
        Self::new(TimeZone::get(time_zone).unwrap_or(TimeZone::UTC), cadence)
    }

    /// What each feature describes, in the order of [`Self::features`].
    pub(crate) fn describes(&self) -> Vec<Describes> {
        let of_the_week = 2 * self.day_waves + DAY_KINDS * (1 + 2 * self.kind_waves()) + SPECIAL_DAYS;
        let of_the_season = 2 * YEAR_WAVES * (1 + 2 * self.season_waves());
        let mut all = vec![Describes::Level];
        all.resize(1 + of_the_week, Describes::Week);
        all.resize(1 + of_the_week + of_the_season, Describes::Season);
        all
    }

    /// The places of the waves of the day, and of the slowest two of the year, among the features.
    pub(crate) fn wave_places(&self) -> (std::ops::Range<usize>, [usize; 2]) {
        let season = 1 + 2 * self.day_waves + DAY_KINDS * (1 + 2 * self.kind_waves()) + SPECIAL_DAYS;
        (1..1 + 2 * self.day_waves, [season, season + 1 + 2 * self.season_waves()])
    }

    /// What a tree asks of the step that starts at `time`: the local hour of the day, the day of the week with Monday
    /// as 1 and a holiday as Sunday, and the share of the year that has passed.
    pub(crate) fn numbers(&self, time: Timestamp) -> [f64; 3] {
        let local = time.local(&self.zone);
        let weekday = local.weekday().to_monday_one_offset();
        let kind = if self.is_holiday(local.date()) { 7 } else { weekday };
        [24.0 * share_of_day(local), f64::from(kind), share_of_year(local.date())]
    }

    /// The features of the step that starts at `time`; the first is 1.
    pub(crate) fn features(&self, time: Timestamp) -> Vec<f64> {
        let local = time.local(&self.zone);
        let day = waves(share_of_day(local), self.day_waves);
        let mut features = vec![1.0];
        features.extend_from_slice(&day);
        self.push_kind_of_day(local.date(), &day, &mut features);
        self.push_season(local, &day, &mut features);
        features
    }

    fn push_kind_of_day(&self, date: Date, day: &[f64], features: &mut Vec<f64>) {
        let kind = self.kind(date);
        let shape = &day[..2 * self.kind_waves()];
        for place in 0..DAY_KINDS {
            let is_it = f64::from(u8::from(kind == Some(place)));
            features.push(is_it);
            features.extend(shape.iter().map(|wave| is_it * wave));
        }
        let near = |days: i64| date.checked_add(days.days()).is_ok_and(|other| self.is_holiday(other));
        let special: [bool; SPECIAL_DAYS] = [near(0), near(-1), near(1), near(-7), is_year_end(date)];
        features.extend(special.map(|is| f64::from(u8::from(is))));
    }

    fn push_season(&self, local: DateTime, day: &[f64], features: &mut Vec<f64>) {
        let shape = &day[..2 * self.season_waves()];
        for wave in waves(share_of_year(local.date()), YEAR_WAVES) {
            features.push(wave);
            features.extend(shape.iter().map(|w| wave * w));
        }
    }

    /// The kind of a day: none for the usual working day, Wednesday; a public holiday counts as a Sunday.
    fn kind(&self, date: Date) -> Option<usize> {
        if self.is_holiday(date) {
            return Some(SUNDAY);
        }
        match date.weekday() {
            jiff::civil::Weekday::Wednesday => None,
            jiff::civil::Weekday::Monday => Some(0),
            jiff::civil::Weekday::Tuesday => Some(1),
            jiff::civil::Weekday::Thursday => Some(2),
            jiff::civil::Weekday::Friday => Some(3),
            jiff::civil::Weekday::Saturday => Some(4),
            jiff::civil::Weekday::Sunday => Some(SUNDAY),
        }
    }

    /// Whether the step that starts at `time` lies on a weekend or a public holiday.
    pub(crate) fn is_day_off(&self, time: Timestamp) -> bool {
        let date = time.local(&self.zone).date();
        date.weekday().to_monday_one_offset() >= 6 || self.is_holiday(date)
    }

    fn is_holiday(&self, date: Date) -> bool {
        self.has_italian_holidays && holidays::is_italian(date)
    }

    fn kind_waves(&self) -> usize {
        KIND_WAVES.min(self.day_waves)
    }

    fn season_waves(&self) -> usize {
        SEASON_WAVES.min(self.day_waves)
    }
}

const DAY_KINDS: usize = 6;
const SUNDAY: usize = 5;
/// A holiday, the days after and before one, the day a week after one, the end of the year.
const SPECIAL_DAYS: usize = 5;

/// The fortnight around the turn of the year, when offices and works stand still.
fn is_year_end(date: Date) -> bool {
    matches!((date.month(), date.day()), (12, 24..) | (1, ..=6))
}

fn share_of_day(local: DateTime) -> f64 {
    let seconds = i64::from(local.hour()) * HOUR + i64::from(local.minute()) * 60 + i64::from(local.second());
    seconds as f64 / (24 * HOUR) as f64
}

fn share_of_year(date: Date) -> f64 {
    f64::from(date.day_of_year() - 1) / f64::from(date.days_in_year())
}

/// Cosine and sine of the first `count` harmonics at a share of the period.
fn waves(share: f64, count: usize) -> Vec<f64> {
    (1..=count)
        .flat_map(|k| {
            let angle = TAU * k as f64 * share;
            [angle.cos(), angle.sin()]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rome(cadence: Cadence) -> Calendar {
        Calendar::new(TimeZone::get("Europe/Rome").unwrap(), cadence)
    }

    fn hourly(time: &str) -> Vec<f64> {
        rome(Cadence::Hour).features(time.parse().unwrap())
    }

    /// The waves of the day, which follow the constant.
    fn time_of_day(features: &[f64]) -> &[f64] {
        &features[1..1 + 2 * DAY_WAVES]
    }

    /// The indicators of the special days, which stand before the season.
    fn special(features: &[f64]) -> &[f64] {
        let season = 2 * YEAR_WAVES * (1 + 2 * SEASON_WAVES);
        let end = features.len() - season;
        &features[end - SPECIAL_DAYS..end]
    }

    /// Which kind of day the features tell, none for a Wednesday.
    fn kind(features: &[f64]) -> Option<usize> {
        let first = 1 + 2 * DAY_WAVES;
        (0..DAY_KINDS).find(|kind| features[first + kind * (1 + 2 * KIND_WAVES)] == 1.0)
    }

    #[test]
    fn the_time_of_day_follows_the_clock_on_the_wall_when_summer_time_begins() {
        // One in the afternoon in Rome on the days before and after the change of 2023-03-26.
        let (winter, summer) = (hourly("2023-03-25T12:00:00Z"), hourly("2023-03-26T11:00:00Z"));
        assert_eq!(time_of_day(&winter), time_of_day(&summer));
    }

    #[test]
    fn the_hour_that_comes_twice_has_the_same_time_of_day_twice() {
        // Two o'clock came at 00:00 and at 01:00 UTC on 2023-10-29.
        let (first, second) = (hourly("2023-10-29T00:00:00Z"), hourly("2023-10-29T01:00:00Z"));
        assert_eq!(time_of_day(&first), time_of_day(&second));
    }

    #[test]
    fn the_day_begins_at_midnight_in_rome() {
        // 23:00 UTC on a Saturday in winter is the first hour of Sunday.
        assert_eq!(kind(&hourly("2023-01-14T22:00:00Z")), Some(4));
        assert_eq!(kind(&hourly("2023-01-14T23:00:00Z")), Some(SUNDAY));
    }

    #[test]
    fn noon_is_the_trough_of_the_first_wave_of_the_day() {
        // cos(2 pi 12 / 24) = -1 and sin = 0.
        let noon = hourly("2023-01-11T11:00:00Z");
        assert!((noon[1] + 1.0).abs() < 1e-12 && noon[2].abs() < 1e-12);
    }

    #[test]
    fn a_holiday_counts_as_a_sunday_in_italy_and_nowhere_else() {
        // Liberation day 2023, a Tuesday.
        let noon: Timestamp = "2023-04-25T10:00:00Z".parse().unwrap();
        assert_eq!(kind(&rome(Cadence::Hour).features(noon)), Some(SUNDAY));
        let paris = Calendar::new(TimeZone::get("Europe/Paris").unwrap(), Cadence::Hour);
        assert_eq!(kind(&paris.features(noon)), Some(1));
    }

    #[test]
    fn the_days_around_a_holiday_are_told_apart() {
        assert_eq!(special(&hourly("2023-04-25T10:00:00Z")), [1.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(special(&hourly("2023-04-26T10:00:00Z")), [0.0, 1.0, 0.0, 0.0, 0.0]);
        assert_eq!(special(&hourly("2023-04-24T10:00:00Z")), [0.0, 0.0, 1.0, 0.0, 0.0]);
        assert_eq!(special(&hourly("2023-05-02T10:00:00Z")), [0.0, 1.0, 0.0, 1.0, 0.0]);
        assert_eq!(special(&hourly("2022-12-28T10:00:00Z")), [0.0, 0.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn every_cadence_has_as_many_features_as_descriptions_and_none_beyond_one() {
        for cadence in [Cadence::QuarterHour, Cadence::Hour, Cadence::Day] {
            let calendar = rome(cadence);
            let features = calendar.features("2024-02-29T13:45:00Z".parse().unwrap());
            assert_eq!(features.len(), calendar.describes().len(), "{cadence:?}");
            assert!(features.iter().all(|f| (-1.0..=1.0).contains(f)), "{cadence:?}");
        }
    }

    #[test]
    fn a_daily_series_has_no_time_of_day() {
        let daily = rome(Cadence::Day).features("2023-01-11T00:00:00Z".parse().unwrap());
        assert_eq!(daily.len(), 1 + DAY_KINDS + SPECIAL_DAYS + 2 * YEAR_WAVES);
    }
}
