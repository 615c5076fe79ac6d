//! When a model counts as worse, and when only the world is harder.

use super::*;
use crate::time::{Cadence, HOUR};

fn day(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Even numbers between -1 and 1 that follow each other without a pattern.
fn noise(place: i64) -> f64 {
    let mixed = (place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let mixed = mixed ^ (mixed >> 31);
    (mixed >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// Scores of daily forecasts of four days: days are hard or easy for all, and the model's errors are 0.6 to 0.9 of the
/// naive ones, give or take three tenths.
pub(crate) fn as_usual(from: Timestamp, days: i64) -> Vec<DayScore> {
    let score = |(at, day): (i64, u32)| {
        let origin = from.plus(at * DAY);
        let place = origin.seconds() / DAY;
        let hardness = (0.5 * noise(7 * (place + i64::from(day)))).exp();
        let naive = |which: i64| {
            let own = (0.2 * noise(31 * place + which + i64::from(day))).exp();
            Errors { mae: 10.0 * hardness * own, change: Some(2.0 * hardness.sqrt() * own) }
        };
        let error = (0.5 + 0.1 * f64::from(day)) * (0.3 * noise(101 * place + i64::from(day))).exp();
        DayScore {
            origin,
            day,
            mae: 10.0 * hardness * error,
            naive_mae: naive(2).mae,
            bias: 0.0,
            steps: 24,
            change: Some(hardness.sqrt() * (0.1 * noise(57 * place + i64::from(day))).exp()),
            coverage_80: Some(0.8),
            naive: (0..3).map(naive).collect(),
        }
    };
    (0..days).flat_map(|at| (1..=4).map(move |day| (at, day))).map(score).collect()
}

/// The same with the model's errors multiplied in forecasts from a time on.
pub(crate) fn worse(mut scores: Vec<DayScore>, from: Timestamp, factor: f64) -> Vec<DayScore> {
    for score in scores.iter_mut().filter(|score| score.origin >= from) {
        score.mae *= factor;
        score.change = score.change.map(|change| change * factor);
    }
    scores
}

/// The same on days that are harder for every forecast.
fn harder(mut scores: Vec<DayScore>, from: Timestamp, factor: f64) -> Vec<DayScore> {
    for score in scores.iter_mut().filter(|score| score.origin >= from) {
        score.naive_mae *= factor;
        for errors in &mut score.naive {
            errors.mae *= factor;
            errors.change = errors.change.map(|change| change * factor);
        }
    }
    worse(scores, from, factor)
}

fn learnt() -> Yardstick {
    Yardstick::learn(&as_usual(day("2021-01-01"), 365), &Drift::default()).unwrap()
}

fn judged(scores: &[DayScore], now: &str) -> Skill {
    judge(scores, Ok(&learnt()), |_| true, day(now), &Drift::default())
}

#[test]
fn a_model_that_is_as_ever_raises_no_alarm_in_a_year() {
    let scores = as_usual(day("2022-01-01"), 365);
    let refs: Vec<&DayScore> = scores.iter().collect();
    let yardstick = learnt();
    let raised = (1..=365).filter(|days| {
        let known: Vec<&DayScore> = refs[..4 * days].to_vec();
        yardstick.run(&known).is_some_and(|run| run.is_alarm(yardstick.bound()))
    });
    assert_eq!(raised.count(), 0);
}

#[test]
fn a_model_half_as_wrong_again_is_seen_within_a_week_and_the_report_says_by_how_much() {
    let scores = worse(as_usual(day("2022-01-01"), 67), day("2022-03-02"), 1.5);
    let skill = judged(&scores, "2022-03-09");
    assert_eq!(skill.answer, Answer::Drifted, "{}", skill.reason);
    assert!(skill.excess.is_some_and(|excess| (0.2..0.7).contains(&excess)), "{}", skill.reason);
    assert!(
        skill.since.is_some_and(|since| (day("2022-02-25")..day("2022-03-05")).contains(&since)),
        "{}",
        skill.reason
    );
}

#[test]
fn a_harder_world_is_not_a_worse_model() {
    let scores = harder(as_usual(day("2022-01-01"), 80), day("2022-03-02"), 1.5);
    let skill = judged(&scores, "2022-03-22");
    assert_eq!(skill.answer, Answer::Stable, "{}", skill.reason);
    assert!(skill.is_harder(), "{skill:?}");
    assert!(!judged(&as_usual(day("2022-01-01"), 80), "2022-03-22").is_harder());
}

#[test]
fn a_new_model_is_not_blamed_for_the_old_one() {
    let scores = worse(as_usual(day("2022-01-01"), 67), day("2022-02-01"), 2.0);
    let now = day("2022-03-09");
    let of = |since| judge(&scores, Ok(&learnt()), |score| score.origin >= since, now, &Drift::default());
    assert_eq!(of(day("2022-01-01")).answer, Answer::Drifted);
    // It took over this morning, and none of its forecasts has met its hours.
    assert_eq!(of(now).answer, Answer::InsufficientData);
}

#[test]
fn a_difference_too_small_to_matter_is_no_alarm_however_long_it_lasts() {
    let scores = worse(as_usual(day("2022-01-01"), 360), day("2022-01-01"), 1.1);
    let skill = judged(&scores, "2022-12-27");
    assert_eq!(skill.answer, Answer::Stable, "{}", skill.reason);
    assert!(skill.is_falling(), "{}", skill.reason);
}

#[test]
fn errors_that_never_vary_are_no_yardstick_and_not_too_few() {
    let mut scores = as_usual(day("2021-01-01"), 365);
    for score in &mut scores {
        score.mae = 0.0;
    }
    let refused = Yardstick::learn(&scores, &Drift::default()).unwrap_err();
    assert_eq!(refused, NoYardstick::Even { days: 365 });
}

#[test]
fn half_a_year_is_needed_and_the_days_are_told() {
    let of = |days| Yardstick::learn(&as_usual(day("2021-01-01"), days), &Drift::default());
    assert_eq!(of(181).unwrap_err(), NoYardstick::TooShort { days: 181 });
    assert!(of(182).is_ok());
    let skill = judge(&[], Err("too short a past"), |_| true, day("2022-02-01"), &Drift::default());
    assert_eq!((skill.answer, skill.reason.as_str()), (Answer::InsufficientData, "too short a past"));
}

#[test]
fn the_days_on_which_it_would_have_alarmed_are_told() {
    // A month of the past in which the model was three times as wrong cannot be called usual.
    let past = worse(as_usual(day("2021-01-01"), 330), day("2021-11-15"), 3.0);
    let yardstick = Yardstick::learn(&past, &Drift { alarms_a_year: 100.0, ..Drift::default() }).unwrap();
    let [alarm] = <[Timestamp; 1]>::try_from(yardstick.would_have_alarmed().to_vec()).unwrap();
    assert!((day("2021-11-15")..day("2021-11-27")).contains(&alarm), "{alarm}");
    assert!(learnt().would_have_alarmed().is_empty());
}

#[test]
fn a_larger_budget_never_raises_the_threshold() {
    let of = |alarms_a_year| {
        let drift = Drift { alarms_a_year, ..Drift::default() };
        Yardstick::learn(&as_usual(day("2021-01-01"), 365), &drift).unwrap().threshold()
    };
    let thresholds = [0.5, 1.0, 4.0, 12.0, 52.0].map(of);
    assert!(thresholds.is_sorted_by(|a, b| a >= b), "{thresholds:?}");
    assert!(thresholds[4] < thresholds[0]);
}

#[test]
fn the_same_past_gives_the_same_yardstick() {
    assert_eq!(learnt(), learnt());
}

#[test]
fn a_day_is_scored_with_its_changes_coverage_and_every_naive_forecast() {
    let start = day("2022-01-01");
    let values: Vec<f64> =
        (0..40 * 24).map(|hour| 100.0 + f64::from(hour % 24) + 10.0 * f64::from(hour / 24)).collect();
    let history = History::new(start, Cadence::Hour, values);
    let origin = start.plus(36 * DAY);
    // 2 above in even hours, 2 below in odd ones; intervals of 3 to both sides but in the first six hours of 1.
    let point = |hour: i64| {
        let target = origin.plus(hour * HOUR);
        let value = history.at(target).unwrap() + if hour % 2 == 0 { 2.0 } else { -2.0 };
        let half = if hour < 6 { 1.0 } else { 3.0 };
        let (lower, upper) = (value - half, value + half);
        crate::forecast::Point {
            target,
            value,
            lower_50: lower,
            upper_50: upper,
            lower_80: lower,
            upper_80: upper,
            lower_95: lower,
            upper_95: upper,
        }
    };
    let forecast = Forecast { origin, cadence: Cadence::Hour, points: (0..24).map(point).collect() };
    let score = score_day(&forecast, &history, 1).unwrap();
    assert!((score.mae - 2.0).abs() < 1e-9 && score.bias.abs() < 1e-9);
    assert!((score.change.unwrap() - 4.0).abs() < 1e-9);
    assert_eq!(score.coverage_80, Some(0.75));
    // Each day is 10 above the one before: the previous day is 10 off, the previous week 70, at every hour alike.
    let [previous_day, previous_week, _] = <[Errors; 3]>::try_from(score.naive).unwrap();
    assert!((previous_day.mae - 10.0).abs() < 1e-9 && (previous_week.mae - 70.0).abs() < 1e-9);
    assert!(previous_day.change.unwrap() < 1e-9);
}
