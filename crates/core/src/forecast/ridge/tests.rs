//! The fit against sums row by row and another solver, and the laws: no future, no panic, the same bytes.

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use ndarray::Array1;

use super::super::calendar::{Calendar, Describes};
use super::super::error::FitError;
use super::super::inputs::Covariate;
use super::super::recent::RecentError;
use super::super::tests::{definition, simulated, start};
use super::super::weather::{Conditions, Run, Weather};
use super::design::{Design, Rows, Scale};
use super::fit::{Recipe, scale};
use super::normal::{Normal, Shared};
use super::*;
use crate::series::Definition;
use crate::time::{DAY, HOUR};

/// The same recipe, fitted on the hours before a cut and on all.
struct Pair {
    candidate: Ridge,
    serving: Ridge,
}

fn fit_pair(definition: &Definition, history: &History, cut: Timestamp) -> Result<Pair, FitError> {
    let inputs = Inputs::alone(history.clone());
    let fitting = Fitting::new(definition, &inputs, With::default(), &[cut, history.end()])?;
    let [candidate, serving] = fitting.direct(&[rule(definition)])?.remove(0).try_into().unwrap();
    Ok(Pair { candidate, serving })
}

fn rule(definition: &Definition) -> Memory {
    Memory { half_life_days: definition.forecast.half_life_days, since: None }
}

fn predict(model: &Ridge, history: &History, origin: Timestamp) -> Result<Vec<f64>, PredictError> {
    model.predict(&Inputs::alone(history.clone()), origin)
}

fn with_gaps(history: &History, gaps: &[std::ops::Range<usize>]) -> History {
    let mut values = history.values().to_vec();
    gaps.iter().for_each(|gap| values[gap.clone()].fill(f64::NAN));
    History::new(history.start(), history.cadence(), values)
}

fn design(history: &History, steps: usize, cut: usize) -> Design<'static> {
    let calendar = Calendar::new(jiff::tz::TimeZone::get("Europe/Rome").unwrap(), history.cadence());
    let scale = Scale::of(history.values()).unwrap();
    let mut design = Design::new(history, &calendar, scale, Rows { steps, half_life_days: 30.0, cuts: &[cut] });
    design.weigh();
    design
}

/// The normal equations of one horizon, row by row as they are defined.
fn row_by_row(design: &Design<'_>, targets: std::ops::Range<usize>, step: usize) -> Normal {
    let width = design.lags.ncols() + design.calendar.ncols();
    let mut sum = Normal { gram: ndarray::Array2::zeros((width, width)), moments: Array1::zeros(width), rows: 0 };
    for (row, weight) in design.weights.iter().enumerate() {
        let place = row * design.stride + step;
        if *weight == 0.0 || !targets.contains(&place) || !design.known[place] {
            continue;
        }
        let x: Vec<f64> = design.lags.row(row).iter().chain(design.calendar.row(place)).copied().collect();
        for (i, a) in x.iter().enumerate() {
            sum.moments[i] += weight * a * design.left[[row, step]];
            x.iter().enumerate().for_each(|(j, b)| sum.gram[[i, j]] += weight * a * b);
        }
        sum.rows += 1;
    }
    sum
}

fn check_shared_sums(history: &History, steps: &[usize], early: usize) {
    let horizon = steps.iter().max().unwrap() + 1;
    let held_out = 2 * history.cadence().per_day();
    let design = design(history, horizon, history.values().len() - held_out);
    let all = design.known.len();
    for targets in [0..early, early..all] {
        let shared = Shared::over(&design, targets.clone(), history.cadence().per_day());
        for &step in steps {
            let (fast, slow) = (shared.horizon(step), row_by_row(&design, targets.clone(), step));
            assert_eq!(fast.rows, slow.rows, "step {step} of {targets:?}");
            let apart = |a: f64, b: f64| (a - b).abs() < 1e-9 * (1.0 + a.abs());
            assert!(fast.gram.iter().zip(&slow.gram).all(|(a, b)| apart(*a, *b)), "step {step} of {targets:?}");
            assert!(fast.moments.iter().zip(&slow.moments).all(|(a, b)| apart(*a, *b)), "step {step} of {targets:?}");
        }
    }
}

#[test]
fn sums_shared_by_the_horizons_equal_the_sums_row_by_row() {
    check_shared_sums(&simulated(Cadence::Hour, 45, 1), &[0, 1, 23, 29], 300);
}

#[test]
fn sums_are_right_where_values_are_missing() {
    let history = simulated(Cadence::Hour, 45, 2);
    let gaps = [3..5, 100..130, 700..701, 710..722, 900..903, 950..955, 1_020..1_060];
    check_shared_sums(&with_gaps(&history, &gaps), &[0, 7, 26], 250);
}

#[test]
fn sums_are_right_where_most_values_are_missing() {
    let history = simulated(Cadence::Hour, 45, 3);
    let gaps: Vec<_> = (680..1_070).step_by(3).map(|at| at..at + 2).collect();
    check_shared_sums(&with_gaps(&history, &gaps), &[0, 5], 200);
}

#[test]
fn sums_are_right_at_other_cadences() {
    check_shared_sums(&with_gaps(&simulated(Cadence::Day, 90, 4), &[40..42, 60..61]), &[0, 1, 3], 40);
    check_shared_sums(&simulated(Cadence::QuarterHour, 31, 5), &[0, 1, 6, 101], 201);
}

#[test]
fn a_row_holds_the_values_before_its_origin() {
    let history = simulated(Cadence::Hour, 40, 6);
    let (design, scale) = (design(&history, 5, 900), Scale::of(history.values()).unwrap());
    let scaled = |place: usize| (history.values()[place] - scale.mean) / scale.deviation;
    // Row 10 stands 28 days and 10 hours after the start.
    for (column, back) in design.channels[0].offsets.iter().enumerate() {
        assert_eq!(design.lags[[10, column]], scaled(682 - back));
    }
    assert!(design.known[10] && design.left[[10, 4]].is_finite());
}

#[test]
fn an_origin_weighs_by_age_and_time_of_day() {
    // 60 days before the end at the time of day of the end: two half lives of 30 days. Twelve hours off, exp(-16) and
    // the floor of a tenth are left besides.
    let design = design(&simulated(Cadence::Hour, 100, 7), 2, 2_000);
    let end = design.known.len();
    assert!((design.weighing.origin_before(end - 1_440, 0) - 0.25).abs() < 1e-12);
    let noon = 0.5_f64.powf(1_452.0 / 720.0) * (0.1 + 0.9 * (-16.0_f64).exp());
    assert!((design.weighing.origin_before(end - 1_440, 12) - noon).abs() < 1e-12);
}

#[test]
fn weights_are_the_ridge_solution_in_the_unit_of_the_series() {
    // The prediction from the solution of the row-by-row equations by Gauss elimination, in scaled values.
    let (definition, history) = (definition("1d", 48), simulated(Cadence::Day, 90, 8));
    let cut = start().plus(69 * DAY);
    let pair = fit_pair(&definition, &history, cut).unwrap();
    let (scale, calendar) = (Scale::of(&history.values()[..69]).unwrap(), pair.serving.calendar());
    let mut design = Design::new(&history, &calendar, scale, Rows { steps: 2, half_life_days: 365.0, cuts: &[69] });
    design.weigh();
    let month: Vec<f64> = history.values()[62..].iter().map(|v| (v - scale.mean) / scale.deviation).collect();
    for step in 0..2 {
        let weights = eliminate(with_penalties(row_by_row(&design, 0..62, step), &calendar.describes()));
        let lags = design.channels[0].offsets.iter().map(|back| month[28 - back]);
        let x: Vec<f64> = lags.chain(calendar.features(history.end().plus(step as i64 * DAY))).collect();
        let guess = moved_week(&month, Cadence::Day, 2, SHAPE_SHARE)[step];
        let expected = scale.mean + scale.deviation * (guess + dot(&weights, &x));
        let forecast = predict(&pair.serving, &history, history.end()).unwrap()[step];
        assert!((forecast - expected).abs() < 1e-7, "step {step}: {forecast} and {expected}");
    }
}

/// Adds what the model adds for 62 days of targets and a penalty of 10.
fn with_penalties(mut normal: Normal, describes: &[Describes]) -> Normal {
    let (scarcity, lags) = (365.25 / 62.0, normal.moments.len() - describes.len());
    let caution = normal.gram[[lags, lags]] * (scarcity * scarcity - 1.0);
    for i in 0..lags {
        normal.gram[[i, i]] += 10.0 * scarcity;
        (0..lags).for_each(|j| normal.gram[[i, j]] += caution);
    }
    for (i, describes) in describes.iter().enumerate() {
        normal.gram[[lags + i, lags + i]] += match describes {
            Describes::Level => 0.0,
            Describes::Week => 10.0 * scarcity,
            Describes::Season => 10.0 * scarcity + caution,
        };
    }
    normal
}

/// Solves by Gauss elimination with pivots, which shares nothing with Cholesky and QR.
fn eliminate(normal: Normal) -> Vec<f64> {
    let width = normal.moments.len();
    let equations = normal.gram.outer_iter().zip(&normal.moments);
    let mut rows: Vec<Vec<f64>> =
        equations.map(|(row, moment)| row.iter().chain([moment]).copied().collect()).collect();
    for i in 0..width {
        let pivot = (i..width).max_by(|a, b| rows[*a][i].abs().total_cmp(&rows[*b][i].abs())).unwrap();
        rows.swap(i, pivot);
        let row = rows[i].clone();
        for (other, values) in rows.iter_mut().enumerate() {
            if other == i {
                continue;
            }
            let factor = values[i] / row[i];
            values.iter_mut().zip(&row).for_each(|(v, r)| *v -= factor * r);
        }
    }
    (0..width).map(|i| rows[i][width] / rows[i][i]).collect()
}

#[test]
fn a_series_that_repeats_its_week_is_forecast_closely() {
    let value = |hour: usize| 300.0 + 50.0 * ((hour % 24) as f64 / 24.0 * std::f64::consts::TAU).cos();
    let history = History::new(start(), Cadence::Hour, (0..80 * 24).map(value).collect());
    let pair = fit_pair(&definition("1h", 24), &history, start().plus(59 * DAY)).unwrap();
    let forecast = predict(&pair.serving, &history, history.end()).unwrap();
    let worst = forecast.iter().enumerate().map(|(hour, f)| (f - value(hour)).abs()).fold(0.0, f64::max);
    assert!(worst < 1.0, "off by {worst}");
}

#[test]
fn a_forecast_stays_inside_the_values_that_can_be() {
    let mut definition = definition("1d", 96);
    (definition.contract.minimum, definition.contract.maximum) = (290.0, 291.0);
    let history = simulated(Cadence::Day, 100, 9);
    let pair = fit_pair(&definition, &history, start().plus(79 * DAY)).unwrap();
    let forecast = predict(&pair.serving, &history, history.end()).unwrap();
    assert!(forecast.iter().all(|f| (290.0..=291.0).contains(f)), "{forecast:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_value_at_or_after_the_cut_changes_the_candidate(
        places in prop::collection::vec(79_usize..100, 1..8),
        value in prop_oneof![Just(f64::NAN), -1e6..1e6],
        gap in 74_usize..79,
    ) {
        // With a gap that is open at the cut: what ends it must not shine through.
        let known = with_gaps(&simulated(Cadence::Day, 100, 10), std::slice::from_ref(&(gap..79)));
        let mut values = known.values().to_vec();
        places.iter().for_each(|place| values[*place] = value);
        let (definition, cut) = (definition("1d", 96), start().plus(79 * DAY));
        let changed = History::new(start(), Cadence::Day, values);
        let [first, second] = [known, changed].map(|h| fit_pair(&definition, &h, cut).unwrap().candidate);
        prop_assert_eq!(serde_json::to_vec(&first).unwrap(), serde_json::to_vec(&second).unwrap());
    }

    #[test]
    fn no_value_at_or_after_the_origin_changes_a_forecast(
        origin in 60_usize..99,
        value in prop_oneof![Just(f64::NAN), -1e6..1e6],
        gap in 0_usize..2,
    ) {
        let history = simulated(Cadence::Day, 100, 11);
        let model = fit_pair(&definition("1d", 96), &history, start().plus(79 * DAY)).unwrap().serving;
        let known = with_gaps(&history, std::slice::from_ref(&(origin - gap..origin)));
        let mut values = known.values().to_vec();
        values[origin..].fill(value);
        let changed = History::new(start(), Cadence::Day, values);
        let at = start().plus(origin as i64 * DAY);
        prop_assert_eq!(predict(&model, &known, at).unwrap(), predict(&model, &changed, at).unwrap());
        prop_assert_eq!(predict(&model, &known, at).unwrap(), predict(&model, &known.before(at), at).unwrap());
    }

    #[test]
    fn a_forecast_reads_no_more_than_the_days_it_needs(origin in 60_i64..100) {
        let history = simulated(Cadence::Day, 100, 12);
        let model = fit_pair(&definition("1d", 96), &history, start().plus(79 * DAY)).unwrap().serving;
        let at = start().plus(origin * DAY);
        let newest = history.between(at.plus(-super::super::NEEDED_DAYS * DAY), at);
        prop_assert_eq!(predict(&model, &history, at).unwrap(), predict(&model, &newest, at).unwrap());
    }
}

#[test]
fn a_short_history_says_how_many_days_are_there_and_how_many_are_needed() {
    let refused = fit_pair(&definition("1d", 96), &simulated(Cadence::Day, 59, 13), start().plus(38 * DAY));
    let message = refused.err().unwrap().to_string();
    assert_eq!(message, "there are 59 days of history, and a model needs 60");
}

#[test]
fn days_before_the_first_value_are_no_history() {
    let history = with_gaps(&simulated(Cadence::Day, 80, 14), std::slice::from_ref(&(0..30)));
    let refused = fit_pair(&definition("1d", 96), &history, start().plus(59 * DAY)).err().unwrap();
    assert!(matches!(refused, FitError::TooShort { days: 50, needed: 60 }), "{refused}");
}

#[test]
fn days_in_which_nothing_was_measured_are_no_history() {
    // Three days, a hole of seven years, and 56 days.
    let days = 3 + 7 * 365 + 56;
    let history = with_gaps(&simulated(Cadence::Day, days, 14), std::slice::from_ref(&(3..days - 56)));
    let refused = fit_pair(&definition("1d", 96), &history, history.end().plus(-21 * DAY)).err().unwrap();
    assert!(matches!(refused, FitError::TooShort { days: 59, needed: 60 }), "{refused}");
}

#[test]
fn weeks_that_were_mostly_filled_are_not_learnt_from() {
    // Days 40 to 59 are missing. Of the 28 days before day 74 the newest 14 were measured.
    let history = with_gaps(&simulated(Cadence::Day, 100, 22), std::slice::from_ref(&(40..60)));
    let design = design(&history, 2, 100);
    let used: Vec<usize> = (28..100).filter(|origin| design.weights[origin - 28] > 0.0).collect();
    assert_eq!(used, (28..=40).chain(74..100).collect::<Vec<_>>());
}

#[test]
fn a_constant_series_is_refused() {
    let history = History::new(start(), Cadence::Day, vec![0.1 + 0.2; 100]);
    let refused = fit_pair(&definition("1d", 96), &history, start().plus(79 * DAY)).err().unwrap();
    assert!(matches!(refused, FitError::Constant { .. }), "{refused}");
}

#[test]
fn a_history_of_gaps_is_refused() {
    // A third of 300 days was measured: enough days, and not a week among them that a forecast is made from.
    let gaps: Vec<_> = (0..298).step_by(3).map(|at| at + 1..at + 3).collect();
    let history = with_gaps(&simulated(Cadence::Day, 300, 15), &gaps);
    let refused = fit_pair(&definition("1d", 96), &history, start().plus(279 * DAY)).err().unwrap();
    assert!(matches!(refused, FitError::TooFewRows { step: 0, rows: 0, needed: 2 }), "{refused}");
}

#[test]
fn a_history_of_another_cadence_is_refused() {
    let history = simulated(Cadence::Day, 100, 16);
    let refused = fit_pair(&definition("1h", 96), &history, start().plus(79 * DAY)).err().unwrap();
    assert!(matches!(refused, FitError::Cadence { definition: Cadence::Hour, history: Cadence::Day }), "{refused}");
}

#[test]
fn a_thin_or_incomplete_month_gives_no_forecast() {
    let history = simulated(Cadence::Day, 100, 17);
    let model = fit_pair(&definition("1d", 96), &history, start().plus(79 * DAY)).unwrap().serving;
    let thin = with_gaps(&history, std::slice::from_ref(&(80..95)));
    let refused = predict(&model, &thin, history.end()).unwrap_err();
    assert_eq!(refused, PredictError::Sparse { origin: history.end(), measured: 13, steps: 28 });
    let short = history.between(start().plus(80 * DAY), history.end());
    let refused = predict(&model, &short, history.end()).unwrap_err();
    assert_eq!(refused, PredictError::Incomplete { origin: history.end(), days: LAG_DAYS });
    let hourly = simulated(Cadence::Hour, 40, 17);
    let refused = predict(&model, &hourly, hourly.end()).unwrap_err();
    assert_eq!(refused, PredictError::Cadence { model: Cadence::Day, history: Cadence::Hour });
    let refused = predict(&model, &history, history.end().plus(HOUR)).unwrap_err();
    assert!(matches!(refused, PredictError::Recent(RecentError::Misaligned { .. })), "{refused}");
}

#[test]
fn a_stored_model_that_does_not_fit_together_is_refused() {
    let history = simulated(Cadence::Day, 100, 18);
    let model = fit_pair(&definition("1d", 96), &history, start().plus(79 * DAY)).unwrap().serving;
    let stored = serde_json::to_value(&model).unwrap();
    let refusal = |change: fn(&mut serde_json::Value)| {
        let mut changed = stored.clone();
        change(&mut changed);
        serde_json::from_value::<Ridge>(changed).unwrap_err().to_string()
    };
    assert_eq!(refusal(|m| m["lags"][0] = 29.into()), "the model looks 29 steps back, and a forecast reads 1 to 28");
    assert_eq!(
        refusal(|m| m["time_zone"] = "Europe/Atlantis".into()),
        "the model's time zone `Europe/Atlantis` is unknown"
    );
    let short = refusal(|m| drop(m["steps"][2]["calendar"].as_array_mut().unwrap().pop()));
    assert_eq!(short, "the model's weights of step 2 do not fit its features");
    assert_eq!(refusal(|m| m["maximum"] = 0.into()), "the model's bounds 1 to 0 exclude every value");
}

#[test]
fn a_level_that_moved_within_the_first_year_is_not_expected_to_return() {
    // Four months of noise around 300, then a month around 200: the mean of all hours is 280, and a model that has seen
    // less than a year must stay near 200.
    let history = simulated(Cadence::Day, 150, 19);
    let fallen = history.values().iter().enumerate().map(|(day, v)| if day < 120 { *v } else { v - 100.0 }).collect();
    let fallen = History::new(start(), Cadence::Day, fallen);
    let model = fit_pair(&definition("1d", 96), &fallen, start().plus(129 * DAY)).unwrap().serving;
    let forecast = predict(&model, &fallen, fallen.end()).unwrap();
    let usual = moved_week(&fallen.values()[122..], Cadence::Day, 4, 1.0);
    let apart = forecast.iter().zip(&usual).map(|(f, u)| (f - u).abs()).fold(0.0, f64::max);
    assert!(apart < 30.0, "{forecast:?} and {usual:?}");
}

#[test]
fn only_what_was_measured_counts_as_seen() {
    // Of 100 days the first 28 are lags only; of the 72 left, days 40 to 59 are missing. The last 21 are held out.
    let history = with_gaps(&simulated(Cadence::Day, 100, 21), std::slice::from_ref(&(40..60)));
    let design = design(&history, 2, 79);
    assert_eq!((design.seen(51), design.seen(72)), (31, 52));
}

#[test]
fn penalties_reach_their_final_strength_after_a_year() {
    let (definition, history) = (definition("1d", 96), simulated(Cadence::Day, 100, 20));
    let calendar = Calendar::new(definition.zone(), Cadence::Day);
    let scale = scale(&history, history.end()).unwrap();
    let describes = calendar.describes();
    let recipe =
        Recipe { definition: &definition, scale, seen: Vec::new(), weather: 0, describes, cadence: Cadence::Day };
    assert_eq!((recipe.scarcity(366), recipe.caution(500.0, 366)), (1.0, 0.0));
    // A quarter of a year: four times the penalty, and 15 times the rows' weight against seasons.
    let quarter = recipe.scarcity(91);
    assert!(
        (quarter - 4.0).abs() < 0.02 && (recipe.caution(500.0, 91) - 500.0 * (quarter * quarter - 1.0)).abs() < 1e-9
    );
}

/// A covariate whose value is that of the series six hours later, and a weather whose wind sets the level.
fn with_inputs(days: usize) -> Inputs {
    let history = simulated(Cadence::Hour, days, 23);
    let hours = days * 24;
    // A wind that changes every six hours as it likes: the past says nothing of it.
    let mut random = ChaCha8Rng::seed_from_u64(24);
    let winds: Vec<f64> =
        (0..days * 4 + 12).map(|_| 10.0 * f64::from(random.next_u32()) / f64::from(u32::MAX)).collect();
    let wind = |hour: usize| winds[hour / 6];
    let values = history.values().iter().enumerate().map(|(hour, value)| value - 20.0 * wind(hour)).collect();
    let own = History::new(start(), Cadence::Hour, values);
    let ahead = (0..hours).map(|hour| own.values().get(hour + 6).copied().unwrap_or(f64::NAN)).collect();
    let hour = |hour: usize| Conditions {
        wind_ms: wind(hour),
        sun_wm2: 0.0,
        temperature_k: 288.0,
        dew_point_k: 280.0,
        rain_mm: 0.0,
    };
    let run = |day: usize| Run {
        issued: start().plus(day as i64 * DAY),
        hours: (0..72).map(|ahead| hour(day * 24 + ahead)).collect(),
    };
    Inputs {
        covariates: vec![Covariate {
            name: "ahead".to_owned(),
            delay: 0,
            history: History::new(start(), Cadence::Hour, ahead),
        }],
        weather: Some(Weather::new(0, (0..days).map(run).collect()).unwrap()),
        own,
    }
}

fn fit_with(inputs: &Inputs, with: With) -> Ridge {
    let definition = definition("1h", 24);
    let fitting = Fitting::new(&definition, inputs, with, &[inputs.end()]).unwrap();
    fitting.direct(&[rule(&definition)]).unwrap().remove(0).remove(0)
}

/// The mean absolute error of the next day, from an origin inside the history.
fn error_of(model: &Ridge, inputs: &Inputs, origin: Timestamp, hours: usize) -> f64 {
    let forecast = model.predict(inputs, origin).unwrap();
    let actual = |hour: usize| inputs.own.at(origin.plus(hour as i64 * HOUR)).unwrap();
    (0..hours).map(|hour| (forecast[hour] - actual(hour)).abs()).sum::<f64>() / hours as f64
}

#[test]
fn a_covariate_that_knows_the_next_hours_makes_them_sure() {
    let inputs = with_inputs(90);
    let origin = inputs.end().plus(-DAY);
    let known = inputs.before(origin);
    let [alone, with] = [false, true].map(|covariates| {
        let model = fit_with(&known, With { covariates, weather: false });
        error_of(&model, &inputs, origin, 6)
    });
    assert!(with < 0.5 * alone, "{with} and {alone}");
}

#[test]
fn weather_that_sets_the_level_is_learnt() {
    let inputs = with_inputs(90);
    let origin = inputs.end().plus(-DAY);
    let known = inputs.before(origin);
    let [alone, with] = [false, true].map(|weather| {
        let model = fit_with(&known, With { covariates: false, weather });
        error_of(&model, &inputs, origin, 24)
    });
    assert!(with < 0.5 * alone, "{with} and {alone}");
}

#[test]
fn nothing_of_a_covariate_that_comes_later_changes_a_forecast() {
    let mut inputs = with_inputs(80);
    inputs.covariates[0].delay = 5 * HOUR;
    let model = fit_with(&inputs, With { covariates: true, weather: true });
    let origin = inputs.end().plus(-2 * DAY);
    let expected = model.predict(&inputs, origin).unwrap();
    assert_eq!(model.predict(&inputs.before(origin), origin).unwrap(), expected);
    let known = origin.plus(-5 * HOUR).since(start()) / HOUR;
    let mut values = inputs.covariates[0].history.values().to_vec();
    values[known as usize..].fill(1e6);
    inputs.covariates[0].history = History::new(start(), Cadence::Hour, values);
    assert_eq!(model.predict(&inputs, origin).unwrap(), expected);
}

#[test]
fn a_covariate_or_a_weather_forecast_that_stops_is_named() {
    let inputs = with_inputs(80);
    let model = fit_with(&inputs, With { covariates: true, weather: true });
    let refusal = |inputs: &Inputs, origin: Timestamp| model.predict(inputs, origin).unwrap_err().to_string();
    let mut stopped = inputs.clone();
    stopped.covariates[0].history = stopped.covariates[0].history.before(inputs.end().plus(-3 * DAY));
    let said = refusal(&stopped, inputs.end().plus(-DAY));
    assert!(said.starts_with("the covariate `ahead` cannot be used: the newest value before"), "{said}");
    stopped = inputs.clone();
    stopped.covariates.clear();
    assert_eq!(refusal(&stopped, inputs.end().plus(-DAY)), "the covariate `ahead` is not there");
    stopped = inputs.clone();
    stopped.weather = stopped.weather.map(|weather| weather.before(inputs.end().plus(-6 * DAY)));
    let said = refusal(&stopped, inputs.end().plus(-DAY));
    assert_eq!(said, "the covariate `weather` has no complete run of the two days before the origin");
}

/// The models of daily values of 1,000 days at two cuts, by memory: the rule's, one of a third of its half-life, and
/// one of a window that begins on day 536.
fn by_memory(history: &History, half_life_days: f64) -> Vec<Vec<Ridge>> {
    let mut definition = definition("1d", 96);
    definition.forecast.half_life_days = half_life_days;
    let (inputs, cuts) = (Inputs::alone(history.clone()), [900, 1_000].map(|day| start().plus(day * DAY)));
    let quick = Memory { half_life_days: half_life_days / 3.0, since: None };
    // A block begins at 900 - 2 x 182, the first that is no older.
    let window = Memory { half_life_days, since: Some(start().plus(536 * DAY)) };
    Fitting::new(&definition, &inputs, With::default(), &cuts)
        .unwrap()
        .direct(&[rule(&definition), quick, window])
        .unwrap()
}

#[test]
fn a_quick_memory_is_nearly_the_model_of_its_half_life() {
    let history = simulated(Cadence::Day, 1_000, 21);
    let (slow, quick) = (by_memory(&history, 300.0), by_memory(&history, 100.0));
    let forecast = |model: &Ridge| predict(model, &history, history.end()).unwrap();
    let apart = |a: &Ridge, b: &Ridge| forecast(a).iter().zip(forecast(b)).map(|(a, b)| (a - b).abs()).sum::<f64>();
    for cut in 0..2 {
        let (between, within) = (apart(&slow[0][cut], &quick[0][cut]), apart(&slow[1][cut], &quick[0][cut]));
        // Not quite: within a block of half a year the weights are those of the rule.
        assert!(within < 0.4 * between, "{within} of {between}");
    }
}

#[test]
fn nothing_before_its_window_shapes_a_memorys_model() {
    let history = simulated(Cadence::Day, 1_000, 22);
    // In another order the values have the same mean and spread; a target looks back four weeks.
    let mut values = history.values().to_vec();
    values[..500].reverse();
    let changed = by_memory(&History::new(start(), Cadence::Day, values), 300.0);
    let models = by_memory(&history, 300.0);
    for cut in 0..2 {
        let forecast = |model: &Ridge| predict(model, &history, history.end()).unwrap();
        let same = |a: &Ridge, b: &Ridge| forecast(a).iter().zip(forecast(b)).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(same(&models[2][cut], &changed[2][cut]));
        assert!(!same(&models[0][cut], &changed[0][cut]));
    }
}
