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

fn one(reference: &[f64], current: &[f64]) -> Result<Comparison, Incomparable> {
    compare(&[Column { name: "x", reference, current }]).remove(0)
}

fn check(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9 * expected.abs().max(1.0), "{found} instead of {expected}");
}

#[test]
fn every_statistic_of_sixty_values_against_forty_agrees_with_scipy() {
    // scipy 1.17.1: ks_2samp(method="asymp"), wasserstein_distance; numpy 2.4.6: mean, std, and the index of `psi`.
    let (reference, current) = jumping();
    let found = one(&reference, &current).unwrap();
    check(found.ks_distance, 0.23333333333333328);
    check(found.ks_p_value, 0.12425088847530641);
    check(found.ks_p_value_dependent, 0.12425088847530641);
    check(found.wasserstein.unwrap(), 1.9702083333333333);
    check(found.wasserstein_normed.unwrap(), 0.6759151670048168);
    check(found.psi, 1.0115156410090669);
    check(found.reference.mean.unwrap(), 4.951666666666666);
    check(found.current.deviation.unwrap(), 3.2335747802354904);
    check(found.reference.autocorrelation.unwrap(), -0.37944820289232484);
    assert_eq!((found.reference.effective_size, found.current.effective_size), (60.0, 40.0));
    assert_eq!(found.severity, Severity::Stable, "{}", found.reason);
}

#[test]
fn values_that_follow_each_other_are_no_evidence_though_they_look_like_it() {
    // scipy 1.17.1: ks_2samp(method="asymp") of 300 and 200 values, and kstwo.sf for the 12.7 and 4.5 they are worth.
    let found = one(&wave(300, 37, 11, 0.0), &wave(200, 53, 13, 6.0)).unwrap();
    check(found.ks_distance, 0.33333333333333337);
    assert!((found.ks_p_value / 2.1807235764541416e-12 - 1.0).abs() < 1e-6, "{}", found.ks_p_value);
    check(found.reference.effective_size, 12.67182196274337);
    check(found.current.effective_size, 4.544638760890857);
    check(found.ks_p_value_dependent, 0.7777777777777778);
    check(found.wasserstein.unwrap(), 6.669983762437548);
    check(found.psi, 2.0506038578663515);
    assert_eq!(found.severity, Severity::Stable, "{}", found.reason);
}

#[test]
fn a_large_difference_beyond_chance_is_drift() {
    // All of it moved by half the range: half of the values lie above the reference's greatest.
    let found = one(&spread(1_000, 0.0, 10.0), &spread(500, 5.0, 10.0)).unwrap();
    assert!((found.wasserstein.unwrap() - 5.0).abs() < 0.02);
    assert_eq!(found.severity, Severity::Drifted, "{}", found.reason);
    assert!(found.reason.contains("p ") && found.reason.contains("deviations"), "{}", found.reason);
}

#[test]
fn a_small_difference_beyond_chance_is_slight() {
    // A fiftieth of the range is 0.07 deviations of an even spread, whose deviation is a range over the root of 12.
    let reference = spread(100_000, 0.0, 10.0);
    let found = one(&reference, &spread(100_000, 0.2, 10.0)).unwrap();
    assert!((found.wasserstein_normed.unwrap() - 0.2 * 12.0_f64.sqrt() / 10.0).abs() < 1e-3);
    assert!(found.ks_p_value < 1e-10 && found.psi < LEAST.psi, "{found:?}");
    assert_eq!(found.severity, Severity::Slight, "{}", found.reason);
}

#[test]
fn a_table_is_stable_against_itself() {
    let values = spread(1_000, 0.0, 10.0);
    let found = one(&values, &values).unwrap();
    assert_eq!((found.ks_distance, found.ks_p_value, found.psi), (0.0, 1.0, 0.0));
    assert_eq!((found.wasserstein, found.wasserstein_normed), (Some(0.0), Some(0.0)));
    assert_eq!(found.severity, Severity::Stable);
}

#[test]
fn missing_and_infinite_values_are_counted_apart_and_left_out_of_the_rest() {
    let (reference, current) = jumping();
    let bare = one(&reference, &current).unwrap();
    let mut holes = current.clone();
    holes.extend([f64::NAN, f64::NAN, f64::INFINITY]);
    let found = one(&reference, &holes).unwrap();
    assert_eq!((found.current.rows, found.current.missing, found.current.infinite), (43, 2, 1));
    assert!((found.current.missing_share - 3.0 / 43.0).abs() < 1e-15);
    assert_eq!((found.ks_distance, found.psi, found.wasserstein), (bare.ks_distance, bare.psi, bare.wasserstein));
    assert_eq!(found.severity, Severity::Stable, "{}", found.reason);
}

#[test]
fn more_than_a_tenth_of_the_rows_gone_missing_or_come_back_is_drift_and_a_tenth_is_not() {
    let whole = spread(90, 0.0, 10.0);
    let holes = |missing| [whole.clone(), vec![f64::NAN; missing]].concat();
    // Ten of a hundred rows are a tenth, eleven of a hundred and one are more.
    assert_eq!(one(&whole, &holes(10)).unwrap().severity, Severity::Stable);
    for found in [one(&whole, &holes(11)).unwrap(), one(&holes(11), &whole).unwrap()] {
        assert_eq!(found.severity, Severity::Drifted);
        assert!(found.reason.contains("10.9 %"), "{}", found.reason);
    }
}

#[test]
fn a_reference_that_does_not_vary_is_left_by_any_other_value() {
    let constant = vec![0.1; 50];
    assert_eq!(one(&constant, &constant).unwrap().severity, Severity::Stable);
    let found = one(&constant, &[0.2; 50]).unwrap();
    assert_eq!((found.wasserstein_normed, found.reference.autocorrelation), (None, None));
    check(found.wasserstein.unwrap(), 0.1);
    assert_eq!(found.severity, Severity::Drifted, "{}", found.reason);
}

#[test]
fn a_stuck_meter_has_drifted() {
    let found = one(&spread(500, 0.0, 10.0), &[5.0; 100]).unwrap();
    assert_eq!(found.severity, Severity::Drifted, "{}", found.reason);
}

#[test]
fn rows_worth_fewer_than_four_values_tell_nothing_and_spoil_no_other_columns_answer() {
    let rising: Vec<f64> = (0..100).map(f64::from).collect();
    let (reference, current) = jumping();
    let columns = [("rising", &rising, &rising), ("x", &reference, &current)];
    let columns = columns.map(|(name, reference, current)| Column { name, reference, current });
    let found: Vec<_> = compare(&columns).into_iter().map(Result::unwrap).collect();
    assert_eq!((found[0].severity, found[0].ks_p_value_adjusted), (Severity::InsufficientData, None));
    assert!(found[0].reason.contains("independent ones"), "{}", found[0].reason);
    assert_eq!(found[1], one(&reference, &current).unwrap());
}

#[test]
fn the_same_evidence_counts_less_among_more_columns() {
    // scipy 1.17.1: ks_2samp(spread(100, 0, 10), spread(100, 2.5, 10), method="asymp") has p 0.0018, times 20 is 0.036.
    let (reference, current) = (spread(100, 0.0, 10.0), spread(100, 2.5, 10.0));
    let alone = one(&reference, &current).unwrap();
    assert_eq!(alone.severity, Severity::Drifted, "{}", alone.reason);
    let mut columns = vec![Column { name: "moved", reference: &reference, current: &current }];
    columns.resize(20, Column { name: "same", reference: &reference, current: &reference });
    let found = compare(&columns).remove(0).unwrap();
    check(found.ks_p_value_adjusted.unwrap(), 20.0 * alone.ks_p_value_dependent);
    assert_eq!(found.severity, Severity::Stable, "{}", found.reason);
}

#[test]
fn a_column_without_enough_finite_values_says_where() {
    let (good, bad) = (spread(10, 0.0, 1.0), [f64::NAN, f64::INFINITY]);
    assert_eq!(one(&good, &bad), Err(Incomparable::NoFinite { which: Which::Current, rows: 2 }));
    assert_eq!(one(&[], &good), Err(Incomparable::NoFinite { which: Which::Reference, rows: 0 }));
    let few = [1.0, f64::NAN, 2.0, 3.0];
    assert_eq!(one(&few, &good), Err(Incomparable::TooFew { which: Which::Reference, finite: 3, rows: 4 }));
    assert!(one(&[1.0, 3.0, 2.0, 4.0], &good).is_ok());
}

#[test]
fn values_at_the_end_of_the_number_range_leave_statistics_out_and_panic_nowhere() {
    let huge = [f64::MAX, -f64::MAX, f64::MAX / 2.0, -f64::MAX, 1.0, f64::MAX];
    let found = one(&huge, &spread(10, 0.0, 1.0)).unwrap();
    assert_eq!(found.wasserstein_normed, None);
    let text = serde_json::to_string(&found).unwrap();
    assert!(text.contains("\"wasserstein_normed\":null"), "{text}");
}

#[test]
fn the_level_is_that_of_a_series() {
    let series = "id = \"xx.y\"\nunit = \"g\"\ncadence = \"1h\"\ntime_zone = \"UTC\"\n[source]\ntime_column = \"t\"\n\
                  value_column = \"v\"\n";
    assert_eq!(Definition::from_toml(series).unwrap().drift.significance, SIGNIFICANCE);
}
