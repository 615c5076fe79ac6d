//! How long what nothing needs any more is kept.

use std::fmt;
use std::str::FromStr;

use crate::time::{DAY, HOUR, Timestamp};

/// How long something is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Keep {
    seconds: i64,
}

/// A text that is no time to keep something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no time to keep something: write a number from 1 to 36500 and a unit, such as 400d, 36h, 90m or 30s"
)]
pub struct ParseKeepError {
    text: String,
}

const UNITS: [(&str, i64); 4] = [("d", DAY), ("h", HOUR), ("m", 60), ("s", 1)];
const MOST: i64 = 36_500;

impl Keep {
    /// This many days.
    pub const fn days(days: u32) -> Self {
        Self { seconds: days as i64 * DAY }
    }

    /// This many seconds.
    pub const fn seconds(seconds: u32) -> Self {
        Self { seconds: seconds as i64 }
    }

    /// The time in seconds.
    pub fn as_seconds(self) -> i64 {
        self.seconds
    }

    /// Whether something from `then` has been kept longer than this. By whole seconds, so that nothing is over a moment
    /// too early however coarse the clocks are; what is from the future is not over.
    pub fn is_over(self, then: Timestamp, now: Timestamp) -> bool {
        now.since(then) > self.seconds
    }
}

impl FromStr for Keep {
    type Err = ParseKeepError;

    fn from_str(text: &str) -> Result<Self, ParseKeepError> {
        let fault = || ParseKeepError { text: text.to_owned() };
        let (number, unit) =
            UNITS.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds))).ok_or_else(fault)?;
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let number: i64 = if is_number { number.parse().map_err(|_| fault())? } else { return Err(fault()) };
        if (1..=MOST).contains(&number) { Ok(Self { seconds: number * unit }) } else { Err(fault()) }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().find(|(_, seconds)| self.seconds % seconds == 0);
        let (unit, seconds) = whole.unwrap_or(&("s", 1));
        write!(f, "{}{unit}", self.seconds / seconds)
    }
}

/// How long things are kept that nothing needs any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Events that no other class holds.
    pub events: Keep,
    /// The ends of accepted batches and the scores of their forecasts: with them go the forecasts that nothing else
    /// names.
    pub forecasts: Keep,
    /// Rejected batches: their receipts and ends, and with them the bytes and the refused rows that nothing else names.
    pub rejected: Keep,
    /// Dead letters that nobody handed in again or dropped.
    pub dead_letters: Keep,
    /// Dead letters since they were handed in again or dropped.
    pub dropped: Keep,
    /// Artifacts that nothing names, since they were stored last.
    pub orphans: Keep,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            events: Keep::days(400),
            forecasts: Keep::days(400),
            rejected: Keep::days(90),
            dead_letters: Keep::days(400),
            dropped: Keep::days(30),
            orphans: Keep::days(2),
        }
    }
}

/// A policy that would delete what is needed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// What a step has just stored may be deleted before the step names it.
    #[error("is {orphans}, shorter than a step may take: write more than the {handling} s of ARIA_HANDLING_SECONDS")]
    Orphans {
        /// How long orphans are kept.
        orphans: Keep,
        /// How long a step may take, in seconds.
        handling: i64,
    },
}

impl Policy {
    /// Refuses a policy by which a step that takes its time would lose what it has stored.
    ///
    /// # Errors
    /// Where orphans are kept no longer than a step may take.
    pub fn check(&self, handling_seconds: i64) -> Result<(), PolicyError> {
        if self.orphans.as_seconds() <= handling_seconds {
            return Err(PolicyError::Orphans { orphans: self.orphans, handling: handling_seconds });
        }
        Ok(())
    }
}
