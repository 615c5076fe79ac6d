//! Models, takeovers and changes by hand, in whatever order they are told.

use super::*;
use crate::artifact::{Format, Kind};

fn model(name: &str) -> Ref {
    Ref::of(Kind::Model, &"it.ci_direct".parse().unwrap(), Format::Json, name.as_bytes())
}

fn version(name: &str, rejected: Option<&str>) -> Version {
    Version {
        number: 0,
        model: model(name),
        retraining: RetrainingId(name.to_owned()),
        cause: Cause::ByHand,
        at: "2021-03-01".parse().unwrap(),
        evaluation: None,
        rejected: rejected.map(str::to_owned),
        serving: None,
    }
}

#[test]
fn a_rejected_challenger_is_listed_and_does_not_serve() {
    let registry = Registry::default().with(version("a", None)).with(version("b", Some("worse")));
    assert_eq!(registry.champion, Some(model("a")));
    assert_eq!(registry.versions.iter().map(|v| v.number).collect::<Vec<_>>(), [1, 2]);
}

fn rolled_back(registry: &Registry, wanted: Option<&str>) -> Result<(Registry, Move), HandError> {
    let series = "it.ci_direct".parse().unwrap();
    registry.rolled_back(&series, wanted, "2021-04-01".parse().unwrap(), (Then::Serves, "worse at night"))
}

#[test]
fn a_rollback_puts_the_previous_model_back_and_is_on_record() {
    let registry = Registry::default().with(version("a", None)).with(version("b", None));
    let (after, moved) = rolled_back(&registry, None).unwrap();
    assert_eq!((after.champion, moved.to, moved.from), (Some(model("a")), model("a"), Some(model("b"))));
    let by = Mover::Hand { reason: "worse at night".into() };
    assert_eq!(after.moves.last().map(|m| (m.number, m.by.clone())), Some((3, by)));
}

#[test]
fn a_rollback_is_stored_with_its_fact_and_the_next_one_waits_until_it_is_published() {
    let registry = Registry::default().with(version("a", None)).with(version("b", None));
    let (mut after, moved) = rolled_back(&registry, None).unwrap();
    let events = &after.outbox.as_ref().unwrap().events;
    let Fact::ModelPromoted(promoted) = &events[0].fact else { panic!("{events:?}") };
    assert_eq!((promoted.number, &promoted.model), (moved.number, &moved.to));
    assert_eq!(rolled_back(&after, None).unwrap_err(), HandError::Unpublished);
    after.outbox.as_mut().unwrap().settled = true;
    assert_eq!(rolled_back(&after, None).unwrap_err(), HandError::NoEarlier);
}

#[test]
fn going_back_twice_goes_back_two_models_and_then_no_further() {
    let back = |registry: &Registry| {
        let (mut after, moved) = rolled_back(registry, None)?;
        after.outbox = None;
        Ok::<_, HandError>((after, moved.to))
    };
    let registry = Registry::default().with(version("a", None)).with(version("b", None)).with(version("c", None));
    let (once, first) = back(&registry).unwrap();
    let (twice, second) = back(&once).unwrap();
    assert_eq!((first, second), (model("b"), model("a")));
    assert_eq!(back(&twice).unwrap_err(), HandError::NoEarlier);
    // What wins against the model that was put back, took over from that one.
    assert_eq!(back(&once.with(version("d", None))).unwrap().1, model("b"));
}

#[test]
fn changes_of_the_serving_model_are_numbered_without_gaps_also_after_old_ones_are_forgotten() {
    let names: Vec<String> = (0..=KEPT).map(|n| n.to_string()).collect();
    let registry = names.iter().fold(Registry::default(), |registry, name| registry.with(version(name, None)));
    let numbers: Vec<u64> = registry.moves.iter().map(|m| m.number).collect();
    assert_eq!(numbers, (2..=KEPT as u64 + 1).collect::<Vec<_>>());
    let newest = registry.versions.last().unwrap();
    assert_eq!(registry.takeover(newest).map(|m| &m.to), Some(&newest.model));
}

#[test]
fn a_rejected_challenger_cannot_be_rolled_back_to() {
    let registry = Registry::default().with(version("a", None)).with(version("b", Some("worse")));
    let digest = model("b").sha256.as_str().to_owned();
    let refusal = rolled_back(&registry, Some(&digest)).unwrap_err();
    assert_eq!(refusal, HandError::NeverServed { model: digest });
}

#[test]
fn the_first_model_has_nothing_to_go_back_to() {
    let registry = Registry::default().with(version("a", None));
    assert_eq!(rolled_back(&registry, None).unwrap_err(), HandError::NoEarlier);
}

/// What the broker takes of a cell, as the set-up of the buckets says.
const CELL_BYTES: usize = 512 << 10;

/// A registry that lists as many versions and moves as one can, of the series with the longest name.
fn full(reason: &str) -> Registry {
    let series: SeriesId = format!("{}.{}", "z".repeat(64), "m".repeat(64)).parse().unwrap();
    let model = |name: &str| Ref {
        size_bytes: u64::MAX,
        ..Ref::of(Kind::Evaluation, &series, Format::Parquet, name.as_bytes())
    };
    let won = |name: &str| Version { model: model(name), ..version(name, None) };
    let lost = Version { rejected: Some(reason.to_owned()), evaluation: Some(model("e")), ..won("c") };
    let mut registry = Registry::default().with(won("a")).with(won("b"));
    for place in 0..KEPT {
        let other = if place % 2 == 0 { "a" } else { "b" };
        let digest = model(other).sha256.as_str().to_owned();
        registry.outbox = None;
        registry = registry
            .rolled_back(&series, Some(&digest), "2021-04-01".parse().unwrap(), (Then::Serves, reason))
            .unwrap()
            .0;
    }
    (0..KEPT).fold(registry, |registry, _| registry.with(lost.clone()))
}

#[test]
fn a_registry_full_of_the_longest_reasons_fits_its_cell() {
    for letter in ["x", "\"", "è", "\u{1}", "🔌"] {
        let registry = full(&letter.repeat(2_000));
        assert_eq!((registry.versions.len(), registry.moves.len()), (KEPT, KEPT));
        let bytes = crate::document::encode(&registry).unwrap().len();
        // The headers of the message that moves the cell count too.
        assert!(bytes + 1_024 < CELL_BYTES, "{bytes} bytes of {letter:?}");
    }
}

#[test]
fn a_reason_is_cut_where_it_is_too_long_and_stays_as_it_is_otherwise() {
    let registry = Registry::default().with(version("a", None)).with(version("b", None));
    let back = |reason: &str| {
        let series = "it.ci_direct".parse().unwrap();
        let (next, moved) =
            registry.rolled_back(&series, None, "2021-04-01".parse().unwrap(), (Then::Serves, reason)).unwrap();
        assert_eq!(next.moves.last(), Some(&moved));
        let Mover::Hand { reason } = moved.by else { panic!("{moved:?}") };
        let by = Promotion::Rollback { reason: reason.clone(), probation: false };
        assert!(matches!(&next.outbox.unwrap().events[0].fact, Fact::ModelPromoted(told) if told.by == by));
        reason
    };
    assert_eq!(back(&"x".repeat(500)), "x".repeat(500));
    // The mark takes three bytes.
    assert_eq!(back(&"x".repeat(501)), format!("{}…", "x".repeat(497)));
    let rejected = Registry::default().with(version("a", Some(&"è".repeat(251)))).versions[0].rejected.clone();
    assert_eq!(rejected, Some(format!("{}…", "è".repeat(248))));
}

#[test]
fn reasons_stored_before_there_was_a_limit_are_cut_by_the_next_change() {
    let mut registry = Registry::default().with(version("a", Some("worse")));
    registry.versions[0].rejected = Some("x".repeat(100_000));
    let next = registry.with(version("b", None));
    assert_eq!(next.versions[0].rejected.as_deref().map(reason_bytes), Some(LONGEST_REASON));
}

fn at() -> Timestamp {
    "2021-04-01".parse().unwrap()
}

fn series() -> SeriesId {
    "it.ci_direct".parse().unwrap()
}

fn two_models() -> Registry {
    Registry::default().with(version("a", None)).with(version("b", None))
}

/// What a change announces: number, model, the one before, and whether it is pinned.
fn announced(registry: &Registry) -> (u64, Ref, Option<Ref>, bool) {
    let Fact::ModelPromoted(told) = &registry.outbox.as_ref().unwrap().events[0].fact else { panic!("{registry:?}") };
    (told.number, told.model.clone(), told.previous.clone(), told.pinned)
}

#[test]
fn a_pin_holds_the_serving_model_and_announces_it_again() {
    let (pinned, moved) = two_models().pinned(&series(), None, at(), "an audit").unwrap();
    assert_eq!(announced(&pinned), (3, model("b"), Some(model("b")), true));
    assert_eq!((moved.by, &pinned.champion), (Mover::Pin { reason: "an audit".into() }, &Some(model("b"))));
    assert_eq!(pinned.pin, Some(Pin { since: at(), reason: "an audit".into() }));
    let again = Registry { outbox: None, ..pinned }.pinned(&series(), None, at(), "again").unwrap_err();
    assert_eq!(again, HandError::Pinned { model: model("b").sha256.short().into(), reason: "an audit".into() });
}

#[test]
fn a_pinned_model_that_is_let_go_of_serves_on() {
    assert_eq!(two_models().unpinned(&series(), at(), "done").unwrap_err(), HandError::NotPinned);
    let (pinned, _) = two_models().pinned(&series(), None, at(), "an audit").unwrap();
    assert_eq!(pinned.unpinned(&series(), at(), "done").unwrap_err(), HandError::Unpublished);
    let (free, _) = Registry { outbox: None, ..pinned }.unpinned(&series(), at(), "done").unwrap();
    assert_eq!((announced(&free), &free.pin), ((4, model("b"), Some(model("b")), false), &None));
}

#[test]
fn a_rollback_can_pin_in_one_step_and_one_without_ends_a_pin() {
    let (pinned, _) = two_models().rolled_back(&series(), None, at(), (Then::Held, "worse at night")).unwrap();
    assert_eq!(announced(&pinned), (3, model("a"), Some(model("b")), true));
    let digest = model("b").sha256.as_str().to_owned();
    let pinned = Registry { outbox: None, ..pinned };
    let (back, _) = pinned.rolled_back(&series(), Some(&digest), at(), (Then::Serves, "it was the data")).unwrap();
    assert_eq!((announced(&back), &back.pin), ((4, model("b"), Some(model("a")), false), &None));
    // A pin by name moves there as well.
    let (by_name, _) = pinned.pinned(&series(), Some(&digest), at(), "this one").unwrap();
    assert_eq!(announced(&by_name), (4, model("b"), Some(model("a")), true));
}

#[test]
fn without_a_model_there_is_nothing_to_pin() {
    assert_eq!(Registry::default().pinned(&series(), None, at(), "x").unwrap_err(), HandError::NoModel);
}

fn batch() -> BatchId {
    let snapshot = Ref::of(Kind::Snapshot, &series(), Format::Json, b"s");
    BatchId { ordinal: 9, sequence: 8, snapshot, origin: at() }
}

fn look(number: u64) -> Look {
    Look { number, place: 1, forecasts: Vec::new() }
}

#[test]
fn a_model_that_does_not_stand_its_probation_goes_back_with_its_fact_and_the_evidence() {
    let outcome = Outcome::GoesBack { reason: "12.00 against 10.00".into() };
    let after = two_models().after_look(&series(), &batch(), "scores", &outcome);
    assert_eq!(announced(&after), (3, model("a"), Some(model("b")), false));
    let reason = "on probation the model before was better: 12.00 against 10.00".to_owned();
    assert_eq!(after.moves.last().map(|moved| moved.by.clone()), Some(Mover::Probation { reason: reason.clone() }));
    let outbox = after.outbox.clone().unwrap();
    let Fact::ModelPromoted(told) = &outbox.events[0].fact else { panic!("{outbox:?}") };
    assert_eq!((&told.by, outbox.cause.as_str()), (&Promotion::Rollback { reason, probation: true }, "scores"));
    assert!(after.has_looked(8) && !after.has_looked(9));
    // There is nothing before it that it took over from: it is on no probation itself.
    assert_eq!(after.on_probation(&look(3)), None);
}

#[test]
fn a_model_that_stands_its_look_stays_and_the_numbers_are_on_record() {
    let outcome = Outcome::Stays { reason: "10.00 against 12.00".into() };
    let after = two_models().after_look(&series(), &batch(), "scores", &outcome);
    assert_eq!((&after.champion, &after.outbox, after.move_count), (&Some(model("b")), &None, 2));
    let looked = Looked { sequence: 8, at: at(), reason: "10.00 against 12.00".into() };
    assert_eq!(after.looked, Some(looked));
}

#[test]
fn only_the_newest_takeover_by_an_evaluation_with_a_model_before_it_is_on_probation() {
    let registry = two_models();
    assert_eq!(registry.on_probation(&look(2)), Some((&model("b"), &model("a"))));
    assert_eq!(registry.on_probation(&look(1)), None);
    assert_eq!(Registry::default().with(version("a", None)).on_probation(&look(1)), None);
    // Nobody takes back what a person holds, or put there.
    let (pinned, _) = registry.pinned(&series(), None, at(), "x").unwrap();
    assert_eq!((pinned.on_probation(&look(2)), pinned.on_probation(&look(3))), (None, None));
    let (back, _) = registry.rolled_back(&series(), None, at(), (Then::Serves, "x")).unwrap();
    assert_eq!((back.on_probation(&look(2)), back.on_probation(&look(3))), (None, None));
}
