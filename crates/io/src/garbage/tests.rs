//! Deleting beside a writer, held up at each moment at which it matters.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aria_core::artifact::{Format, Kind, Ref};
use aria_core::garbage::{Condemned, Stored};
use aria_core::time::Timestamp;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use tempfile::TempDir;
use tokio::sync::watch;

use super::*;
use crate::artifacts::{Artifacts, Found, OnRecord, Record, RecordError, StoreError};

const BYTES: &[u8] = b"a,b\n";
/// A lease in seconds; a writer waits three of them for a collector that was killed.
const LEASE: u32 = 1;
const PATIENCE: Duration = Duration::from_secs(60);

/// A record in memory that counts who looked at it.
struct Shared {
    held: Mutex<Option<OnRecord>>,
    reads: watch::Sender<u64>,
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self { held: Mutex::new(None), reads: watch::Sender::new(0) })
    }

    fn reads(&self) -> u64 {
        *self.reads.borrow()
    }

    /// Waits until it was looked at since `before`.
    async fn looked_at_since(&self, before: u64) {
        let mut reads = self.reads.subscribe();
        tokio::time::timeout(PATIENCE, reads.wait_for(|reads| *reads > before)).await.unwrap().unwrap();
    }
}

impl Record for Shared {
    fn read(&self) -> BoxFuture<'_, Result<Option<OnRecord>, RecordError>> {
        let held = self.held.lock().unwrap().clone();
        self.reads.send_modify(|reads| *reads += 1);
        async { Ok(held) }.boxed()
    }

    fn write<'a>(
        &'a self,
        expected: Option<u64>,
        condemned: &'a Condemned,
    ) -> BoxFuture<'a, Result<Option<u64>, RecordError>> {
        let mut held = self.held.lock().unwrap();
        let found = held.as_ref().map(|held| held.revision);
        let written = (found == expected).then(|| {
            let revision = found.unwrap_or(0) + 1;
            *held = Some(OnRecord { revision, written: Timestamp::EPOCH, condemned: condemned.clone() });
            revision
        });
        async move { Ok(written) }.boxed()
    }
}

/// A folder with one old artifact that nothing names, and the collector's list of it.
struct World {
    folder: TempDir,
    artifacts: Artifacts,
    record: Arc<Shared>,
    listed: Vec<Stored>,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = open(folder.path());
        put(&artifacts).await.unwrap();
        make_old(folder.path());
        let found: Vec<Found> = artifacts.everything().try_collect().await.unwrap();
        let [Found::Artifact(stored)] = found.as_slice() else { panic!("{found:?}") };
        Self { listed: vec![stored.clone()], artifacts, record: Shared::new(), folder }
    }

    /// A writer in another process, that looks at the record.
    fn writer(&self) -> Artifacts {
        let writer = open(self.folder.path());
        writer.heed(self.record.clone());
        writer
    }

    async fn collector(&self) -> Collector<'_> {
        Collector::begin(&self.artifacts, self.record.as_ref(), LEASE).await.unwrap()
    }

    fn is_there(&self) -> bool {
        self.folder.path().join(name().key()).is_file()
    }
}

fn open(folder: &Path) -> Artifacts {
    Artifacts::open(folder.to_str().unwrap()).unwrap()
}

fn name() -> Ref {
    Ref::of(Kind::Raw, &"it.ci_direct".parse().unwrap(), Format::Csv, BYTES)
}

async fn put(artifacts: &Artifacts) -> Result<Ref, StoreError> {
    artifacts.put(Kind::Raw, &"it.ci_direct".parse().unwrap(), Format::Csv, BYTES.to_vec()).await
}

fn make_old(folder: &Path) {
    let file = std::fs::File::options().write(true).open(folder.join(name().key())).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(1_000_000)).unwrap();
}

/// Stores the artifact at one moment of its deletion, by a writer that this one is; whether it is there when both are
/// done.
async fn stored_at(moment: fn(&Moment) -> bool, heeds: bool) -> (World, Collection) {
    let world = World::new().await;
    let writer = if heeds { world.writer() } else { open(world.folder.path()) };
    let (record, writing) = (world.record.clone(), Arc::new(Mutex::new(None)));
    let held_up = writing.clone();
    let watcher: collect::Watcher = Arc::new(move |now| {
        let (record, writer, held_up) = (record.clone(), writer.clone(), held_up.clone());
        async move {
            if !moment(&now) {
                return;
            }
            let before = record.reads();
            let written = tokio::spawn(async move { put(&writer).await });
            if heeds {
                // It has written, and looks: from here on the collector may go on.
                record.looked_at_since(before).await;
                *held_up.lock().unwrap() = Some(written);
            } else {
                written.await.unwrap().unwrap();
            }
        }
        .boxed()
    });
    let mut collector = world.collector().await.watched(watcher);
    let collection = collector.delete(&world.listed, |_| {}).await.unwrap();
    drop(collector);
    let writing = writing.lock().unwrap().take();
    if let Some(writing) = writing {
        assert_eq!(tokio::time::timeout(PATIENCE, writing).await.unwrap().unwrap().unwrap(), name());
    }
    (world, collection)
}

#[tokio::test]
async fn what_nobody_stores_again_is_deleted_and_the_record_is_empty_after_it() {
    let world = World::new().await;
    let mut collector = world.collector().await;
    let collection = collector.delete(&world.listed, |_| {}).await.unwrap();
    assert_eq!(collection, Collection { deleted: 1, bytes: 4, spared: 0 });
    assert!(!world.is_there());
    let record = world.record.read().await.unwrap().unwrap();
    assert!(record.condemned.keys.is_empty());
    // The list is out of date now, which is no fault.
    assert_eq!(collector.delete(&world.listed, |_| {}).await.unwrap().spared, 1);
}

#[tokio::test]
async fn what_is_stored_again_before_its_age_is_looked_at_is_spared() {
    let (world, collection) = stored_at(|moment| *moment == Moment::Condemned, true).await;
    assert_eq!((collection.deleted, collection.spared), (0, 1));
    assert!(world.is_there());
}

#[tokio::test]
async fn what_is_stored_again_after_its_age_was_looked_at_is_there_once_the_deletion_is_over() {
    let (world, collection) = stored_at(|moment| matches!(moment, Moment::Looked(_)), true).await;
    assert_eq!(collection.deleted, 1);
    assert!(world.is_there());
    assert_eq!(open(world.folder.path()).get(&name()).await.unwrap(), BYTES);
}

#[tokio::test]
async fn a_writer_that_does_not_look_at_the_record_loses_what_it_stored_at_that_moment() {
    // What the record is for: the same moment, without it.
    let (world, _) = stored_at(|moment| matches!(moment, Moment::Looked(_)), false).await;
    assert!(!world.is_there());
}

#[tokio::test]
async fn a_writer_waits_no_longer_for_a_killed_collector_than_its_lease_allows() {
    let world = World::new().await;
    let keys = [name().key()].into();
    world.record.write(None, &Condemned { keys, lease_seconds: LEASE }).await.unwrap();
    let begun = std::time::Instant::now();
    tokio::time::timeout(PATIENCE, put(&world.writer())).await.unwrap().unwrap();
    // Three leases, and not before: a collector that lives would be at work until then.
    assert!(begun.elapsed() >= Duration::from_secs(3 * u64::from(LEASE)), "{:?}", begun.elapsed());
    assert!(world.is_there());
    // The record of the dead stays until the next collector; it holds nobody up who stores something else.
    let (writer, series) = (world.writer(), name().series);
    let other = writer.put(Kind::Raw, &series, Format::Csv, b"else".to_vec());
    tokio::time::timeout(Duration::from_secs(2), other).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_next_collector_takes_over_from_a_killed_one_and_a_second_one_beside_it_stops() {
    let world = World::new().await;
    let keys = [name().key()].into();
    world.record.write(None, &Condemned { keys, lease_seconds: LEASE }).await.unwrap();
    let mut first = world.collector().await;
    let mut second = world.collector().await;
    let stopped = first.delete(&world.listed, |_| {}).await.unwrap_err();
    assert!(matches!(stopped, CollectError::Another), "{stopped}");
    assert!(world.is_there());
    assert_eq!(second.delete(&world.listed, |_| {}).await.unwrap().deleted, 1);
}

#[tokio::test]
async fn a_collector_that_finds_another_one_at_work_stops_before_it_deletes() {
    let world = World::new().await;
    let keys: std::collections::BTreeSet<String> = [name().key()].into();
    let condemned = Condemned { keys, lease_seconds: 60 };
    let revision = world.record.write(None, &condemned).await.unwrap();
    let before = world.record.reads();
    let begin = Collector::begin(&world.artifacts, world.record.as_ref(), LEASE);
    let other = async {
        world.record.looked_at_since(before).await;
        world.record.write(revision, &Condemned::default()).await.unwrap();
    };
    let (begun, ()) = tokio::join!(begin, other);
    assert!(matches!(begun, Err(CollectError::Another)));
}

#[tokio::test]
async fn a_record_that_cannot_be_read_keeps_a_writer_from_relying_on_what_it_stored() {
    struct Away;
    impl Record for Away {
        fn read(&self) -> BoxFuture<'_, Result<Option<OnRecord>, RecordError>> {
            async { Err("the broker is away".into()) }.boxed()
        }
        fn write<'a>(&'a self, _: Option<u64>, _: &'a Condemned) -> BoxFuture<'a, Result<Option<u64>, RecordError>> {
            async { Err("the broker is away".into()) }.boxed()
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let artifacts = open(folder.path());
    artifacts.heed(Arc::new(Away));
    let error = put(&artifacts).await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("the broker is away"), "{error}");
}

#[tokio::test]
async fn only_what_bears_an_artifact_s_name_is_listed_as_one() {
    let world = World::new().await;
    let foreign = ["aria/mark", "probe/aria", "raw/it.ci_direct/notes.csv", "raw/it.ci_direct/a/b.csv", "backup/x"];
    let digest = name().sha256;
    let near = [
        format!("raw/it.ci_direct/{digest}.txt"),
        format!("rew/it.ci_direct/{digest}.csv"),
        format!("raw/IT/{digest}.csv"),
        format!("old/raw/it.ci_direct/{digest}.csv"),
    ];
    for key in foreign.iter().map(|key| (*key).to_owned()).chain(near) {
        let file = world.folder.path().join(key);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "x").unwrap();
    }
    let found: Vec<Found> = world.artifacts.everything().try_collect().await.unwrap();
    let artifacts = found.iter().filter(|found| matches!(found, Found::Artifact(_)));
    assert_eq!((found.len(), artifacts.count()), (10, 1));
}
