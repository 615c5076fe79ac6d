//! What an event asks to be forecast, and with which model.

use crate::artifact::Ref;
use crate::event::{BatchId, Cause, Fact, Promotion, Retraining, Verdict};

/// A forecast that an event asks for: the end of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order<'a> {
    /// The batch that ends with it.
    pub batch: &'a BatchId,
    /// What there is to forecast with.
    pub means: Means<'a>,
}

/// What there is to forecast with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Means<'a> {
    /// A model.
    Model {
        /// Which.
        name: &'a Ref,
        /// Why it is known to be drifted, where it is.
        degraded: Option<String>,
    },
    /// Nothing: the forecast is withheld.
    Nothing {
        /// Why.
        reason: &'a str,
    },
}

impl<'a> Order<'a> {
    /// The forecast that a fact asks for, where it asks for one.
    pub fn of(fact: &'a Fact) -> Option<Self> {
        match fact {
            Fact::DriftChecked(checked) => match &checked.verdict {
                Verdict::Proceed { model, degraded } => {
                    let means = Means::Model { name: model, degraded: degraded.clone() };
                    Some(Self { batch: &checked.batch, means })
                }
                Verdict::Wait { reason } => Some(Self { batch: &checked.batch, means: Means::Nothing { reason } }),
                Verdict::Hold { .. } => None,
            },
            Fact::ModelPromoted(promoted) => match &promoted.by {
                Promotion::Evaluation { retraining, .. } => {
                    let batch = retraining.held.as_ref()?;
                    Some(Self { batch, means: Means::Model { name: &promoted.model, degraded: None } })
                }
                Promotion::Rollback { .. } => None,
            },
            Fact::ModelRejected(rejected) => {
                let serving = rejected.serving.as_ref().or(rejected.retraining.incumbent.as_ref());
                Self::without_a_new_model(&rejected.retraining, serving, &rejected.reason)
            }
            Fact::TrainingFailed(failed) => {
                let serving = failed.retraining.incumbent.as_ref();
                Self::without_a_new_model(&failed.retraining, serving, &failed.reason)
            }
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
    fn without_a_new_model(retraining: &'a Retraining, serving: Option<&'a Ref>, reason: &'a str) -> Option<Self> {
        let degraded = match retraining.cause {
            // The evidence is of a model that a person took out of service.
            _ if serving != retraining.incumbent.as_ref() => None,
            Cause::SkillFell | Cause::Drifted => Some(format!("{}; no better model: {reason}", retraining.evidence)),
            Cause::FirstModel | Cause::Scheduled | Cause::ByHand => None,
        };
        let means = match serving {
            Some(name) => Means::Model { name, degraded },
            None => Means::Nothing { reason },
        };
        Some(Self { batch: retraining.held.as_ref()?, means })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{Format, Kind};
    use crate::event::{DriftChecked, ModelPromoted, ModelRejected, RetrainingId, TrainingFailed};
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
        let old = named(Kind::Model, b"old");
        let means = Means::Model { name: &old, degraded: None };
        assert_eq!(Order::of(&fact), Some(Order { batch: &batch(), means }));
    }

    #[test]
    fn a_batch_whose_retraining_a_person_overtook_is_forecast_by_the_model_that_serves() {
        let (old, put_back) = (named(Kind::Model, b"old"), named(Kind::Model, b"put back"));
        let rejected = |serving: Option<&Ref>| {
            Fact::ModelRejected(ModelRejected {
                retraining: retraining(Cause::Scheduled, Some(batch())),
                model: named(Kind::Model, b"new"),
                evaluation: None,
                reason: "why".into(),
                serving: serving.cloned(),
            })
        };
        let by = |fact: &Fact| match Order::of(fact).unwrap().means {
            Means::Model { name, .. } => name.clone(),
            Means::Nothing { reason } => panic!("{reason}"),
        };
        assert_eq!((by(&rejected(None)), by(&rejected(Some(&put_back)))), (old, put_back));
    }

    #[test]
    fn a_retraining_that_no_batch_waits_for_ends_no_batch() {
        assert_eq!(Order::of(&failed(Cause::ByHand, None)), None);
        let by = Promotion::Rollback { reason: "worse at night".into(), probation: false };
        let (model, previous) = (named(Kind::Model, b"new"), None);
        assert_eq!(
            Order::of(&Fact::ModelPromoted(ModelPromoted { number: 2, model, previous, by, pinned: false })),
            None
        );
    }

    #[test]
    fn only_a_model_that_drifted_and_found_no_better_one_is_degraded() {
        let degraded = |cause| match Order::of(&failed(cause, Some(batch()))).unwrap().means {
            Means::Model { degraded, .. } => degraded,
            Means::Nothing { reason } => panic!("{reason}"),
        };
        assert_eq!(degraded(Cause::Drifted).as_deref(), Some("the error doubled; no better model: singular"));
        assert_eq!(degraded(Cause::Scheduled), None);
    }
}
