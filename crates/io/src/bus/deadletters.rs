//! Dead letters: messages that a service could not process, kept with the reason, to be read and handed in again, or
//! dropped.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll};

use aria_core::event::Event;
use aria_core::time::Timestamp;
use async_nats::HeaderMap;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use tracing::warn;

use super::message::{add_header, first_subject, replay_subject};
use super::reader::{End, Messages, Placed};
use super::{Bus, BusError, Malformed, Published, Start};
use crate::contracts::headers::{CONTENT_TYPE, MESSAGE_ID, PROTOBUF};
use crate::contracts::{self, DeadLetter, DeadLetterDropped, dead_letter_subject, dropped_subject};

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

impl Letter {
    /// The event that the service could not process.
    ///
    /// # Errors
    /// Where the message is no event, which is then why it lies here.
    pub fn event(&self) -> Result<Event, Malformed> {
        let subject = first_subject(&self.content.subject);
        let (fact, _) = contracts::parse_subject(&subject).ok_or(Malformed::Subject)?;
        Ok(contracts::decode(fact, &self.content.body)?)
    }
}

/// Dead letters in the order of the log, without those that were dropped.
pub struct Letters {
    messages: Messages,
    dropped: BTreeMap<u64, Dropped>,
}

/// A dead letter that an operator dropped.
#[derive(Clone, Debug)]
pub struct Dropped {
    /// When.
    pub stored: Timestamp,
    /// Which, and why.
    pub content: DeadLetterDropped,
}

impl Bus {
    /// Keeps a message that a service could not process. One message of the log becomes one dead letter of a service,
    /// however often this is repeated.
    ///
    /// # Errors
    /// Where the broker does not confirm that it is stored.
    pub async fn bury(&self, letter: &DeadLetter) -> Result<Published, BusError> {
        self.keep(&dead_letter_subject(&letter.service), letter.id(), letter.encode()).await
    }

    async fn keep(&self, subject: &str, id: String, body: Vec<u8>) -> Result<Published, BusError> {
        let mut headers = HeaderMap::new();
        headers.insert(MESSAGE_ID, id.as_str());
        headers.insert(CONTENT_TYPE, PROTOBUF);
        let stored = self.send(subject, headers, Bytes::from(body)).await?;
        Ok(Published { id, sequence: stored.sequence, duplicate: stored.duplicate })
    }

    /// Reads the dead letters of a service, or of all, that are there and were not dropped, and ends.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn dead_letters(&self, service: Option<&str>, start: Start) -> Result<Letters, BusError> {
        let dropped = self.dropped_letters().await?;
        let subject = dead_letter_subject(service.unwrap_or("*"));
        Ok(Letters { messages: self.messages(vec![subject], start, End::CaughtUp).await?, dropped })
    }

    /// Decides that a dead letter is not to be handed in again. The decision is kept in the log, beside the dead
    /// letter; of two decisions the first one stands.
    ///
    /// # Errors
    /// Where the broker does not confirm that it is stored.
    pub async fn drop_letter(&self, letter: &Letter, reason: &str) -> Result<Published, BusError> {
        let (dead_letter_sequence, service) = (letter.sequence, letter.content.service.clone());
        let decision = DeadLetterDropped { dead_letter_sequence, service, reason: reason.to_owned() };
        self.keep(&dropped_subject(&decision.service), decision.id(), decision.encode()).await
    }

    /// The dead letters that were dropped, by their place in the log.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn dropped_letters(&self) -> Result<BTreeMap<u64, Dropped>, BusError> {
        let mut messages = self.messages(vec![dropped_subject("*")], Start::First, End::CaughtUp).await?;
        let mut dropped = BTreeMap::new();
        while let Some(placed) = messages.next().await {
            let Placed { payload, sequence, stored, .. } = placed?;
            match DeadLetterDropped::decode(&payload) {
                Ok(content) => {
                    let sequence = content.dead_letter_sequence;
                    dropped.entry(sequence).or_insert(Dropped { stored: stored.at, content });
                }
                // Nothing was decided by it, so that no dead letter may vanish because of it.
                Err(error) => warn!(sequence, %error, "passing over what is no decision about a dead letter"),
            }
        }
        Ok(dropped)
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
            add_header(&mut headers, name, value).map_err(|source| BusError::Undecodable {
                sequence: letter.sequence,
                subject: content.subject.clone(),
                source,
            })?;
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
        loop {
            let next = std::task::ready!(Pin::new(&mut self.messages).poll_next(context));
            let is_dropped = |placed: &Placed| self.dropped.contains_key(&placed.sequence);
            match next {
                Some(Ok(placed)) if is_dropped(&placed) => {}
                next => return Poll::Ready(next.map(|placed| placed.and_then(open))),
            }
        }
    }
}

fn open(placed: Placed) -> Result<Letter, BusError> {
    let Placed { subject, payload, sequence, stored, .. } = placed;
    let content = DeadLetter::decode(&payload).map_err(|e| BusError::Undecodable {
        sequence,
        subject,
        source: Malformed::Body(e),
    })?;
    Ok(Letter { sequence, stored: stored.at, content })
}

#[cfg(test)]
mod tests {
    use super::super::memory::Broker;
    use super::*;

    #[tokio::test]
    async fn a_letter_with_a_header_that_cannot_be_sent_is_refused_by_name() {
        let bus = Bus::in_memory(&Broker::default());
        let content = DeadLetter {
            service: "drift".to_owned(),
            subject: "aria.v1.batch.accepted.it.ci_direct".to_owned(),
            stream_sequence: 7,
            attempts: 1,
            reason: "test".to_owned(),
            headers: vec![("a:b".to_owned(), "c".to_owned())],
            body: Vec::new(),
        };
        let stored = Timestamp::EPOCH;
        let refused = bus.replay(&Letter { sequence: 9, stored, content }).await.unwrap_err();
        assert!(
            matches!(refused, BusError::Undecodable { sequence: 9, source: Malformed::Unsendable { name }, .. } if name == "a:b")
        );
    }
}
