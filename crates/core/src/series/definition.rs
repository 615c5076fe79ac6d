//! What is to be known of a series before its first batch: read from TOML, checked as a whole, every fault named.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::SeriesId;
use crate::evaluation;
use crate::time::{Cadence, DAY, HOUR};

/// The definition of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Its name.
    pub id: SeriesId,
    /// The unit of its values, for people: `gCO2eq/kWh`.
    pub unit: String,
    /// The distance between two values.
    pub cadence: Cadence,
    /// The IANA name of the zone whose local time shapes the day: `Europe/Rome`.
    pub time_zone: String,
    /// Where the values stand in what is handed in.
    pub source: Source,
    /// What a batch must keep.
    #[serde(default)]
    pub contract: Contract,
    /// How it is forecast.
    #[serde(default)]
    pub forecast: Forecasting,
    /// When the model counts as drifted.
    #[serde(default)]
    pub drift: Drift,
    /// When a model is trained anew.
    #[serde(default)]
    pub policy: Policy,
}

/// Where the values stand in what is handed in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The column with the start of each step, RFC 3339 with an offset.
    pub time_column: String,
    /// The column with the values.
    pub value_column: String,
    /// Further columns to keep; a file may lack them.
    #[serde(default)]
    pub covariates: Vec<String>,
}

/// What a batch must keep. A row that does not is quarantined; a batch with too many such rows is rejected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Contract {
    /// The least value that can be true, in the series' unit.
    pub minimum: f64,
    /// The greatest value that can be true, in the series' unit.
    pub maximum: f64,
    /// The greatest share of refused rows in an accepted batch, 0 to 1.
    pub bad_share: f64,
    /// The factor between the batch's median and that of the last four weeks beyond which the unit must be wrong.
    pub unit_factor: f64,
    /// The largest upload.
    pub upload_bytes: u64,
    /// The most rows of an upload.
    pub upload_rows: u64,
}

impl Default for Contract {
    fn default() -> Self {
        Self {
            minimum: 0.0,
            maximum: 2_000.0,
            bad_share: 0.5,
            unit_factor: 4.0,
            upload_bytes: 256 << 20,
            upload_rows: 2_000_000,
        }
    }
}

/// How a series is forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Forecasting {
    /// Hours forecast from each origin.
    pub horizon_hours: u32,
    /// Days of history before the first model.
    pub history_days: u32,
    /// The newest days, kept from the fit that is evaluated.
    pub holdout_days: u32,
    /// The age at which an hour weighs half in training, in days.
    pub half_life_days: f64,
    /// The ridge penalty on standardised features.
    pub penalty: f64,
}

impl Default for Forecasting {
    fn default() -> Self {
        Self { horizon_hours: 96, history_days: 60, holdout_days: 21, half_life_days: 365.0, penalty: 10.0 }
    }
}

/// When the model counts as drifted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Drift {
    /// Days of the window that is compared.
    pub window_days: u32,
    /// The factor by which the error against the naive forecast must exceed its history to be an alarm.
    pub skill_factor: f64,
    /// The significance level of tests, after correction for autocorrelation.
    pub significance: f64,
}

impl Default for Drift {
    fn default() -> Self {
        Self { window_days: 14, skill_factor: 1.15, significance: 0.01 }
    }
}

/// What may ask for a retraining, beside a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Triggers {
    /// Fallen skill, diagnosed drift with falling skill, and the model's age.
    Drift,
    /// The model's age alone.
    Age,
    /// Nothing: the first model is kept.
    Nothing,
}

/// When a model is trained anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// What may ask for a retraining.
    pub triggers: Triggers,
    /// Days that must pass between two retrainings.
    pub cooldown_days: u32,
    /// The age at which a model is refreshed without an alarm, in days.
    pub refresh_days: u32,
    /// Rejected or failed retrainings in a row after which only a person can ask.
    pub give_up_after: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { triggers: Triggers::Drift, cooldown_days: 14, refresh_days: 90, give_up_after: 8 }
    }
}

/// One thing that is wrong with a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field, `table.key`.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub problem: String,
}

/// A definition that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// It is not TOML of the right shape.
    #[error("not a series definition: {0}")]
    Shape(#[from] toml::de::Error),
    /// Fields have impossible values; all of them are named.
    #[error("{}", .0.iter().map(|f| format!("{}: {}", f.field, f.problem)).collect::<Vec<_>>().join("; "))]
    Faults(Vec<Fault>),
}

impl Definition {
    /// Reads a definition from TOML and checks it.
    ///
    /// # Errors
    /// Where the text is no definition, or with every fault of its values at once.
    pub fn from_toml(text: &str) -> Result<Self, DefinitionError> {
        let definition: Self = toml::from_str(text)?;
        let faults = definition.faults();
        if faults.is_empty() { Ok(definition) } else { Err(DefinitionError::Faults(faults)) }
    }

    /// The zone whose local time shapes the day; UTC where the name is unknown, which [`Self::from_toml`] refuses.
    pub fn zone(&self) -> TimeZone {
        TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)
    }

    /// Steps of the horizon.
    pub fn horizon_steps(&self) -> usize {
        (i64::from(self.forecast.horizon_hours) * HOUR / self.cadence.seconds()) as usize
    }

    /// Columns that are kept: the value first, then the covariates.
    pub fn columns(&self) -> Vec<&str> {
        std::iter::once(&self.source.value_column).chain(&self.source.covariates).map(String::as_str).collect()
    }

    /// Everything that is wrong with the values.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Faults(Vec::new());
        faults.check("unit", !self.unit.trim().is_empty(), "is empty; name the unit of the values");
        faults.check(
            "time_zone",
            TimeZone::get(&self.time_zone).is_ok(),
            "is no IANA time zone; write one such as Europe/Rome",
        );
        self.source.check(&mut faults);
        self.contract.check(&mut faults);
        self.forecast.check(self.cadence, &mut faults);
        self.drift.check(&mut faults);
        let policy = &self.policy;
        faults.check(
            "policy.refresh_days",
            policy.refresh_days > policy.cooldown_days,
            "must exceed policy.cooldown_days",
        );
        faults.check("policy.give_up_after", policy.give_up_after > 0, "must be at least 1");
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
        faults.check("forecast.penalty", self.penalty.is_finite() && self.penalty > 0.0, "must be above 0");
    }
}

impl Drift {
    fn check(&self, faults: &mut Faults) {
        faults.check("drift.window_days", (7..=90).contains(&self.window_days), "must be 7 to 90");
        faults.check("drift.skill_factor", self.skill_factor.is_finite() && self.skill_factor > 1.0, "must exceed 1");
        faults.check(
            "drift.significance",
            self.significance > 0.0 && self.significance < 1.0,
            "must lie between 0 and 1",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &str = r#"
        id = "it.ci_direct"
        unit = "gCO2eq/kWh"
        cadence = "1h"
        time_zone = "Europe/Rome"
        [source]
        time_column = "timestamp_utc"
        value_column = "ci_direct_gco2eq_per_kwh"
    "#;

    #[test]
    fn the_smallest_definition_has_four_days_of_horizon() {
        assert_eq!(Definition::from_toml(SMALLEST).unwrap().horizon_steps(), 96);
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let text = SMALLEST.replace("Europe/Rome", "Europe/Atlantis")
            + "[contract]\nminimum = 5.0\nmaximum = 1.0\n[drift]\nwindow_days = 1\n";
        let DefinitionError::Faults(faults) = Definition::from_toml(&text).unwrap_err() else { panic!("no faults") };
        let fields: Vec<_> = faults.iter().map(|f| f.field).collect();
        assert_eq!(fields, ["time_zone", "contract.maximum", "drift.window_days"]);
    }

    #[test]
    fn a_holdout_too_short_for_a_verdict_is_refused_with_the_days_it_needs() {
        let with = |horizon: u32, holdout: u32| {
            let forecast = format!("[forecast]\nhorizon_hours = {horizon}\nholdout_days = {holdout}\n");
            Definition::from_toml(&format!("{SMALLEST}{forecast}"))
        };
        // Eight origins, six hours apart, are 42 hours from the first to the last: with 240 hours of horizon 11.75
        // days.
        assert!(with(240, 12).is_ok());
        let DefinitionError::Faults(faults) = with(240, 11).unwrap_err() else { panic!("no faults") };
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].problem.contains("must be at least 12"), "{faults:?}");
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(Definition::from_toml(&format!("{SMALLEST}\ncolour = 1")).is_err());
    }
}
