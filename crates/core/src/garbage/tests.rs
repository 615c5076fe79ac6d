//! The policy on small cases worked out by hand, and its laws on many drawn at random.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::artifact::{Format, Kind, Ref};
use crate::series::SeriesId;
use crate::time::{DAY, Timestamp};

fn now() -> Timestamp {
    "2026-01-01".parse().unwrap()
}

fn series() -> SeriesId {
    "it.ci_direct".parse().unwrap()
}

/// A policy of days that differ, so that a wrong one shows.
fn policy() -> Policy {
    Policy {
        events: Keep::days(400),
        forecasts: Keep::days(300),
        rejected: Keep::days(90),
        dead_letters: Keep::days(200),
        dropped: Keep::days(30),
        orphans: Keep::days(2),
    }
}

/// A log of messages of these ages in days, one after the other from place 1 on.
fn log(messages: &[(&str, i64, Class)]) -> Vec<Message> {
    let message = |(i, (subject, days, class)): (usize, &(&str, i64, Class))| Message {
        sequence: i as u64 + 1,
        subject: (*subject).to_owned(),
        stored: now().plus(-days * DAY),
        size_bytes: 100,
        class: class.clone(),
    };
    messages.iter().enumerate().map(message).collect()
}

fn verdicts(messages: &[(&str, i64, Class)]) -> Vec<Verdict> {
    judge_log(&log(messages), u64::MAX, &policy(), now())
}

fn received(ordinal: u64) -> Class {
    Class::Received((series(), ordinal))
}

fn rejected(ordinal: u64) -> Class {
    Class::Rejected((series(), ordinal))
}

const EXPIRED: Verdict = Verdict::Deleted(Reason::Expired);

fn kept(reason: Reason) -> Verdict {
    Verdict::Kept(reason)
}

#[test]
fn an_event_goes_once_it_is_older_than_its_class_is_kept_and_not_before() {
    // The last of each subject stays as its newest; 300 days and a moment are not over 300 whole days.
    let found = verdicts(&[
        ("checked", 401, Class::Other),
        ("checked", 400, Class::Other),
        ("checked", 1, Class::Other),
        ("issued", 301, Class::Forecast),
        ("issued", 300, Class::Forecast),
        ("issued", 0, Class::Forecast),
    ]);
    let young = kept(Reason::Young);
    assert_eq!(found, [EXPIRED, young, kept(Reason::Newest), EXPIRED, young, kept(Reason::Newest)]);
}

#[test]
fn the_newest_event_of_each_subject_stays_however_old_it_is() {
    let found = verdicts(&[
        ("checked.a", 4_000, Class::Other),
        ("checked.b", 4_000, Class::Other),
        ("checked.a", 3_000, Class::Other),
    ]);
    assert_eq!(found, [EXPIRED, kept(Reason::Newest), kept(Reason::Newest)]);
}

#[test]
fn what_a_service_has_not_dealt_with_stays_however_old_it_is() {
    let messages =
        log(&[("checked", 4_000, Class::Other), ("checked", 3_999, Class::Other), ("checked", 0, Class::Other)]);
    let found = judge_log(&messages, 1, &policy(), now());
    assert_eq!(found, [EXPIRED, kept(Reason::Unsettled), kept(Reason::Unsettled)]);
    // A service that never ran has dealt with nothing.
    assert!(judge_log(&messages, 0, &policy(), now()).iter().all(|verdict| *verdict == kept(Reason::Unsettled)));
}

#[test]
fn the_receipt_of_a_batch_that_was_taken_in_stays_for_its_lineage() {
    let found = verdicts(&[("received", 4_000, received(1)), ("received", 3_000, received(2))]);
    assert_eq!(found, [kept(Reason::Lineage), kept(Reason::Newest)]);
}

#[test]
fn a_rejected_batch_goes_with_its_receipt_and_neither_goes_alone() {
    let found = verdicts(&[
        ("received", 92, received(1)),
        ("rejected", 91, rejected(1)),
        ("received", 91, received(2)),
        ("rejected", 90, rejected(2)),
        ("received", 4, received(3)),
        ("rejected", 3, rejected(3)),
    ]);
    let (young, newest) = (kept(Reason::Young), kept(Reason::Newest));
    assert_eq!(found, [EXPIRED, EXPIRED, young, young, newest, newest]);
}

#[test]
fn the_receipt_of_the_newest_rejection_stays_with_it() {
    let found = verdicts(&[
        ("received", 4_000, received(1)),
        ("rejected", 4_000, rejected(1)),
        ("received", 3_000, received(2)),
    ]);
    assert_eq!(found, [kept(Reason::Newest); 3]);
}

#[test]
fn a_dead_letter_stays_its_time_with_the_message_and_the_batch_that_it_is_about() {
    let letter = |message, batch: Option<u64>| Class::DeadLetter { message, batch: batch.map(|n| (series(), n)) };
    let found = verdicts(&[
        ("received", 199, received(1)),
        ("rejected", 199, rejected(1)),
        ("letters", 199, letter(1, Some(1))),
        ("received", 202, received(2)),
        ("rejected", 202, rejected(2)),
        ("letters", 201, letter(4, Some(2))),
        ("checked", 900, Class::Other),
        ("letters", 0, letter(7, None)),
        ("received", 0, received(3)),
        ("rejected", 0, rejected(3)),
        ("checked", 0, Class::Other),
    ]);
    let (needed, newest) = (kept(Reason::DeadLetter), kept(Reason::Newest));
    assert_eq!(found[..3], [needed, needed, kept(Reason::Young)]);
    assert_eq!(found[3..6], [EXPIRED, EXPIRED, EXPIRED]);
    assert_eq!(found[6..8], [needed, kept(Reason::Young)]);
    assert_eq!(found[8..], [newest; 3]);
}

#[test]
fn a_dropped_dead_letter_goes_by_the_age_of_the_first_decision_and_never_after_the_decision() {
    let letter = || Class::DeadLetter { message: 99, batch: None };
    let found = verdicts(&[
        ("letters", 100, letter()),
        ("dropped", 31, Class::Dropped { letter: 1 }),
        ("letters", 100, letter()),
        ("dropped", 30, Class::Dropped { letter: 3 }),
        ("dropped", 31, Class::Dropped { letter: 99 }),
        ("dropped", 1, Class::Dropped { letter: 1 }),
    ]);
    let (young, needed) = (kept(Reason::Young), kept(Reason::DeadLetter));
    assert_eq!(found, [EXPIRED, EXPIRED, young, needed, EXPIRED, young]);
}

#[test]
fn a_dead_letter_that_nobody_dropped_is_not_gone_before_its_age() {
    let letter = Class::DeadLetter { message: 99, batch: None };
    assert_eq!(verdicts(&[("letters", 200, letter.clone())]), [kept(Reason::Young)]);
    assert_eq!(verdicts(&[("letters", 201, letter)]), [EXPIRED]);
}

fn stored(days: i64) -> Stored {
    let name = Ref::of(Kind::Raw, &series(), Format::Csv, b"abc");
    Stored { name, modified: now().plus(-days * DAY) }
}

#[test]
fn an_artifact_goes_only_where_nothing_reaches_it_it_is_old_and_its_series_is_known() {
    let judge = |days, is_reached, is_known| judge_artifact(&stored(days), is_reached, is_known, &policy(), now());
    assert_eq!(judge(3, false, true), Verdict::Deleted(Reason::Orphan));
    assert_eq!(judge(3, true, true), kept(Reason::Reached));
    assert_eq!(judge(2, false, true), kept(Reason::Young));
    assert_eq!(judge(-9, false, true), kept(Reason::Young));
    assert_eq!(judge(3, false, false), kept(Reason::Unknown));
}

#[test]
fn a_plan_counts_what_stays_and_goes_and_lists_what_goes() {
    let mut plan = Plan::default();
    for days in [3, 5, 4] {
        plan.artifact(stored(days), Verdict::Deleted(Reason::Orphan));
    }
    plan.artifact(stored(9), kept(Reason::Reached));
    let message = &log(&[("checked", 7, Class::Other)])[0];
    plan.message(What::Event("drift.checked"), message, EXPIRED);
    plan.foreign(12, now());
    let raw = What::Artifact(Kind::Raw);
    let line = |what, verdict| plan.lines[&(what, verdict)];
    let orphans = Line { count: 3, bytes: 9, oldest: now().plus(-5 * DAY) };
    assert_eq!(line(raw, Verdict::Deleted(Reason::Orphan)), orphans);
    assert_eq!(line(raw, kept(Reason::Reached)).count, 1);
    assert_eq!(line(What::Foreign, kept(Reason::Foreign)).bytes, 12);
    assert_eq!((plan.artifacts.len(), plan.messages.as_slice()), (3, &[1][..]));
}

#[test]
fn times_are_read_with_their_unit_and_told_as_shortly_as_they_can_be() {
    for (text, seconds, told) in
        [("400d", 400 * DAY, "400d"), ("36h", 36 * 3_600, "36h"), ("48h", 2 * DAY, "2d"), ("90s", 90, "90s")]
    {
        let keep: Keep = text.parse().unwrap();
        assert_eq!((keep.as_seconds(), keep.to_string().as_str()), (seconds, told));
    }
    for text in ["", "d", "0d", "1", "-1d", "+1d", "1.5d", "1 d", "1w", "36501d", "99999999999999999999d", "1é"] {
        let refused = text.parse::<Keep>().unwrap_err().to_string();
        assert!(refused.contains(&format!("`{text}`")) && refused.contains("400d"), "{refused}");
    }
}

#[test]
fn a_policy_that_takes_from_a_slow_step_what_it_has_stored_is_refused() {
    let policy = Policy { orphans: Keep::seconds(3_600), ..policy() };
    assert!(policy.check(3_599).is_ok());
    let refused = policy.check(3_600).unwrap_err().to_string();
    assert!(refused.contains("1h") && refused.contains("ARIA_HANDLING_SECONDS"), "{refused}");
    assert!(Policy::default().check(3_600).is_ok());
}

#[test]
fn as_many_of_the_longest_keys_as_are_on_record_at_once_fit_a_cell() {
    let part = "x".repeat(64);
    let series: SeriesId = format!("{part}.{part}").parse().unwrap();
    let key = |n: usize| Ref::of(Kind::Predictions, &series, Format::Parquet, &n.to_be_bytes()).key();
    let record = Condemned { keys: (0..MOST_CONDEMNED).map(key).collect(), lease_seconds: u32::MAX };
    // The cells of a bucket hold 512 KiB.
    assert!(crate::document::encode(&record).unwrap().len() < 512 << 10);
}

/// A world: which artifacts name which, where messages and cells point, how old all of it is.
#[derive(Clone, Debug)]
struct World {
    names: Vec<Vec<usize>>,
    ages: Vec<i64>,
    cells: Vec<usize>,
    log: Vec<(Message, Vec<usize>)>,
    settled_through: u64,
}

const ARTIFACTS: usize = 24;

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![
        (1..6_u64).prop_map(received),
        (1..6_u64).prop_map(rejected),
        Just(Class::Forecast),
        Just(Class::Other),
        (1..20_u64, proptest::option::of(1..6_u64))
            .prop_map(|(message, batch)| Class::DeadLetter { message, batch: batch.map(|n| (series(), n)) }),
        (1..20_u64).prop_map(|letter| Class::Dropped { letter }),
    ]
}

prop_compose! {
    fn message()(class in class(), days in -10..900_i64, roots in proptest::collection::vec(0..ARTIFACTS, 0..3))
        -> (Class, i64, Vec<usize>)
    {
        (class, days, roots)
    }
}

prop_compose! {
    fn world()(
        names in proptest::collection::vec(proptest::collection::vec(0..ARTIFACTS, 0..4), ARTIFACTS),
        ages in proptest::collection::vec(-3..10_i64, ARTIFACTS),
        cells in proptest::collection::vec(0..ARTIFACTS, 0..3),
        messages in proptest::collection::vec(message(), 0..20),
        settled_through in 0..25_u64,
    ) -> World {
        let subject = |class: &Class| match class {
            Class::Received(_) => "received",
            Class::Rejected(_) => "rejected",
            Class::Forecast => "issued",
            Class::Other => "checked",
            Class::DeadLetter { .. } => "letters",
            Class::Dropped { .. } => "dropped",
        };
        let log = messages.into_iter().enumerate().map(|(i, (class, days, roots))| {
            let stored = now().plus(-days * DAY);
            let subject = subject(&class).to_owned();
            (Message { sequence: i as u64 + 1, subject, stored, size_bytes: 1, class }, roots)
        });
        World { names, ages, cells, log: log.collect(), settled_through }
    }
}

impl World {
    fn verdicts(&self) -> Vec<Verdict> {
        let log: Vec<Message> = self.log.iter().map(|(message, _)| message.clone()).collect();
        judge_log(&log, self.settled_through, &policy(), now())
    }

    /// What the roots reach by repeated squaring of the relation, unlike the walk that the product makes.
    fn reached_from(&self, roots: &BTreeSet<usize>) -> BTreeSet<usize> {
        let mut reached = roots.clone();
        for _ in 0..ARTIFACTS {
            let next: BTreeSet<usize> = reached.iter().flat_map(|n| self.names[*n].clone()).collect();
            reached.extend(next);
        }
        reached
    }

    fn roots(&self, messages: impl Fn(usize) -> bool) -> BTreeSet<usize> {
        let of_log =
            self.log.iter().enumerate().filter(|(i, _)| messages(*i)).flat_map(|(_, (_, roots))| roots.clone());
        self.cells.iter().copied().chain(of_log).collect()
    }
}

proptest! {
    #[test]
    fn no_plan_deletes_what_a_cell_or_a_message_that_stays_reaches(world in world()) {
        let verdicts = world.verdicts();
        // As the collector does: all of the log holds what it names until the run is over.
        let reached = world.reached_from(&world.roots(|_| true));
        let alive = world.reached_from(&world.roots(|i| verdicts[i].is_kept()));
        for artifact in 0..ARTIFACTS {
            let (stored, is_reached) = (stored(world.ages[artifact]), reached.contains(&artifact));
            let verdict = judge_artifact(&stored, is_reached, true, &policy(), now());
            prop_assert!(verdict.is_kept() || !alive.contains(&artifact), "{artifact} is alive and {verdict:?}");
            prop_assert_eq!(verdict.is_kept(), reached.contains(&artifact) || world.ages[artifact] <= 2);
        }
    }

    #[test]
    fn the_log_that_stays_is_whole_where_it_is_needed(world in world()) {
        let verdicts = world.verdicts();
        let mut newest = BTreeMap::new();
        for ((message, _), verdict) in world.log.iter().zip(&verdicts) {
            newest.insert(message.subject.clone(), (message, verdict));
            let is_event = !matches!(message.class, Class::DeadLetter { .. } | Class::Dropped { .. });
            prop_assert!(verdict.is_kept() || !is_event || message.sequence <= world.settled_through);
            if let (Class::DeadLetter { message: about, .. }, true) = (&message.class, verdict.is_kept()) {
                let its = world.log.iter().zip(&verdicts).find(|((m, _), _)| m.sequence == *about);
                let is_event = |m: &Message| matches!(m.class, Class::Other | Class::Forecast | Class::Received(_));
                prop_assert!(its.is_none_or(|((m, _), v)| v.is_kept() || !is_event(m)));
            }
            if let Class::Dropped { letter } = &message.class {
                // A letter that stays never comes back onto the list.
                let stays = world.log.iter().zip(&verdicts).any(|((m, _), v)| {
                    m.sequence == *letter && matches!(m.class, Class::DeadLetter { .. }) && v.is_kept()
                });
                prop_assert!(verdict.is_kept() || !stays);
            }
        }
        for (subject, (message, verdict)) in newest {
            let is_event = !matches!(message.class, Class::DeadLetter { .. } | Class::Dropped { .. });
            prop_assert!(verdict.is_kept() || !is_event, "the newest of {subject}");
        }
    }

    #[test]
    fn with_time_the_same_log_never_keeps_less_for_a_clock_that_is_behind(world in world(), behind in 0..900_i64) {
        let log: Vec<Message> = world.log.iter().map(|(message, _)| message.clone()).collect();
        let before = judge_log(&log, world.settled_through, &policy(), now().plus(-behind * DAY));
        for (earlier, later) in before.iter().zip(world.verdicts()) {
            prop_assert!(earlier.is_kept() || !later.is_kept(), "a clock that is behind deletes more");
        }
    }
}
