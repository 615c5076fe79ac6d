//! Reading the log: replayable from any place, without leaving a trace on the broker.

use std::collections::{BTreeSet, VecDeque};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aria_core::series::SeriesId;
use aria_core::time::Timestamp;
use async_nats::HeaderMap;
use async_nats::jetstream;
use async_nats::jetstream::consumer::pull::{Ordered, OrderedConfig, OrderedError, OrderedErrorKind};
use async_nats::jetstream::consumer::{Consumer, DeliverPolicy};
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use tracing::warn;

use super::link::Link;
use super::memory::Line;
use super::message::{Parts, Recorded, parts};
use super::{Bus, BusError, STREAM};
use crate::contracts::fact_filter;
use crate::runtime::{chain, rest};

/// Failures in a row after which reading ends with an error: about a minute without a broker.
const MOST_FAILURES: u32 = 30;
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Which events to read; all of them unless narrowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    facts: BTreeSet<String>,
    series: Option<SeriesId>,
}

impl Filter {
    /// Every event.
    pub fn all() -> Self {
        Self::default()
    }

    /// Only these facts, by name: `batch.accepted`.
    pub fn facts<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.facts.extend(names.into_iter().map(str::to_owned));
        self
    }

    /// Only events of this series.
    pub fn series(mut self, series: &SeriesId) -> Self {
        self.series = Some(series.clone());
        self
    }

    pub(super) fn subjects(&self) -> Vec<String> {
        let series = self.series.as_ref().map_or("*.*", SeriesId::as_str);
        let subject = |fact: &str| fact_filter(fact).replace("*.*", series);
        if self.facts.is_empty() {
            return vec![format!("aria.v1.*.*.{series}")];
        }
        self.facts.iter().map(|fact| subject(fact)).collect()
    }
}

/// Where to begin reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the oldest event.
    First,
    /// With the event at this place, or the next one after it.
    Sequence(u64),
    /// With the next event that is published.
    Next,
}

/// Events in the order of the log. An unreadable message is an error in its place, and reading goes on after it.
pub struct Events {
    messages: Messages,
}

impl Events {
    /// The next event that can be read. What cannot is warned of and passed over: the service that it was for keeps it
    /// with the dead letters, and nobody else may be held up by it.
    pub async fn next_readable(&mut self) -> Option<Result<Recorded, BusError>> {
        loop {
            match self.next().await? {
                Err(error @ BusError::Undecodable { .. }) => warn!(error = chain(&error), "passing over a message"),
                next => return Some(next),
            }
        }
    }
}

impl Bus {
    /// Reads events without end: those that are there, then those that come.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn events(&self, filter: &Filter, start: Start) -> Result<Events, BusError> {
        Ok(Events { messages: self.messages(filter.subjects(), start, End::Never).await? })
    }

    /// Reads the events that are there, and ends.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn recorded_events(&self, filter: &Filter, start: Start) -> Result<Events, BusError> {
        Ok(Events { messages: self.messages(filter.subjects(), start, End::CaughtUp).await? })
    }

    /// The newest event of one fact of a series, if any. One message is read, however long the log is; where that one
    /// is no event, the log is read for the newest that is.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn newest_event(&self, fact: &'static str, series: &SeriesId) -> Result<Option<Recorded>, BusError> {
        match self.newest_message(fact, series).await?.map(record).transpose() {
            Err(error @ BusError::Undecodable { .. }) => {
                warn!(error = chain(&error), "looking for the newest event before what is none");
                self.newest_readable(fact, series).await
            }
            newest => newest,
        }
    }

    async fn newest_readable(&self, fact: &'static str, series: &SeriesId) -> Result<Option<Recorded>, BusError> {
        let filter = Filter::all().facts([fact]).series(series);
        let mut events = self.recorded_events(&filter, Start::First).await?;
        let mut newest = None;
        while let Some(recorded) = events.next_readable().await {
            newest = Some(recorded?);
        }
        Ok(newest)
    }

    /// The newest message of one fact of a series, which may be no event.
    pub(super) async fn newest_message(&self, fact: &str, series: &SeriesId) -> Result<Option<Placed>, BusError> {
        let subject = fact_filter(fact).replace("*.*", series.as_str());
        self.link.last(STREAM, &subject).await
    }

    /// The place of the newest message in the log; 0 while it is empty.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn last_sequence(&self) -> Result<u64, BusError> {
        self.link.last_sequence().await
    }

    pub(super) async fn messages(&self, subjects: Vec<String>, start: Start, end: End) -> Result<Messages, BusError> {
        let newest = self.last_sequence().await?;
        let next = match start {
            Start::First => 1,
            Start::Sequence(sequence) => sequence.max(1),
            Start::Next => newest + 1,
        };
        if let Link::Memory(line) = &self.link {
            return from_memory(line.clone(), subjects, next, end).await;
        }
        let mut reading =
            Reading { bus: self.clone(), subjects, next, newest, end, open: None, ended: false, failures: 0 };
        reading.open().await?;
        Ok(stream::unfold(reading, |mut reading| async move { Some((reading.next().await?, reading)) }).boxed())
    }
}

/// When reading ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Never,
    CaughtUp,
}

/// Messages in the order of the log, each once.
pub(super) type Messages = BoxStream<'static, Result<Placed, BusError>>;

/// A message and its place in the log.
pub(super) struct Placed {
    pub(super) subject: String,
    pub(super) headers: Option<HeaderMap>,
    pub(super) payload: Bytes,
    pub(super) sequence: u64,
    pub(super) stored: Stored,
}

/// When the broker stored a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) at: Timestamp,
    pub(super) ms: i64,
}

impl Stored {
    /// In a broker without a clock.
    pub(super) const EPOCH: Self = Self { at: Timestamp::EPOCH, ms: 0 };
}

/// Reads a broker in memory: what is there, and unless that is all, what comes.
async fn from_memory(line: Line, subjects: Vec<String>, next: u64, end: End) -> Result<Messages, BusError> {
    let there = line.messages(&subjects, next).await?;
    if end == End::CaughtUp {
        return Ok(stream::iter(there.into_iter().map(Ok)).boxed());
    }
    let reading = (line, subjects, next, VecDeque::from(there));
    Ok(stream::unfold(reading, |(line, subjects, mut next, mut there)| async move {
        loop {
            let changes = line.changes();
            if let Some(placed) = there.pop_front() {
                next = placed.sequence + 1;
                return Some((Ok(placed), (line, subjects, next, there)));
            }
            match line.messages(&subjects, next).await {
                Ok(found) if found.is_empty() => line.changed_after(changes).await,
                Ok(found) => there = found.into(),
                Err(error) => return Some((Err(error), (line, subjects, next, there))),
            }
        }
    })
    .boxed())
}

/// Reading in progress. The client's own reader is opened anew where it was left when the broker went away.
struct Reading {
    bus: Bus,
    subjects: Vec<String>,
    /// The least place that was not read yet.
    next: u64,
    /// The newest message when reading began.
    newest: u64,
    end: End,
    open: Option<Ordered>,
    ended: bool,
    failures: u32,
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Placed, BusError>> {
        while !self.ended {
            match self.step().await {
                Ok(Some(placed)) => return Some(Ok(placed)),
                Ok(None) => {}
                Err(error) if self.failures < MOST_FAILURES => self.pause(&error).await,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }

    /// Opens the reader, or takes one message from it; none where it was read before.
    async fn step(&mut self) -> Result<Option<Placed>, BusError> {
        let Some(messages) = &mut self.open else {
            return self.open().await.map(|()| None);
        };
        let message = tokio::select! {
            biased;
            message = messages.next() => message.unwrap_or_else(|| Err(OrderedError::new(OrderedErrorKind::Other))),
            // The broker forgets readers when it goes; the client would notice only after some silence.
            () = self.bus.reconnected() => {
                self.open = None;
                return Ok(None);
            }
        };
        let (placed, pending) =
            message.map_err(async_nats::Error::from).and_then(place).map_err(|source| self.fault(source))?;
        self.failures = 0;
        self.ended = self.end == End::CaughtUp && (pending == 0 || placed.sequence >= self.newest);
        // The client begins anew after a lost connection, possibly at the very start.
        if placed.sequence < self.next {
            return Ok(None);
        }
        self.next = placed.sequence + 1;
        Ok(Some(placed))
    }

    async fn open(&mut self) -> Result<(), BusError> {
        self.bus.note_connection();
        let config = OrderedConfig {
            filter_subjects: self.subjects.clone(),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.next },
            ..OrderedConfig::default()
        };
        let jetstream = self.bus.jetstream()?;
        let consumer: Consumer<OrderedConfig> =
            jetstream.create_consumer_on_stream(config, STREAM).await.map_err(|e| self.fault(e.into()))?;
        self.ended = self.end == End::CaughtUp && consumer.cached_info().num_pending == 0;
        self.open = Some(consumer.messages().await.map_err(|e| self.fault(e.into()))?);
        Ok(())
    }

    async fn pause(&mut self, error: &BusError) {
        self.open = None;
        self.failures += 1;
        warn!(error = %error, failures = self.failures, "reading the log again from where it was left");
        rest(SHORTEST_PAUSE.saturating_mul(1 << self.failures.min(6)).min(LONGEST_PAUSE)).await;
    }

    fn fault(&self, source: async_nats::Error) -> BusError {
        BusError::Messages { reader: self.bus.config.name.clone(), source }
    }
}

impl Stream for Events {
    type Item = Result<Recorded, BusError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.messages).poll_next(context).map(|next| next.map(|placed| placed.and_then(record)))
    }
}

fn place(message: jetstream::Message) -> Result<(Placed, u64), async_nats::Error> {
    let info = message.info()?;
    let (sequence, pending) = (info.stream_sequence, info.pending);
    let stored = stored_at(info.published.unix_timestamp_nanos())?;
    let jetstream::Message { message, .. } = message;
    let (subject, headers, payload) = (message.subject.to_string(), message.headers, message.payload);
    Ok((Placed { subject, headers, payload, sequence, stored }, pending))
}

pub(super) fn stored_at(nanos: i128) -> Result<Stored, async_nats::Error> {
    const OUTSIDE: &str = "the broker's clock is outside the years 1900 to 2199";
    let ms = i64::try_from(nanos.div_euclid(1_000_000)).map_err(|_| OUTSIDE)?;
    Ok(Stored { at: Timestamp::from_seconds(ms.div_euclid(1_000)).ok_or(OUTSIDE)?, ms })
}

/// A message as the event that it is.
pub(super) fn record(placed: Placed) -> Result<Recorded, BusError> {
    let Placed { subject, headers, payload, sequence, stored: Stored { at: stored, ms: stored_ms } } = placed;
    let found = parts(&subject, headers.as_ref(), &payload);
    let found = found.map_err(|source| BusError::Undecodable { sequence, subject, source })?;
    let Parts { id, cause, trace, event } = found;
    Ok(Recorded { id, cause, trace, event, sequence, stored, stored_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_storing_keeps_its_milliseconds() {
        // 2021-01-01T00:00:00.123456789Z
        let stored = stored_at(1_609_459_200_123_456_789).unwrap();
        assert_eq!((stored.at, stored.ms), ("2021-01-01".parse().unwrap(), 1_609_459_200_123));
        assert!(stored_at(i128::MAX).is_err());
    }

    #[test]
    fn a_filter_names_facts_and_series_in_its_subjects() {
        let series: SeriesId = "it.ci_direct".parse().unwrap();
        assert_eq!(Filter::all().subjects(), ["aria.v1.*.*.*.*"]);
        assert_eq!(Filter::all().series(&series).subjects(), ["aria.v1.*.*.it.ci_direct"]);
        assert_eq!(
            Filter::all().facts(["batch.accepted", "batch.rejected"]).subjects(),
            ["aria.v1.batch.accepted.*.*", "aria.v1.batch.rejected.*.*"]
        );
    }
}
