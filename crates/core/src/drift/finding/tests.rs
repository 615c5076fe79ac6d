//! What a window, and forecasts beside what came, are found to be.

use super::*;
use crate::series::Definition;
use crate::time::{DAY, HOUR};

fn definition() -> Definition {
    Definition::from_toml(
        r#"
        id = "xx.ci_direct"
        unit = "gCO2eq/kWh"
        cadence = "1h"
        time_zone = "Europe/Rome"
        [source]
        time_column = "timestamp_utc"
        value_column = "value"
        "#,
    )
    .unwrap()
}

/// The finding of pairs of the first day alone.
fn prediction(pairs: &[Met], significance: f64) -> Finding {
    super::prediction(&[pairs.to_vec()], significance).remove(0)
}

fn start() -> Timestamp {
    "2022-01-01".parse().unwrap()
}

/// Sixty days of an even, seasonless wave that no period of a day or a week explains.
fn wave() -> Vec<f64> {
    (0..60 * 24).map(|i| 300.0 + 20.0 * (f64::from(i) * 0.7).sin() + 15.0 * (f64::from(i) * 0.093).sin()).collect()
}

fn findings(change: impl FnOnce(&mut Vec<f64>)) -> Vec<Finding> {
    let reference = Reference::learn(&History::new(start(), Cadence::Hour, wave()), &definition()).unwrap();
    let mut values = wave();
    change(&mut values);
    data(&reference, &History::new(start(), Cadence::Hour, values), &definition())
}

/// Checks that no statistic can be told, each for the same reason.
fn check_insufficient(findings: &[Finding], reason: &str) {
    assert_eq!(findings.len(), 4);
    for finding in findings {
        assert_eq!((finding.answer, finding.value), (Answer::InsufficientData, None));
        assert!(finding.reason.contains(reason), "{}", finding.reason);
    }
}

#[test]
fn training_data_is_stable_against_its_own_reference() {
    let found = findings(|_| {});
    assert_eq!(found.iter().map(|f| f.statistic.as_str()).collect::<Vec<_>>(), OF_DATA);
    assert!(found.iter().all(|f| f.answer == Answer::Stable), "{found:?}");
}

#[test]
fn a_reason_gives_value_unit_and_threshold() {
    let found = findings(|values| values.iter_mut().rev().take(336).for_each(|v| *v += 100.0));
    let finding = &found[0];
    assert_eq!(finding.answer, Answer::Drifted);
    // 100 gCO2eq/kWh more move every value by 100.
    assert!(finding.reason.contains("gCO2eq/kWh) from the reference, threshold"), "{}", finding.reason);
    let moved: f64 = finding.reason.split(['(', ' ']).filter_map(|word| word.parse().ok()).nth(1).unwrap();
    assert!((moved - 100.0).abs() < 10.0, "{}", finding.reason);
}

#[test]
fn drift_is_exactly_what_exceeds_its_threshold() {
    for finding in findings(|values| values.iter_mut().rev().take(100).for_each(|v| *v += 40.0)) {
        let exceeds = finding.value.unwrap() > finding.threshold.unwrap();
        assert_eq!(exceeds, finding.answer == Answer::Drifted);
    }
}

#[test]
fn more_than_a_tenth_missing_is_insufficient_and_a_tenth_is_not() {
    let gap = |hours: usize| findings(move |values| values.iter_mut().rev().take(hours).for_each(|v| *v = f64::NAN));
    check_insufficient(&gap(34), "the window lacks 34 of 336 values");
    assert!(gap(33).iter().all(|f| f.answer != Answer::InsufficientData));
}

#[test]
fn gaps_in_the_week_before_are_insufficient() {
    let found = findings(|values| values.iter_mut().rev().skip(336).take(17).for_each(|v| *v = f64::NAN));
    check_insufficient(&found, "the week before the window lacks 17 of 168 values");
}

#[test]
fn a_stuck_meter_is_insufficient_and_not_stable() {
    let found = findings(|values| values.iter_mut().rev().take(336).for_each(|v| *v = 287.5));
    check_insufficient(&found, "every value of the window is 287.5");
}

#[test]
fn a_window_without_its_week_before_is_insufficient() {
    let found = findings(|values| drop(values.drain(..(60 - 20) * 24)));
    check_insufficient(&found, "480 of the 504 steps");
    check_insufficient(&findings(|values| values.truncate(100)), "100 of the 504 steps");
    check_insufficient(&findings(Vec::clear), "0 of the 504 steps");
}

#[test]
fn only_the_window_and_the_week_before_it_count() {
    let found = findings(|values| values.iter_mut().take((60 - 21) * 24).for_each(|v| *v = f64::NAN));
    assert_eq!(found, findings(|_| {}));
}

#[test]
fn a_reference_of_other_windows_or_another_calendar_says_so() {
    let history = History::new(start(), Cadence::Hour, wave());
    let reference = Reference::learn(&history, &definition()).unwrap();
    let mut longer = definition();
    longer.drift.window_days = 21;
    check_insufficient(&data(&reference, &history, &longer), "windows of 14 days and the definition asks for 21");
    let elsewhere = Definition { time_zone: "Europe/Lisbon".to_owned(), ..definition() };
    check_insufficient(&data(&reference, &history, &elsewhere), "Europe/Rome and the series in");
    let daily = History::new(start(), Cadence::Day, wave());
    check_insufficient(&data(&reference, &daily, &definition()), "train a model anew");
}

/// Forty pairs whose errors alternate by one around `bias`: no dependence that would take from the size.
fn pairs(bias: f64) -> Vec<(Timestamp, f64, f64)> {
    (0..40)
        .map(|i| {
            let actual = f64::from(i);
            let error = bias + if i % 2 == 0 { 1.0 } else { -1.0 };
            (start().plus(i64::from(i) * HOUR), actual + error, actual)
        })
        .collect()
}

#[test]
fn a_forecast_of_the_right_distribution_is_stable() {
    let finding = prediction(&pairs(0.0), 0.01);
    assert_eq!((finding.statistic.as_str(), finding.answer), ("ks", Answer::Stable));
}

#[test]
fn a_forecast_far_off_has_drifted_with_the_p_value_of_its_size() {
    // Errors alternate, so the forty pairs count in full. scipy 1.17.1: ks_2samp(forecasts, actuals, method="asymp").
    let finding = prediction(&pairs(25.0), 0.01);
    assert_eq!(finding.answer, Answer::Drifted);
    assert!((finding.value.unwrap() - FAR_D).abs() < 1e-12, "{finding:?}");
    assert!((finding.p_value.unwrap() - FAR_P).abs() < 1e-9);
    assert!(finding.value > finding.threshold);
    assert!(finding.reason.contains("40 steps"));
}

/// A week of the same.
fn week(bias: f64) -> Vec<Met> {
    let again = |week: &[Met], hours: i64| {
        week.iter().map(|(time, forecast, actual)| (time.plus(hours * HOUR), *forecast, *actual)).collect::<Vec<_>>()
    };
    (0..5).flat_map(|part| again(&pairs(bias), 40 * part)).collect()
}

#[test]
fn days_of_the_horizon_are_adjusted_together() {
    // Benjamini and Hochberg: of three days the smallest p counts three times, and a day that cannot be told is none.
    let days = [week(0.0), week(8.0), Vec::new(), week(0.0)];
    let found = super::prediction(&days, 0.01);
    let names: Vec<&str> = found.iter().map(|finding| finding.statistic.as_str()).collect();
    assert_eq!(names, ["ks", "ks_day_2", "ks_day_3", "ks_day_4"]);
    let alone = prediction(&week(8.0), 0.01).p_value.unwrap();
    assert!(alone > 1e-12 && (found[1].p_value.unwrap() / (3.0 * alone) - 1.0).abs() < 1e-12, "{:?}", found[1]);
    assert!(found[1].reason.contains("adjusted for 3 days"), "{}", found[1].reason);
    let answers = [&found[0], &found[1], &found[2], &found[3]].map(|finding| finding.answer);
    assert_eq!(answers, [Answer::Stable, Answer::Drifted, Answer::InsufficientData, Answer::Stable]);
}

#[test]
fn further_days_need_a_whole_week_and_the_first_does_not() {
    let part = week(25.0)[..167].to_vec();
    let found = super::prediction(&[part.clone(), part, week(25.0)], 0.01);
    assert_eq!(
        [0, 1, 2].map(|place: usize| found[place].answer),
        [Answer::Drifted, Answer::InsufficientData, Answer::Drifted]
    );
    assert!(found[1].reason.contains("167 pairs of forecast and actual value are less than a whole week"));
}

const FAR_D: f64 = 0.625;
const FAR_P: f64 = 4.454446251423212e-08;

#[test]
fn errors_that_follow_each_other_weaken_the_evidence() {
    let slow: Vec<_> = pairs(0.0).iter().map(|(t, _, a)| (*t, a + 20.0 + 3.0 * (a * 0.9).sin(), *a)).collect();
    let finding = prediction(&slow, 0.01);
    let naive = ks::p_value(finding.value.unwrap(), 40.0, 40.0);
    assert!(finding.p_value.unwrap() > naive, "{finding:?} against {naive}");
}

#[test]
fn errors_on_two_sides_of_a_gap_are_no_neighbours() {
    let (before, after) = (start(), start().plus(9 * HOUR));
    let known = [(before, 3.0, 1.0), (before.plus(HOUR), 2.0, 1.0), (after, 5.0, 1.0), (after.plus(HOUR), 1.0, 1.0)];
    let found = errors(&known);
    assert_eq!((&found[..2], &found[3..]), ([2.0, 1.0].as_slice(), [4.0, 0.0].as_slice()));
    assert!(found[2].is_nan());
}

#[test]
fn a_statistic_beyond_the_range_of_numbers_is_insufficient() {
    let finding = Finding::above("psi".to_owned(), f64::INFINITY, 0.2, String::new());
    assert_eq!((finding.answer, finding.value), (Answer::InsufficientData, None));
    assert!(finding.reason.contains("psi of the window is beyond the range of numbers"));
}

#[test]
fn a_window_further_from_its_week_than_any_number_is_insufficient() {
    let found = findings(|values| {
        values.iter_mut().rev().take(336).enumerate().for_each(|(i, v)| *v = f64::MAX * (1.0 - i as f64 * 1e-9));
        values.iter_mut().rev().skip(336).take(168).for_each(|v| *v = f64::MIN / 168.0);
    });
    check_insufficient(&found, "at least one value");
}

#[test]
fn errors_that_hardly_change_are_too_few_to_tell() {
    let slow: Vec<_> = pairs(0.0).iter().map(|(t, _, a)| (*t, 2.0 * a, *a)).collect();
    let finding = prediction(&slow, 0.01);
    assert_eq!((finding.answer, finding.p_value), (Answer::InsufficientData, None));
    assert!(finding.reason.contains("40 pairs with errors of autocorrelation 0.9"), "{}", finding.reason);
}

#[test]
fn what_cannot_be_compared_is_insufficient_with_its_reason() {
    let unknown: Vec<_> = pairs(0.0).iter().map(|(t, f, _)| (*t, *f, f64::NAN)).collect();
    let even: Vec<_> = pairs(0.0).iter().map(|(t, _, a)| (*t, a + 3.0, *a)).collect();
    let cases = [
        (prediction(&[], 0.01), "0 pairs"),
        (prediction(&pairs(0.0)[..2], 0.01), "2 pairs"),
        (prediction(&unknown, 0.01), "0 pairs"),
        (prediction(&even, 0.01), "errors are all the same"),
        (prediction(&pairs(0.0), 0.0), "0 is no significance level"),
        (prediction(&pairs(0.0), f64::NAN), "NaN is no significance level"),
    ];
    for (finding, reason) in cases {
        assert_eq!(finding.answer, Answer::InsufficientData);
        assert!(finding.reason.contains(reason), "{}", finding.reason);
    }
}

#[test]
fn the_order_of_pairs_does_not_matter() {
    let mut reversed = pairs(4.0);
    reversed.reverse();
    assert_eq!(prediction(&reversed, 0.01), prediction(&pairs(4.0), 0.01));
}

#[test]
fn a_finding_is_read_back_as_it_was_written() {
    let finding = prediction(&pairs(25.0), 0.01);
    let text = serde_json::to_string(&finding).unwrap();
    assert!(text.contains("\"answer\":\"drifted\""));
    assert_eq!(serde_json::from_str::<Finding>(&text).unwrap(), finding);
}

#[test]
fn the_window_and_a_week_are_needed() {
    assert_eq!(super::super::days_needed(&definition()), 21);
    assert_eq!(21 * DAY, 504 * HOUR);
}
