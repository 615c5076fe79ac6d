//! What can go wrong between Aria and the broker, one variant per cause.

use std::path::PathBuf;

use async_nats::jetstream::context::{CreateKeyValueError, CreateStreamError, PublishError, PublishErrorKind};
use async_nats::jetstream::stream::{ConsumerError, InfoError, LastRawMessageError};
use async_nats::jetstream::{self, ErrorCode};

use crate::contracts::WireError;

/// Why the bus did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The file with the credentials cannot be read.
    #[error("cannot read the broker's credentials in `{}`", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// No broker answered in time.
    #[error("no NATS server answers at {url}: start one, or give the address of one that runs")]
    Connect {
        /// The address, without a password.
        url: String,
        /// What the client says.
        source: async_nats::ConnectError,
    },
    /// A stream could not be made or changed.
    #[error("cannot set up stream `{stream}`")]
    Stream {
        /// The stream.
        stream: String,
        /// What the broker says.
        source: CreateStreamError,
    },
    /// A bucket could not be made or changed.
    #[error("cannot set up bucket `{bucket}`")]
    Bucket {
        /// The bucket.
        bucket: String,
        /// What the broker says.
        source: CreateKeyValueError,
    },
    /// The broker took the settings of a stream and kept others: it is too old to know them.
    #[error("stream `{stream}` has {setting} = {found} though {wanted} was asked for: use nats-server 2.10 or newer")]
    Ignored {
        /// The stream.
        stream: String,
        /// The setting.
        setting: &'static str,
        /// What was asked for.
        wanted: String,
        /// What the broker answers.
        found: String,
    },
    /// The client refused what the bus asked of it.
    #[error("the client refused to {action}")]
    Client {
        /// What was tried.
        action: &'static str,
        /// What the client says.
        source: async_nats::Error,
    },
    /// The broker did not confirm that a message is stored.
    #[error("the broker did not confirm a message to `{subject}`")]
    Publish {
        /// Where it was to go.
        subject: String,
        /// What the broker says.
        source: PublishError,
    },
    /// The last message of a subject could not be read.
    #[error("cannot read the last message of `{subject}`")]
    Read {
        /// The subject.
        subject: String,
        /// What the broker says.
        source: LastRawMessageError,
    },
    /// What a stream holds could not be learnt.
    #[error("cannot read the state of stream `{stream}`")]
    State {
        /// The stream.
        stream: String,
        /// What the broker says.
        source: InfoError,
    },
    /// A server was asked for, and the broker is one in memory.
    #[error("a broker in memory has no streams to be set up or followed")]
    NoServer,
    /// Someone else moved a cell first: read it again and decide again.
    #[error("`{key}` in `{bucket}` was changed by someone else")]
    Conflict {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
    },
    /// Others kept taking the next ordinal of a series first.
    #[error("too many batches arrive for `{series}` at once: send it again")]
    Crowded {
        /// The series.
        series: String,
    },
    /// A consumer could not be made, changed or read.
    #[error("cannot use consumer `{consumer}`")]
    Consumer {
        /// The consumer.
        consumer: String,
        /// What the broker says.
        source: ConsumerError,
    },
    /// A consumer reads other facts than the service needs and could not be changed.
    #[error(
        "consumer `{consumer}` reads {found}, not {wanted}: run the set-up of the streams with the rights to do so"
    )]
    OtherFacts {
        /// The consumer.
        consumer: String,
        /// What it reads.
        found: String,
        /// What it should read.
        wanted: String,
    },
    /// Messages stopped coming.
    #[error("cannot read messages of `{reader}`")]
    Messages {
        /// Who reads.
        reader: String,
        /// What the client says.
        source: async_nats::Error,
    },
    /// A message is no event.
    #[error("message {sequence} on `{subject}` is no event")]
    Undecodable {
        /// Its place in the stream.
        sequence: u64,
        /// Its subject.
        subject: String,
        /// What is wrong with it.
        source: Malformed,
    },
}

/// Why a message is no event.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// The subject names no fact.
    #[error("the subject names no fact")]
    Subject,
    /// A header is missing.
    #[error("header `{header}` is missing")]
    Header {
        /// The header.
        header: &'static str,
    },
    /// A header that is kept cannot be sent.
    #[error("`{name}` and its value can be no header")]
    Unsendable {
        /// The header.
        name: String,
    },
    /// The body is no such fact.
    #[error("the body cannot be read: {0}")]
    Body(#[from] WireError),
    /// The body is about another series than the subject.
    #[error("the body is about `{series}`, the subject is not")]
    OtherSeries {
        /// The series of the body.
        series: String,
    },
}

impl BusError {
    /// What the client refused, or the broker did not answer.
    pub(super) fn client(action: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Client { action, source: source.into() }
    }

    /// Whether someone else was first: the same call succeeds once what it was decided on is read anew.
    pub fn is_contended(&self) -> bool {
        matches!(self, Self::Conflict { .. } | Self::Crowded { .. })
    }

    /// Whether the same call may succeed later without anything being changed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Publish { source, .. } => is_transient_publish(source),
            Self::Connect { .. }
            | Self::Stream { .. }
            | Self::Bucket { .. }
            | Self::Read { .. }
            | Self::State { .. }
            | Self::Conflict { .. }
            | Self::Crowded { .. }
            | Self::Consumer { .. }
            | Self::Messages { .. }
            | Self::Client { .. } => true,
            Self::Credentials { .. }
            | Self::NoServer
            | Self::Ignored { .. }
            | Self::OtherFacts { .. }
            | Self::Undecodable { .. } => false,
        }
    }
}

/// Whether a failed publication is worth repeating. A missing stream is: the broker may still be starting.
pub(super) fn is_transient_publish(error: &PublishError) -> bool {
    match error.kind() {
        PublishErrorKind::MaxPayloadExceeded
        | PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::WrongLastSequence => false,
        PublishErrorKind::StreamNotFound
        | PublishErrorKind::TimedOut
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxAckPending => true,
        PublishErrorKind::Other => !is_too_large(error),
    }
}

/// Whether the stream, not the connection, found a message too large.
fn is_too_large(error: &PublishError) -> bool {
    let answer = std::error::Error::source(error).and_then(|source| source.downcast_ref::<jetstream::Error>());
    answer.is_some_and(|answer| answer.error_code() == ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM)
}
