//! What carries the messages: a NATS server, or a broker in memory. Nothing above this file knows which.

use async_nats::HeaderMap;
use async_nats::jetstream::context::{Context, PublishError};
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use bytes::Bytes;
use futures::TryStreamExt;

use super::connection::{self, Connections, Refusal};
use super::reader::{Placed, stored_at};
use super::{BusError, Health, STREAM, memory};

/// A connection to whatever carries the messages.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "a process has a handful of connections")]
pub(super) enum Link {
    Server(Server),
    Memory(memory::Line),
}

/// A connection to a NATS server.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) client: async_nats::Client,
    pub(super) jetstream: Context,
    pub(super) refusal: Refusal,
    pub(super) connections: Connections,
}

impl Link {
    pub(super) fn health(&self) -> Health {
        match self {
            Self::Server(server) => connection::health(&server.client, &server.refusal),
            Self::Memory(_) => Health::Connected,
        }
    }

    pub(super) async fn flush(&self) -> Result<(), BusError> {
        match self {
            Self::Server(server) => server.client.flush().await.map_err(|e| BusError::client("flush", e)),
            Self::Memory(_) => Ok(()),
        }
    }

    /// Waits until the connection was lost and made again since this handle looked last.
    pub(super) async fn reconnected(&mut self) {
        if let Self::Server(server) = self
            && server.connections.changed().await.is_ok()
        {
            return;
        }
        // The client is gone, and with it every chance of another connection; memory is never lost.
        std::future::pending::<()>().await;
    }

    /// Takes the present connection for the one that is known.
    pub(super) fn note_connection(&mut self) {
        if let Self::Server(server) = self {
            server.connections.mark_unchanged();
        }
    }

    /// Stores a message or tells why not.
    pub(super) async fn publish(
        &self,
        subject: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<PublishAck, PublishError> {
        match self {
            Self::Server(server) => {
                server.jetstream.publish_with_headers(subject.to_owned(), headers, body).await?.await
            }
            Self::Memory(line) => line.publish(subject, headers, body).await,
        }
    }

    /// The newest message of a subject; none where it has none. Asked of the stream's leader: a replica may lag behind.
    pub(super) async fn last(&self, stream: &str, subject: &str) -> Result<Option<Placed>, BusError> {
        let server = match self {
            Self::Server(server) => server,
            Self::Memory(line) => return line.last(stream, subject).await,
        };
        let message = match open(&server.jetstream, stream).await?.get_last_raw_message_by_subject(subject).await {
            Ok(message) => message,
            Err(source) if source.kind() == LastRawMessageErrorKind::NoMessageFound => return Ok(None),
            Err(source) => return Err(BusError::Read { subject: subject.to_owned(), source }),
        };
        let stored = stored_at(message.time.unix_timestamp_nanos());
        let stored = stored.map_err(|source| BusError::Messages { reader: subject.to_owned(), source })?;
        Ok(Some(Placed {
            subject: message.subject.to_string(),
            headers: Some(message.headers),
            payload: message.payload,
            sequence: message.sequence,
            stored,
        }))
    }

    /// The place of the newest message in the log; 0 while it is empty.
    pub(super) async fn last_sequence(&self) -> Result<u64, BusError> {
        match self {
            Self::Server(server) => {
                let fault = |source| BusError::State { stream: STREAM.to_owned(), source };
                Ok(open(&server.jetstream, STREAM).await?.get_info().await.map_err(fault)?.state.last_sequence)
            }
            Self::Memory(line) => line.last_sequence().await,
        }
    }

    /// The subjects of a stream that match a filter, in no particular order.
    pub(super) async fn subjects(&self, stream: &str, filter: String) -> Result<Vec<String>, BusError> {
        let server = match self {
            Self::Server(server) => server,
            Self::Memory(line) => return line.subjects(stream, &filter).await,
        };
        let fault = |source| BusError::State { stream: stream.to_owned(), source };
        let handle = open(&server.jetstream, stream).await?;
        let subjects = handle.info_with_subjects(filter).await.map_err(fault)?;
        let subjects: Vec<(String, usize)> = subjects.try_collect().await.map_err(fault)?;
        Ok(subjects.into_iter().map(|(subject, _)| subject).collect())
    }
}

/// A handle on a stream that asks the broker nothing.
async fn open(jetstream: &Context, name: &str) -> Result<async_nats::jetstream::stream::Stream<()>, BusError> {
    jetstream.get_stream_no_info(name).await.map_err(|e| BusError::client("name a stream", e))
}
