//! Ids of events, made from their cause and content.

use std::fmt;
use std::str::FromStr;

use aria_core::artifact::Sha256Hex;

use super::subject::FACT_NAMES;

/// The id of an event: `<fact name>/<sha256>`, the digest taken over the cause, a NUL and the body.
///
/// The fact's name is part of it because the event log tells duplicates apart by the id alone, whatever the subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(String);

/// A text that is no event's id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an event's id: <fact name>/<sha256>")]
pub struct ParseEventIdError {
    text: String,
}

impl EventId {
    /// The id of an event with this cause, fact and body.
    pub fn of(cause: &str, fact_name: &str, body: &[u8]) -> Self {
        let content = [cause.as_bytes(), b"\0", body].concat();
        Self(format!("{fact_name}/{}", Sha256Hex::of(&content)))
    }

    /// The id as it stands in headers.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EventId {
    type Err = ParseEventIdError;

    fn from_str(text: &str) -> Result<Self, ParseEventIdError> {
        let is_id = text
            .split_once('/')
            .is_some_and(|(fact_name, digest)| FACT_NAMES.contains(&fact_name) && digest.parse::<Sha256Hex>().is_ok());
        if !is_id {
            return Err(ParseEventIdError { text: text.to_owned() });
        }
        Ok(Self(text.to_owned()))
    }
}

impl From<EventId> for String {
    fn from(id: EventId) -> Self {
        id.0
    }
}
