//! When a look is due, what it says of forecasts that are given, and what the monitor waits for.

use super::*;
use crate::artifact::{Format, Kind};
use crate::event::BatchId;
use crate::forecast::tests::definition;
use crate::monitor::Pending;
use crate::skill::DayScore;
use crate::time::Cadence;

fn begin() -> Timestamp {
    "2023-05-01".parse().unwrap()
}

fn day(days: i64) -> Timestamp {
    begin().plus(days * DAY)
}

fn named(kind: Kind, text: &str) -> Ref {
    Ref::of(kind, &"it.ci_direct".parse().unwrap(), Format::Json, text.as_bytes())
}

fn forecast(origin: i64, errors: &[f64]) -> Forecast {
    let point = |(step, error): (i64, &f64)| {
        let value = 100.0 + error;
        let target = day(origin + step);
        let (lower_50, upper_50, lower_80, upper_80) = (value, value, value, value);
        Point { target, value, lower_50, upper_50, lower_80, upper_80, lower_95: value, upper_95: value }
    };
    Forecast { origin: day(origin), cadence: Cadence::Day, points: (0..).zip(errors).map(point).collect() }
}

/// Daily forecasts of one day, whose errors of both models are given, and what came to pass.
fn judged(place: u32, errors: impl Fn(i64) -> [f64; 2], days: i64) -> Outcome {
    let pair = |origin: i64| errors(origin).map(|error| forecast(origin, &[error]));
    let pairs: Vec<(Forecast, Forecast)> = (0..days).map(pair).map(|[serving, before]| (serving, before)).collect();
    judge(place, &pairs, &History::new(begin(), Cadence::Day, vec![100.0; days as usize]), "g")
}

#[test]
fn a_model_that_the_one_before_would_have_beaten_goes_back_with_the_numbers() {
    let outcome = judged(2, |day| [10.0 + (day % 3) as f64, 6.0 + (day % 2) as f64], 14);
    let Outcome::GoesBack { reason } = outcome else { panic!("{outcome:?}") };
    // Of 0, 1, 2 in turn over 14 days the mean is 13/14; of 0 and 1 it is a half.
    assert!(reason.starts_with("look 2 over 14 days from 2023-05-01T00:00:00Z to 2023-05-15T00:00:00Z"), "{reason}");
    assert!(
        reason.contains("on first days it was off by 10.93 g and the model before by 6.50 (-40.5 %, p = "),
        "{reason}"
    );
}

#[test]
fn a_difference_below_five_per_cent_is_no_reason_however_sure_it_is() {
    let outcome = judged(2, |day| [10.0, 9.6 + 0.01 * (day % 2) as f64], 14);
    assert!(matches!(&outcome, Outcome::Stays { reason } if reason.contains("p = 0.0000")), "{outcome:?}");
}

#[test]
fn a_difference_that_may_be_chance_is_no_reason_however_large_it_is() {
    let outcome = judged(2, |day| [10.0, if day % 4 == 0 { 18.0 } else { 4.0 }], 14);
    assert!(matches!(outcome, Outcome::Stays { .. }), "{outcome:?}");
}

#[test]
fn a_better_model_stays() {
    let outcome = judged(1, |day| [6.0 + (day % 2) as f64, 10.0 + (day % 3) as f64], 8);
    assert!(matches!(outcome, Outcome::Stays { .. }), "{outcome:?}");
}

#[test]
fn the_first_look_takes_more_to_be_sure_than_the_last() {
    // The same eight days: the one-sided chance lies between 0.005 and 0.02.
    let errors = |day: i64| [10.0, 8.1 + [0.0, 3.0, -2.0, 1.0, -3.0, 2.5, -1.0, 0.5][day as usize]];
    let p = {
        let serving = [10.0; 8];
        let before: Vec<f64> = (0..8).map(|day| errors(day)[1]).collect();
        accuracy::compare(&serving, &before, accuracy::usual_lags(8), CONFIDENCE).unwrap().p_better
    };
    assert!((0.005..0.02).contains(&p), "{p}");
    assert!(matches!(judged(1, errors, 8), Outcome::Stays { .. }));
    assert!(matches!(judged(2, errors, 8), Outcome::GoesBack { .. }));
}

#[test]
fn a_model_that_is_better_over_the_whole_horizon_stays_though_its_first_days_are_worse() {
    let pair = |origin: i64| {
        let (serving, before) = ([10.0 + (origin % 3) as f64, 1.0], [6.0 + (origin % 2) as f64, 20.0]);
        (forecast(origin, &serving), forecast(origin, &before))
    };
    let pairs: Vec<_> = (0..14).map(pair).collect();
    let outcome = judge(2, &pairs, &History::new(begin(), Cadence::Day, vec![100.0; 15]), "g");
    assert!(matches!(outcome, Outcome::Stays { .. }), "{outcome:?}");
}

#[test]
fn too_few_days_say_nothing() {
    let outcome = judged(1, |day| [10.0 + (day % 3) as f64, 1.0], 7);
    let reason = "not told on probation: 7 origins are too few; there have to be at least 8".into();
    assert_eq!(outcome, Outcome::Stays { reason });
}

#[test]
fn hours_that_have_not_come_do_not_count() {
    // The second day of the last forecast is still to come; both were far off there.
    let pair = |origin: i64| {
        let beyond = if origin == 9 { 1e6 } else { 5.0 };
        (forecast(origin, &[10.0 + (origin % 3) as f64, beyond]), forecast(origin, &[6.0 + (origin % 2) as f64, 5.0]))
    };
    let pairs: Vec<_> = (0..10).map(pair).collect();
    let outcome = judge(2, &pairs, &History::new(begin(), Cadence::Day, vec![100.0; 10]), "g");
    let (Outcome::Stays { reason } | Outcome::GoesBack { reason }) = outcome;
    // Nine origins have first days of 10, 11 and 12 in turn beside a second of 5: 7.5, 8 and 8.5; the last one has 10.
    assert!(reason.contains("on all hours by 8.20 and"), "{reason}");
}

fn serving(probation: Option<Probation>, pinned: bool) -> Serving {
    Serving { model: named(Kind::Model, "b"), since: begin(), after_forecast: false, number: 2, pinned, probation }
}

/// A monitor with a forecast a day since the takeover, whose first days are scored.
fn state(days: i64, probation: Option<Probation>) -> State {
    let score = |origin: i64| DayScore {
        origin: day(origin),
        day: 1,
        mae: 1.0,
        naive_mae: 1.0,
        bias: 0.0,
        steps: 1,
        change: None,
        coverage_80: None,
        naive: Vec::new(),
    };
    let watched = |origin: i64| Pending {
        origin: day(origin),
        forecast: named(Kind::Forecast, &origin.to_string()),
        days_scored: 1,
    };
    State {
        serving: Some(serving(probation, false)),
        forecasts: (-3..days).map(watched).collect(),
        days: (-3..days).map(score).collect(),
        ..State::default()
    }
}

fn looked(looks: u32) -> Option<Probation> {
    Some(Probation { failures: 0, looks, asked: Some(3) })
}

#[test]
fn two_looks_are_due_one_when_enough_days_can_be_compared_and_one_at_the_end() {
    let definition = definition("1d", 24);
    let place = |days, probation| due(&state(days, probation), &definition, day(days)).map(|look| look.place);
    assert_eq!(place(7, looked(0)), None);
    assert_eq!(place(8, looked(0)), Some(1));
    assert_eq!(place(13, looked(1)), None);
    assert_eq!(place(14, looked(1)), Some(2));
    assert_eq!(place(14, looked(2)), None);
    // Scores that came late, and much too late.
    assert_eq!(place(21, looked(1)), Some(2));
    assert_eq!(place(22, looked(1)), None);
}

#[test]
fn the_first_look_of_a_long_probation_waits_for_its_middle_and_the_last_sees_all_of_it() {
    let mut definition = definition("1d", 24);
    definition.drift.window_days = 30;
    definition.policy.probation_days = 60;
    assert_eq!(due(&state(29, looked(0)), &definition, day(29)), None);
    assert_eq!(due(&state(30, looked(0)), &definition, day(30)).map(|look| look.place), Some(1));
    assert_eq!(due(&state(60, looked(1)), &definition, day(60)).map(|look| look.forecasts.len()), Some(60));
}

#[test]
fn a_look_is_at_the_forecasts_since_the_takeover() {
    let look = due(&state(8, looked(0)), &definition("1d", 24), day(8)).unwrap();
    let wanted: Vec<Ref> = (0..8).map(|origin: i64| named(Kind::Forecast, &origin.to_string())).collect();
    assert_eq!((look.number, look.forecasts), (2, wanted));
}

#[test]
fn nobody_looks_where_a_person_decided_or_the_definition_gives_no_days() {
    let mut definition = definition("1d", 24);
    assert_eq!(due(&state(8, None), &definition, day(8)), None);
    let pinned = State { serving: Some(serving(looked(0), true)), ..state(8, None) };
    assert_eq!(due(&pinned, &definition, day(8)), None);
    definition.policy.probation_days = 0;
    assert_eq!(due(&state(8, looked(0)), &definition, day(8)), None);
}

#[test]
fn the_next_batch_waits_until_the_look_was_taken_and_its_news_have_come() {
    let batch = BatchId { ordinal: 3, sequence: 3, snapshot: named(Kind::Snapshot, "s"), origin: day(8) };
    let registry = Registry { move_count: 2, ..Registry::default() };
    assert_eq!(awaited(&serving(None, false), &registry), None);
    assert_eq!(awaited(&serving(Some(Probation::default()), false), &registry), None);
    let asked = serving(looked(1), false);
    assert_eq!(awaited(&asked, &registry), Some("the look at the model on probation"));
    let stays = Outcome::Stays { reason: "as good".into() };
    let after = registry.after_look(&"it.ci_direct".parse().unwrap(), &batch, "scores", &stays);
    assert_eq!((awaited(&asked, &after), &after.outbox), (None, &None));
    let moved = Registry { move_count: 3, ..after };
    assert_eq!(awaited(&asked, &moved), Some("the news of the newest change of the serving model"));
}
