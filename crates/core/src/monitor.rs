//! The drift monitor of one series: what it knows between batches, and what follows from each event.
//!
//! The monitor takes the accepted batches one after the other. A batch is taken up once the one before it has ended, so
//! that a history decides the same however its events were delivered.

mod check;
mod note;
mod report;

use serde::{Deserialize, Serialize};

pub use check::{Checked, Inputs, MonitorError, check, history_days, pass_over};
pub use note::{Noted, note, note_given_up};
pub use report::{Diagnosis, Expected, Report, Scores};

use crate::artifact::Ref;
use crate::document::Document;
use crate::event::{BatchId, Cause, Event, Fact, Retraining, RetrainingId};
use crate::outbox::{BY_HAND, Outbox, WithOutbox};
use crate::policy::{self, Trigger};
use crate::probation::{self, Probation};
use crate::series::{Definition, SeriesId};
use crate::skill::DayScore;
use crate::time::{DAY, Timestamp};

/// What the monitor of one series knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Batches checked so far: the sequence of the newest.
    pub sequence: u64,
    /// What the monitor waits for.
    pub phase: Phase,
    /// Where the newest checked batch's forecast begins.
    pub origin: Option<Timestamp>,
    /// The serving model.
    pub serving: Option<Serving>,
    /// Forecasts whose hours are still to come or still in the window, one a day.
    pub forecasts: Vec<Pending>,
    /// Scores of the newest weeks, by origin and day of the horizon.
    pub days: Vec<DayScore>,
    /// When the last retraining was asked for.
    pub last_asked: Option<Timestamp>,
    /// Retrainings asked for so far.
    pub asked: u64,
    /// The newest request by a person, unless its training failed.
    pub asked_by_hand: Option<AskedByHand>,
    /// Retrainings in a row that brought no new model.
    pub failures: u32,
    /// When retrainings were asked for within the last year, but for those by a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked_at: Vec<Timestamp>,
    /// Whether the newest check that brought newer hours raised the skill alarm.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alarmed: bool,
    /// Whether the newest check that brought newer hours found that the level moved while its covariates did not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub level_moved: bool,
    /// A retraining that is due and has to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deferred: Option<Trigger>,
    /// Facts that go with the newest change.
    pub outbox: Option<Outbox>,
}

impl Document for State {
    const NAME: &'static str = "monitor";
    const VERSION: u32 = 1;
}

impl WithOutbox for State {
    fn outbox_mut(&mut self) -> Option<&mut Outbox> {
        self.outbox.as_mut()
    }
}

/// What the monitor waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The next batch.
    #[default]
    Idle,
    /// The end of a retraining.
    Retraining {
        /// Which.
        id: RetrainingId,
        /// The sequence of the batch that waits for it, where one does.
        held: Option<u64>,
    },
    /// The forecast of a batch, or that there is none.
    Forecast {
        /// The batch's sequence.
        sequence: u64,
    },
}

/// The serving model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// The model.
    pub model: Ref,
    /// When it took over.
    pub since: Timestamp,
    /// Whether the model before had issued the forecast of that time already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub after_forecast: bool,
    /// Place of the takeover among the changes of the series' serving model.
    pub number: u64,
    /// Whether a person holds it in its place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// Where it took over from another one by an evaluation: its probation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probation: Option<Probation>,
}

impl Serving {
    /// Whether a forecast from this origin is its own.
    pub fn issues_from(&self, origin: Timestamp) -> bool {
        origin > self.since || origin == self.since && !self.after_forecast
    }
}

/// A request by a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedByHand {
    /// The retraining.
    pub id: RetrainingId,
    /// The data to train on.
    pub snapshot: Ref,
}

/// A forecast that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// When it was issued.
    pub origin: Timestamp,
    /// The forecast.
    pub forecast: Ref,
    /// Its days that have been scored.
    pub days_scored: u32,
}

/// Whether an accepted batch can be taken up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is this event's turn.
    Now,
    /// It has been taken up before; there is nothing to do.
    Past,
    /// Something before it has not ended.
    NotYet {
        /// What.
        reason: String,
        /// Batches that have to be taken up before it; 0 where it is the next.
        ahead: u64,
    },
}

/// How long a forecast is watched whose hours may come, or be revised, in days.
fn watched_days(definition: &Definition) -> u32 {
    definition.drift.window_days.saturating_mul(2).max(probation::days_looked_at(&definition.policy))
}

/// Days that were forecast whose scores are kept at least: what a cumulative sum that matters is made up of.
const DAYS_KEPT: u32 = 42;

/// Days that were forecast whose scores are kept: what the window and the last look at a model on probation read, too.
fn days_kept(definition: &Definition) -> i64 {
    i64::from(DAYS_KEPT.max(definition.drift.window_days).max(probation::days_looked_at(&definition.policy)))
}

impl State {
    /// Whether an accepted batch can be checked.
    pub fn turn_of(&self, batch: &BatchId) -> Turn {
        if batch.sequence <= self.sequence {
            return Turn::Past;
        }
        let ahead = batch.sequence - self.sequence - 1;
        let reason = match &self.phase {
            _ if ahead > 0 => format!("batch {} of the series has not been checked", self.sequence + 1),
            Phase::Idle => return Turn::Now,
            Phase::Retraining { id, .. } => format!("retraining {} has not ended", id.0),
            Phase::Forecast { sequence } => format!("batch {sequence} of the series has not ended"),
        };
        Turn::NotYet { reason, ahead }
    }

    /// What the policy looks at of what was before.
    fn past(&self) -> policy::Past {
        policy::Past {
            serving_since: self.serving.as_ref().map(|serving| serving.since),
            pinned: self.serving.as_ref().is_some_and(|serving| serving.pinned),
            asked: self.asked_at.clone(),
            last_asked: self.last_asked,
            failures: self.failures,
            deferred: self.deferred.clone(),
        }
    }

    fn forget_old(&mut self, now: Timestamp, definition: &Definition) {
        // Also those that were scored: their hours may be revised.
        let watched = i64::from(watched_days(definition)) * DAY;
        self.forecasts.retain(|p| now.since(p.origin) <= watched);
        self.days.retain(|score| now.since(score.target()) <= days_kept(definition) * DAY);
        self.asked_at.retain(|asked| now.since(*asked) < policy::YEAR_DAYS * DAY);
    }
}

/// Why a retraining cannot be asked for by hand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedByHand {
    /// The facts of the newest change would be overwritten.
    #[error("the facts of the monitor's newest change are not known to be published: try again in a moment")]
    Unpublished,
    /// The series has no accepted batch.
    #[error("the series has no data to train on: ingest some first")]
    NoData,
    /// A person asked on the same data before, and would get the same model again.
    #[error("retraining {0} was asked for on the same data before: hand in a batch first")]
    Repeated(String),
    /// A person holds the serving model in its place: no other would take over.
    #[error("the serving model is pinned, and no other would take over: `aria unpin` it first")]
    Pinned,
    /// One is in flight; there is at most one.
    #[error("retraining {0} is in flight: wait for its end")]
    InFlight(String),
    /// A batch is being forecast.
    #[error("batch {0} of the series is being forecast: try again in a moment")]
    Busy(u64),
}

/// Asks for a retraining by hand: the state with it in flight, and the request.
///
/// # Errors
/// Where one is in flight already, a batch is on its way, or there is nothing new to train on.
pub fn ask_by_hand(
    state: &State,
    series: &SeriesId,
    snapshot: &Ref,
    reason: &str,
) -> Result<(State, Event), RefusedByHand> {
    match &state.phase {
        Phase::Retraining { id, .. } => return Err(RefusedByHand::InFlight(id.0.clone())),
        Phase::Forecast { sequence } => return Err(RefusedByHand::Busy(*sequence)),
        Phase::Idle => {}
    }
    if state.outbox.as_ref().is_some_and(|outbox| !outbox.settled) {
        return Err(RefusedByHand::Unpublished);
    }
    if state.serving.as_ref().is_some_and(|serving| serving.pinned) {
        return Err(RefusedByHand::Pinned);
    }
    if let Some(before) = state.asked_by_hand.as_ref().filter(|before| &before.snapshot == snapshot) {
        return Err(RefusedByHand::Repeated(before.id.0.clone()));
    }
    let origin = state.origin.ok_or(RefusedByHand::NoData)?;
    let id = retraining_id(series, Cause::ByHand, snapshot, state.asked);
    let retraining = Retraining {
        id: id.clone(),
        cause: Cause::ByHand,
        evidence: reason.to_owned(),
        snapshot: snapshot.clone(),
        incumbent: state.serving.as_ref().map(|s| s.model.clone()),
        held: None,
    };
    let event = Event { series: series.clone(), as_of: origin, fact: Fact::RetrainingRequested(retraining) };
    let next = State {
        phase: Phase::Retraining { id: id.clone(), held: None },
        asked_by_hand: Some(AskedByHand { id, snapshot: snapshot.clone() }),
        last_asked: Some(origin),
        asked: state.asked + 1,
        outbox: Some(Outbox::unsettled(BY_HAND, vec![event.clone()])),
        ..state.clone()
    };
    Ok((next, event))
}

/// The id of a request: the same for the same cause, another one for every further request.
fn retraining_id(series: &SeriesId, cause: Cause, snapshot: &Ref, asked_before: u64) -> RetrainingId {
    let text = format!("{series}\n{}\n{}\n{asked_before}", cause.as_str(), snapshot.sha256);
    RetrainingId(crate::artifact::Sha256Hex::of(text.as_bytes()).short().to_owned())
}

#[cfg(test)]
mod tests;
