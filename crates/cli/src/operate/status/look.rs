//! Gathers what is to be known of a series: a handful of cells and newest events, however long the log is.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use aria_core::ending::Endings;
use aria_core::event::Fact;
use aria_core::head::Head;
use aria_core::intake::Progress;
use aria_core::monitor::{Phase, State};
use aria_core::outbox::{BY_HAND, Outbox};
use aria_core::registry::{Mover, Registry};
use aria_core::remarks::{self, Defined, Letters, Rejected, Seen};
use aria_core::series::{Definition, SeriesId};
use aria_core::time::Timestamp;
use aria_io::bus::{Filter, Recorded, Start};
use aria_io::runtime::{Edges, chain};
use aria_io::stores::{CellError, Held};

use super::OfSeries;

/// What the series are looked at with.
pub struct View {
    edges: Edges,
    definitions: Option<BTreeMap<SeriesId, Definition>>,
    letters: BTreeMap<SeriesId, Letters>,
    now: Timestamp,
}

/// The cells of a series.
struct Cells {
    head: Head,
    state: State,
    registry: Registry,
    endings: Endings,
}

impl View {
    /// A view with the definitions, where they are known, and the dead letters of every series.
    pub fn new(edges: Edges, definitions: Option<Vec<Definition>>, letters: BTreeMap<SeriesId, Letters>) -> Self {
        let definitions = definitions.map(|all| all.into_iter().map(|d| (d.id.clone(), d)).collect());
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(since.as_secs()).ok().and_then(Timestamp::from_seconds).unwrap_or(Timestamp::EPOCH);
        Self { edges, definitions, letters, now }
    }

    /// The broker and the store.
    pub fn edges(&self) -> &Edges {
        &self.edges
    }

    /// When it is.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// What a series is doing. One whose state cannot be read is told as that, beside the others.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn report(&self, series: &SeriesId) -> anyhow::Result<OfSeries> {
        let letters = self.letters.get(series).cloned().unwrap_or_default();
        let dead_letters = letters.count;
        // The log is read first: what it holds and the cells do not yet show is on its way, not the other way round.
        let newest = self.edges.bus.last_batch(series).await?;
        let (cells, unreadable) = match self.cells(series).await {
            Ok(cells) => (cells, None),
            Err(error @ CellError::Document { .. }) => (Cells::empty(), Some(chain(&error))),
            Err(error) => return Err(error.into()),
        };
        let Cells { head, state, endings, .. } = &cells;
        let received =
            newest.as_ref().and_then(|newest| newest.event.fact.received_ordinal()).unwrap_or(0).max(head.ordinal);
        let progress = Progress { received, taken_up: head.ordinal, accepted: head.sequence, ended: endings.sequence };
        let remarks = match unreadable {
            Some(why) => vec![remarks::of_unreadable(series, why)],
            None => {
                let newest = newest.map(|newest| (newest.event.as_of, newest.stored));
                let seen = Seen { letters, ..self.seen(series, &cells, progress, newest).await? };
                remarks::of_series(series, &seen, self.now)
            }
        };
        Ok(OfSeries {
            series: series.clone(),
            batches_received: progress.received,
            batches_taken_up: head.ordinal,
            batches_accepted: head.sequence,
            batches_checked: state.sequence,
            batches_without_end: progress.unended(),
            data_until: head.end,
            model: state.serving.as_ref().map(|s| s.model.key()),
            serving_since: state.serving.as_ref().map(|s| s.since),
            pinned: cells.registry.pin.as_ref().map(|pin| pin.reason.clone()),
            put_back: cells.put_back(),
            last_retraining: state.last_asked,
            retrainings_in_a_row_without_a_new_model: state.failures,
            phase: state.phase.clone(),
            dead_letters,
            remarks,
        })
    }

    async fn cells(&self, series: &SeriesId) -> Result<Cells, CellError> {
        let stores = self.edges.stores();
        let head: Held<Head> = stores.heads.load(series).await?;
        let state: Held<State> = stores.monitors.load(series).await?;
        let registry: Held<Registry> = stores.registry.load(series).await?;
        let endings: Held<Endings> = stores.endings.load(series).await?;
        let (head, state, registry, endings) = (head.document, state.document, registry.document, endings.document);
        Ok(Cells { head, state, registry, endings })
    }

    async fn seen(
        &self,
        series: &SeriesId,
        cells: &Cells,
        progress: Progress,
        newest: Option<(Timestamp, Timestamp)>,
    ) -> anyhow::Result<Seen> {
        let Cells { head, state, .. } = cells;
        let (withheld, degraded) = self.newest_end(series).await?;
        let asked = match &state.phase {
            Phase::Retraining { .. } => self.newest(series, "retraining.requested").await?,
            Phase::Idle | Phase::Forecast { .. } => None,
        };
        let asked = asked.and_then(|recorded| match recorded.event.fact {
            Fact::RetrainingRequested(asked) => {
                let why = format!("{}: {}", asked.cause.as_str(), asked.evidence);
                Some((asked.id, recorded.stored, why))
            }
            _ => None,
        });
        Ok(Seen {
            progress,
            end: head.end,
            phase: state.phase.clone(),
            failures: state.failures,
            open: if progress.unended() > 0 { self.oldest_open(series, progress).await? } else { None },
            newest,
            rejected: self.rejected(series, head.ordinal).await?,
            has_model: state.serving.is_some(),
            withheld,
            degraded,
            asked,
            unpublished: cells.unpublished(),
            letters: Letters::default(),
            defined: self.defined(series),
        })
    }

    fn defined(&self, series: &SeriesId) -> Defined {
        let Some(definitions) = &self.definitions else { return Defined::Unknown };
        definitions.get(series).map_or(Defined::No, |definition| Defined::Yes {
            cadence: definition.cadence,
            give_up_after: definition.policy.give_up_after,
        })
    }

    async fn newest(&self, series: &SeriesId, fact: &'static str) -> anyhow::Result<Option<Recorded>> {
        Ok(self.edges.bus.newest_event(fact, series).await?)
    }

    /// The newest batches where they were rejected: none where the newest that was dealt with was accepted.
    async fn rejected(&self, series: &SeriesId, dealt_with: u64) -> anyhow::Result<Option<Rejected>> {
        let Some(recorded) = self.newest(series, "batch.rejected").await? else { return Ok(None) };
        let Fact::BatchRejected(rejected) = recorded.event.fact else { return Ok(None) };
        let accepted = self.newest(series, "batch.accepted").await?;
        let accepted = match accepted.map(|recorded| recorded.event.fact) {
            Some(Fact::BatchAccepted(accepted)) => accepted.batch.ordinal,
            Some(_) | None => 0,
        };
        let (ordinal, at, reason) = (rejected.ordinal, recorded.stored, rejected.reason);
        let is_newest = ordinal > accepted && ordinal >= dealt_with;
        Ok(is_newest.then(|| Rejected { in_a_row: ordinal - accepted, ordinal, at, reason }))
    }

    /// Since when and why the newest forecast was withheld, or is degraded.
    async fn newest_end(&self, series: &SeriesId) -> anyhow::Result<(Why, Why)> {
        let issued = self.newest(series, "forecast.issued").await?;
        let withheld = self.newest(series, "forecast.withheld").await?;
        let place = |recorded: &Option<Recorded>| recorded.as_ref().map_or(0, |recorded| recorded.sequence);
        let newest = if place(&withheld) > place(&issued) { withheld } else { issued };
        Ok(match newest.map(|recorded| (recorded.stored, recorded.event.fact)) {
            Some((stored, Fact::ForecastWithheld(withheld))) => (Some((stored, withheld.reason)), None),
            Some((stored, Fact::ForecastIssued(issued))) => (None, issued.degraded.map(|why| (stored, why))),
            Some(_) | None => (None, None),
        })
    }

    /// The oldest batch without an end, and when it was received.
    async fn oldest_open(&self, series: &SeriesId, progress: Progress) -> anyhow::Result<Option<(u64, Timestamp)>> {
        let filter = Filter::all().facts(["batch.received", "batch.accepted"]).series(series);
        let mut events = self.edges.bus.recorded_events(&filter, Start::First).await?;
        let mut received = BTreeMap::new();
        while let Some(recorded) = events.next_readable().await {
            let recorded = recorded?;
            match recorded.event.fact {
                Fact::BatchReceived(batch) => {
                    received.insert(batch.ordinal, recorded.stored);
                }
                // It is the oldest one: rejected ones have ended, and accepted ones end in their order.
                Fact::BatchAccepted(accepted) if accepted.batch.sequence == progress.ended + 1 => {
                    let ordinal = accepted.batch.ordinal;
                    return Ok(received.get(&ordinal).map(|stored| (ordinal, *stored)));
                }
                Fact::BatchAccepted(accepted) => received.retain(|ordinal, _| *ordinal > accepted.batch.ordinal),
                _ => {}
            }
        }
        let next = progress.taken_up + 1;
        // What stands behind a gap waits for what fills it.
        Ok(received.range(next..).next().map(|(ordinal, stored)| (*ordinal, *stored)))
    }
}

/// Since when, and why.
type Why = Option<(Timestamp, String)>;

impl Cells {
    fn empty() -> Self {
        let (head, state, registry, endings) =
            (Head::default(), State::default(), Registry::default(), Endings::default());
        Self { head, state, registry, endings }
    }

    /// Why the model before was put back by itself, where that was the newest change.
    fn put_back(&self) -> Option<String> {
        match &self.registry.moves.last()?.by {
            Mover::Probation { reason } => Some(reason.clone()),
            Mover::Evaluation { .. } | Mover::Hand { .. } | Mover::Pin { .. } | Mover::Unpin { .. } => None,
        }
    }

    /// Whose newest facts are not known to be published, and the command that publishes them.
    fn unpublished(&self) -> Vec<(&'static str, Option<&'static str>)> {
        let all = [
            ("head", "", &self.head.outbox),
            ("monitor", "aria retrain", &self.state.outbox),
            ("registry", "aria rollback", &self.registry.outbox),
        ];
        let is_open = |outbox: &Option<Outbox>| outbox.as_ref().is_some_and(|outbox| !outbox.settled);
        let by_hand = |outbox: &Option<Outbox>| outbox.as_ref().is_some_and(|outbox| outbox.cause == BY_HAND);
        let open = all.into_iter().filter(|(.., outbox)| is_open(outbox));
        open.map(|(whose, command, outbox)| (whose, by_hand(outbox).then_some(command))).collect()
    }
}
