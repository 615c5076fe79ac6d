//! Whether a model has become worse, as against the world having become harder: its errors beside those that naive
//! forecasts made on the same hours, now and on the model's own past.

mod trace;
mod yardstick;

use serde::{Deserialize, Serialize};

pub use yardstick::{NoYardstick, Yardstick};

use crate::drift::Answer;
use crate::forecast::{Forecast, baseline};
use crate::history::History;
use crate::series::Drift;
use crate::time::{DAY, Timestamp};

use self::trace::Run;

/// The errors of one forecast day, beside those of naive forecasts from the same origin for the same hours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DayScore {
    /// When the forecast was issued.
    pub origin: Timestamp,
    /// The day of the forecast, from 1.
    pub day: u32,
    /// Mean absolute error, in the series' unit.
    pub mae: f64,
    /// Mean absolute error of the usual week at the last day's level, made at the same origin.
    pub naive_mae: f64,
    /// Forecast less actual, on average.
    pub bias: f64,
    /// Steps that had a value.
    pub steps: u64,
    /// Mean absolute change of the error from one step to the next; none of a day of one step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<f64>,
    /// The share of values within the 80 % interval; none of a score of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage_80: Option<f64>,
    /// The naive forecasts, in the order of [`baseline::BASELINES`]; none of a score of an earlier version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub naive: Vec<Errors>,
}

/// Errors of a naive forecast on a day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Errors {
    /// Mean absolute error, in the series' unit.
    pub mae: f64,
    /// Mean absolute change of the error from one step to the next; none of a day of one step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<f64>,
}

impl DayScore {
    /// The first step of the day that was forecast.
    pub fn target(&self) -> Timestamp {
        self.origin.plus((i64::from(self.day) - 1) * DAY)
    }
}

/// The answer to: has the model become worse?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skill {
    /// Stable, drifted, or not enough to say.
    pub answer: Answer,
    /// First-day error over that of the usual week in the window; below 1 is better than naive.
    pub recent: Option<f64>,
    /// The same on the model's own past.
    pub usual: Option<f64>,
    /// The sum of what the errors lie above those that such days usually bring, in deviations, at which the alarm is
    /// raised.
    pub threshold: Option<f64>,
    /// Scored first days in the window.
    pub days: u64,
    /// All of it in words.
    pub reason: String,
    /// The sum that is compared with the threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<f64>,
    /// Since when the errors have lain above, where they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// How far the error lies above what such days usually bring, since then: 0.5 is half as much again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excess: Option<f64>,
    /// The usual week's first-day error over the window beside that on the model's own past: how much harder the world
    /// has become.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub world: Option<f64>,
    /// By day of the horizon, over the window.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_day: Vec<OfDay>,
}

/// How one day of the horizon did over the window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfDay {
    /// The day of the horizon, from 1.
    pub day: u32,
    /// Scored days.
    pub days: u64,
    /// Mean absolute error, in the series' unit.
    pub mae: f64,
    /// The error over that of the usual week; none where that had none.
    pub ratio: Option<f64>,
    /// Forecast less actual, in the series' unit.
    pub bias: f64,
    /// The share of values within the 80 % interval.
    pub coverage_80: Option<f64>,
}

/// The excess from which the skill counts as falling, though it is no alarm.
const FALLING: f64 = 0.05;
/// The share of the alarm's threshold from which that is more than a bad day.
const SURE: f64 = 0.25;
/// First days in the window, and in the weeks before it, that a young model is told by.
const FEWEST_RECENT: u64 = 7;
const FEWEST_BEFORE: usize = 21;
/// The naive error beside the usual one from which the world counts as harder.
const HARDER: f64 = 1.25;

/// Scores one day of a forecast; none where fewer than three quarters of its hours, or the naive forecasts, are there.
pub fn score_day(forecast: &Forecast, history: &History, day: u32) -> Option<DayScore> {
    let per_day = forecast.cadence.per_day();
    let first = per_day * (day as usize).checked_sub(1)?;
    let points = forecast.points.get(first..first + per_day)?;
    let naive = baseline::all(history, forecast.origin, first + per_day)?;
    let actual: Vec<f64> = points.iter().map(|point| history.at(point.target).unwrap_or(f64::NAN)).collect();
    let steps = actual.iter().filter(|value| value.is_finite()).count();
    if steps * 4 < per_day * 3 {
        return None;
    }
    let less_actual = |values: &[f64]| -> Vec<f64> { values.iter().zip(&actual).map(|(v, a)| v - a).collect() };
    let errors = less_actual(&points.iter().map(|point| point.value).collect::<Vec<_>>());
    let naive: Vec<(&str, Errors)> = naive
        .iter()
        .map(|(name, values)| (*name, Errors::of(&less_actual(values.get(first..).unwrap_or_default()))))
        .collect();
    let naive_mae = naive.iter().find(|(name, _)| *name == "usual_week").map(|(_, errors)| errors.mae)?;
    let inside =
        |(point, actual): (&crate::forecast::Point, &f64)| point.lower_80 <= *actual && *actual <= point.upper_80;
    let covered = points.iter().zip(&actual).filter(|pair| inside(*pair)).count();
    let Errors { mae, change } = Errors::of(&errors);
    Some(DayScore {
        origin: forecast.origin,
        day,
        mae,
        naive_mae,
        bias: mean(errors.iter().copied()),
        steps: steps as u64,
        change,
        coverage_80: Some(covered as f64 / steps as f64),
        naive: naive.into_iter().map(|(_, errors)| errors).collect(),
    })
}

impl Errors {
    /// The errors of a day in the order of time, NaN where a value is missing.
    fn of(errors: &[f64]) -> Self {
        let changes: Vec<f64> =
            errors.windows(2).map(|pair| (pair[1] - pair[0]).abs()).filter(|c| c.is_finite()).collect();
        let change = (!changes.is_empty()).then(|| mean(changes.into_iter()));
        Self { mae: mean(errors.iter().map(|error| error.abs())), change }
    }
}

/// The mean of the values that are there.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.filter(|v| v.is_finite()).fold((0.0, 0_u64), |(sum, count), v| (sum + v, count + 1));
    sum / count as f64
}

/// Judges the serving model by the scores of its forecasts against its own yardstick.
///
/// Only forecasts of its `own` count, so that a new model is not blamed for the old one.
pub fn judge(
    days: &[DayScore],
    yardstick: Result<&Yardstick, &str>,
    own: impl Fn(&DayScore) -> bool,
    now: Timestamp,
    drift: &Drift,
) -> Skill {
    let own: Vec<&DayScore> = days.iter().filter(|score| own(score)).collect();
    let window_start = now.plus(-i64::from(drift.window_days) * DAY);
    let window: Vec<&DayScore> = own.iter().copied().filter(|score| score.target() >= window_start).collect();
    let first_days = || window.iter().filter(|score| score.day == 1);
    let known = Skill {
        recent: ratio(first_days().map(|s| (s.mae, s.naive_mae))),
        days: first_days().count() as u64,
        by_day: by_day(&window),
        ..Skill::unknown(String::new())
    };
    let yardstick = match yardstick {
        Ok(yardstick) => yardstick,
        Err(reason) => return of_a_young_model(known, days, window_start, reason),
    };
    let naive = mean(first_days().map(|score| score.naive_mae)) / yardstick.usual_naive();
    let known = Skill {
        usual: yardstick.usual(),
        threshold: Some(yardstick.threshold()),
        world: naive.is_finite().then_some(naive),
        ..known
    };
    match yardstick.run(&own) {
        Some(run) => judged(known, &run, yardstick),
        None => Skill { reason: "no forecast of the serving model has met its hours yet".to_owned(), ..known },
    }
}

/// A model without a yardstick is laid beside the weeks before the window, whoever forecast them: no more than a hint.
fn of_a_young_model(known: Skill, days: &[DayScore], window_start: Timestamp, reason: &str) -> Skill {
    let before = || days.iter().filter(|score| score.day == 1 && score.target() < window_start);
    let usual = ratio(before().map(|score| (score.mae, score.naive_mae)));
    let enough = known.days >= FEWEST_RECENT && before().count() >= FEWEST_BEFORE;
    let pair = known.recent.zip(usual).filter(|(_, usual)| enough && *usual > 0.0);
    let Some((recent, usual)) = pair else { return Skill { reason: reason.to_owned(), ..known } };
    let reason = format!(
        "{reason}; its first-day error over {} days is {recent:.3} of the usual week's, {usual:.3} in the weeks before",
        known.days
    );
    Skill { usual: Some(usual), excess: Some(recent / usual - 1.0), reason, ..known }
}

fn judged(known: Skill, run: &Run, yardstick: &Yardstick) -> Skill {
    let threshold = yardstick.threshold();
    let answer = if run.is_alarm(yardstick.bound()) { Answer::Drifted } else { Answer::Stable };
    let percent = 100.0 * run.excess();
    let reason = match run.since {
        Some(since) => format!(
            "since {since} the error lies {percent:.0} % above what such days bring by the naive forecasts' errors on the \
             same hours; summed up to {:.1} deviations, alarm above {threshold:.1} with {:.0} % or more, set by {} days \
             of the model's own past for {} alarms a year",
            run.sum,
            100.0 * yardstick.least_excess(),
            yardstick.days(),
            yardstick.alarms_a_year(),
        ),
        None => "the error lies where such days bring it by the naive forecasts' errors on the same hours".to_owned(),
    };
    Skill { answer, reason, sum: Some(run.sum), since: run.since, excess: run.since.map(|_| run.excess()), ..known }
}

fn by_day(window: &[&DayScore]) -> Vec<OfDay> {
    let last = window.iter().map(|score| score.day).max().unwrap_or_default();
    let of_day = |day: u32| {
        let scores: Vec<&DayScore> = window.iter().copied().filter(|score| score.day == day).collect();
        let covered: Vec<f64> = scores.iter().filter_map(|score| score.coverage_80).collect();
        (!scores.is_empty()).then(|| OfDay {
            day,
            days: scores.len() as u64,
            mae: mean(scores.iter().map(|score| score.mae)),
            ratio: ratio(scores.iter().map(|score| (score.mae, score.naive_mae))),
            bias: mean(scores.iter().map(|score| score.bias)),
            coverage_80: (!covered.is_empty()).then(|| mean(covered.into_iter())),
        })
    };
    (1..=last).filter_map(of_day).collect()
}

impl Skill {
    /// The answer where there is not enough to say, and why.
    pub fn unknown(reason: String) -> Self {
        Self {
            answer: Answer::InsufficientData,
            recent: None,
            usual: None,
            threshold: None,
            days: 0,
            reason,
            sum: None,
            since: None,
            excess: None,
            world: None,
            by_day: Vec::new(),
        }
    }

    /// The same where the batch only made up for the past.
    #[must_use]
    pub fn of_a_back_fill(self) -> Self {
        let (answer, reason) = self.answer.of_a_back_fill(self.reason);
        Self { answer, reason, ..self }
    }

    /// Whether naive forecasts are further off than usual.
    pub fn is_harder(&self) -> bool {
        self.world.is_some_and(|world| world > HARDER)
    }

    /// Whether the skill is falling, though it may be no alarm yet.
    pub fn is_falling(&self) -> bool {
        // A young model has no sum that would tell how sure it is.
        let sure = |threshold: f64| self.sum.is_some_and(|sum| sum > SURE * threshold);
        self.excess.is_some_and(|excess| excess > FALLING) && self.threshold.is_none_or(sure)
    }
}

/// The sum of errors over the sum of naive ones; none where those had none.
fn ratio(pairs: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (error, naive) = pairs.fold((0.0, 0.0), |(error, naive), pair| (error + pair.0, naive + pair.1));
    (naive > 0.0).then(|| error / naive)
}

#[cfg(test)]
pub(crate) mod tests;
