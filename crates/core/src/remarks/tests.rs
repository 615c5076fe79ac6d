//! Each remark, and that there is none where all is well.

use super::*;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    time("2026-03-10T12:00:00Z")
}

fn ago(seconds: i64) -> Timestamp {
    now().plus(-seconds)
}

/// A live series that has all its data and whose two batches have ended.
fn well() -> Seen {
    Seen {
        progress: Progress { received: 2, taken_up: 2, accepted: 2, ended: 2 },
        end: Some(ago(HOUR)),
        newest: Some((ago(HOUR), ago(HOUR))),
        has_model: true,
        defined: Defined::Yes { cadence: Cadence::Hour, give_up_after: 8 },
        ..Seen::default()
    }
}

fn of(seen: &Seen) -> Vec<Remark> {
    of_series(&"it.ci_direct".parse().unwrap(), seen, now())
}

/// The only remark of a series.
fn only(seen: &Seen) -> Remark {
    let mut remarks = of(seen);
    assert_eq!(remarks.len(), 1, "{remarks:?}");
    remarks.remove(0)
}

#[test]
fn a_series_whose_batches_all_ended_has_nothing_to_remark() {
    assert_eq!(of(&well()), []);
}

#[test]
fn a_batch_that_ingestion_has_not_taken_up_is_said_to_be_there_and_gets_worse_with_time() {
    let progress = Progress { received: 5, taken_up: 2, accepted: 2, ended: 2 };
    let seen = |age| Seen { progress, open: Some((3, ago(age))), ..well() };
    let remark = only(&seen(60));
    assert_eq!(remark.level, Level::Note);
    let told = "batch 3 and 2 behind it have not ended, since 2026-03-10T11:59:00Z: ingestion has not taken up batch 3; \
                it is on its way";
    assert_eq!(remark.to_string(), told);
    assert_eq!([SLOW, STUCK].map(|age| only(&seen(age)).level), [Level::Warning, Level::Trouble]);
    assert!(only(&seen(STUCK)).next.contains("aria events it.ci_direct --batch 3"));
}

#[test]
fn a_held_batch_is_named_with_the_retraining_it_waits_for() {
    let id = RetrainingId("r1".to_owned());
    let seen = Seen {
        progress: Progress { received: 3, taken_up: 3, accepted: 3, ended: 2 },
        open: Some((3, ago(60))),
        phase: Phase::Retraining { id: id.clone(), held: Some(3) },
        asked: Some((id, ago(50), "drifted: level".to_owned())),
        ..well()
    };
    let remarks = of(&seen);
    assert_eq!(remarks[0].why, "held for retraining r1 (drifted: level)");
    assert_eq!((remarks[1].what.as_str(), remarks[1].level), ("retraining r1 is in flight", Level::Note));
}

#[test]
fn a_retraining_that_takes_longer_than_any_step_may_is_a_warning() {
    let id = RetrainingId("r1".to_owned());
    let phase = Phase::Retraining { id: id.clone(), held: None };
    let seen = |age| Seen { phase: phase.clone(), asked: Some((id.clone(), ago(age), "age".to_owned())), ..well() };
    let levels = [STUCK - 1, STUCK, 4 * STUCK].map(|age| only(&seen(age)).level);
    assert_eq!(levels, [Level::Note, Level::Warning, Level::Trouble]);
    assert!(only(&seen(STUCK)).next.contains("aria deadletters list --service training"));
}

#[test]
fn rejected_batches_at_the_end_are_counted_with_the_newest_reason_and_what_to_do() {
    let rejected = |in_a_row| {
        let (ordinal, at, reason) = (9, ago(HOUR), "column `v` is missing".to_owned());
        Seen { rejected: Some(Rejected { in_a_row, ordinal, at, reason }), ..well() }
    };
    assert_eq!(only(&rejected(1)).what, "the newest batch, 9, was rejected");
    let remark = only(&rejected(4));
    assert_eq!(remark.what, "the newest 4 batches, up to 9, were rejected");
    assert_eq!((remark.level, remark.why.as_str()), (Level::Warning, "column `v` is missing"));
    assert!(remark.next.contains("aria events it.ci_direct --batch 9"));
}

#[test]
fn a_series_that_is_no_longer_defined_is_said_to_be_so_and_one_nobody_looked_up_is_not() {
    let with = |defined| Seen { defined, ..well() };
    assert_eq!(only(&with(Defined::No)).what, "the series is no longer defined");
    assert_eq!(of(&with(Defined::Unknown)), []);
}

#[test]
fn live_data_are_late_after_two_days_and_a_step_and_replayed_ones_never() {
    let at = |behind: i64, as_of| Seen { end: Some(ago(behind)), newest: Some((as_of, ago(HOUR))), ..well() };
    assert_eq!(of(&at(LATE + HOUR, ago(HOUR))), []);
    let late = only(&at(3 * DAY, ago(HOUR)));
    assert_eq!((late.what.as_str(), late.level), ("the data are late by 3 days", Level::Warning));
    assert_eq!(of(&at(3 * DAY, time("2021-01-01"))), []);
}

#[test]
fn a_batch_that_cannot_be_ended_is_trouble_and_comes_first() {
    let endless = Some((ago(60), "the head is damaged".to_owned()));
    let seen = Seen { letters: Letters { count: 1, oldest: Some(ago(90)), endless }, ..well() };
    let remarks = of(&seen);
    let levels: Vec<_> = remarks.iter().map(|remark| remark.level).collect();
    assert_eq!(levels, [Level::Trouble, Level::Warning]);
    assert_eq!((remarks[0].why.as_str(), remarks[0].since), ("the head is damaged", Some(ago(60))));
    assert_eq!((remarks[1].what.as_str(), remarks[1].since), ("1 dead letters", Some(ago(90))));
    assert!(remarks[1].next.contains("aria deadletters list --series it.ci_direct"));
}

#[test]
fn what_is_wrong_with_the_newest_forecast_is_told_with_since_when_and_why() {
    let why = || Some((ago(60), "too little history".to_owned()));
    let withheld = only(&Seen { withheld: why(), ..well() });
    assert_eq!(
        (withheld.what.as_str(), withheld.why.as_str()),
        ("the newest batch has no forecast", "too little history")
    );
    assert_eq!(withheld.level, Level::Warning);
    assert_eq!(only(&Seen { withheld: why(), has_model: false, ..well() }).level, Level::Note);
    let degraded = only(&Seen { degraded: why(), ..well() });
    assert!(degraded.what.contains("drifted") && degraded.next.contains("aria retrain it.ci_direct"));
}

#[test]
fn retrainings_that_are_no_longer_asked_for_are_told_from_the_number_on_at_which_the_policy_gives_up() {
    assert_eq!(of(&Seen { failures: 7, ..well() }), []);
    assert!(only(&Seen { failures: 8, ..well() }).what.starts_with("8 retrainings in a row"));
}

#[test]
fn facts_that_are_not_published_are_told_with_who_publishes_them() {
    let remarks = of(&Seen { unpublished: vec![("head", None), ("monitor", Some("aria retrain"))], ..well() });
    assert!(remarks[0].next.contains("by itself") && remarks[1].next.contains("`aria retrain it.ci_direct`"));
}

#[test]
fn a_state_that_cannot_be_read_is_trouble_of_its_series() {
    let remark = of_unreadable(&"it.ci_direct".parse().unwrap(), "no document".to_owned());
    assert_eq!((remark.level, remark.why.as_str()), (Level::Trouble, "no document"));
}

const WORKING: Service = Service { pending: 3, in_hand: 2, asking: 1, last: None };

#[test]
fn a_service_that_asks_for_messages_is_well_until_too_many_wait() {
    assert_eq!(of_service("drift", Some(&WORKING), now()), None);
    let behind = of_service("drift", Some(&Service { pending: 1_001, ..WORKING }), now()).unwrap();
    assert_eq!((behind.level, behind.what.as_str()), (Level::Warning, "drift is behind by 1001 messages"));
}

#[test]
fn a_service_that_never_ran_or_that_nobody_runs_is_trouble() {
    let never = of_service("drift", None, now()).unwrap();
    assert_eq!((never.level, never.what.as_str()), (Level::Trouble, "drift has never run"));
    let gone = Service { asking: 0, in_hand: 0, last: Some(ago(60)), ..WORKING };
    let gone = of_service("drift", Some(&gone), now()).unwrap();
    assert_eq!((gone.level, gone.what.as_str(), gone.since), (Level::Trouble, "drift does not run", Some(ago(60))));
    assert!(gone.next.contains("aria serve drift"));
}

#[test]
fn a_busy_service_is_well_until_it_has_taken_nothing_for_long() {
    let busy = |age| Service { asking: 0, last: Some(ago(age)), ..WORKING };
    assert_eq!(of_service("training", Some(&busy(SLOW - 1)), now()), None);
    let stuck = of_service("training", Some(&busy(SLOW)), now()).unwrap();
    assert_eq!((stuck.level, stuck.what.as_str()), (Level::Warning, "training takes no messages"));
}

#[test]
fn a_store_of_the_broker_that_fills_up_is_told_in_time() {
    let room = |used, most| of_room(Room { used, most }).map(|remark| remark.level);
    assert_eq!(room(79, Some(100)), None);
    assert_eq!(room(80, Some(100)), Some(Level::Warning));
    assert_eq!(room(95, Some(100)), Some(Level::Trouble));
    assert_eq!(room(u64::MAX, Some(u64::MAX)), Some(Level::Trouble));
    assert_eq!(room(1_000, None), None);
}
