//! The worker that runs every service: it pulls, decodes, heartbeats, publishes, acknowledges, retries, dead-letters,
//! traces, counts and drains, so that a service's handler does none of it.

mod backoff;
mod clock;
pub mod config;
mod consumer;
mod delivery;
mod edges;
mod handler;
mod heavy;
pub mod http;
mod ledger;
pub mod process;
mod shutdown;
mod stepwise;
pub mod telemetry;
mod waiting;
mod worker;

use std::time::Duration;

pub use edges::{Edges, EdgesError};
pub use handler::{Claim, Delivery, Failure, FailureKind, Handler, Outcome, Wait, chain};
pub use heavy::{cpu, overrun};
pub use shutdown::Shutdown;
pub use stepwise::{Looked, Stepwise};
pub use worker::{WorkError, work, work_with};

pub(crate) use clock::rest;
pub(crate) use consumer::bind;

/// How hard and how long a worker tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long the broker waits for a sign of life before it hands a message to someone else.
    pub ack_wait: Duration,
    /// Transient failures of one message before it goes to the dead letters; twelve last about five minutes. Failures
    /// while the broker or the store serves nobody do not count.
    pub attempts: u64,
    /// Messages handled at once by one replica; as many again of those that had to wait for their turn.
    pub concurrency: usize,
    /// How long messages in hand may take to finish when the process is asked to leave.
    pub drain: Duration,
    /// How long one message may be handled; a hung one is tried again.
    pub handling: Duration,
    /// Deliveries of one message, for whatever reason, after which each handling of it is put on record before it
    /// begins: it may be a message that brings its process down, which leaves no other trace.
    pub deliveries: u64,
    /// Handlings on record that never ended before a message goes to the dead letters.
    pub crashes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ack_wait: Duration::from_secs(10),
            attempts: 12,
            concurrency: 4,
            drain: Duration::from_secs(20),
            handling: Duration::from_secs(3_600),
            deliveries: 20,
            crashes: 5,
        }
    }
}
