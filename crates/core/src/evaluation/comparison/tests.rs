//! Comparisons of errors that are given, with answers worked by hand, and what a verdict makes of them.

use super::super::verdict::{Verdict, verdict};
use super::*;
use crate::forecast::tests::definition;
use crate::time::{DAY, Timestamp};

/// A contest of daily values from a Monday on, with the errors of challenger and champion by origin and day.
fn contest(origins: usize, days: usize, errors: impl Fn(usize, usize) -> [f64; 2]) -> (Definition, Predictions) {
    let begin: Timestamp = "2023-05-15".parse().unwrap();
    let row = |origin: usize, step: usize| Row {
        origin: begin.plus(origin as i64 * DAY),
        step,
        target: begin.plus((origin + step) as i64 * DAY),
        actual: 100.0,
        forecasts: errors(origin, step).map(|error| 100.0 + error).to_vec(),
    };
    let rows = (0..origins).flat_map(|origin| (0..days).map(move |step| row(origin, step))).collect();
    (definition("1d", 24 * days as u32), Predictions { names: vec![CHALLENGER, CHAMPION], rows })
}

fn test_of(all: &[Compared], slice: Slice) -> (Comparison, f64) {
    let part = all.iter().find(|part| part.slice == slice).unwrap();
    let Told::Test { test, p_worse } = &part.told else { panic!("{part:?}") };
    (*test, *p_worse)
}

fn judged(definition: &Definition, predictions: &Predictions) -> Verdict {
    let contenders = predictions.contenders(definition.cadence);
    verdict(&contenders, &compare(definition, predictions), "g")
}

#[test]
fn ten_days_are_compared_as_worked_by_hand() {
    // Champion 5, challenger 4 and 2 in turn: the gain is 2, its variance 1, its corrected standard error 1/3.
    let (definition, predictions) = contest(10, 1, |origin, _| [if origin % 2 == 0 { 4.0 } else { 2.0 }, 5.0]);
    let all = compare(&definition, &predictions);
    let (test, p_worse) = test_of(&all, Slice::All);
    assert!((test.gain - 2.0).abs() < 1e-9 && (test.statistic - 6.0).abs() < 1e-9, "{test:?}");
    assert!((p_worse - (1.0 - test.p_better)).abs() < 1e-12);
    assert_eq!((all[0].challenger, all[0].champion), (Some(3.0), Some(5.0)));
    assert_eq!(judged(&definition, &predictions), Verdict::Promote);
}

#[test]
fn errors_depend_on_each_other_as_far_as_origins_share_days() {
    let (definition, predictions) = contest(30, 4, |origin, step| [3.0 + ((origin + step) % 5) as f64, 6.0]);
    let all = compare(&definition, &predictions);
    assert_eq!([Slice::All, Slice::Day(1), Slice::Day(4)].map(|slice| test_of(&all, slice).0.lags), [3, 3, 3]);
    // Thirty origins are seven and a half stretches of four: six and a half degrees of freedom, not 29.
    let (test, p_worse) = test_of(&all, Slice::All);
    assert!((p_worse - tail::student(-test.statistic, 6.5)).abs() < 1e-12);
}

#[test]
fn a_part_with_too_few_origins_tells_nothing_and_says_why() {
    // Of the ten days from Monday 15 May on two lie on a weekend.
    let (definition, predictions) = contest(10, 1, |origin, _| [(origin % 3) as f64, 2.0]);
    let all = compare(&definition, &predictions);
    let off = all.iter().find(|part| part.slice == Slice::DaysOff).unwrap();
    assert_eq!(off.origins, 2);
    assert_eq!(off.told, Told::NotTold { reason: "2 origins are too few; there have to be at least 8".into() });
    assert!(all.iter().all(|part| part.slice != Slice::Season(Season::JunAug)));
}

#[test]
fn a_season_is_that_of_the_hours_and_not_of_the_origins() {
    let (definition, predictions) = contest(30, 1, |origin, _| [(origin % 3) as f64, 2.0]);
    let origins = |season| {
        let all = compare(&definition, &predictions);
        all.iter().find(|part| part.slice == Slice::Season(season)).map(|part| part.origins)
    };
    // 15 to 31 May are seventeen days.
    assert_eq!((origins(Season::MarMay), origins(Season::JunAug)), (Some(17), Some(13)));
}

/// Better on the whole, but worse on the second day of the horizon by `factor`.
fn worse_on_day_two(factor: f64) -> (Definition, Predictions) {
    contest(40, 2, move |origin, step| {
        let noise = 0.2 * ((origin * 7 + step * 3) % 5) as f64;
        let challenger = if step == 0 { 2.0 } else { 10.0 * factor };
        [challenger + noise, 10.0 + 0.1 * ((origin * 3) % 7) as f64]
    })
}

#[test]
fn a_challenger_that_is_better_on_the_whole_and_clearly_worse_on_a_day_is_rejected_with_the_numbers() {
    let (definition, predictions) = worse_on_day_two(1.3);
    let Verdict::Reject { reason } = judged(&definition, &predictions) else { panic!("promoted") };
    assert!(reason.contains("beats champion with"), "{reason}");
    assert!(reason.contains("but it is worse on day 2: 13.40 against 10.3"), "{reason}");
    assert!(reason.contains("% more (p = 0.0000)"), "{reason}");
}

#[test]
fn what_is_worse_by_less_than_matters_is_no_reason() {
    let (definition, predictions) = worse_on_day_two(1.04);
    let all = compare(&definition, &predictions);
    assert!(test_of(&all, Slice::Day(2)).1 < LEVEL);
    assert_eq!(judged(&definition, &predictions), Verdict::Promote);
}

#[test]
fn what_is_worse_where_nobody_is_far_off_is_no_reason() {
    // On the first day 0.3 instead of 0.1 beside 10 on the second.
    let (definition, predictions) = contest(40, 2, |origin, step| {
        let noise = 0.01 * ((origin * 7) % 5) as f64;
        if step == 0 { [0.3 + noise, 0.1] } else { [8.0 + noise, 10.0] }
    });
    let (test, p_worse) = test_of(&compare(&definition, &predictions), Slice::Day(1));
    assert!(p_worse < LEVEL && test.relative_gain < -1.0);
    assert_eq!(judged(&definition, &predictions), Verdict::Promote);
}

#[test]
fn parts_are_made_up_for_how_many_there_are_and_all_hours_are_not() {
    let (definition, predictions) =
        contest(40, 2, |origin, step| [5.0 + ((origin * 7 + step) % 5) as f64, 5.0 + ((origin * 3) % 7) as f64]);
    let all = compare(&definition, &predictions);
    let (whole, p_worse) = test_of(&all, Slice::All);
    assert!((p_worse - chance_if_no_worse(&whole)).abs() < 1e-12);
    let tested: Vec<&Told> = all.iter().skip(1).map(|part| &part.told).collect();
    let raw = |told: &&Told| match told {
        Told::Test { test, .. } => Some(chance_if_no_worse(test)),
        Told::NotTold { .. } => None,
    };
    let made_up = |told: &&Told| match told {
        Told::Test { p_worse, .. } => Some(*p_worse),
        Told::NotTold { .. } => None,
    };
    let expected = discovery::adjusted(&tested.iter().filter_map(raw).collect::<Vec<_>>());
    assert_eq!(tested.iter().filter_map(made_up).collect::<Vec<_>>(), expected);
}
