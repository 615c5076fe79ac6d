//! Fields from the wire: what proto3 leaves open (presence, meaning) is settled here, with the field's path.

use aria_core::event::{Event, Fact};
use aria_core::series::SeriesId;
use aria_core::time::Timestamp;

use super::error::{FieldError, FieldFault};

/// An event about a series, from the two fields that every message begins with.
pub(super) fn event(series: &str, as_of_unix_seconds: Option<i64>, fact: Fact) -> Result<Event, FieldError> {
    let series = self::series("series", series)?;
    let as_of = time("as_of_unix_seconds", as_of_unix_seconds)?;
    Ok(Event { series, as_of, fact })
}

/// A message that must be there.
pub(super) fn required<W, D>(name: &str, value: Option<W>) -> Result<D, FieldError>
where
    D: TryFrom<W, Error = FieldError>,
{
    optional(name, value)?.ok_or_else(|| FieldError::at(name, FieldFault::Missing))
}

/// A message that may be there.
pub(super) fn optional<W, D>(name: &str, value: Option<W>) -> Result<Option<D>, FieldError>
where
    D: TryFrom<W, Error = FieldError>,
{
    value.map(D::try_from).transpose().map_err(|error| error.inside(name))
}

/// A choice that must have been made.
pub(super) fn choice<W, D>(name: &str, value: i32) -> Result<D, FieldError>
where
    W: TryFrom<i32>,
    D: TryFrom<W, Error = FieldFault>,
{
    let known = W::try_from(value).map_err(|_| FieldError::at(name, FieldFault::UnknownChoice { value }))?;
    D::try_from(known).map_err(|fault| FieldError::at(name, fault))
}

/// The name of a series.
pub(super) fn series(name: &str, text: &str) -> Result<SeriesId, FieldError> {
    let text = nonempty(name, text)?;
    text.parse::<SeriesId>().map_err(|error| FieldError::at(name, error))
}

/// A point in time.
pub(super) fn time(name: &str, seconds: Option<i64>) -> Result<Timestamp, FieldError> {
    let seconds = seconds.ok_or_else(|| FieldError::at(name, FieldFault::Missing))?;
    Timestamp::from_seconds(seconds).ok_or_else(|| FieldError::at(name, FieldFault::Time { seconds }))
}

/// A number that counts from one, so that zero is one that was not sent.
pub(super) fn from_one(name: &str, value: u64) -> Result<u64, FieldError> {
    match value {
        0 => Err(FieldError::at(name, FieldFault::Missing)),
        _ => Ok(value),
    }
}

/// A text that must say something.
pub(super) fn nonempty<T: AsRef<str>>(name: &str, text: T) -> Result<T, FieldError> {
    if text.as_ref().is_empty() {
        return Err(FieldError::at(name, FieldFault::Missing));
    }
    Ok(text)
}
