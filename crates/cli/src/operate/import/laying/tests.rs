//! An import over a broker and a store in memory, killed at every one of its moves and made again.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aria_core::artifact::Kind;
use aria_io::artifacts::Artifacts;
use aria_io::bus::Bus;
use aria_io::bus::memory::{Befalls, Broker, Fate, Operation};
use futures::TryStreamExt;
use tokio::sync::Notify;

use super::*;

fn whole() -> Whole {
    Whole::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/export.v1.tar")).unwrap()
}

/// Kills the process at one of its messages: before it is stored, or after, before the answer.
struct Killed {
    at: usize,
    stored: bool,
    seen: AtomicUsize,
    dead: Arc<Notify>,
}

impl Killed {
    fn befall(&self, operation: Operation, counts: bool, here: bool) -> Befalls {
        if operation != Operation::Publish {
            return Box::pin(std::future::ready(Ok(())));
        }
        let place =
            if counts { self.seen.fetch_add(1, Ordering::Relaxed) } else { self.seen.load(Ordering::Relaxed) - 1 };
        if here && place == self.at {
            self.dead.notify_one();
            return Box::pin(std::future::pending());
        }
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Fate for Killed {
    fn before(&self, operation: Operation, _: &str) -> Befalls {
        self.befall(operation, true, !self.stored)
    }

    fn after(&self, operation: Operation, _: &str) -> Befalls {
        self.befall(operation, false, self.stored)
    }
}

/// What a platform holds: the messages of its log, its cells, its artifacts.
type Held = (Vec<(String, String, Vec<u8>)>, Vec<Vec<u8>>, BTreeSet<String>);

async fn held(broker: &Broker, artifacts: &Artifacts, series: &SeriesId) -> Held {
    let message = |message: aria_io::bus::memory::Message| {
        (message.subject.clone(), format!("{:?}", message.headers.get("ce-id")), message.payload.to_vec())
    };
    let log = broker.stored("ARIA").into_iter().map(message).collect();
    let stores = Edges { bus: Bus::in_memory(broker), artifacts: artifacts.clone() }.stores();
    let mut cells = Vec::new();
    for cell in Cell::ALL {
        cells.push(stores.cells(cell).read(series).await.unwrap().map(|held| held.value.to_vec()).unwrap_or_default());
    }
    let mut keys = BTreeSet::new();
    for kind in Kind::ALL {
        let names: Vec<_> = artifacts.list(kind, series).try_collect().await.unwrap();
        keys.extend(names.into_iter().map(|name: aria_core::artifact::Ref| name.key()));
    }
    (log, cells, keys)
}

#[tokio::test]
async fn an_import_that_is_killed_at_any_message_is_finished_by_the_next_as_if_nothing_had_been() {
    let whole = whole();
    let series = &whole.contents.series;
    let (broker, artifacts) = (Broker::default(), Artifacts::open("memory://").unwrap());
    let edges = Edges { bus: Bus::in_memory(&broker), artifacts: artifacts.clone() };
    assert_eq!(Laying::new(&edges, &whole).run().await.unwrap(), Outcome::Done);
    let wanted = held(&broker, &artifacts, series).await;
    assert_eq!(wanted.0.len() as u64, whole.contents.events);
    assert_eq!(wanted.2.len() as u64, whole.contents.artifacts.count);
    // The head's mark, three cells, the events, the head.
    let messages = whole.contents.events as usize + 5;
    for (at, stored) in (0..messages).flat_map(|at| [(at, false), (at, true)]) {
        let (broker, artifacts) = (Broker::default(), Artifacts::open("memory://").unwrap());
        let dead = Arc::new(Notify::new());
        let fate = Killed { at, stored, seen: AtomicUsize::new(0), dead: dead.clone() };
        let edges = Edges { bus: Bus::simulated(&broker, Arc::new(fate)), artifacts: artifacts.clone() };
        tokio::select! {
            biased;
            () = dead.notified() => {}
            outcome = async { Laying::new(&edges, &whole).run().await } => panic!("{at} {stored}: {outcome:?}"),
        }
        let edges = Edges { bus: Bus::in_memory(&broker), artifacts: artifacts.clone() };
        let is_last = at + 1 == messages && stored;
        let expected = if is_last { Outcome::Already } else { Outcome::Done };
        assert_eq!(Laying::new(&edges, &whole).run().await.unwrap(), expected, "{at} {stored}");
        assert!(held(&broker, &artifacts, series).await == wanted, "{at} {stored}");
    }
}

#[tokio::test]
async fn nothing_but_the_same_import_can_touch_a_series_that_is_being_imported() {
    let whole = whole();
    let series = &whole.contents.series;
    let edges = Edges { bus: Bus::in_memory(&Broker::default()), artifacts: Artifacts::open("memory://").unwrap() };
    let other = Arrival { contents: aria_core::artifact::Sha256Hex::of(b"another") };
    let heads = edges.stores().heads;
    heads.swap(series, None, document::encode(&other).unwrap()).await.unwrap();
    let refused = Laying::new(&edges, &whole).run().await.unwrap_err().to_string();
    assert_eq!(refused, "another export of `it.daily` is being imported: finish that one first");
    let read = heads.load::<aria_core::head::Head>(series).await.unwrap_err().to_string();
    assert!(read.starts_with("`it.daily` is being imported: "), "{read}");
}

#[tokio::test]
async fn a_series_that_is_there_is_left_as_it_is() {
    let whole = whole();
    let series = &whole.contents.series;
    let (broker, artifacts) = (Broker::default(), Artifacts::open("memory://").unwrap());
    let edges = Edges { bus: Bus::in_memory(&broker), artifacts: artifacts.clone() };
    let head = document::encode(&aria_core::head::Head { ordinal: 1, ..Default::default() }).unwrap();
    edges.stores().heads.swap(series, None, head).await.unwrap();
    let before = held(&broker, &artifacts, series).await;
    let refused = Laying::new(&edges, &whole).run().await.unwrap_err().to_string();
    assert!(refused.starts_with("`it.daily` exists here already"), "{refused}");
    assert!(held(&broker, &artifacts, series).await == before);
}
