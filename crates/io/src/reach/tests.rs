//! The walk over a small store in memory.

use aria_core::artifact::Format;
use aria_core::contract::Quarantine;
use aria_core::issued::Issued;
use aria_core::time::Timestamp;

use super::*;

fn series() -> SeriesId {
    "it.x".parse().unwrap()
}

fn artifacts() -> Artifacts {
    Artifacts::open("memory://").unwrap()
}

fn never_stored(kind: Kind) -> Ref {
    Ref::of(kind, &series(), Format::Json, b"never stored")
}

/// Rows refused of a batch that may not be there.
async fn quarantine(artifacts: &Artifacts, raw: &Ref) -> Ref {
    let document = Quarantine { raw: raw.clone(), total: 1, rows: Vec::new() };
    artifacts.put_document(&series(), Kind::Quarantine, &document).await.unwrap()
}

async fn raw(artifacts: &Artifacts, text: &str) -> Ref {
    artifacts.put(Kind::Raw, &series(), Format::Csv, text.into()).await.unwrap()
}

#[tokio::test]
async fn an_artifact_that_is_named_many_times_is_given_once() {
    let artifacts = artifacts();
    let raw = raw(&artifacts, "a").await;
    let rows = quarantine(&artifacts, &raw).await;
    let mut walk = Walk::new(&artifacts, Reading::Everything);
    walk.begin("one event", [raw.clone(), rows.clone()]);
    walk.begin("another", [rows.clone()]);
    let mut names = Vec::new();
    while let Some(found) = walk.next().await {
        let found = found.unwrap();
        assert!(found.name.names(&found.bytes.unwrap()));
        names.push(found.name);
    }
    names.sort();
    assert_eq!((names, walk.count()), (vec![raw.clone(), rows], 2));
    walk.begin("an event that comes later", [raw]);
    assert!(walk.next().await.is_none());
}

#[tokio::test]
async fn bytes_that_name_nothing_are_read_only_where_everything_is() {
    let artifacts = artifacts();
    let rows = quarantine(&artifacts, &never_stored(Kind::Raw)).await;
    let mut walk = Walk::new(&artifacts, Reading::Documents);
    walk.begin("an event", [rows.clone()]);
    assert!(walk.next().await.unwrap().unwrap().bytes.is_some());
    assert_eq!(walk.next().await.unwrap().unwrap(), Found { name: never_stored(Kind::Raw), bytes: None });
    let mut walk = Walk::new(&artifacts, Reading::Only(Kind::Snapshot));
    walk.begin("an event", [rows.clone()]);
    assert_eq!(walk.next().await.unwrap().unwrap(), Found { name: rows, bytes: None });
    assert!(walk.next().await.is_none());
}

#[tokio::test]
async fn a_missing_artifact_is_told_with_the_way_that_led_to_it_and_the_rest_is_given() {
    let artifacts = artifacts();
    let rows = quarantine(&artifacts, &never_stored(Kind::Raw)).await;
    let there = raw(&artifacts, "there").await;
    let mut walk = Walk::new(&artifacts, Reading::Everything);
    walk.begin("batch 7 of `it.x`", [there.clone(), rows.clone()]);
    assert_eq!(walk.next().await.unwrap().unwrap().name, rows);
    let error = walk.next().await.unwrap().unwrap_err();
    let missing = never_stored(Kind::Raw);
    assert_eq!(
        error.to_string(),
        format!("artifact `{missing}` not found: named by `{rows}`, named by batch 7 of `it.x`")
    );
    assert!(!error.is_transient());
    assert_eq!(walk.next().await.unwrap().unwrap().name, there);
}

#[tokio::test]
async fn bytes_that_are_another_document_are_told_with_their_way() {
    let artifacts = artifacts();
    let wrong = artifacts.put(Kind::Forecast, &series(), Format::Json, b"{}".to_vec()).await.unwrap();
    let mut walk = Walk::new(&artifacts, Reading::Documents);
    walk.begin("an event", [wrong.clone()]);
    let error = walk.next().await.unwrap().unwrap_err();
    assert!(matches!(&error, ReachError::Document { key, .. } if *key == wrong.key()), "{error}");
    assert!(error.to_string().ends_with("named by an event"), "{error}");
}

#[tokio::test]
async fn of_a_long_way_the_nearest_steps_are_told_and_how_many_more_there_are() {
    let artifacts = artifacts();
    let mut newest = never_stored(Kind::Forecast);
    for _ in 0..9 {
        let (origin, degraded, code_version) = (Timestamp::EPOCH, None, String::new());
        // A forecast names its model: here another forecast stands in its place, to make a chain.
        let (model, snapshot, values) = (newest.clone(), newest.clone(), newest);
        let issued = Issued { origin, model, snapshot, values, degraded, without: Vec::new(), code_version };
        newest = artifacts.put_document(&series(), Kind::Forecast, &issued).await.unwrap();
    }
    let mut walk = Walk::new(&artifacts, Reading::Documents);
    walk.begin("the end of a batch", [newest]);
    let mut faults = Vec::new();
    while let Some(found) = walk.next().await {
        faults.extend(found.err());
    }
    let [ReachError::Store { way, .. }] = faults.as_slice() else { panic!("{faults:?}") };
    assert_eq!((way.nearest.len(), way.left_out), (5, 4));
    assert!(way.to_string().ends_with(", and 4 more, named by the end of a batch"), "{way}");
}
