//! Which model serves a series, which did before, and what became of every challenger.

mod hand;
mod reason;

use serde::{Deserialize, Serialize};

use crate::artifact::Ref;
use crate::document::Document;
use crate::event::{BatchId, Cause, Event, Fact, ModelPromoted, Promotion, RetrainingId};
use crate::outbox::{Outbox, WithOutbox};
use crate::probation::{Look, Outcome};
use crate::series::SeriesId;
use crate::time::Timestamp;

pub use hand::{HandError, Then};
pub use reason::{LONGEST_REASON, reason_bytes};

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
    /// Facts that go with the newest change by hand or on probation.
    pub outbox: Option<Outbox>,
    /// That a person holds the serving model in its place, where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
    /// The newest look at a model on probation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked: Option<Looked>,
}

/// A person holds the serving model in its place: nothing takes over from it by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The data's time since when.
    pub since: Timestamp,
    /// Why, for the record.
    pub reason: String,
}

/// A look at a model on probation that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// The sequence of the batch whose scores asked for it.
    pub sequence: u64,
    /// The data's time of it.
    pub at: Timestamp,
    /// What it said, with the numbers.
    pub reason: String,
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
    /// The model that served, where a person changed or held it while this one was trained: nothing was compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving: Option<Ref>,
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
    /// An operator, who put an earlier model back.
    Hand {
        /// Why, for the record.
        reason: String,
    },
    /// An operator, who holds the model in its place from then on.
    Pin {
        /// Why, for the record.
        reason: String,
    },
    /// An operator, who holds it no longer.
    Unpin {
        /// Why, for the record.
        reason: String,
    },
    /// Nobody: the model that had taken over did not stand its probation.
    Probation {
        /// The evidence.
        reason: String,
    },
}

impl Mover {
    /// Why, unless it was an evaluation, which tells by itself.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Hand { reason } | Self::Pin { reason } | Self::Unpin { reason } | Self::Probation { reason } => {
                Some(reason)
            }
            Self::Evaluation { .. } => None,
        }
    }

    fn reason_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Hand { reason } | Self::Pin { reason } | Self::Unpin { reason } | Self::Probation { reason } => {
                Some(reason)
            }
            Self::Evaluation { .. } => None,
        }
    }
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

    /// Cuts every reason, also those that were stored before there was a limit.
    fn cut_reasons(&mut self) {
        let rejected = self.versions.iter_mut().filter_map(|version| version.rejected.as_mut());
        let moved = self.moves.iter_mut().filter_map(|moved| moved.by.reason_mut());
        for reason in rejected.chain(moved) {
            *reason = reason::cut(reason);
        }
    }

    /// The serving model and the one before it, where the look that is asked for is at this takeover, which an
    /// evaluation decided; none where another model serves by now, or a person holds this one in its place.
    pub fn on_probation(&self, look: &Look) -> Option<(&Ref, &Ref)> {
        let newest = self.moves.last().filter(|moved| moved.number == look.number && self.pin.is_none())?;
        match newest.by {
            Mover::Evaluation { .. } => Some((&newest.to, newest.from.as_ref()?)),
            Mover::Hand { .. } | Mover::Pin { .. } | Mover::Unpin { .. } | Mover::Probation { .. } => None,
        }
    }

    /// Whether the look that a batch's scores asked for has been taken.
    pub fn has_looked(&self, sequence: u64) -> bool {
        self.looked.as_ref().is_some_and(|looked| looked.sequence >= sequence)
    }

    /// The registry after a look at a model on probation that the scores with a batch asked for. Where the model did
    /// not stand it, the one before serves again, and the fact of it lies in the outbox under the cause.
    #[must_use]
    pub fn after_look(&self, series: &SeriesId, batch: &BatchId, cause: &str, outcome: &Outcome) -> Self {
        let mut next = self.clone();
        let at = batch.origin;
        let (Outcome::Stays { reason } | Outcome::GoesBack { reason }) = outcome;
        next.looked = Some(Looked { sequence: batch.sequence, at, reason: reason::cut(reason) });
        let before = self.moves.last().and_then(|moved| moved.from.clone());
        if let (Outcome::GoesBack { .. }, Some(before)) = (outcome, before) {
            let reason = reason::cut(&format!("on probation the model before was better: {reason}"));
            let moved = next.serve(before, at, Mover::Probation { reason: reason.clone() });
            let by = Promotion::Rollback { reason, probation: true };
            next.outbox = Some(Outbox::unsettled(cause, vec![moved.told(series, by, false)]));
        }
        next.cut_reasons();
        next
    }

    fn serve(&mut self, to: Ref, at: Timestamp, by: Mover) -> Move {
        self.move_count += 1;
        let moved = Move { number: self.move_count, at, from: self.champion.replace(to.clone()), to, by };
        self.moves.push(moved.clone());
        keep_newest(&mut self.moves);
        moved
    }
}

impl Move {
    /// The fact of it.
    fn told(&self, series: &SeriesId, by: Promotion, pinned: bool) -> Event {
        let fact = Fact::ModelPromoted(ModelPromoted {
            number: self.number,
            model: self.to.clone(),
            previous: self.from.clone(),
            by,
            pinned,
        });
        Event { series: series.clone(), as_of: self.at, fact }
    }
}

fn keep_newest<T>(entries: &mut Vec<T>) {
    let extra = entries.len().saturating_sub(KEPT);
    entries.drain(..extra);
}

#[cfg(test)]
mod tests;
