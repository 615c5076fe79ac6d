//! Calendar months in UTC, the pieces into which older rows are cut.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::time::{DAY, Timestamp};

/// A calendar month in UTC, written `2021-03`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    start: Timestamp,
}

/// A text that names no month.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a month of the years 1900 to 2199 such as 2021-03")]
pub struct ParseMonthError {
    text: String,
}

impl Month {
    /// The month that holds a time.
    pub fn of(time: Timestamp) -> Self {
        let days_before = i64::from(time.utc().day()) - 1;
        Self { start: time.day_start().plus(-days_before * DAY) }
    }

    /// The months from this one to another, both included.
    pub fn through(self, last: Self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), |m| Some(Self { start: m.end() })).take_while(move |m| *m <= last)
    }

    /// Its first second.
    pub fn start(self) -> Timestamp {
        self.start
    }

    /// The first second after it.
    pub fn end(self) -> Timestamp {
        self.start.plus(i64::from(self.start.utc().days_in_month()) * DAY)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.start.utc();
        write!(f, "{:04}-{:02}", start.year(), start.month())
    }
}

impl FromStr for Month {
    type Err = ParseMonthError;

    fn from_str(text: &str) -> Result<Self, ParseMonthError> {
        let fault = || ParseMonthError { text: text.to_owned() };
        let start: Timestamp = format!("{text}-01").parse().map_err(|_| fault())?;
        let month = Self { start };
        if month.to_string() == text { Ok(month) } else { Err(fault()) }
    }
}

impl TryFrom<String> for Month {
    type Error = ParseMonthError;

    fn try_from(text: String) -> Result<Self, ParseMonthError> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let month: Month = "2024-02".parse().unwrap();
        assert_eq!(month.end(), "2024-03-01".parse().unwrap());
        assert_eq!(Month::of(month.end()).to_string(), "2024-03");
        assert_eq!(Month::of(month.end().plus(-1)), month);
    }

    #[test]
    fn the_months_of_a_span_cross_the_year() {
        let (first, last): (Month, Month) = ("2021-11".parse().unwrap(), "2022-02".parse().unwrap());
        let months: Vec<String> = first.through(last).map(|m| m.to_string()).collect();
        assert_eq!(months, ["2021-11", "2021-12", "2022-01", "2022-02"]);
    }

    #[test]
    fn the_last_supported_month_ends_the_span() {
        let last: Month = "2199-12".parse().unwrap();
        assert_eq!(last.through(last).count(), 1);
    }

    #[test]
    fn a_text_that_is_no_month_is_refused() {
        for text in ["2021", "2021-13", "2021-1", "2021-01-01", "", "1800-01"] {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }
}
