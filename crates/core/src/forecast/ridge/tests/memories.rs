//! Models that differ in how fast they forget and how far back they look.

use super::*;

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
