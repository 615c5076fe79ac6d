//! What stands in one cell of a batch, and what it means.

use std::borrow::Cow;

use super::fault::Fault;
use crate::time::{Cadence, DAY, Timestamp};

/// The longest part of a refused value that is kept, in characters.
const SHOWN: usize = 80;

/// What stands in one cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    /// Nothing.
    Empty,
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes that are not UTF-8.
    Bytes(&'a [u8]),
    /// A number of a format that has them.
    Number(f64),
    /// A point in time of a format that has them: seconds since the epoch, and whether a fraction of one follows.
    Instant { seconds: i64, fraction: bool },
    /// A date of a format that has them: days since the epoch.
    Date(i32),
    /// A value of a kind that is never right, as it is shown.
    Other(&'static str),
}

impl<'a> Cell<'a> {
    /// A cell of bytes that should be text.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        std::str::from_utf8(bytes).map_or(Self::Bytes(bytes), |text| Self::Text(Cow::Borrowed(text)))
    }

    /// What stands there, cut for a record.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => shown(text),
            // Four bytes make at most one character, so that a long cell is not read whole.
            Self::Bytes(bytes) => shown(&String::from_utf8_lossy(bytes.get(..SHOWN * 4).unwrap_or(bytes))),
            // A number beyond all measure has three hundred digits.
            Self::Number(number) => shown(&number.to_string()),
            Self::Instant { seconds, fraction } => match Timestamp::from_seconds(*seconds) {
                Some(time) if *fraction => format!("{time} and a fraction of a second"),
                Some(time) => time.to_string(),
                None => format!("{seconds} s"),
            },
            Self::Date(days) => {
                let start = Timestamp::from_seconds(i64::from(*days) * DAY);
                start.map_or_else(|| format!("day {days}"), |t| t.utc().date().to_string())
            }
            Self::Other(kind) => (*kind).to_owned(),
        }
    }

    /// The time it means.
    pub(super) fn time(&self, cadence: Cadence) -> Result<Timestamp, Fault> {
        let time = match self {
            Self::Empty => return Err(Fault::Empty),
            Self::Text(text) => text_time(text.trim(), cadence)?,
            Self::Bytes(_) => return Err(Fault::NotUtf8),
            Self::Number(number) => seconds_time(*number, cadence)?,
            Self::Instant { fraction: true, .. } => return Err(off_grid(cadence)),
            Self::Instant { seconds, .. } => Timestamp::from_seconds(*seconds).ok_or(Fault::OutsideYears)?,
            Self::Date(days) if cadence == Cadence::Day => {
                Timestamp::from_seconds(i64::from(*days) * DAY).ok_or(Fault::OutsideYears)?
            }
            Self::Date(_) => return Err(Fault::NoHour),
            Self::Other(_) => return Err(Fault::NoTime),
        };
        if cadence.is_aligned(time) { Ok(time) } else { Err(off_grid(cadence)) }
    }

    /// The finite number it means.
    pub(super) fn number(&self) -> Result<f64, Fault> {
        let number = match self {
            Self::Empty => return Err(Fault::Empty),
            Self::Text(text) => text_number(text.trim())?,
            Self::Bytes(_) => return Err(Fault::NotUtf8),
            Self::Number(number) => *number,
            Self::Instant { .. } | Self::Date(_) | Self::Other(_) => return Err(Fault::NoNumber),
        };
        if number.is_nan() {
            return Err(Fault::NaN);
        }
        if number.is_infinite() { Err(Fault::Infinite) } else { Ok(number) }
    }
}

/// Text cut for a record.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

fn off_grid(cadence: Cadence) -> Fault {
    let step = match cadence {
        Cadence::QuarterHour => "15 minutes in UTC",
        Cadence::Hour => "an hour in UTC",
        Cadence::Day => "a day in UTC",
    };
    Fault::OffGrid { step }
}

fn text_time(text: &str, cadence: Cadence) -> Result<Timestamp, Fault> {
    if text.is_empty() {
        return Err(Fault::Empty);
    }
    if text.parse::<jiff::Timestamp>().is_ok_and(|t| t.subsec_nanosecond() != 0) {
        return Err(off_grid(cadence));
    }
    let is_date = text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok();
    if is_date && cadence != Cadence::Day {
        return Err(Fault::NoHour);
    }
    text.parse::<Timestamp>().map_err(|_| {
        if is_date || text.parse::<jiff::Timestamp>().is_ok() {
            Fault::OutsideYears
        } else if text.parse::<jiff::civil::DateTime>().is_ok() {
            Fault::NoOffset
        } else {
            Fault::NoTime
        }
    })
}

/// A number as a time: whole seconds since the epoch, and nothing else, since a guess between seconds and milliseconds
/// could be wrong.
fn seconds_time(seconds: f64, cadence: Cadence) -> Result<Timestamp, Fault> {
    if !seconds.is_finite() {
        return Err(Fault::NoTime);
    }
    if seconds.fract() != 0.0 {
        return Err(off_grid(cadence));
    }
    // The conversion saturates, and what it saturates to lies outside the supported years.
    Timestamp::from_seconds(seconds as i64).ok_or(Fault::OutsideYears)
}

fn text_number(text: &str) -> Result<f64, Fault> {
    if text.is_empty() {
        return Err(Fault::Empty);
    }
    text.parse().map_err(|_| {
        let with_point = text.replacen(',', ".", 1);
        if with_point != text && with_point.parse::<f64>().is_ok() { Fault::DecimalComma } else { Fault::NoNumber }
    })
}
