//! The processes of a simulation: replicas of every service, started, killed and started again.

use std::sync::Arc;

use aria_core::series::Definition;
use aria_drift::Drift;
use aria_evaluation::Evaluation;
use aria_ingestion::Ingestion;
use aria_io::artifacts::Artifacts;
use aria_io::bus::Bus;
use aria_io::bus::memory::Broker;
use aria_io::runtime::{Edges, Handler, Limits, Looked, Stepwise};
use aria_prediction::Prediction;
use aria_training::Training;
use futures::future::BoxFuture;
use object_store::memory::InMemory;

use super::chance::{Chance, Failures, others_first};
use super::store::Unreliable;

/// The services that a batch passes.
pub(super) const SERVICES: [&str; 5] = ["ingestion", "drift", "training", "evaluation", "prediction"];

/// Changes anywhere after which a message that waits for its turn looks again, or turns of its own without as many.
const WORTH_A_LOOK: u64 = 6;
const PATIENCE: u32 = 100;

/// What happened in a simulation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Processes that were killed, those of all replicas at once among them.
    pub kills: u64,
    /// Times that the broker took back everything in hand, as when it restarts.
    pub restarts: u64,
    /// Messages handed out again though the process that had them was still at it.
    pub zombies: u64,
    /// Messages handed out out of order.
    pub reordered: u64,
    /// Events that a foreign hand put into the log a second time.
    pub duplicates: u64,
    /// Messages that were handed out.
    pub deliveries: u64,
    /// Failures of single requests.
    pub failures: Failures,
}

/// Where all processes work.
#[derive(Clone)]
pub(super) struct Ground {
    pub(super) broker: Broker,
    pub(super) store: Arc<InMemory>,
    pub(super) chance: Chance,
    pub(super) definition: Definition,
}

/// A running process.
pub(super) struct Process {
    pub(super) service: &'static str,
    take: Box<dyn Fn(u64) -> Option<BoxFuture<'static, ()>>>,
}

impl Ground {
    /// The outside things as one process sees them, with a memory of its own.
    pub(super) fn edges(&self) -> Edges {
        let bus = Bus::simulated(&self.broker, Arc::new(self.chance.clone()));
        let artifacts = Artifacts::in_store(Arc::new(Unreliable::new(&self.store, &self.chance)));
        Edges { bus, artifacts }
    }

    /// Starts a replica of a service.
    pub(super) fn start(&self, service: &'static str) -> Option<Process> {
        let edges = self.edges();
        let stores = edges.stores();
        match service {
            "ingestion" => self.replica(Ingestion::new(stores, [self.definition.clone()]), edges),
            "drift" => self.replica(Drift::new(stores), edges),
            "training" => self.replica(Training::new(stores), edges),
            "evaluation" => self.replica(Evaluation::new(stores), edges),
            _ => self.replica(Prediction::new(stores), edges),
        }
    }

    fn replica<H: Handler>(&self, handler: H, edges: Edges) -> Option<Process> {
        let replica = Arc::new(Stepwise::new(handler, edges, Limits::default())?);
        let broker = self.broker.clone();
        let take = move |place| {
            let message = replica.take(place)?;
            let (replica, broker) = (Arc::clone(&replica), broker.clone());
            let work: BoxFuture<'static, ()> = Box::pin(async move {
                loop {
                    let changes = broker.changes();
                    match replica.look(&message).await {
                        Looked::Told => return,
                        Looked::Again => others_first().await,
                        Looked::Waits => {
                            let mut rounds = 0;
                            while broker.changes() < changes + WORTH_A_LOOK && rounds < PATIENCE {
                                others_first().await;
                                rounds += 1;
                            }
                        }
                    }
                }
            });
            Some(work)
        };
        Some(Process { service: H::SERVICE, take: Box::new(take) })
    }
}

impl Process {
    /// Begins to deal with the message at this place of the log; nothing where it cannot be had.
    pub(super) fn take(&self, place: u64) -> Option<BoxFuture<'static, ()>> {
        (self.take)(place)
    }
}

impl Counts {
    /// Adds what happened in another simulation.
    pub fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        self.restarts += other.restarts;
        self.zombies += other.zombies;
        self.reordered += other.reordered;
        self.duplicates += other.duplicates;
        self.deliveries += other.deliveries;
        self.failures.lost += other.failures.lost;
        self.failures.unanswered += other.failures.unanswered;
        self.failures.store += other.failures.store;
        self.failures.spoilt += other.failures.spoilt;
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kills, restarts, zombies, reordered, duplicates, deliveries, failures } = self;
        let Failures { lost, unanswered, store, spoilt } = failures;
        write!(f, "{deliveries} deliveries, {reordered} out of order, {zombies} taken from a process still at it; ")?;
        write!(f, "{kills} processes killed, {restarts} restarts of the broker, {duplicates} events doubled; ")?;
        write!(f, "{lost} requests lost, {unanswered} answers lost, {store} store errors, {spoilt} bodies spoilt")
    }
}
