//! What ingestion does with received bytes: load them and the series, check in core, store, move the head.

use std::collections::BTreeMap;
use std::sync::Arc;

use aria_core::artifact::{Artifact, Kind, Ref};
use aria_core::contract::{self, Checked, Known, Quarantine};
use aria_core::event::{BatchAccepted, BatchId, BatchReceived, BatchRejected, Event, Fact};
use aria_core::head::{Head, Turn};
use aria_core::outbox::Outbox;
use aria_core::series::{Definition, Neighbour, SeriesId};
use aria_core::snapshot::{Companion, Manifest};
use aria_core::time::Timestamp;
use aria_io::artifacts::StoreError;
use aria_io::library::Series;
use aria_io::runtime::{Claim, Delivery, Failure, Handler, Outcome, Wait, chain, cpu};
use aria_io::stores::{CellError, Held, Stores};
use tracing::warn;

use crate::append::{Batch, append};
use crate::memory::Memory;

/// Snapshots of a neighbour that are followed back: a decade of days, and more than a year of hours.
const MOST_BACK: usize = 10_000;

/// Takes batches in.
#[derive(Clone, Debug)]
pub struct Ingestion {
    stores: Stores,
    definitions: Arc<BTreeMap<SeriesId, Definition>>,
    memory: Memory,
}

impl Ingestion {
    /// Ingestion on these stores, for the series that are defined.
    pub fn new(stores: Stores, definitions: impl IntoIterator<Item = Definition>) -> Self {
        let definitions: BTreeMap<_, _> = definitions.into_iter().map(|d| (d.id.clone(), d)).collect();
        let memory = Memory::for_series(definitions.values());
        Self { stores, definitions: Arc::new(definitions), memory }
    }

    async fn take_up(&self, delivery: &Delivery, received: &BatchReceived, head: &Head) -> Result<Head, Failure> {
        let series = &delivery.event.series;
        let Some(definition) = self.definitions.get(series) else {
            let reason =
                format!("no series `{series}` is defined: add its definition to the series folder and send it again");
            return Ok(rejecting(head, delivery, received, reason, None));
        };
        let parent = match &head.snapshot {
            Some(snapshot) => Some(Series::open(&self.stores.artifacts, snapshot).await?),
            None => None,
        };
        match self.check(delivery, received, definition, parent.as_ref()).await? {
            Ok(checked) => self.accept(delivery, received, (definition, parent, checked)).await,
            Err(broken) => {
                let quarantine = self.quarantine(received, broken.quarantined, broken.quarantined_total).await?;
                Ok(rejecting(head, delivery, received, broken.reason.to_string(), quarantine))
            }
        }
    }

    async fn check(
        &self,
        delivery: &Delivery,
        received: &BatchReceived,
        definition: &Definition,
        parent: Option<&Series>,
    ) -> Result<Result<Checked, contract::Broken>, Failure> {
        // By its name, before any of it is read.
        if let Some(broken) = contract::too_large(definition, &received.raw) {
            return Ok(Err(broken));
        }
        let _room = self.memory.room(definition, &received.raw).await;
        let bytes = self.stores.artifacts.get(&received.raw).await?;
        let (definition, format, now) = (definition.clone(), received.raw.format, delivery.event.as_of);
        let known = parent.map(|p| Known::of(&p.manifest, definition.cadence));
        cpu(move || contract::check(&definition, format, &bytes, known.as_ref(), now)).await
    }

    async fn accept(
        &self,
        delivery: &Delivery,
        received: &BatchReceived,
        (definition, parent, checked): (&Definition, Option<Series>, Checked),
    ) -> Result<Head, Failure> {
        let (rows, rows_quarantined, rows_repeated) =
            (checked.table.rows(), checked.rows_refused, checked.rows_repeated);
        let quarantine = self.quarantine(received, checked.quarantined, checked.quarantined_total).await?;
        let at = delivery.event.as_of;
        let companions = self.companions(definition, parent.as_ref(), at).await?;
        let batch = Batch { received, at, quarantine: quarantine.clone(), table: checked.table, companions };
        let appended = append(&self.stores.artifacts, definition, parent.as_ref(), batch).await?;
        let (sequence, end) = (appended.manifest.sequence, appended.manifest.end);
        let snapshot = appended.name;
        let batch = BatchId { ordinal: received.ordinal, sequence, snapshot: snapshot.clone(), origin: end };
        let fact = Fact::BatchAccepted(BatchAccepted {
            batch,
            table: appended.table,
            quarantine,
            rows,
            rows_quarantined,
            rows_repeated,
        });
        Ok(Head {
            ordinal: received.ordinal,
            sequence,
            snapshot: Some(snapshot),
            end: Some(end),
            outbox: Some(outbox_of(delivery, fact)),
        })
    }

    /// The series that this one is forecast with, as they were when the batch was received: what came later, in a
    /// replay or while the batch waited, was not known then. One that cannot be read is left out: a neighbour must not
    /// keep a series from going on, and forecasts say what they were made without.
    async fn companions(
        &self,
        definition: &Definition,
        parent: Option<&Series>,
        at: Timestamp,
    ) -> Result<Vec<Companion>, Failure> {
        let mut companions = Vec::new();
        let forecast = &definition.forecast;
        for Neighbour { series, .. } in forecast.neighbours.iter().chain(&forecast.weather) {
            let before = parent.and_then(|parent| parent.manifest.companion(series));
            match self.as_of(series, before, at).await {
                Ok(snapshot) => {
                    companions.extend(snapshot.map(|snapshot| Companion { series: series.clone(), snapshot }));
                }
                Err(error) if error.is_transient() => return Err(error.into()),
                Err(error) => {
                    let error = chain(&error);
                    warn!(series = %definition.id, neighbour = %series, error, "the neighbour is left out");
                }
            }
        }
        Ok(companions)
    }

    /// The newest snapshot of a series whose batches had been received at a time; where a series is too far ahead to be
    /// followed back, the one that was named before.
    async fn as_of(
        &self,
        series: &SeriesId,
        before: Option<&Ref>,
        at: Timestamp,
    ) -> Result<Option<Ref>, NeighbourError> {
        let held: Held<Head> = self.stores.heads.load(series).await?;
        let mut newest = held.document.snapshot;
        for _ in 0..MOST_BACK {
            let Some(snapshot) = newest else { return Ok(None) };
            let manifest: Manifest = self.stores.artifacts.get_document(&snapshot).await?;
            if manifest.as_of <= at {
                return Ok(Some(snapshot));
            }
            newest = manifest.parent;
        }
        warn!(neighbour = %series, "it is too many batches ahead, and stays as the snapshot before named it");
        Ok(before.cloned())
    }

    async fn quarantine(
        &self,
        received: &BatchReceived,
        rows: Vec<contract::Quarantined>,
        total: u64,
    ) -> Result<Option<Ref>, Failure> {
        if total == 0 {
            return Ok(None);
        }
        let document = Quarantine { raw: received.raw.clone(), total, rows };
        let artifact =
            Artifact::document(Kind::Quarantine, &received.raw.series, &document).map_err(Failure::permanent)?;
        self.stores.artifacts.store(&artifact).await?;
        Ok(Some(artifact.name))
    }

    async fn claim(&self, delivery: &Delivery, received: &BatchReceived) -> Result<Claim<Head>, Failure> {
        let held: Held<Head> = self.stores.heads.load(&delivery.event.series).await?;
        let turn = held.document.turn_of(received.ordinal);
        if let Turn::NotYet(next) = turn {
            let reason = format!("batch {next} has not been dealt with");
            return Ok(Claim::Not(Outcome::Later(Wait { reason, ahead: received.ordinal - next })));
        }
        Ok(match (Outcome::by(held.document.outbox.as_ref(), delivery), turn) {
            (Some(outcome), _) => Claim::Not(outcome),
            (None, Turn::Now) => Claim::Mine(held),
            (None, Turn::Past | Turn::NotYet(_)) => Claim::Not(Outcome::Done(Vec::new())),
        })
    }

    async fn move_to(&self, delivery: &Delivery, from: Option<u64>, head: Head) -> Result<Outcome, Failure> {
        self.stores.heads.store(&delivery.event.series, from, &head).await?;
        Ok(Outcome::Done(head.outbox.map(|o| o.events).unwrap_or_default()))
    }
}

impl Handler for Ingestion {
    const SERVICE: &'static str = "ingestion";

    fn consumes(&self) -> &'static [&'static str] {
        &["batch.received"]
    }

    async fn handle(&self, delivery: &Delivery) -> Result<Outcome, Failure> {
        let Fact::BatchReceived(received) = &delivery.event.fact else { return Err(delivery.unexpected()) };
        let held = match self.claim(delivery, received).await? {
            Claim::Mine(held) => held,
            Claim::Not(outcome) => return Ok(outcome),
        };
        let head = self.take_up(delivery, received, &held.document).await?;
        self.move_to(delivery, held.revision, head).await
    }

    async fn settled(&self, series: &SeriesId, published: &Outbox) -> Result<(), Failure> {
        Ok(self.stores.heads.settle::<Head>(series, published).await?)
    }

    /// A batch that cannot be taken up is rejected, so that the ones behind it are not blocked.
    async fn give_up(&self, delivery: &Delivery, reason: &str) -> Result<Outcome, Failure> {
        let Fact::BatchReceived(received) = &delivery.event.fact else { return Ok(Outcome::Done(Vec::new())) };
        let held = match self.claim(delivery, received).await? {
            Claim::Mine(held) => held,
            Claim::Not(outcome) => return Ok(outcome),
        };
        let head = rejecting(&held.document, delivery, received, format!("it could not be processed: {reason}"), None);
        self.move_to(delivery, held.revision, head).await
    }
}

/// A neighbour that cannot be read.
#[derive(Debug, thiserror::Error)]
enum NeighbourError {
    #[error(transparent)]
    Cell(#[from] CellError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NeighbourError {
    /// Whether it may be read soon. One that is being imported would be waited for until the batch is given up.
    fn is_transient(&self) -> bool {
        match self {
            Self::Cell(error) => matches!(error, CellError::Bus(error) if error.is_transient()),
            Self::Store(error) => error.is_transient(),
        }
    }
}

impl From<NeighbourError> for Failure {
    fn from(error: NeighbourError) -> Self {
        match error {
            NeighbourError::Cell(error) => error.into(),
            NeighbourError::Store(error) => error.into(),
        }
    }
}

fn rejecting(
    head: &Head,
    delivery: &Delivery,
    received: &BatchReceived,
    reason: String,
    quarantine: Option<Ref>,
) -> Head {
    let fact =
        Fact::BatchRejected(BatchRejected { ordinal: received.ordinal, raw: received.raw.clone(), reason, quarantine });
    Head { ordinal: received.ordinal, outbox: Some(outbox_of(delivery, fact)), ..head.clone() }
}

fn outbox_of(delivery: &Delivery, fact: Fact) -> Outbox {
    let event = Event { fact, ..delivery.event.clone() };
    Outbox::unsettled(&delivery.id, vec![event])
}
