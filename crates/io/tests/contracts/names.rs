//! Subjects, ids, headers and dead letters.

use aria_core::artifact::Sha256Hex;
use aria_io::contracts::{
    self, DeadLetter, EventId, FACT_NAMES, MAX_BODY_BYTES, WireError, dead_letter_subject, fact_filter, headers,
    parse_subject,
};

use super::samples;

#[test]
fn the_subject_holds_the_fact_and_the_series() {
    let (_, event) = samples::events().remove(1);
    assert_eq!(contracts::subject(&event), "aria.v1.batch.accepted.it.ci_direct");
}

#[test]
fn every_subject_is_read_as_the_fact_and_series_it_was_made_from() {
    for (_, event) in samples::events() {
        let subject = contracts::subject(&event);
        assert_eq!(parse_subject(&subject), Some((event.fact.name(), event.series)));
    }
}

#[test]
fn a_subject_of_something_else_is_no_events() {
    let others = [
        "",
        "aria.v1.batch.accepted",
        "aria.v1.batch.accepted.it",
        "aria.v1.batch.accepted.it.ci.direct",
        "aria.v1.batch.accepted.*.*",
        "aria.v1.batch.acceptedit.ci_direct",
        "aria.v1.batch.lost.it.ci_direct",
        "aria.v2.batch.accepted.it.ci_direct",
        "aria.v1.deadletter.ingestion",
    ];
    for subject in others {
        assert_eq!(parse_subject(subject), None, "{subject}");
    }
}

#[test]
fn a_filter_matches_a_fact_of_every_series() {
    assert_eq!(fact_filter("batch.accepted"), "aria.v1.batch.accepted.*.*");
}

#[test]
fn a_dead_letters_subject_holds_the_service() {
    assert_eq!(dead_letter_subject("drift"), "aria.v1.deadletter.drift");
    assert_eq!(parse_subject("aria.v1.deadletter.drift"), None);
}

#[test]
fn a_dropped_dead_letters_subject_is_neither_a_facts_nor_a_dead_letters() {
    let subject = contracts::dropped_subject("drift");
    assert_eq!(subject, "aria.v1.dropped.drift");
    assert_ne!(subject, dead_letter_subject("drift"));
    assert_eq!(parse_subject(&subject), None);
}

#[test]
fn the_id_is_the_digest_of_cause_and_body_after_the_facts_name() {
    let (_, event) = samples::events().remove(0);
    let content = [b"upload-17\0".as_slice(), &contracts::encode(&event)].concat();
    let wanted = format!("batch.received/{}", Sha256Hex::of(&content));
    assert_eq!(contracts::event_id("upload-17", &event).as_str(), wanted);
}

#[test]
fn the_id_depends_on_the_cause_and_on_the_content() {
    let events = samples::events();
    let of = |cause: &str, place: usize| contracts::event_id(cause, &events[place].1);
    assert_eq!(of("a", 0), of("a", 0));
    assert_ne!(of("a", 0), of("b", 0));
    assert_ne!(of("a", 3), of("a", 4));
}

#[test]
fn only_an_id_is_read_as_one() {
    let (_, event) = samples::events().remove(0);
    let id = contracts::event_id("upload-17", &event);
    assert_eq!(id.as_str().parse::<EventId>(), Ok(id));
    for text in ["", "upload-17", "batch.received/", "batch.received/ab", "batch.lost/00"] {
        assert!(text.parse::<EventId>().is_err(), "{text}");
    }
}

#[test]
fn the_headers_are_a_cloudevents() {
    let (_, event) = samples::events().remove(1);
    let id = contracts::event_id("upload-17", &event);
    let found = headers::of(&id, "upload-17", "ingestion", &event);
    let wanted = [
        ("Nats-Msg-Id", id.as_str()),
        ("ce-id", id.as_str()),
        ("ce-type", "batch.accepted"),
        ("ce-source", "/aria/ingestion"),
        ("ce-subject", "it.ci_direct"),
        ("ce-time", "2023-03-26T00:00:00Z"),
        ("ce-specversion", "1.0"),
        ("content-type", "application/protobuf"),
        ("aria-cause", "upload-17"),
    ];
    assert_eq!(found.each_ref().map(|(name, value)| (*name, value.as_str())), wanted);
}

#[test]
fn the_contracts_page_names_every_fact_and_header() {
    let page = std::fs::read_to_string(super::proto_folder().join("README.md")).unwrap();
    for name in FACT_NAMES {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
    let (_, event) = samples::events().remove(0);
    let all = headers::of(&contracts::event_id("", &event), "", "", &event);
    for name in all.iter().map(|(name, _)| *name).chain([headers::TRACEPARENT]) {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
}

#[test]
fn a_dead_letter_has_one_id_however_often_it_is_written() {
    assert_eq!(samples::dead_letter().id(), "deadletter.ingestion/4711");
}

#[test]
fn headers_of_a_dead_letter_are_sorted_by_name_and_keep_their_order_within_one() {
    let letter = samples::dead_letter();
    let mut shuffled = letter.clone();
    shuffled.headers.rotate_left(2);
    assert_eq!(shuffled.encode(), letter.encode());
}

#[test]
fn a_dead_letter_of_an_oversized_message_still_fits_a_message() {
    let letter = DeadLetter {
        reason: "è".repeat(1 << 20),
        headers: vec![("a".into(), "b".repeat(1 << 10)); 1 << 10],
        body: vec![7; 1 << 20],
        ..samples::dead_letter()
    };
    let bytes = letter.encode();
    assert!(bytes.len() < 512 * 1024, "{}", bytes.len());
    let read = DeadLetter::decode(&bytes).unwrap();
    assert_eq!(read.body, letter.body[..MAX_BODY_BYTES]);
    assert!(letter.reason.starts_with(&read.reason) && read.reason.len() > 1 << 10);
    assert!(!read.headers.is_empty());
}

#[test]
fn a_dead_letter_that_does_not_say_what_died_is_refused() {
    let refused = |letter: DeadLetter, field: &str| {
        let refusal = DeadLetter::decode(&letter.encode()).unwrap_err();
        assert!(matches!(refusal, WireError::Field(error) if error.path == field), "{field}");
    };
    refused(DeadLetter { service: String::new(), ..samples::dead_letter() }, "service");
    refused(DeadLetter { subject: String::new(), ..samples::dead_letter() }, "subject");
    refused(DeadLetter { stream_sequence: 0, ..samples::dead_letter() }, "stream_sequence");
}
