//! Trees that are small enough to walk by hand, steps that they have to learn, and stored ones that are broken.

use super::super::explain::Explanation;
use super::super::tests::{definition, simulated, start};
use super::*;
use crate::forecast::FitError;
use crate::history::History;
use crate::time::DAY;

fn inputs(cadence: Cadence, days: usize, value: impl Fn(usize) -> f64) -> Inputs {
    Inputs::alone(History::new(start(), cadence, (0..days * cadence.per_day()).map(value).collect()))
}

fn leaf(value: f32) -> Node {
    Node { value, split: None }
}

/// A tree on the step of the horizon: 10 below step 2; from there on 20 in the first half of the day, in UTC, and 40 in
/// the second. The root and the inner node hold the means 25 and 30.
fn by_hand() -> Tree {
    let split = |feature, below, left, right| Some(Split { feature, below, left, right });
    let inner = Node { value: 30.0, split: split(1, 12.0, 3, 4) };
    let root = Node { value: 25.0, split: split(0, 2.0, 1, 2) };
    Tree::try_from(vec![root, leaf(10.0), inner, leaf(20.0), leaf(40.0)]).unwrap()
}

fn model(trees: Vec<Tree>) -> Trees {
    let time_zone = "UTC".to_owned();
    Trees { cadence: Cadence::Hour, steps: 24, time_zone, tree_features: VERSION, start: 1.0, trees }
}

#[test]
fn a_forecast_is_the_level_and_what_the_trees_add() {
    let inputs = inputs(Cadence::Hour, 40, |_| 300.0);
    let forecast = model(vec![by_hand(), by_hand()]).predict(&inputs, inputs.end()).unwrap();
    // 300 + 1 + twice 10, 20 or 40.
    let expected = |step: usize| [321.0, 341.0, 381.0][usize::from(step >= 2) + usize::from(step >= 12)];
    assert_eq!(forecast, (0..24).map(expected).collect::<Vec<f64>>());
}

#[test]
fn what_an_input_adds_is_the_difference_that_its_splits_make() {
    let inputs = inputs(Cadence::Hour, 40, |hour| if hour < 39 * 24 { 300.0 } else { 328.0 });
    let mut tree = by_hand();
    tree.0[2].split = Some(Split { feature: 4, below: 0.5, left: 3, right: 4 });
    let terms = model(vec![tree]).explain(&inputs, inputs.end()).unwrap();
    let parts = Explanation::of(inputs.end(), 301.0, terms).parts;
    // The mean of the month is 301, so the level adds 27. At the start the step takes 25 to 10; later it takes 25 to
    // 30, and the last day, which lies at its own level, 30 to 20. Always there are 25 and 1.
    assert_eq!(parts[&Input::Level], vec![27.0; 24]);
    assert_eq!(parts[&Input::DayAndWeek][..3], [11.0, 11.0, 31.0]);
    assert_eq!(parts[&Input::LastDay][..3], [0.0, 0.0, -10.0]);
}

#[test]
fn a_step_of_the_hour_of_the_day_is_learnt() {
    // 340 from 8 to 20 o'clock in UTC, 260 at night, and a level that wanders by 1 a day.
    let value = |hour: usize| {
        let day = if (8..20).contains(&(hour % 24)) { 40.0 } else { -40.0 };
        300.0 + day + (hour / 24 % 9) as f64
    };
    let inputs = inputs(Cadence::Hour, 120, value);
    let mut definition = definition("1h", 48);
    definition.time_zone = "UTC".to_owned();
    let trees = Trees::fit(&definition, &inputs, &[inputs.end()]).unwrap();
    let forecast = trees[0].predict(&inputs, inputs.end()).unwrap();
    let worst = forecast.iter().enumerate().map(|(step, f)| (f - value(120 * 24 + step)).abs()).fold(0.0, f64::max);
    // The day after the end the level falls or rises by as much as it may, 8.
    assert!(worst < 9.0, "off by {worst}");
}

#[test]
fn values_that_no_longer_change_are_forecast_to_stay() {
    // All that still varies is the day of the week.
    let inputs = inputs(Cadence::Day, 120, |day| if day < 5 { day as f64 } else { 300.0 });
    let trees = Trees::fit(&definition("1d", 24), &inputs.before(inputs.end()), &[inputs.end()]).unwrap();
    let forecast = trees[0].predict(&inputs, inputs.end()).unwrap();
    assert!((forecast[0] - 300.0).abs() < 1e-9, "{forecast:?}");
}

#[test]
fn trees_have_as_many_features_as_inputs_at_every_cadence() {
    for cadence in [Cadence::QuarterHour, Cadence::Hour, Cadence::Day] {
        let month = simulated(cadence, 28, 1).values().to_vec();
        let seen = Seen::new(month, cadence);
        let calendar = Calendar::new(jiff::tz::TimeZone::UTC, cadence);
        let features = seen.features(&calendar, start(), 4 * cadence.per_day() - 1);
        assert_eq!(features.len(), INPUTS.len());
        assert!(features.iter().all(|feature| feature.is_finite()), "{features:?}");
    }
}

#[test]
fn features_are_free_of_the_level() {
    let month = simulated(Cadence::Hour, 28, 2).values().to_vec();
    let higher: Vec<f64> = month.iter().map(|value| value + 512.0).collect();
    let calendar = Calendar::new(jiff::tz::TimeZone::UTC, Cadence::Hour);
    let [low, high] = [month, higher].map(|month| Seen::new(month, Cadence::Hour).features(&calendar, start(), 30));
    assert!(low.iter().zip(&high).all(|(a, b)| (a - b).abs() < 1e-9), "{low:?} and {high:?}");
}

#[test]
fn too_few_rows_give_an_error() {
    let inputs = Inputs::alone(simulated(Cadence::Day, 45, 3));
    let refused = Trees::fit(&definition("1d", 48), &inputs, &[inputs.end()]).unwrap_err();
    // Seventeen days follow four weeks; the first origin stands at their end. All but the last have two known days.
    assert!(matches!(refused, FitError::TooFewRows { rows: 33, needed: 40, .. }), "{refused:?}");
}

#[test]
fn values_beyond_single_precision_give_an_error() {
    let inputs = inputs(Cadence::Day, 120, |day| if day % 2 == 0 { 1e200 } else { -1e200 });
    let refused = Trees::fit(&definition("1d", 96), &inputs, &[inputs.end()]);
    assert!(matches!(refused, Err(FitError::Grown(_))), "{refused:?}");
}

#[test]
fn trees_of_two_years_of_hours_are_stored_in_less_than_half_a_megabyte() {
    let inputs = Inputs::alone(simulated(Cadence::Hour, 730, 4));
    let trees = Trees::fit(&definition("1h", 96), &inputs, &[inputs.end()]).unwrap();
    let bytes = serde_json::to_vec(&trees[0]).unwrap();
    assert!(bytes.len() < 500_000, "{} bytes", bytes.len());
    assert_eq!(serde_json::from_slice::<Trees>(&bytes).unwrap(), trees[0]);
}

#[test]
fn a_season_is_not_asked_for_before_a_whole_one_is_known() {
    let asks = |days: usize| {
        let inputs = Inputs::alone(simulated(Cadence::Day, days, 5));
        let trees = Trees::fit(&definition("1d", 96), &inputs, &[start().plus(days as i64 * DAY)]).unwrap();
        let nodes = trees[0].trees.iter().flat_map(|tree| tree.0.clone());
        nodes.filter_map(|node| node.split).any(|split| split.feature == features::SEASON)
    };
    assert!(!asks(28 + 364));
    assert!(asks(28 + 500));
}

#[test]
fn stored_trees_that_lead_nowhere_are_refused() {
    let stored = serde_json::to_value(model(vec![by_hand()])).unwrap();
    assert_eq!(serde_json::from_value::<Trees>(stored.clone()).unwrap(), model(vec![by_hand()]));
    let refused = |path: &str, value: serde_json::Value, expected: &str| {
        let mut changed = stored.clone();
        *changed.pointer_mut(path).unwrap() = value;
        let why = serde_json::from_value::<Trees>(changed).unwrap_err().to_string();
        assert!(why.contains(expected), "{path}: {why}");
    };
    // Back to the root, to itself, past the end.
    refused("/trees/0/2/split/left", 0.into(), "node 2 of a tree");
    refused("/trees/0/2/split/right", 2.into(), "node 2 of a tree");
    refused("/trees/0/0/split/right", 5.into(), "node 0 of a tree");
    refused("/trees/0/0/split/feature", 25.into(), "node 0 of a tree");
    refused("/trees/0", serde_json::json!([]), "node 0 of a tree");
    refused("/trees/0/1/value", serde_json::json!(1e300), "node 1 of a tree");
    refused("/tree_features", 2.into(), "this code makes 1: retrain the series");
    refused("/time_zone", "Europe/Atlantis".into(), "`Europe/Atlantis` is unknown");
}
