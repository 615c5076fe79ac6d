//! The equations against sums row by row, the weights against the equations, and lags counted by hand.

use ndarray::{Array1, Array2};

use super::super::super::tests::{definition, simulated, start};
use super::super::design::Scale;
use super::super::fit::{Fitting, With};
use super::*;
use crate::history::History;
use crate::series::Definition;
use crate::time::DAY;

/// The equations of a day of the horizon as they are defined: from the values, row by row, at the end of the history.
struct ByHand {
    gram: Array2<f64>,
    moments: Array1<f64>,
    scale: Scale,
}

impl ByHand {
    fn of(definition: &Definition, history: &History, day: usize) -> Self {
        let cadence = history.cadence();
        let (per_day, scale) = (cadence.per_day(), Scale::of(history.values()).unwrap());
        let values: Vec<f64> = history.values().iter().map(|v| (v - scale.mean) / scale.deviation).collect();
        let calendar = Calendar::new(definition.zone(), cadence);
        let width = Lags::count() + calendar.describes().len();
        let mut sum = Self { gram: Array2::zeros((width, width)), moments: Array1::zeros(width), scale };
        // An origin every four hours, or a day, back from the end; it weighs half as much every year.
        let apart = (per_day / 6).max(1);
        let origins = (28 * per_day..values.len()).filter(|origin| (values.len() - origin).is_multiple_of(apart));
        for origin in origins {
            let seen = Seen::new(values[origin - 28 * per_day..origin].to_vec(), cadence);
            for step in day * per_day..((day + 1) * per_day).min(definition.horizon_steps()) {
                let Some(target) = values.get(origin + step) else { continue };
                let described = calendar.features(history.time(origin + step));
                let features: Vec<f64> = seen.lags(step).values().chain(described).collect();
                let weight = weight(values.len() - origin, per_day);
                for (row, left) in features.iter().enumerate() {
                    sum.moments[row] += weight * left * (target - seen.guess(step));
                    features.iter().enumerate().for_each(|(column, right)| {
                        sum.gram[[row, column]] += weight * left * right;
                    });
                }
            }
        }
        sum
    }
}

/// The weight of an origin so many steps before the end, by age and by time of day.
fn weight(back: usize, per_day: usize) -> f64 {
    let days = back as f64 / per_day as f64;
    let hours = 24.0 * (days - days.round()).abs();
    0.5_f64.powf(days / 365.0) * (0.1 + 0.9 * (-(hours / 3.0).powi(2)).exp())
}

fn check_weights(history: &History, horizon_hours: u32) {
    let cadence = history.cadence();
    let definition = definition(if cadence == Cadence::Day { "1d" } else { "1h" }, horizon_hours);
    let inputs = Inputs::alone(history.clone());
    let fitting = Fitting::new(&definition, &inputs, With::default(), &[history.end()]).unwrap();
    let [model]: [Pooled; 1] = fitting.pooled().unwrap().try_into().unwrap();
    let describes = model.calendar().describes();
    let first_year = 365.25 * cadence.per_day() as f64;
    for (day, weights) in model.days.iter().enumerate() {
        let ByHand { mut gram, moments, scale, .. } = ByHand::of(&definition, history, day);
        let scarcity = first_year / (history.values().len() - 28 * cadence.per_day()) as f64;
        let penalty = 10.0 * scarcity * cadence.per_day() as f64;
        let caution = gram[[Lags::count(), Lags::count()]] * (scarcity * scarcity - 1.0);
        for place in 0..gram.nrows() {
            let describes = place.checked_sub(Lags::count()).map(|place| describes[place]);
            gram[[place, place]] += match describes {
                None if place < 7 => penalty + caution,
                None | Some(Describes::Week) => penalty,
                Some(Describes::Season) => penalty + caution,
                Some(Describes::Level) => 0.0,
            };
        }
        let scaled = weights.calendar.iter().map(|weight| weight / scale.deviation);
        let solution: Array1<f64> = weights.lags.values().chain(scaled).collect();
        let apart = (gram.dot(&solution) - &moments).iter().fold(0.0_f64, |most, apart| most.max(apart.abs()));
        let size = moments.iter().fold(0.0_f64, |most, moment| most.max(moment.abs()));
        assert!(apart < 1e-8 * size, "day {day}: {apart} against {size}");
    }
}

#[test]
fn weights_solve_the_equations_of_all_steps_of_their_day() {
    check_weights(&simulated(Cadence::Hour, 62, 1), 48);
    check_weights(&simulated(Cadence::Day, 120, 2), 96);
}

#[test]
fn what_is_learnt_at_a_cut_is_what_a_history_that_ends_there_teaches() {
    let (history, definition) = (simulated(Cadence::Hour, 80, 3), definition("1h", 48));
    let (cut, inputs) = (start().plus(64 * DAY), Inputs::alone(history.clone()));
    let known = Inputs::alone(history.before(cut));
    let at_cuts = Fitting::new(&definition, &inputs, With::default(), &[cut, history.end()]).unwrap().pooled().unwrap();
    let alone = Fitting::new(&definition, &known, With::default(), &[cut]).unwrap().pooled().unwrap();
    let forecast = |model: &Pooled| model.predict(&inputs, cut).unwrap();
    let pairs = forecast(&at_cuts[0]).into_iter().zip(forecast(&alone[0]));
    assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-7));
}

#[test]
fn lags_are_differences_from_the_last_day_counted_back_from_the_target() {
    // Day d of the month has the values 10 d and 10 d + 4 every other hour: its level is 10 d + 2.
    let month: Vec<f64> = (0..28 * 24).map(|hour| f64::from(hour / 24 * 10 + hour % 2 * 4)).collect();
    let seen = Seen::new(month, Cadence::Hour);
    assert_eq!(seen.level(), 272.0);
    let lags = seen.lags(25);
    // The six days before lie 10 to 60 lower, and the mean of the month is 10 * 13.5 + 2 = 137.
    assert_eq!(lags.levels, [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 135.0]);
    // Step 25 is at 1 o'clock, where a day lies 2 above its level. Every newest hour lies 10 above yesterday's.
    let fade = (-25.0_f64 / 4.0).exp();
    assert_eq!(lags.last_day[0], 2.0);
    assert!(lags.last_day[1..].chunks(2).all(|pair| pair[0] == 10.0 && (pair[1] - 10.0 * fade).abs() < 1e-12));
    // Days 2 to 7 back; the second day of the horizon has the same day of the week 13 and 20 days before the last.
    assert_eq!(lags.earlier, [-8.0, -18.0, -28.0, -38.0, -48.0, -58.0, -118.0, -188.0]);
    // The same day of the week was day 1, 8, 15 and 22, with a mean of 119 at 1 o'clock; the last day's has 167.
    assert_eq!(lags.shape, [-48.0]);
    assert!((seen.guess(25) - (272.0 - 0.3 * 48.0)).abs() < 1e-12);
}

#[test]
fn lags_are_as_many_as_are_said_at_every_cadence() {
    for cadence in [Cadence::QuarterHour, Cadence::Hour, Cadence::Day] {
        let seen = Seen::new(simulated(cadence, 28, 4).values().to_vec(), cadence);
        let lags = seen.lags(14 * cadence.per_day() - 1);
        assert!(lags.is_whole() && lags.values().all(f64::is_finite), "{lags:?}");
        assert_eq!(Lags::of(&lags.values().collect::<Vec<f64>>()), lags);
    }
}

#[test]
fn a_pooled_model_learns_quarter_hours_too() {
    let history = simulated(Cadence::QuarterHour, 62, 5);
    let inputs = Inputs::alone(history.clone());
    let definition = definition("15min", 24);
    let fitting = Fitting::new(&definition, &inputs, With::default(), &[history.end()]).unwrap();
    let forecast = fitting.pooled().unwrap()[0].predict(&inputs, history.end()).unwrap();
    assert!(forecast.len() == 96 && forecast.iter().all(|value| (200.0..400.0).contains(value)), "{forecast:?}");
}

#[test]
fn a_stored_model_that_does_not_fit_together_is_refused() {
    let history = simulated(Cadence::Day, 100, 6);
    let (definition, inputs) = (definition("1d", 48), Inputs::alone(history.clone()));
    let fitting = Fitting::new(&definition, &inputs, With::default(), &[history.end()]).unwrap();
    let model = fitting.pooled().unwrap().remove(0);
    let stored = serde_json::to_value(&model).unwrap();
    assert_eq!(serde_json::from_value::<Pooled>(stored.clone()).unwrap(), model);
    let refused = |path: &str, value: serde_json::Value, expected: &str| {
        let mut changed = stored.clone();
        *changed.pointer_mut(path).unwrap() = value;
        let why = serde_json::from_value::<Pooled>(changed).unwrap_err().to_string();
        assert!(why.contains(expected), "{path}: {why}");
    };
    refused("/days/1/lags/earlier", serde_json::json!([1.0]), "weights of step 1");
    refused("/days/0/calendar", serde_json::json!([]), "weights of step 0");
    refused("/steps", 3.into(), "weights of step 2");
    refused("/pooled_lags", 9.into(), "pooled lags 9, this code makes 1: retrain the series");
    refused("/calendar_features", 9.into(), "calendar features 9");
    refused("/time_zone", "Europe/Atlantis".into(), "`Europe/Atlantis` is unknown");
}
