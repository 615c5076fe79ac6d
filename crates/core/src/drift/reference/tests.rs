//! What a reference keeps of training data, and what it refuses to learn from.

use proptest::prelude::*;

use super::*;
use crate::drift::comparison::Statistic;
use crate::drift::distribution::LEAST;
use crate::drift::{Answer, Finding, data, days_needed};
use crate::drift::{ks, wasserstein};
use crate::simulate;
use crate::time::{DAY, Timestamp};

pub(crate) fn definition() -> Definition {
    Definition::from_toml(
        r#"
        id = "simulated.ci_direct"
        unit = "gCO2eq/kWh"
        cadence = "1h"
        time_zone = "Europe/Rome"
        [source]
        time_column = "timestamp_utc"
        value_column = "ci_direct_gco2eq_per_kwh"
        "#,
    )
    .unwrap()
}

pub(crate) fn simulated(from: &str, to: &str, seed: u64, shift: Option<&str>) -> History {
    let (from, to): (Timestamp, Timestamp) = (from.parse().unwrap(), to.parse().unwrap());
    let shifts = shift.iter().map(|spec| spec.parse().unwrap()).collect();
    let hours = simulate::grid(&simulate::Settings { from, to, seed, shifts }).unwrap();
    let mut values = vec![f64::NAN; (to.since(from) / 3_600) as usize];
    for hour in hours {
        values[(hour.time.since(from) / 3_600) as usize] = hour.ci_direct;
    }
    History::new(from, Cadence::Hour, values)
}

/// The findings of the windows that end every `every` days from `from` on.
fn findings_from(reference: &Reference, history: &History, from: &str, every: i64) -> Vec<Vec<Finding>> {
    let mut end: Timestamp = from.parse().unwrap();
    let mut all = Vec::new();
    while end <= history.end() {
        let first = end.plus(-i64::from(days_needed(&definition())) * DAY);
        all.push(data(reference, &history.between(first, end), &definition()));
        end = end.plus(every * DAY);
    }
    all
}

fn answers(findings: &[Vec<Finding>], wanted: Answer) -> usize {
    findings.iter().flatten().filter(|finding| finding.answer == wanted).count()
}

/// The reference of the simulated 2021.
fn of_a_year(seed: u64) -> Reference {
    Reference::learn(&simulated("2021-01-01", "2022-01-01", seed, None), &definition()).unwrap()
}

#[test]
fn the_seasons_of_an_undisturbed_year_do_not_alarm() {
    // Every window of 14 days of the year after training; one statistic in a hundred may lie beyond 3 deviations.
    let (mut drifted, mut all) = (0, 0);
    for seed in 0..6 {
        let findings =
            findings_from(&of_a_year(seed), &simulated("2021-01-01", "2023-01-01", seed, None), "2022-01-15", 14);
        assert_eq!(answers(&findings, Answer::InsufficientData), 0);
        drifted += answers(&findings, Answer::Drifted);
        all += findings.iter().flatten().count();
    }
    assert_eq!(all, 6 * 26 * 4);
    assert!(drifted * 100 <= all, "{drifted} of {all}");
}

#[test]
fn two_months_of_training_data_alarm_at_most_once_in_fifty_over_the_next_quarter() {
    let (mut drifted, mut all) = (0, 0);
    for seed in 0..6 {
        let history = simulated("2021-01-01", "2021-06-04", seed, None);
        let reference = Reference::learn(&history.before("2021-03-05".parse().unwrap()), &definition()).unwrap();
        let findings = findings_from(&reference, &history, "2021-03-19", 14);
        drifted += answers(&findings, Answer::Drifted);
        all += findings.iter().flatten().count();
    }
    assert_eq!(all, 6 * 6 * 4);
    assert!(drifted * 50 <= all, "{drifted} of {all}");
}

/// Checks that in each of six worlds the window that ends 14 days into a shift has a drifted statistic.
fn check_seen(shift: &str) {
    for seed in 0..6 {
        let history = simulated("2021-01-01", "2022-05-15", seed, Some(shift));
        let findings = findings_from(&of_a_year(seed), &history, "2022-05-15", 14);
        assert!(answers(&findings, Answer::Drifted) > 0, "seed {seed}: {findings:?}");
    }
}

#[test]
fn thirty_per_cent_more_is_seen() {
    check_seen("level:2022-05-01..:x1.3");
}

#[test]
fn thirty_per_cent_less_is_seen() {
    check_seen("level:2022-05-01..:x0.7");
}

#[test]
fn doubled_noise_is_seen() {
    check_seen("noise:2022-05-01..:x2");
}

#[test]
fn another_unit_is_seen() {
    check_seen("unit:2022-05-01..:x0.001");
}

#[test]
fn a_reference_looks_at_nothing_after_its_history() {
    let whole = simulated("2021-01-01", "2022-01-01", 1, None);
    let shifted = simulated("2021-01-01", "2022-01-01", 1, Some("level:2021-07-01..:x5"));
    let origin = "2021-07-01".parse().unwrap();
    let learn = |history: &History| Reference::learn(&history.before(origin), &definition()).unwrap();
    assert_eq!(learn(&whole), learn(&shifted));
}

#[test]
fn a_reference_is_read_back_as_it_was_written() {
    let reference = of_a_year(2);
    let text = serde_json::to_string(&reference).unwrap();
    assert_eq!(serde_json::from_str::<Reference>(&text).unwrap(), reference);
}

#[test]
fn the_profile_is_the_same_on_both_sides_of_a_change_of_the_clocks() {
    // A value that depends on the local time of day alone: nothing of it may be left in a window across 2021-03-28.
    let zone = jiff::tz::TimeZone::get("Europe/Rome").unwrap();
    let start: Timestamp = "2021-03-01".parse().unwrap();
    let values = (0..40 * 24).map(|i| f64::from(start.plus(i * 3_600).local(&zone).hour()) * 10.0).collect();
    let history = History::new(start, Cadence::Hour, values);
    let window = Calendar::new(&history, &definition()).window(21 * 24, 14 * 24).unwrap();
    assert!(window.values.iter().all(|v| v.abs() < 1e-9), "{:?}", window.values);
}

#[test]
fn thresholds_lie_three_deviations_above_the_mean() {
    // The values 0 to 9 and windows of one value each: KS distances of the sketch to -1, to its middle, and to 4.4.
    let distribution = Distribution::of((0..10).map(f64::from).collect(), 10.0).unwrap();
    let alone = |value: f64| Sample::new(vec![value]).unwrap();
    let windows = [-1.0, 4.5, 4.4].map(|value| distribution.window(&alone(value)));
    let distances = [-1.0, 4.5, 4.4].map(|value| ks::distance(&distribution.quantiles, &alone(value)));
    assert_eq!(distances[0], 1.0);
    let mean = distances.iter().sum::<f64>() / 3.0;
    let deviation = (distances.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 2.0).sqrt();
    let with = distribution.with(&windows);
    let threshold = with.further.as_ref().unwrap().thresholds[&Statistic::Ks];
    assert!((threshold - (mean + 3.0 * deviation)).abs() < 1e-12, "{threshold}");
}

#[test]
fn a_threshold_of_windows_that_are_all_alike_is_what_is_too_small_to_matter() {
    let values: Vec<f64> = (0..1_000).map(f64::from).collect();
    let distribution = Distribution::of(values.clone(), 1_000.0).unwrap();
    let alike = distribution.window(&Sample::new(values).unwrap());
    let with = distribution.with(&[alike.clone(), alike.clone(), alike]);
    let further = with.further.as_ref().unwrap();
    assert_eq!(with.threshold, LEAST);
    assert_eq!(further.thresholds[&Statistic::WassersteinNormed], LEAST.wasserstein);
    assert_eq!(further.thresholds[&Statistic::Psi], LEAST.psi);
    assert_eq!(further.thresholds[&Statistic::Ks], 0.06);
    assert_eq!(further.thresholds[&Statistic::Wasserstein], 0.15 * with.deviation);
}

#[test]
fn every_statistic_of_a_learnt_reference_has_a_threshold_and_the_bins_are_those_of_the_values() {
    let reference = of_a_year(1);
    for distribution in [&reference.values, &reference.changes] {
        let further = distribution.further.as_ref().unwrap();
        assert_eq!(further.thresholds.len(), Statistic::ALL.len());
        // The normalised criterion of Anderson and Darling lies below nothing where samples are nearer than by chance.
        let apart = further.thresholds.iter().filter(|(of, _)| **of != Statistic::AndersonDarling);
        assert!(apart.map(|(_, threshold)| *threshold).all(|threshold| threshold > 0.0), "{further:?}");
        // Windows overlap by half: a year of hours is not worth more than its hours.
        assert!(further.effective_size <= 366.0 * 24.0 && further.effective_size > 10.0, "{further:?}");
        assert!(further.histogram.edges().len() > 10, "{further:?}");
    }
}

fn refusal(history: &History, definition: &Definition) -> String {
    Reference::learn(history, definition).unwrap_err().to_string()
}

#[test]
fn a_history_of_fewer_than_four_windows_is_too_short() {
    // A week, and windows of 14 days at 0, 7, 14 and 21 days: 42 days.
    let history = simulated("2021-01-01", "2021-02-12", 0, None);
    assert_eq!(Reference::learn(&history, &definition()).unwrap().windows, 4);
    let shorter = history.between("2021-01-01T01:00:00Z".parse().unwrap(), history.end());
    assert!(refusal(&shorter, &definition()).contains("41 days are too few"), "{}", refusal(&shorter, &definition()));
    let none = History::new(history.start(), Cadence::Hour, vec![]);
    assert!(refusal(&none, &definition()).contains("0 days are too few"));
}

#[test]
fn windows_with_gaps_are_not_learnt_from() {
    let gap = Some("gap:2021-02-20..2021-02-24");
    let reference = Reference::learn(&simulated("2021-01-01", "2021-04-01", 0, gap), &definition()).unwrap();
    let whole = Reference::learn(&simulated("2021-01-01", "2021-04-01", 0, None), &definition()).unwrap();
    assert!(reference.windows < whole.windows);
    let holes = simulated("2021-01-01", "2021-02-20", 0, Some("gap:2021-02-01..2021-02-05"));
    assert!(
        refusal(&holes, &definition()).contains("windows can be learnt from"),
        "{}",
        refusal(&holes, &definition())
    );
}

#[test]
fn a_history_in_which_nothing_but_the_hour_of_the_week_varies_has_no_distances() {
    let start: Timestamp = "2021-01-04".parse().unwrap();
    let values = (0..70 * 24).map(|i| 200.0 + f64::from(i % 168) * 0.7).collect();
    let zone = Definition { time_zone: "UTC".to_owned(), ..definition() };
    let message = refusal(&History::new(start, Cadence::Hour, values), &zone);
    assert!(message.contains("nothing varies"), "{message}");
}

#[test]
fn a_history_of_another_cadence_is_refused() {
    let history = History::new("2021-01-01".parse().unwrap(), Cadence::Day, vec![1.0; 400]);
    assert!(refusal(&history, &definition()).contains("cadence"));
}

#[test]
fn every_cadence_and_length_of_window_can_be_learnt_and_compared() {
    let noise = simulated("2021-01-01", "2021-07-01", 3, None);
    for (cadence, window_days) in
        [(Cadence::Day, 14), (Cadence::Day, 7), (Cadence::QuarterHour, 7), (Cadence::Hour, 7), (Cadence::Hour, 45)]
    {
        let mut definition = Definition { cadence, ..definition() };
        definition.drift.window_days = window_days;
        let history = History::new(noise.start(), cadence, noise.values().to_vec());
        let reference = Reference::learn(&history, &definition).unwrap();
        let findings = data(&reference, &history, &definition);
        assert!(findings.iter().all(|f| f.answer == Answer::Stable), "{cadence:?} {window_days}: {findings:?}");
    }
}

proptest! {
    #[test]
    fn a_sketch_is_as_far_from_a_sample_as_the_values_it_stands_for(
        values in proptest::collection::vec(-1e3..1e3_f64, 300..600),
        shift in -500.0..500.0_f64,
    ) {
        let (sample, moved) = (
            Sample::new(values.clone()).unwrap(),
            Sample::new(values.iter().map(|v| v + shift).collect()).unwrap(),
        );
        let sketch = Distribution::of(values, 300.0).unwrap();
        let exact = wasserstein::normed(&sample, &moved).unwrap();
        prop_assert!((sketch.score(&moved).wasserstein - exact).abs() < 0.02);
    }

    #[test]
    fn no_history_makes_learning_fail_otherwise_than_with_a_reason(
        values in proptest::collection::vec(prop_oneof![Just(f64::NAN), Just(1.0), -1e12..1e12_f64], 0..1500),
        start in 0..2_000_000_000_i64,
    ) {
        let history = History::new(Timestamp::from_seconds(start).unwrap(), Cadence::Hour, values);
        if let Ok(reference) = Reference::learn(&history, &definition()) {
            for finding in data(&reference, &history, &definition()) {
                prop_assert!(finding.value.is_none_or(|value| value.is_finite() && value >= 0.0));
            }
        }
    }
}
