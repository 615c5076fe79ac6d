//! Settings from the environment, read once at the start: every fault is told at once, and none is guessed around.

mod environment;
mod series;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use aria_core::series::Definition;

pub use environment::{Environment, Strings};

use super::Limits;
use super::telemetry::{self, LogFormat, Logging};
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
    /// Which log lines there are.
    pub const LOG: &str = "ARIA_LOG";
    /// How log lines look: text or json.
    pub const LOG_FORMAT: &str = "ARIA_LOG_FORMAT";

    /// All of them.
    pub const ALL: [&str; 15] = [
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
        LOG,
        LOG_FORMAT,
    ];
}

const PREFIX: &str = "ARIA_";
const LONGEST_SECONDS: u64 = 7 * 86_400;

/// The exit code of a process whose settings cannot be used.
pub const EXIT_CODE: u8 = 64;

/// Everything a service is told from outside.
#[derive(Clone, PartialEq)]
pub struct Settings {
    /// The broker's address. It may hold a password.
    pub nats: String,
    /// A file with the broker's credentials.
    pub nats_credentials: Option<PathBuf>,
    /// Copies of every message in a cluster.
    pub nats_replicas: usize,
    /// How long the broker remembers message ids.
    pub duplicate_window: Duration,
    /// Where artifacts lie.
    pub store: String,
    /// The definitions of the series, in the order of their names.
    pub series: Vec<Definition>,
    /// The address on which the process answers HTTP.
    pub http: SocketAddr,
    /// How hard and how long the worker tries.
    pub limits: Limits,
    /// Log lines.
    pub logging: Logging,
}

/// Shows no password.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("nats", &crate::bus::without_password(&self.nats))
            .field("nats_credentials", &self.nats_credentials.as_ref().map(|_| "(a file)"))
            .field("nats_replicas", &self.nats_replicas)
            .field("duplicate_window", &self.duplicate_window)
            .field("store", &self.store)
            .field("series", &self.series.iter().map(|d| d.id.as_str()).collect::<Vec<_>>())
            .field("http", &self.http)
            .field("limits", &self.limits)
            .field("logging", &self.logging)
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
    /// Reads the settings, and the definitions of the series that they name.
    ///
    /// `also_known` are further keys that the program reads by itself.
    ///
    /// # Errors
    /// With every fault of every setting and every definition at once.
    pub fn read(strings: &impl Strings, also_known: &[&str]) -> Result<Self, BadSettings> {
        let mut reader = Reader { strings, faults: Vec::new() };
        reader.refuse_unknown(also_known);
        let folder = reader.required(keys::SERIES, "name the folder with the definitions of the series");
        let settings = Self {
            nats: reader.required(keys::NATS, "name the NATS server, such as nats://127.0.0.1:4222"),
            nats_credentials: reader.file(keys::NATS_CREDENTIALS),
            nats_replicas: reader.number(keys::NATS_REPLICAS, 1, 1..=5) as usize,
            duplicate_window: reader.seconds(keys::DUPLICATE_WINDOW, Duration::from_secs(86_400)),
            store: reader.required(keys::STORE, "name a folder or s3://bucket/prefix for the artifacts"),
            series: if folder.is_empty() { Vec::new() } else { series::load(folder.as_ref(), &mut reader.faults) },
            http: reader.address(keys::HTTP, SocketAddr::from(([127, 0, 0, 1], 8080))),
            limits: reader.limits(),
            logging: reader.logging(&Logging::default()),
        };
        if reader.faults.is_empty() { Ok(settings) } else { Err(BadSettings { faults: reader.faults }) }
    }

    /// How a service of this name reaches the broker.
    pub fn bus(&self, name: &str) -> BusConfig {
        BusConfig {
            credentials: self.nats_credentials.clone(),
            duplicate_window: self.duplicate_window,
            replicas: self.nats_replicas,
            ..BusConfig::new(&self.nats, name)
        }
    }
}

/// Reads which log lines there are and how they look, for a command that needs no other setting.
///
/// # Errors
/// With every fault of these settings at once.
pub fn logging(strings: &impl Strings, default: &Logging) -> Result<Logging, BadSettings> {
    let mut reader = Reader { strings, faults: Vec::new() };
    let logging = reader.logging(default);
    if reader.faults.is_empty() { Ok(logging) } else { Err(BadSettings { faults: reader.faults }) }
}

/// Reads how hard and how long workers try, for a program that takes its other settings from elsewhere.
///
/// # Errors
/// With every fault of these settings at once.
pub fn limits(strings: &impl Strings) -> Result<Limits, BadSettings> {
    let mut reader = Reader { strings, faults: Vec::new() };
    let limits = reader.limits();
    if reader.faults.is_empty() { Ok(limits) } else { Err(BadSettings { faults: reader.faults }) }
}

/// Reads the definitions of the series in a folder, in the order of their names.
///
/// # Errors
/// With every fault of every definition at once.
pub fn definitions(folder: &Path) -> Result<Vec<Definition>, BadSettings> {
    let mut faults = Vec::new();
    let definitions = series::load(folder, &mut faults);
    if faults.is_empty() { Ok(definitions) } else { Err(BadSettings { faults }) }
}

/// Reads values and gathers what is wrong with them.
struct Reader<'a, S> {
    strings: &'a S,
    faults: Vec<Fault>,
}

impl<S: Strings> Reader<'_, S> {
    fn fault(&mut self, place: &str, problem: impl Into<String>) {
        self.faults.push(Fault { place: place.to_owned(), problem: problem.into() });
    }

    fn refuse_unknown(&mut self, also_known: &[&str]) {
        for key in self.strings.keys() {
            if key.starts_with(PREFIX) && !keys::ALL.contains(&key.as_str()) && !also_known.contains(&key.as_str()) {
                self.fault(&key, "is no setting of Aria; correct or remove it");
            }
        }
    }

    /// A value; an empty one counts as none.
    fn text(&mut self, key: &str) -> Option<String> {
        match self.strings.get(key)? {
            Ok(text) if text.trim().is_empty() => None,
            Ok(text) => Some(text.trim().to_owned()),
            Err(_) => {
                self.fault(key, "is not valid UTF-8");
                None
            }
        }
    }

    fn required(&mut self, key: &str, what_to_do: &str) -> String {
        let faults = self.faults.len();
        let text = self.text(key).unwrap_or_default();
        if text.is_empty() && self.faults.len() == faults {
            self.fault(key, format!("is not set; {what_to_do}"));
        }
        text
    }

    fn parsed<T: FromStr>(&mut self, key: &str, otherwise: T, wanted: &str) -> T {
        let Some(text) = self.text(key) else { return otherwise };
        text.parse().unwrap_or_else(|_| {
            self.fault(key, format!("is `{text}`; {wanted}"));
            otherwise
        })
    }

    fn number(&mut self, key: &str, otherwise: u64, range: std::ops::RangeInclusive<u64>) -> u64 {
        let wanted = format!("write a whole number from {} to {}", range.start(), range.end());
        let number = self.parsed(key, otherwise, &wanted);
        if !range.contains(&number) {
            self.fault(key, format!("is `{number}`; {wanted}"));
        }
        number
    }

    fn seconds(&mut self, key: &str, otherwise: Duration) -> Duration {
        Duration::from_secs(self.number(key, otherwise.as_secs(), 1..=LONGEST_SECONDS))
    }

    fn address(&mut self, key: &str, otherwise: SocketAddr) -> SocketAddr {
        self.parsed(key, otherwise, "write an address and a port, such as 0.0.0.0:8080")
    }

    fn file(&mut self, key: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.text(key)?);
        if let Err(error) = std::fs::File::open(&path) {
            self.fault(key, format!("names `{}`, which cannot be read: {error}", path.display()));
        }
        Some(path)
    }

    fn limits(&mut self) -> Limits {
        let defaults = Limits::default();
        Limits {
            ack_wait: self.seconds(keys::ACK_WAIT, defaults.ack_wait),
            attempts: self.number(keys::ATTEMPTS, defaults.attempts, 1..=1_000),
            concurrency: self.number(keys::CONCURRENCY, defaults.concurrency as u64, 1..=1_024) as usize,
            drain: self.seconds(keys::DRAIN, defaults.drain),
            handling: self.seconds(keys::HANDLING, defaults.handling),
            ..defaults
        }
    }

    fn logging(&mut self, default: &Logging) -> Logging {
        let mut logging = default.clone();
        if let Some(filter) = self.text(keys::LOG) {
            match telemetry::filter(&filter) {
                Ok(_) => logging.filter = filter,
                Err(error) => self.fault(keys::LOG, error.to_string()),
            }
        }
        match self.text(keys::LOG_FORMAT).as_deref() {
            None => {}
            Some("text") => logging.format = LogFormat::Text,
            Some("json") => logging.format = LogFormat::Json,
            Some(other) => self.fault(keys::LOG_FORMAT, format!("is `{other}`; write text or json")),
        }
        logging
    }
}

#[cfg(test)]
mod tests;
