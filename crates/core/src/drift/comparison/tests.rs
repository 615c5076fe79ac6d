//! Two tables side by side: answers, and where there is none.

use super::*;
use crate::series::Definition;

/// Sixty and forty values whose neighbours differ more than chance, so that each counts in full.
fn jumping() -> (Vec<f64>, Vec<f64>) {
    let reference = (0..60).map(|i| f64::from((i * 37) % 101) / 10.0).collect();
    let current = (0..40).map(|i| f64::from((i * 53) % 89) / 8.0 + 1.5).collect();
    (reference, current)
}

/// Values of a slow wave, as hours of a grid are.
fn wave(rows: i32, step: i32, modulus: i32, level: f64) -> Vec<f64> {
    (0..rows).map(|i| 10.0 * (f64::from(i) * 0.15).sin() + f64::from((i * step) % modulus) / 2.0 + level).collect()
}

/// Thousandths of `range` in an order without dependence.
fn spread(rows: u32, level: f64, range: f64) -> Vec<f64> {
    (0..rows).map(|i| level + range * f64::from(i * 379 % 1_000) / 1_000.0).collect()
}

fn numbers<'a>(name: &'a str, reference: &'a [f64], current: &'a [f64]) -> Column<'a> {
    Column { name, cells: Cells::Numbers { reference, current } }
}

fn one(reference: &[f64], current: &[f64]) -> Compared {
    compare(&[numbers("x", reference, current)], None).remove(0)
}

/// Categories in turn, `rows` of them, in an order that does not depend on the one before.
fn categories(rows: u32, of: &[&str]) -> Text {
    Text::of((0..rows).map(|i| Some(of[(i * 379 % 1_009) as usize % of.len()])))
}

fn texts(reference: &Text, current: &Text) -> Compared {
    compare(&[Column { name: "x", cells: Cells::Text { reference, current } }], None).remove(0)
}

fn answer(found: &Compared, statistic: Statistic) -> Answer {
    found.answers.get(statistic).unwrap().clone()
}

fn check(found: Option<f64>, expected: f64) {
    let found = found.unwrap();
    assert!((found - expected).abs() < 1e-9 * expected.abs().max(1e-12), "{found} instead of {expected}");
}

/// Every answer is none and its reason says why.
fn tells_nothing(found: &Compared, why: &str) {
    for (statistic, answer) in found.answers.iter() {
        assert_eq!(answer.drifted, None, "{}: {}", statistic.name(), answer.reason);
        assert!(answer.reason.contains(why), "{}: {}", statistic.name(), answer.reason);
    }
}

#[test]
fn values_and_p_values_are_those_of_scipy_were_all_rows_independent() {
    // scipy 1.17.1: ks_2samp, wasserstein_distance; numpy 2.4.6: mean, std, and the index of `psi`.
    let (reference, current) = jumping();
    let found = one(&reference, &current);
    check(answer(&found, Statistic::Ks).value, 0.23333333333333328);
    check(answer(&found, Statistic::Wasserstein).value, 1.9702083333333333);
    check(answer(&found, Statistic::WassersteinNormed).value, 0.6759151670048168);
    check(answer(&found, Statistic::Psi).value, 1.0115156410090669);
    assert_eq!(answer(&found, Statistic::Psi).p_value, None);
    check(found.summary.reference.mean, 4.951666666666666);
    check(found.summary.current.deviation, 3.2335747802354904);
    check(found.summary.reference.autocorrelation, -0.37944820289232484);
    assert_eq!((found.summary.reference.effective_size, found.summary.current.effective_size), (60.0, 40.0));
    assert_eq!(found.summary.severity, Severity::Stable, "{}", found.summary.reason);
}

#[test]
fn values_that_follow_each_other_are_no_evidence_though_they_look_like_it() {
    // scipy 1.17.1: ks_2samp of 300 and 200 values, and kstwo.sf for the 12.7 and 4.5 they are worth.
    let found = one(&wave(300, 37, 11, 0.0), &wave(200, 53, 13, 6.0));
    let ks = answer(&found, Statistic::Ks);
    check(ks.value, 0.33333333333333337);
    assert!(ks.p_value.unwrap() < 1e-11, "{ks:?}");
    check(found.summary.p_value_adjusted, 0.7777777777777778);
    for (statistic, answer) in found.answers.iter() {
        assert_ne!(answer.drifted, Some(true), "{}: {}", statistic.name(), answer.reason);
    }
    assert!(ks.reason.contains("n_eff 13 and 5"), "{}", ks.reason);
}

#[test]
fn every_statistic_calls_a_large_difference_beyond_chance_drift() {
    // All of it moved by half the range: half of the values lie above the reference's greatest.
    let found = one(&spread(1_000, 0.0, 10.0), &spread(500, 5.0, 10.0));
    for (statistic, answer) in found.answers.iter() {
        assert_eq!(answer.drifted, Some(true), "{}: {}", statistic.name(), answer.reason);
        assert!(answer.reason.contains("large, above") && answer.reason.contains("n_eff"), "{}", answer.reason);
    }
    assert_eq!(found.summary.severity, Severity::Drifted);
}

#[test]
fn a_week_far_from_a_year_has_drifted_by_every_statistic() {
    // The deviation of an even spread is its range over the root of 12.
    let range = 10.0;
    let year = spread(8_760, 0.0, range);
    let found = one(&year, &spread(168, 3.0 * range / 12.0_f64.sqrt(), range));
    for (statistic, answer) in found.answers.iter() {
        assert_eq!(answer.drifted, Some(true), "{}: {}", statistic.name(), answer.reason);
    }
    assert_eq!(found.summary.severity, Severity::Drifted);
    assert!(found.summary.p_value_adjusted.unwrap() < 1e-30, "{:?}", found.summary);
}

#[test]
fn no_statistic_calls_a_small_difference_beyond_chance_drift() {
    // A hundredth of the range is 0.035 deviations of an even spread, whose deviation is a range over the root of 12.
    // Its end is a thousandth part empty, so that only the distances of distribution functions are small by all
    // measures.
    let found = one(&spread(100_000, 0.0, 10.0), &spread(100_000, 0.1, 10.0));
    assert!(answer(&found, Statistic::Ks).p_value.unwrap() < 1e-4);
    for statistic in
        [Statistic::Ks, Statistic::WassersteinNormed, Statistic::Psi, Statistic::CramerVonMises, Statistic::Energy]
    {
        let answer = answer(&found, statistic);
        assert_eq!(answer.drifted, Some(false), "{}: {}", statistic.name(), answer.reason);
    }
    assert_eq!(found.summary.severity, Severity::Slight, "{}", found.summary.reason);
}

#[test]
fn a_table_is_stable_against_itself_by_every_statistic() {
    let values = spread(1_000, 0.0, 10.0);
    for (statistic, answer) in one(&values, &values).answers.iter() {
        assert_eq!(answer.drifted, Some(false), "{}: {}", statistic.name(), answer.reason);
    }
    assert_eq!(one(&values, &values).summary.severity, Severity::Stable);
}

#[test]
fn missing_and_infinite_values_are_counted_apart_and_left_out_of_the_rest() {
    let (reference, current) = jumping();
    let bare = one(&reference, &current);
    let found = one(&reference, &[current, vec![f64::NAN, f64::NAN, f64::INFINITY]].concat());
    let side = &found.summary.current;
    assert_eq!((side.rows, side.missing, side.infinite), (43, 2, 1));
    assert!((side.missing_share - 3.0 / 43.0).abs() < 1e-15);
    for (statistic, answer) in found.answers.iter() {
        assert_eq!(answer.value, bare.answers.get(statistic).unwrap().value);
    }
}

#[test]
fn more_than_a_tenth_of_the_rows_gone_missing_or_come_back_is_drift_and_a_tenth_is_not() {
    let whole = spread(90, 0.0, 10.0);
    let holes = |missing| [whole.clone(), vec![f64::NAN; missing]].concat();
    // Ten of a hundred rows are a tenth, eleven of a hundred and one are more.
    assert_eq!(one(&whole, &holes(10)).summary.severity, Severity::Stable);
    for found in [one(&whole, &holes(11)), one(&holes(11), &whole)] {
        assert_eq!(found.summary.severity, Severity::Drifted);
        assert!(found.summary.reason.contains("10.9 %"), "{}", found.summary.reason);
        assert_eq!(answer(&found, Statistic::Psi).drifted, Some(false));
    }
}

#[test]
fn missing_values_are_no_drift_where_nothing_can_be_told() {
    let whole = spread(90, 0.0, 10.0);
    let part = "insufficient data: half a week";
    let holes = [spread(60, 0.0, 10.0), vec![f64::NAN; 30]].concat();
    let barred = compare(&[numbers("x", &whole, &holes)], Some(part)).remove(0);
    for found in [barred, one(&whole, &[f64::NAN; 90]), one(&[f64::NAN; 90], &whole)] {
        let Summary { severity, reason, .. } = found.summary;
        assert_eq!(severity, Severity::InsufficientData, "{reason}");
        assert!(
            reason.starts_with("insufficient data: ") && reason.contains(" % of its rows have no value"),
            "{reason}"
        );
    }
}

#[test]
fn a_reference_that_does_not_vary_says_nothing_of_what_is_far() {
    let constant = vec![0.1; 50];
    for current in [constant.clone(), vec![0.2; 50], spread(50, 0.0, 1.0)] {
        let found = one(&constant, &current);
        tells_nothing(&found, "all 50 values of the reference are the same");
        assert_eq!(found.summary.severity, Severity::InsufficientData);
    }
    check(answer(&one(&constant, &[0.2; 50]), Statistic::Wasserstein).value, 0.1);
}

#[test]
fn a_stuck_meter_is_insufficient_data_and_keeps_its_statistics() {
    for level in [0.0, 5.0, 80.0] {
        let found = one(&spread(500, 0.0, 10.0), &[level; 100]);
        tells_nothing(&found, "all 100 values of the current table are the same, as from a stuck meter");
        assert_eq!(found.summary.severity, Severity::InsufficientData);
        assert!(answer(&found, Statistic::Ks).value.unwrap() >= 0.49);
    }
}

#[test]
fn text_that_was_always_the_same_says_nothing_and_one_that_came_to_be_has_drifted() {
    let (varied, same) = (categories(200, &["coal", "gas"]), categories(100, &["coal"]));
    let nothing = texts(&same, &varied);
    assert_eq!(nothing.summary.severity, Severity::InsufficientData);
    let reason = answer(&nothing, Statistic::Psi).reason;
    assert!(reason.contains("all 100 values of the reference are the same"), "{reason}");
    assert_eq!(texts(&varied, &same).summary.severity, Severity::Drifted);
}

#[test]
fn a_flag_that_is_always_set_has_drifted() {
    let varied: Vec<f64> = (0..400).map(|row| f64::from(row * 7 % 5 % 2)).collect();
    assert_eq!(one(&varied, &[1.0; 200]).summary.severity, Severity::Drifted);
}

#[test]
fn rows_worth_fewer_than_four_values_tell_nothing_and_spoil_no_other_columns_answer() {
    let rising: Vec<f64> = (0..100).map(f64::from).collect();
    let (reference, current) = jumping();
    let found = compare(&[numbers("rising", &rising, &rising), numbers("x", &reference, &current)], None);
    tells_nothing(&found[0], "n_eff");
    assert_eq!(found[1], one(&reference, &current));
}

#[test]
fn the_same_evidence_counts_less_among_more_columns() {
    // scipy 1.17.1: ks_2samp(spread(100, 0, 10), spread(100, 2.5, 10), method="asymp") has p 0.0018, times 20 is 0.036.
    let (reference, current) = (spread(100, 0.0, 10.0), spread(100, 2.5, 10.0));
    assert_eq!(answer(&one(&reference, &current), Statistic::Ks).drifted, Some(true));
    let mut columns = vec![numbers("moved", &reference, &current)];
    columns.resize(20, numbers("same", &reference, &reference));
    let ks = answer(&compare(&columns, None)[0], Statistic::Ks);
    assert_eq!(ks.drifted, Some(false));
    assert!(ks.reason.contains("columns tested: 20"), "{}", ks.reason);
}

#[test]
fn one_column_that_has_drifted_is_found_by_every_statistic_among_thirty() {
    let (reference, current) = (spread(1_000, 0.0, 10.0), spread(500, 5.0, 10.0));
    let mut columns = vec![numbers("moved", &reference, &current)];
    columns.resize(30, numbers("same", &reference, &reference));
    for (statistic, answer) in compare(&columns, None)[0].answers.iter() {
        assert_eq!(answer.drifted, Some(true), "{}: {}", statistic.name(), answer.reason);
    }
}

#[test]
fn a_column_without_enough_finite_values_says_where() {
    let (good, bad) = (spread(10, 0.0, 1.0), [f64::NAN, f64::INFINITY]);
    tells_nothing(&one(&good, &bad), "the current table has no finite value of it in 2 rows");
    tells_nothing(&one(&[], &good), "the reference has no row");
    tells_nothing(&one(&good, &[]), "the current table has no row");
    tells_nothing(&one(&[1.0, f64::NAN, 2.0, 3.0], &good), "the reference has 3 finite values of it in 4 rows");
    assert_eq!(one(&good, &[]).summary.severity, Severity::InsufficientData);
}

#[test]
fn tables_that_cannot_be_compared_have_values_and_no_answer() {
    let (reference, current) = jumping();
    let found = compare(&[numbers("x", &reference, &current)], Some("insufficient data: half a week")).remove(0);
    tells_nothing(&found, "half a week");
    assert!(found.answers.iter().all(|(_, answer)| answer.value.is_some()));
}

#[test]
fn values_at_the_end_of_the_number_range_leave_statistics_out_and_panic_nowhere() {
    let huge = [f64::MAX, -f64::MAX, f64::MAX / 2.0, -f64::MAX, 1.0, f64::MAX];
    let found = one(&huge, &spread(10, 0.0, 1.0));
    assert_eq!(answer(&found, Statistic::WassersteinNormed).value, None);
    let text = serde_json::to_string(&found.answers).unwrap();
    assert!(text.contains("\"wasserstein_normed\":{\"value\":null"), "{text}");
}

#[test]
fn a_deviation_beyond_the_range_of_numbers_leaves_an_answer_to_what_looks_at_the_order_alone() {
    for range in [1e200, 1e-200] {
        let found = one(&spread(500, 0.0, range), &spread(500, range / 2.0, range));
        for (statistic, answer) in found.answers.iter() {
            let expected = statistic.is_of_order().then_some(true);
            assert_eq!(answer.drifted, expected, "{}: {}", statistic.name(), answer.reason);
        }
        assert!(answer(&found, Statistic::Energy).reason.contains("beyond the range of numbers"));
        assert_eq!(found.summary.severity, Severity::InsufficientData);
    }
}

#[test]
fn a_document_names_the_statistics_in_their_order() {
    let (reference, current) = jumping();
    let text = serde_json::to_string(&one(&reference, &current).answers).unwrap();
    let places: Vec<_> = Statistic::ALL.iter().map(|of| text.find(&format!("\"{}\":{{", of.name())).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
}

#[test]
fn text_is_compared_as_categories_and_other_statistics_say_that_it_is_text() {
    let same = categories(400, &["coal", "gas", "wind"]);
    let moved = categories(300, &["coal", "coal", "gas", "wind", "coal", "coal"]);
    for (current, drifted) in [(&same, false), (&moved, true)] {
        for (statistic, answer) in texts(&same, current).answers.iter() {
            let expected = statistic.is_of_categories().then_some(drifted);
            assert_eq!(answer.drifted, expected, "{}: {}", statistic.name(), answer.reason);
            assert_eq!(answer.value.is_some(), statistic.is_of_categories());
        }
    }
    assert!(answer(&texts(&same, &same), Statistic::Ks).reason.contains("it is text"));
}

#[test]
fn one_unseen_category_is_named_and_is_no_drift() {
    let reference = categories(120, &["coal", "gas"]);
    let rows = reference.values().take(80).chain([Some("unobtainium")]);
    let found = texts(&reference, &Text::of(rows));
    let chi_squared = answer(&found, Statistic::ChiSquared);
    assert_eq!(chi_squared.drifted, None);
    assert!(chi_squared.reason.contains("`unobtainium`") && chi_squared.reason.contains("Cochran"), "{chi_squared:?}");
    assert!(chi_squared.value.is_some() && chi_squared.p_value.is_some());
}

#[test]
fn an_unseen_category_hides_no_drift_of_the_others() {
    let reference = categories(400, &["coal", "gas"]);
    let moved = categories(400, &["coal", "coal", "coal", "gas"]);
    let found = texts(&reference, &Text::of(moved.values().chain([Some("unobtainium")])));
    let chi_squared = answer(&found, Statistic::ChiSquared);
    assert_eq!(chi_squared.drifted, Some(true), "{}", chi_squared.reason);
    assert!(chi_squared.reason.contains("`unobtainium`"), "{}", chi_squared.reason);
}

#[test]
fn text_that_is_nearly_always_another_is_no_category() {
    let names: Vec<String> = (0..200).map(|i| format!("row {i}")).collect();
    let unique = Text::of(names.iter().map(|name| Some(name.as_str())));
    let found = texts(&unique, &unique);
    tells_nothing(&found, "200 different ones in 200 rows");
    assert!(found.answers.iter().all(|(_, answer)| answer.value.is_none()));
}

#[test]
fn text_that_keeps_its_category_is_worth_fewer_rows() {
    let runs = |rows: u32| Text::of((0..rows).map(|i| Some(["coal", "gas"][(i / 25 % 2) as usize])));
    let found = texts(&runs(200), &runs(200));
    assert!(found.summary.reference.effective_size < 10.0, "{:?}", found.summary);
}

#[test]
fn the_level_is_that_of_a_series() {
    let series = "id = \"xx.y\"\nunit = \"g\"\ncadence = \"1h\"\ntime_zone = \"UTC\"\n[source]\ntime_column = \"t\"\n\
                  value_column = \"v\"\n";
    assert_eq!(Definition::from_toml(series).unwrap().drift.significance, SIGNIFICANCE);
}
