//! The batches of a snapshot: those in its tail, and those that its segments were made of, found in the snapshots
//! before it.

use std::collections::BTreeMap;

use aria_core::artifact::{Kind, Ref};
use aria_core::document;
use aria_core::event::Fact;
use aria_core::series::SeriesId;
use aria_core::snapshot::Manifest;
use aria_io::bus::Filter;
use aria_io::reach::{Reading, Walk};
use aria_io::runtime::Edges;

use super::recorded;

/// The most snapshots that are walked: ten years of hourly batches. Beyond it the answer says that it is not whole.
const MOST: usize = 100_000;

/// The bytes that a snapshot was made of.
#[derive(Debug)]
pub struct Ancestry {
    /// The raw bytes of the accepted batches, by ordinal.
    pub raw: BTreeMap<u64, Ref>,
    /// The accepted batches that the snapshot holds.
    pub expected: u64,
}

/// Walks back from a snapshot to its first batch.
///
/// # Errors
/// Where a snapshot cannot be read or the log does not answer.
pub async fn of(edges: &Edges, snapshot: &Ref, newest: &Manifest) -> anyhow::Result<Ancestry> {
    let mut raw = BTreeMap::new();
    let mut ordinals = Vec::new();
    let mut walk = Walk::new(&edges.artifacts, Reading::Only(Kind::Snapshot));
    walk.begin("what was asked for", [snapshot.clone()]);
    while let Some(found) = walk.next().await {
        let found = found?;
        // Of all that a snapshot names, only snapshots are read: the one before it, and those of its companions, which
        // are not made of its own batches.
        let Some(bytes) = found.bytes.filter(|_| found.name.series == newest.series) else { continue };
        let manifest: Manifest = document::decode(&bytes)?;
        ordinals.push(manifest.ordinal);
        raw.extend(manifest.tail.into_iter().map(|b| (b.ordinal, b.raw)));
        if ordinals.len() == MOST {
            break;
        }
    }
    // A large batch goes into months at once and never stands in a tail; its receipt names its bytes.
    if ordinals.iter().any(|ordinal| !raw.contains_key(ordinal)) {
        let received = received(edges, &newest.series).await?;
        for ordinal in ordinals {
            if let (false, Some(name)) = (raw.contains_key(&ordinal), received.get(&ordinal)) {
                raw.insert(ordinal, name.clone());
            }
        }
    }
    Ok(Ancestry { raw, expected: newest.sequence })
}

async fn received(edges: &Edges, series: &SeriesId) -> anyhow::Result<BTreeMap<u64, Ref>> {
    let events = recorded(edges, &Filter::all().facts(["batch.received"]).series(series)).await?;
    let named = |fact| match fact {
        Fact::BatchReceived(received) => Some((received.ordinal, received.raw)),
        _ => None,
    };
    Ok(events.into_iter().filter_map(|r| named(r.event.fact)).collect())
}
