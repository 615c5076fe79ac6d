//! The history of a series as messages: read from one log as they lie there, and laid into another.
//!
//! What is laid in keeps its id, its headers and its bytes, and carries a header that says so: everything that came of
//! it is laid in too, so no service acts on it again.

use aria_core::event::Event;
use aria_core::series::SeriesId;
use async_nats::HeaderMap;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use tracing::warn;

use super::message::{add_header, parts, text_header};
use super::reader::{End, Filter, Placed, Start};
use super::{Bus, BusError, Malformed, Published};
use crate::contracts::headers::{CE_ID, HISTORY, MESSAGE_ID};

/// The beginning of headers that are the broker's, but for [`MESSAGE_ID`].
const BROKERS: &str = "Nats-";

/// A message of a series' past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// Its subject.
    pub subject: String,
    /// Its headers by name, without those that say how it came into a log.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Bytes,
}

/// A message of a series' past in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Laid {
    /// The message.
    pub past: Past,
    /// What it was laid in by; none where it was published here.
    pub by: Option<String>,
}

impl Past {
    /// The event, and its id.
    ///
    /// # Errors
    /// Where the message is none that an event log would hold.
    pub fn event(&self) -> Result<(Event, String), Malformed> {
        let headers = self.header_map()?;
        let parts = parts(&self.subject, Some(&headers), &self.body)?;
        if text_header(Some(&headers), MESSAGE_ID) != text_header(Some(&headers), CE_ID) {
            return Err(Malformed::Header { header: MESSAGE_ID });
        }
        Ok((parts.event, parts.id))
    }

    /// A file may hold what no header can be.
    fn header_map(&self) -> Result<HeaderMap, Malformed> {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            add_header(&mut map, name, value)?;
        }
        Ok(map)
    }
}

impl Bus {
    /// The history of a series, in the order of the log. What is no event is warned of and passed over, as every reader
    /// does.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn history(&self, series: &SeriesId) -> Result<BoxStream<'static, Result<Laid, BusError>>, BusError> {
        let messages = self.messages(Filter::all().series(series).subjects(), Start::First, End::CaughtUp).await?;
        let events = messages.filter_map(|placed| async move {
            match placed {
                Ok(placed) => event_of(placed).map(Ok),
                Err(error) => Some(Err(error)),
            }
        });
        // It may be asked again after its end.
        Ok(events.fuse().boxed())
    }

    /// Lays a message of a series' past into the log.
    ///
    /// # Errors
    /// Where the broker does not confirm that it is stored. It may be stored all the same: the log says so.
    pub async fn lay_in(&self, past: &Past, by: &str) -> Result<Published, BusError> {
        let (sequence, subject) = (0, past.subject.clone());
        let headers = past.header_map();
        let mut headers = headers.map_err(|source| BusError::Undecodable { sequence, subject, source })?;
        headers.insert(HISTORY, by);
        let id = text_header(Some(&headers), MESSAGE_ID).unwrap_or_default().to_owned();
        let stored = self.send(&past.subject, headers, past.body.clone()).await?;
        Ok(Published { id, sequence: stored.sequence, duplicate: stored.duplicate })
    }
}

/// Whether a message was laid into the log with all that came of it.
pub(crate) fn is_past(headers: Option<&HeaderMap>) -> bool {
    text_header(headers, HISTORY).is_some()
}

fn event_of(placed: Placed) -> Option<Laid> {
    let by = text_header(placed.headers.as_ref(), HISTORY).map(str::to_owned);
    let kept = |name: &str| name != HISTORY && (name == MESSAGE_ID || !name.starts_with(BROKERS));
    let headers = placed.headers.iter().flat_map(|headers| headers.iter());
    let headers = headers.filter(|(name, _)| kept(name.as_ref()));
    let mut headers: Vec<(String, String)> = headers
        .flat_map(|(name, values)| values.iter().map(|value| (name.to_string(), value.as_str().to_owned())))
        .collect();
    // Of one name the values keep their order.
    headers.sort_by(|(one, _), (other, _)| one.cmp(other));
    let past = Past { subject: placed.subject, headers, body: placed.payload };
    match past.event() {
        Ok(_) => Some(Laid { past, by }),
        Err(error) => {
            warn!(sequence = placed.sequence, subject = past.subject, %error, "passing over a message");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use aria_core::artifact::{Format, Kind, Ref};
    use aria_core::event::{BatchReceived, Fact};
    use aria_core::outbox::Outbox;
    use aria_core::time::Timestamp;
    use tokio::sync::mpsc;

    use super::*;
    use crate::artifacts::Artifacts;
    use crate::bus::memory::Broker;
    use crate::runtime::{Delivery, Edges, Failure, Handler, Outcome, Shutdown, work};

    fn series() -> SeriesId {
        "it.x".parse().unwrap()
    }

    fn received(ordinal: u64) -> Event {
        let raw = Ref::of(Kind::Raw, &series(), Format::Csv, b"a");
        let fact = Fact::BatchReceived(BatchReceived { ordinal, raw, source: "a.csv".into() });
        Event { series: series(), as_of: Timestamp::EPOCH, fact }
    }

    async fn read(bus: &Bus) -> Vec<Laid> {
        bus.history(&series()).await.unwrap().map(Result::unwrap).collect().await
    }

    /// Tells what it is handed.
    struct Teller(mpsc::UnboundedSender<u64>);

    impl Handler for Teller {
        const SERVICE: &'static str = "ingestion";

        fn consumes(&self) -> &'static [&'static str] {
            &["batch.received"]
        }

        async fn handle(&self, delivery: &Delivery) -> Result<Outcome, Failure> {
            if let Fact::BatchReceived(received) = &delivery.event.fact {
                self.0.send(received.ordinal).unwrap();
            }
            Ok(Outcome::Done(Vec::new()))
        }

        async fn settled(&self, _: &SeriesId, _: &Outbox) -> Result<(), Failure> {
            Ok(())
        }

        async fn give_up(&self, _: &Delivery, _: &str) -> Result<Outcome, Failure> {
            Ok(Outcome::Done(Vec::new()))
        }
    }

    #[tokio::test]
    async fn what_is_laid_into_another_log_is_the_same_message_and_says_by_what() {
        let (here, there) = (Bus::in_memory(&Broker::default()), Bus::in_memory(&Broker::default()));
        let published = here.named("gateway").publish("cause", &received(1)).await.unwrap();
        let past = read(&here).await.remove(0);
        assert_eq!(past.by, None);
        assert_eq!(past.past.event().unwrap(), (received(1), published.id.clone()));
        assert!(!there.lay_in(&past.past, "an export").await.unwrap().duplicate);
        assert_eq!(read(&there).await, [Laid { by: Some("an export".to_owned()), ..past.clone() }]);
        // Laid in again, and published again: the log knows the id.
        assert!(there.lay_in(&past.past, "an export").await.unwrap().duplicate);
        assert!(there.publish("cause", &received(1)).await.unwrap().duplicate);
        assert_eq!(read(&there).await.len(), 1);
    }

    #[tokio::test]
    async fn no_service_acts_on_what_was_laid_in_and_each_does_on_what_comes_after() {
        let (here, broker) = (Bus::in_memory(&Broker::default()), Broker::default());
        here.publish("cause", &received(1)).await.unwrap();
        let bus = Bus::in_memory(&broker);
        bus.lay_in(&read(&here).await.remove(0).past, "an export").await.unwrap();
        bus.publish("cause", &received(2)).await.unwrap();
        let (told, mut handed) = mpsc::unbounded_channel();
        let edges = Edges { bus, artifacts: Artifacts::open("memory://").unwrap() };
        let shutdown = Shutdown::new();
        let worker = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { work(Teller(told), &edges, shutdown).await }
        });
        assert_eq!(handed.recv().await, Some(2));
        shutdown.request();
        worker.await.unwrap().unwrap();
        assert_eq!(handed.recv().await, None);
        assert_eq!(broker.unacknowledged("ingestion"), 0);
    }
}
