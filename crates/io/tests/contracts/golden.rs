//! The golden samples: a `.bin` with the body and a `.json` with the event each, for this and for foreign readers.

use std::fs;

use aria_core::event::{Event, Fact};
use aria_io::contracts::{self, DeadLetter, DeadLetterDropped, FACT_NAMES};

use super::samples;

#[test]
fn every_event_is_written_and_read_as_its_golden_body() {
    for (name, event) in samples::events() {
        let committed = golden(&format!("{name}.bin"));
        super::assert_committed(&committed, &contracts::encode(&event));
        let body = fs::read(committed).unwrap();
        assert_eq!(contracts::decode(event.fact.name(), &body).unwrap(), event, "{name}");
    }
}

#[test]
fn every_event_is_shown_and_read_as_its_golden_document() {
    for (name, event) in samples::events() {
        let committed = golden(&format!("{name}.json"));
        let json = serde_json::to_string_pretty(&event).unwrap() + "\n";
        super::assert_committed(&committed, json.as_bytes());
        let json = fs::read(committed).unwrap();
        assert_eq!(serde_json::from_slice::<Event>(&json).unwrap(), event, "{name}");
    }
}

#[test]
fn every_fact_has_a_sample_under_its_name() {
    let mut seen = [false; FACT_NAMES.len()];
    for (name, event) in samples::events() {
        let place = place(&event.fact);
        assert_eq!(event.fact.name(), FACT_NAMES[place]);
        assert_eq!(name.split('-').next(), Some(FACT_NAMES[place]));
        seen[place] = true;
    }
    assert_eq!(seen, [true; FACT_NAMES.len()]);
}

#[test]
fn no_golden_file_is_left_over() {
    let samples = samples::events();
    for entry in fs::read_dir(golden("")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let name = file.rsplit_once('.').unwrap().0;
        assert!(
            ["deadletter", "dropped"].contains(&name) || samples.iter().any(|(sample, _)| *sample == name),
            "{file}"
        );
    }
}

#[test]
fn the_dead_letter_has_the_golden_bytes_and_is_read_back() {
    let letter = samples::dead_letter();
    super::assert_committed(&golden("deadletter.bin"), &letter.encode());
    assert_eq!(DeadLetter::decode(&fs::read(golden("deadletter.bin")).unwrap()).unwrap(), letter);
}

#[test]
fn the_decision_to_drop_a_dead_letter_has_the_golden_bytes_and_is_read_back() {
    let dropped = samples::dead_letter_dropped();
    super::assert_committed(&golden("dropped.bin"), &dropped.encode());
    assert_eq!(DeadLetterDropped::decode(&fs::read(golden("dropped.bin")).unwrap()).unwrap(), dropped);
}

fn golden(file: &str) -> std::path::PathBuf {
    super::proto_folder().join("golden").join(file)
}

/// The place of a fact among all: without a `_` arm, so that a new fact does not compile until it has a sample.
fn place(fact: &Fact) -> usize {
    match fact {
        Fact::BatchReceived(_) => 0,
        Fact::BatchAccepted(_) => 1,
        Fact::BatchRejected(_) => 2,
        Fact::DriftChecked(_) => 3,
        Fact::RetrainingRequested(_) => 4,
        Fact::ModelTrained(_) => 5,
        Fact::TrainingFailed(_) => 6,
        Fact::ModelPromoted(_) => 7,
        Fact::ModelRejected(_) => 8,
        Fact::ForecastIssued(_) => 9,
        Fact::ForecastWithheld(_) => 10,
        Fact::PerformanceScored(_) => 11,
    }
}
