//! Reads values one by one and gathers what is wrong with them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::{Access, BadSettings, Fault, Given, Intake, Outside, Strings, keys, series};
use crate::artifacts::check_location;
use crate::bus::{are_credentials, check_address};
use crate::runtime::Limits;
use crate::runtime::telemetry::{self, LogFormat, Logging};

const PREFIX: &str = "ARIA_";
/// The settings of S3's own clients.
const S3_PREFIX: &str = "AWS_";
const LONGEST_SECONDS: u64 = 7 * 86_400;

/// Reads values and gathers what is wrong with them.
pub(super) struct Reader<'a, S> {
    strings: &'a S,
    faults: Vec<Fault>,
}

impl<'a, S: Strings> Reader<'a, S> {
    pub(super) fn new(strings: &'a S) -> Self {
        Self { strings, faults: Vec::new() }
    }

    /// What was read, where nothing is wrong with any of it.
    pub(super) fn finish<T>(self, read: T) -> Result<T, BadSettings> {
        if self.faults.is_empty() { Ok(read) } else { Err(self.refusal()) }
    }

    /// Everything that is wrong.
    pub(super) fn refusal(self) -> BadSettings {
        BadSettings { faults: self.faults }
    }

    pub(super) fn fault(&mut self, key: &str, problem: impl Into<String>) {
        self.faults.push(Fault { place: self.strings.called(key), problem: problem.into() });
    }

    /// Everything that Aria can be told, in one order.
    pub(super) fn given(&mut self, default_logging: &Logging) -> Given {
        Given {
            outside: self.outside(),
            series: self
                .text(keys::SERIES)
                .map(|folder| series::load(folder.as_ref(), &self.strings.called(keys::SERIES), &mut self.faults)),
            http: self.address(keys::HTTP, SocketAddr::from(([127, 0, 0, 1], 8080))),
            limits: self.limits(),
            intake: self.intake(),
            logging: self.logging(default_logging),
        }
    }

    pub(super) fn outside(&mut self) -> Outside {
        Outside {
            nats: self.broker(),
            access: Access {
                credentials: self.credentials(),
                replicas: self.number(keys::NATS_REPLICAS, 1, 1..=5) as usize,
                duplicate_window: self.seconds(keys::DUPLICATE_WINDOW, Duration::from_secs(86_400)),
            },
            store: self.store(),
        }
    }

    pub(super) fn refuse_unknown(&mut self) {
        for key in self.strings.keys() {
            if key.starts_with(PREFIX) && !keys::ALL.contains(&key.as_str()) {
                self.fault(&key, "is no setting of Aria; correct or remove it");
            }
        }
    }

    /// A value; an empty one counts as none.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        match self.strings.get(key)? {
            Ok(text) if text.trim().is_empty() => None,
            Ok(text) => Some(text.trim().to_owned()),
            Err(_) => {
                self.fault(key, "is not valid UTF-8");
                None
            }
        }
    }

    pub(super) fn require(&mut self, key: &str, what_to_do: &str) {
        let is_missing = match self.strings.get(key) {
            None => true,
            Some(Ok(text)) => text.trim().is_empty(),
            Some(Err(_)) => false,
        };
        if is_missing {
            self.fault(key, format!("is not set; {what_to_do}"));
        }
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

    fn broker(&mut self) -> Option<String> {
        let text = self.text(keys::NATS)?;
        if let Err(error) = check_address(&text) {
            self.fault(keys::NATS, error.to_string());
        }
        Some(text)
    }

    fn store(&mut self) -> Option<String> {
        let text = self.text(keys::STORE)?;
        let strings = self.strings;
        let s3 = strings.keys().into_iter().filter(|key| key.starts_with(S3_PREFIX));
        let s3 = s3.filter_map(|key| Some((key.clone(), strings.get(&key)?.ok()?)));
        if let Err(error) = check_location(&text, s3) {
            self.fault(keys::STORE, error.to_string());
        }
        Some(text)
    }

    fn credentials(&mut self) -> Option<PathBuf> {
        let path = PathBuf::from(self.text(keys::NATS_CREDENTIALS)?);
        match std::fs::read_to_string(&path) {
            Ok(text) if are_credentials(&text) => {}
            Ok(_) => {
                let problem = "which does not hold a user's JWT and the seed of its key; name the user's .creds file";
                self.fault(keys::NATS_CREDENTIALS, format!("names `{}`, {problem}", path.display()));
            }
            Err(error) => {
                let problem = format!("names `{}`, which cannot be read: {error}", path.display());
                self.fault(keys::NATS_CREDENTIALS, problem);
            }
        }
        Some(path)
    }

    pub(super) fn limits(&mut self) -> Limits {
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

    pub(super) fn intake(&mut self) -> Intake {
        let Intake { backlog, upload_bytes } = Intake::default();
        Intake {
            backlog: self.number(keys::BACKLOG, backlog, 1..=1_000_000),
            upload_bytes: self.number(keys::UPLOADS, upload_bytes >> 20, 1..=65_536) << 20,
        }
    }

    pub(super) fn logging(&mut self, default: &Logging) -> Logging {
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
