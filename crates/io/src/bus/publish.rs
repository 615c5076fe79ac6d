//! Publishing: stored by the broker before it counts, repeated under the same id until then.

use std::time::Duration;

use aria_core::event::Event;
use async_nats::HeaderMap;
use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::publish::PublishAck;
use bytes::Bytes;
use metrics::counter;
use tracing::{debug, warn};

use super::error::is_transient_publish;
use super::message::headers;
use super::trace::TraceContext;
use super::{Bus, BusError};
use crate::contracts::{self, EventId};
use crate::runtime::rest;

/// Attempts of one publication before the caller learns of the failure and decides.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// A stored event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its id.
    pub id: String,
    /// Its place in the log.
    pub sequence: u64,
    /// Whether the broker had stored it before.
    pub duplicate: bool,
}

impl Bus {
    /// Publishes an event and begins a trace with it.
    ///
    /// # Errors
    /// Where the broker does not confirm that it is stored. It may be stored all the same: publish it again.
    pub async fn publish(&self, cause: &str, event: &Event) -> Result<Published, BusError> {
        let id = contracts::event_id(cause, event);
        self.publish_as(&id, cause, &TraceContext::root(id.as_str()), event).await
    }

    /// Publishes an event that another one caused, in that one's trace.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub async fn publish_within(
        &self,
        trace: &TraceContext,
        cause: &str,
        event: &Event,
    ) -> Result<Published, BusError> {
        let id = contracts::event_id(cause, event);
        self.publish_as(&id, cause, &trace.child(id.as_str()), event).await
    }

    async fn publish_as(
        &self,
        id: &EventId,
        cause: &str,
        trace: &TraceContext,
        event: &Event,
    ) -> Result<Published, BusError> {
        let subject = contracts::subject(event);
        let body = Bytes::from(contracts::encode(event));
        let stored = self.send(&subject, headers(id, cause, &self.config.name, trace, event), body).await?;
        let duplicate = if stored.duplicate { "yes" } else { "no" };
        counter!("aria_events_published_total", "fact" => event.fact.name(), "duplicate" => duplicate).increment(1);
        debug!(subject, event_id = %id, cause, sequence = stored.sequence, duplicate, "published");
        Ok(Published { id: id.to_string(), sequence: stored.sequence, duplicate: stored.duplicate })
    }

    /// Stores a message, repeating it until the broker answers or the attempts are used up.
    pub(super) async fn send(&self, subject: &str, headers: HeaderMap, body: Bytes) -> Result<PublishAck, BusError> {
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            let source = match self.send_once(subject, headers.clone(), body.clone()).await {
                Ok(stored) => return Ok(stored),
                Err(source) => source,
            };
            if attempt == ATTEMPTS || !is_transient_publish(&source) {
                return Err(BusError::Publish { subject: subject.to_owned(), source });
            }
            warn!(subject, attempt, error = %source, "publishing again under the same id");
            rest(pause).await;
            pause *= 4;
            attempt += 1;
        }
    }

    /// Stores a message or tells why not.
    pub(super) async fn send_once(
        &self,
        subject: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<PublishAck, PublishError> {
        self.link.publish(subject, headers, body).await
    }
}
