//! What the monitor makes of events, in whatever order they are delivered.

use super::*;
use crate::artifact::{Format, Kind};
use crate::event::{ForecastIssued, ModelPromoted, ModelRejected, Promotion, TrainingFailed};

fn series() -> SeriesId {
    "it.ci_direct".parse().unwrap()
}

fn artifact(kind: Kind, text: &str) -> Ref {
    Ref::of(kind, &series(), Format::Json, text.as_bytes())
}

fn batch(sequence: u64) -> BatchId {
    let origin = Timestamp::EPOCH.plus(sequence as i64 * DAY);
    BatchId { ordinal: sequence, sequence, snapshot: artifact(Kind::Snapshot, &sequence.to_string()), origin }
}

fn retraining(held: Option<u64>) -> Retraining {
    Retraining {
        id: RetrainingId("r1".into()),
        cause: Cause::SkillFell,
        evidence: "skill fell".into(),
        snapshot: artifact(Kind::Snapshot, "s"),
        incumbent: None,
        held: held.map(batch),
    }
}

fn event(fact: Fact) -> Event {
    Event { series: series(), as_of: Timestamp::EPOCH, fact }
}

fn issued(sequence: u64) -> Event {
    let forecast = artifact(Kind::Forecast, &sequence.to_string());
    let model = artifact(Kind::Model, "m");
    event(Fact::ForecastIssued(ForecastIssued { batch: batch(sequence), forecast, model, degraded: None }))
}

fn rejected(held: Option<u64>) -> Event {
    let model = artifact(Kind::Model, "c");
    let reason = "worse".into();
    event(Fact::ModelRejected(ModelRejected {
        retraining: retraining(held),
        model,
        evaluation: None,
        reason,
        serving: None,
    }))
}

fn retraining_phase(held: Option<u64>) -> State {
    State { sequence: 3, phase: Phase::Retraining { id: RetrainingId("r1".into()), held }, ..State::default() }
}

fn next(state: &State, event: &Event) -> State {
    let Noted::Next(next) = note(state, event) else { panic!("not noted") };
    *next
}

#[test]
fn batches_are_checked_one_after_the_other() {
    let state = State { sequence: 3, ..State::default() };
    assert_eq!(state.turn_of(&batch(3)), Turn::Past);
    assert_eq!(state.turn_of(&batch(4)), Turn::Now);
    assert!(matches!(state.turn_of(&batch(5)), Turn::NotYet { ahead: 1, .. }));
}

#[test]
fn no_batch_is_checked_while_a_retraining_is_in_flight() {
    assert!(matches!(retraining_phase(Some(3)).turn_of(&batch(4)), Turn::NotYet { ahead: 0, .. }));
}

#[test]
fn the_end_of_a_held_batch_waits_for_the_end_of_its_retraining() {
    let state = retraining_phase(Some(3));
    assert!(matches!(note(&state, &issued(3)), Noted::NotYet(_)));
    let state = next(&state, &rejected(Some(3)));
    assert_eq!(state.phase, Phase::Forecast { sequence: 3 });
    assert_eq!(next(&state, &issued(3)).phase, Phase::Idle);
}

#[test]
fn an_end_that_overtakes_its_check_waits_for_it() {
    let state = State { sequence: 3, ..State::default() };
    assert!(matches!(note(&state, &issued(4)), Noted::NotYet(_)));
    assert!(matches!(note(&state, &rejected(Some(4))), Noted::NotYet(_)));
}

#[test]
fn an_event_that_is_delivered_twice_changes_the_state_once() {
    let state = next(&retraining_phase(None), &rejected(None));
    assert_eq!((state.failures, &state.phase), (1, &Phase::Idle));
    assert_eq!(note(&state, &rejected(None)), Noted::Past);
}

#[test]
fn at_most_one_retraining_is_in_flight() {
    let asked = ask_by_hand(&retraining_phase(None), &series(), &artifact(Kind::Snapshot, "s"), "why");
    assert_eq!(asked.unwrap_err(), RefusedByHand::InFlight("r1".into()));
}

#[test]
fn a_retraining_by_hand_is_in_flight_with_its_request_in_the_outbox() {
    let state = State { origin: Some(Timestamp::EPOCH), ..State::default() };
    let (next, event) = ask_by_hand(&state, &series(), &artifact(Kind::Snapshot, "s"), "a new plant").unwrap();
    assert!(matches!(next.phase, Phase::Retraining { held: None, .. }));
    assert_eq!(next.outbox.map(|o| (o.events, o.settled)), Some((vec![event], false)));
}

/// Asks by hand on data of this name, with everything before it published.
fn asked(state: &State, data: &str) -> Result<(State, Retraining), RefusedByHand> {
    let settled = State { outbox: None, ..state.clone() };
    let (next, event) = ask_by_hand(&settled, &series(), &artifact(Kind::Snapshot, data), "why")?;
    let Fact::RetrainingRequested(retraining) = event.fact else { panic!("nothing was asked for") };
    Ok((next, retraining))
}

#[test]
fn a_person_asks_again_on_new_data_or_when_the_training_failed_and_then_under_another_id() {
    let state = State { origin: Some(Timestamp::EPOCH), ..State::default() };
    let (in_flight, first) = asked(&state, "s").unwrap();
    let (retraining, reason) = (first.clone(), "worse".to_owned());
    let model = artifact(Kind::Model, "c");
    let fact = ModelRejected { retraining, model, evaluation: None, reason: reason.clone(), serving: None };
    let trained = next(&in_flight, &event(Fact::ModelRejected(fact)));
    assert_eq!(asked(&trained, "s").unwrap_err(), RefusedByHand::Repeated(first.id.0.clone()));
    assert!(asked(&trained, "s with a batch more").is_ok());
    let fact = Fact::TrainingFailed(TrainingFailed { retraining: first.clone(), reason });
    let (_, again) = asked(&next(&in_flight, &event(fact)), "s").unwrap();
    assert_ne!(again.id, first.id);
}

#[test]
fn a_request_does_not_overwrite_facts_that_are_still_to_be_published() {
    let outbox = Some(Outbox { cause: "a batch".into(), events: vec![issued(1)], settled: false });
    let state = State { origin: Some(Timestamp::EPOCH), outbox, ..State::default() };
    let asked = ask_by_hand(&state, &series(), &artifact(Kind::Snapshot, "s"), "why");
    assert_eq!(asked.unwrap_err(), RefusedByHand::Unpublished);
}

fn promoted(number: u64, model: &str, by: Promotion) -> Event {
    event(Fact::ModelPromoted(ModelPromoted {
        number,
        model: artifact(Kind::Model, model),
        previous: None,
        by,
        pinned: false,
    }))
}

fn by_hand() -> Promotion {
    Promotion::Rollback { reason: "worse at night".into(), probation: false }
}

fn by_evaluation() -> Promotion {
    Promotion::Evaluation { retraining: retraining(None), evaluation: artifact(Kind::Evaluation, "e") }
}

#[test]
fn changes_of_the_serving_model_count_in_the_order_of_the_registry_and_not_of_delivery() {
    assert!(matches!(note(&State::default(), &promoted(2, "b", by_hand())), Noted::NotYet(_)));
    let first = next(&State::default(), &promoted(1, "a", by_hand()));
    assert!(matches!(note(&first, &promoted(3, "c", by_hand())), Noted::NotYet(_)));
    let newer = next(&first, &promoted(2, "b", by_hand()));
    assert_eq!(note(&newer, &promoted(1, "a", by_hand())), Noted::Past);
    // A retraining that is in flight ends all the same.
    let waiting = State { phase: Phase::Retraining { id: RetrainingId("r1".into()), held: None }, ..newer };
    let ended = next(&waiting, &promoted(1, "a", by_evaluation()));
    assert_eq!((&ended.phase, ended.serving.map(|s| s.number)), (&Phase::Idle, Some(2)));
}

#[test]
fn a_model_that_is_promoted_after_its_retraining_was_given_up_serves() {
    let given_up = next(&retraining_phase(None), &rejected(None));
    let state = next(&given_up, &promoted(1, "a", by_evaluation()));
    assert_eq!(state.serving.map(|s| s.model), Some(artifact(Kind::Model, "a")));
}

#[test]
fn one_forecast_a_day_is_watched() {
    let state = State { sequence: 1, phase: Phase::Forecast { sequence: 1 }, ..State::default() };
    let once = next(&state, &issued(1));
    assert_eq!(once.forecasts.len(), 1);
    let again = State { phase: Phase::Forecast { sequence: 1 }, ..once };
    assert_eq!(next(&again, &issued(1)).forecasts.len(), 1);
}

/// The same monitor behind a first model.
fn behind_a_first_model(state: State) -> State {
    State { serving: next(&State::default(), &promoted(1, "a", by_hand())).serving, ..state }
}

fn took_over(number: u64, model: &str, previous: Option<&str>) -> Event {
    event(Fact::ModelPromoted(ModelPromoted {
        number,
        model: artifact(Kind::Model, model),
        previous: previous.map(|before| artifact(Kind::Model, before)),
        by: by_evaluation(),
        pinned: false,
    }))
}

#[test]
fn a_model_that_took_over_from_another_is_on_probation_and_the_first_is_not() {
    let first = next(&retraining_phase(None), &took_over(1, "a", None));
    assert_eq!(first.serving.unwrap().probation, None);
    let state = behind_a_first_model(State { failures: 2, ..retraining_phase(None) });
    let second = next(&state, &took_over(2, "b", Some("a")));
    let probation = Probation { failures: 2, looks: 0, asked: None };
    assert_eq!((second.failures, second.serving.unwrap().probation), (0, Some(probation)));
}

#[test]
fn a_model_that_is_taken_back_on_probation_counts_as_a_retraining_in_vain() {
    let state = behind_a_first_model(State { failures: 2, ..retraining_phase(None) });
    let serving = next(&state, &took_over(2, "b", Some("a")));
    let back = Promotion::Rollback { reason: "12 against 10".into(), probation: true };
    let back = next(&serving, &promoted(3, "a", back));
    // Two before it, which its takeover had forgiven, and itself.
    assert_eq!((back.failures, back.serving.unwrap().probation), (3, None));
    let by_hand = next(&serving, &promoted(3, "a", by_hand()));
    assert_eq!(by_hand.failures, 0);
}

#[test]
fn a_pinned_model_has_served_since_it_took_over() {
    let since = Timestamp::EPOCH.plus(-30 * DAY);
    let serving = Serving {
        model: artifact(Kind::Model, "b"),
        since,
        after_forecast: false,
        number: 2,
        pinned: false,
        probation: None,
    };
    let state = State { serving: Some(serving), ..State::default() };
    let Fact::ModelPromoted(pin) = promoted(3, "b", by_hand()).fact else { panic!("no takeover") };
    let pinned = next(&state, &event(Fact::ModelPromoted(ModelPromoted { pinned: true, ..pin })));
    assert_eq!(pinned.serving.map(|s| (s.since, s.number, s.pinned)), Some((since, 3, true)));
    // Another model that is put back has not.
    assert_eq!(next(&state, &promoted(3, "a", by_hand())).serving.map(|s| s.since), Some(Timestamp::EPOCH));
}

#[test]
fn the_forecast_that_the_model_before_issued_is_not_its_own_and_that_of_a_batch_that_waited_is() {
    let at = Timestamp::EPOCH;
    let own = |state: State| {
        state.serving.map(|s| (s.issues_from(at.plus(-1)), s.issues_from(at), s.issues_from(at.plus(1))))
    };
    // A person put it back after the batch was forecast.
    assert_eq!(own(next(&State::default(), &promoted(1, "a", by_hand()))), Some((false, false, true)));
    // A retraining by hand has no batch wait for it, and one that drift asked for has.
    let waiting = |held| behind_a_first_model(retraining_phase(held));
    assert_eq!(own(next(&waiting(None), &took_over(2, "b", Some("a")))), Some((false, false, true)));
    let held = Promotion::Evaluation { retraining: retraining(Some(4)), evaluation: artifact(Kind::Evaluation, "e") };
    assert_eq!(own(next(&waiting(Some(4)), &promoted(2, "b", held))), Some((false, true, true)));
}

#[test]
fn a_retraining_that_a_person_kept_from_being_compared_is_no_failure_and_may_be_asked_for_again() {
    let asked = AskedByHand { id: RetrainingId("r1".into()), snapshot: artifact(Kind::Snapshot, "s") };
    let state = State { asked_by_hand: Some(asked.clone()), ..retraining_phase(None) };
    let ended = |serving: Option<Ref>| {
        let Fact::ModelRejected(fact) = rejected(None).fact else { panic!("no rejection") };
        let ended = next(&state, &event(Fact::ModelRejected(ModelRejected { serving, ..fact })));
        (ended.failures, ended.asked_by_hand)
    };
    assert_eq!(ended(None), (1, Some(asked.clone())));
    assert_eq!(ended(Some(artifact(Kind::Model, "a"))), (0, None));
}

#[test]
fn a_retraining_that_a_pin_kept_from_being_compared_stays_due_and_costs_nothing() {
    let (earlier, now) = (Timestamp::EPOCH.plus(-DAY), Timestamp::EPOCH);
    let state = State { asked_at: vec![earlier, now], last_asked: Some(now), ..retraining_phase(None) };
    let ended = |incumbent: &str, serving: Option<&str>| {
        let Fact::ModelRejected(fact) = rejected(None).fact else { panic!("no rejection") };
        let named = |name: &str| artifact(Kind::Model, name);
        let retraining = Retraining { incumbent: Some(named(incumbent)), ..fact.retraining.clone() };
        let fact = ModelRejected { retraining, serving: serving.map(named), ..fact };
        let ended = next(&state, &event(Fact::ModelRejected(fact)));
        (ended.asked_at.len(), ended.deferred.map(|trigger| trigger.evidence))
    };
    assert_eq!(ended("a", Some("a")), (1, Some("skill fell".to_owned())));
    // Another model serves: what was due for the one before is not due for it.
    assert_eq!(ended("a", Some("b")), (1, None));
    assert_eq!(ended("a", None), (2, None));
}

#[test]
fn news_that_were_given_up_hold_up_nothing() {
    let first = next(&State::default(), &promoted(1, "a", by_hand()));
    // The second change was given up and dropped, and the third waits for it until it is given up itself.
    let third = note_given_up(&first, &promoted(3, "c", by_hand())).unwrap();
    assert_eq!(third.serving.as_ref().map(|s| s.number), Some(3));
    assert!(matches!(note(&third, &promoted(4, "d", by_hand())), Noted::Next(_)));
    assert_eq!(note_given_up(&third, &promoted(2, "b", by_hand())), None);
    // The end of a retraining counts, too.
    let ended = note_given_up(&retraining_phase(None), &rejected(None)).unwrap();
    assert_eq!(ended.phase, Phase::Idle);
}

#[test]
fn nothing_is_trained_by_hand_beside_a_pinned_model() {
    let serving = next(&State::default(), &promoted(1, "a", by_hand())).serving;
    let pinned = serving.map(|serving| Serving { pinned: true, ..serving });
    let state = State { serving: pinned, origin: Some(Timestamp::EPOCH), ..State::default() };
    assert_eq!(asked(&state, "s").unwrap_err(), RefusedByHand::Pinned);
}

#[test]
fn what_was_due_for_a_model_stays_due_when_a_person_holds_it_and_lets_go() {
    let serving = next(&State::default(), &promoted(1, "a", by_hand())).serving;
    let trigger = crate::policy::Trigger { cause: Cause::SkillFell, evidence: "skill fell".into() };
    let state =
        State { serving, deferred: Some(trigger.clone()), alarmed: true, level_moved: true, ..State::default() };
    let held = next(&state, &promoted(2, "a", by_hand()));
    assert_eq!((held.deferred, held.alarmed, held.level_moved), (Some(trigger), true, true));
    let replaced = next(&state, &promoted(2, "b", by_hand()));
    assert_eq!((replaced.deferred, replaced.alarmed, replaced.level_moved), (None, false, false));
}

#[test]
fn scores_are_kept_for_as_long_as_the_window_or_the_probation_reads_them() {
    let kept = |window_days: u32, probation_days: u32| {
        let mut definition = crate::forecast::tests::definition("1d", 24);
        (definition.drift.window_days, definition.policy.probation_days) = (window_days, probation_days);
        (super::days_kept(&definition), super::watched_days(&definition))
    };
    assert_eq!(kept(14, 14), (42, 28));
    assert_eq!(kept(90, 14), (90, 180));
    // The last look may come a week after its day.
    assert_eq!(kept(50, 100), (107, 107));
}
