//! Why the broker that Aria brings along does not run, and what to do about it.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// There is no nats-server.
    #[error(
        "no nats-server found (looked at {}): run `make setup`, or name one in ARIA_NATS_SERVER",
        looked.join(", ")
    )]
    Missing {
        /// Where it was looked for.
        looked: Vec<String>,
    },
    /// The nats-server that was named does not tell its version.
    #[error("`{}` is no nats-server ({said}): run `make setup`, or name another in ARIA_NATS_SERVER", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// What it said instead.
        said: String,
    },
    /// The nats-server is too old.
    #[error(
        "`{}` is nats-server {found}, {wanted} or newer is needed: run `make setup`, or name another in ARIA_NATS_SERVER",
        path.display()
    )]
    Old {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: String,
        /// The least version.
        wanted: &'static str,
    },
    /// The data folder cannot be used.
    #[error("cannot use the folder `{}`", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A path cannot be told to the server.
    #[error("`{}` is not valid UTF-8: choose another data folder", path.display())]
    NotUtf8 {
        /// The path.
        path: PathBuf,
    },
    /// Another process uses the data folder.
    #[error("`{}` is in use by another aria: stop that one, or choose another data folder", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A server of an earlier process cannot be stopped.
    #[error("an earlier nats-server (process {pid}) does not stop: stop it by hand")]
    Orphan {
        /// Its process id.
        pid: u32,
    },
    /// The system does not start the server.
    #[error("cannot start `{}`", path.display())]
    Start {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The server ended instead of answering.
    #[error("nats-server ended at its start ({status}); see `{}`:\n{said}", log.display())]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The end of its log.
        said: String,
    },
    /// The server does not answer.
    #[error("nats-server did not answer within {waited:?}; see `{}`:\n{said}", log.display())]
    Silent {
        /// How long it had.
        waited: Duration,
        /// Its log.
        log: PathBuf,
        /// The end of its log.
        said: String,
    },
}
