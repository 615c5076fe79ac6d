//! Dead letters: messages that a service gave up on, kept with their reason so that they can be replayed, or dropped.

use prost::Message;

use super::error::FieldError;
use super::field;
use super::generated as wire;
use super::generated::dead_letter::Header;
use super::{MAX_BODY_BYTES, WireError};

/// Together with a body of [`MAX_BODY_BYTES`] well under the 1 MiB that a server takes: what is dead must find its
/// place.
const MAX_REASON_BYTES: usize = 16 * 1024;
const MAX_HEADERS_BYTES: usize = 64 * 1024;

/// A message that a service gave up on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The service that gave up.
    pub service: String,
    /// The subject under which the message came.
    pub subject: String,
    /// Its place in the event log.
    pub stream_sequence: u64,
    /// How often it was tried.
    pub attempts: u64,
    /// Why the service gave up.
    pub reason: String,
    /// Its headers, a name and a value each.
    pub headers: Vec<(String, String)>,
    /// Its body, whatever it was.
    pub body: Vec<u8>,
}

impl DeadLetter {
    /// The id under which the event log keeps it: giving up on a message twice leaves one dead letter.
    pub fn id(&self) -> String {
        format!("deadletter.{}/{}", self.service, self.stream_sequence)
    }

    /// Its bytes on the wire, the headers sorted by name.
    ///
    /// A body, a reason or headers beyond any event's are cut: the whole message lies in the event log.
    pub fn encode(&self) -> Vec<u8> {
        let Self { service, subject, stream_sequence, attempts, reason, headers, body } = self;
        let kept_body = body.get(..MAX_BODY_BYTES).unwrap_or(body);
        wire::DeadLetter {
            service: service.clone(),
            subject: subject.clone(),
            stream_sequence: *stream_sequence,
            attempts: *attempts,
            reason: beginning(reason, MAX_REASON_BYTES).to_owned(),
            headers: sorted(headers),
            body: kept_body.to_vec(),
        }
        .encode_to_vec()
    }

    /// Reads a dead letter.
    ///
    /// # Errors
    /// Where the bytes are no dead letter, or one that does not say which message it is about.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        Ok(wire::DeadLetter::decode(bytes)?.try_into()?)
    }
}

impl TryFrom<wire::DeadLetter> for DeadLetter {
    type Error = FieldError;

    fn try_from(message: wire::DeadLetter) -> Result<Self, FieldError> {
        let wire::DeadLetter { service, subject, stream_sequence, attempts, reason, headers, body } = message;
        Ok(Self {
            service: field::nonempty("service", service)?,
            subject: field::nonempty("subject", subject)?,
            stream_sequence: field::from_one("stream_sequence", stream_sequence)?,
            attempts,
            reason,
            headers: headers.into_iter().map(|Header { name, value }| (name, value)).collect(),
            body,
        })
    }
}

/// An operator took a dead letter off the list, handed in again or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterDropped {
    /// The dead letter's place in the event log.
    pub dead_letter_sequence: u64,
    /// The service that gave up on the message.
    pub service: String,
    /// Why: a reason, or where it was handed in.
    pub reason: String,
}

impl DeadLetterDropped {
    /// The id under which the event log keeps it: dropping a dead letter twice leaves one decision.
    pub fn id(&self) -> String {
        format!("dropped.{}/{}", self.service, self.dead_letter_sequence)
    }

    /// Its bytes on the wire; a reason beyond any reader's patience is cut.
    pub fn encode(&self) -> Vec<u8> {
        let Self { dead_letter_sequence, service, reason } = self;
        wire::DeadLetterDropped {
            dead_letter_sequence: *dead_letter_sequence,
            service: service.clone(),
            reason: beginning(reason, MAX_REASON_BYTES).to_owned(),
        }
        .encode_to_vec()
    }

    /// Reads a decision.
    ///
    /// # Errors
    /// Where the bytes are none, or one that does not say which dead letter it is about or why.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        Ok(wire::DeadLetterDropped::decode(bytes)?.try_into()?)
    }
}

impl TryFrom<wire::DeadLetterDropped> for DeadLetterDropped {
    type Error = FieldError;

    fn try_from(message: wire::DeadLetterDropped) -> Result<Self, FieldError> {
        let wire::DeadLetterDropped { dead_letter_sequence, service, reason } = message;
        Ok(Self {
            dead_letter_sequence: field::from_one("dead_letter_sequence", dead_letter_sequence)?,
            service: field::nonempty("service", service)?,
            reason: field::nonempty("reason", reason)?,
        })
    }
}

/// Sorted by name so that the bytes do not depend on the order in which a client library hands headers out.
fn sorted(headers: &[(String, String)]) -> Vec<Header> {
    let mut sorted: Vec<_> = headers.iter().collect();
    sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut size_bytes = 0;
    sorted
        .into_iter()
        .take_while(|(name, value)| {
            size_bytes += name.len() + value.len();
            size_bytes <= MAX_HEADERS_BYTES
        })
        .map(|(name, value)| Header { name: name.clone(), value: value.clone() })
        .collect()
}

fn beginning(text: &str, limit_bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(limit_bytes)).unwrap_or(text)
}
