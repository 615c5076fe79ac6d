//! How far behind a service is.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{Consumer, pull};
use async_nats::jetstream::stream::ConsumerErrorKind;

use super::link::Link;
use super::{Bus, BusError, STREAM};

/// How far behind a service is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Messages that were never handed out.
    pub pending: u64,
    /// Messages handed out and not acknowledged, postponed ones among them.
    pub in_hand: u64,
    /// Of those in hand, messages handed out more than once.
    pub redelivered: u64,
}

impl Bus {
    /// How far behind a service is; none where it never ran.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn backlog(&self, service: &str) -> Result<Option<Backlog>, BusError> {
        if let Link::Memory(line) = &self.link {
            let found = line.backlog(service);
            return Ok(found.map(|(pending, in_hand, redelivered)| Backlog { pending, in_hand, redelivered }));
        }
        let Some(consumer) = self.consumer(service).await? else { return Ok(None) };
        let info = consumer.cached_info();
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        Ok(Some(Backlog {
            pending: info.num_pending,
            in_hand: count(info.num_ack_pending),
            redelivered: count(info.num_redelivered),
        }))
    }

    /// A service's consumer with its present state; none where there is none yet.
    pub(crate) async fn consumer(&self, service: &str) -> Result<Option<Consumer<pull::Config>>, BusError> {
        let Link::Server(server) = &self.link else { return Ok(None) };
        match server.jetstream.get_consumer_from_stream(service, STREAM).await {
            Ok(consumer) => Ok(Some(consumer)),
            Err(source) => match source.kind() {
                ConsumerErrorKind::JetStream(e) if e.error_code() == ErrorCode::CONSUMER_NOT_FOUND => Ok(None),
                _ => Err(BusError::Consumer { consumer: service.to_owned(), source }),
            },
        }
    }
}
