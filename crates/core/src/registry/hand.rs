//! What a person does to a registry: puts an earlier model back, holds one in its place, lets go of it.

use super::reason::cut;
use super::{Move, Mover, Pin, Registry, Version};
use crate::artifact::Ref;
use crate::event::Promotion;
use crate::outbox::{BY_HAND, Outbox};
use crate::series::SeriesId;
use crate::time::Timestamp;

/// Why the serving model cannot be changed by hand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandError {
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
    /// The fact of the change before is not known to be published, and this one's would overwrite it.
    #[error("the change before is not known to be published: run the command again to finish it")]
    Unpublished,
    /// No model serves that could be held in its place.
    #[error("no model serves yet that could be pinned")]
    NoModel,
    /// The serving model is held in its place already.
    #[error("model `{model}` is pinned already: {reason}")]
    Pinned {
        /// Which model.
        model: String,
        /// Why.
        reason: String,
    },
    /// Nobody holds the serving model in its place.
    #[error("no model is pinned")]
    NotPinned,
}

/// What becomes of a model that an operator puts back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It serves.
    Serves,
    /// It serves, and is held in its place.
    Held,
}

impl Registry {
    /// The registry after an operator put an earlier model back: the one that the serving model once took over from, or
    /// the one whose digest starts with `wanted`. The fact lies in its outbox. Where a person held the serving model in
    /// its place, that ends with it; the one that is put back is held where `then` says so.
    ///
    /// Going back twice goes back two models, and never forward to the one that was just taken out of service.
    ///
    /// # Errors
    /// Where there is no such model, or the fact of the change before is still to be published.
    pub fn rolled_back(
        &self,
        series: &SeriesId,
        wanted: Option<&str>,
        at: Timestamp,
        (then, reason): (Then, &str),
    ) -> Result<(Self, Move), HandError> {
        let target = self.target(wanted)?;
        let reason = cut(reason);
        let by = match then {
            Then::Serves => Mover::Hand { reason },
            Then::Held => Mover::Pin { reason },
        };
        self.by_hand(series, target, at, by)
    }

    /// The registry after an operator held the serving model, or another one that served before, in its place.
    ///
    /// # Errors
    /// Where there is no such model, it is held already, or the fact of the change before is still to be published.
    pub fn pinned(
        &self,
        series: &SeriesId,
        wanted: Option<&str>,
        at: Timestamp,
        reason: &str,
    ) -> Result<(Self, Move), HandError> {
        self.must_be_published()?;
        let serving = self.champion.clone().ok_or(HandError::NoModel)?;
        let target = match wanted {
            Some(digest) => self.served(digest)?,
            None => serving.clone(),
        };
        if let Some(pin) = self.pin.as_ref().filter(|_| target == serving) {
            let (model, reason) = (serving.sha256.short().to_owned(), pin.reason.clone());
            return Err(HandError::Pinned { model, reason });
        }
        self.by_hand(series, target, at, Mover::Pin { reason: cut(reason) })
    }

    /// The registry after an operator let go of the model that was held in its place. It goes on to serve.
    ///
    /// # Errors
    /// Where none is held, or the fact of the change before is still to be published.
    pub fn unpinned(&self, series: &SeriesId, at: Timestamp, reason: &str) -> Result<(Self, Move), HandError> {
        self.must_be_published()?;
        let serving = self.champion.clone().filter(|_| self.pin.is_some()).ok_or(HandError::NotPinned)?;
        self.by_hand(series, serving, at, Mover::Unpin { reason: cut(reason) })
    }

    /// One change by hand, with its fact in the outbox.
    fn by_hand(&self, series: &SeriesId, to: Ref, at: Timestamp, by: Mover) -> Result<(Self, Move), HandError> {
        let mut next = self.clone();
        let reason = by.reason().unwrap_or_default().to_owned();
        next.pin = match &by {
            Mover::Pin { reason } => Some(Pin { since: at, reason: reason.clone() }),
            Mover::Hand { .. } | Mover::Unpin { .. } | Mover::Probation { .. } | Mover::Evaluation { .. } => None,
        };
        let moved = next.serve(to, at, by);
        next.cut_reasons();
        let event = moved.told(series, Promotion::Rollback { reason, probation: false }, next.pin.is_some());
        next.outbox = Some(Outbox::unsettled(BY_HAND, vec![event]));
        Ok((next, moved))
    }

    fn must_be_published(&self) -> Result<(), HandError> {
        let is_open = self.outbox.as_ref().is_some_and(|outbox| !outbox.settled);
        if is_open { Err(HandError::Unpublished) } else { Ok(()) }
    }

    /// The model that is to be put back.
    fn target(&self, wanted: Option<&str>) -> Result<Ref, HandError> {
        self.must_be_published()?;
        match wanted {
            Some(digest) => {
                let target = self.served(digest)?;
                if self.champion.as_ref() == Some(&target) {
                    return Err(HandError::Serving { model: digest.to_owned() });
                }
                Ok(target)
            }
            None => self.earlier().ok_or(HandError::NoEarlier),
        }
    }

    /// The model that the serving one took over from when it won its evaluation.
    fn earlier(&self) -> Option<Ref> {
        let serving = self.champion.as_ref()?;
        let won = |m: &&Move| &m.to == serving && matches!(m.by, Mover::Evaluation { .. });
        self.moves.iter().rev().find(won)?.from.clone()
    }

    fn served(&self, digest: &str) -> Result<Ref, HandError> {
        let served = |v: &&Version| v.rejected.is_none() && v.model.sha256.as_str().starts_with(digest);
        let version = self.versions.iter().rev().find(served);
        version.map(|version| version.model.clone()).ok_or_else(|| HandError::NeverServed { model: digest.to_owned() })
    }
}
