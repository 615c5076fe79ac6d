//! Which model serves a series, which did before, and what became of every challenger.

use serde::{Deserialize, Serialize};

use crate::artifact::Ref;
use crate::document::Document;
use crate::event::{Cause, RetrainingId};
use crate::time::Timestamp;

/// The models of one series. Moved only by compare-and-set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Registry {
    /// The model that serves.
    pub champion: Option<Ref>,
    /// Every challenger in the order of its evaluation, the newest [`KEPT`] of them.
    pub versions: Vec<Version>,
    /// Every change of the serving model, the newest [`KEPT`] of them.
    pub moves: Vec<Move>,
    /// Challengers evaluated so far.
    pub count: u64,
}

/// How many versions and moves a registry lists; older ones stay in the event log.
pub const KEPT: usize = 200;

/// A challenger and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Its number, from 1.
    pub number: u64,
    /// The model.
    pub model: Ref,
    /// The retraining that asked for it.
    pub retraining: RetrainingId,
    /// Why it was asked for.
    pub cause: Cause,
    /// The data's time of its evaluation.
    pub at: Timestamp,
    /// The figures, where an evaluation was possible.
    pub evaluation: Option<Ref>,
    /// Why it did not take over; none where it did.
    pub rejected: Option<String>,
}

/// One change of the serving model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// The data's time of the change.
    pub at: Timestamp,
    /// The model that served before.
    pub from: Option<Ref>,
    /// The model that serves since.
    pub to: Ref,
    /// Who moved it and why.
    pub why: String,
}

impl Document for Registry {
    const NAME: &'static str = "registry";
    const VERSION: u32 = 1;
}

/// Why the serving model cannot be put back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RollbackError {
    /// No model has taken over from another one.
    #[error("there is no earlier model to go back to: name one of `aria models`")]
    NoEarlier,
    /// The named model never took over.
    #[error("model `{model}` never served this series: name a promoted one of `aria models`")]
    NeverServed {
        /// What was named.
        model: String,
    },
    /// The named model serves already.
    #[error("model `{model}` serves already")]
    Serving {
        /// What was named.
        model: String,
    },
}

impl Registry {
    /// What became of a retraining's challenger, where it has been evaluated.
    pub fn outcome(&self, retraining: &RetrainingId) -> Option<&Version> {
        self.versions.iter().rev().find(|v| &v.retraining == retraining)
    }

    /// The registry after an evaluation; a version that was not rejected serves from then on.
    #[must_use]
    pub fn with(&self, mut version: Version) -> Self {
        let mut next = self.clone();
        next.count += 1;
        version.number = next.count;
        if version.rejected.is_none() {
            let why = format!("won the evaluation asked for by {}", version.cause.as_str());
            next.serve(version.model.clone(), version.at, why);
        }
        next.versions.push(version);
        keep_newest(&mut next.versions);
        next
    }

    /// The registry after an operator put an earlier model back: the one that served before, or the one whose digest
    /// starts with `wanted`.
    ///
    /// # Errors
    /// Where there is no such model.
    pub fn rolled_back(&self, wanted: Option<&str>, at: Timestamp, why: String) -> Result<(Self, Ref), RollbackError> {
        let target = match wanted {
            Some(digest) => self.served(digest)?,
            None => self.moves.last().and_then(|m| m.from.clone()).ok_or(RollbackError::NoEarlier)?,
        };
        let mut next = self.clone();
        next.serve(target.clone(), at, why);
        Ok((next, target))
    }

    fn served(&self, digest: &str) -> Result<Ref, RollbackError> {
        let served = |v: &&Version| v.rejected.is_none() && v.model.sha256.as_str().starts_with(digest);
        let model = || digest.to_owned();
        let version =
            self.versions.iter().rev().find(served).ok_or_else(|| RollbackError::NeverServed { model: model() })?;
        if self.champion.as_ref() == Some(&version.model) {
            return Err(RollbackError::Serving { model: model() });
        }
        Ok(version.model.clone())
    }

    fn serve(&mut self, model: Ref, at: Timestamp, why: String) {
        let from = self.champion.replace(model.clone());
        self.moves.push(Move { at, from, to: model, why });
        keep_newest(&mut self.moves);
    }
}

fn keep_newest<T>(entries: &mut Vec<T>) {
    let extra = entries.len().saturating_sub(KEPT);
    entries.drain(..extra);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{Format, Kind};

    fn model(name: &str) -> Ref {
        Ref::of(Kind::Model, &"it.ci_direct".parse().unwrap(), Format::Json, name.as_bytes())
    }

    fn version(name: &str, rejected: Option<&str>) -> Version {
        Version {
            number: 0,
            model: model(name),
            retraining: RetrainingId(name.to_owned()),
            cause: Cause::ByHand,
            at: "2021-03-01".parse().unwrap(),
            evaluation: None,
            rejected: rejected.map(str::to_owned),
        }
    }

    #[test]
    fn a_rejected_challenger_is_listed_and_does_not_serve() {
        let registry = Registry::default().with(version("a", None)).with(version("b", Some("worse")));
        assert_eq!(registry.champion, Some(model("a")));
        assert_eq!(registry.versions.iter().map(|v| v.number).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_rollback_puts_the_previous_model_back_and_is_on_record() {
        let registry = Registry::default().with(version("a", None)).with(version("b", None));
        let (after, target) =
            registry.rolled_back(None, "2021-04-01".parse().unwrap(), "worse at night".into()).unwrap();
        assert_eq!((after.champion, target), (Some(model("a")), model("a")));
        assert_eq!(after.moves.last().map(|m| m.why.as_str()), Some("worse at night"));
    }

    #[test]
    fn a_rejected_challenger_cannot_be_rolled_back_to() {
        let registry = Registry::default().with(version("a", None)).with(version("b", Some("worse")));
        let digest = model("b").sha256.as_str().to_owned();
        let refusal = registry.rolled_back(Some(&digest), "2021-04-01".parse().unwrap(), String::new()).unwrap_err();
        assert_eq!(refusal, RollbackError::NeverServed { model: digest });
    }

    #[test]
    fn the_first_model_has_nothing_to_go_back_to() {
        let registry = Registry::default().with(version("a", None));
        let refusal = registry.rolled_back(None, "2021-04-01".parse().unwrap(), String::new()).unwrap_err();
        assert_eq!(refusal, RollbackError::NoEarlier);
    }
}
