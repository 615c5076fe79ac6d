//! Ordinals: every batch received for a series gets the next number, without gaps, whoever receives it.

use std::time::Duration;

use aria_core::artifact::Ref;
use aria_core::event::{BatchReceived, Event, Fact};
use aria_core::series::SeriesId;
use aria_core::time::Timestamp;
use async_nats::HeaderValue;
use async_nats::header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE;
use async_nats::jetstream::context::PublishErrorKind;
use bytes::Bytes;
use tracing::{debug, warn};

use super::error::is_transient_publish;
use super::message::{headers, text_header};
use super::reader::record;
use super::trace::TraceContext;
use super::{Bus, BusError, Filter, Recorded, Start};
use crate::contracts::{self, EventId};
use crate::runtime::{chain, rest};

/// Rounds in which someone else may take the next ordinal first. In each round one of those who try succeeds.
const ROUNDS: u32 = 200;
/// Attempts under one ordinal while the broker does not answer.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(100);

/// A batch as it is handed in.
struct Batch<'a> {
    series: &'a SeriesId,
    raw: &'a Ref,
    as_of: Timestamp,
    source: &'a str,
}

/// The last batch of a series in the log, and the place of the newest message where batches are announced.
#[derive(Default)]
struct Last {
    sequence: u64,
    /// It, where there is one that can be read.
    batch: Option<Recorded>,
}

/// A batch that the log has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// How it was announced.
    pub event: Event,
    /// The event's id.
    pub id: String,
    /// Whether it was the last batch of its series before.
    pub duplicate: bool,
}

/// The fact whose ordinals are taken here.
const BATCH_RECEIVED: &str = "batch.received";

/// How an attempt to take an ordinal ended.
enum Taken {
    Yes,
    BySomeoneElse,
}

impl Bus {
    /// Announces stored bytes as the next batch of a series; the same bytes handed in again are a further batch.
    ///
    /// `floor` is the greatest ordinal that the series is known to have reached, for a log that no longer holds it.
    /// Gives the event and its id.
    ///
    /// # Errors
    /// Where the broker does not answer, or others take the next ordinal first for too long.
    pub async fn receive(
        &self,
        series: &SeriesId,
        raw: &Ref,
        as_of: Timestamp,
        source: &str,
        floor: u64,
    ) -> Result<(Event, String), BusError> {
        let receipt = self.receive_unless(&Batch { series, raw, as_of, source }, floor, |_| false).await?;
        Ok((receipt.event, receipt.id))
    }

    /// Announces stored bytes as [`Self::receive`] does, unless they are the series' last batch already: to take them
    /// in a second time would change nothing, so it is a client's repetition. `rejected` is the ordinal of the newest
    /// batch that is known to have been rejected: handed in again, it is a further batch.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub async fn receive_once(
        &self,
        series: &SeriesId,
        raw: &Ref,
        (as_of, source): (Timestamp, &str),
        floor: u64,
        rejected: Option<u64>,
    ) -> Result<Receipt, BusError> {
        let same = |last: &BatchReceived| last.raw == *raw && Some(last.ordinal) != rejected;
        self.receive_unless(&Batch { series, raw, as_of, source }, floor, same).await
    }

    async fn receive_unless(
        &self,
        batch: &Batch<'_>,
        floor: u64,
        same: impl Fn(&BatchReceived) -> bool,
    ) -> Result<Receipt, BusError> {
        let cause = batch.raw.key();
        for round in 0..ROUNDS {
            let last = self.last_received_once_it_answers(batch.series).await?;
            let reached = last.ordinal();
            if let Some(Recorded { event, id, .. }) = last.batch
                && matches!(&event.fact, Fact::BatchReceived(received) if same(received))
            {
                return Ok(Receipt { event, id, duplicate: true });
            }
            let event = batch.event(reached.max(floor).saturating_add(1));
            let id = contracts::event_id(&cause, &event);
            match self.take(&id, &cause, &event, last.sequence).await? {
                Taken::Yes => return Ok(Receipt { event, id: id.to_string(), duplicate: false }),
                Taken::BySomeoneElse => debug!(series = %batch.series, round, "someone else took the ordinal"),
            }
        }
        Err(BusError::Crowded { series: batch.series.to_string() })
    }

    /// The last batch, asked for again while the broker does not answer, as publishing is.
    async fn last_received_once_it_answers(&self, series: &SeriesId) -> Result<Last, BusError> {
        let mut attempt = 1;
        loop {
            match self.last_received(series).await {
                Err(error) if attempt < ATTEMPTS && error.is_transient() => {
                    warn!(%series, attempt, error = chain(&error), "asking again for the last batch");
                    rest(PAUSE * attempt).await;
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    /// The last batch of a series in the order of ordinals. One message is read; where a foreign hand put the newest
    /// one into the log, all announcements of the series are.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn last_batch(&self, series: &SeriesId) -> Result<Option<Recorded>, BusError> {
        Ok(self.last_received(series).await?.batch)
    }

    /// The ordinal of the last batch of a series, 0 where there is none.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn last_ordinal(&self, series: &SeriesId) -> Result<u64, BusError> {
        Ok(self.last_received(series).await?.ordinal())
    }

    async fn last_received(&self, series: &SeriesId) -> Result<Last, BusError> {
        let Some(newest) = self.newest_message(BATCH_RECEIVED, series).await? else {
            return Ok(Last::default());
        };
        let sequence = newest.sequence;
        // What was not put there under the condition of its place need not be the last in the order of the batches: it
        // may be the copy of an old one, or no event at all. It must neither keep batches from being received nor give
        // an ordinal twice.
        let in_order = text_header(newest.headers.as_ref(), NATS_EXPECTED_LAST_SUBJECT_SEQUENCE.as_ref()).is_some();
        let batch = match record(newest) {
            Ok(newest) if in_order => Some(newest),
            Ok(_) | Err(BusError::Undecodable { .. }) => self.greatest_received(series).await?,
            Err(error) => return Err(error),
        };
        Ok(Last { sequence, batch })
    }

    /// The batch with the greatest ordinal that the log has of a series.
    async fn greatest_received(&self, series: &SeriesId) -> Result<Option<Recorded>, BusError> {
        let filter = Filter::all().facts([BATCH_RECEIVED]).series(series);
        let mut events = self.recorded_events(&filter, Start::First).await?;
        let ordinal = |recorded: &Recorded| recorded.event.fact.received_ordinal();
        let mut greatest: Option<Recorded> = None;
        while let Some(found) = events.next_readable().await.transpose()? {
            // No ordinal is less than any.
            if greatest.as_ref().and_then(ordinal) < ordinal(&found) {
                greatest = Some(found);
            }
        }
        Ok(greatest)
    }

    /// Publishes under the condition that no batch came after `after`.
    async fn take(&self, id: &EventId, cause: &str, event: &Event, after: u64) -> Result<Taken, BusError> {
        let subject = contracts::subject(event);
        let mut headers = headers(id, cause, &self.config.name, &TraceContext::root(id.as_str()), event);
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(after));
        let body = Bytes::from(contracts::encode(event));
        let mut attempt = 1;
        loop {
            let source = match self.send_once(&subject, headers.clone(), body.clone()).await {
                // The same bytes handed in twice at once have the same id under the same ordinal. The broker stored
                // the other's message then, unless an attempt of ours went unanswered before.
                Ok(stored) if stored.duplicate && attempt == 1 => return Ok(Taken::BySomeoneElse),
                Ok(_) => return Ok(Taken::Yes),
                Err(source) => source,
            };
            match source.kind() {
                // After an unanswered attempt, the one who took the ordinal may be this very batch.
                PublishErrorKind::WrongLastSequence if attempt > 1 && self.holds(id, event, after).await? => {
                    return Ok(Taken::Yes);
                }
                PublishErrorKind::WrongLastSequence => return Ok(Taken::BySomeoneElse),
                _ if attempt < ATTEMPTS && is_transient_publish(&source) => {
                    warn!(subject, attempt, error = %source, "publishing again under the same id");
                    rest(PAUSE * attempt).await;
                    attempt += 1;
                }
                _ => return Err(BusError::Publish { subject, source }),
            }
        }
    }
}

impl Bus {
    /// Whether the log holds an event that can only have come after this place.
    async fn holds(&self, id: &EventId, event: &Event, after: u64) -> Result<bool, BusError> {
        let filter = Filter::all().facts([event.fact.name()]).series(&event.series);
        let mut later = self.recorded_events(&filter, Start::Sequence(after + 1)).await?;
        while let Some(found) = later.next_readable().await {
            if found?.id == id.as_str() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Last {
    fn ordinal(&self) -> u64 {
        self.batch.as_ref().and_then(|last| last.event.fact.received_ordinal()).unwrap_or(0)
    }
}

impl Batch<'_> {
    fn event(&self, ordinal: u64) -> Event {
        let fact = BatchReceived { ordinal, raw: self.raw.clone(), source: self.source.to_owned() };
        Event { series: self.series.clone(), as_of: self.as_of, fact: Fact::BatchReceived(fact) }
    }
}
