//! A broker in memory, with the rules of JetStream that Aria relies on: for histories that are run offline and for
//! simulations. The suite in [`super::conformance`] runs over it and over a real server.
//!
//! It has no clock: a message that is given back can be handed out again at once, and one that is in hand stays so
//! until somebody says that its time is over ([`Broker::take_back`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::HeaderMap;
use async_nats::header::{NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_MESSAGE_ID};
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::{LastRawMessageError, LastRawMessageErrorKind};
use bytes::Bytes;
use tokio::sync::watch;

use super::queue::Handed;
use super::reader::{Placed, Stored};
use super::{BusError, STREAM, text_header};

/// What the subjects of all cells begin with.
const CELLS: &str = "$KV.";

/// A broker in memory; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Broker {
    state: Arc<Mutex<State>>,
    /// How often anything changed.
    changes: Arc<watch::Sender<u64>>,
}

#[derive(Debug, Default)]
struct State {
    streams: BTreeMap<String, Log>,
    consumers: BTreeMap<String, Consumer>,
}

/// A stream. Places count from 1. Of a cell only the newest message is kept.
#[derive(Debug, Default)]
struct Log {
    messages: BTreeMap<u64, Message>,
    last: u64,
    ids: HashMap<String, u64>,
    newest: HashMap<String, u64>,
}

/// A stored message.
#[derive(Clone, Debug)]
pub struct Message {
    /// The subject it was published on.
    pub subject: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub payload: Bytes,
}

/// A durable consumer of the log.
#[derive(Debug, Default)]
struct Consumer {
    filters: BTreeSet<String>,
    /// The place that was looked at last.
    seen: u64,
    /// Messages that are not acknowledged, by their place.
    open: BTreeMap<u64, Open>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Open {
    delivered: u64,
    in_hand: bool,
}

/// What a process asks of the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// To store a message, also one of a cell.
    Publish,
    /// To read something.
    Read,
    /// To learn what became of a message that it handed out.
    Acknowledge,
}

/// That the broker's answer did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the broker does not answer")]
pub struct Unanswered;

/// A future of a [`Fate`].
pub type Befalls = Pin<Box<dyn Future<Output = Result<(), Unanswered>> + Send>>;

/// What befalls the operations of one process. A future that never ends is a process that was killed there.
pub trait Fate: Send + Sync {
    /// Before an operation is carried out; an error means that it never is.
    fn before(&self, operation: Operation, subject: &str) -> Befalls;

    /// After it was carried out; an error means that its answer is lost.
    fn after(&self, operation: Operation, subject: &str) -> Befalls;
}

/// Everything goes well.
struct Well;

impl Fate for Well {
    fn before(&self, _: Operation, _: &str) -> Befalls {
        Box::pin(std::future::ready(Ok(())))
    }

    fn after(&self, _: Operation, _: &str) -> Befalls {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Broker {
    /// A connection on which everything goes well.
    pub(super) fn line(&self) -> Line {
        self.line_with(Arc::new(Well))
    }

    /// A connection of a process with this fate.
    pub(super) fn line_with(&self, fate: Arc<dyn Fate>) -> Line {
        Line { broker: self.clone(), fate }
    }

    /// The places of the messages that a service's consumer could hand out now, those that were never handed out last.
    pub fn waiting(&self, service: &str) -> Vec<u64> {
        let mut state = self.open();
        let State { streams, consumers } = &mut *state;
        let (Some(consumer), Some(log)) = (consumers.get_mut(service), streams.get(STREAM)) else { return Vec::new() };
        consumer.look(log);
        consumer.open.iter().filter(|(_, open)| !open.in_hand).map(|(place, _)| *place).collect()
    }

    /// Messages of a service's consumer that are not acknowledged, and how often messages were handed out again.
    pub fn unacknowledged(&self, service: &str) -> usize {
        self.open().consumers.get(service).map_or(0, |consumer| consumer.open.len())
    }

    /// Whether somebody has this message in hand.
    pub fn is_in_hand(&self, service: &str, sequence: u64) -> bool {
        self.open().consumers.get(service).and_then(|c| c.open.get(&sequence)).is_some_and(|open| open.in_hand)
    }

    /// Ends the time that a process has for a message in hand: it is handed out again, though that process may still
    /// be at it.
    pub fn take_back(&self, service: &str, sequence: u64) {
        if let Some(open) = self.open().consumers.get_mut(service).and_then(|c| c.open.get_mut(&sequence)) {
            open.in_hand = false;
        }
        self.changed();
    }

    /// What a stream holds, in order: the log is `ARIA`, the cells of a bucket lie in `KV_<bucket>`.
    pub fn stored(&self, stream: &str) -> Vec<Message> {
        self.open().streams.get(stream).map(|log| log.messages.values().cloned().collect()).unwrap_or_default()
    }

    /// The newest message that a stream holds, with its place.
    pub fn newest(&self, stream: &str) -> Option<(u64, Message)> {
        let state = self.open();
        state.streams.get(stream)?.messages.last_key_value().map(|(place, message)| (*place, message.clone()))
    }

    /// Puts a message into the log a second time, as somebody would who knows nothing of its id.
    pub fn put_foreign(&self, message: &Message) {
        let mut headers = HeaderMap::new();
        let ours = |name: &str| !name.starts_with("Nats-");
        for (name, values) in message.headers.iter().filter(|(name, _)| ours(name.as_ref())) {
            values.iter().for_each(|value| headers.append(name.clone(), value.clone()));
        }
        self.put(Message { headers, ..message.clone() });
    }

    /// Puts a message into the log that is no event.
    pub fn put_garbage(&self, subject: &str) {
        let payload = Bytes::from_static(b"no event");
        self.put(Message { subject: subject.to_owned(), headers: HeaderMap::new(), payload });
    }

    fn put(&self, message: Message) {
        // Without an id and without a condition there is nothing that it could be refused for.
        let _ = self.open().streams.entry(STREAM.to_owned()).or_default().store(message);
        self.changed();
    }

    /// The number of changes so far: whoever waits for something to happen compares it.
    pub fn changes(&self) -> u64 {
        *self.changes.borrow()
    }

    fn changed(&self) {
        self.changes.send_modify(|changes| *changes += 1);
    }

    fn open(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    /// As JetStream does: a known id is a duplicate before anything else is looked at.
    fn store(&mut self, message: Message) -> Result<(u64, bool), PublishErrorKind> {
        let header = |name| text_header(Some(&message.headers), name);
        if let Some(place) = header(NATS_MESSAGE_ID.as_ref()).and_then(|id| self.ids.get(id)) {
            return Ok((*place, true));
        }
        let newest = self.newest.get(&message.subject).copied().unwrap_or(0);
        let expected = header(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE.as_ref()).and_then(|text| text.parse::<u64>().ok());
        if expected.is_some_and(|expected| expected != newest) {
            return Err(PublishErrorKind::WrongLastSequence);
        }
        self.last += 1;
        let place = self.last;
        if let Some(id) = header(NATS_MESSAGE_ID.as_ref()) {
            self.ids.insert(id.to_owned(), place);
        }
        if message.subject.starts_with(CELLS) {
            self.messages.remove(&newest);
        }
        self.newest.insert(message.subject.clone(), place);
        self.messages.insert(place, message);
        Ok((place, false))
    }
}

impl Consumer {
    /// Finds what came since.
    fn look(&mut self, log: &Log) {
        for (place, message) in log.messages.range(self.seen + 1..) {
            self.seen = *place;
            if self.filters.iter().any(|filter| matches(filter, &message.subject)) {
                self.open.insert(*place, Open::default());
            }
        }
    }
}

/// Whether a subject is among those that a filter means: `*` is one part of it, `>` all that follow.
fn matches(filter: &str, subject: &str) -> bool {
    let mut parts = subject.split('.');
    for wanted in filter.split('.') {
        match (wanted, parts.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (wanted, Some(part)) if wanted == part => {}
            _ => return false,
        }
    }
    parts.next().is_none()
}

/// The connection of one process.
#[derive(Clone)]
pub(super) struct Line {
    broker: Broker,
    fate: Arc<dyn Fate>,
}

impl Line {
    pub(super) async fn publish(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<PublishAck, PublishError> {
        let unanswered = |_| PublishError::new(PublishErrorKind::TimedOut);
        self.fate.before(Operation::Publish, subject).await.map_err(unanswered)?;
        let stream = stream_of(subject).to_owned();
        let message = Message { subject: subject.to_owned(), headers, payload };
        let stored = self.broker.open().streams.entry(stream.clone()).or_default().store(message);
        self.broker.changed();
        self.fate.after(Operation::Publish, subject).await.map_err(unanswered)?;
        let (sequence, duplicate) = stored.map_err(PublishError::new)?;
        Ok(PublishAck { stream, sequence, duplicate, ..PublishAck::default() })
    }

    pub(super) async fn last(&self, stream: &str, subject: &str) -> Result<Option<Placed>, BusError> {
        self.read(subject, |state| {
            let log = state.streams.get(stream)?;
            let place = *log.newest.get(subject)?;
            log.messages.get(&place).map(|message| placed(message, place))
        })
        .await
    }

    pub(super) async fn last_sequence(&self) -> Result<u64, BusError> {
        self.read(STREAM, |state| state.streams.get(STREAM).map_or(0, |log| log.last)).await
    }

    pub(super) async fn subjects(&self, stream: &str, filter: &str) -> Result<Vec<String>, BusError> {
        self.read(filter, |state| {
            let subjects = state.streams.get(stream).into_iter().flat_map(|log| log.newest.keys());
            subjects.filter(|subject| matches(filter, subject)).cloned().collect()
        })
        .await
    }

    /// The messages from a place on that these filters mean, of those that are there.
    pub(super) async fn messages(&self, filters: &[String], from: u64) -> Result<Vec<Placed>, BusError> {
        self.read(STREAM, |state| {
            let messages = state.streams.get(STREAM).into_iter().flat_map(|log| log.messages.range(from..));
            let wanted = messages.filter(|(_, message)| filters.iter().any(|filter| matches(filter, &message.subject)));
            wanted.map(|(place, message)| placed(message, *place)).collect()
        })
        .await
    }

    /// Waits until anything changes after this many changes.
    pub(super) async fn changed_after(&self, changes: u64) {
        let mut seen = self.broker.changes.subscribe();
        // The sender lives in the broker, which this line holds.
        let _ = seen.wait_for(|now| *now > changes).await;
    }

    pub(super) fn changes(&self) -> u64 {
        self.broker.changes()
    }

    /// The durable consumer of a service, made where there is none.
    pub(super) fn consumer(&self, service: &str, filters: Vec<String>) -> Out {
        self.broker.open().consumers.entry(service.to_owned()).or_default().filters = filters.into_iter().collect();
        Out { line: self.clone(), service: service.to_owned() }
    }

    /// What a consumer is behind: never handed out, not acknowledged, handed out more than once.
    pub(super) fn backlog(&self, service: &str) -> Option<(u64, u64, u64)> {
        self.broker.waiting(service);
        let state = self.broker.open();
        let open = &state.consumers.get(service)?.open;
        let count = |wanted: fn(&Open) -> bool| open.values().filter(|open| wanted(open)).count() as u64;
        Some((count(|open| open.delivered == 0), count(|open| open.delivered > 0), count(|open| open.delivered > 1)))
    }

    async fn read<T>(&self, subject: &str, look: impl FnOnce(&State) -> T) -> Result<T, BusError> {
        let unanswered = |_| {
            let source = LastRawMessageError::new(LastRawMessageErrorKind::Other);
            BusError::Read { subject: subject.to_owned(), source }
        };
        self.fate.before(Operation::Read, subject).await.map_err(unanswered)?;
        let found = look(&self.broker.open());
        self.fate.after(Operation::Read, subject).await.map_err(unanswered)?;
        Ok(found)
    }
}

/// The messages of a service's consumer, as one process gets them.
#[derive(Clone)]
pub(super) struct Out {
    line: Line,
    service: String,
}

impl Out {
    /// The oldest message that can be handed out, waited for.
    pub(super) async fn next(&self) -> Handed {
        loop {
            let changes = self.line.changes();
            let waiting = self.line.broker.waiting(&self.service);
            if let Some(handed) = waiting.first().and_then(|place| self.take(*place)) {
                return handed;
            }
            self.line.changed_after(changes).await;
        }
    }

    /// A certain one, if it can be handed out.
    pub(super) fn take(&self, place: u64) -> Option<Handed> {
        let mut state = self.line.broker.open();
        let State { streams, consumers } = &mut *state;
        let open = consumers.get_mut(&self.service)?.open.get_mut(&place).filter(|open| !open.in_hand)?;
        let message = streams.get(STREAM)?.messages.get(&place)?;
        (open.in_hand, open.delivered) = (true, open.delivered + 1);
        Some(Handed::by_memory(message, place, open.delivered, self.clone()))
    }

    pub(super) async fn acknowledge(&self, place: u64) -> Result<(), async_nats::Error> {
        self.line.fate.before(Operation::Acknowledge, &self.service).await?;
        if let Some(consumer) = self.line.broker.open().consumers.get_mut(&self.service) {
            consumer.open.remove(&place);
        }
        self.line.broker.changed();
        Ok(self.line.fate.after(Operation::Acknowledge, &self.service).await?)
    }

    pub(super) async fn give_back(&self, place: u64) -> Result<(), async_nats::Error> {
        self.line.fate.before(Operation::Acknowledge, &self.service).await?;
        self.line.broker.take_back(&self.service, place);
        Ok(self.line.fate.after(Operation::Acknowledge, &self.service).await?)
    }
}

/// The stream that keeps a subject: each bucket has one of its own.
fn stream_of(subject: &str) -> String {
    match subject.strip_prefix(CELLS).and_then(|rest| rest.split_once('.')) {
        Some((bucket, _)) => format!("KV_{bucket}"),
        None => STREAM.to_owned(),
    }
}

/// Without a clock, a message is as old as its place.
fn placed(message: &Message, place: u64) -> Placed {
    Placed {
        subject: message.subject.clone(),
        headers: Some(message.headers.clone()),
        payload: message.payload.clone(),
        sequence: place,
        stored: Stored::EPOCH,
    }
}

#[cfg(test)]
mod tests {
    use super::super::conformance::{Bench, uphold};
    use super::*;
    use crate::bus::Bus;

    impl Bench for Broker {
        async fn bus(&self) -> Bus {
            Bus::in_memory(self)
        }

        fn time_runs_out(&self, service: &str, sequence: u64) {
            self.take_back(service, sequence);
        }
    }

    #[tokio::test]
    async fn it_upholds_what_a_broker_must() {
        uphold(&Broker::default()).await.unwrap();
    }

    #[test]
    fn a_filter_means_one_part_by_a_star_and_the_rest_by_an_arrow() {
        let check = |filter, subject, expected| assert_eq!(matches(filter, subject), expected, "{filter} {subject}");
        check("a.b.c", "a.b.c", true);
        check("a.*.c", "a.b.c", true);
        check("a.>", "a.b.c", true);
        check("a.>", "a", false);
        check("a.*", "a.b.c", false);
        check("a.b.c.d", "a.b.c", false);
    }
}
