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
    }
}

#[test]
fn a_rejected_challenger_is_listed_and_does_not_serve() {
    let registry = Registry::default().with(version("a", None)).with(version("b", Some("worse")));
    assert_eq!(registry.champion, Some(model("a")));
    assert_eq!(registry.versions.iter().map(|v| v.number).collect::<Vec<_>>(), [1, 2]);
}

fn rolled_back(registry: &Registry, wanted: Option<&str>) -> Result<(Registry, Move), RollbackError> {
    let series = "it.ci_direct".parse().unwrap();
    registry.rolled_back(&series, wanted, "2021-04-01".parse().unwrap(), "worse at night")
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
    assert_eq!(rolled_back(&after, None).unwrap_err(), RollbackError::Unpublished);
    after.outbox.as_mut().unwrap().settled = true;
    assert_eq!(rolled_back(&after, None).unwrap_err(), RollbackError::NoEarlier);
}

#[test]
fn going_back_twice_goes_back_two_models_and_then_no_further() {
    let back = |registry: &Registry| {
        let (mut after, moved) = rolled_back(registry, None)?;
        after.outbox = None;
        Ok::<_, RollbackError>((after, moved.to))
    };
    let registry = Registry::default().with(version("a", None)).with(version("b", None)).with(version("c", None));
    let (once, first) = back(&registry).unwrap();
    let (twice, second) = back(&once).unwrap();
    assert_eq!((first, second), (model("b"), model("a")));
    assert_eq!(back(&twice).unwrap_err(), RollbackError::NoEarlier);
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
    assert_eq!(refusal, RollbackError::NeverServed { model: digest });
}

#[test]
fn the_first_model_has_nothing_to_go_back_to() {
    let registry = Registry::default().with(version("a", None));
    assert_eq!(rolled_back(&registry, None).unwrap_err(), RollbackError::NoEarlier);
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
        registry = registry.rolled_back(&series, Some(&digest), "2021-04-01".parse().unwrap(), reason).unwrap().0;
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
        let (next, moved) = registry.rolled_back(&series, None, "2021-04-01".parse().unwrap(), reason).unwrap();
        assert_eq!(next.moves.last(), Some(&moved));
        let Mover::Hand { reason } = moved.by else { panic!("{moved:?}") };
        let by = Promotion::Rollback { reason: reason.clone() };
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
