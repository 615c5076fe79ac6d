//! How a challenger stands to the champion on the same hours: over all of them, by day of the horizon, and by parts of
//! the calendar, each with what chance could have done.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::predictions::{Predictions, Row, mean};
use super::{CHALLENGER, CHAMPION, origin_distance};
use crate::accuracy::{self, Comparison};
use crate::drift::discovery;
use crate::forecast::calendar::Calendar;
use crate::series::Definition;
use crate::tail;

/// The confidence of the bound that is told.
const CONFIDENCE: f64 = 0.95;
/// The chance of a false alarm, over all parts together, below which a challenger counts as worse on one.
const LEVEL: f64 = 0.01;
/// The share of the champion's error, on a part and on all hours, by which a challenger must be worse on the part for
/// it to matter: twice as far off where nobody is far off costs nobody anything.
const EFFECT: f64 = 0.05;

/// Challenger and champion on a part of the hours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// Which part.
    pub slice: Slice,
    /// Origins with hours in it.
    pub origins: u64,
    /// The challenger's error: the mean over the origins, in the series' unit; none where there is no origin.
    pub challenger: Option<f64>,
    /// The champion's.
    pub champion: Option<f64>,
    /// What it says.
    pub told: Told,
}

/// A part of the hours of a contest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slice {
    /// All of them.
    All,
    /// One day of the horizon, from 1.
    Day(u32),
    /// The hours of working days, by the local calendar.
    WorkingDays,
    /// Those of weekends and public holidays.
    DaysOff,
    /// Those of a season, by the local month.
    Season(Season),
}

/// A season of three whole months.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Season {
    /// December to February.
    #[serde(rename = "Dec-Feb")]
    DecFeb,
    /// March to May.
    #[serde(rename = "Mar-May")]
    MarMay,
    /// June to August.
    #[serde(rename = "Jun-Aug")]
    JunAug,
    /// September to November.
    #[serde(rename = "Sep-Nov")]
    SepNov,
}

/// What a comparison says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// The difference, and what chance could have done.
    Test {
        /// The test, by origins.
        test: Comparison,
        /// The chance of such a loss if the challenger were no worse, with as many degrees of freedom as there are
        /// stretches that share no hours, less one: where errors last as long as weather does, that of the test alone
        /// cries wolf. Made up for how many parts were looked at; on all hours as it is.
        p_worse: f64,
    },
    /// Nothing.
    NotTold {
        /// Why.
        reason: String,
    },
}

/// Compares challenger and champion on every part of a contest's hours.
pub(super) fn compare(definition: &Definition, predictions: &Predictions) -> Vec<Compared> {
    let place = |name| predictions.names.iter().position(|other| *other == name);
    let (Some(challenger), Some(champion)) = (place(CHALLENGER), place(CHAMPION)) else { return Vec::new() };
    let field = Field::new(definition, predictions, [challenger, champion]);
    let mut all: Vec<Compared> = field.slices().into_iter().map(|slice| field.compare(slice)).collect();
    make_up_for_many(&mut all);
    all
}

/// Adjusts what the parts say for how many of them were looked at. All hours are no part: they are asked another
/// question.
fn make_up_for_many(all: &mut [Compared]) {
    let of_parts = |part: &&mut Compared| part.slice != Slice::All;
    let mut values: Vec<&mut f64> = all
        .iter_mut()
        .filter(of_parts)
        .filter_map(|part| match &mut part.told {
            Told::Test { p_worse, .. } => Some(p_worse),
            Told::NotTold { .. } => None,
        })
        .collect();
    let adjusted = discovery::adjusted(&values.iter().map(|value| **value).collect::<Vec<_>>());
    for (value, adjusted) in values.iter_mut().zip(adjusted) {
        **value = adjusted;
    }
}

/// The rows with what says which part each belongs to.
struct Field<'a> {
    definition: &'a Definition,
    predictions: &'a Predictions,
    calendar: Calendar,
    /// The places of challenger and champion among the forecasts.
    places: [usize; 2],
}

impl<'a> Field<'a> {
    fn new(definition: &'a Definition, predictions: &'a Predictions, places: [usize; 2]) -> Self {
        let calendar = Calendar::new(definition.zone(), definition.cadence);
        Self { definition, predictions, calendar, places }
    }

    /// Every part that has a row; a contest of a few weeks sees one season or two.
    fn slices(&self) -> Vec<Slice> {
        let days = self.definition.horizon_steps().div_ceil(self.definition.cadence.per_day());
        let calendar = [Slice::WorkingDays, Slice::DaysOff].into_iter().chain(Season::ALL.map(Slice::Season));
        let has_rows = |slice: &Slice| self.predictions.rows.iter().any(|row| self.holds(*slice, row));
        let parts = (1..=days as u32).map(Slice::Day).chain(calendar).filter(has_rows);
        std::iter::once(Slice::All).chain(parts).collect()
    }

    fn holds(&self, slice: Slice, row: &Row) -> bool {
        match slice {
            Slice::All => true,
            Slice::Day(day) => row.step / self.definition.cadence.per_day() + 1 == day as usize,
            Slice::WorkingDays => !self.calendar.is_day_off(row.target),
            Slice::DaysOff => self.calendar.is_day_off(row.target),
            Slice::Season(season) => Season::of_month(row.target.local(&self.definition.zone()).month()) == season,
        }
    }

    fn compare(&self, slice: Slice) -> Compared {
        let [challenger, champion] = self.losses(slice);
        let test = accuracy::compare(&champion, &challenger, self.lags(), CONFIDENCE);
        let told = match test {
            Ok(test) => Told::Test { test, p_worse: chance_if_no_worse(&test) },
            Err(why) => Told::NotTold { reason: why.to_string() },
        };
        let mean = |losses: &[f64]| mean(losses.iter().copied());
        Compared {
            slice,
            origins: challenger.len() as u64,
            challenger: mean(&challenger),
            champion: mean(&champion),
            told,
        }
    }

    /// The mean error of both by origin, where at least half a day of the part was forecast from it: an hour or two
    /// would weigh as much as days.
    fn losses(&self, slice: Slice) -> [Vec<f64>; 2] {
        let mut losses = [Vec::new(), Vec::new()];
        for of_origin in self.predictions.rows.chunk_by(|a, b| a.origin == b.origin) {
            let rows: Vec<&Row> = of_origin.iter().filter(|row| self.holds(slice, row)).collect();
            if 2 * rows.len() < self.definition.cadence.per_day() {
                continue;
            }
            for (losses, place) in losses.iter_mut().zip(self.places) {
                losses.extend(mean(rows.iter().map(|row| row.error(place))));
            }
        }
        losses
    }

    /// How many following origins share hours with one. Also on one day of the horizon: what makes a forecast of the
    /// fourth day wrong was wrong on the days before it.
    fn lags(&self) -> usize {
        let horizon = self.definition.horizon_steps() as i64 * self.definition.cadence.seconds();
        let distance = origin_distance(self.definition.cadence);
        usize::try_from((horizon + distance - 1) / distance - 1).unwrap_or(0)
    }
}

/// Measured on errors that last: 69 origins of four days, 15 lags, a correlation of 0.97 from hour to hour. Of tests at
/// 1 % by Student's distribution with 68 degrees of freedom 8 % were false alarms, with the 3.3 of stretches apart 2 %.
fn chance_if_no_worse(test: &Comparison) -> f64 {
    let stretches = test.origins as f64 / (test.lags as f64 + 1.0);
    tail::student(-test.statistic, (stretches - 1.0).max(1.0))
}

impl Compared {
    /// The test of a part in words, where it tells anything.
    pub(super) fn in_words(&self) -> Option<String> {
        let Told::Test { test, p_worse } = &self.told else { return None };
        let (share, side) = share_and_side(test);
        let bound = -100.0 * test.relative_gain_at_least;
        Some(format!("{share:.1} % {side}, at most {bound:+.1} %; p = {:.3} if it were no better", 1.0 - p_worse))
    }

    /// In which way the challenger is worse on a part, where it is by more than chance and by enough to matter.
    /// `usual` is the champion's error on all hours.
    pub(super) fn worse_in_words(&self, usual: f64) -> Option<String> {
        let Told::Test { test, p_worse } = &self.told else { return None };
        let matters = test.relative_gain < -EFFECT && test.gain < -EFFECT * usual;
        if self.slice == Slice::All || *p_worse >= LEVEL || !matters {
            return None;
        }
        let (challenger, champion) = (self.challenger?, self.champion?);
        let (share, side) = share_and_side(test);
        Some(format!("{}: {challenger:.2} against {champion:.2}, {share:.1} % {side} (p = {p_worse:.4})", self.slice))
    }
}

fn share_and_side(test: &Comparison) -> (f64, &'static str) {
    (100.0 * test.relative_gain.abs(), if test.relative_gain < 0.0 { "more" } else { "less" })
}

impl Season {
    const ALL: [Self; 4] = [Self::DecFeb, Self::MarMay, Self::JunAug, Self::SepNov];

    fn of_month(month: i8) -> Self {
        match month {
            3..=5 => Self::MarMay,
            6..=8 => Self::JunAug,
            9..=11 => Self::SepNov,
            _ => Self::DecFeb,
        }
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all hours"),
            Self::Day(day) => write!(f, "day {day}"),
            Self::WorkingDays => f.write_str("working days"),
            Self::DaysOff => f.write_str("days off"),
            Self::Season(Season::DecFeb) => f.write_str("Dec-Feb"),
            Self::Season(Season::MarMay) => f.write_str("Mar-May"),
            Self::Season(Season::JunAug) => f.write_str("Jun-Aug"),
            Self::Season(Season::SepNov) => f.write_str("Sep-Nov"),
        }
    }
}

#[cfg(test)]
mod tests;
