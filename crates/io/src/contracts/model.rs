//! Facts about models, to the wire and back.

use aria_core::event::{
    Cause, Event, Fact, ModelPromoted, ModelRejected, ModelTrained, Promotion, Retraining, RetrainingId, TrainingFailed,
};

use super::error::{FieldError, FieldFault};
use super::field;
use super::generated as wire;
use super::generated::model_promoted as promotion;

pub(super) fn requested(event: &Event, retraining: &Retraining) -> wire::RetrainingRequested {
    wire::RetrainingRequested {
        series: event.series.to_string(),
        as_of_unix_seconds: Some(event.as_of.seconds()),
        retraining: Some(retraining.into()),
    }
}

pub(super) fn trained(event: &Event, fact: &ModelTrained) -> wire::ModelTrained {
    let ModelTrained { retraining, model } = fact;
    wire::ModelTrained {
        series: event.series.to_string(),
        as_of_unix_seconds: Some(event.as_of.seconds()),
        retraining: Some(retraining.into()),
        model: Some(model.into()),
    }
}

pub(super) fn failed(event: &Event, fact: &TrainingFailed) -> wire::TrainingFailed {
    let TrainingFailed { retraining, reason } = fact;
    wire::TrainingFailed {
        series: event.series.to_string(),
        as_of_unix_seconds: Some(event.as_of.seconds()),
        retraining: Some(retraining.into()),
        reason: reason.clone(),
    }
}

pub(super) fn promoted(event: &Event, fact: &ModelPromoted) -> wire::ModelPromoted {
    let ModelPromoted { number, model, previous, by, pinned } = fact;
    wire::ModelPromoted {
        number: *number,
        series: event.series.to_string(),
        as_of_unix_seconds: Some(event.as_of.seconds()),
        model: Some(model.into()),
        previous: previous.as_ref().map(Into::into),
        by: Some(by.into()),
        pinned: *pinned,
    }
}

pub(super) fn rejected(event: &Event, fact: &ModelRejected) -> wire::ModelRejected {
    let ModelRejected { retraining, model, evaluation, reason, serving } = fact;
    wire::ModelRejected {
        series: event.series.to_string(),
        as_of_unix_seconds: Some(event.as_of.seconds()),
        retraining: Some(retraining.into()),
        model: Some(model.into()),
        evaluation: evaluation.as_ref().map(Into::into),
        reason: reason.clone(),
        serving: serving.as_ref().map(Into::into),
    }
}

impl TryFrom<wire::RetrainingRequested> for Event {
    type Error = FieldError;

    fn try_from(message: wire::RetrainingRequested) -> Result<Self, FieldError> {
        let wire::RetrainingRequested { series, as_of_unix_seconds, retraining } = message;
        let fact = field::required("retraining", retraining)?;
        field::event(&series, as_of_unix_seconds, Fact::RetrainingRequested(fact))
    }
}

impl TryFrom<wire::ModelTrained> for Event {
    type Error = FieldError;

    fn try_from(message: wire::ModelTrained) -> Result<Self, FieldError> {
        let wire::ModelTrained { series, as_of_unix_seconds, retraining, model } = message;
        let fact = ModelTrained {
            retraining: field::required("retraining", retraining)?,
            model: field::required("model", model)?,
        };
        field::event(&series, as_of_unix_seconds, Fact::ModelTrained(fact))
    }
}

impl TryFrom<wire::TrainingFailed> for Event {
    type Error = FieldError;

    fn try_from(message: wire::TrainingFailed) -> Result<Self, FieldError> {
        let wire::TrainingFailed { series, as_of_unix_seconds, retraining, reason } = message;
        let fact = TrainingFailed { retraining: field::required("retraining", retraining)?, reason };
        field::event(&series, as_of_unix_seconds, Fact::TrainingFailed(fact))
    }
}

impl TryFrom<wire::ModelPromoted> for Event {
    type Error = FieldError;

    fn try_from(message: wire::ModelPromoted) -> Result<Self, FieldError> {
        let wire::ModelPromoted { series, as_of_unix_seconds, model, previous, by, number, pinned } = message;
        let by = by.ok_or_else(|| FieldError::at("by", FieldFault::Missing))?;
        let fact = ModelPromoted {
            number: field::from_one("number", number)?,
            model: field::required("model", model)?,
            previous: field::optional("previous", previous)?,
            by: Promotion::try_from(by)?,
            pinned,
        };
        field::event(&series, as_of_unix_seconds, Fact::ModelPromoted(fact))
    }
}

impl TryFrom<wire::ModelRejected> for Event {
    type Error = FieldError;

    fn try_from(message: wire::ModelRejected) -> Result<Self, FieldError> {
        let wire::ModelRejected { series, as_of_unix_seconds, retraining, model, evaluation, reason, serving } =
            message;
        let fact = ModelRejected {
            retraining: field::required("retraining", retraining)?,
            model: field::required("model", model)?,
            evaluation: field::optional("evaluation", evaluation)?,
            reason,
            serving: field::optional("serving", serving)?,
        };
        field::event(&series, as_of_unix_seconds, Fact::ModelRejected(fact))
    }
}

impl From<&Promotion> for promotion::By {
    fn from(by: &Promotion) -> Self {
        match by {
            Promotion::Evaluation { retraining, evaluation } => Self::Evaluation(promotion::Evaluation {
                retraining: Some(retraining.into()),
                evaluation: Some(evaluation.into()),
            }),
            Promotion::Rollback { reason, probation } => {
                Self::Rollback(promotion::Rollback { reason: reason.clone(), probation: *probation })
            }
        }
    }
}

impl TryFrom<promotion::By> for Promotion {
    type Error = FieldError;

    fn try_from(by: promotion::By) -> Result<Self, FieldError> {
        Ok(match by {
            promotion::By::Evaluation(promotion::Evaluation { retraining, evaluation }) => Self::Evaluation {
                retraining: field::required("evaluation.retraining", retraining)?,
                evaluation: field::required("evaluation.evaluation", evaluation)?,
            },
            promotion::By::Rollback(promotion::Rollback { reason, probation }) => Self::Rollback { reason, probation },
        })
    }
}

impl From<&Retraining> for wire::Retraining {
    fn from(retraining: &Retraining) -> Self {
        let Retraining { id: RetrainingId(id), cause, evidence, snapshot, incumbent, held } = retraining;
        Self {
            id: id.clone(),
            cause: wire::Cause::from(*cause).into(),
            evidence: evidence.clone(),
            snapshot: Some(snapshot.into()),
            incumbent: incumbent.as_ref().map(Into::into),
            held: held.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<wire::Retraining> for Retraining {
    type Error = FieldError;

    fn try_from(retraining: wire::Retraining) -> Result<Self, FieldError> {
        let wire::Retraining { id, cause, evidence, snapshot, incumbent, held } = retraining;
        Ok(Self {
            id: RetrainingId(field::nonempty("id", id)?),
            cause: field::choice::<wire::Cause, _>("cause", cause)?,
            evidence,
            snapshot: field::required("snapshot", snapshot)?,
            incumbent: field::optional("incumbent", incumbent)?,
            held: field::optional("held", held)?,
        })
    }
}

impl From<Cause> for wire::Cause {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::FirstModel => Self::FirstModel,
            Cause::SkillFell => Self::SkillFell,
            Cause::Drifted => Self::Drifted,
            Cause::Scheduled => Self::Scheduled,
            Cause::ByHand => Self::ByHand,
        }
    }
}

impl TryFrom<wire::Cause> for Cause {
    type Error = FieldFault;

    fn try_from(cause: wire::Cause) -> Result<Self, FieldFault> {
        Ok(match cause {
            wire::Cause::Unspecified => return Err(FieldFault::Unspecified),
            wire::Cause::FirstModel => Self::FirstModel,
            wire::Cause::SkillFell => Self::SkillFell,
            wire::Cause::Drifted => Self::Drifted,
            wire::Cause::Scheduled => Self::Scheduled,
            wire::Cause::ByHand => Self::ByHand,
        })
    }
}
