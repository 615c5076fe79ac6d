//! What a check leaves behind: its report, and the scores of forecasts whose hours arrived.

use serde::{Deserialize, Serialize};

use crate::artifact::Ref;
use crate::document::Document;
use crate::drift::Finding;
use crate::event::{BatchId, Cause};
use crate::series::SeriesId;
use crate::skill::{DayScore, Skill};
use crate::time::Timestamp;

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
    /// Has the model become worse?
    pub skill: Skill,
    /// The retraining that was asked for, and the evidence.
    pub retraining: Option<(Cause, String)>,
    /// Why the forecast is degraded or waits, where it is or does.
    pub remark: Option<String>,
    /// Version of the code that made the report.
    pub code_version: String,
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
    /// Version of the code that made the scores.
    pub code_version: String,
}

impl Document for Scores {
    const NAME: &'static str = "score";
    const VERSION: u32 = 1;
}
