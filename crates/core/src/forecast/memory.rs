//! How fast a regression forgets and how far back it looks: chosen for each day of the horizon on rolling origins.
//!
//! The definition's half-life over the whole history is the rule. A third of it, for a grid that has just changed,
//! competes with it once there is more than a year to learn from, and a window of two years once there is more than
//! that. At a cut each is judged by the forecasts that it made from origins before it, and replaces the rule only where
//! it was clearly better: among near equals a choice is chance.

use serde::{Deserialize, Serialize};

use super::combination::errors_of_day;
use super::inputs::Inputs;
use super::ridge::Ridge;
use super::rolling::{self, Trial};
use crate::history::History;
use crate::series::Definition;
use crate::time::{Cadence, DAY, Timestamp};

/// Days of history before the first cut from which on there is a choice.
const CHOICE_DAYS: i64 = 365;
/// The part of the definition's half-life that the quick one has.
const QUICK: f64 = 1.0 / 3.0;
/// Days of one block of rows, half a year: within it memories differ by one factor, and a window is of whole blocks.
pub(super) const BLOCK_DAYS: i64 = 182;
/// Blocks that the short window holds before the first cut: two years.
pub(super) const WINDOW_BLOCKS: i64 = 4;
const WINDOW_DAYS: i64 = WINDOW_BLOCKS * BLOCK_DAYS;
/// The share of the rule's mean squared error below which another memory replaces it.
const CLEARLY: f64 = 0.97;
/// The fewest origins that a choice is made on.
const FEWEST_ORIGINS: usize = 28;

/// Which hours a regression learns from, and how much each counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// The age in days at which an hour counts half.
    pub half_life_days: f64,
    /// The first time whose values count; none where all do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

impl Memory {
    /// The memories that compete, the definition's own first.
    pub(super) fn competing(definition: &Definition, history: &History, first_cut: Timestamp) -> Vec<Self> {
        let half_life_days = definition.forecast.half_life_days;
        let mut all = vec![Self { half_life_days, since: None }];
        // The sums of one block of quarter hours take fifty megabytes, and a training must fit its bound.
        if definition.cadence == Cadence::QuarterHour {
            return all;
        }
        if first_cut.since(history.start()) > CHOICE_DAYS * DAY {
            all.push(Self { half_life_days: QUICK * half_life_days, since: None });
        }
        let since = first_cut.plus(-WINDOW_DAYS * DAY);
        if since > history.start() {
            all.push(Self { half_life_days, since: Some(since) });
        }
        all
    }

    /// The factor between how an hour of this age in days counts and how it does by a rule; 1 for the rule itself.
    pub(super) fn beside(self, rule: Self, age_days: f64) -> f64 {
        0.5_f64.powf(age_days / self.half_life_days - age_days / rule.half_life_days)
    }

    /// The factor by which an hour of this age in days counts.
    pub(super) fn weight(self, age_days: f64) -> f64 {
        0.5_f64.powf(age_days / self.half_life_days)
    }
}

/// For each cut the regression whose steps come from the memory that was best before it, from one at each cut for every
/// memory.
pub(super) fn choose(by_memory: Vec<Vec<Ridge>>, cuts: &[Timestamp], inputs: &Inputs) -> Vec<Ridge> {
    let mut trials: Vec<Trial> = Vec::new();
    let mut chosen = Vec::new();
    for (place, cut) in cuts.iter().enumerate() {
        let fitted: Vec<&Ridge> = by_memory.iter().filter_map(|by_cut| by_cut.get(place)).collect();
        let Some(rule) = fitted.first() else { continue };
        let days = rule.horizon_steps().div_ceil(inputs.cadence().per_day());
        let by_day: Vec<usize> = (0..days).map(|day| best(&trials, fitted.len(), day, &inputs.own, *cut)).collect();
        chosen.push(Ridge::of_days(&fitted, &by_day));
        if let (true, Some(until)) = (fitted.len() > 1, cuts.get(place + 1)) {
            let forecast = |origin| fitted.iter().map(|ridge| ridge.predict(inputs, origin).ok()).collect();
            trials.extend(rolling::trials_of(forecast, inputs, *cut, *until));
        }
    }
    chosen
}

/// The place of the memory with which a day of the horizon is forecast, from what was known at `until`.
fn best(trials: &[Trial], memories: usize, day: usize, actual: &History, until: Timestamp) -> usize {
    let mut squares = vec![0.0; memories];
    let mut origins = 0;
    for trial in trials {
        let errors = errors_of_day(trial, day, actual, until);
        origins += usize::from(!errors.is_empty());
        for errors in &errors {
            squares.iter_mut().zip(errors).for_each(|(sum, error)| *sum += error * error);
        }
    }
    let place = (0..memories).min_by(|a, b| squares[*a].total_cmp(&squares[*b])).unwrap_or(0);
    if origins >= FEWEST_ORIGINS && squares[place] < CLEARLY * squares[0] { place } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{definition, simulated, start};
    use super::*;

    /// Daily origins with forecasts of two days, off by so much with each memory.
    fn trials(days: usize, errors: [[f64; 2]; 3]) -> (Vec<Trial>, History) {
        let actual = History::new(start(), Cadence::Day, vec![100.0; days + 2]);
        let forecasts: Vec<Vec<f64>> = errors.iter().map(|by_day| by_day.map(|error| 100.0 + error).to_vec()).collect();
        let trial = |day: usize| Trial { origin: start().plus(day as i64 * DAY), forecasts: forecasts.clone() };
        ((0..days).map(trial).collect(), actual)
    }

    fn chosen(days: usize, errors: [[f64; 2]; 3]) -> [usize; 2] {
        let (trials, actual) = trials(days, errors);
        [0, 1].map(|day| best(&trials, 3, day, &actual, start().plus((days as i64 + 2) * DAY)))
    }

    #[test]
    fn each_day_of_the_horizon_has_the_memory_with_the_least_squared_error() {
        assert_eq!(chosen(40, [[5.0, 5.0], [4.0, 9.0], [6.0, 4.0]]), [1, 2]);
    }

    #[test]
    fn a_memory_that_is_hardly_better_does_not_replace_the_rule() {
        // Squares of 0.96 and 0.98 of the rule's.
        assert_eq!(
            chosen(40, [[10.0, 10.0], [9.6_f64.sqrt() * 10_f64.sqrt(), 9.8_f64.sqrt() * 10_f64.sqrt()], [11.0; 2]]),
            [1, 0]
        );
    }

    #[test]
    fn a_choice_takes_four_weeks_of_origins() {
        assert_eq!(chosen(27, [[5.0; 2], [1.0; 2], [9.0; 2]]), [0, 0]);
        assert_eq!(chosen(28, [[5.0; 2], [1.0; 2], [9.0; 2]]), [1, 1]);
    }

    #[test]
    fn hours_that_had_not_passed_do_not_count() {
        // With the last twelve days the second would have 847 to the rule's 1,000.
        let (mut trials, actual) = trials(40, [[5.0; 2], [5.5; 2], [7.0; 2]]);
        trials.iter_mut().skip(28).for_each(|trial| trial.forecasts[1].fill(100.0));
        assert_eq!(best(&trials, 3, 0, &actual, start().plus(28 * DAY)), 0);
        assert_eq!(best(&trials, 3, 0, &actual, start().plus(40 * DAY)), 1);
    }

    #[test]
    fn memories_compete_once_there_is_a_year_and_windows_once_there_are_two() {
        let (definition, history) = (definition("1d", 48), simulated(Cadence::Day, 900, 1));
        let count = |days: i64| Memory::competing(&definition, &history, start().plus(days * DAY)).len();
        assert_eq!([365, 366, 728, 729].map(count), [1, 2, 2, 3]);
    }
}
