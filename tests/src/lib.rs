//! The system from outside: what a test needs to start real servers and the real `aria` as processes.
//!
//! Every fixture runs on free ports of this machine with its state in a temporary folder, and ends what it started,
//! and only that, when it is dropped. `make test` builds and installs what they run; an error here says what is
//! missing.

mod aria;
pub mod bomb;
pub mod chaos;
pub mod compose;
pub mod drift_bench;
pub mod figures;
mod fleet;
mod memory;
mod nats;
mod platform;
mod ports;
mod process;
mod reach;
mod s3;
pub mod simulation;
mod tools;
mod wait;
mod wave;

pub use aria::{Service, aria, binary};
pub use fleet::{Fleet, Peak};
pub use nats::Nats;
pub use platform::Platform;
pub use ports::free_ports;
pub use process::Process;
pub use reach::everything_reached;
pub use s3::S3;
pub use wait::until;
pub use wave::{HEADER, Pace, wave};

/// The nats-server that tests start, to be handed to a command that starts one itself.
///
/// # Errors
/// Where there is none; the error says how to get it.
pub fn nats_server() -> anyhow::Result<std::path::PathBuf> {
    tools::find("nats-server", "ARIA_NATS_SERVER")
}

/// The root of the clone.
pub fn clone_root() -> &'static std::path::Path {
    std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
