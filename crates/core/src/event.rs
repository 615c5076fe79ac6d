//! Facts that the services tell each other, in the past tense: they name artifacts and never carry data.

use serde::{Deserialize, Serialize};

use crate::artifact::Ref;
use crate::series::SeriesId;
use crate::time::Timestamp;

/// A fact about one series.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The series it is about.
    pub series: SeriesId,
    /// The data's time at which it became true, not a clock's: a replayed history decides as the live one did.
    pub as_of: Timestamp,
    /// What happened.
    pub fact: Fact,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// Bytes were handed in.
    BatchReceived(BatchReceived),
    /// A batch kept the contract and moved the series' head.
    BatchAccepted(BatchAccepted),
    /// A batch broke the contract; the series is as it was.
    BatchRejected(BatchRejected),
    /// A batch was checked for drift.
    DriftChecked(DriftChecked),
    /// A model is to be trained.
    RetrainingRequested(Retraining),
    /// A challenger was trained.
    ModelTrained(ModelTrained),
    /// No challenger could be trained.
    TrainingFailed(TrainingFailed),
    /// The serving model changed, or is held in its place from now on, or let go of.
    ModelPromoted(ModelPromoted),
    /// A challenger did not take over.
    ModelRejected(ModelRejected),
    /// A forecast was made.
    ForecastIssued(ForecastIssued),
    /// A batch ended without a forecast.
    ForecastWithheld(ForecastWithheld),
    /// Forecasts met the hours they were made for.
    PerformanceScored(PerformanceScored),
}

/// Bytes were handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchReceived {
    /// Place among the batches received for the series, from 1, without gaps.
    pub ordinal: u64,
    /// The bytes.
    pub raw: Ref,
    /// Where they came from, for people: a file name, a client's address.
    pub source: String,
}

/// A batch kept the contract and moved the series' head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchAccepted {
    /// Which batch.
    pub batch: BatchId,
    /// The good rows.
    pub table: Ref,
    /// The refused rows, where there were any.
    pub quarantine: Option<Ref>,
    /// Good rows.
    pub rows: u64,
    /// Refused rows.
    pub rows_quarantined: u64,
    /// Of the quarantined rows, those whose time a later row of the batch has too: no fault of the data.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rows_repeated: u64,
}

fn is_zero(rows: &u64) -> bool {
    *rows == 0
}

/// An accepted batch: its places in the series and the series' state with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchId {
    /// Place among the batches received for the series, from 1.
    pub ordinal: u64,
    /// Place among the batches accepted for the series, from 1, without gaps.
    pub sequence: u64,
    /// The series with this batch in it.
    pub snapshot: Ref,
    /// The first step after the newest known value: where a forecast made from the snapshot begins.
    pub origin: Timestamp,
}

/// A batch broke the contract; the series is as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchRejected {
    /// Place among the batches received for the series, from 1.
    pub ordinal: u64,
    /// The bytes, kept as they came.
    pub raw: Ref,
    /// Why, and what to do about it.
    pub reason: String,
    /// The refused rows, where they could be told apart.
    pub quarantine: Option<Ref>,
}

/// A batch was checked for drift.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftChecked {
    /// Which batch.
    pub batch: BatchId,
    /// What the check found.
    pub report: Ref,
    /// What is to happen with the batch.
    pub verdict: Verdict,
}

/// What is to happen with a checked batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Forecast with this model.
    Proceed {
        /// The serving model.
        model: Ref,
        /// Why the model is known to be drifted, where it is.
        degraded: Option<String>,
    },
    /// A retraining is on its way; forecast when it ends.
    Hold {
        /// Which retraining.
        retraining: RetrainingId,
    },
    /// There is nothing to forecast with yet.
    Wait {
        /// What is missing.
        reason: String,
    },
}

/// The id of a retraining, the same for the same cause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RetrainingId(pub String);

/// A request for a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retraining {
    /// Its id.
    pub id: RetrainingId,
    /// Why it was asked for.
    pub cause: Cause,
    /// The evidence in words.
    pub evidence: String,
    /// The data to train on.
    pub snapshot: Ref,
    /// The model that served when it was asked for, which the challenger has to beat.
    pub incumbent: Option<Ref>,
    /// The batch that waits for the outcome, where one does.
    pub held: Option<BatchId>,
}

/// Why a retraining was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// There was no model and there is now enough history for one.
    FirstModel,
    /// The serving model's skill fell against its own history.
    SkillFell,
    /// Inputs or predictions drifted and the skill is falling.
    Drifted,
    /// The serving model reached the age at which it is refreshed.
    Scheduled,
    /// A person asked.
    ByHand,
}

impl Cause {
    /// The cause's name in documents and on screens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FirstModel => "first_model",
            Self::SkillFell => "skill_fell",
            Self::Drifted => "drifted",
            Self::Scheduled => "scheduled",
            Self::ByHand => "by_hand",
        }
    }
}

/// A challenger was trained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelTrained {
    /// What asked for it.
    pub retraining: Retraining,
    /// The challenger.
    pub model: Ref,
}

/// No challenger could be trained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainingFailed {
    /// What asked for it.
    pub retraining: Retraining,
    /// Why there is none.
    pub reason: String,
}

/// The serving model changed, or is held in its place from now on, or let go of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelPromoted {
    /// Place among the changes of the series' serving model, from 1, without gaps.
    pub number: u64,
    /// The model that serves from now on.
    pub model: Ref,
    /// The model that served before.
    pub previous: Option<Ref>,
    /// How it came to be.
    pub by: Promotion,
    /// Whether a person holds it in its place: nothing takes over from it by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
}

/// How a model came to serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "facts are handled one at a time and never kept in numbers")]
pub enum Promotion {
    /// It won an evaluation.
    Evaluation {
        /// What asked for the model.
        retraining: Retraining,
        /// The figures.
        evaluation: Ref,
    },
    /// An operator put an earlier model back, or holds the model in its place, or no longer does; or a model did not
    /// stand its probation.
    Rollback {
        /// Who and why, for the audit.
        reason: String,
        /// Whether it was the probation, and nobody's hand.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        probation: bool,
    },
}

/// A challenger did not take over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRejected {
    /// What asked for it.
    pub retraining: Retraining,
    /// The challenger.
    pub model: Ref,
    /// The figures, where an evaluation was possible.
    pub evaluation: Option<Ref>,
    /// Why.
    pub reason: String,
    /// The model that serves, where a person changed or held it while the challenger was trained: nothing was compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving: Option<Ref>,
}

/// A forecast was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecastIssued {
    /// The batch that this ends.
    pub batch: BatchId,
    /// The forecast.
    pub forecast: Ref,
    /// The model that made it.
    pub model: Ref,
    /// Why the model is known to be drifted, where it is.
    pub degraded: Option<String>,
}

/// A batch ended without a forecast.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecastWithheld {
    /// The batch that this ends.
    pub batch: BatchId,
    /// Why.
    pub reason: String,
}

/// Forecasts met the hours they were made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerformanceScored {
    /// The batch that brought the hours.
    pub batch: BatchId,
    /// The errors.
    pub score: Ref,
    /// Forecast days that were scored.
    pub days: u64,
}

impl Fact {
    /// The ordinal of the batch that was received, where that is what happened.
    pub fn received_ordinal(&self) -> Option<u64> {
        match self {
            Self::BatchReceived(received) => Some(received.ordinal),
            _ => None,
        }
    }

    /// The fact's name, the third part of its subject and its type: `batch.accepted`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::BatchReceived(_) => "batch.received",
            Self::BatchAccepted(_) => "batch.accepted",
            Self::BatchRejected(_) => "batch.rejected",
            Self::DriftChecked(_) => "drift.checked",
            Self::RetrainingRequested(_) => "retraining.requested",
            Self::ModelTrained(_) => "model.trained",
            Self::TrainingFailed(_) => "training.failed",
            Self::ModelPromoted(_) => "model.promoted",
            Self::ModelRejected(_) => "model.rejected",
            Self::ForecastIssued(_) => "forecast.issued",
            Self::ForecastWithheld(_) => "forecast.withheld",
            Self::PerformanceScored(_) => "performance.scored",
        }
    }

    /// Whether a received batch ends with this fact.
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::BatchRejected(_) | Self::ForecastIssued(_) | Self::ForecastWithheld(_) => true,
            Self::BatchReceived(_)
            | Self::BatchAccepted(_)
            | Self::DriftChecked(_)
            | Self::RetrainingRequested(_)
            | Self::ModelTrained(_)
            | Self::TrainingFailed(_)
            | Self::ModelPromoted(_)
            | Self::ModelRejected(_)
            | Self::PerformanceScored(_) => false,
        }
    }
}
