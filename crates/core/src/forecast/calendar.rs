//! What the calendar says of a step: its local time of day, kind of day and season.
//!
//! Features are functions of the step's start alone and lie between -1 and 1, so they need no fitted scale.

mod holidays;

use std::f64::consts::TAU;

use jiff::ToSpan;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::time::{Cadence, HOUR, Timestamp};

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

    /// What each feature describes, in the order of [`Self::features`].
    pub(crate) fn describes(&self) -> Vec<Describes> {
        let of_the_week = 2 * self.day_waves + DAY_KINDS * (1 + 2 * self.kind_waves()) + SPECIAL_DAYS;
        let of_the_season = 2 * YEAR_WAVES * (1 + 2 * self.season_waves());
        let mut all = vec![Describes::Level];
        all.resize(1 + of_the_week, Describes::Week);
        all.resize(1 + of_the_week + of_the_season, Describes::Season);
        all
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
