//! Facts about drift and performance, to the wire and back.

use aria_core::event::{DriftChecked, Event, Fact, PerformanceScored, RetrainingId, Verdict};

use super::error::{FieldError, FieldFault};
use super::field;
use super::generated as wire;
use super::generated::drift_checked as verdict;

pub(super) fn checked(event: &Event, fact: &DriftChecked) -> wire::DriftChecked {
    let DriftChecked { batch, report, verdict } = fact;
    wire::DriftChecked {
        series: event.series.to_string(),
        as_of_unix_seconds: Some(event.as_of.seconds()),
        batch: Some(batch.into()),
        report: Some(report.into()),
        verdict: Some(verdict.into()),
    }
}

pub(super) fn scored(event: &Event, fact: &PerformanceScored) -> wire::PerformanceScored {
    let PerformanceScored { batch, score, days } = fact;
    wire::PerformanceScored {
        series: event.series.to_string(),
        as_of_unix_seconds: Some(event.as_of.seconds()),
        batch: Some(batch.into()),
        score: Some(score.into()),
        days: *days,
    }
}

impl TryFrom<wire::DriftChecked> for Event {
    type Error = FieldError;

    fn try_from(message: wire::DriftChecked) -> Result<Self, FieldError> {
        let wire::DriftChecked { series, as_of_unix_seconds, batch, report, verdict } = message;
        let verdict = verdict.ok_or_else(|| FieldError::at("verdict", FieldFault::Missing))?;
        let fact = DriftChecked {
            batch: field::required("batch", batch)?,
            report: field::required("report", report)?,
            verdict: Verdict::try_from(verdict)?,
        };
        field::event(&series, as_of_unix_seconds, Fact::DriftChecked(fact))
    }
}

impl TryFrom<wire::PerformanceScored> for Event {
    type Error = FieldError;

    fn try_from(message: wire::PerformanceScored) -> Result<Self, FieldError> {
        let wire::PerformanceScored { series, as_of_unix_seconds, batch, score, days } = message;
        let fact = PerformanceScored {
            batch: field::required("batch", batch)?,
            score: field::required("score", score)?,
            days,
        };
        field::event(&series, as_of_unix_seconds, Fact::PerformanceScored(fact))
    }
}

impl From<&Verdict> for verdict::Verdict {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Proceed { model, degraded } => {
                Self::Proceed(verdict::Proceed { model: Some(model.into()), degraded: degraded.clone() })
            }
            Verdict::Hold { retraining: RetrainingId(id) } => Self::Hold(verdict::Hold { retraining_id: id.clone() }),
            Verdict::Wait { reason } => Self::Wait(verdict::Wait { reason: reason.clone() }),
        }
    }
}

impl TryFrom<verdict::Verdict> for Verdict {
    type Error = FieldError;

    fn try_from(verdict: verdict::Verdict) -> Result<Self, FieldError> {
        Ok(match verdict {
            verdict::Verdict::Proceed(verdict::Proceed { model, degraded }) => {
                Self::Proceed { model: field::required("proceed.model", model)?, degraded }
            }
            verdict::Verdict::Hold(verdict::Hold { retraining_id }) => {
                Self::Hold { retraining: RetrainingId(field::nonempty("hold.retraining_id", retraining_id)?) }
            }
            verdict::Verdict::Wait(verdict::Wait { reason }) => Self::Wait { reason },
        })
    }
}
