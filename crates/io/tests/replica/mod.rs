//! A replica of a service whose handler a test writes, and what it leaves in the log.

use std::time::Duration;

use aria_core::event::{BatchRejected, Event, Fact};
use aria_io::artifacts::Artifacts;
use aria_io::bus::{Backlog, Bus, Filter, Letter, Start};
use aria_io::runtime::{Delivery, Edges, Failure, Handler, Limits, Outcome, Shutdown, WorkError, work_with};
use futures::TryStreamExt;
use futures::future::BoxFuture;
use tokio::task::JoinHandle;

use crate::broker::{Broker, next, raw, received, within};

pub const SERVICE: &str = "ingestion";

type Result<T, E = Failure> = std::result::Result<T, E>;

/// A service that does with every batch what the test says.
pub struct Scripted<F, G> {
    pub handle: F,
    pub give_up: G,
}

type GiveUp = fn(Delivery, String) -> Result<Outcome>;

impl<F> Scripted<F, GiveUp> {
    /// One that rejects what it gives up.
    pub fn new(handle: F) -> Self {
        Self {
            handle,
            give_up: |delivery, reason| Ok(Outcome::Done(vec![rejected(ordinal(&delivery.event), &reason)])),
        }
    }
}

impl<F, G> Handler for Scripted<F, G>
where
    F: Fn(Delivery) -> BoxFuture<'static, Result<Outcome>> + Send + Sync + 'static,
    G: Fn(Delivery, String) -> Result<Outcome> + Send + Sync + 'static,
{
    const SERVICE: &'static str = SERVICE;

    fn consumes(&self) -> &'static [&'static str] {
        &["batch.received"]
    }

    async fn handle(&self, delivery: &Delivery) -> Result<Outcome> {
        (self.handle)(delivery.clone()).await
    }

    async fn give_up(&self, delivery: &Delivery, reason: &str) -> Result<Outcome> {
        (self.give_up)(delivery.clone(), reason.to_owned())
    }
}

pub fn ordinal(event: &Event) -> u64 {
    match &event.fact {
        Fact::BatchReceived(received) => received.ordinal,
        Fact::BatchRejected(rejected) => rejected.ordinal,
        other => panic!("{} is no batch", other.name()),
    }
}

/// What the scripted services make of a batch.
pub fn rejected(ordinal: u64, reason: &str) -> Event {
    let fact = BatchRejected { ordinal, raw: raw("x"), reason: reason.to_owned(), quarantine: None };
    Event { fact: Fact::BatchRejected(fact), ..received(ordinal) }
}

pub fn done(delivery: &Delivery) -> Result<Outcome> {
    Ok(Outcome::Done(vec![rejected(ordinal(&delivery.event), "done")]))
}

pub fn limits() -> Limits {
    Limits { ack_wait: Duration::from_secs(30), ..Limits::default() }
}

/// A running replica.
pub struct Replica {
    pub shutdown: Shutdown,
    task: JoinHandle<Result<(), WorkError>>,
}

impl Replica {
    /// One that rejects what it gives up.
    pub async fn start<F>(broker: &Broker, limits: Limits, script: F) -> Self
    where
        F: Fn(Delivery) -> BoxFuture<'static, Result<Outcome>> + Send + Sync + 'static,
    {
        Self::of(broker, limits, Scripted::new(script)).await
    }

    pub async fn of<H: Handler>(broker: &Broker, limits: Limits, handler: H) -> Self {
        let artifacts = Artifacts::open(broker.data.path().join("artifacts").to_str().unwrap()).unwrap();
        let edges = Edges { bus: broker.bus("test").await, artifacts };
        let shutdown = Shutdown::new();
        let asked = shutdown.clone();
        let task = tokio::spawn(async move { work_with(handler, &edges, limits, asked).await });
        Self { shutdown, task }
    }

    /// Asks it to leave and waits until it has.
    pub async fn leave(self) {
        self.shutdown.request();
        within(self.task).await.unwrap().unwrap();
    }

    /// Ends it as `kill -9` would: nothing is told to the broker.
    pub async fn crash(self) {
        self.task.abort();
        assert!(within(self.task).await.unwrap_err().is_cancelled());
    }
}

pub async fn publish(bus: &Bus, ordinals: std::ops::RangeInclusive<u64>) {
    for ordinal in ordinals {
        bus.publish("upload", &received(ordinal)).await.unwrap();
    }
}

/// Waits for this many results; gives their ordinals and reasons in the order of the log.
pub async fn results(bus: &Bus, count: usize) -> Vec<(u64, String)> {
    let filter = Filter::all().facts(["batch.rejected"]);
    let mut events = bus.events(&filter, Start::First).await.unwrap();
    let mut found = Vec::new();
    while found.len() < count {
        found.push(result(next(&mut events).await.event));
    }
    found
}

/// The results that the log holds now.
pub async fn results_now(bus: &Bus) -> Vec<(u64, String)> {
    let filter = Filter::all().facts(["batch.rejected"]);
    let events = bus.recorded_events(&filter, Start::First).await.unwrap();
    within(events.map_ok(|recorded| result(recorded.event)).try_collect()).await.unwrap()
}

fn result(event: Event) -> (u64, String) {
    match event.fact {
        Fact::BatchRejected(rejected) => (rejected.ordinal, rejected.reason),
        other => panic!("{} is no result", other.name()),
    }
}

pub async fn letters(bus: &Bus) -> Vec<Letter> {
    let letters = bus.dead_letters(Some(SERVICE), Start::First).await.unwrap();
    within(letters.try_collect()).await.unwrap()
}

pub async fn backlog(bus: &Bus) -> Backlog {
    bus.backlog(SERVICE).await.unwrap().unwrap()
}
