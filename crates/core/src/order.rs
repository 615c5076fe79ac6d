//! What an event asks to be forecast, and with which model.

use crate::artifact::Ref;
use crate::event::{BatchId, Cause, Fact, Promotion, Retraining, Verdict};

/// A forecast that an event asks for: the end of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order<'a> {
    /// The batch that ends with it.
    pub batch: &'a BatchId,
    /// The model to forecast with; none where there is none.
    pub model: Option<&'a Ref>,
    /// Why the model is known to be drifted, where it is.
    pub degraded: Option<String>,
    /// Why there is no forecast where there is no model.
    pub without_model: &'a str,
}

impl<'a> Order<'a> {
    /// The forecast that a fact asks for, where it asks for one.
    pub fn of(fact: &'a Fact) -> Option<Self> {
        match fact {
            Fact::DriftChecked(checked) => match &checked.verdict {
                Verdict::Proceed { model, degraded } => Some(Self {
                    batch: &checked.batch,
                    model: Some(model),
                    degraded: degraded.clone(),
                    without_model: "",
                }),
                Verdict::Wait { reason } => {
                    Some(Self { batch: &checked.batch, model: None, degraded: None, without_model: reason })
                }
                Verdict::Hold { .. } => None,
            },
            Fact::ModelPromoted(promoted) => match &promoted.by {
                Promotion::Evaluation { retraining, .. } => {
                    let batch = retraining.held.as_ref()?;
                    Some(Self { batch, model: Some(&promoted.model), degraded: None, without_model: "" })
                }
                Promotion::Rollback { .. } => None,
            },
            Fact::ModelRejected(rejected) => Self::with_incumbent(&rejected.retraining, &rejected.reason),
            Fact::TrainingFailed(failed) => Self::with_incumbent(&failed.retraining, &failed.reason),
            Fact::BatchReceived(_)
            | Fact::BatchAccepted(_)
            | Fact::BatchRejected(_)
            | Fact::RetrainingRequested(_)
            | Fact::ModelTrained(_)
            | Fact::ForecastIssued(_)
            | Fact::ForecastWithheld(_)
            | Fact::PerformanceScored(_) => None,
        }
    }

    /// The best there is after a retraining brought no new model: the one that served, which says if it is known to be
    /// drifted.
    fn with_incumbent(retraining: &'a Retraining, reason: &'a str) -> Option<Self> {
        let degraded = match retraining.cause {
            Cause::SkillFell | Cause::Drifted => Some(format!("{}; no better model: {reason}", retraining.evidence)),
            Cause::FirstModel | Cause::Scheduled | Cause::ByHand => None,
        };
        let batch = retraining.held.as_ref()?;
        Some(Self { batch, model: retraining.incumbent.as_ref(), degraded, without_model: reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{Format, Kind};
    use crate::event::{DriftChecked, ModelPromoted, RetrainingId, TrainingFailed};
    use crate::time::Timestamp;

    fn named(kind: Kind, content: &[u8]) -> Ref {
        Ref::of(kind, &"it.ci_direct".parse().unwrap(), Format::Json, content)
    }

    fn batch() -> BatchId {
        BatchId { ordinal: 7, sequence: 5, snapshot: named(Kind::Snapshot, b"{}"), origin: Timestamp::EPOCH }
    }

    fn retraining(cause: Cause, held: Option<BatchId>) -> Retraining {
        Retraining {
            id: RetrainingId("r1".into()),
            cause,
            evidence: "the error doubled".into(),
            snapshot: named(Kind::Snapshot, b"{}"),
            incumbent: Some(named(Kind::Model, b"old")),
            held,
        }
    }

    fn checked(verdict: Verdict) -> Fact {
        Fact::DriftChecked(DriftChecked { batch: batch(), report: named(Kind::Report, b"{}"), verdict })
    }

    fn failed(cause: Cause, held: Option<BatchId>) -> Fact {
        Fact::TrainingFailed(TrainingFailed { retraining: retraining(cause, held), reason: "singular".into() })
    }

    #[test]
    fn a_batch_on_hold_is_forecast_only_when_its_retraining_has_ended() {
        assert_eq!(Order::of(&checked(Verdict::Hold { retraining: RetrainingId("r1".into()) })), None);
        let fact = failed(Cause::Scheduled, Some(batch()));
        let order = Order::of(&fact).unwrap();
        assert_eq!((order.batch, order.model), (&batch(), Some(&named(Kind::Model, b"old"))));
    }

    #[test]
    fn a_retraining_that_no_batch_waits_for_ends_no_batch() {
        assert_eq!(Order::of(&failed(Cause::ByHand, None)), None);
        let by = Promotion::Rollback { reason: "worse at night".into() };
        let (model, previous) = (named(Kind::Model, b"new"), None);
        assert_eq!(Order::of(&Fact::ModelPromoted(ModelPromoted { number: 2, model, previous, by })), None);
    }

    #[test]
    fn only_a_model_that_drifted_and_found_no_better_one_is_degraded() {
        let degraded = |cause| Order::of(&failed(cause, Some(batch()))).unwrap().degraded;
        assert_eq!(degraded(Cause::Drifted).as_deref(), Some("the error doubled; no better model: singular"));
        assert_eq!(degraded(Cause::Scheduled), None);
    }
}
