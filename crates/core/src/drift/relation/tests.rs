//! A level that moves while its covariates do not, and what is not taken for one.

use super::*;
use crate::drift::Answer;
use crate::forecast::tests::definition;
use crate::time::Cadence;

const HOURS: i64 = 24;

fn start() -> Timestamp {
    "2021-01-01".parse().unwrap()
}

/// Between -1 and 1, without a pattern.
fn noise(place: i64) -> f64 {
    let mixed = (place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let mixed = mixed ^ (mixed >> 31);
    (mixed >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// The share of fossil power, in %, swinging with the weather over days and with the sun over hours.
fn fossil(hour: i64) -> f64 {
    let day = (0..6).map(|back| noise(hour / HOURS - back)).sum::<f64>();
    50.0 + 5.0 * day + 10.0 * ((hour % HOURS) as f64 / 24.0 * std::f64::consts::TAU).cos()
}

/// Seven grams a percent, give or take a few of the day.
fn intensity(hour: i64) -> f64 {
    7.0 * fossil(hour) * (1.0 + 0.03 * noise(1_000 + hour / HOURS) + 0.02 * noise(hour * 7))
}

fn series(days: i64, value: impl Fn(i64) -> f64) -> History {
    History::new(start(), Cadence::Hour, (0..days * HOURS).map(value).collect())
}

fn companions(days: i64) -> Vec<Companion> {
    vec![Companion { name: "fossil_pct".to_owned(), history: series(days, fossil) }]
}

fn learnt() -> Relation {
    Relation::learn(&series(365, intensity), &companions(365), &definition("1h", 96)).unwrap()
}

fn checked(days: i64, value: impl Fn(i64) -> f64) -> Finding {
    learnt().check(&series(days, value), &companions(days), &definition("1h", 96))
}

#[test]
fn a_level_that_moves_by_a_fifth_alone_is_seen_on_its_first_day_with_its_size() {
    let found = checked(401, |hour| intensity(hour) * if hour >= 400 * HOURS { 1.2 } else { 1.0 });
    assert_eq!(found.answer, Answer::Drifted, "{}", found.reason);
    assert!((found.value.unwrap() - 0.2).abs() < 0.08, "{}", found.reason);
    let since = start().plus(400 * DAY);
    assert!(found.reason.starts_with(&format!("since {since} values lie")), "{}", found.reason);
}

#[test]
fn a_level_that_moves_with_its_covariates_is_weather() {
    // The grid burns half as much again from a day on, and the covariate says so.
    let step = |hour: i64| if hour >= 400 * HOURS { 1.5 } else { 1.0 };
    let own = series(401, |hour| intensity(hour) * step(hour));
    let beside =
        vec![Companion { name: "fossil_pct".to_owned(), history: series(401, |hour| fossil(hour) * step(hour)) }];
    let found = learnt().check(&own, &beside, &definition("1h", 96));
    assert_eq!(found.answer, Answer::Stable, "{}", found.reason);
}

#[test]
fn no_alarm_in_two_years_without_a_change() {
    let relation = learnt();
    assert!(relation.would_have_alarmed().is_empty());
    let rows = Rows::new(&series(800, intensity), &companions(800), &definition("1h", 96));
    assert!(relation.episodes(&left_of_days(&rows, 700, LEARNT_DAYS)).is_empty());
}

#[test]
fn a_shift_is_still_seen_days_later_and_its_first_day_is_told() {
    let found = checked(404, |hour| intensity(hour) * if hour >= 400 * HOURS { 0.7 } else { 1.0 });
    assert_eq!(found.answer, Answer::Drifted, "{}", found.reason);
    assert!(found.reason.contains(&format!("since {}", start().plus(400 * DAY))), "{}", found.reason);
    assert!(found.reason.contains("% below what fossil_pct say"), "{}", found.reason);
}

#[test]
fn a_covariate_that_is_missing_is_a_third_answer() {
    let relation = learnt();
    let found = relation.check(&series(400, intensity), &[], &definition("1h", 96));
    assert_eq!(found.answer, Answer::InsufficientData);
    assert!(found.reason.contains("no column `fossil_pct`"), "{}", found.reason);
}

#[test]
fn a_partial_day_or_a_gap_is_a_third_answer() {
    // The newest day lacks seven of its hours: less than three quarters are there.
    let found = checked(400, |hour| if hour >= 400 * HOURS - 7 { f64::NAN } else { intensity(hour) });
    assert_eq!(found.answer, Answer::InsufficientData, "{}", found.reason);
    // 60 days are too few for the regression of the newest and the day before.
    let found = checked(60, intensity);
    assert_eq!(found.answer, Answer::InsufficientData, "{}", found.reason);
}

#[test]
fn nothing_is_learnt_without_covariates_or_of_a_short_past() {
    let own = series(149, intensity);
    assert_eq!(Relation::learn(&own, &[], &definition("1h", 96)), Err(Unrelated::NoCovariates));
    // 149 days leave 89 with sixty before them.
    let refused = Relation::learn(&own, &companions(149), &definition("1h", 96));
    assert_eq!(refused, Err(Unrelated::TooShort { days: 89 }));
    assert!(Relation::learn(&series(150, intensity), &companions(150), &definition("1h", 96)).is_ok());
}

#[test]
fn covariates_that_do_not_vary_or_explain_everything_are_no_division_by_nothing() {
    let constant = vec![Companion { name: "c".to_owned(), history: series(365, |_| 5.0) }];
    assert!(Relation::learn(&series(365, intensity), &constant, &definition("1h", 96)).is_ok());
    let same = vec![Companion { name: "same".to_owned(), history: series(365, intensity) }];
    let relation = Relation::learn(&series(365, intensity), &same, &definition("1h", 96)).unwrap();
    let found = relation.check(&series(365, intensity), &same, &definition("1h", 96));
    assert_eq!(found.answer, Answer::Stable, "{}", found.reason);
}
