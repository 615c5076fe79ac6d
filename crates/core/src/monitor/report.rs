//! What a check leaves behind: its report, and the scores of forecasts whose hours arrived.

use serde::{Deserialize, Serialize};

use super::State;
use crate::CODE_VERSION;
use crate::artifact::Ref;
use crate::document::Document;
use crate::drift::Finding;
use crate::drift::columns::Column;
use crate::event::{BatchId, Cause};
use crate::forecast::{Forecast, Point};
use crate::policy::{Basis, Decision};
use crate::probation::Look;
use crate::series::SeriesId;
use crate::skill::{DayScore, Skill};
use crate::time::{DAY, Timestamp};

/// The report of one check: what was compared with what, what was found, what was decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The series.
    pub series: SeriesId,
    /// The batch that was checked.
    pub batch: BatchId,
    /// The serving model, whose reference was compared with.
    pub model: Option<Ref>,
    /// The window that was compared: its first step and the first after it.
    pub window: (Timestamp, Timestamp),
    /// Has the input changed? Current against training data.
    pub data: Vec<Finding>,
    /// Has the prediction changed? Predicted against actual distribution.
    pub prediction: Vec<Finding>,
    /// The same by column, with every statistic that files are compared with; none where no model served.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
    /// Do the values still stand to the other columns of their rows as they did?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<Finding>,
    /// Has the model become worse?
    pub skill: Skill,
    /// What all of it comes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<Diagnosis>,
    /// What the newest forecasts may be off by, before their hours come: an estimate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<Expected>,
    /// What the policy looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// What it decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// The retraining that was asked for, and the evidence.
    pub retraining: Option<(Cause, String)>,
    /// Why the forecast is degraded or waits, where it is or does.
    pub remark: Option<String>,
    /// Version of the code that made the report.
    pub code_version: String,
}

/// What the answers of a check come to. The last asks for a retraining, and what changed beside falling skill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Diagnosis {
    /// Nothing has changed.
    Steady,
    /// There is too little to say whether the model is as ever.
    InsufficientData,
    /// The data is broken: rows were refused, or the level moved while its covariates did not.
    DataBroken,
    /// The input or the prediction is distributed otherwise; the model copes.
    InputChanged,
    /// Forecasts are further off than usual and naive ones too; the model is as ever.
    WorldHarder,
    /// Forecasts are further off than such days bring.
    ModelWorse,
}

/// What a forecast may be off by, by the width of its intervals.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// When it was issued.
    pub origin: Timestamp,
    /// The day of the horizon, from 1.
    pub day: u32,
    /// The mean absolute error that its intervals speak of, in the series' unit.
    pub mae: f64,
}

impl Expected {
    /// Of each whole day of a forecast whose hours have not all come.
    pub fn of(forecast: &Forecast, now: Timestamp) -> Vec<Self> {
        let days = forecast.points.chunks_exact(forecast.cadence.per_day());
        let of_day = |(day, points): (usize, &[Point])| Self {
            origin: forecast.origin,
            day: day as u32 + 1,
            mae: points.iter().map(expected_error).sum::<f64>() / points.len() as f64,
        };
        let is_to_come = |(day, _): &(usize, &[Point])| forecast.origin.plus((*day as i64 + 1) * DAY) > now;
        days.enumerate().filter(is_to_come).map(of_day).collect()
    }
}

/// The mean absolute error between whose quantiles the half widths of intervals stand, straight between them; beyond
/// the last as far again as between the last two.
fn expected_error(point: &Point) -> f64 {
    let half = |lower: f64, upper: f64| (upper - lower) / 2.0;
    let (of_50, of_80) = (half(point.lower_50, point.upper_50), half(point.lower_80, point.upper_80));
    let of_95 = half(point.lower_95, point.upper_95);
    let middles = [(0.5, of_50 / 2.0), (0.3, (of_50 + of_80) / 2.0), (0.15, (of_80 + of_95) / 2.0)];
    middles.iter().map(|(share, middle)| share * middle).sum::<f64>() + 0.05 * (of_95 + (of_95 - of_80) / 2.0)
}

impl Report {
    /// What a report says before anything was compared.
    pub(super) fn of(state: &State, series: &SeriesId, batch: &BatchId, skill: Skill) -> Self {
        Self {
            series: series.clone(),
            batch: batch.clone(),
            model: state.serving.as_ref().map(|serving| serving.model.clone()),
            window: (batch.origin, batch.origin),
            data: Vec::new(),
            prediction: Vec::new(),
            columns: Vec::new(),
            relation: None,
            skill,
            diagnosis: None,
            expected: Vec::new(),
            basis: None,
            decision: None,
            retraining: None,
            remark: None,
            code_version: CODE_VERSION.to_owned(),
        }
    }
}

impl Document for Report {
    const NAME: &'static str = "report";
    const VERSION: u32 = 1;
}

/// Errors of forecast days whose hours arrived with one batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// The series.
    pub series: SeriesId,
    /// The batch that brought the hours.
    pub batch: BatchId,
    /// The scored days with the forecast each belongs to.
    pub days: Vec<(Ref, DayScore)>,
    /// Days that had been scored before and are scored anew, because hours of them were revised.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revised: Vec<(Ref, DayScore)>,
    /// The look at the model on probation that is due with them, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<Look>,
    /// Version of the code that made the scores.
    pub code_version: String,
}

impl Document for Scores {
    const NAME: &'static str = "score";
    const VERSION: u32 = 1;
}
