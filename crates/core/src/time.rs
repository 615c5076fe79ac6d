//! Points in time and cadences, in UTC and without a clock.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A point in time: whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

/// A text that is not a point in time of the years 1900 to 2200.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a time such as 2023-03-26T01:00:00Z")]
pub struct ParseTimeError {
    text: String,
}

/// Seconds of an hour.
pub const HOUR: i64 = 3_600;
/// Seconds of a day.
pub const DAY: i64 = 24 * HOUR;

const EARLIEST: i64 = -2_208_988_800; // 1900-01-01
const LATEST: i64 = 7_258_118_400; // 2200-01-01

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// The last second of the supported years.
    pub const LAST: Self = Self(LATEST - 1);

    /// Makes a point in time from seconds since the epoch; none outside the years 1900 to 2199.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        (EARLIEST..LATEST).contains(&seconds).then_some(Self(seconds))
    }

    /// Seconds since the epoch.
    pub fn seconds(self) -> i64 {
        self.0
    }

    /// This time moved by a number of seconds, kept inside the years 1900 to 2199.
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds).clamp(EARLIEST, LATEST - 1))
    }

    /// Seconds from `earlier` to this time.
    pub fn since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// The start of the UTC day.
    pub fn day_start(self) -> Self {
        Self(self.0.div_euclid(DAY) * DAY)
    }

    /// The calendar parts in UTC.
    pub fn utc(self) -> jiff::civil::DateTime {
        jiff::tz::TimeZone::UTC.to_datetime(self.jiff())
    }

    /// The calendar parts in a time zone.
    pub fn local(self, zone: &jiff::tz::TimeZone) -> jiff::civil::DateTime {
        zone.to_datetime(self.jiff())
    }

    /// The start of a year in a time zone, kept inside the years 1900 to 2199.
    pub fn of_local_year(year: i16, zone: &jiff::tz::TimeZone) -> Self {
        let start = jiff::civil::DateTime::new(year, 1, 1, 0, 0, 0, 0).and_then(|start| zone.to_timestamp(start));
        Self::EPOCH.plus(start.map_or(LATEST, jiff::Timestamp::as_second))
    }

    fn jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.utc();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            t.year(),
            t.month(),
            t.day(),
            t.hour(),
            t.minute(),
            t.second()
        )
    }
}

impl FromStr for Timestamp {
    type Err = ParseTimeError;

    /// Reads RFC 3339 with an offset (`2023-03-26T01:00:00Z`, `2023-03-26 03:00:00+02:00`), or a date, which is its
    /// start in UTC. A time without an offset is refused, since its meaning would be a guess.
    fn from_str(text: &str) -> Result<Self, ParseTimeError> {
        let fault = || ParseTimeError { text: text.to_owned() };
        let seconds = if text.len() == 10 {
            let date: jiff::civil::Date = text.parse().map_err(|_| fault())?;
            jiff::tz::TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).map_err(|_| fault())?.as_second()
        } else {
            text.parse::<jiff::Timestamp>().map_err(|_| fault())?.as_second()
        };
        Self::from_seconds(seconds).ok_or_else(fault)
    }
}

impl TryFrom<String> for Timestamp {
    type Error = ParseTimeError;

    fn try_from(text: String) -> Result<Self, ParseTimeError> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

/// The even distance between two values of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cadence {
    /// A value every quarter of an hour.
    #[serde(rename = "15min")]
    QuarterHour,
    /// A value every hour.
    #[serde(rename = "1h")]
    Hour,
    /// A value every day.
    #[serde(rename = "1d")]
    Day,
}

impl Cadence {
    /// Seconds from one value to the next.
    pub fn seconds(self) -> i64 {
        match self {
            Self::QuarterHour => HOUR / 4,
            Self::Hour => HOUR,
            Self::Day => DAY,
        }
    }

    /// What lies between two values, for people: `an hour`.
    pub fn spelled(self) -> &'static str {
        match self {
            Self::QuarterHour => "a quarter of an hour",
            Self::Hour => "an hour",
            Self::Day => "a day",
        }
    }

    /// Values in a day.
    pub fn per_day(self) -> usize {
        match self {
            Self::QuarterHour => 96,
            Self::Hour => 24,
            Self::Day => 1,
        }
    }

    /// Whether a time is the start of one of this cadence's steps in UTC.
    pub fn is_aligned(self, time: Timestamp) -> bool {
        time.seconds().rem_euclid(self.seconds()) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_prints_as_it_was_read() {
        let text = "2023-03-26T01:00:00Z";
        assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
    }

    #[test]
    fn an_offset_is_taken_into_account() {
        let rome: Timestamp = "2023-03-26T03:00:00+02:00".parse().unwrap();
        assert_eq!(rome, "2023-03-26T01:00:00Z".parse().unwrap());
    }

    #[test]
    fn a_time_without_an_offset_is_refused() {
        assert!("2023-03-26T01:00:00".parse::<Timestamp>().is_err());
    }

    #[test]
    fn a_time_outside_the_supported_years_is_refused() {
        assert!("1066-10-14T00:00:00Z".parse::<Timestamp>().is_err());
    }

    #[test]
    fn a_date_is_the_start_of_its_day_in_utc() {
        // 2021-01-01 is 18,628 days after the epoch.
        assert_eq!("2021-01-01".parse::<Timestamp>().unwrap().seconds(), 18_628 * DAY);
    }
}
