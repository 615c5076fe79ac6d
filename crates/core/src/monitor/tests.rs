//! What the monitor makes of events, in whatever order they are delivered.

use super::*;
use crate::artifact::{Format, Kind};
use crate::event::{ForecastIssued, ModelRejected};

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
    event(Fact::ModelRejected(ModelRejected { retraining: retraining(held), model, evaluation: None, reason }))
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
    assert!(matches!(state.turn_of(&batch(5)), Turn::NotYet(_)));
}

#[test]
fn no_batch_is_checked_while_a_retraining_is_in_flight() {
    assert!(matches!(retraining_phase(Some(3)).turn_of(&batch(4)), Turn::NotYet(_)));
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

#[test]
fn one_forecast_a_day_is_watched() {
    let state = State { sequence: 1, phase: Phase::Forecast { sequence: 1 }, ..State::default() };
    let once = next(&state, &issued(1));
    assert_eq!(once.forecasts.len(), 1);
    let again = State { phase: Phase::Forecast { sequence: 1 }, ..once };
    assert_eq!(next(&again, &issued(1)).forecasts.len(), 1);
}
