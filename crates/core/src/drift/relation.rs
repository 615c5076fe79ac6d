//! Whether values still stand to the other columns of their rows as they did: a level that moves while its covariates
//! do not is a meter, a feed or a method that changed, and no weather.
//!
//! Each day's values are explained by the covariates and the hour of the day through a regression on the sixty days
//! before it. What is left, as a mean of the day in shares of the level, follows a first-order autoregression; a shift
//! of the level that lasts is found in its innovations by the generalised likelihood ratio over the last seven days
//! (Lai 1995; the shape of a level shift in innovations: Chen and Liu 1993). Thresholds are the reference's own.
//!
//! Measured on the hourly carbon intensity of eight European grids, references of 2021: a level of a fifth more is seen
//! on its first day on all of them where life-cycle intensity, carbon-free and renewable share are the covariates, and
//! on five without the first.

mod regression;

use serde::{Deserialize, Serialize};

use self::regression::{Rows, left_of_days};
use super::finding::{Answer, Finding};
use crate::bootstrap::{self, Plan, Scheme};
use crate::history::History;
use crate::series::Definition;
use crate::table::Table;
use crate::time::{DAY, Timestamp};

/// Days that the regression of a day is learnt from.
const LEARNT_DAYS: usize = 60;
/// Days back to which a shift may reach.
const REACH_DAYS: usize = 7;
/// Days of residuals that a reference is made of at least.
const FEWEST_DAYS: usize = 90;
/// The newest days that a reference looks at.
const LONGEST_DAYS: usize = 365;
/// The least threshold, in deviations of the likelihood ratio: innovations have heavier tails than a year shows.
const LEAST_THRESHOLD: f64 = 5.0;
/// The least shift that is an alarm, as a share of the level. On eight grids of 2022 references of 2021 find shifts of
/// up to 11.5 % that no feed was to blame for.
const LEAST_SHIFT: f64 = 0.12;
/// The least deviation of the innovations, as a share of the level: covariates that explain all of it leave rounding.
const LEAST_DEVIATION: f64 = 1e-4;
/// Days of a block of the bootstrap.
const BLOCK_DAYS: usize = 7;
/// Years that the bootstrap draws, and their days.
const YEARS: usize = 100;
const YEAR_DAYS: usize = 365;
/// Days without an alarm after which the next is another.
const QUIET_DAYS: usize = 14;
/// The share of the allowed alarms that are this check's.
const SHARE: f64 = 0.25;
const SEED: u64 = 1;

/// Days that a check needs at the end of a history.
pub const DAYS_NEEDED: u32 = (LEARNT_DAYS + REACH_DAYS + 1) as u32;

/// Another column of the series' rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Companion {
    /// The column.
    pub name: String,
    /// Its values, at the cadence of the series.
    pub history: History,
}

/// The covariates of a series that its rows hold.
pub fn companions(definition: &Definition, table: &Table) -> Vec<Companion> {
    let of = |name: &String| {
        let history = table.history(name, definition.cadence).ok()?;
        Some(Companion { name: name.clone(), history })
    };
    definition.source.covariates.iter().filter_map(of).collect()
}

/// How values stood to their covariates while nothing had changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Relation {
    /// The covariates.
    covariates: Vec<String>,
    /// Days of residuals that it was learnt from.
    days: u64,
    /// How much of a day's residual the next day keeps.
    rho: f64,
    /// The deviation of the innovations, as a share of the level.
    deviation: f64,
    /// The likelihood ratio above which a shift is an alarm, in deviations.
    threshold: f64,
    /// The days on which it would have been one.
    alarms: Vec<Timestamp>,
}

/// A history that no relation can be learnt from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrelated {
    /// There is nothing beside the values.
    #[error("the series has no covariates that its values could be compared with")]
    NoCovariates,
    /// It is too short or has too many gaps.
    #[error(
        "{days} days can be explained by covariates, {FEWEST_DAYS} are needed, each with {LEARNT_DAYS} days before it"
    )]
    TooShort {
        /// Days that can.
        days: usize,
    },
}

/// A shift of the level.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shift {
    /// How sure it is, in deviations.
    ratio: f64,
    /// Its size as a share of the level.
    size: f64,
    /// Days ago that it began, 0 for the newest.
    days_ago: usize,
}

impl Relation {
    /// Learns from training data.
    ///
    /// # Errors
    /// Where there are no covariates or too few days with them.
    pub fn learn(own: &History, companions: &[Companion], definition: &Definition) -> Result<Self, Unrelated> {
        if companions.is_empty() {
            return Err(Unrelated::NoCovariates);
        }
        let rows = Rows::new(own, companions, definition);
        let left = left_of_days(&rows, LONGEST_DAYS, LEARNT_DAYS);
        let known: Vec<f64> = left.iter().copied().flatten().collect();
        if known.len() < FEWEST_DAYS {
            return Err(Unrelated::TooShort { days: known.len() });
        }
        // Around nothing, as a check sees them: without a change the days before explain a day on average.
        let pairs: Vec<(f64, f64)> = left.windows(2).filter_map(|pair| Some((pair[0]?, pair[1]?))).collect();
        let products: f64 = pairs.iter().map(|(before, after)| before * after).sum();
        let squares: f64 = pairs.iter().map(|(before, _)| before * before).sum();
        let rho = if squares > 0.0 { (products / squares).clamp(0.0, 0.98) } else { 0.0 };
        let innovations: Vec<f64> = pairs.iter().map(|(before, after)| after - rho * before).collect();
        // From the middle half: a feed that broke once must not hide the next time that it does.
        let deviation = (1.4826 * median(innovations.iter().map(|i| i.abs()).collect())).max(LEAST_DEVIATION);
        let covariates = companions.iter().map(|companion| companion.name.clone()).collect();
        let mut relation = Self {
            covariates,
            days: known.len() as u64,
            rho,
            deviation,
            threshold: LEAST_THRESHOLD,
            alarms: Vec::new(),
        };
        relation.threshold = relation.calibrated(&innovations, definition.drift.alarms_a_year);
        let begin = rows.end().plus(-(left.len() as i64) * DAY);
        relation.alarms = relation.episodes(&left).into_iter().map(|place| begin.plus(place as i64 * DAY)).collect();
        Ok(relation)
    }

    /// The days on which this check would have raised an alarm on the data that it was learnt from.
    pub fn would_have_alarmed(&self) -> &[Timestamp] {
        &self.alarms
    }

    /// Compares the newest days, which end with the history.
    pub fn check(&self, own: &History, companions: &[Companion], definition: &Definition) -> Finding {
        let lacking = self.covariates.iter().find(|name| !companions.iter().any(|c| &c.name == *name));
        if let Some(name) = lacking {
            return insufficient(format!(
                "the newest rows have no column `{name}`, which the values are compared with"
            ));
        }
        let known: Vec<Companion> = companions.iter().filter(|c| self.covariates.contains(&c.name)).cloned().collect();
        let rows = Rows::new(own, &known, definition);
        let left = left_of_days(&rows, REACH_DAYS + 1, LEARNT_DAYS);
        match self.shift(&left) {
            Some(shift) => self.finding(shift, rows.end()),
            None => insufficient(format!(
                "the newest day, the day before it or the {LEARNT_DAYS} days before them lack values or covariates"
            )),
        }
    }

    fn finding(&self, shift: Shift, end: Timestamp) -> Finding {
        let since = end.plus(-(shift.days_ago as i64 + 1) * DAY);
        let direction = if shift.size < 0.0 { "below" } else { "above" };
        let say = if self.covariates.len() == 1 { "says" } else { "say" };
        let reason = format!(
            "since {since} values lie {:.1} % {direction} what {} {say} by the {LEARNT_DAYS} days before, {:.1} deviations \
             of such shifts; an alarm from {:.0} % and {:.1} on, set by {} days of training data",
            100.0 * shift.size.abs(),
            self.covariates.join(", "),
            shift.ratio,
            100.0 * LEAST_SHIFT,
            self.threshold,
            self.days,
        );
        let answer = if self.is_alarm(&shift) { Answer::Drifted } else { Answer::Stable };
        Finding {
            statistic: STATISTIC.to_owned(),
            value: Some(shift.size),
            threshold: Some(LEAST_SHIFT),
            p_value: None,
            answer,
            reason,
        }
    }

    fn is_alarm(&self, shift: &Shift) -> bool {
        shift.ratio > self.threshold && shift.size.abs() >= LEAST_SHIFT
    }

    /// The surest shift that lasts until the last of these days; none where that day or the one before is not known.
    fn shift(&self, left: &[Option<f64>]) -> Option<Shift> {
        let end = left.len().checked_sub(1)?;
        let innovation = |place: usize| Some(left[place]? - self.rho * left[place.checked_sub(1)?]?);
        let (mut product, mut squares, mut surest) = (0.0, 0.0, None::<Shift>);
        for days_ago in 0..REACH_DAYS.min(end) {
            let Some(innovation) = innovation(end - days_ago) else { break };
            // A level that moves by one moves the day's innovation by one and each later one by what is not kept.
            let (product_here, squares_here) = (product + innovation, squares + 1.0);
            let ratio = product_here.abs() / f64::sqrt(squares_here) / self.deviation;
            if surest.is_none_or(|surest| ratio > surest.ratio) {
                surest = Some(Shift { ratio, size: product_here / squares_here, days_ago });
            }
            product += (1.0 - self.rho) * innovation;
            squares += (1.0 - self.rho).powi(2);
        }
        surest
    }

    /// The places at which alarms begin.
    fn episodes(&self, left: &[Option<f64>]) -> Vec<usize> {
        let (mut begins, mut last) = (Vec::new(), None::<usize>);
        for place in 1..left.len() {
            let window = &left[place.saturating_sub(REACH_DAYS)..=place];
            if self.shift(window).is_some_and(|shift| self.is_alarm(&shift)) {
                if last.is_none_or(|last| place - last > QUIET_DAYS) {
                    begins.push(place);
                }
                last = Some(place);
            }
        }
        begins
    }

    /// The threshold that resampled innovations exceed as often as may be, and no lower than the least.
    fn calibrated(&self, innovations: &[f64], alarms_a_year: f64) -> f64 {
        let block = BLOCK_DAYS.min(innovations.len());
        let Ok(plan) = Plan::new(innovations.len(), block, YEARS * YEAR_DAYS, Scheme::Circular) else {
            return f64::MAX;
        };
        let drawn = plan.places(SEED, 0).into_iter().filter_map(|place| innovations.get(place));
        let left: Vec<Option<f64>> = drawn
            .scan(0.0, |before, innovation| {
                *before = self.rho * *before + innovation;
                Some(Some(*before))
            })
            .collect();
        let wanted = SHARE * alarms_a_year * YEARS as f64;
        let raised = |threshold: f64| Self { threshold, ..self.clone() }.episodes(&left).len();
        bootstrap::threshold(LEAST_THRESHOLD, wanted, raised)
    }
}

/// The name of the finding.
const STATISTIC: &str = "level_given_covariates";

/// The finding where there is no relation to compare with.
pub fn insufficient(reason: String) -> Finding {
    Finding {
        statistic: STATISTIC.to_owned(),
        value: None,
        threshold: None,
        p_value: None,
        answer: Answer::InsufficientData,
        reason,
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => 0.5 * (values[n / 2 - 1] + values[n / 2]),
    }
}

#[cfg(test)]
mod tests;
