//! Why a row or a cell is refused.

use crate::time::Timestamp;

/// Why a row or a cell is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(super) enum Fault {
    #[error("is empty")]
    Empty,
    #[error("is not UTF-8 text")]
    NotUtf8,
    #[error("is no time; write one such as 2023-03-26T01:00:00Z")]
    NoTime,
    #[error("is a time without an offset, which could mean any zone; write Z or +01:00 after it")]
    NoOffset,
    #[error("is a date without an hour; write a time such as 2023-03-26T01:00:00Z")]
    NoHour,
    #[error("is a time outside the years 1900 to 2199")]
    OutsideYears,
    #[error("is not the start of a step of {step}")]
    OffGrid { step: &'static str },
    #[error("is from the future: it was received at {received}")]
    Future { received: Timestamp },
    #[error("is before {earliest}, the earliest time that can be true; correct it, or lower contract.earliest")]
    TooEarly { earliest: Timestamp },
    #[error(
        "is {days} days after {newest}, the newest time of the series, where {most} are allowed; correct it, or raise \
         contract.pause_days if nothing was measured for so long"
    )]
    Ahead { days: i64, newest: Timestamp, most: u32 },
    #[error(
        "is {days} days before {first}, the first time of the series, where {most} are allowed; correct it, or raise \
         contract.backfill_days if nothing was measured in between"
    )]
    Behind { days: i64, first: Timestamp, most: u32 },
    #[error("is not a number")]
    NoNumber,
    #[error("is not a number; write the decimals after a point")]
    DecimalComma,
    #[error("is not a number but NaN")]
    NaN,
    #[error("is not finite")]
    Infinite,
    #[error("is below the minimum of {minimum} {unit}")]
    Below { minimum: f64, unit: String },
    #[error("is above the maximum of {maximum} {unit}")]
    Above { maximum: f64, unit: String },
    #[error("is the same for {hours} hours and more, as from a stuck meter; raise contract.stuck_hours if it is true")]
    Stuck { hours: u32 },
    #[error("is superseded by row {by}, which has the same time")]
    Superseded { by: u64 },
    #[error("has {found} fields where the header has {expected}")]
    Width { found: usize, expected: usize },
    #[error("opens a quotation mark that nothing closes")]
    OpenQuote,
    #[error("is longer than {most} bytes")]
    LongRow { most: usize },
    #[error("is no JSON object: {0}")]
    NoObject(String),
}
