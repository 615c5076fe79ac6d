//! Files of a small series: whole, cut, changed, and of other shapes.

use std::io::Write as _;

use aria_core::artifact::{Format, Kind, Ref};
use aria_core::cell::Cell;
use aria_core::document;
use aria_core::event::{BatchReceived, Event, Fact};
use aria_core::head::Head;
use aria_core::series::SeriesId;
use aria_core::snapshot::Manifest;
use aria_core::time::Timestamp;
use tempfile::NamedTempFile;

use super::*;
use crate::bus::Bus;
use crate::bus::memory::Broker;

const RAW: &[u8] = b"time,value\n";

fn series() -> SeriesId {
    "it.x".parse().unwrap()
}

fn raw() -> Ref {
    Ref::of(Kind::Raw, &series(), Format::Csv, RAW)
}

/// The receipt of a batch as a log holds it.
async fn receipt() -> Past {
    let bus = Bus::in_memory(&Broker::default());
    let fact = Fact::BatchReceived(BatchReceived { ordinal: 1, raw: raw(), source: "a.csv".into() });
    let event = Event { series: series(), as_of: Timestamp::EPOCH, fact };
    bus.publish("cause", &event).await.unwrap();
    let mut history = bus.history(&series()).await.unwrap();
    futures::StreamExt::next(&mut history).await.unwrap().unwrap().past
}

async fn bytes(artifacts: &[(Ref, &[u8])]) -> Vec<u8> {
    let mut writer = Writer::begin(Vec::new(), &series()).unwrap();
    writer.cell(Cell::Head, &document::encode(&Head { ordinal: 1, ..Head::default() }).unwrap()).unwrap();
    writer.event(&receipt().await).unwrap();
    for (name, bytes) in artifacts {
        writer.artifact(name, bytes).unwrap();
    }
    writer.end(1).unwrap().0
}

async fn whole_bytes() -> Vec<u8> {
    bytes(&[(raw(), RAW)]).await
}

fn open(bytes: &[u8]) -> Result<Whole, ArchiveError> {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    Whole::open(file.path())
}

/// Everything that is read of a file.
async fn read(bytes: &[u8]) -> Result<(Whole, Vec<Piece>), ArchiveError> {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let whole = Whole::open(file.path())?;
    let mut pieces = Vec::new();
    for wanted in [Wanted::Events, Wanted::Artifacts] {
        let visited = whole.each(wanted, async |piece| {
            pieces.push(piece);
            Ok::<(), ArchiveError>(())
        });
        visited.await?;
    }
    Ok((whole, pieces))
}

#[tokio::test]
async fn what_was_written_is_read_and_the_same_series_gives_the_same_bytes() {
    let bytes = whole_bytes().await;
    assert_eq!(bytes, whole_bytes().await);
    let (whole, pieces) = read(&bytes).await.unwrap();
    assert_eq!((whole.contents.batches, whole.contents.events, whole.contents.artifacts.count), (1, 1, 1));
    assert_eq!(pieces, [Piece::Events(vec![receipt().await]), Piece::Artifact(raw(), RAW.to_vec())]);
}

#[tokio::test]
async fn a_file_that_is_cut_anywhere_is_refused() {
    let bytes = whole_bytes().await;
    // The last two blocks say that nothing follows: without them nothing is missing.
    let end = bytes.len() - 1024;
    for length in (0..end).step_by(101) {
        let refused = open(&bytes[..length]).unwrap_err();
        assert!(matches!(refused, ArchiveError::CutOff | ArchiveError::Foreign), "{length}: {refused:?}");
    }
    assert!(open(&bytes[..end]).is_ok());
}

#[tokio::test]
async fn a_byte_that_is_changed_is_seen_or_means_nothing() {
    let bytes = whole_bytes().await;
    let (good, pieces) = read(&bytes).await.unwrap();
    let mut unseen = 0;
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 0x10;
        // Padding, and digits of a header that are read as the same number.
        if let Ok((whole, found)) = read(&changed).await {
            assert_eq!((whole.digest, whole.cells, found), (good.digest.clone(), good.cells.clone(), pieces.clone()));
            unseen += 1;
        }
    }
    assert!(unseen < bytes.len() / 2, "{unseen} of {}", bytes.len());
}

#[tokio::test]
async fn a_file_of_another_version_is_told_from_one_that_is_none() {
    let bytes = whole_bytes().await;
    let text = b"\"version\":1";
    let place = bytes.windows(text.len()).position(|window| window == text).unwrap() + text.len() - 1;
    let mut newer = bytes;
    newer[place] = b'2';
    let refused = open(&newer).unwrap_err();
    assert!(matches!(refused, ArchiveError::Version(_)), "{refused:?}");
    let refused = open(b"timestamp_utc,ci\n2021-01-01,1\n").unwrap_err();
    assert!(matches!(refused, ArchiveError::Foreign), "{refused:?}");
}

#[tokio::test]
async fn a_file_without_something_that_it_names_is_refused_with_its_name() {
    let refused = open(&bytes(&[]).await).unwrap_err();
    let ArchiveError::Missing { count: 1, key } = refused else { panic!("{refused:?}") };
    assert_eq!(key, raw().key());
}

#[tokio::test]
async fn artifacts_of_another_series_that_nothing_names_are_refused() {
    let other = Ref::of(Kind::Raw, &"fr.x".parse().unwrap(), Format::Csv, RAW);
    let refused = open(&bytes(&[(raw(), RAW), (other, RAW)]).await).unwrap_err();
    assert!(matches!(refused, ArchiveError::OtherSeries { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_neighbour_that_a_snapshot_names_is_part_of_the_series() {
    let golden = |version: u32| format!("{}/../core/golden/snapshot.v{version}.json", env!("CARGO_MANIFEST_DIR"));
    let mut manifest: Manifest = document::decode(&std::fs::read(golden(2)).unwrap()).unwrap();
    let other = Ref::of(Kind::Raw, &"fr.x".parse().unwrap(), Format::Csv, RAW);
    (manifest.parent, manifest.segments, manifest.tail) = (None, Vec::new(), Vec::new());
    manifest.definition = raw();
    manifest.companions[0].snapshot = other.clone();
    let snapshot = document::encode(&manifest).unwrap();
    let name = Ref::of(Kind::Snapshot, &series(), Format::Json, &snapshot);
    // Whichever of them comes first.
    for order in [[0, 1], [1, 0]] {
        let both: [(Ref, &[u8]); 2] = [(name.clone(), &snapshot), (other.clone(), RAW)];
        let all = [(raw(), RAW), both[order[0]].clone(), both[order[1]].clone()];
        open(&bytes(&all).await).unwrap();
    }
}
