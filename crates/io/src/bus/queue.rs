//! Messages handed out by a durable consumer, and what the broker is told about each.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{Consumer, pull};
use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use futures::StreamExt;

use super::memory;
use crate::contracts::DeadLetter;

/// A durable consumer.
pub(crate) struct Queue(From);

#[expect(clippy::large_enum_variant, reason = "a service has one")]
enum From {
    Server(Consumer<pull::Config>),
    Memory(memory::Out),
}

/// A message in hand.
pub struct Handed {
    pub(crate) subject: String,
    pub(crate) headers: Option<HeaderMap>,
    pub(crate) payload: Bytes,
    /// Its place in the log.
    pub(crate) sequence: u64,
    /// How often it was handed out, this time included.
    pub(crate) delivered: u64,
    back: Back,
}

enum Back {
    Server(Box<Message>),
    Memory(memory::Out),
}

impl Queue {
    pub(crate) fn server(consumer: Consumer<pull::Config>) -> Self {
        Self(From::Server(consumer))
    }

    pub(super) fn memory(out: memory::Out) -> Self {
        Self(From::Memory(out))
    }

    /// How long the broker really waits for a sign of life; nothing where it never stops waiting.
    pub(crate) fn ack_wait(&self) -> Option<Duration> {
        match &self.0 {
            From::Server(consumer) => Some(consumer.cached_info().config.ack_wait),
            From::Memory(_) => None,
        }
    }

    /// The next message; none where the broker has none for this long.
    ///
    /// It is asked for each time anew, because the client's endless stream (async-nats 0.51, `pull::Stream`) miscounts
    /// when a message overtakes the note that it was asked for, and then waits for the request's end; and without
    /// heartbeats, because after one the client's `pull::Batch` no longer wakes up.
    pub(crate) async fn next(&self, patience: Duration) -> Result<Option<Handed>, async_nats::Error> {
        match &self.0 {
            From::Server(consumer) => {
                let mut asked = consumer.batch().max_messages(1).expires(patience).messages().await?;
                asked.next().await.transpose()?.map(Handed::by_server).transpose()
            }
            From::Memory(out) => Ok(tokio::time::timeout(patience, out.next()).await.ok()),
        }
    }
}

impl Queue {
    /// The message at this place of the log; nothing where it cannot be had, or the broker is a server, which chooses.
    pub(crate) fn take(&self, sequence: u64) -> Option<Handed> {
        match &self.0 {
            From::Server(_) => None,
            From::Memory(out) => out.take(sequence),
        }
    }
}

impl Handed {
    fn by_server(message: Message) -> Result<Self, async_nats::Error> {
        let info = message.info()?;
        let (sequence, delivered) = (info.stream_sequence, u64::try_from(info.delivered).unwrap_or(0));
        Ok(Self {
            subject: message.subject.to_string(),
            headers: message.headers.clone(),
            payload: message.payload.clone(),
            sequence,
            delivered,
            back: Back::Server(Box::new(message)),
        })
    }

    pub(super) fn by_memory(message: &memory::Message, sequence: u64, delivered: u64, out: memory::Out) -> Self {
        Self {
            subject: message.subject.clone(),
            headers: Some(message.headers.clone()),
            payload: message.payload.clone(),
            sequence,
            delivered,
            back: Back::Memory(out),
        }
    }

    /// Its place in the log.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// What is kept of it where a service cannot process it.
    pub(crate) fn letter(&self, service: &str, reason: &str) -> DeadLetter {
        let headers = self.headers.iter().flat_map(|headers| headers.iter());
        let headers = headers
            .flat_map(|(name, values)| values.iter().map(|value| (name.to_string(), value.as_str().to_owned())))
            .collect();
        DeadLetter {
            service: service.to_owned(),
            subject: self.subject.clone(),
            stream_sequence: self.sequence,
            attempts: self.delivered,
            reason: reason.to_owned(),
            headers,
            body: self.payload.to_vec(),
        }
    }

    /// Tells the broker that someone is at it.
    pub(crate) async fn in_progress(&self) -> Result<(), async_nats::Error> {
        match &self.back {
            Back::Server(message) => message.ack_with(AckKind::Progress).await,
            Back::Memory(_) => Ok(()),
        }
    }

    /// Tells the broker that it is done, and waits until the broker has confirmed it: so a lost acknowledgement is
    /// known here and not after the waiting time.
    pub(crate) async fn done(&self) -> Result<(), async_nats::Error> {
        match &self.back {
            Back::Server(message) => message.double_ack().await,
            Back::Memory(out) => out.acknowledge(self.sequence).await,
        }
    }

    /// Tells the broker that it lies with the dead letters, and waits until the broker has confirmed it.
    pub(crate) async fn buried(&self) -> Result<(), async_nats::Error> {
        match &self.back {
            Back::Server(message) => message.double_ack_with(AckKind::Term).await,
            Back::Memory(out) => out.acknowledge(self.sequence).await,
        }
    }

    /// Gives it back, to be handed out again after this long.
    pub(crate) async fn back_after(&self, wait: Option<Duration>) -> Result<(), async_nats::Error> {
        match &self.back {
            Back::Server(message) => message.ack_with(AckKind::Nak(wait)).await,
            Back::Memory(out) => out.give_back(self.sequence).await,
        }
    }
}
