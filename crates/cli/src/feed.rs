//! Feeding a history as if it came live: each batch once the one before it ended.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use aria_core::artifact::{Artifact, Kind};
use aria_core::event::{Event, Fact};
use aria_core::head::Head;
use aria_core::replay::Batch;
use aria_core::series::SeriesId;
use aria_core::summary::ended;
use aria_io::artifacts::Artifacts;
use aria_io::bus::{Events, Filter, Recorded, Start};
use aria_io::runtime::Edges;
use aria_io::stores::Held;

use crate::ends::Ends;
use crate::progress::Progress;

/// How long a batch may take before feeding stops with an error; a training takes seconds.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long to go on storing while the store or the broker does not answer: about what announcing goes on for, and as
/// long as either takes to start again.
const OUTAGE: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_millis(500);

/// The fact that a batch begins with, and those that it can end with.
const FACTS: [&str; 4] = ["batch.received", "batch.rejected", "forecast.issued", "forecast.withheld"];

/// Feeds batches and waits for the end of each; gives how they ended.
///
/// # Errors
/// Where the broker or the store fails, or a batch does not end.
pub async fn feed(edges: &Edges, series: &SeriesId, batches: &[Batch], source: &str) -> anyhow::Result<Ends> {
    let mut ends = Ends::default();
    feed_after(edges, series, batches, source, 0, |recorded| ends.note(recorded)).await?;
    Ok(ends)
}

/// Feeds the batches that a run which was cut off has left.
///
/// # Errors
/// As [`feed`].
pub async fn go_on(edges: &Edges, series: &SeriesId, batches: &[Batch], source: &str) -> anyhow::Result<()> {
    let fed = received_before(edges, series).await?;
    if fed > 0 {
        mention!("{fed} of {} batches were fed before; going on after them", batches.len());
        wait_for_last(edges, series, fed).await?;
    }
    feed_after(edges, series, batches, source, fed, |_| {}).await
}

async fn feed_after(
    edges: &Edges,
    series: &SeriesId,
    batches: &[Batch],
    source: &str,
    fed: u64,
    mut note: impl FnMut(&Recorded),
) -> anyhow::Result<()> {
    let floor = head(edges, series).await?.ordinal;
    let start = Start::Sequence(edges.bus.last_sequence().await? + 1);
    let filter = Filter::all().facts(FACTS).series(series);
    let mut events = edges.bus.events(&filter, start).await?;
    let mut progress = Progress::new(batches.len());
    for (i, batch) in batches.iter().enumerate().skip(fed as usize) {
        let raw = Artifact::of(Kind::Raw, series, batch.format, batch.bytes.clone());
        store(&edges.artifacts, &raw).await?;
        let (event, _) = edges.bus.receive(series, &raw.name, batch.as_of, source, floor).await?;
        let ordinal = ordinal_of(&event)?;
        let end = wait_for_end(&mut events, ordinal, &mut note).await?;
        progress.step(i + 1, batch.as_of, &end);
    }
    progress.finish();
    Ok(())
}

/// Stores a batch, tried again while the store does not answer, or the broker that tells what is about to be deleted:
/// to store the same bytes once more changes nothing.
///
/// # Errors
/// Where it fails for good, or for longer than a restart takes.
pub async fn store(artifacts: &Artifacts, raw: &Artifact) -> anyhow::Result<()> {
    store_within(OUTAGE, artifacts, raw).await
}

async fn store_within(patience: Duration, artifacts: &Artifacts, raw: &Artifact) -> anyhow::Result<()> {
    let until = Instant::now() + patience;
    loop {
        match artifacts.store(raw).await {
            Err(error) if error.is_transient() && Instant::now() < until => tokio::time::sleep(AGAIN).await,
            stored => return Ok(stored?),
        }
    }
}

/// The ordinal of the newest batch that the series has received.
async fn received_before(edges: &Edges, series: &SeriesId) -> anyhow::Result<u64> {
    let filter = Filter::all().facts(["batch.received"]).series(series);
    let mut received = edges.bus.recorded_events(&filter, Start::First).await?;
    let mut newest = 0;
    while let Some(event) = received.next_readable().await {
        newest = newest.max(ordinal_of(&event?.event)?);
    }
    Ok(newest)
}

/// Waits for the end of a batch that an earlier run left on its way.
async fn wait_for_last(edges: &Edges, series: &SeriesId, ordinal: u64) -> anyhow::Result<()> {
    let filter = Filter::all().facts(FACTS).series(series);
    let mut events = edges.bus.events(&filter, Start::First).await?;
    wait_for_end(&mut events, ordinal, |_| {}).await?;
    Ok(())
}

/// Waits for the end of a batch; what is read of it on the way is noted, and nothing of other batches.
async fn wait_for_end(events: &mut Events, ordinal: u64, mut note: impl FnMut(&Recorded)) -> anyhow::Result<Event> {
    let wait = async {
        while let Some(recorded) = events.next_readable().await {
            let recorded = recorded?;
            let fact = &recorded.event.fact;
            let is_end = ended(fact) == Some(ordinal);
            if is_end || matches!(fact, Fact::BatchReceived(received) if received.ordinal == ordinal) {
                note(&recorded);
            }
            if is_end {
                return Ok(recorded.event);
            }
        }
        bail!("the event log ended")
    };
    let late = || format!("batch {ordinal} has not ended within {} s: see `aria status`", PATIENCE.as_secs());
    tokio::time::timeout(PATIENCE, wait).await.with_context(late)?
}

fn ordinal_of(event: &Event) -> anyhow::Result<u64> {
    event.fact.received_ordinal().with_context(|| format!("`{}` has no ordinal", event.fact.name()))
}

/// The series' head.
///
/// # Errors
/// Where the broker does not answer.
pub async fn head(edges: &Edges, series: &SeriesId) -> anyhow::Result<Head> {
    let held: Held<Head> = edges.stores().heads.load(series).await?;
    Ok(held.document)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use aria_core::artifact::Format;
    use aria_core::garbage::Condemned;
    use aria_io::artifacts::{OnRecord, Record, RecordError};
    use futures::FutureExt;
    use futures::future::BoxFuture;

    use super::*;

    /// A record of what is about to be deleted that cannot be read so many times.
    struct Away(AtomicU64);

    impl Record for Away {
        fn read(&self) -> BoxFuture<'_, Result<Option<OnRecord>, RecordError>> {
            let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            async move { if left.is_ok() { Err("nobody answers".into()) } else { Ok(None) } }.boxed()
        }

        fn write<'a>(&'a self, _: Option<u64>, _: &'a Condemned) -> BoxFuture<'a, Result<Option<u64>, RecordError>> {
            async { Ok(None) }.boxed()
        }
    }

    async fn store_while_away(reads: u64, patience: Duration) -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let artifacts = Artifacts::open(&folder.path().to_string_lossy())?;
        artifacts.heed(Arc::new(Away(AtomicU64::new(reads))));
        let raw = Artifact::of(Kind::Raw, &"it.x".parse()?, Format::Csv, "a".into());
        store_within(patience, &artifacts, &raw).await
    }

    #[tokio::test]
    async fn a_batch_is_stored_once_a_broker_that_was_away_answers_again() {
        store_while_away(2, OUTAGE).await.unwrap();
    }

    #[tokio::test]
    async fn a_batch_is_given_up_when_the_broker_stays_away() {
        let error = store_while_away(u64::MAX, Duration::ZERO).await.unwrap_err();
        assert!(format!("{error:#}").contains("nobody answers"), "{error:#}");
    }
}
