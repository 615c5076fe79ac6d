//! Names of series: `<zone>.<metric>`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

mod definition;

pub use definition::{
    Contract, Definition, DefinitionError, Drift, Fault, Forecasting, Lookback, Neighbour, Policy, Quantity, Source,
    Triggers,
};

/// A series' name, `<zone>.<metric>`, for example `it.ci_direct`.
///
/// Both parts are lower-case letters, digits, `_` and `-`, so that the name fits a subject and a key as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SeriesId {
    text: String,
    zone_length: usize,
}

/// A text that names no series.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a series: write <zone>.<metric> in lower-case letters, digits, `_` and `-`, such as it.ci_direct"
)]
pub struct ParseSeriesError {
    text: String,
}

const LONGEST_PART: usize = 64;

impl SeriesId {
    /// The zone, for example `it`.
    pub fn zone(&self) -> &str {
        self.text.get(..self.zone_length).unwrap_or_default()
    }

    /// What is measured, for example `ci_direct`.
    pub fn metric(&self) -> &str {
        self.text.get(self.zone_length + 1..).unwrap_or_default()
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for SeriesId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for SeriesId {
    type Err = ParseSeriesError;

    fn from_str(text: &str) -> Result<Self, ParseSeriesError> {
        let fault = || ParseSeriesError { text: text.to_owned() };
        let (zone, metric) = text.split_once('.').ok_or_else(fault)?;
        if !is_part(zone) || !is_part(metric) {
            return Err(fault());
        }
        Ok(Self { text: text.to_owned(), zone_length: zone.len() })
    }
}

impl TryFrom<String> for SeriesId {
    type Error = ParseSeriesError;

    fn try_from(text: String) -> Result<Self, ParseSeriesError> {
        text.parse()
    }
}

impl From<SeriesId> for String {
    fn from(id: SeriesId) -> Self {
        id.text
    }
}

fn is_part(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    !text.is_empty() && text.len() <= LONGEST_PART && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_has_a_zone_and_a_metric() {
        let id: SeriesId = "it-no.ci_direct".parse().unwrap();
        assert_eq!((id.zone(), id.metric()), ("it-no", "ci_direct"));
    }

    #[test]
    fn names_that_would_break_a_subject_or_a_key_are_refused() {
        for text in ["it", "it.", ".x", "it.a.b", "IT.ci", "it.c i", "it.*", "it.>", "it./..", "", "it.à"] {
            assert!(text.parse::<SeriesId>().is_err(), "{text}");
        }
    }
}
