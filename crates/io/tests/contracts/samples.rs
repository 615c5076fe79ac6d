//! One event of each fact and of each of its choices, the source of the golden samples.

use aria_core::artifact::{Format, Kind, Ref};
use aria_core::event::{
    BatchAccepted, BatchId, BatchReceived, BatchRejected, Cause, DriftChecked, Event, Fact, ForecastIssued,
    ForecastWithheld, ModelPromoted, ModelRejected, ModelTrained, PerformanceScored, Promotion, Retraining,
    RetrainingId, TrainingFailed, Verdict,
};
use aria_io::contracts::{DeadLetter, DeadLetterDropped};

/// Events by the name of their golden files: the fact's name, with the choice where there is one.
pub fn events() -> Vec<(&'static str, Event)> {
    [batches(), checks(), models(), forecasts()].concat().into_iter().map(|(name, fact)| (name, event(fact))).collect()
}

/// What became of a message that was no protobuf.
pub fn dead_letter() -> DeadLetter {
    DeadLetter {
        service: "ingestion".into(),
        subject: "aria.v1.batch.received.it.ci_direct".into(),
        stream_sequence: 4_711,
        attempts: 1,
        reason: "body is not the protobuf message that its subject names".into(),
        headers: vec![
            ("Nats-Msg-Id".into(), "upload-17".into()),
            ("ce-type".into(), "batch.received".into()),
            ("x-via".into(), "first".into()),
            ("x-via".into(), "again".into()),
        ],
        body: vec![0xff, 0x00, 0xfe],
    }
}

/// An operator's decision about that dead letter.
pub fn dead_letter_dropped() -> DeadLetterDropped {
    DeadLetterDropped {
        dead_letter_sequence: 4_712,
        service: "ingestion".into(),
        reason: "a client's test message; the client is mended".into(),
    }
}

fn event(fact: Fact) -> Event {
    Event { series: "it.ci_direct".parse().unwrap(), as_of: "2023-03-26T00:00:00Z".parse().unwrap(), fact }
}

fn batches() -> Vec<(&'static str, Fact)> {
    let received =
        BatchReceived { ordinal: 85, raw: artifact(Kind::Raw, Format::Csv), source: "terna_2023-03-25.csv".into() };
    let accepted = BatchAccepted {
        batch: batch(),
        table: artifact(Kind::Batch, Format::Parquet),
        quarantine: Some(artifact(Kind::Quarantine, Format::Json)),
        rows: 23,
        rows_quarantined: 1,
        rows_repeated: 0,
    };
    let repeated = BatchAccepted { rows: 24, rows_quarantined: 24, rows_repeated: 24, ..accepted.clone() };
    let rejected = BatchRejected {
        ordinal: 85,
        raw: artifact(Kind::Raw, Format::Csv),
        reason: "column `ci_direct_gco2eq_per_kwh` is missing: export it, or name another in the series".into(),
        quarantine: None,
    };
    vec![
        ("batch.received", Fact::BatchReceived(received)),
        ("batch.accepted", Fact::BatchAccepted(accepted)),
        ("batch.accepted-repeated", Fact::BatchAccepted(repeated)),
        ("batch.rejected", Fact::BatchRejected(rejected)),
    ]
}

fn checks() -> Vec<(&'static str, Fact)> {
    let checked = |verdict| {
        Fact::DriftChecked(DriftChecked { batch: batch(), report: artifact(Kind::Report, Format::Json), verdict })
    };
    let scored = PerformanceScored { batch: batch(), score: artifact(Kind::Score, Format::Json), days: 4 };
    vec![
        ("drift.checked-proceed", checked(Verdict::Proceed { model: model(), degraded: None })),
        (
            "drift.checked-proceed-degraded",
            checked(Verdict::Proceed { model: model(), degraded: Some("inputs drifted: re_pct".into()) }),
        ),
        ("drift.checked-hold", checked(Verdict::Hold { retraining: RetrainingId("it.ci_direct/84/drifted".into()) })),
        ("drift.checked-wait", checked(Verdict::Wait { reason: "312 days of history are missing".into() })),
        ("performance.scored", Fact::PerformanceScored(scored)),
    ]
}

fn models() -> Vec<(&'static str, Fact)> {
    let evaluation = || artifact(Kind::Evaluation, Format::Json);
    let by_evaluation = Promotion::Evaluation { retraining: retraining(Cause::Drifted), evaluation: evaluation() };
    let by_rollback = |reason: &str, probation| Promotion::Rollback { reason: reason.into(), probation };
    let promoted_and = |by, pinned| {
        Fact::ModelPromoted(ModelPromoted { number: 3, model: model(), previous: Some(incumbent()), by, pinned })
    };
    let promoted = |by| promoted_and(by, false);
    let by_operator = || by_rollback("operator: the newest model misses the evening peak", false);
    let by_probation = by_rollback("on probation the model before was better: 20.9 against 24.1 on first days", true);
    let trained = ModelTrained { retraining: retraining(Cause::SkillFell), model: model() };
    let failed =
        TrainingFailed { retraining: retraining(Cause::Scheduled), reason: "2 of 8760 hours are known".into() };
    let rejected = ModelRejected {
        retraining: retraining(Cause::Drifted),
        model: model(),
        evaluation: Some(evaluation()),
        reason: "mean absolute error 21.7 against the incumbent's 20.9".into(),
        serving: None,
    };
    let not_compared = ModelRejected {
        evaluation: None,
        reason: "the serving model changed while the challenger was trained".into(),
        serving: Some(incumbent()),
        ..rejected.clone()
    };
    let first = Retraining { incumbent: None, held: None, ..retraining(Cause::FirstModel) };
    vec![
        ("retraining.requested", Fact::RetrainingRequested(retraining(Cause::ByHand))),
        ("retraining.requested-first", Fact::RetrainingRequested(first)),
        ("model.trained", Fact::ModelTrained(trained)),
        ("training.failed", Fact::TrainingFailed(failed)),
        ("model.promoted-evaluation", promoted(by_evaluation)),
        ("model.promoted-rollback", promoted(by_operator())),
        ("model.promoted-pinned", promoted_and(by_operator(), true)),
        ("model.promoted-probation", promoted(by_probation)),
        ("model.rejected", Fact::ModelRejected(rejected)),
        ("model.rejected-not_compared", Fact::ModelRejected(not_compared)),
    ]
}

fn forecasts() -> Vec<(&'static str, Fact)> {
    let issued = ForecastIssued {
        batch: batch(),
        forecast: artifact(Kind::Forecast, Format::Json),
        model: model(),
        degraded: Some("inputs drifted: re_pct".into()),
    };
    let withheld = ForecastWithheld { batch: batch(), reason: "no model yet: 312 days of history are missing".into() };
    vec![("forecast.issued", Fact::ForecastIssued(issued)), ("forecast.withheld", Fact::ForecastWithheld(withheld))]
}

fn retraining(cause: Cause) -> Retraining {
    Retraining {
        id: RetrainingId("it.ci_direct/84/drifted".into()),
        cause,
        evidence: "population stability index 0.31 over 0.20 in re_pct".into(),
        snapshot: artifact(Kind::Snapshot, Format::Json),
        incumbent: Some(incumbent()),
        held: Some(batch()),
    }
}

fn batch() -> BatchId {
    BatchId {
        ordinal: 85,
        sequence: 84,
        snapshot: artifact(Kind::Snapshot, Format::Json),
        origin: "2023-03-26T00:00:00Z".parse().unwrap(),
    }
}

fn model() -> Ref {
    artifact(Kind::Model, Format::Json)
}

fn incumbent() -> Ref {
    Ref::of(Kind::Model, &"it.ci_direct".parse().unwrap(), Format::Json, b"the incumbent")
}

fn artifact(kind: Kind, format: Format) -> Ref {
    Ref::of(kind, &"it.ci_direct".parse().unwrap(), format, kind.as_str().as_bytes())
}
