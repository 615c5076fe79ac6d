//! What is to be known of a series before its first batch: read from TOML, checked as a whole, every fault named.

mod faults;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use faults::Fault;

use super::SeriesId;
use crate::forecast::{Candidate, weather};
use crate::time::{Cadence, DAY, HOUR, Timestamp};

/// The definition of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Its name.
    pub id: SeriesId,
    /// The unit of its values, for people: `gCO2eq/kWh`; of an emission per hour, as `tCO2eq/h`.
    pub unit: String,
    /// What its values are, which says whether they can be summed up.
    #[serde(default, skip_serializing_if = "Quantity::is_intensity")]
    pub quantity: Quantity,
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

/// What the values of a series are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// An amount for each unit of energy: a sum over time means nothing.
    #[default]
    Intensity,
    /// An amount that is emitted in each hour: times hours it is an amount.
    Emission,
    /// Weather forecasts, a row for each run: nothing is forecast from them alone, and other series look at them.
    Weather,
}

impl Quantity {
    /// Left out where it is stored, so that a definition without it keeps its bytes.
    fn is_intensity(&self) -> bool {
        *self == Self::Intensity
    }
}

/// What the unit of an emission ends with.
const PER_HOUR: &str = "/h";

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
    /// How far apart units are: a batch is in a wrong one where its median and the nearest value of the last four weeks
    /// are apart by five eighths of this factor, or its first six hours and the value right before them, where it has
    /// so many.
    pub unit_factor: f64,
    /// Hours after which a value that stays the same is a stuck meter, 0 for never; or twice as long as values stood
    /// still within the last four weeks.
    #[serde(skip_serializing_if = "is_usual_standstill")]
    pub stuck_hours: u32,
    /// The longest pause of the feed, in days: a row further after the newest value is refused, since one wrong time
    /// would move the end of the series, and with it every forecast, for good.
    ///
    /// The default is ten months: no outage should last longer, and a wrong year is always more. Raise it when the feed
    /// did pause for longer; batches that were rejected meanwhile can be handed in again.
    pub pause_days: u32,
    /// How far before the first value a row may lie that is handed in late, in days.
    ///
    /// The default is five years. Years that lead back to the beginning without a longer gap may be as many as there
    /// are.
    pub backfill_days: u32,
    /// The earliest time that can be true, for what a series not yet begun cannot tell: a clock that was never set
    /// stands at 1970. The default is 1990, the first year of emission inventories.
    pub earliest: Timestamp,
    /// The largest upload.
    pub upload_bytes: u64,
    /// The most rows of an upload.
    pub upload_rows: u64,
}

/// The longest that a real series of hours stood still in three years on eight grids is three hours.
const USUAL_STANDSTILL: u32 = 6;
/// The fewest steps of one value that are a stuck meter, however long a step is.
const FEWEST_STUCK: usize = 6;

/// Left out where it is stored, so that a definition without it keeps its bytes.
fn is_usual_standstill(hours: &u32) -> bool {
    *hours == USUAL_STANDSTILL
}

impl Default for Contract {
    fn default() -> Self {
        Self {
            minimum: 0.0,
            maximum: 2_000.0,
            bad_share: 0.5,
            unit_factor: 4.0,
            stuck_hours: USUAL_STANDSTILL,
            pause_days: 300,
            backfill_days: 1_830,
            // 1990-01-01: twenty years, five of them leap years, after the epoch.
            earliest: Timestamp::EPOCH.plus((20 * 365 + 5) * DAY),
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
    /// What a model is made of; empty for the regressions that the inputs allow and the decomposition.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// Columns of the source whose past helps to forecast; none unless they are named, for most do not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub covariates: Vec<Lookback>,
    /// Other series of this platform whose past helps to forecast, such as a neighbouring zone's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub neighbours: Vec<Neighbour>,
    /// The series of this platform that holds the zone's weather forecasts, and the hours after its issue at which a
    /// run is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weather: Option<Neighbour>,
}

/// Another series whose past is looked at: its values, at the same cadence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neighbour {
    /// The series.
    pub series: SeriesId,
    /// Hours from the end of a step until its value is known.
    #[serde(default)]
    pub delay_hours: u32,
}

/// A column whose past is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lookback {
    /// The column, one of `source.covariates`.
    pub column: String,
    /// Hours from the end of a step until its value is known.
    #[serde(default)]
    pub delay_hours: u32,
}

/// The longest delay of a covariate: with a longer one it tells nothing of the hours to come.
const LONGEST_DELAY_HOURS: u32 = 14 * 24;

impl Default for Forecasting {
    fn default() -> Self {
        Self {
            horizon_hours: 96,
            history_days: 60,
            holdout_days: 21,
            half_life_days: 365.0,
            penalty: 10.0,
            candidates: Vec::new(),
            covariates: Vec::new(),
            neighbours: Vec::new(),
            weather: None,
        }
    }
}

/// When the model counts as drifted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Drift {
    /// Days of the window that is compared.
    pub window_days: u32,
    /// The factor by which the error must exceed what such days usually bring to be an alarm, however sure it is.
    pub skill_factor: f64,
    /// The significance level of tests, after correction for autocorrelation.
    pub significance: f64,
    /// Alarms that the monitor may raise in a year in which nothing changes.
    #[serde(skip_serializing_if = "is_usual_budget")]
    pub alarms_a_year: f64,
}

/// The alarms a year that a definition allows unless it says otherwise.
const USUAL_BUDGET: f64 = 1.0;

/// Left out where it is stored, so that a definition without it keeps its bytes.
fn is_usual_budget(alarms_a_year: &f64) -> bool {
    *alarms_a_year == USUAL_BUDGET
}

impl Default for Drift {
    fn default() -> Self {
        Self { window_days: 14, skill_factor: 1.15, significance: 0.01, alarms_a_year: USUAL_BUDGET }
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
    /// Measured days that must have come since the last retraining was asked for.
    #[serde(skip_serializing_if = "is_usual_news")]
    pub new_days: u32,
    /// Retrainings that may be asked for within a year, beside those by a person.
    #[serde(skip_serializing_if = "is_usual_allowance")]
    pub retrainings_a_year: u32,
    /// Days after a takeover in which the model before goes back into service where it would have forecast better; 0
    /// for none. They are compared from eight scored forecasts on, one a day: a feed that gives fewer within these days
    /// and a week has no probation.
    #[serde(skip_serializing_if = "is_usual_probation")]
    pub probation_days: u32,
}

/// What a policy asks for unless its definition says otherwise.
const USUAL_NEWS: u32 = 7;
const USUAL_ALLOWANCE: u32 = 10;
const USUAL_PROBATION: u32 = 14;

fn is_usual_news(new_days: &u32) -> bool {
    *new_days == USUAL_NEWS
}

fn is_usual_allowance(retrainings_a_year: &u32) -> bool {
    *retrainings_a_year == USUAL_ALLOWANCE
}

fn is_usual_probation(probation_days: &u32) -> bool {
    *probation_days == USUAL_PROBATION
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            triggers: Triggers::Drift,
            cooldown_days: 14,
            refresh_days: 90,
            give_up_after: 8,
            new_days: USUAL_NEWS,
            retrainings_a_year: USUAL_ALLOWANCE,
            probation_days: USUAL_PROBATION,
        }
    }
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

impl Contract {
    /// The fewest equal values in a row that are a stuck meter, where such have stood still for `still` steps; none
    /// where no number of them is.
    pub fn fewest_stuck(&self, cadence: Cadence, still: usize) -> Option<usize> {
        let steps = (i64::from(self.stuck_hours) * HOUR / cadence.seconds()) as usize;
        // Twice as long as values have stood still: those of days that are given by the hour always do.
        (self.stuck_hours > 0).then(|| steps.max(FEWEST_STUCK).max(still.saturating_mul(2)))
    }
}

impl Definition {
    /// Reads a definition from TOML and checks it.
    ///
    /// # Errors
    /// Where the text is no definition, or with every fault of its values at once.
    pub fn from_toml(text: &str) -> Result<Self, DefinitionError> {
        let mut definition: Self = toml::from_str(text)?;
        if definition.quantity == Quantity::Weather && definition.source.covariates.is_empty() {
            let value = &definition.source.value_column;
            definition.source.covariates = weather::columns().into_iter().filter(|name| name != value).collect();
        }
        let faults = definition.faults();
        if faults.is_empty() { Ok(definition) } else { Err(DefinitionError::Faults(faults)) }
    }

    /// The zone whose local time shapes the day; UTC where the name is unknown, which [`Self::from_toml`] refuses.
    pub fn zone(&self) -> TimeZone {
        TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)
    }

    /// The unit of a sum over time: that of an emission without its hours; an intensity has none.
    pub fn total_unit(&self) -> Option<&str> {
        let unit = self.unit.trim().strip_suffix(PER_HOUR).map(str::trim_end);
        unit.filter(|unit| self.quantity == Quantity::Emission && !unit.is_empty())
    }

    /// Steps of the horizon.
    pub fn horizon_steps(&self) -> usize {
        (i64::from(self.forecast.horizon_hours) * HOUR / self.cadence.seconds()) as usize
    }

    /// Columns that are kept: the value first, then the covariates.
    pub fn columns(&self) -> Vec<&str> {
        std::iter::once(&self.source.value_column).chain(&self.source.covariates).map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests;
