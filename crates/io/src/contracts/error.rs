//! What can be wrong with a message, down to the field.

use aria_core::artifact::ParseSha256Error;
use aria_core::series::ParseSeriesError;

/// Bytes that are not the message they should be. None of it can be mended by trying again.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The fact's name is none of this version's.
    #[error("`{name}` is no fact that this version knows")]
    UnknownFact {
        /// The name that was found.
        name: String,
    },
    /// The body is longer than an event can be.
    #[error("body of {size_bytes} bytes is over the limit of {limit_bytes}")]
    TooLong {
        /// Its length.
        size_bytes: usize,
        /// The longest that is read.
        limit_bytes: usize,
    },
    /// The body is not protobuf of the right shape.
    #[error("body is not the protobuf message that its subject names: {0}")]
    Protobuf(#[from] prost::DecodeError),
    /// A field is missing or means nothing.
    #[error(transparent)]
    Field(#[from] FieldError),
}

/// A field that is missing or means nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field `{path}` {fault}")]
pub struct FieldError {
    /// Where, from the message down: `batch.snapshot.sha256`.
    pub path: String,
    /// What is wrong with it.
    pub fault: FieldFault,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldFault {
    /// It is required and absent.
    #[error("is missing")]
    Missing,
    /// It is a choice that was not made.
    #[error("is unspecified")]
    Unspecified,
    /// It is a choice that this version does not know.
    #[error("has the value {value}, which this version does not know")]
    UnknownChoice {
        /// The number on the wire.
        value: i32,
    },
    /// It names no series.
    #[error("names no series: {0}")]
    Series(#[from] ParseSeriesError),
    /// It is no digest.
    #[error("is no digest: {0}")]
    Digest(#[from] ParseSha256Error),
    /// It is no supported time.
    #[error("is {seconds} seconds since 1970, which is outside the years 1900 to 2199")]
    Time {
        /// The number on the wire.
        seconds: i64,
    },
}

impl FieldError {
    pub(super) fn at(name: &str, fault: impl Into<FieldFault>) -> Self {
        Self { path: name.to_owned(), fault: fault.into() }
    }

    pub(super) fn inside(self, name: &str) -> Self {
        Self { path: format!("{name}.{}", self.path), fault: self.fault }
    }
}
