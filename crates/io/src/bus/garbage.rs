//! What a collector of garbage asks of the broker: the whole log with what it cannot read, how far every service has
//! come, the record of what is about to be deleted, and to delete a message.

use aria_core::event::Event;
use aria_core::garbage::Condemned;
use aria_core::time::Timestamp;
use aria_core::{document, document::DocumentError};
use async_nats::jetstream::consumer::Info;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt};

use super::message::parts;
use super::reader::{End, Placed};
use super::setup::PLATFORM;
use super::{Bus, BusError, Malformed, STREAM, Start};
use crate::artifacts::{OnRecord, Record, RecordError};
use crate::contracts::{
    ALL_SUBJECTS, DeadLetter, DeadLetterDropped, WireError, dead_letter_subject, dropped_subject, parse_subject,
};

/// The key of the record in the bucket of what the platform knows of itself.
const KEY: &str = "condemned";

/// A message of the log.
#[derive(Debug)]
pub struct Entry {
    /// Its place in the log.
    pub sequence: u64,
    /// When the broker stored it.
    pub stored: Timestamp,
    /// Its subject.
    pub subject: String,
    /// Its length.
    pub size_bytes: u64,
    /// What it says.
    pub content: Content,
}

/// What a message of the log says.
#[derive(Debug)]
pub enum Content {
    /// An event.
    Event(Box<Event>),
    /// An event that was handed to a service again.
    Again(Box<Event>),
    /// A dead letter.
    DeadLetter(DeadLetter),
    /// The decision that a dead letter is off the list.
    Dropped(DeadLetterDropped),
    /// Nothing that this version reads.
    Unreadable(Malformed),
}

/// How far the services have come with the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The place up to which every reader of the log has dealt with everything.
    pub through: u64,
    /// The reader that is behind the others, where one is behind the log.
    pub behind: Option<String>,
}

impl Bus {
    /// The whole log, in its order, with what cannot be read.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn whole_log(&self) -> Result<BoxStream<'static, Result<Entry, BusError>>, BusError> {
        let messages = self.messages(vec![ALL_SUBJECTS.to_owned()], Start::First, End::CaughtUp).await?;
        Ok(messages.map(|placed| placed.map(entry)).boxed())
    }

    /// How far these services, and whoever else reads the log and acknowledges, have come with it. A service that never
    /// ran has dealt with nothing.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn settled(&self, services: &[&str]) -> Result<Settled, BusError> {
        // First: a reader with nothing left to do then has dealt with all that was there now.
        let newest = self.last_sequence().await?;
        let mut settled = Settled { through: newest, behind: None };
        let mut missing: Vec<&str> = services.to_vec();
        let mut readers = self.log().await?.consumers();
        while let Some(reader) = readers.try_next().await.map_err(|e| BusError::client("list the log's readers", e))? {
            // A reader without a name of its own is somebody who looks, and leaves no trace.
            let Some(name) = &reader.config.durable_name else { continue };
            missing.retain(|service| service != name);
            settled.at_most(through(&reader, newest), name);
        }
        if let Some(service) = missing.first() {
            settled.at_most(0, service);
        }
        Ok(settled)
    }

    /// Deletes a message of the log; one that is not there is no fault.
    ///
    /// # Errors
    /// Where the broker does not do it.
    pub async fn delete_message(&self, sequence: u64) -> Result<(), BusError> {
        let stream = self.log().await?;
        let Err(refused) = stream.delete_message(sequence).await else { return Ok(()) };
        match stream.get_raw_message(sequence).await {
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(()),
            Ok(_) | Err(_) => Err(BusError::client("delete a message", refused)),
        }
    }
}

impl Bus {
    /// A handle on the log's stream that asks the broker nothing.
    async fn log(&self) -> Result<Stream<()>, BusError> {
        let stream = self.jetstream()?.get_stream_no_info(STREAM).await;
        stream.map_err(|e| BusError::client("name a stream", e))
    }
}

impl Settled {
    fn at_most(&mut self, through: u64, reader: &str) {
        if through < self.through {
            (self.through, self.behind) = (through, Some(reader.to_owned()));
        }
    }
}

/// How far a reader has come. The floor of what it acknowledged stays where its last message was, however much came
/// since that is not for it.
fn through(reader: &Info, newest: u64) -> u64 {
    let is_idle = reader.num_pending == 0 && reader.num_ack_pending == 0;
    if is_idle { newest } else { reader.ack_floor.stream_sequence }
}

fn entry(placed: Placed) -> Entry {
    let Placed { subject, headers, payload: body, sequence, stored } = placed;
    let content = if subject.starts_with(&dead_letter_subject("")) {
        readable(DeadLetter::decode(&body), Content::DeadLetter)
    } else if subject.starts_with(&dropped_subject("")) {
        readable(DeadLetterDropped::decode(&body), Content::Dropped)
    } else {
        match parts(&subject, headers.as_ref(), &body) {
            Ok(parts) if parse_subject(&subject).is_some() => Content::Event(Box::new(parts.event)),
            Ok(parts) => Content::Again(Box::new(parts.event)),
            Err(malformed) => Content::Unreadable(malformed),
        }
    };
    Entry { sequence, stored: stored.at, subject, size_bytes: body.len() as u64, content }
}

fn readable<T>(read: Result<T, WireError>, content: impl FnOnce(T) -> Content) -> Content {
    read.map_or_else(|error| Content::Unreadable(Malformed::Body(error)), content)
}

impl Record for Bus {
    fn read(&self) -> BoxFuture<'_, Result<Option<OnRecord>, RecordError>> {
        self.read_condemned().boxed()
    }

    fn write<'a>(
        &'a self,
        expected: Option<u64>,
        condemned: &'a Condemned,
    ) -> BoxFuture<'a, Result<Option<u64>, RecordError>> {
        async move {
            let value = document::encode(condemned)?;
            match self.cells(PLATFORM).write(KEY, expected.unwrap_or(0), value.into()).await {
                Ok(revision) => Ok(Some(revision)),
                Err(BusError::Conflict { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            }
        }
        .boxed()
    }
}

impl Bus {
    async fn read_condemned(&self) -> Result<Option<OnRecord>, RecordError> {
        let Some(found) = self.cells(PLATFORM).last(KEY).await? else { return Ok(None) };
        let condemned: Result<Condemned, DocumentError> = document::decode(&found.payload);
        Ok(Some(OnRecord { revision: found.sequence, written: found.stored.at, condemned: condemned? }))
    }
}
