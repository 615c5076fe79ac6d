//! What trees ask for: of a step its calendar, and of the newest weeks how they lie against the last day's level.

use super::super::baseline::{mean, moved_week};
use super::super::calendar::Calendar;
use super::super::explain::Input;
use crate::time::{Cadence, HOUR, Timestamp};

/// The version of the features: a stored model says which its trees ask for, so change it with the features.
pub(super) const VERSION: u32 = 1;
/// The feature that takes a year of history to learn.
pub(super) const SEASON: usize = 3;
/// What each feature comes from, in the order of [`Seen::features`].
pub(super) const INPUTS: [Input; 25] = [
    // The step, the hour, the kind of day; the day of the year.
    Input::DayAndWeek,
    Input::DayAndWeek,
    Input::DayAndWeek,
    Input::Season,
    // The same step of the day on the last day, and of single days before it, and on the mean of three and seven days.
    Input::LastDay,
    Input::Earlier,
    Input::Earlier,
    Input::Earlier,
    Input::Earlier,
    Input::Earlier,
    // The shape of the usual week and of the usual day.
    Input::UsualShape,
    Input::UsualShape,
    // The last day against the week and the month, and how it came to where it is.
    Input::Level,
    Input::Level,
    Input::Level,
    Input::Level,
    Input::Level,
    Input::Level,
    // The newest value, the newest hours against the same a day before, and the newest moves.
    Input::LastDay,
    Input::LastDay,
    Input::LastDay,
    Input::LastDay,
    Input::LastDay,
    Input::LastDay,
    Input::LastDay,
];
/// The newest hours that are compared with the same a day before.
const NEWEST_HOURS: [usize; 4] = [1, 3, 6, 12];
/// The moves that are looked at, in hours.
const MOVE_HOURS: [usize; 2] = [1, 3];

/// The four weeks before an origin, as far as they are the same for all steps.
pub(super) struct Seen {
    month: Vec<f64>,
    cadence: Cadence,
    level: f64,
    /// The shape of the usual week and of the usual day, from the origin on, about their means.
    week: Vec<f64>,
    day: Vec<f64>,
    shared: Vec<f64>,
}

impl Seen {
    /// From the newest four weeks, oldest first and without gaps.
    pub(super) fn new(month: Vec<f64>, cadence: Cadence) -> Self {
        let per_day = cadence.per_day();
        let level = mean(&month[month.len() - per_day..]);
        let week = moved_week(&month, cadence, 7 * per_day, 1.0).into_iter().map(|value| value - level).collect();
        let (days, usual) = ((month.len() / per_day) as f64, mean(&month));
        let of_day = |step: usize| month.iter().skip(step).step_by(per_day).sum::<f64>() / days - usual;
        let day = (0..per_day).map(of_day).collect();
        let shared = shared(&month, cadence);
        Self { month, cadence, level, week, day, shared }
    }

    /// The mean of the last day.
    pub(super) fn level(&self) -> f64 {
        self.level
    }

    /// The four weeks.
    pub(super) fn month(&self) -> &[f64] {
        &self.month
    }

    /// The features of a step, as many as [`INPUTS`].
    pub(super) fn features(&self, calendar: &Calendar, origin: Timestamp, step: usize) -> Vec<f64> {
        let per_day = self.cadence.per_day();
        let target = origin.plus(step as i64 * self.cadence.seconds());
        let [hour, kind, season] = calendar.numbers(target);
        let (of_day, of_week) = (step % per_day, step % (7 * per_day));
        let back = |days: usize, step: usize| self.month[self.month.len() - days * per_day + step] - self.level;
        let mean_of = |days: usize| (1..=days).map(|day| back(day, of_day)).sum::<f64>() / days as f64;
        let mut features = vec![step as f64, hour, kind, season];
        features.extend([back(1, of_day), back(2, of_day), back(7, of_week), back(14, of_week)]);
        features.extend([mean_of(3), mean_of(7), self.week[of_week], self.day[of_day]]);
        features.extend(&self.shared);
        features
    }
}

fn shared(month: &[f64], cadence: Cadence) -> Vec<f64> {
    let (per_day, end) = (cadence.per_day(), month.len());
    let day = |back: usize| mean(&month[end - back * per_day..end - (back - 1) * per_day]);
    let level = day(1);
    let week = mean(&month[end - 7 * per_day..]);
    let mut shared = vec![level - week, level - mean(month), level - day(2), day(2) - day(3)];
    shared.extend([level - day(7), day(7) - day(8), month[end - 1] - level]);
    // Where a step is longer than an hour, the newest hours are the newest step.
    let steps = |hours: usize| ((hours as i64 * HOUR / cadence.seconds()) as usize).max(1);
    let against_yesterday = |hours: usize| {
        let yesterday = end - per_day;
        mean(&month[end - steps(hours)..]) - mean(&month[yesterday - steps(hours)..yesterday])
    };
    shared.extend(NEWEST_HOURS.map(against_yesterday));
    shared.extend(MOVE_HOURS.map(|hours| month[end - 1] - month[end - 1 - steps(hours)]));
    shared
}
