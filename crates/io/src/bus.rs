//! The event log and the compare-and-set cells, on NATS JetStream.
//!
//! Publishing waits until the broker has stored the message, and repeats under the same message id, so that a
//! repetition changes nothing. What a fact means is none of this module's business.

mod address;
mod attempts;
mod backlog;
mod cells;
#[doc(hidden)]
pub mod conformance;
mod connection;
mod deadletters;
mod error;
mod garbage;
mod history;
mod link;
mod mark;
pub mod memory;
mod message;
mod publish;
mod pulse;
mod queue;
mod reader;
mod received;
mod setup;
mod storage;
pub mod trace;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream;

pub use address::{AddressError, are_credentials, check_address};
pub use backlog::Backlog;
pub use cells::{Cell, Cells};
pub use connection::Health;
pub use deadletters::{Dropped, Letter, Letters};
pub use error::{BusError, Malformed};
pub use garbage::{Content, Entry, Settled};
pub use history::{Laid, Past};
pub use message::Recorded;
pub use publish::Published;
pub use pulse::Pulse;
pub use queue::Handed;
pub use reader::{Events, Filter, Start};
pub use received::Receipt;
pub use setup::{ENDINGS, HEADS, MONITORS, REGISTRY};
pub use storage::Storage;

pub(crate) use address::without_password;
pub(crate) use history::is_past;
pub(crate) use message::{Parts, consumed_subjects, parts, text_header};
pub(crate) use queue::Queue;
pub(crate) use setup::STREAM;

use link::Link;

/// How to reach the broker and how its streams are to be set up.
#[derive(Clone)]
pub struct BusConfig {
    /// The broker's address; several with commas between them for a cluster.
    pub url: String,
    /// A file with the user's credentials (JWT and seed), where the broker asks for them.
    pub credentials: Option<PathBuf>,
    /// The service's name, shown by the broker and used for the inbox that its permissions name.
    pub name: String,
    /// How long to wait for the broker to be there.
    pub patience: Duration,
    /// How long the broker remembers message ids.
    pub duplicate_window: Duration,
    /// After how long the broker deletes every event, needed or not; zero for never.
    pub max_age: Duration,
    /// Copies of every message in a cluster: 1, 3 or 5.
    pub replicas: usize,
}

/// Shows no password.
impl std::fmt::Debug for BusConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BusConfig")
            .field("url", &without_password(&self.url))
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl BusConfig {
    /// The usual settings for a service at a broker without users.
    pub fn new(url: &str, name: &str) -> Self {
        const DAY: Duration = Duration::from_secs(86_400);
        Self {
            url: url.to_owned(),
            credentials: None,
            name: name.to_owned(),
            patience: Duration::from_secs(30),
            duplicate_window: DAY,
            // What may go is the garbage collector's to judge: the broker would take what a service has not read.
            max_age: Duration::ZERO,
            replicas: 1,
        }
    }
}

/// A connection to the broker; cheap to clone.
#[derive(Clone)]
pub struct Bus {
    link: Link,
    config: Arc<BusConfig>,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus").field("name", &self.config.name).finish_non_exhaustive()
    }
}

impl Bus {
    /// Connects, waiting for the broker as long as the configuration's patience lasts.
    ///
    /// # Errors
    /// Where the credentials cannot be read or no broker answers in time.
    pub async fn connect(config: &BusConfig) -> Result<Self, BusError> {
        connection::connect(config).await
    }

    /// A connection to a broker in memory, on which everything goes well.
    pub fn in_memory(broker: &memory::Broker) -> Self {
        Self::over(broker.line())
    }

    /// A connection of a process in a simulation to its broker in memory.
    pub fn simulated(broker: &memory::Broker, fate: Arc<dyn memory::Fate>) -> Self {
        Self::over(broker.line_with(fate))
    }

    fn over(line: memory::Line) -> Self {
        Self { link: Link::Memory(line), config: Arc::new(BusConfig::new("memory", "memory")) }
    }

    /// Whether the broker is there and lets this service do its work.
    pub fn health(&self) -> Health {
        self.link.health()
    }

    /// The cells of a bucket: [`HEADS`], [`MONITORS`], [`REGISTRY`] or [`ENDINGS`].
    pub fn cells(&self, bucket: &str) -> Cells {
        Cells::new(self.link.clone(), bucket)
    }

    /// The same connection for a service of this name, which its events then tell as their source.
    pub fn named(&self, service: &str) -> Self {
        let config = BusConfig { name: service.to_owned(), ..BusConfig::clone(&self.config) };
        Self { config: Arc::new(config), ..self.clone() }
    }

    /// Sends what the client still holds, such as negative acknowledgements before leaving.
    ///
    /// # Errors
    /// Where the connection is gone.
    pub async fn flush(&self) -> Result<(), BusError> {
        self.link.flush().await
    }

    /// Waits until the connection was lost and made again since this handle looked last.
    pub(crate) async fn reconnected(&mut self) {
        self.link.reconnected().await;
    }

    /// Takes the present connection for the one that is known.
    pub(crate) fn note_connection(&mut self) {
        self.link.note_connection();
    }

    /// The client of a server, for what only a server has.
    pub(crate) fn jetstream(&self) -> Result<&jetstream::Context, BusError> {
        match &self.link {
            Link::Server(server) => Ok(&server.jetstream),
            Link::Memory(_) => Err(BusError::NoServer),
        }
    }

    /// The messages of a service's consumer in a broker in memory, made where there is none.
    pub(crate) fn queue_in_memory(&self, service: &str, subjects: Vec<String>) -> Option<Queue> {
        match &self.link {
            Link::Server(_) => None,
            Link::Memory(line) => Some(Queue::memory(line.consumer(service, subjects))),
        }
    }
}
