//! What a check makes of a batch: the verdict, the request, the scores, and the state that goes with them.

use super::*;
use crate::artifact::{Format, Ref, Sha256Hex};
use crate::document;
use crate::event::Cause;
use crate::forecast::tests::{definition, simulated, start};
use crate::forecast::{Point, baseline};
use crate::monitor::{Diagnosis, Serving};
use crate::skill::DayScore;
use crate::skill::tests::{as_usual, worse};
use crate::time::Cadence;

const DAYS: i64 = 120;

fn artifact(kind: Kind, text: &str) -> Ref {
    Ref::of(kind, &"it.ci_direct".parse().unwrap(), Format::Json, text.as_bytes())
}

fn at(day: i64) -> Timestamp {
    start().plus(day * DAY)
}

fn batch(sequence: u64, origin: Timestamp) -> BatchId {
    BatchId { ordinal: sequence, sequence, snapshot: artifact(Kind::Snapshot, &sequence.to_string()), origin }
}

/// A series of a value a day, forecast for four days.
fn daily() -> (Definition, History) {
    (definition("1d", 96), simulated(Cadence::Day, DAYS as usize, 1))
}

fn checked(state: &State, history: &History, batch: &BatchId, forecasts: &[(Pending, Forecast)]) -> Checked {
    let definition = daily().0;
    let inputs =
        Inputs { definition: &definition, batch, rows: (1, 0), history, companions: &[], model: None, forecasts };
    check(state, &inputs, "cause").unwrap()
}

fn facts(checked: &Checked) -> Vec<Fact> {
    checked.state.outbox.as_ref().unwrap().events.iter().map(|event| event.fact.clone()).collect()
}

fn verdict_of(checked: &Checked) -> Verdict {
    let verdicts = facts(checked).into_iter().filter_map(|fact| match fact {
        Fact::DriftChecked(checked) => Some(checked.verdict),
        _ => None,
    });
    let [verdict] = <[Verdict; 1]>::try_from(verdicts.collect::<Vec<_>>()).unwrap();
    verdict
}

fn request_of(checked: &Checked) -> Option<Retraining> {
    facts(checked).into_iter().find_map(|fact| match fact {
        Fact::RetrainingRequested(request) => Some(request),
        _ => None,
    })
}

fn served(since: Timestamp) -> State {
    let serving = Serving {
        model: artifact(Kind::Model, "m"),
        since,
        after_forecast: false,
        number: 1,
        pinned: false,
        probation: None,
    };
    State { sequence: 1, origin: Some(at(DAYS - 1)), serving: Some(serving), ..State::default() }
}

#[test]
fn a_batch_waits_where_there_is_too_little_history_for_a_model() {
    let history = daily().1.before(at(59));
    let made = checked(&State::default(), &history, &batch(1, at(59)), &[]);
    let reason = "59 of the 60 days of history for a first model are there".to_owned();
    assert_eq!(verdict_of(&made), Verdict::Wait { reason });
    assert_eq!((request_of(&made), made.state.phase), (None, Phase::Forecast { sequence: 1 }));
}

#[test]
fn days_measured_before_a_hole_of_years_do_not_hasten_the_first_model() {
    // Three days, a hole of two years, and 60 days.
    let days = 3 + 730 + 60;
    let mut values = simulated(Cadence::Day, days, 2).values().to_vec();
    values[3..3 + 730].fill(f64::NAN);
    let whole = History::new(start(), Cadence::Day, values);
    let definition = daily().0;
    let read = i64::from(history_days(&definition, &State::default()));
    assert_eq!(read, 120);
    let made = |until: i64| {
        let known = whole.between(at(until - read), at(until));
        checked(&State::default(), &known, &batch(1, at(until)), &[])
    };
    let reason = "59 of the 60 days of history for a first model are there".to_owned();
    assert_eq!(verdict_of(&made(3 + 730 + 59)), Verdict::Wait { reason });
    assert!(request_of(&made(3 + 730 + 60)).is_some());
}

#[test]
fn a_check_reads_no_more_for_a_long_series_and_less_once_a_model_serves() {
    let mut definition = daily().0;
    // Sixty days for the relation to covariates, and the eight that it is checked on.
    assert_eq!(history_days(&definition, &served(at(100))), 68);
    definition.forecast.history_days = 365;
    assert_eq!(history_days(&definition, &State::default()), 730);
    assert_eq!(history_days(&definition, &served(at(100))), 68);
}

#[test]
fn a_batch_is_held_for_the_first_model_and_the_request_names_it() {
    let (held, history) = (batch(1, at(60)), daily().1.before(at(60)));
    let made = checked(&State::default(), &history, &held, &[]);
    let request = request_of(&made).unwrap();
    assert_eq!(
        (request.cause, &request.held, &request.snapshot),
        (Cause::FirstModel, &Some(held), &batch(1, at(60)).snapshot)
    );
    assert_eq!(verdict_of(&made), Verdict::Hold { retraining: request.id.clone() });
    assert_eq!(made.state.phase, Phase::Retraining { id: request.id, held: Some(1) });
    assert_eq!((made.state.asked, made.state.last_asked), (1, Some(at(60))));
}

#[test]
fn a_batch_that_shows_nothing_new_is_forecast_with_the_serving_model() {
    let made = checked(&served(at(100)), &daily().1, &batch(2, at(DAYS)), &[]);
    let model = artifact(Kind::Model, "m");
    assert_eq!(verdict_of(&made), Verdict::Proceed { model, degraded: None });
    assert_eq!((made.state.sequence, made.state.origin), (2, Some(at(DAYS))));
}

/// A model whose errors were as usual for a year.
fn watched_model() -> Model {
    let stored = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/model.v3.json")).unwrap();
    let past = as_usual(at(-400), 365);
    let yardstick = Some(Yardstick::learn(&past, &definition("1d", 96).drift).unwrap());
    Model { yardstick, reference: None, ..document::decode(&stored).unwrap() }
}

/// Scores of the days before one, half as large again as usual in the newest fortnight.
fn fallen(until: i64) -> Vec<DayScore> {
    worse(as_usual(at(until - 40), 40), at(until - 14), 1.5)
}

fn checked_with(state: &State, history: &History, batch: &BatchId, model: &Model) -> Checked {
    let definition = daily().0;
    let inputs = Inputs {
        definition: &definition,
        batch,
        rows: (1, 0),
        history,
        companions: &[],
        model: Some(model),
        forecasts: &[],
    };
    check(state, &inputs, "cause").unwrap()
}

#[test]
fn a_batch_is_held_when_the_skill_fell_and_the_model_to_beat_is_named() {
    let state = State { days: fallen(DAYS), ..served(at(40)) };
    let made = checked_with(&state, &daily().1, &batch(2, at(DAYS)), &watched_model());
    let request = request_of(&made).unwrap();
    assert_eq!((request.cause, request.incumbent), (Cause::SkillFell, Some(artifact(Kind::Model, "m"))));
}

#[test]
fn one_cause_asks_once_however_many_batches_show_it() {
    let state = State { days: fallen(DAYS - 1), ..served(at(40)) };
    let model = watched_model();
    let asked = checked_with(&state, &daily().1, &batch(2, at(DAYS - 1).plus(DAY)), &model);
    assert!(request_of(&asked).is_some());
    // The retraining ended without a new model, and the alarm is still raised by the next day's batch.
    let after = State { phase: Phase::Idle, failures: 1, ..asked.state };
    let longer = simulated(Cadence::Day, DAYS as usize + 1, 1);
    let made = checked_with(&after, &longer, &batch(3, at(DAYS + 1)), &model);
    assert_eq!(request_of(&made), None);
    let Verdict::Proceed { degraded: Some(why), .. } = verdict_of(&made) else { panic!("{:?}", verdict_of(&made)) };
    // The cooldown of 14 days is doubled by the failure, and a day of it has passed.
    assert!(why.ends_with("the next retraining may be asked for in 27 days"), "{why}");
}

#[test]
fn a_check_made_twice_gives_the_same_bytes() {
    let state = State { days: fallen(DAYS), ..served(at(40)) };
    let model = watched_model();
    let made = [(); 2].map(|()| checked_with(&state, &daily().1, &batch(2, at(DAYS)), &model));
    assert_eq!(made[0], made[1]);
    let digests = made.map(|m| m.artifacts.iter().map(|a| Sha256Hex::of(&a.bytes)).collect::<Vec<_>>());
    assert_eq!(digests[0], digests[1]);
}

/// A forecast of four days that is 5 above what came.
fn forecast(history: &History, origin: Timestamp) -> Forecast {
    let point = |day: i64| {
        let target = origin.plus(day * DAY);
        let value = history.at(target).unwrap() + 5.0;
        Point {
            target,
            value,
            lower_50: value,
            upper_50: value,
            lower_80: value,
            upper_80: value,
            lower_95: value,
            upper_95: value,
        }
    };
    Forecast { origin, cadence: Cadence::Day, points: (0..4).map(point).collect() }
}

#[test]
fn each_day_of_a_forecast_is_scored_once_when_its_last_hour_has_come() {
    let history = daily().1;
    let pending = Pending { origin: at(116), forecast: artifact(Kind::Forecast, "f"), days_scored: 0 };
    let made_at = forecast(&history, at(116));
    let state = State { forecasts: vec![pending.clone()], ..served(at(100)) };
    let known = history.before(at(118));
    let early = checked(&state, &known, &batch(2, at(118)), &[(pending, made_at.clone())]);
    let scored = |checked: &Checked| {
        facts(checked).into_iter().find_map(|fact| match fact {
            Fact::PerformanceScored(scored) => Some(scored.days),
            _ => None,
        })
    };
    assert_eq!(scored(&early), Some(2));
    // The first day is 5 off, beside the usual week at its level.
    let naive = baseline::usual_week(&history, at(116), 1).unwrap()[0];
    let expected = (5.0, (naive - history.at(at(116)).unwrap()).abs());
    let [day, second] = <[DayScore; 2]>::try_from(early.state.days.clone()).unwrap();
    assert_eq!((day.day, second.day), (1, 2));
    assert!((day.mae - expected.0).abs() < 1e-9 && (day.naive_mae - expected.1).abs() < 1e-9, "{day:?}");
    let watched = early.state.forecasts[0].clone();
    let later = checked(&early.state, &history, &batch(3, at(120)), &[(watched, made_at)]);
    assert_eq!(scored(&later), Some(2));
}

#[test]
fn a_forecast_whose_hours_came_late_is_still_scored() {
    // Nothing came for 28 days: twice the window of 14, the longest that a forecast is watched.
    let (definition, history) = daily();
    let pending = Pending { origin: at(92), forecast: artifact(Kind::Forecast, "f"), days_scored: 0 };
    let state = State { forecasts: vec![pending.clone()], ..served(at(90)) };
    let read = i64::from(history_days(&definition, &state));
    let newest = history.between(at(DAYS - read), at(DAYS));
    let made = checked(&state, &newest, &batch(2, at(DAYS)), &[(pending, forecast(&history, at(92)))]);
    assert_eq!(made.state.days.len(), 4);
}

#[test]
fn a_batch_that_cannot_be_checked_is_passed_and_says_why() {
    let series = "it.ci_direct".parse().unwrap();
    let made = pass_over(&served(at(100)), &series, &batch(2, at(DAYS)), "cause", "no snapshot").unwrap();
    assert_eq!(verdict_of(&made), Verdict::Wait { reason: "the batch could not be checked: no snapshot".into() });
    assert_eq!((made.state.sequence, made.state.phase), (2, Phase::Forecast { sequence: 2 }));
}

#[test]
fn revised_hours_are_scored_anew_and_told_apart_from_new_ones() {
    let history = daily().1;
    let pending = Pending { origin: at(110), forecast: artifact(Kind::Forecast, "f"), days_scored: 0 };
    let made_at = forecast(&history, at(110));
    let state = State { forecasts: vec![pending.clone()], ..served(at(100)) };
    let first = checked(&state, &history, &batch(2, at(DAYS)), &[(pending, made_at.clone())]);
    assert_eq!(first.state.days.len(), 4);
    // The second day was 3 lower than first said: the forecast lies 8 above it.
    let mut values = history.values().to_vec();
    values[111] -= 3.0;
    let revised = History::new(start(), Cadence::Day, values);
    let watched = first.state.forecasts[0].clone();
    let second = checked(&first.state, &revised, &batch(3, at(DAYS)), &[(watched, made_at)]);
    let scores = second.artifacts.iter().find(|artifact| artifact.name.kind == Kind::Score).unwrap();
    let scores: Scores = document::decode(&scores.bytes).unwrap();
    let days: Vec<(u32, f64)> = scores.revised.iter().map(|(_, score)| (score.day, score.mae)).collect();
    assert!(scores.days.is_empty() && days.len() == 1 && days[0].0 == 2 && (days[0].1 - 8.0).abs() < 1e-9, "{days:?}");
    assert!((second.state.days[1].mae - 8.0).abs() < 1e-9);
    assert_eq!(request_of(&second), None);
}

#[test]
fn a_back_fill_raises_no_alarm_and_asks_for_nothing_until_newer_hours_come() {
    let state = State { days: fallen(DAYS), origin: Some(at(DAYS)), ..served(at(40)) };
    let made = checked_with(&state, &daily().1, &batch(2, at(DAYS)), &watched_model());
    let report: Report = document::decode(&made.artifacts[0].bytes).unwrap();
    assert_eq!((report.skill.answer, request_of(&made)), (Answer::Stable, None));
    assert!(report.skill.reason.ends_with("a back-fill raises no alarm by itself"), "{}", report.skill.reason);
    let longer = simulated(Cadence::Day, DAYS as usize + 1, 1);
    let after = State { phase: Phase::Idle, ..made.state };
    let newer = checked_with(&after, &longer, &batch(3, at(DAYS + 1)), &watched_model());
    assert_eq!(request_of(&newer).unwrap().cause, Cause::SkillFell);
}

#[test]
fn an_alarm_that_was_raised_is_not_taken_back_by_a_back_fill() {
    let raised = State { days: fallen(DAYS), alarmed: true, origin: Some(at(DAYS)), ..served(at(40)) };
    let made = checked_with(&raised, &daily().1, &batch(2, at(DAYS)), &watched_model());
    let report: Report = document::decode(&made.artifacts[0].bytes).unwrap();
    assert_eq!((report.skill.answer, request_of(&made)), (Answer::Drifted, None));
    assert!(made.state.alarmed);
}

#[test]
fn refused_rows_keep_an_alarm_from_training_on_them() {
    let (definition, history) = daily();
    let (state, model) = (State { days: fallen(DAYS), ..served(at(40)) }, watched_model());
    let of = |rows| {
        let batch = batch(2, at(DAYS));
        let (definition, history, model) = (&definition, &history, Some(&model));
        let inputs = Inputs { definition, batch: &batch, rows, history, companions: &[], model, forecasts: &[] };
        check(&state, &inputs, "cause").unwrap()
    };
    assert!(request_of(&of((20, 2))).is_some());
    let broken = of((20, 4));
    assert_eq!(request_of(&broken), None);
    let report: Report = document::decode(&broken.artifacts[0].bytes).unwrap();
    assert_eq!(report.diagnosis, Some(Diagnosis::DataBroken));
}

#[test]
fn values_that_stand_still_row_by_row_are_broken_data_once_they_have_for_long_enough() {
    let (definition, history) = daily();
    let of = |days: usize| {
        let mut values = history.values().to_vec();
        let from = values.len() - days;
        values[from..].fill(250.0);
        let history = History::new(history.start(), Cadence::Day, values);
        let batch = batch(2, at(DAYS));
        let (definition, history) = (&definition, &history);
        let inputs =
            Inputs { definition, batch: &batch, rows: (1, 0), history, companions: &[], model: None, forecasts: &[] };
        diagnosis::broken(&inputs, None)
    };
    // Six steps, however long one is.
    assert_eq!(of(5), None);
    let since = at(DAYS - 6);
    assert_eq!(of(6), Some(format!("the newest 6 values are all 250, since {since}, as from a stuck meter")));
}

#[test]
fn a_level_that_moved_alone_is_broken_data_and_its_words_say_what_to_do() {
    let (definition, history) = daily();
    let batch = batch(2, at(DAYS));
    let inputs = Inputs {
        definition: &definition,
        batch: &batch,
        rows: (1, 0),
        history: &history,
        companions: &[],
        model: None,
        forecasts: &[],
    };
    let finding = |answer| Finding { answer, ..relation::insufficient("a fifth above".to_owned()) };
    let told = diagnosis::broken(&inputs, Some(&finding(Answer::Drifted))).unwrap();
    assert_eq!(told, "a fifth above: see whether the feed is right, then ask with `aria retrain`");
    assert_eq!(diagnosis::broken(&inputs, Some(&finding(Answer::Stable))), None);
}

#[test]
fn a_diagnosis_is_the_worst_of_what_is_sure() {
    let skill = |answer, world| Skill { answer, world, ..Skill::unknown(String::new()) };
    let moved = [Finding { answer: Answer::Drifted, ..relation::insufficient(String::new()) }];
    let why = || Some("why".to_owned());
    let worse = Basis { skill_alarm: why(), ..Basis::default() };
    let broken = Basis { broken: why(), ..worse.clone() };
    let quiet = Basis::default();
    let (stable, harder) = (skill(Answer::Stable, Some(1.0)), skill(Answer::Stable, Some(1.3)));
    assert_eq!(diagnosis(&broken, &moved, &harder), Diagnosis::DataBroken);
    assert_eq!(diagnosis(&worse, &moved, &harder), Diagnosis::ModelWorse);
    assert_eq!(diagnosis(&quiet, &moved, &harder), Diagnosis::WorldHarder);
    assert_eq!(diagnosis(&quiet, &moved, &stable), Diagnosis::InputChanged);
    assert_eq!(diagnosis(&quiet, &[], &stable), Diagnosis::Steady);
    assert_eq!(diagnosis(&quiet, &[], &skill(Answer::InsufficientData, None)), Diagnosis::InsufficientData);
}

/// A share of fossil power by day, and values of seven a percent give or take a few.
fn related(days: usize) -> (History, Vec<Companion>) {
    let share = simulated(Cadence::Day, days, 3).values().iter().map(|v| v / 10.0).collect::<Vec<f64>>();
    let little = |day: usize| 1.0 + 0.01 * (day * 379 % 101) as f64 / 101.0;
    let values = share.iter().enumerate().map(|(day, share)| 7.0 * share * little(day)).collect();
    let of = |values: Vec<f64>| History::new(start(), Cadence::Day, values);
    (of(values), vec![Companion { name: "fossil_pct".to_owned(), history: of(share) }])
}

#[test]
fn a_level_that_moved_stays_told_through_a_back_fill_and_one_that_a_back_fill_moved_raises_no_alarm() {
    let definition = daily().0;
    let (past, beside) = related(200);
    let model =
        Model { relation: Some(relation::Relation::learn(&past, &beside, &definition).unwrap()), ..watched_model() };
    let (whole, companions) = related(203);
    let mut moved = whole.values().to_vec();
    moved[202..].iter_mut().for_each(|value| *value *= 1.3);
    let moved = History::new(start(), Cadence::Day, moved);
    let made = |state: &State| {
        let batch = batch(state.sequence + 1, at(203));
        let (definition, history, companions) = (&definition, &moved, &companions[..]);
        let model = Some(&model);
        let inputs = Inputs { definition, batch: &batch, rows: (1, 0), history, companions, model, forecasts: &[] };
        let made = check(state, &inputs, "cause").unwrap();
        let report: Report = document::decode(&made.artifacts[0].bytes).unwrap();
        (made.state, report.diagnosis == Some(Diagnosis::DataBroken))
    };
    let before = State { origin: Some(at(202)), ..served(at(40)) };
    let (told, is_broken) = made(&before);
    assert!(is_broken && told.level_moved);
    // A batch without newer hours takes nothing back, and begins nothing.
    let (again, is_broken) = made(&told);
    assert!(is_broken && again.level_moved);
    let (quiet, is_broken) = made(&State { origin: Some(at(203)), ..before });
    assert!(!is_broken && !quiet.level_moved);
}

#[test]
fn attempts_at_a_first_model_take_nothing_from_the_years_budget() {
    let history = daily().1.before(at(60));
    let asked = checked(&State::default(), &history, &batch(1, at(60)), &[]);
    assert!(request_of(&asked).is_some() && asked.state.asked_at.is_empty());
    let (state, model) = (State { days: fallen(DAYS), ..served(at(40)) }, watched_model());
    let asked = checked_with(&state, &daily().1, &batch(2, at(DAYS)), &model);
    assert!(request_of(&asked).is_some() && asked.state.asked_at == [at(DAYS)]);
}

#[test]
fn hours_that_have_come_have_no_estimate_any_more() {
    let forecast = forecast(&daily().1, at(100));
    let days = |now| Expected::of(&forecast, now).iter().map(|expected| expected.day).collect::<Vec<_>>();
    assert_eq!(days(at(100)), [1, 2, 3, 4]);
    assert_eq!(days(at(101)), [2, 3, 4]);
    assert!(days(at(104)).is_empty());
}

#[test]
fn an_estimate_is_the_mean_of_what_lies_between_the_intervals() {
    // Half widths of 2, 4 and 6: half of the errors lie around 1, three in ten around 3, fifteen in a hundred around 5,
    // and the last twentieth as far beyond 6 as 6 is beyond the middle before it: 0.5 + 0.9 + 0.75 + 0.05 * 7.
    let mut forecast = forecast(&daily().1, at(100));
    for point in &mut forecast.points {
        let [of_50, of_80, of_95] = [2.0, 4.0, 6.0];
        (point.lower_50, point.upper_50) = (point.value - of_50, point.value + of_50);
        (point.lower_80, point.upper_80) = (point.value - of_80, point.value + of_80);
        (point.lower_95, point.upper_95) = (point.value - of_95, point.value + of_95);
    }
    assert!((Expected::of(&forecast, at(100))[0].mae - 2.5).abs() < 1e-9);
}
