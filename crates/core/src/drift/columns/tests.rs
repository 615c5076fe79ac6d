//! What the columns of a live check say, against the statistics of the same samples and against what was put in.

use super::*;
use crate::drift::reference::tests::{definition, simulated};
use crate::drift::{Answer, chi_squared, cramer_von_mises, data, days_needed, energy, ks};
use crate::time::{Cadence, DAY, HOUR, Timestamp};

/// The reference of the simulated 2021, and the history until a day of the year after.
fn until(end: &str, seed: u64, shift: Option<&str>) -> (Reference, History) {
    let history = simulated("2021-01-01", "2023-01-01", seed, shift);
    let reference = Reference::learn(&history.before("2022-01-01".parse().unwrap()), &definition()).unwrap();
    (reference, history.before(end.parse().unwrap()))
}

fn of<'a>(columns: &'a [Column], name: &str, statistic: Statistic) -> &'a Judged {
    let column = columns.iter().find(|column| column.name == name).unwrap();
    column.answers.iter().find(|answer| answer.statistic == statistic).unwrap()
}

fn sample(values: &[f64]) -> Sample {
    Sample::new(values.iter().copied().filter(|v| v.is_finite()).collect()).unwrap()
}

/// Pairs of fourteen days of hours whose errors alternate by one around `bias`: no dependence that takes from the size.
fn pairs(bias: f64) -> Vec<Met> {
    let start: Timestamp = "2022-05-01".parse().unwrap();
    let pair = |hour: i64| {
        let actual = (hour * 379 % 1_000) as f64 / 10.0;
        let error = bias + if hour % 2 == 0 { 1.0 } else { -1.0 };
        (start.plus(hour * HOUR), actual + error, actual)
    };
    (0..14 * 24).map(pair).collect()
}

#[test]
fn a_check_has_the_values_their_changes_and_every_day_of_the_horizon_with_ten_answers_each() {
    let (reference, history) = until("2022-05-15", 0, None);
    let found = columns(Ok(&reference), &history, &[pairs(0.0), Vec::new()], &definition());
    let names: Vec<&str> = found.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["value", "changes", "forecast_day_1", "forecast_day_2"]);
    for column in &found {
        let statistics: Vec<Statistic> = column.answers.iter().map(|answer| answer.statistic).collect();
        assert_eq!(statistics, Statistic::ALL);
    }
    assert!(of(&found, "value", Statistic::Psi).p_value.is_none());
    assert!(of(&found, "value", Statistic::Ks).p_value.is_some());
}

#[test]
fn every_statistic_is_that_of_the_window_against_the_sketch_as_a_sample() {
    let (reference, history) = until("2022-05-15", 0, None);
    let found = columns(Ok(&reference), &history, &[], &definition());
    for beside in beside(&reference, &history, &definition()).unwrap() {
        let (sketch, window) = (sample(&beside.reference), sample(&beside.window));
        let value = |statistic| of(&found, beside.name, statistic).value.unwrap();
        assert_eq!(value(Statistic::Ks), ks::distance(&sketch, &window));
        assert_eq!(value(Statistic::Energy), energy::distance(&sketch, &window));
        let test = cramer_von_mises::test(&sketch, &window).unwrap();
        assert_eq!(value(Statistic::CramerVonMises), test.statistic);
        let distribution = if beside.name == VALUE { &reference.values } else { &reference.changes };
        let table = distribution.bins.table(&sketch, &window);
        assert_eq!(value(Statistic::ChiSquared), chi_squared::test(&table).unwrap().statistic);
    }
}

#[test]
fn the_distances_of_the_findings_are_the_same_numbers_with_the_same_thresholds() {
    let (reference, history) = until("2022-05-15", 1, None);
    let (found, findings) =
        (columns(Ok(&reference), &history, &[], &definition()), data(&reference, &history, &definition()));
    let places = [(VALUE, Statistic::WassersteinNormed), (VALUE, Statistic::Psi)]
        .into_iter()
        .chain([(CHANGES, Statistic::WassersteinNormed), (CHANGES, Statistic::Psi)]);
    for ((name, statistic), finding) in places.zip(&findings) {
        let answer = of(&found, name, statistic);
        assert_eq!((answer.value, answer.threshold), (finding.value, finding.threshold), "{name} {statistic:?}");
        assert_eq!(answer.drifted, Some(finding.answer == Answer::Drifted));
    }
}

#[test]
fn p_values_count_independent_values_and_are_adjusted_over_all_columns_of_the_check() {
    let (reference, history) = until("2022-05-15", 0, None);
    let found = columns(Ok(&reference), &history, &[pairs(0.0)], &definition());
    let mut expected: Vec<f64> = beside(&reference, &history, &definition())
        .unwrap()
        .iter()
        .zip([&reference.values, &reference.changes])
        .map(|(beside, distribution)| {
            let window = sample(&beside.window);
            let worth = effective_size(window.len(), lag_one(&beside.window).unwrap());
            let size = distribution.further.as_ref().unwrap().effective_size;
            ks::p_value(ks::distance(&sample(&beside.reference), &window), size, worth)
        })
        .collect();
    let (forecasts, actuals): (Vec<f64>, Vec<f64>) = pairs(0.0).iter().map(|(_, f, a)| (*f, *a)).unzip();
    expected.push(ks::p_value(ks::distance(&sample(&forecasts), &sample(&actuals)), 336.0, 336.0));
    let told: Vec<f64> = found.iter().map(|c| of(&found, &c.name, Statistic::Ks).p_value.unwrap()).collect();
    assert_eq!(told, discovery::adjusted(&expected));
    assert!(of(&found, "changes", Statistic::Ks).reason.ends_with("columns tested: 3"));
}

#[test]
fn values_of_another_unit_have_drifted_by_how_far_they_lie_apart() {
    let shift = "level:2022-05-01..2023-01-01:x3";
    let (reference, history) = until("2022-05-15", 2, Some(shift));
    let found = columns(Ok(&reference), &history, &[], &definition());
    for statistic in [Statistic::Wasserstein, Statistic::WassersteinNormed, Statistic::Energy] {
        let answer = of(&found, VALUE, statistic);
        assert_eq!(answer.drifted, Some(true), "{answer:?}");
        assert!(answer.value > answer.threshold && answer.reason.contains("is beyond"), "{answer:?}");
    }
}

#[test]
fn the_weeks_of_an_undisturbed_year_raise_few_alarms() {
    // Twenty statistics in each of 26 windows of the year after training, in four worlds.
    let (mut drifted, mut all) = (0, 0);
    for seed in 0..4 {
        let (reference, history) = until("2023-01-01", seed, None);
        let mut end: Timestamp = "2022-01-15".parse().unwrap();
        while end <= history.end() {
            let first = end.plus(-i64::from(days_needed(&definition())) * DAY);
            let found = columns(Ok(&reference), &history.between(first, end), &[], &definition());
            let answers: Vec<&Judged> = found.iter().flat_map(|column| &column.answers).collect();
            drifted += answers.iter().filter(|answer| answer.drifted == Some(true)).count();
            all += answers.len();
            end = end.plus(14 * DAY);
        }
    }
    assert_eq!(all, 4 * 26 * 20);
    assert!(drifted * 50 <= all, "{drifted} of {all}");
}

#[test]
fn a_test_beyond_its_threshold_and_within_chance_has_not_drifted() {
    let bounds = Bounds::Windows(10, BTreeMap::from([(Statistic::Ks, 0.2), (Statistic::Psi, 0.2)]));
    let evidence =
        |of| Evidence { what: "d", effect: 0.3, least: 0.06, p_value: 0.0, of, sizes: (9.0, 9.0), reserve: None };
    let judged = |statistic, of, adjusted| {
        let chance = Chance { adjusted, significance: 0.01, tests: 1 };
        judge(statistic, Some(0.3), &evidence(of), &bounds, &chance).drifted
    };
    assert_eq!(judged(Statistic::Ks, "", 0.02), Some(false));
    assert_eq!(judged(Statistic::Ks, "", 0.002), Some(true));
    // A distance that is no test is judged by its threshold alone.
    assert_eq!(judged(Statistic::Psi, " of another", 0.02), Some(true));
}

#[test]
fn a_forecast_far_off_has_drifted_by_every_statistic_and_one_of_the_right_distribution_by_none() {
    let found = columns(
        Err("no reference"),
        &simulated("2021-01-01", "2021-02-01", 0, None),
        &[pairs(0.0), pairs(40.0)],
        &definition(),
    );
    for statistic in Statistic::ALL {
        assert_eq!(of(&found, "forecast_day_1", statistic).drifted, Some(false), "{statistic:?}");
        assert_eq!(of(&found, "forecast_day_2", statistic).drifted, Some(true), "{statistic:?}");
        let barred = of(&found, VALUE, statistic);
        assert_eq!((barred.drifted, barred.value), (None, None));
        assert_eq!(barred.reason, "insufficient data: no reference");
    }
}

#[test]
fn less_than_a_week_of_forecasts_is_insufficient_data() {
    let history = simulated("2021-01-01", "2021-02-01", 0, None);
    let part = pairs(40.0)[..167].to_vec();
    let found = columns(Err("no reference"), &history, &[part], &definition());
    for statistic in Statistic::ALL {
        let answer = of(&found, "forecast_day_1", statistic);
        assert_eq!((answer.drifted, answer.value), (None, None));
        assert!(answer.reason.starts_with("insufficient data: 167 pairs of forecast and actual value are less than"));
    }
}

#[test]
fn a_reference_of_earlier_code_answers_what_it_kept_and_says_what_to_do_for_the_rest() {
    let (reference, history) = until("2022-05-15", 0, None);
    let mut stored = serde_json::to_value(&reference).unwrap();
    for channel in ["values", "changes"] {
        stored[channel].as_object_mut().unwrap().remove("further").unwrap();
    }
    let earlier: Reference = serde_json::from_value(stored).unwrap();
    let (new, old) =
        (columns(Ok(&reference), &history, &[], &definition()), columns(Ok(&earlier), &history, &[], &definition()));
    for statistic in Statistic::ALL {
        let (new, old) = (of(&new, VALUE, statistic), of(&old, VALUE, statistic));
        if [Statistic::WassersteinNormed, Statistic::Psi].contains(&statistic) {
            assert_eq!((old.value, old.threshold, old.drifted), (new.value, new.threshold, new.drifted));
        } else {
            assert_eq!((old.value, old.drifted), (None, None));
            assert!(old.reason.contains("the model was trained before") && old.reason.ends_with("train anew"));
        }
    }
}

#[test]
fn a_window_with_gaps_is_insufficient_data_for_every_statistic() {
    let (reference, history) = until("2022-05-15", 0, None);
    let mut values = history.values().to_vec();
    let length = values.len();
    values[length - 100..].fill(f64::NAN);
    let gaps = History::new(history.start(), Cadence::Hour, values);
    let found = columns(Ok(&reference), &gaps, &[], &definition());
    for answer in found.iter().flat_map(|column| &column.answers) {
        assert_eq!(answer.drifted, None);
        assert!(answer.reason.starts_with("insufficient data: the window lacks 100 of 336"), "{}", answer.reason);
    }
}
