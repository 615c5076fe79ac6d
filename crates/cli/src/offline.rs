//! The platform without a broker: the same handlers over a store in memory, one event after the other.
//!
//! `aria backtest` runs a history through it, so that it decides and forecasts as the services do.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use anyhow::{Context, bail};
use aria_core::artifact::{Artifact, Kind, Ref};
use aria_core::event::{BatchReceived, Event, Fact};
use aria_core::outbox::Outbox;
use aria_core::replay::Batch;
use aria_core::series::{Definition, SeriesId};
use aria_core::summary::Tally;
use aria_drift::Drift;
use aria_evaluation::Evaluation;
use aria_ingestion::Ingestion;
use aria_io::contracts;
use aria_io::runtime::{Delivery, FailureKind, Handler, Outcome};
use aria_io::stores::Stores;
use aria_prediction::Prediction;
use aria_training::Training;

/// How often an event may have to wait for another one before the run is known to be stuck.
const PATIENCE: u64 = 1_000;

/// The five services that a batch passes, over stores in memory.
pub struct Offline {
    stores: Stores,
    ingestion: Ingestion,
    training: Training,
    evaluation: Evaluation,
    drift: Drift,
    prediction: Prediction,
    definition: Definition,
    /// Batches received so far, by series.
    ordinals: BTreeMap<SeriesId, u64>,
    tally: Tally,
    first_rejection: Option<String>,
    #[cfg(test)]
    published: Vec<Event>,
}

impl Offline {
    /// The platform for one series and those that it is forecast with.
    ///
    /// # Errors
    /// Where the store in memory cannot be made.
    pub fn new(definition: Definition, neighbours: &[Definition]) -> anyhow::Result<Self> {
        let stores = Stores::in_memory().context("a store in memory")?;
        let all = std::iter::once(&definition).chain(neighbours).cloned();
        Ok(Self {
            ingestion: Ingestion::new(stores.clone(), all),
            training: Training::new(stores.clone()),
            evaluation: Evaluation::new(stores.clone()),
            drift: Drift::new(stores.clone()),
            prediction: Prediction::new(stores.clone()),
            stores,
            definition,
            ordinals: BTreeMap::new(),
            tally: Tally::default(),
            first_rejection: None,
            #[cfg(test)]
            published: Vec::new(),
        })
    }

    /// Why the first batch that was rejected was.
    pub fn first_rejection(&self) -> Option<&str> {
        self.first_rejection.as_deref()
    }

    /// Where everything lies.
    pub fn stores(&self) -> &Stores {
        &self.stores
    }

    /// What has become of the batches so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Takes in a batch of a neighbour, for which nothing is forecast here; gives the reason where it was rejected.
    ///
    /// # Errors
    /// Where it cannot be stored.
    pub async fn run_neighbour(&mut self, series: &SeriesId, batch: Batch) -> anyhow::Result<Option<String>> {
        let delivery = self.receive(series, batch).await?;
        let Outcome::Done(events) = hand(&self.ingestion, &delivery).await? else {
            bail!("a batch of `{series}` is stuck");
        };
        Ok(events.into_iter().find_map(|event| match event.fact {
            Fact::BatchRejected(rejected) => Some(rejected.reason),
            _ => None,
        }))
    }

    /// Stores a batch and announces it.
    async fn receive(&mut self, series: &SeriesId, batch: Batch) -> anyhow::Result<Delivery> {
        let ordinal = self.ordinals.entry(series.clone()).or_default();
        *ordinal += 1;
        let raw = Artifact::of(Kind::Raw, series, batch.format, batch.bytes);
        self.stores.artifacts.store(&raw).await?;
        let received = BatchReceived { ordinal: *ordinal, raw: raw.name.clone(), source: "offline".into() };
        let event = Event { series: series.clone(), as_of: batch.as_of, fact: Fact::BatchReceived(received) };
        let id = contracts::event_id(&raw.name.key(), &event).to_string();
        Ok(Delivery { id, event, attempt: 1 })
    }

    /// Runs one batch to its end; gives the series' snapshot with it, where it was accepted.
    ///
    /// # Errors
    /// Where a service fails in a way that might not happen again, which offline it does.
    pub async fn run(&mut self, batch: Batch) -> anyhow::Result<Option<Ref>> {
        let series = self.definition.id.clone();
        let Delivery { id, event, .. } = self.receive(&series, batch).await?;
        let mut queue = VecDeque::new();
        let mut snapshot = None;
        self.publish(&mut queue, id, event);
        while let Some((reader, delivery)) = queue.pop_front() {
            match self.deliver(reader, &delivery).await? {
                Outcome::Done(events) => {
                    for event in events {
                        if let Fact::BatchAccepted(accepted) = &event.fact {
                            snapshot = Some(accepted.batch.snapshot.clone());
                        }
                        let id = contracts::event_id(&delivery.id, &event).to_string();
                        self.publish(&mut queue, id, event);
                    }
                }
                Outcome::Later(wait) if delivery.attempt > PATIENCE => {
                    bail!("`{}` is stuck: {}", delivery.event.fact.name(), wait.reason);
                }
                // Offline nobody gives commands beside it that could be cut off.
                Outcome::First(outbox) => bail!("the facts of `{}` were left unpublished", outbox.cause),
                Outcome::Later(_) => queue.push_back((reader, Delivery { attempt: delivery.attempt + 1, ..delivery })),
            }
        }
        Ok(snapshot)
    }

    /// Takes note of an event and hands it to every service that reads it.
    fn publish(&mut self, queue: &mut VecDeque<(Reader, Delivery)>, id: String, event: Event) {
        self.tally.note(&event);
        #[cfg(test)]
        self.published.push(event.clone());
        if let Fact::BatchRejected(rejected) = &event.fact {
            self.first_rejection.get_or_insert_with(|| rejected.reason.clone());
        }
        let readers = Reader::ALL.into_iter().filter(|reader| self.facts(*reader).contains(&event.fact.name()));
        queue.extend(readers.map(|reader| (reader, Delivery { id: id.clone(), event: event.clone(), attempt: 1 })));
    }

    fn facts(&self, reader: Reader) -> &'static [&'static str] {
        match reader {
            Reader::Ingestion => self.ingestion.consumes(),
            Reader::Drift => self.drift.consumes(),
            Reader::Training => self.training.consumes(),
            Reader::Evaluation => self.evaluation.consumes(),
            Reader::Prediction => self.prediction.consumes(),
        }
    }

    async fn deliver(&self, reader: Reader, delivery: &Delivery) -> anyhow::Result<Outcome> {
        match reader {
            Reader::Ingestion => hand(&self.ingestion, delivery).await,
            Reader::Drift => hand(&self.drift, delivery).await,
            Reader::Training => hand(&self.training, delivery).await,
            Reader::Evaluation => hand(&self.evaluation, delivery).await,
            Reader::Prediction => hand(&self.prediction, delivery).await,
        }
    }
}

/// A service that reads events.
#[derive(Clone, Copy, Debug)]
enum Reader {
    Ingestion,
    Drift,
    Training,
    Evaluation,
    Prediction,
}

impl Reader {
    const ALL: [Self; 5] = [Self::Ingestion, Self::Drift, Self::Training, Self::Evaluation, Self::Prediction];
}

async fn hand<H: Handler>(handler: &H, delivery: &Delivery) -> anyhow::Result<Outcome> {
    let failed = || format!("{} cannot handle `{}`", H::SERVICE, delivery.event.fact.name());
    let outcome = match handler.handle(delivery).await {
        // As the worker does: what cannot be processed ends its chain, with the reason.
        Err(failure) if failure.kind == FailureKind::Permanent => {
            let reason = failure.to_string();
            handler.give_up(delivery, &reason).await.with_context(failed)?
        }
        handled => handled.with_context(failed)?,
    };
    if let Outcome::Done(events) = &outcome {
        let published = Outbox::unsettled(&delivery.id, events.clone());
        handler.settled(&delivery.event.series, &published).await.with_context(failed)?;
    }
    Ok(outcome)
}
