//! Settings from the environment, read once at the start: every fault is told at once, and none is guessed around.

mod environment;
mod keeping;
mod reader;
mod series;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aria_core::series::Definition;

pub use environment::{Environment, NotUtf8, Strings};
pub use keeping::keeping;

use self::reader::Reader;
use super::Limits;
use super::telemetry::Logging;
use crate::bus::BusConfig;

/// The keys of Aria's settings.
pub mod keys {
    /// The broker's address; several with commas between them for a cluster.
    pub const NATS: &str = "ARIA_NATS";
    /// A file with the broker's credentials of this service.
    pub const NATS_CREDENTIALS: &str = "ARIA_NATS_CREDENTIALS";
    /// Copies of every message in a cluster.
    pub const NATS_REPLICAS: &str = "ARIA_NATS_REPLICAS";
    /// How long the broker remembers message ids.
    pub const DUPLICATE_WINDOW: &str = "ARIA_DUPLICATE_WINDOW_SECONDS";
    /// The nats-server that `aria up` starts.
    pub const NATS_SERVER: &str = "ARIA_NATS_SERVER";
    /// Where artifacts lie: a folder or `s3://bucket/prefix`.
    pub const STORE: &str = "ARIA_STORE";
    /// The folder with the definitions of the series.
    pub const SERIES: &str = "ARIA_SERIES";
    /// The address on which the process answers HTTP.
    pub const HTTP: &str = "ARIA_HTTP";
    /// How long the broker waits for a sign of life.
    pub const ACK_WAIT: &str = "ARIA_ACK_WAIT_SECONDS";
    /// Transient failures of a message before it goes to the dead letters.
    pub const ATTEMPTS: &str = "ARIA_ATTEMPTS";
    /// Messages handled at once.
    pub const CONCURRENCY: &str = "ARIA_CONCURRENCY";
    /// How long messages in hand may take to finish.
    pub const DRAIN: &str = "ARIA_DRAIN_SECONDS";
    /// How long one message may be handled.
    pub const HANDLING: &str = "ARIA_HANDLING_SECONDS";
    /// How long events are kept that nothing needs any more: a number and a unit, such as 400d.
    pub const KEEP_EVENTS: &str = "ARIA_KEEP_EVENTS";
    /// How long forecasts and their scores are.
    pub const KEEP_FORECASTS: &str = "ARIA_KEEP_FORECASTS";
    /// How long rejected batches are, with their bytes and refused rows.
    pub const KEEP_REJECTED: &str = "ARIA_KEEP_REJECTED";
    /// How long dead letters are.
    pub const KEEP_DEAD_LETTERS: &str = "ARIA_KEEP_DEAD_LETTERS";
    /// How long dead letters are since they were handed in again or dropped.
    pub const KEEP_DROPPED: &str = "ARIA_KEEP_DROPPED";
    /// How long artifacts are that nothing names.
    pub const KEEP_ORPHANS: &str = "ARIA_KEEP_ORPHANS";
    /// Batches of one series that may wait for their ends before senders have to.
    pub const BACKLOG: &str = "ARIA_BACKLOG";
    /// Uploads that the gateway holds at once, in MiB.
    pub const UPLOADS: &str = "ARIA_UPLOADS_MIB";
    /// Which log lines there are.
    pub const LOG: &str = "ARIA_LOG";
    /// How log lines look: text or json.
    pub const LOG_FORMAT: &str = "ARIA_LOG_FORMAT";

    /// All of them.
    pub const ALL: [&str; 23] = [
        NATS,
        NATS_CREDENTIALS,
        NATS_REPLICAS,
        DUPLICATE_WINDOW,
        NATS_SERVER,
        STORE,
        SERIES,
        HTTP,
        ACK_WAIT,
        ATTEMPTS,
        CONCURRENCY,
        DRAIN,
        HANDLING,
        KEEP_EVENTS,
        KEEP_FORECASTS,
        KEEP_REJECTED,
        KEEP_DEAD_LETTERS,
        KEEP_DROPPED,
        KEEP_ORPHANS,
        BACKLOG,
        UPLOADS,
        LOG,
        LOG_FORMAT,
    ];
}

/// The exit code of a process whose settings cannot be used.
pub const EXIT_CODE: u8 = 64;

/// How a broker is worked with, wherever it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    /// A file with the broker's credentials.
    pub credentials: Option<PathBuf>,
    /// Copies of every message in a cluster.
    pub replicas: usize,
    /// How long the broker remembers message ids.
    pub duplicate_window: Duration,
}

impl Access {
    /// How a client of this name reaches the broker at an address.
    pub fn bus(&self, url: &str, name: &str) -> BusConfig {
        BusConfig {
            credentials: self.credentials.clone(),
            duplicate_window: self.duplicate_window,
            replicas: self.replicas,
            ..BusConfig::new(url, name)
        }
    }
}

/// How much is taken in before senders have to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intake {
    /// Batches of one series that were received and have not ended.
    pub backlog: u64,
    /// Bytes of uploads that one gateway holds at once. An upload that a series allows finds room in any case.
    pub upload_bytes: u64,
}

impl Default for Intake {
    fn default() -> Self {
        Self { backlog: aria_core::intake::BACKLOG, upload_bytes: 512 << 20 }
    }
}

impl Intake {
    /// Reads how much is taken in, for a command that needs no other setting.
    ///
    /// # Errors
    /// With every fault of these settings at once.
    pub fn read(strings: &impl Strings) -> Result<Self, BadSettings> {
        let mut reader = Reader::new(strings);
        let intake = reader.intake();
        reader.finish(intake)
    }
}

/// Where the broker and the store are, as far as it is told; with a `String`, both are.
#[derive(Clone, PartialEq)]
pub struct Outside<Place = Option<String>> {
    /// The broker's address. It may hold a password.
    pub nats: Place,
    /// How the broker is worked with.
    pub access: Access,
    /// Where artifacts lie.
    pub store: Place,
}

/// What a program is told that can do without: where nothing is named, it brings its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Given<Reach = Outside, Series = Option<Vec<Definition>>> {
    /// The broker and the store.
    pub outside: Reach,
    /// The definitions of the series, in the order of their names.
    pub series: Series,
    /// The address on which the process answers HTTP.
    pub http: SocketAddr,
    /// How hard and how long workers try.
    pub limits: Limits,
    /// How much is taken in before senders have to wait.
    pub intake: Intake,
    /// Log lines.
    pub logging: Logging,
}

/// Everything a service is told from outside, which brings nothing of its own.
pub type Settings = Given<Outside<String>, Vec<Definition>>;

/// Shows no password.
impl<Place: Clone + Into<Option<String>>> std::fmt::Debug for Outside<Place> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (nats, store): (Option<String>, Option<String>) = (self.nats.clone().into(), self.store.clone().into());
        f.debug_struct("Outside")
            .field("nats", &nats.as_deref().map(crate::bus::without_password))
            .field("access", &self.access)
            .field("store", &store)
            .finish()
    }
}

/// One thing that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key or the file.
    pub place: String,
    /// What is wrong and what would be right.
    pub problem: String,
}

/// Settings that cannot be used: every fault of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .faults.iter().map(|f| format!("{}: {}", f.place, f.problem)).collect::<Vec<_>>().join("\n"))]
pub struct BadSettings {
    /// The faults, at least one.
    pub faults: Vec<Fault>,
}

impl Settings {
    /// Reads a service's settings, and the definitions of the series that they name.
    ///
    /// # Errors
    /// With every fault of every setting and every definition at once.
    pub fn of_service(strings: &impl Strings) -> Result<Self, BadSettings> {
        let mut reader = Reader::new(strings);
        reader.refuse_unknown();
        reader.require(keys::SERIES, "name the folder with the definitions of the series");
        reader.require(keys::NATS, "name the NATS server, such as nats://127.0.0.1:4222");
        reader.require(keys::STORE, "name a folder or s3://bucket/prefix for the artifacts");
        let Given { outside: Outside { nats, access, store }, series, http, limits, intake, logging } =
            reader.given(&Logging::default());
        match (nats, store, series) {
            (Some(nats), Some(store), Some(series)) => {
                let outside = Outside { nats, access, store };
                reader.finish(Self { outside, series, http, limits, intake, logging })
            }
            // What is required and missing is a fault.
            _ => Err(reader.refusal()),
        }
    }

    /// How a service of this name reaches the broker.
    pub fn bus(&self, name: &str) -> BusConfig {
        self.outside.access.bus(&self.outside.nats, name)
    }
}

impl Given {
    /// Reads the settings as a service's are read, of which a broker, a store and the definitions may be missing.
    ///
    /// # Errors
    /// As [`Settings::of_service`].
    pub fn read(strings: &impl Strings, default_logging: &Logging) -> Result<Self, BadSettings> {
        let mut reader = Reader::new(strings);
        reader.refuse_unknown();
        let given = reader.given(default_logging);
        if given.outside.nats.is_none() && (2..=5).contains(&given.outside.access.replicas) {
            reader.fault(keys::NATS_REPLICAS, "is for a cluster; name one in ARIA_NATS, or leave this out");
        }
        reader.finish(given)
    }
}

impl Outside {
    /// Reads where the broker and the store are, for a command that needs no other setting.
    ///
    /// # Errors
    /// With every fault of these settings at once.
    pub fn read(strings: &impl Strings) -> Result<Self, BadSettings> {
        let mut reader = Reader::new(strings);
        let outside = reader.outside();
        reader.finish(outside)
    }
}

/// Reads which log lines there are and how they look, for a command that needs no other setting.
///
/// # Errors
/// With every fault of these settings at once.
pub fn logging(strings: &impl Strings, default: &Logging) -> Result<Logging, BadSettings> {
    let mut reader = Reader::new(strings);
    let logging = reader.logging(default);
    reader.finish(logging)
}

/// Reads the definitions of the series in a folder, in the order of their names.
///
/// # Errors
/// With every fault of every definition at once.
pub fn definitions(folder: &Path) -> Result<Vec<Definition>, BadSettings> {
    let mut faults = Vec::new();
    let definitions = series::load(folder, keys::SERIES, &mut faults);
    if faults.is_empty() { Ok(definitions) } else { Err(BadSettings { faults }) }
}

#[cfg(test)]
mod tests;
