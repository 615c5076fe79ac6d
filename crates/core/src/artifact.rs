//! Names of artifacts: content-addressed, so that a name says what its bytes must be.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::document::{self, Document, DocumentError};
use crate::series::SeriesId;

/// What an artifact is; the first part of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Bytes as they were received.
    Raw,
    /// The good rows of one batch (Parquet).
    Batch,
    /// The refused rows of one batch with a reason each (JSON).
    Quarantine,
    /// The rows of one month (Parquet).
    Segment,
    /// The manifest of a series at one point of its history (JSON).
    Snapshot,
    /// The definition of a series (JSON).
    Definition,
    /// The state of the drift monitor after one event (JSON).
    Monitor,
    /// The report of one drift check (JSON).
    Report,
    /// The errors of forecasts whose hours have arrived (JSON).
    Score,
    /// A fitted model with its reference, intervals and card (JSON).
    Model,
    /// The forecasts of one evaluation on held-out hours (Parquet).
    Predictions,
    /// The verdict of one evaluation with its figures (JSON).
    Evaluation,
    /// A forecast's metadata (JSON).
    Forecast,
    /// A forecast's values (Parquet).
    Values,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 14] = [
        Self::Raw,
        Self::Batch,
        Self::Quarantine,
        Self::Segment,
        Self::Snapshot,
        Self::Definition,
        Self::Monitor,
        Self::Report,
        Self::Score,
        Self::Model,
        Self::Predictions,
        Self::Evaluation,
        Self::Forecast,
        Self::Values,
    ];

    /// The kind's name in a key.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Batch => "batch",
            Self::Quarantine => "quarantine",
            Self::Segment => "segment",
            Self::Snapshot => "snapshot",
            Self::Definition => "definition",
            Self::Monitor => "monitor",
            Self::Report => "report",
            Self::Score => "score",
            Self::Model => "model",
            Self::Predictions => "predictions",
            Self::Evaluation => "evaluation",
            Self::Forecast => "forecast",
            Self::Values => "values",
        }
    }
}

/// How an artifact's bytes are to be read; the last part of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
    /// A JSON document.
    Json,
}

impl Format {
    /// The format's name in a key: a file ending.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
            Self::Json => "json",
        }
    }

    /// The format with this file ending.
    pub fn from_ending(ending: &str) -> Option<Self> {
        [Self::Csv, Self::Ndjson, Self::Parquet, Self::Json].into_iter().find(|f| f.as_str() == ending)
    }
}

/// The name of an artifact: `<kind>/<series>/<sha256>.<format>` and its size.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ref {
    /// What it is.
    pub kind: Kind,
    /// The series it belongs to.
    pub series: SeriesId,
    /// The SHA-256 of its bytes, 64 lower-case hexadecimal digits.
    pub sha256: Sha256Hex,
    /// How to read it.
    pub format: Format,
    /// Its length.
    pub size_bytes: u64,
}

impl Ref {
    /// Names these bytes.
    pub fn of(kind: Kind, series: &SeriesId, format: Format, bytes: &[u8]) -> Self {
        Self { kind, series: series.clone(), sha256: Sha256Hex::of(bytes), format, size_bytes: bytes.len() as u64 }
    }

    /// The key under which the bytes lie in object storage.
    pub fn key(&self) -> String {
        format!("{}/{}/{}.{}", self.kind.as_str(), self.series, self.sha256, self.format.as_str())
    }

    /// Whether these bytes are the ones that are named.
    pub fn names(&self, bytes: &[u8]) -> bool {
        self.size_bytes == bytes.len() as u64 && self.sha256 == Sha256Hex::of(bytes)
    }
}

/// An artifact that is to be stored: its name and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The name, made from the bytes.
    pub name: Ref,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Artifact {
    /// Names these bytes.
    pub fn of(kind: Kind, series: &SeriesId, format: Format, bytes: Vec<u8>) -> Self {
        Self { name: Ref::of(kind, series, format, &bytes), bytes }
    }

    /// A JSON document as an artifact.
    ///
    /// # Errors
    /// Where a value of the document has no JSON form.
    pub fn document<T: Document>(kind: Kind, series: &SeriesId, document: &T) -> Result<Self, DocumentError> {
        Ok(Self::of(kind, series, Format::Json, document::encode(document)?))
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key())
    }
}

/// A SHA-256 as 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Hex(String);

/// A text that is not a SHA-256 in lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a SHA-256 of 64 lower-case hexadecimal digits")]
pub struct ParseSha256Error {
    text: String,
}

impl Sha256Hex {
    /// The SHA-256 of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_digest(Sha256::new_with_prefix(bytes))
    }

    /// The SHA-256 of what was hashed bit by bit.
    pub fn from_digest(digest: Sha256) -> Self {
        Self(digest.finalize().iter().map(|b| format!("{b:02x}")).collect())
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve digits, enough to tell artifacts apart on a screen.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for Sha256Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Sha256Hex {
    type Err = ParseSha256Error;

    fn from_str(text: &str) -> Result<Self, ParseSha256Error> {
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 64 && text.bytes().all(is_digit) {
            return Ok(Self(text.to_owned()));
        }
        Err(ParseSha256Error { text: text.to_owned() })
    }
}

impl TryFrom<String> for Sha256Hex {
    type Error = ParseSha256Error;

    fn try_from(text: String) -> Result<Self, ParseSha256Error> {
        text.parse()
    }
}

impl From<Sha256Hex> for String {
    fn from(digest: Sha256Hex) -> Self {
        digest.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_holds_kind_series_digest_and_format() {
        let series = "it.ci_direct".parse().unwrap();
        let name = Ref::of(Kind::Raw, &series, Format::Csv, b"abc");
        // SHA-256 of "abc" from FIPS 180-2, appendix B.1.
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(name.key(), format!("raw/it.ci_direct/{digest}.csv"));
    }

    #[test]
    fn other_bytes_are_not_the_ones_named() {
        let series = "it.ci_direct".parse().unwrap();
        let name = Ref::of(Kind::Raw, &series, Format::Csv, b"abc");
        assert!(name.names(b"abc"));
        assert!(!name.names(b"abd"));
    }

    #[test]
    fn a_digest_in_capitals_is_refused() {
        assert!("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD".parse::<Sha256Hex>().is_err());
    }
}
