//! The typed walk against an oracle that knows no types: every object of the golden JSON that has a name's five fields.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;
use crate::artifact::{Format, Sha256Hex};
use crate::cell::Cell;
use crate::monitor::State;

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(folder("golden").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every object with the five fields of a name, wherever it stands, by key.
fn in_json(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => match serde_json::from_value::<Ref>(value.clone()) {
            Ok(name) => found.push(name.key()),
            Err(_) => fields.values().for_each(|field| in_json(field, found)),
        },
        Value::Array(entries) => entries.iter().for_each(|entry| in_json(entry, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[track_caller]
fn check(names: impl IntoIterator<Item = Ref>, json: &[u8]) -> usize {
    let mut wanted = Vec::new();
    in_json(&serde_json::from_slice(json).unwrap(), &mut wanted);
    let mut found: Vec<String> = names.into_iter().map(|name| name.key()).collect();
    wanted.sort();
    found.sort();
    assert_eq!(found, wanted);
    found.len()
}

/// The golden document of a kind; none where its artifacts are no documents. Without a `_` arm, so that a kind that is
/// added does not compile until it is told here.
fn sample(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Raw | Kind::Batch | Kind::Segment | Kind::Predictions | Kind::Values => None,
        Kind::Quarantine => Some("quarantine.v1.json"),
        Kind::Snapshot => Some("snapshot.v2.json"),
        Kind::Definition => Some("definition.v1.json"),
        Kind::Monitor => Some("monitor.v1.json"),
        Kind::Report => Some("report.v1.json"),
        Kind::Score => Some("score.v1.json"),
        Kind::Model => Some("model.v2.json"),
        Kind::Evaluation => Some("judgement.v1.json"),
        Kind::Forecast => Some("forecast.v1.json"),
    }
}

#[test]
fn every_kind_of_artifact_gives_each_name_that_its_document_holds() {
    for kind in Kind::ALL {
        let Some(document) = sample(kind) else {
            assert!(!names_others(kind), "{}", kind.as_str());
            continue;
        };
        let bytes = golden(document);
        let found = check(named_by(kind, &bytes).unwrap(), &bytes);
        assert_eq!(found > 0, names_others(kind), "{}", kind.as_str());
    }
}

#[test]
fn every_cell_gives_each_name_that_its_document_holds() {
    for cell in Cell::ALL {
        let bytes = golden(match cell {
            Cell::Head => "head.v1.json",
            Cell::Monitor => "monitor.v1.json",
            Cell::Registry => "registry.v1.json",
            Cell::Endings => "endings.v2.json",
        });
        assert!(check(cell.names_in(&bytes).unwrap(), &bytes) > 0, "{}", cell.as_str());
    }
}

#[test]
fn every_fact_gives_each_name_that_it_holds() {
    let mut facts = std::collections::BTreeSet::new();
    for file in std::fs::read_dir(folder("../../proto/golden")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let json = std::fs::read(&path).unwrap();
            let event: Event = serde_json::from_slice(&json).unwrap();
            assert!(check(event.names().into_iter().cloned(), &json) > 0, "{path:?}");
            facts.insert(event.fact.name());
        }
    }
    // One for each of the facts: crates/io/tests/contracts keeps a sample of every one.
    assert_eq!(facts.len(), 12, "{facts:?}");
}

#[test]
fn optional_names_are_given_where_they_are_there() {
    let name = |kind, text: &str| Ref::of(kind, &"it.x".parse().unwrap(), Format::Json, text.as_bytes());
    let asked_by_hand = crate::monitor::AskedByHand {
        id: crate::event::RetrainingId("r1".into()),
        snapshot: name(Kind::Snapshot, "asked"),
    };
    let state = State { asked_by_hand: Some(asked_by_hand), ..State::default() };
    let json = document::encode(&state).unwrap();
    assert_eq!(check(named_in::<State>(&json).unwrap(), &json), 1);
    let refused = crate::event::BatchRejected {
        ordinal: 1,
        raw: name(Kind::Raw, "raw"),
        reason: String::new(),
        quarantine: Some(name(Kind::Quarantine, "rows")),
    };
    let event = Event {
        series: "it.x".parse().unwrap(),
        as_of: crate::time::Timestamp::EPOCH,
        fact: Fact::BatchRejected(refused),
    };
    assert_eq!(check(event.names().into_iter().cloned(), &serde_json::to_vec(&event).unwrap()), 2);
}

#[test]
fn bytes_that_are_another_document_are_refused_and_not_guessed_at() {
    let head = golden("head.v1.json");
    let refused = named_by(Kind::Snapshot, &head).unwrap_err().to_string();
    assert_eq!(refused, "expected `snapshot` version 2, found `head` version 1");
    assert!(named_by(Kind::Model, Sha256Hex::of(b"x").as_str().as_bytes()).is_err());
    assert_eq!(named_by(Kind::Raw, b"time,value\n").unwrap(), Vec::<Ref>::new());
}
