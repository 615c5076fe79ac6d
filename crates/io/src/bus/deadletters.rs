//! Dead letters: messages that a service could not process, kept with the reason, to be read and handed in again.

use std::pin::Pin;
use std::task::{Context, Poll};

use aria_core::time::Timestamp;
use async_nats::HeaderMap;
use bytes::Bytes;
use futures::Stream;

use super::message::replay_subject;
use super::reader::{End, Messages, Placed};
use super::{Bus, BusError, Malformed, Published, Start};
use crate::contracts::headers::{CONTENT_TYPE, MESSAGE_ID, PROTOBUF};
use crate::contracts::{DeadLetter, dead_letter_subject};

/// A dead letter and its place in the log.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its place in the log, by which an operator names it.
    pub sequence: u64,
    /// When the broker stored it.
    pub stored: Timestamp,
    /// The message and the reason.
    pub content: DeadLetter,
}

/// Dead letters in the order of the log.
pub struct Letters {
    messages: Messages,
}

impl Bus {
    /// Keeps a message that a service could not process. One message of the log becomes one dead letter of a service,
    /// however often this is repeated.
    ///
    /// # Errors
    /// Where the broker does not confirm that it is stored.
    pub async fn bury(&self, letter: &DeadLetter) -> Result<Published, BusError> {
        let id = letter.id();
        let mut headers = HeaderMap::new();
        headers.insert(MESSAGE_ID, id.as_str());
        headers.insert(CONTENT_TYPE, PROTOBUF);
        let subject = dead_letter_subject(&letter.service);
        let stored = self.send(&subject, headers, Bytes::from(letter.encode())).await?;
        Ok(Published { id, sequence: stored.sequence, duplicate: stored.duplicate })
    }

    /// Reads the dead letters of a service, or of all, that are there, and ends.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn dead_letters(&self, service: Option<&str>, start: Start) -> Result<Letters, BusError> {
        let subject = dead_letter_subject(service.unwrap_or("*"));
        Ok(Letters { messages: self.messages(vec![subject], start, End::CaughtUp).await? })
    }

    /// Hands a dead letter's message to the service that could not process it, and to no other.
    ///
    /// The event keeps its id, so that what it causes now has the ids it would have had the first time.
    ///
    /// # Errors
    /// Where the dead letter holds no event's subject, or the broker does not confirm.
    pub async fn replay(&self, letter: &Letter) -> Result<Published, BusError> {
        let content = &letter.content;
        let Some(subject) = replay_subject(&content.service, &content.subject) else {
            let (sequence, subject) = (letter.sequence, content.subject.clone());
            return Err(BusError::Undecodable { sequence, subject, source: Malformed::Subject });
        };
        let mut headers = HeaderMap::new();
        for (name, value) in content.headers.iter().filter(|(name, _)| !name.starts_with("Nats-")) {
            headers.append(name.as_str(), value.as_str());
        }
        let id = format!("replay/{}", letter.sequence);
        headers.insert(MESSAGE_ID, id.as_str());
        let stored = self.send(&subject, headers, Bytes::from(content.body.clone())).await?;
        Ok(Published { id, sequence: stored.sequence, duplicate: stored.duplicate })
    }
}

impl Stream for Letters {
    type Item = Result<Letter, BusError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.messages).poll_next(context).map(|next| next.map(|placed| placed.and_then(open)))
    }
}

fn open(placed: Placed) -> Result<Letter, BusError> {
    let Placed { message, sequence, stored } = placed;
    let content = DeadLetter::decode(&message.payload).map_err(|e| {
        let subject = message.subject.to_string();
        BusError::Undecodable { sequence, subject, source: Malformed::Body(e) }
    })?;
    Ok(Letter { sequence, stored, content })
}
