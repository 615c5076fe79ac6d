//! Ranks and corrections computed by hand, coverage on errors that are drawn, and what must not be seen.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;

fn start() -> Timestamp {
    "2021-01-01".parse().unwrap()
}

fn day(days: i64) -> Timestamp {
    start().plus(days * DAY)
}

/// Daily forecasts of 100 with a horizon of `steps` days, of values that differ from it by these errors.
fn seen(errors: &[f64], steps: usize) -> (Calibration, History) {
    let actual = History::new(start(), Cadence::Day, errors.iter().map(|error| 100.0 - error).collect());
    let mut calibration = Calibration::new(Cadence::Day, steps, start());
    for origin in 0..errors.len() as i64 {
        calibration.advance(day(origin), vec![100.0; steps], &actual);
    }
    (calibration, actual)
}

#[test]
fn quantiles_have_the_conformal_rank() {
    // Ranks ceil(20 x .5) = 10, ceil(20 x .8) = 16, ceil(20 x .95) = 19 of 1..19.
    let errors: Vec<(f64, f64)> = (1..=19).map(|error| (f64::from(error), 1.0)).collect();
    assert_eq!(weighted_quantiles(&errors), [10.0, 16.0, 19.0]);
}

#[test]
fn heavier_errors_move_a_quantile() {
    // Weights 1, 1, 3 and 1 for the next: half of 6 is reached by the third, .8 and .95 of 6 by none.
    assert_eq!(weighted_quantiles(&[(1.0, 1.0), (2.0, 1.0), (9.0, 3.0)]), [9.0, 9.0, 9.0]);
    assert_eq!(weighted_quantiles(&[(1.0, 3.0), (2.0, 1.0), (9.0, 1.0)]), [1.0, 9.0, 9.0]);
}

#[test]
fn a_share_of_a_lasting_error_is_taken_off() {
    // Always 8 too high: 0.35 of it is taken off at every step.
    let (calibration, actual) = seen(&[8.0; 40], 2);
    let outlook = calibration.outlook(day(40), &actual).unwrap();
    assert!(outlook.corrections.iter().all(|correction| (correction - 2.8).abs() < 1e-12), "{outlook:?}");
}

#[test]
fn errors_before_the_newest_fit_tell_nothing_of_the_level() {
    let (mut calibration, actual) = seen(&[8.0; 40], 1);
    calibration.level_from = day(40);
    assert_eq!(calibration.outlook(day(40), &actual).unwrap().corrections, [0.0]);
}

#[test]
fn six_errors_correct_nothing_and_seven_do() {
    let known = |days: i64| {
        let (mut calibration, actual) = seen(&vec![8.0; days as usize], 1);
        calibration.look(day(days), &actual);
        calibration.corrections(day(days))[0]
    };
    assert_eq!(known(6), 0.0);
    assert!((known(7) - 2.8).abs() < 1e-12);
}

#[test]
fn a_tracker_moves_by_how_far_coverage_is_off() {
    let mut factors = [1.0; 3];
    let widths = [HalfWidths { half_50: 2.0, half_80: 3.0, half_95: 6.0 }; 3];
    follow(&mut factors, (&[Some(5.0), Some(-1.0), None], 0.0), &widths);
    // One of two measured values left the first two intervals, none the third.
    let expected = [0.0, 0.15 * (0.5 - 0.2), 0.15 * (0.0 - 0.05)].map(f64::exp);
    assert!(factors.iter().zip(expected).all(|(factor, expected)| (factor - expected).abs() < 1e-12), "{factors:?}");
}

#[test]
fn a_tracker_sees_a_day_once_though_its_last_step_was_not_measured() {
    // Twenty-two days of hours at 0 error give intervals of no width; then a day of errors but for its last hour.
    let mut values = vec![100.0; 24 * 22];
    values.extend([90.0; 23]);
    values.extend([f64::NAN; 25]);
    let actual = History::new(start(), Cadence::Hour, values);
    let mut calibration = Calibration::new(Cadence::Hour, 48, start());
    for origin in 0..=22 {
        calibration.advance(day(origin), vec![100.0; 48], &actual);
    }
    let factors = |until: Timestamp| {
        let mut calibration = calibration.clone();
        calibration.look(until.plus(-HOUR), &actual);
        calibration.look(until, &actual);
        calibration.look(until.plus(HOUR), &actual);
        calibration.factors[0]
    };
    let before = calibration.factors[0];
    let expected = LEVELS.map(|level| (TRACKER_STEP * level).exp());
    for ((found, before), expected) in factors(day(23)).iter().zip(before).zip(expected) {
        assert!((found / before - expected).abs() < 1e-12, "{found} after {before}");
    }
}

#[test]
fn intervals_cover_what_they_should_while_errors_grow() {
    // Uniform errors that grow fourfold within two years: intervals that do not adapt would end at a quarter of it.
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut uniform = || f64::from(random.next_u32()) / f64::from(u32::MAX) - 0.5;
    let errors: Vec<f64> = (0..730).map(|day| uniform() * 10.0 * (1.0 + 3.0 * f64::from(day) / 730.0)).collect();
    let actual = History::new(start(), Cadence::Day, errors.iter().map(|error| 100.0 - error).collect());
    let mut calibration = Calibration::new(Cadence::Day, 1, start());
    let mut inside = [0.0; 3];
    let mut counted = 0.0;
    for (origin, error) in errors.iter().enumerate() {
        let at = day(origin as i64);
        if let Ok(outlook) = calibration.clone().outlook(at, &actual).map_err(drop) {
            let left = (error - outlook.corrections[0]).abs();
            let widths = outlook.widths[0];
            for (inside, half) in inside.iter_mut().zip([widths.half_50, widths.half_80, widths.half_95]) {
                *inside += f64::from(u8::from(left <= half));
            }
            counted += 1.0;
        }
        calibration.advance(at, vec![100.0], &actual);
    }
    // Four standard errors of a share of 700: .075, .06 and .033.
    let coverage = inside.map(|inside| inside / counted);
    let near = coverage.iter().zip(LEVELS).zip([0.075, 0.06, 0.033]).all(|((c, level), room)| (c - level).abs() < room);
    assert!(counted > 700.0 && near, "{coverage:?} of {counted}");
}

#[test]
fn an_error_counts_only_once_its_hour_has_passed() {
    let (calibration, actual) = seen(&[3.0; 30], 4);
    let mut later = actual.values().to_vec();
    later.extend([1e6; 10]);
    let later = History::new(start(), Cadence::Day, later);
    assert_eq!(calibration.clone().outlook(day(30), &actual), calibration.outlook(day(30), &later));
}

#[test]
fn half_widths_of_earlier_models_are_kept() {
    let widths = [HalfWidths { half_50: 5.0, half_80: 10.0, half_95: 20.0 }; 30];
    let calibration = Calibration::of_half_widths(Cadence::Hour, &widths, start());
    let actual = History::new(start(), Cadence::Hour, vec![1.0; 24]);
    let outlook = calibration.outlook(day(1), &actual).unwrap();
    assert!(outlook.corrections.iter().all(|correction| correction.abs() < 1e-12));
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
    let same = |w: &HalfWidths| near(w.half_50, 5.0) && near(w.half_80, 10.0) && near(w.half_95, 20.0);
    assert!(outlook.widths.iter().all(same), "{:?}", outlook.widths[0]);
}

#[test]
fn too_few_errors_are_refused_with_their_number() {
    let (calibration, actual) = seen(&[1.0; 12], 1);
    assert_eq!(calibration.outlook(day(12), &actual), Err(TooFewErrors { step: 0, errors: 12 }));
}

#[test]
fn an_origin_is_forgotten_once_it_no_longer_counts() {
    let (calibration, _) = seen(&[1.0; 200], 2);
    assert_eq!(calibration.past.len(), MOST_ORIGINS);
}
