//! Whether a model has become worse, as against the world having become harder: its error beside a naive one's on the
//! same hours, now and usually.

use serde::{Deserialize, Serialize};

use crate::drift::Answer;
use crate::forecast::{Forecast, baseline};
use crate::history::History;
use crate::series::Drift;
use crate::time::{DAY, Timestamp};

/// The error of one forecast day, beside the naive forecast's for the same hours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
}

/// The answer to: has the model become worse?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skill {
    /// Stable, drifted, or not enough to say.
    pub answer: Answer,
    /// Error over the naive error in the window; below 1 is better than naive.
    pub recent: Option<f64>,
    /// The same over the year before the window.
    pub usual: Option<f64>,
    /// The same at which the alarm is raised.
    pub threshold: Option<f64>,
    /// Days in the window.
    pub days: u64,
    /// All of it in words.
    pub reason: String,
}

/// Scored days without which nothing is said about the window.
const FEWEST_RECENT: usize = 7;
/// Scored days without which nothing is said about what is usual.
const FEWEST_USUAL: usize = 28;
/// How long before the window a day counts as usual.
const USUAL_DAYS: i64 = 365;
/// The rise over usual from which the skill counts as falling, though it is no alarm.
const FALLING: f64 = 1.05;

/// Scores one day of a forecast; none where fewer than three quarters of its hours, or the naive forecast, are there.
pub fn score_day(forecast: &Forecast, history: &History, day: u32) -> Option<DayScore> {
    let per_day = forecast.cadence.per_day();
    let first = per_day * (day as usize).checked_sub(1)?;
    let points = forecast.points.get(first..first + per_day)?;
    let naive = baseline::usual_week(history, forecast.origin, first + per_day)?;
    let known: Vec<(f64, f64, f64)> = points
        .iter()
        .zip(naive.get(first..)?)
        .filter_map(|(point, naive)| history.at(point.target).map(|actual| (point.value, *naive, actual)))
        .collect();
    if known.len() * 4 < per_day * 3 {
        return None;
    }
    let mean = |f: fn(&(f64, f64, f64)) -> f64| known.iter().map(f).sum::<f64>() / known.len() as f64;
    Some(DayScore {
        origin: forecast.origin,
        day,
        mae: mean(|(value, _, actual)| (value - actual).abs()),
        naive_mae: mean(|(_, naive, actual)| (naive - actual).abs()),
        bias: mean(|(value, _, actual)| value - actual),
        steps: known.len() as u64,
    })
}

/// Compares the serving model's first-day errors in the newest window with what is usual for the series.
///
/// Only forecasts issued since `serving_since` count as recent, so that a new model is not blamed for the old one.
pub fn judge(days: &[DayScore], serving_since: Timestamp, now: Timestamp, drift: &Drift) -> Skill {
    let window_start = now.plus(-i64::from(drift.window_days) * DAY);
    let recent = |d: &&DayScore| d.origin >= window_start && d.origin >= serving_since;
    let usual = |d: &&DayScore| d.origin < window_start && now.since(d.origin) <= USUAL_DAYS * DAY;
    let (recent, recent_days) = ratio(days.iter().filter(recent));
    let (usual, usual_days) = ratio(days.iter().filter(usual));
    if recent_days < FEWEST_RECENT || usual_days < FEWEST_USUAL {
        let reason = format!(
            "{recent_days} scored days since the model took over ({FEWEST_RECENT} needed), {usual_days} before ({FEWEST_USUAL} needed)"
        );
        return Skill { recent, usual, days: recent_days as u64, ..Skill::unknown(reason) };
    }
    let (Some(recent), Some(usual)) = (recent, usual) else {
        let reason = "the naive forecast had no error to compare with".to_owned();
        return Skill { recent, usual, days: recent_days as u64, ..Skill::unknown(reason) };
    };
    let threshold = usual * drift.skill_factor;
    let answer = if recent > threshold { Answer::Drifted } else { Answer::Stable };
    let reason = format!(
        "first-day error over {recent_days} days is {recent:.3} of the naive one, usually {usual:.3}, alarm above {threshold:.3}"
    );
    Skill {
        answer,
        recent: Some(recent),
        usual: Some(usual),
        threshold: Some(threshold),
        days: recent_days as u64,
        reason,
    }
}

impl Skill {
    /// The answer where there is not enough to say, and why.
    pub fn unknown(reason: String) -> Self {
        Self { answer: Answer::InsufficientData, recent: None, usual: None, threshold: None, days: 0, reason }
    }

    /// Whether the skill is falling, though it may be no alarm yet.
    pub fn is_falling(&self) -> bool {
        matches!((self.recent, self.usual), (Some(recent), Some(usual)) if recent > usual * FALLING)
            && self.answer != Answer::InsufficientData
    }
}

fn ratio<'a>(days: impl Iterator<Item = &'a DayScore>) -> (Option<f64>, usize) {
    let (mut error, mut naive, mut count) = (0.0, 0.0, 0);
    for day in days {
        error += day.mae;
        naive += day.naive_mae;
        count += 1;
    }
    ((naive > 0.0).then(|| error / naive), count)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One score a day up to `until`, with these errors against a naive error of 10.
    fn days(until: Timestamp, errors: &[(usize, f64)]) -> Vec<DayScore> {
        let all: Vec<f64> = errors.iter().flat_map(|(n, mae)| std::iter::repeat_n(*mae, *n)).collect();
        let first = until.plus(-(all.len() as i64) * DAY);
        let score = |(i, mae): (usize, &f64)| DayScore {
            origin: first.plus(i as i64 * DAY),
            day: 1,
            mae: *mae,
            naive_mae: 10.0,
            bias: 0.0,
            steps: 24,
        };
        all.iter().enumerate().map(score).collect()
    }

    fn judged(errors: &[(usize, f64)]) -> Skill {
        let now = "2022-06-01".parse().unwrap();
        judge(&days(now, errors), "2021-01-01".parse().unwrap(), now, &Drift::default())
    }

    #[test]
    fn a_rise_above_the_factor_is_drift() {
        // Usually 0.5 of the naive error; the alarm lies at 0.5 x 1.15 = 0.575.
        assert_eq!(judged(&[(60, 5.0), (14, 5.7)]).answer, Answer::Stable);
        assert_eq!(judged(&[(60, 5.0), (14, 5.8)]).answer, Answer::Drifted);
    }

    #[test]
    fn a_harder_world_is_not_a_worse_model() {
        let now = "2022-06-01".parse().unwrap();
        let mut scores = days(now, &[(60, 5.0), (14, 10.0)]);
        scores.iter_mut().rev().take(14).for_each(|d| d.naive_mae = 20.0);
        assert_eq!(judge(&scores, "2021-01-01".parse().unwrap(), now, &Drift::default()).answer, Answer::Stable);
    }

    #[test]
    fn too_short_a_past_is_a_third_answer() {
        assert_eq!(judged(&[(27, 5.0), (14, 9.0)]).answer, Answer::InsufficientData);
    }

    #[test]
    fn a_new_model_is_not_blamed_for_the_old_one() {
        let now: Timestamp = "2022-06-01".parse().unwrap();
        let scores = days(now, &[(60, 5.0), (14, 9.0)]);
        let skill = judge(&scores, now.plus(-3 * DAY), now, &Drift::default());
        assert_eq!(skill.answer, Answer::InsufficientData);
    }
}
