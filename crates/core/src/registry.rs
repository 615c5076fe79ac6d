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

/// The most bytes that a reason takes in a registry's document; longer ones are cut. With as many as it lists, each
/// with the longest reason, a registry fits its cell: one that did not could never be moved again.
pub const LONGEST_REASON: usize = 500;

/// What stands in place of the rest of a cut reason.
const CUT: char = '…';

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
        next.cut_reasons();
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
        let reason = cut(reason);
        let mut next = self.clone();
        let moved = next.serve(target, at, Mover::Hand { reason: reason.clone() });
        next.cut_reasons();
        let fact = Fact::ModelPromoted(ModelPromoted {
            number: moved.number,
            model: moved.to.clone(),
            previous: moved.from.clone(),
            by: Promotion::Rollback { reason },
            pinned: false,
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

    /// Cuts every reason, also those that were stored before there was a limit.
    fn cut_reasons(&mut self) {
        for reason in self.versions.iter_mut().filter_map(|version| version.rejected.as_mut()) {
            *reason = cut(reason);
        }
        for moved in &mut self.moves {
            match &mut moved.by {
                Mover::Hand { reason } => *reason = cut(reason),
                Mover::Evaluation { .. } => {}
            }
        }
    }

    fn serve(&mut self, to: Ref, at: Timestamp, by: Mover) -> Move {
        self.move_count += 1;
        let moved = Move { number: self.move_count, at, from: self.champion.replace(to.clone()), to, by };
        self.moves.push(moved.clone());
        keep_newest(&mut self.moves);
        moved
    }
}

/// The bytes that a reason takes in a document: one for each plain letter, more for others.
pub fn reason_bytes(reason: &str) -> usize {
    reason.chars().map(encoded_bytes).sum()
}

fn encoded_bytes(letter: char) -> usize {
    match letter {
        '"' | '\\' => 2,
        // As \u0000.
        letter if letter.is_ascii_control() => 6,
        letter => letter.len_utf8(),
    }
}

fn cut(reason: &str) -> String {
    if reason_bytes(reason) <= LONGEST_REASON {
        return reason.to_owned();
    }
    let mut bytes = encoded_bytes(CUT);
    let fits = |letter: &char| {
        bytes += encoded_bytes(*letter);
        bytes <= LONGEST_REASON
    };
    reason.chars().take_while(fits).chain([CUT]).collect()
}

fn keep_newest<T>(entries: &mut Vec<T>) {
    let extra = entries.len().saturating_sub(KEPT);
    entries.drain(..extra);
}

#[cfg(test)]
mod tests;
