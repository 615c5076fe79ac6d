//! What is wrong with a definition: every fault of its values, named by its field.

use jiff::tz::TimeZone;

use super::{Contract, Definition, Drift, Forecasting, LONGEST_DELAY_HOURS, Policy, Quantity, Source, USUAL_PROBATION};
use crate::evaluation;
use crate::forecast::{Weather, weather};
use crate::time::{Cadence, DAY, HOUR};

/// One thing that is wrong with a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field, `table.key`.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub problem: String,
}

impl Definition {
    fn check_lookbacks(&self, faults: &mut Faults) {
        let mut columns: Vec<&String> = self.forecast.covariates.iter().map(|lookback| &lookback.column).collect();
        let kept = columns.iter().all(|column| self.source.covariates.contains(column));
        faults.check("forecast.covariates", kept, "names a column that source.covariates does not keep");
        let all = columns.len();
        columns.sort();
        columns.dedup();
        faults.check("forecast.covariates", columns.len() == all, "names a column twice");
        let delays = self.forecast.covariates.iter().map(|lookback| lookback.delay_hours);
        self.check_delays("forecast.covariates", delays, faults);
    }

    fn check_weather(&self, faults: &mut Faults) {
        let wanted = weather::columns();
        let own = self.quantity == Quantity::Weather;
        let mut kept = self.columns();
        kept.sort_unstable();
        let mut all: Vec<&str> = wanted.iter().map(String::as_str).collect();
        all.sort_unstable();
        let first = wanted.first().is_some_and(|first| *first == self.source.value_column);
        faults.check("source.value_column", !own || first, "must be `wind_ms_0` where the quantity is weather");
        faults.check(
            "source.covariates",
            !own || kept == all,
            "must be left out where the quantity is weather: the columns of the variables and hours are its own",
        );
        faults.check("cadence", !own || self.cadence == Cadence::Hour, "must be 1h where the quantity is weather");
        let Some(weather) = &self.forecast.weather else { return };
        faults.check("forecast.weather", weather.series != self.id && !own, "names the series itself");
        let oldest = Weather::OLDEST / HOUR;
        faults.check(
            "forecast.weather",
            i64::from(weather.delay_hours) < oldest,
            &format!("has a delay_hours of {oldest} or more: no run would be young enough"),
        );
        faults.check("forecast.weather", self.cadence != Cadence::Day, "tells hours, and the cadence is a day");
    }

    fn check_neighbours(&self, faults: &mut Faults) {
        let neighbours = &self.forecast.neighbours;
        let mut names: Vec<&str> = neighbours.iter().map(|neighbour| neighbour.series.as_str()).collect();
        faults.check("forecast.neighbours", !names.contains(&self.id.as_str()), "names the series itself");
        names.extend(self.forecast.covariates.iter().map(|lookback| lookback.column.as_str()));
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        faults.check("forecast.neighbours", names.len() == all, "names a series twice, or one called like a covariate");
        self.check_delays("forecast.neighbours", neighbours.iter().map(|neighbour| neighbour.delay_hours), faults);
    }

    fn check_delays(&self, field: &'static str, mut delays: impl Iterator<Item = u32>, faults: &mut Faults) {
        let step = self.cadence.seconds();
        faults.check(
            field,
            delays.all(|hours| hours <= LONGEST_DELAY_HOURS && i64::from(hours) * HOUR % step == 0),
            &format!("has a delay_hours that is not a whole number of steps, or above {LONGEST_DELAY_HOURS}"),
        );
    }

    /// Everything that is wrong with the values.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Faults(Vec::new());
        faults.check("unit", !self.unit.trim().is_empty(), "is empty; name the unit of the values");
        faults.check(
            "unit",
            self.quantity != Quantity::Emission || self.total_unit().is_some(),
            "must be an amount per hour where quantity is `emission`, such as tCO2eq/h",
        );
        faults.check(
            "time_zone",
            TimeZone::get(&self.time_zone).is_ok(),
            "is no IANA time zone; write one such as Europe/Rome",
        );
        self.source.check(&mut faults);
        self.contract.check(&mut faults);
        self.forecast.check(self.cadence, &mut faults);
        self.check_lookbacks(&mut faults);
        self.check_neighbours(&mut faults);
        self.check_weather(&mut faults);
        self.drift.check(&mut faults);
        self.policy.check(self.drift.window_days, &mut faults);
        faults.0
    }
}

struct Faults(Vec<Fault>);

impl Faults {
    fn check(&mut self, field: &'static str, holds: bool, problem: &str) {
        if !holds {
            self.0.push(Fault { field, problem: problem.to_owned() });
        }
    }
}

impl Source {
    fn check(&self, faults: &mut Faults) {
        let mut names: Vec<&String> =
            [&self.time_column, &self.value_column].into_iter().chain(&self.covariates).collect();
        faults.check("source", names.iter().all(|n| !n.trim().is_empty()), "names a column with no name");
        let all = names.len();
        names.sort();
        names.dedup();
        faults.check("source", names.len() == all, "names a column twice");
    }
}

impl Contract {
    fn check(&self, faults: &mut Faults) {
        let finite = self.minimum.is_finite() && self.maximum.is_finite();
        faults.check(
            "contract.maximum",
            finite && self.minimum < self.maximum,
            "must be a number above contract.minimum",
        );
        faults.check("contract.bad_share", (0.0..=1.0).contains(&self.bad_share), "must lie between 0 and 1");
        faults.check("contract.unit_factor", self.unit_factor.is_finite() && self.unit_factor > 1.0, "must exceed 1");
        faults.check("contract.pause_days", self.pause_days > 0, "must be at least 1");
        // What may come in the order of time may come the other way round.
        faults.check(
            "contract.backfill_days",
            self.backfill_days >= self.pause_days,
            "must be at least contract.pause_days",
        );
        faults.check("contract.upload_bytes", self.upload_bytes > 0, "must be at least 1");
        faults.check("contract.upload_rows", self.upload_rows > 0, "must be at least 1");
    }
}

impl Forecasting {
    fn check(&self, cadence: Cadence, faults: &mut Faults) {
        let horizon = i64::from(self.horizon_hours) * HOUR;
        // Skill is judged by days: a shorter horizon would never be.
        let whole = (DAY..=14 * DAY).contains(&horizon) && horizon % cadence.seconds() == 0;
        faults.check("forecast.horizon_hours", whole, "must be 24 to 336 and a whole number of steps");
        let enough = self.history_days > self.holdout_days.saturating_add(35);
        faults.check(
            "forecast.history_days",
            enough,
            "must exceed forecast.holdout_days by more than 35: four weeks of lags and a week to fit",
        );
        faults.check("forecast.holdout_days", self.holdout_days >= 7, "must be at least 7");
        let needed =
            evaluation::shortest_contest(self.horizon_hours, cadence).unsigned_abs().div_ceil(DAY.unsigned_abs());
        faults.check(
            "forecast.holdout_days",
            u64::from(self.holdout_days) >= needed,
            &format!("must be at least {needed}: whole horizons from several origins are compared in them"),
        );
        faults.check(
            "forecast.half_life_days",
            self.half_life_days.is_finite() && self.half_life_days > 0.0,
            "must be above 0",
        );
        let mut names = self.candidates.clone();
        names.sort();
        names.dedup();
        faults.check("forecast.candidates", names.len() == self.candidates.len(), "names a candidate twice");
        let lacks_weather = self.weather.is_none() && self.candidates.iter().any(|candidate| candidate.sees_weather());
        faults.check(
            "forecast.candidates",
            !lacks_weather,
            "names a candidate that looks at weather forecasts: name their series in forecast.weather",
        );
        faults.check(
            "forecast.candidates",
            self.candidates.iter().all(|candidate| candidate.fits(cadence)),
            "names one that does not forecast this cadence: `recursive` no quarter hours, those with weather no days",
        );
        faults.check("forecast.penalty", self.penalty.is_finite() && self.penalty > 0.0, "must be above 0");
    }
}

impl Policy {
    fn check(&self, window_days: u32, faults: &mut Faults) {
        faults.check("policy.refresh_days", self.refresh_days > self.cooldown_days, "must exceed policy.cooldown_days");
        faults.check("policy.give_up_after", self.give_up_after > 0, "must be at least 1");
        faults.check(
            "policy.new_days",
            self.new_days <= self.refresh_days,
            "must be at most policy.refresh_days, after which a model is trained anew without an alarm",
        );
        // Eight days are the fewest that can be compared, and two may lack a forecast or hours. Longer than twice the
        // window a model is young no more.
        let longest = window_days.saturating_mul(2).max(USUAL_PROBATION);
        faults.check(
            "policy.probation_days",
            self.probation_days == 0 || (10..=longest).contains(&self.probation_days),
            "must be 0, or 10 to twice drift.window_days",
        );
    }
}

impl Drift {
    fn check(&self, faults: &mut Faults) {
        faults.check("drift.window_days", (7..=90).contains(&self.window_days), "must be 7 to 90");
        faults.check(
            "drift.alarms_a_year",
            self.alarms_a_year > 0.0 && self.alarms_a_year <= 365.0,
            "must be above 0 and at most 365",
        );
        faults.check("drift.skill_factor", self.skill_factor.is_finite() && self.skill_factor > 1.0, "must exceed 1");
        faults.check(
            "drift.significance",
            self.significance > 0.0 && self.significance < 1.0,
            "must lie between 0 and 1",
        );
    }
}
