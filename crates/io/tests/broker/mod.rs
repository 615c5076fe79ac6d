//! A real broker for one test: its own process, port and folder, gone with the test.
#![allow(dead_code, reason = "no test file needs all of it")]

use std::path::Path;
use std::time::Duration;

use aria_core::artifact::{Format, Kind, Ref};
use aria_core::event::{BatchReceived, Event, Fact};
use aria_core::series::SeriesId;
use aria_io::bus::{Bus, BusConfig, Events, Recorded};
use aria_io::nats_server::{Server, Tools};
use aria_io::runtime::config::Environment;
use futures::StreamExt;
use tempfile::TempDir;

/// Long enough for any slow machine; a test that waits longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A broker that is set up for Aria.
pub struct Broker {
    pub data: TempDir,
    server: Option<Server>,
}

/// Where the broker's program is looked for, in a checkout.
pub fn tools() -> Tools {
    Tools::from_strings(&Environment, &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/bin"))
}

impl Broker {
    pub async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut broker = Self { data, server: None };
        broker.start_again().await;
        broker.bus("setup").await.ensure().await.unwrap();
        broker
    }

    /// A connection of a service.
    pub async fn bus(&self, name: &str) -> Bus {
        Bus::connect(&BusConfig::new(self.url(), name)).await.unwrap()
    }

    /// A connection that knows nothing of Aria.
    pub async fn client(&self) -> async_nats::Client {
        async_nats::connect(self.url()).await.unwrap()
    }

    pub fn url(&self) -> &str {
        self.server.as_ref().unwrap().url()
    }

    /// Ends the broker as a power cut would.
    pub async fn kill(&mut self) {
        self.server.take().unwrap().kill().await;
    }

    /// Ends the broker in good order.
    pub async fn stop(&mut self) {
        self.server.take().unwrap().stop().await;
    }

    pub async fn start_again(&mut self) {
        self.server = Some(Server::start(self.data.path(), &tools()).await.unwrap());
    }
}

pub fn series() -> SeriesId {
    "it.ci_direct".parse().unwrap()
}

/// The bytes that stand for a batch.
pub fn raw(text: &str) -> Ref {
    Ref::of(Kind::Raw, &series(), Format::Csv, text.as_bytes())
}

/// The batch with this ordinal.
pub fn received(ordinal: u64) -> Event {
    let fact = BatchReceived { ordinal, raw: raw(&format!("batch {ordinal}")), source: "test".to_owned() };
    Event { series: series(), as_of: "2023-03-26T00:00:00Z".parse().unwrap(), fact: Fact::BatchReceived(fact) }
}

/// The next event; a test that waits for one in vain fails.
pub async fn next(events: &mut Events) -> Recorded {
    within(events.next()).await.unwrap().unwrap()
}

/// A result that comes in time.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}
