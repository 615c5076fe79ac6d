//! Which model serves a series, which did before, and what became of every challenger.

use serde::{Deserialize, Serialize};

use crate::artifact::Ref;
use crate::document::Document;
use crate::event::{Cause, Event, Fact, ModelPromoted, Promotion, RetrainingId};
use crate::outbox::{BY_HAND, Outbox, WithOutbox};
use crate::series::SeriesId;
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
    /// Changes of the serving model so far.
    pub move_count: u64,
    /// Facts that go with the newest change by hand.
    pub outbox: Option<Outbox>,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Its number, from 1, without gaps.
    pub number: u64,
    /// The data's time of the change.
    pub at: Timestamp,
    /// The model that served before.
    pub from: Option<Ref>,
    /// The model that serves since.
    pub to: Ref,
    /// Who moved it.
    pub by: Mover,
}

/// Who changed the serving model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mover {
    /// The evaluation of the version with this number.
    Evaluation {
        /// The version that took over.
        version: u64,
    },
    /// An operator.
    Hand {
        /// Why, for the record.
        reason: String,
    },
}

impl Document for Registry {
    const NAME: &'static str = "registry";
    const VERSION: u32 = 1;
}

impl WithOutbox for Registry {
    fn outbox_mut(&mut self) -> Option<&mut Outbox> {
        self.outbox.as_mut()
    }
}

/// Why the serving model cannot be put back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RollbackError {
    /// The serving model has taken over from no other.
    #[error("there is no earlier model to go back to: the serving one took over from none; see `aria models`")]
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
    /// The fact of the rollback before is not known to be published, and this one's would overwrite it.
    #[error("the rollback before is not known to be published: run the command again to finish it")]
    Unpublished,
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
            next.serve(version.model.clone(), version.at, Mover::Evaluation { version: version.number });
        }
        next.versions.push(version);
        keep_newest(&mut next.versions);
        next
    }

    /// The change by which a version took over; none where it was rejected.
    pub fn takeover(&self, version: &Version) -> Option<&Move> {
        let by = Mover::Evaluation { version: version.number };
        self.moves.iter().rev().find(|moved| moved.by == by)
    }

    /// The registry after an operator put an earlier model back: the one that the serving model once took over from, or
    /// the one whose digest starts with `wanted`. The fact lies in its outbox.
    ///
    /// Going back twice goes back two models, and never forward to the one that was just taken out of service.
    ///
    /// # Errors
    /// Where there is no such model, or the fact of the rollback before is still to be published.
    pub fn rolled_back(
        &self,
        series: &SeriesId,
        wanted: Option<&str>,
        at: Timestamp,
        reason: &str,
    ) -> Result<(Self, Move), RollbackError> {
        if self.outbox.as_ref().is_some_and(|outbox| !outbox.settled) {
            return Err(RollbackError::Unpublished);
        }
        let target = match wanted {
            Some(digest) => self.served(digest)?,
            None => self.earlier().ok_or(RollbackError::NoEarlier)?,
        };
        let mut next = self.clone();
        let moved = next.serve(target, at, Mover::Hand { reason: reason.to_owned() });
        let fact = Fact::ModelPromoted(ModelPromoted {
            number: moved.number,
            model: moved.to.clone(),
            previous: moved.from.clone(),
            by: Promotion::Rollback { reason: reason.to_owned() },
        });
        let event = Event { series: series.clone(), as_of: at, fact };
        next.outbox = Some(Outbox::unsettled(BY_HAND, vec![event]));
        Ok((next, moved))
    }

    /// The model that the serving one took over from when it won its evaluation.
    fn earlier(&self) -> Option<Ref> {
        let serving = self.champion.as_ref()?;
        let won = |m: &&Move| &m.to == serving && matches!(m.by, Mover::Evaluation { .. });
        self.moves.iter().rev().find(won)?.from.clone()
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

    fn serve(&mut self, to: Ref, at: Timestamp, by: Mover) -> Move {
        self.move_count += 1;
        let moved = Move { number: self.move_count, at, from: self.champion.replace(to.clone()), to, by };
        self.moves.push(moved.clone());
        keep_newest(&mut self.moves);
        moved
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

    fn rolled_back(registry: &Registry, wanted: Option<&str>) -> Result<(Registry, Move), RollbackError> {
        let series = "it.ci_direct".parse().unwrap();
        registry.rolled_back(&series, wanted, "2021-04-01".parse().unwrap(), "worse at night")
    }

    #[test]
    fn a_rollback_puts_the_previous_model_back_and_is_on_record() {
        let registry = Registry::default().with(version("a", None)).with(version("b", None));
        let (after, moved) = rolled_back(&registry, None).unwrap();
        assert_eq!((after.champion, moved.to, moved.from), (Some(model("a")), model("a"), Some(model("b"))));
        let by = Mover::Hand { reason: "worse at night".into() };
        assert_eq!(after.moves.last().map(|m| (m.number, m.by.clone())), Some((3, by)));
    }

    #[test]
    fn a_rollback_is_stored_with_its_fact_and_the_next_one_waits_until_it_is_published() {
        let registry = Registry::default().with(version("a", None)).with(version("b", None));
        let (mut after, moved) = rolled_back(&registry, None).unwrap();
        let events = &after.outbox.as_ref().unwrap().events;
        let Fact::ModelPromoted(promoted) = &events[0].fact else { panic!("{events:?}") };
        assert_eq!((promoted.number, &promoted.model), (moved.number, &moved.to));
        assert_eq!(rolled_back(&after, None).unwrap_err(), RollbackError::Unpublished);
        after.outbox.as_mut().unwrap().settled = true;
        assert_eq!(rolled_back(&after, None).unwrap_err(), RollbackError::NoEarlier);
    }

    #[test]
    fn going_back_twice_goes_back_two_models_and_then_no_further() {
        let back = |registry: &Registry| {
            let (mut after, moved) = rolled_back(registry, None)?;
            after.outbox = None;
            Ok::<_, RollbackError>((after, moved.to))
        };
        let registry = Registry::default().with(version("a", None)).with(version("b", None)).with(version("c", None));
        let (once, first) = back(&registry).unwrap();
        let (twice, second) = back(&once).unwrap();
        assert_eq!((first, second), (model("b"), model("a")));
        assert_eq!(back(&twice).unwrap_err(), RollbackError::NoEarlier);
        // What wins against the model that was put back, took over from that one.
        assert_eq!(back(&once.with(version("d", None))).unwrap().1, model("b"));
    }

    #[test]
    fn changes_of_the_serving_model_are_numbered_without_gaps_also_after_old_ones_are_forgotten() {
        let names: Vec<String> = (0..=KEPT).map(|n| n.to_string()).collect();
        let registry = names.iter().fold(Registry::default(), |registry, name| registry.with(version(name, None)));
        let numbers: Vec<u64> = registry.moves.iter().map(|m| m.number).collect();
        assert_eq!(numbers, (2..=KEPT as u64 + 1).collect::<Vec<_>>());
        let newest = registry.versions.last().unwrap();
        assert_eq!(registry.takeover(newest).map(|m| &m.to), Some(&newest.model));
    }

    #[test]
    fn a_rejected_challenger_cannot_be_rolled_back_to() {
        let registry = Registry::default().with(version("a", None)).with(version("b", Some("worse")));
        let digest = model("b").sha256.as_str().to_owned();
        let refusal = rolled_back(&registry, Some(&digest)).unwrap_err();
        assert_eq!(refusal, RollbackError::NeverServed { model: digest });
    }

    #[test]
    fn the_first_model_has_nothing_to_go_back_to() {
        let registry = Registry::default().with(version("a", None));
        assert_eq!(rolled_back(&registry, None).unwrap_err(), RollbackError::NoEarlier);
    }
}
