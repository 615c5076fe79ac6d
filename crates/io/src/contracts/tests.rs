//! Messages that are not what they should be: each is refused with the field's path.

use aria_core::artifact::{Format, Kind, Ref};
use prost::Message;

use super::generated as wire;
use super::{MAX_BODY_BYTES, WireError, decode};

const SERIES: &str = "it.ci_direct";

#[test]
fn a_message_that_says_all_it_must_is_read() {
    assert!(decode("drift.checked", &checked().encode_to_vec()).is_ok());
    assert!(decode("model.promoted", &promoted().encode_to_vec()).is_ok());
}

#[test]
fn a_fault_is_told_with_the_path_of_its_field() {
    type Fault = fn(&mut wire::DriftChecked);
    let faults: [(Fault, &str); 14] = [
        (|m| m.series.clear(), "field `series` is missing"),
        (|m| m.series = "it".into(), "field `series` names no series: `it` is not a series"),
        (|m| m.as_of_unix_seconds = None, "field `as_of_unix_seconds` is missing"),
        (|m| m.as_of_unix_seconds = Some(i64::MAX), "field `as_of_unix_seconds` is 9223372036854775807 seconds"),
        (|m| m.batch = None, "field `batch` is missing"),
        (|m| batch(m).ordinal = 0, "field `batch.ordinal` is missing"),
        (|m| batch(m).sequence = 0, "field `batch.sequence` is missing"),
        (|m| batch(m).origin_unix_seconds = None, "field `batch.origin_unix_seconds` is missing"),
        (|m| batch(m).snapshot = None, "field `batch.snapshot` is missing"),
        (|m| snapshot(m).kind = 0, "field `batch.snapshot.kind` is unspecified"),
        (|m| snapshot(m).format = 99, "field `batch.snapshot.format` has the value 99"),
        (|m| snapshot(m).sha256 = "AB".into(), "field `batch.snapshot.sha256` is no digest: `AB`"),
        (|m| snapshot(m).series = "../..".into(), "field `batch.snapshot.series` names no series"),
        (|m| m.verdict = None, "field `verdict` is missing"),
    ];
    for (fault, wanted) in faults {
        let mut message = checked();
        fault(&mut message);
        assert_refused("drift.checked", &message, wanted);
    }
}

#[test]
fn a_fault_inside_a_choice_is_told_with_the_path_through_it() {
    use wire::drift_checked::{Hold, Proceed, Verdict};
    let verdicts = [
        (Verdict::Hold(Hold::default()), "field `hold.retraining_id` is missing"),
        (Verdict::Proceed(Proceed::default()), "field `proceed.model` is missing"),
    ];
    for (verdict, wanted) in verdicts {
        assert_refused("drift.checked", &wire::DriftChecked { verdict: Some(verdict), ..checked() }, wanted);
    }
}

#[test]
fn a_retraining_without_a_cause_is_refused() {
    let mut message = promoted();
    retraining(&mut message).cause = wire::Cause::Unspecified.into();
    assert_refused("model.promoted", &message, "field `evaluation.retraining.cause` is unspecified");
}

#[test]
fn a_retraining_for_an_unknown_cause_is_refused() {
    let mut message = promoted();
    retraining(&mut message).cause = 77;
    assert_refused("model.promoted", &message, "field `evaluation.retraining.cause` has the value 77");
}

#[test]
fn a_promotion_without_its_place_is_refused() {
    let message = wire::ModelPromoted { number: 0, ..promoted() };
    assert_refused("model.promoted", &message, "field `number`");
}

#[test]
fn a_retraining_without_an_id_is_refused() {
    let mut message = promoted();
    retraining(&mut message).id.clear();
    assert_refused("model.promoted", &message, "field `evaluation.retraining.id` is missing");
}

#[test]
fn an_optional_artifact_that_is_there_must_mean_something() {
    let message = wire::ModelPromoted { previous: Some(wire::ArtifactRef::default()), ..promoted() };
    assert_refused("model.promoted", &message, "field `previous.sha256` is missing");
}

#[test]
fn an_empty_body_is_no_event() {
    assert!(matches!(decode("batch.received", b""), Err(WireError::Field(error)) if error.path == "ordinal"));
}

#[test]
fn a_body_that_is_no_protobuf_is_refused() {
    assert!(matches!(decode("batch.received", b"\xff\xff\xff"), Err(WireError::Protobuf(_))));
}

#[test]
fn a_body_cut_short_is_refused_wherever_it_is_cut() {
    let body = checked().encode_to_vec();
    for length in 0..body.len() {
        assert!(decode("drift.checked", &body[..length]).is_err(), "cut at {length}");
    }
}

#[test]
fn a_body_over_the_limit_is_refused_unread() {
    let body = vec![0; MAX_BODY_BYTES + 1];
    assert!(matches!(decode("batch.received", &body), Err(WireError::TooLong { .. })));
}

#[test]
fn a_fact_of_another_version_is_refused() {
    assert!(matches!(decode("batch.lost", b""), Err(WireError::UnknownFact { name }) if name == "batch.lost"));
}

#[test]
fn a_field_that_a_later_version_added_is_passed_over() {
    let message = checked();
    // Field 100, length-delimited, three bytes: tag 100 << 3 | 2 = 802 = 0xa2 0x06 as a varint.
    let later = [message.encode_to_vec(), vec![0xa2, 0x06, 3, b'n', b'e', b'w']].concat();
    assert_eq!(decode("drift.checked", &later).unwrap(), decode("drift.checked", &message.encode_to_vec()).unwrap());
}

fn assert_refused(fact_name: &str, message: &impl Message, wanted: &str) {
    let said = decode(fact_name, &message.encode_to_vec()).unwrap_err().to_string();
    assert!(said.starts_with(wanted), "said `{said}`, wanted `{wanted}`");
}

fn checked() -> wire::DriftChecked {
    use wire::drift_checked::{Verdict, Wait};
    wire::DriftChecked {
        series: SERIES.into(),
        as_of_unix_seconds: Some(1_679_788_800),
        batch: Some(wire::BatchId {
            ordinal: 3,
            sequence: 2,
            snapshot: Some(artifact(Kind::Snapshot)),
            origin_unix_seconds: Some(1_679_788_800),
        }),
        report: Some(artifact(Kind::Report)),
        verdict: Some(Verdict::Wait(Wait { reason: "60 days of history are missing".into() })),
    }
}

fn promoted() -> wire::ModelPromoted {
    use wire::model_promoted::{By, Evaluation};
    let retraining = wire::Retraining {
        id: "it.ci_direct/2".into(),
        cause: wire::Cause::FirstModel.into(),
        evidence: String::new(),
        snapshot: Some(artifact(Kind::Snapshot)),
        incumbent: None,
        held: None,
    };
    wire::ModelPromoted {
        series: SERIES.into(),
        as_of_unix_seconds: Some(1_679_788_800),
        model: Some(artifact(Kind::Model)),
        previous: None,
        by: Some(By::Evaluation(Evaluation {
            retraining: Some(retraining),
            evaluation: Some(artifact(Kind::Evaluation)),
        })),
        number: 1,
        pinned: false,
    }
}

fn artifact(kind: Kind) -> wire::ArtifactRef {
    (&Ref::of(kind, &SERIES.parse().unwrap(), Format::Json, b"{}")).into()
}

fn batch(message: &mut wire::DriftChecked) -> &mut wire::BatchId {
    message.batch.as_mut().unwrap()
}

fn snapshot(message: &mut wire::DriftChecked) -> &mut wire::ArtifactRef {
    batch(message).snapshot.as_mut().unwrap()
}

fn retraining(message: &mut wire::ModelPromoted) -> &mut wire::Retraining {
    use wire::model_promoted::By;
    match message.by.as_mut() {
        Some(By::Evaluation(evaluation)) => evaluation.retraining.as_mut().unwrap(),
        _ => panic!("the sample was promoted by an evaluation"),
    }
}
