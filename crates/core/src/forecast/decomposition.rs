//! Seasonal-trend decomposition of the newest weeks: the seasons of the day and of the week, repeated, and what is left
//! without them, smoothed.
//!
//! Seasons are taken off one after the other by Loess (MSTL: Bandara, Hyndman and Bergmeir 2021, arXiv 2107.13462; STL:
//! Cleveland et al. 1990). What is left is smoothed twice, fast and slow (exponential smoothing: Brown 1959): the fast
//! level is where the series stands, the slow one is where it usually returns to, and the way from one to the other is
//! damped step by step, as the trend of Gardner and McKenzie 1985 is. Their trend itself was measured too: carried on,
//! it runs away from the weeks around it.

use serde::{Deserialize, Serialize};
use stlrs::{Mstl, MstlResult, Stl};

use super::baseline::mean;
use super::error::{ModelError, PredictError};
use super::explain::{Input, Terms};
use super::inputs::Inputs;
use super::ridge::newest_month;
use crate::time::{Cadence, Timestamp};

/// Days after which the fast level, the slow level and the distance between them have kept a third. These and the
/// windows were chosen on Italy's 2021 and 2022, where half or double of each changes little.
const FAST_DAYS: f64 = 1.0 / 16.0;
const SLOW_DAYS: f64 = 10.0;
const RETURN_DAYS: f64 = 4.0;

/// Forecasts by taking the newest four weeks apart; nothing in it is learnt from what lies before them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Settings")]
pub struct Decomposition {
    cadence: Cadence,
    steps: usize,
    windows: Windows,
    smoothing: Smoothing,
}

#[derive(Deserialize)]
struct Settings {
    cadence: Cadence,
    steps: usize,
    windows: Windows,
    smoothing: Smoothing,
}

/// The windows of Loess, each an odd number of at least 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Windows {
    /// Days over which the day's shape changes.
    day: usize,
    /// Weeks over which the week's shape changes.
    week: usize,
    /// Steps over which the trend between them changes.
    trend: usize,
}

/// Shares that a step keeps, each from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Smoothing {
    /// Of the fast level.
    fast: f64,
    /// Of the slow level.
    slow: f64,
    /// Of the distance from the slow level to the fast one.
    distance: f64,
}

/// A forecast, step by step.
struct Parts {
    levels: Vec<f64>,
    seasons: Vec<f64>,
}

impl Decomposition {
    /// Forecasts `steps` steps at a cadence.
    pub(super) fn new(cadence: Cadence, steps: usize) -> Self {
        let per_day = cadence.per_day();
        let kept_after = |days: f64| (-1.0 / (days * per_day as f64)).exp();
        let windows = Windows { day: 21, week: 15, trend: (2 * per_day).max(7) | 1 };
        let smoothing =
            Smoothing { fast: kept_after(FAST_DAYS), slow: kept_after(SLOW_DAYS), distance: kept_after(RETURN_DAYS) };
        Self { cadence, steps, windows, smoothing }
    }

    /// Steps that it forecasts.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// Forecasts the steps from `origin` on, from the four weeks before it.
    ///
    /// # Errors
    /// Where the newest weeks are not there, too old or too thin, or the history has another cadence.
    pub(super) fn predict(&self, inputs: &Inputs, origin: Timestamp) -> Result<Vec<f64>, PredictError> {
        let month = newest_month(&inputs.own, self.cadence, origin)?;
        let Parts { levels, seasons } = self.parts(&month, origin)?;
        Ok(levels.iter().zip(&seasons).map(|(level, season)| level + season).collect())
    }

    /// The parts of the forecast of every step, beside the mean of the last four weeks.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub(super) fn explain(&self, inputs: &Inputs, origin: Timestamp) -> Result<Vec<Terms>, PredictError> {
        let month = newest_month(&inputs.own, self.cadence, origin)?;
        let base = mean(&month);
        let Parts { levels, seasons } = self.parts(&month, origin)?;
        let explain = |(level, season): (&f64, &f64)| {
            let mut parts = Terms::default();
            parts.put(Input::Level, level - base);
            parts.put(Input::UsualShape, *season);
            parts
        };
        Ok(levels.iter().zip(&seasons).map(explain).collect())
    }

    fn parts(&self, month: &[f64], origin: Timestamp) -> Result<Parts, PredictError> {
        let periods = self.periods();
        let split = self.decompose(month, &periods);
        let split = split.map_err(|why| PredictError::Seasons { origin, why: why.to_string() })?;
        let at_step = |step: usize| {
            let ahead = |(of, period): (&Vec<f64>, &usize)| of[of.len() - period + step % period];
            split.seasonal().iter().zip(&periods).map(ahead).sum::<f64>()
        };
        let seasons: Vec<f64> = (0..self.steps).map(at_step).collect();
        let left: Vec<f64> = split.trend().iter().zip(split.remainder()).map(|(trend, rest)| trend + rest).collect();
        let levels = self.smoothing.carry_on(&left, self.cadence.per_day(), self.steps);
        match levels.iter().zip(&seasons).position(|(level, season)| !(level + season).is_finite()) {
            Some(step) => Err(PredictError::NotFinite { origin, step }),
            None => Ok(Parts { levels, seasons }),
        }
    }

    /// Steps of a day, where it has several, and of a week.
    fn periods(&self) -> Vec<usize> {
        let per_day = self.cadence.per_day();
        [per_day, 7 * per_day].into_iter().filter(|period| *period > 1).collect()
    }

    fn decompose(&self, month: &[f64], periods: &[usize]) -> Result<MstlResult<f64>, stlrs::Error> {
        let Windows { day, week, trend } = self.windows;
        // A season changes by level: four weeks cannot tell whether it grows.
        let mut each = Stl::params();
        each.seasonal_degree(0).trend_length(trend);
        let windows = if periods.len() > 1 { vec![day, week] } else { vec![week] };
        Mstl::params().stl_params(each).seasonal_lengths(&windows).fit(month, periods)
    }
}

impl Smoothing {
    /// The levels of the steps that follow these values; both smoothings begin with the mean of the first week.
    fn carry_on(self, values: &[f64], per_day: usize, steps: usize) -> Vec<f64> {
        let first = mean(&values[..values.len().min(7 * per_day)]);
        let smoothed = |kept: f64| values.iter().fold(first, |level, value| kept * level + (1.0 - kept) * value);
        let (fast, slow) = (smoothed(self.fast), smoothed(self.slow));
        let distance = (1..=steps).scan(fast - slow, |distance, _| {
            *distance *= self.distance;
            Some(*distance)
        });
        distance.map(|distance| slow + distance).collect()
    }
}

impl TryFrom<Settings> for Decomposition {
    type Error = ModelError;

    fn try_from(settings: Settings) -> Result<Self, ModelError> {
        let Settings { cadence, steps, windows, smoothing } = settings;
        let most = 28 * cadence.per_day() + 1;
        let is_window = |length: &usize| length % 2 == 1 && (3..=most).contains(length);
        let Windows { day, week, trend } = windows;
        if let Some(length) = [day, week, trend].into_iter().find(|length| !is_window(length)) {
            return Err(ModelError::Window { length });
        }
        let Smoothing { fast, slow, distance } = smoothing;
        if let Some(share) = [fast, slow, distance].into_iter().find(|share| !(0.0..=1.0).contains(share)) {
            return Err(ModelError::Smoothing { share: share.to_string() });
        }
        Ok(Self { cadence, steps, windows, smoothing })
    }
}

#[cfg(test)]
mod tests {
    use super::super::explain::Explanation;
    use super::super::tests::{simulated, start};
    use super::*;
    use crate::history::History;
    use crate::time::DAY;

    fn forecast(cadence: Cadence, value: impl Fn(usize) -> f64) -> Vec<f64> {
        let history = History::new(start(), cadence, (0..40 * cadence.per_day()).map(value).collect());
        let end = history.end();
        Decomposition::new(cadence, 4 * cadence.per_day()).predict(&Inputs::alone(history), end).unwrap()
    }

    /// The farthest that a forecast of a level of 300 with this day and this week for ever is off.
    fn worst(cadence: Cadence, of_day: fn(usize) -> usize, of_week: fn(usize) -> usize) -> f64 {
        let per_day = cadence.per_day();
        let value = |step: usize| 300.0 + (of_day(step % per_day) + of_week(step / per_day % 7)) as f64;
        let found = forecast(cadence, value);
        found.iter().enumerate().map(|(step, f)| (f - value(40 * per_day + step)).abs()).fold(0.0, f64::max)
    }

    // Any shape will do: nothing is smooth about these.
    const DAY_SHAPE: fn(usize) -> usize = |step| step * step * 7 % 31;
    const WEEK_SHAPE: fn(usize) -> usize = |day| day * day * 5 % 13;

    #[test]
    fn a_level_with_the_same_day_or_the_same_week_for_ever_is_forecast_exactly() {
        for cadence in [Cadence::Hour, Cadence::QuarterHour] {
            assert!(worst(cadence, DAY_SHAPE, |_| 0) < 1e-9);
        }
        assert!(worst(Cadence::Day, |_| 0, WEEK_SHAPE) < 1e-9);
    }

    #[test]
    fn a_day_and_a_week_are_told_apart() {
        // One is taken off before the other is known, twice in turn: what is left of that is far below the shapes' 30.
        assert!(worst(Cadence::Hour, DAY_SHAPE, WEEK_SHAPE) < 0.01);
    }

    #[test]
    fn a_level_is_carried_on_from_the_fast_one_towards_the_slow_one() {
        // Both begin at 0, the mean of the first week of one value a day. After a value of 8 the fast level is
        // 8 / 2 = 4, the slow one 8 / 4 = 2; of the distance of 2 a step keeps half.
        let smoothing = Smoothing { fast: 0.5, slow: 0.75, distance: 0.5 };
        let values = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 8.0];
        assert_eq!(smoothing.carry_on(&values, 1, 3), [3.0, 2.5, 2.25]);
    }

    #[test]
    fn parts_are_the_level_against_the_month_and_the_seasons() {
        // The seasons of a level of 300 with a day of -10 and +10 in turns are these, and the level is the base.
        let value = |step: usize| if step.is_multiple_of(2) { 290.0 } else { 310.0 };
        let history = History::new(start(), Cadence::Hour, (0..40 * 24).map(value).collect());
        let model = Decomposition::new(Cadence::Hour, 24);
        let end = history.end();
        let terms = model.explain(&Inputs::alone(history), end).unwrap();
        let parts = Explanation::of(end, 300.0, terms).parts;
        assert!(parts[&Input::Level].iter().all(|level| level.abs() < 1e-9));
        let apart = parts[&Input::UsualShape].iter().enumerate().map(|(step, shape)| shape - (value(step) - 300.0));
        assert!(apart.map(f64::abs).fold(0.0, f64::max) < 1e-9);
    }

    #[test]
    fn a_gap_of_a_week_is_no_reason_to_refuse_and_four_weeks_less_a_day_are() {
        let whole = simulated(Cadence::Hour, 50, 1);
        let model = Decomposition::new(Cadence::Hour, 96);
        let mut values = whole.values().to_vec();
        values[30 * 24..37 * 24].fill(f64::NAN);
        let gap = Inputs::alone(History::new(start(), Cadence::Hour, values));
        assert!(model.predict(&gap, whole.end()).unwrap().iter().all(|value| value.is_finite()));
        let short = Inputs::alone(whole.between(start(), start().plus(27 * DAY)));
        assert!(matches!(model.predict(&short, short.end()), Err(PredictError::Incomplete { days: 28, .. })));
    }

    #[test]
    fn values_beyond_all_numbers_give_an_error() {
        let history = History::new(start(), Cadence::Day, vec![f64::MAX; 40]);
        let end = history.end();
        let refused = Decomposition::new(Cadence::Day, 4).predict(&Inputs::alone(history), end);
        assert!(matches!(refused, Err(PredictError::NotFinite { .. })), "{refused:?}");
    }

    #[test]
    fn a_stored_one_with_impossible_settings_is_refused() {
        let stored = serde_json::to_value(Decomposition::new(Cadence::Hour, 96)).unwrap();
        assert!(serde_json::from_value::<Decomposition>(stored.clone()).is_ok());
        let refused = |table: &str, key: &str, value: serde_json::Value, expected: &str| {
            let mut changed = stored.clone();
            changed[table][key] = value;
            let why = serde_json::from_value::<Decomposition>(changed).unwrap_err().to_string();
            assert!(why.contains(expected), "{why}");
        };
        refused("windows", "day", 20.into(), "a Loess window of 20");
        refused("windows", "week", 1.into(), "a Loess window of 1:");
        refused("windows", "trend", 100_001.into(), "a Loess window of 100001");
        refused("smoothing", "slow", 1.5.into(), "keeps a share of 1.5");
    }
}
