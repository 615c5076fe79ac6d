//! Fitting and issuing as a whole, and what the tests of forecasts share.

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::history::History;
use crate::time::Cadence;

/// A definition that is fast to fit.
pub(crate) fn definition(cadence: &str, horizon_hours: u32) -> Definition {
    let text = format!(
        r#"
        id = "it.ci_direct"
        unit = "gCO2eq/kWh"
        cadence = "{cadence}"
        time_zone = "Europe/Rome"
        [source]
        time_column = "timestamp_utc"
        value_column = "ci"
        [contract]
        minimum = 1.0
        maximum = 1500.0
        [forecast]
        horizon_hours = {horizon_hours}
        "#
    );
    Definition::from_toml(&text).unwrap()
}

pub(crate) fn start() -> Timestamp {
    "2021-01-01".parse().unwrap()
}

/// A level of 300 with the shape of a day, a dip on weekends and noise that lasts some hours.
pub(crate) fn simulated(cadence: Cadence, days: usize, seed: u64) -> History {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut deviation = 0.0;
    let per_day = cadence.per_day();
    let keep = 0.97_f64.powf(24.0 / per_day as f64);
    let value = |step: usize| {
        let uniform = f64::from(random.next_u32()) / f64::from(u32::MAX) - 0.5;
        deviation = keep * deviation + 12.0 * uniform;
        let angle = std::f64::consts::TAU * (step % per_day) as f64 / per_day as f64;
        let weekend = if (step / per_day) % 7 >= 5 { -25.0 } else { 0.0 };
        300.0 + 40.0 * angle.cos() + 15.0 * (2.0 * angle).sin() + weekend + deviation
    };
    History::new(start(), cadence, (0..days * per_day).map(value).collect())
}

#[test]
fn two_fits_of_the_same_history_are_equal_byte_for_byte() {
    let (definition, history) = (definition("1h", 24), simulated(Cadence::Hour, 61, 1));
    let fits =
        [(); 2].map(|()| serde_json::to_vec(&fit(&definition, &Inputs::alone(history.clone())).unwrap()).unwrap());
    assert_eq!(fits[0], fits[1]);
}

#[test]
fn a_fitted_model_reads_back_as_it_was_written() {
    let fitted = fit(&definition("1d", 96), &Inputs::alone(simulated(Cadence::Day, 100, 2))).unwrap();
    let bytes = serde_json::to_vec(&fitted).unwrap();
    assert_eq!(serde_json::from_slice::<Fitted>(&bytes).unwrap(), fitted);
}

#[test]
fn a_holdout_begins_as_many_days_before_the_end_as_the_definition_says() {
    let history = simulated(Cadence::Day, 100, 3);
    let fitted = fit(&definition("1d", 96), &Inputs::alone(history.clone())).unwrap();
    assert_eq!(fitted.holdout_start, start().plus(79 * DAY));
    assert_eq!(fitted.candidate.trained_until(), fitted.holdout_start);
    assert_eq!((fitted.trained_until, fitted.serving.trained_until()), (history.end(), history.end()));
}

#[test]
fn an_issued_forecast_has_nested_intervals_inside_the_possible_values() {
    let mut definition = definition("1h", 24);
    definition.contract.maximum = 330.0;
    let history = simulated(Cadence::Hour, 61, 4);
    let fitted = fit(&definition, &Inputs::alone(history.clone())).unwrap();
    let forecast = issue(&fitted, &Inputs::alone(history.clone()), history.end()).unwrap().forecast;
    assert_eq!(forecast.points.len(), 24);
    for (step, point) in forecast.points.iter().enumerate() {
        assert_eq!(point.target, history.end().plus(step as i64 * 3_600));
        let ordered = [point.lower_95, point.lower_80, point.lower_50, point.value];
        assert!(ordered.is_sorted(), "{point:?}");
        let ordered = [point.value, point.upper_50, point.upper_80, point.upper_95];
        assert!(ordered.is_sorted() && point.upper_95 <= 330.0, "{point:?}");
    }
}

#[test]
fn an_interval_is_as_wide_as_the_errors_on_hours_the_candidate_does_not_know() {
    // Twice the noise in the holdout makes an interval about twice as wide, whatever the fit.
    let (definition, calm) = (definition("1d", 48), simulated(Cadence::Day, 200, 5));
    let fitted = fit(&definition, &Inputs::alone(calm.clone())).unwrap();
    let mut values = calm.values().to_vec();
    values.iter_mut().skip(179).enumerate().for_each(|(day, v)| *v += if day % 2 == 0 { 400.0 } else { -200.0 });
    let wild = History::new(start(), Cadence::Day, values);
    let wider = fit(&definition, &Inputs::alone(wild.clone())).unwrap();
    assert_eq!(wider.candidate, fitted.candidate);
    let width = |fitted: &Fitted, history: &History| {
        fitted.calibration.clone().outlook(history.end(), history).unwrap().widths[0].half_80
    };
    assert!(width(&wider, &wild) > 2.0 * width(&fitted, &calm));
}

#[test]
fn a_holdout_with_hardly_a_value_gives_no_interval() {
    let (definition, history) = (definition("1d", 48), simulated(Cadence::Day, 100, 6));
    let mut values = history.values().to_vec();
    values[82..99].fill(f64::NAN);
    let refused = fit(&definition, &Inputs::alone(History::new(start(), Cadence::Day, values))).unwrap_err();
    assert!(matches!(refused, FitError::Errors(TooFewErrors { .. })), "{refused}");
}

#[test]
fn a_covariate_that_cannot_be_used_costs_its_candidate_and_says_so() {
    let (mut definition, own) = (definition("1d", 48), simulated(Cadence::Day, 100, 7));
    definition.forecast.candidates = vec![Candidate::Ridge, Candidate::RidgeCovariates];
    let flat = History::new(start(), Cadence::Day, vec![5.0; 100]);
    let covariates = vec![Covariate { name: "flat".to_owned(), delay: 0, history: flat }];
    let fitted = fit(&definition, &Inputs { covariates, ..Inputs::alone(own.clone()) }).unwrap();
    let made_of: Vec<Candidate> = fitted.serving.shares().map(|(candidate, _)| candidate).collect();
    assert_eq!(made_of, [Candidate::Ridge]);
    let why = "the covariate `flat` does not vary, or has no value, before the first fit";
    let none = "ridge_covariates: `ridge_covariates` looks at covariates, and there is none that can be used: name \
        columns in forecast.covariates or series in forecast.neighbours";
    assert_eq!(fitted.left_out, [why, none]);
    assert_eq!(fit(&definition, &Inputs::alone(own)).unwrap().left_out, [none]);
}

/// A series that follows another by two days, and that other.
fn following() -> (History, History) {
    let leader = simulated(Cadence::Day, 202, 9);
    let values = leader.values()[..200].iter().map(|value| 2.0 * value - 300.0).collect();
    let own = History::new(start(), Cadence::Day, values);
    let leader = History::new(start(), Cadence::Day, leader.values()[2..].to_vec());
    (own, leader)
}

#[test]
fn a_forecast_without_a_covariate_that_stops_says_so_and_is_less_sure() {
    let (definition, (own, leader)) = (definition("1d", 48), following());
    let with = |history: History| Inputs {
        covariates: vec![Covariate { name: "leader".to_owned(), delay: 0, history }],
        ..Inputs::alone(own.clone())
    };
    let fitted = fit(&definition, &with(leader.clone()).before(start().plus(190 * DAY))).unwrap();
    let width = |issue: &Issue| issue.forecast.points[0].upper_80 - issue.forecast.points[0].lower_80;
    let whole = issue(&fitted, &with(leader.clone()), own.end()).unwrap();
    assert!(whole.without.is_empty());
    let stopped = issue(&fitted, &with(leader.before(start().plus(195 * DAY))), own.end()).unwrap();
    assert_eq!(stopped.without.len(), 1);
    assert!(stopped.without[0].starts_with("ridge_covariates: the covariate `leader` cannot be used"));
    assert!(width(&stopped) > width(&whole), "{} and {}", width(&stopped), width(&whole));
    assert!(stopped.forecast.values().iter().all(|value| value.is_finite()));
}

#[test]
fn the_parts_of_an_explanation_sum_up_to_the_forecast() {
    let (mut definition, own) = (definition("1h", 48), simulated(Cadence::Hour, 100, 10));
    definition.forecast.candidates = vec![
        Candidate::Ridge,
        Candidate::Recursive,
        Candidate::UsualWeek,
        Candidate::PreviousDay,
        Candidate::RidgeCovariates,
        Candidate::Decomposition,
        Candidate::BoostedTrees,
        Candidate::Pooled,
    ];
    let other = simulated(Cadence::Hour, 100, 11);
    let covariates = vec![Covariate { name: "other".to_owned(), delay: 3_600, history: other }];
    let inputs = Inputs { covariates, ..Inputs::alone(own) };
    let fitted = fit(&definition, &inputs).unwrap();
    let forecast = issue(&fitted, &inputs, inputs.end()).unwrap().forecast;
    let explanation = Issuer::new(&fitted).explain(&inputs, inputs.end()).unwrap();
    for (value, sum) in forecast.values().iter().zip(explanation.values()) {
        assert!((value - sum).abs() < 1e-6, "{value} and {sum}");
    }
    // Nothing is left over for the bounds, which no value came near.
    assert!(explanation.parts[&Input::Bounds].iter().all(|value| value.abs() < 1e-6));
    assert!(explanation.parts.contains_key(&Input::Covariate("other".to_owned())));
}

#[test]
fn a_covariate_that_stopped_before_the_training_costs_its_candidate_alone() {
    let (definition, (own, leader)) = (definition("1d", 48), following());
    let stopped = leader.before(start().plus(150 * DAY));
    let covariates = vec![Covariate { name: "leader".to_owned(), delay: 0, history: stopped }];
    let fitted = fit(&definition, &Inputs { covariates, ..Inputs::alone(own) }).unwrap();
    assert_eq!(fitted.left_out, ["the covariate `leader` is missing on most days of the holdout"]);
}

#[test]
fn weather_that_is_named_and_not_there_is_told() {
    let mut definition = definition("1d", 48);
    let series = "it.weather".parse().unwrap();
    definition.forecast.weather = Some(crate::series::Neighbour { series, delay_hours: 6 });
    let fitted = fit(&definition, &Inputs::alone(simulated(Cadence::Day, 100, 7))).unwrap();
    assert_eq!(fitted.left_out, ["the weather is not there"]);
}

#[test]
fn a_covariate_that_cannot_be_used_does_not_cost_the_others() {
    let (definition, (own, leader)) = (definition("1d", 48), following());
    let covariate =
        |name: &str, history: &History| Covariate { name: name.to_owned(), delay: 0, history: history.clone() };
    let with =
        |covariates: Vec<Covariate>| fit(&definition, &Inputs { covariates, ..Inputs::alone(own.clone()) }).unwrap();
    let empty = History::new(start(), Cadence::Day, vec![f64::NAN; 200]);
    let both = with(vec![covariate("leader", &leader), covariate("empty", &empty)]);
    assert_eq!(both.left_out, ["the covariate `empty` is not there"]);
    assert_eq!(both.serving, with(vec![covariate("leader", &leader)]).serving);
}

#[test]
fn gaps_that_leave_an_early_cut_too_little_do_not_keep_a_model_away() {
    // Every third day of the first hundred: enough days for an early cut, and no four weeks to learn from before it.
    let mut values = simulated(Cadence::Day, 250, 12).values().to_vec();
    (0..180).filter(|day| day % 3 > 0).for_each(|day| values[day] = f64::NAN);
    let history = History::new(start(), Cadence::Day, values);
    assert!(fit(&definition("1d", 48), &Inputs::alone(history)).is_ok());
}

/// Two years and more of hours with everything that may help: another series known two hours late, and the weather six
/// hours after its issue. What was not known at `changed` is another in both.
fn with_all(days: usize, changed: Option<Timestamp>) -> Inputs {
    let change = |history: &History, known: Timestamp| {
        let place = history.before(known).values().len();
        let values =
            history.values().iter().enumerate().map(|(at, value)| if at < place { *value } else { 1_000.0 - value });
        History::new(history.start(), history.cadence(), values.collect())
    };
    let (own, other) = (simulated(Cadence::Hour, days, 31), simulated(Cadence::Hour, days, 32));
    let run = |day: usize| {
        let issued = start().plus(day as i64 * DAY);
        let is_known = changed.is_none_or(|at| issued.plus(6 * 3_600) <= at);
        let conditions = |hour: usize| Conditions {
            wind_ms: if is_known { ((24 * day + hour) % 37) as f64 / 4.0 } else { 20.0 },
            sun_wm2: ((24 * day + hour) % 24) as f64 * 20.0,
            temperature_k: 285.0,
            dew_point_k: 280.0,
            rain_mm: 0.0,
        };
        Run { issued, hours: (0..48).map(conditions).collect() }
    };
    let late = |at: Timestamp| at.plus(-2 * 3_600);
    Inputs {
        covariates: vec![Covariate {
            name: "other".to_owned(),
            delay: 2 * 3_600,
            history: changed.map_or_else(|| other.clone(), |at| change(&other, late(at))),
        }],
        weather: Some(Weather::new(6 * 3_600, (0..days).map(run).collect()).unwrap()),
        own: changed.map_or_else(|| own.clone(), |at| change(&own, at)),
    }
}

#[test]
fn nothing_that_was_not_known_changes_a_model_of_every_input_or_its_forecast() {
    let (definition, days) = (definition("1h", 24), 800);
    let origin = start().plus(days as i64 * DAY - 2 * DAY);
    let (inputs, changed) = (with_all(days, None), with_all(days, Some(origin)));
    let fitted = fit(&definition, &inputs.before(origin)).unwrap();
    assert_eq!(fitted.serving.shares().count(), 6);
    // Old enough for every memory to compete.
    let first = origin.plus(-171 * DAY);
    assert_eq!(Memory::competing(&definition, &inputs.own, first).len(), 2);
    assert_eq!(fit(&definition, &changed.before(origin)).unwrap(), fitted);
    assert_eq!(issue(&fitted, &changed, origin).unwrap(), issue(&fitted, &inputs, origin).unwrap());
    let explained = |inputs: &Inputs| Issuer::new(&fitted).explain(inputs, origin).unwrap();
    assert_eq!(explained(&changed), explained(&inputs));
    // The model that is evaluated knows nothing of the holdout.
    let held_out = with_all(days, Some(fitted.holdout_start)).before(origin);
    assert_eq!(fit(&definition, &held_out).unwrap().candidate, fitted.candidate);
}

/// Candidates beside the regressions by step, which have such tests of their own.
const OTHERS: [Candidate; 3] = [Candidate::Decomposition, Candidate::BoostedTrees, Candidate::Pooled];

fn of_others(cadence: &str, horizon_hours: u32) -> Definition {
    let mut definition = definition(cadence, horizon_hours);
    definition.forecast.candidates = OTHERS.to_vec();
    definition
}

#[test]
fn a_decomposition_trees_and_a_pooled_regression_read_back_as_they_were_stored() {
    let inputs = Inputs::alone(simulated(Cadence::Hour, 62, 13));
    let fitted = fit(&of_others("1h", 24), &inputs).unwrap();
    let made_of: Vec<Candidate> = fitted.serving.shares().map(|(candidate, _)| candidate).collect();
    assert_eq!(made_of, OTHERS);
    let bytes = serde_json::to_vec(&fitted).unwrap();
    let read: Fitted = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(read, fitted);
    let values = |fitted: &Fitted| issue(fitted, &inputs, inputs.end()).unwrap().forecast.values();
    assert_eq!(values(&read), values(&fitted));
    assert!(values(&read).iter().all(|value| (200.0..400.0).contains(value)), "{:?}", values(&read));
}

#[test]
fn a_decomposition_trees_and_a_pooled_regression_are_the_same_on_any_number_of_threads() {
    let (definition, inputs) = (of_others("1h", 24), Inputs::alone(simulated(Cadence::Hour, 62, 14)));
    let fit_on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| serde_json::to_vec(&fit(&definition, &inputs).unwrap()).unwrap())
    };
    assert_eq!(fit_on(1), fit_on(3));
}

#[test]
fn a_history_that_is_constant_is_refused_by_every_candidate() {
    let constant = Inputs::alone(History::new(start(), Cadence::Day, vec![300.0; 100]));
    for candidate in OTHERS {
        let mut definition = definition("1d", 48);
        definition.forecast.candidates = vec![candidate];
        let refused = fit(&definition, &constant).unwrap_err();
        assert!(matches!(refused, FitError::Constant { .. }), "{}: {refused}", candidate.name());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_value_at_or_after_a_cut_or_an_origin_changes_what_is_made_before_it(
        places in prop::collection::vec(79_usize..100, 1..8),
        value in prop_oneof![Just(f64::NAN), -1e6..1e6],
        gap in 74_usize..79,
    ) {
        let mut known = simulated(Cadence::Day, 100, 15).values().to_vec();
        known[gap..79].fill(f64::NAN);
        let mut changed = known.clone();
        places.iter().for_each(|place| changed[*place] = value);
        let histories = [known, changed].map(|values| Inputs::alone(History::new(start(), Cadence::Day, values)));
        let (definition, cut) = (of_others("1d", 96), start().plus(79 * DAY));
        // The end of the history is a cut too: the first of the two is what must not know what stands behind it.
        let made = histories.map(|inputs| {
            let fitting = Fitting::new(&definition, &inputs, With::default(), &[cut, inputs.end()]).unwrap();
            let made = OTHERS.map(|candidate| {
                let members = candidate.fit(&definition, &inputs, &fitting, &[cut, inputs.end()]).unwrap();
                (serde_json::to_string(&members[0]).unwrap(), members[0].predict(&inputs, start().plus(75 * DAY)))
            });
            made.to_vec()
        });
        prop_assert_eq!(&made[0], &made[1]);
    }
}
