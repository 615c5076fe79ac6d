//! What the monitor takes note of: how batches and retrainings ended. Nothing is to be published because of it.

use super::{Pending, Phase, Serving, State};
use crate::artifact::Ref;
use crate::event::{BatchId, Cause, Event, Fact, ModelPromoted, Promotion, Retraining};
use crate::policy::Trigger;
use crate::probation::Probation;
use crate::time::Timestamp;

/// What an event does to the monitor.
#[derive(Clone, Debug, PartialEq)]
pub enum Noted {
    /// The state moves to this.
    Next(Box<State>),
    /// The event has been noted before, or is none of the monitor's.
    Past,
    /// Something before it has not been noted: this.
    NotYet(&'static str),
}

/// Takes note of the end of a batch or of a retraining, in the order in which they came to be, however they are
/// delivered.
pub fn note(state: &State, event: &Event) -> Noted {
    match &event.fact {
        Fact::ForecastIssued(issued) => end_of_batch(state, &issued.batch, Some(&issued.forecast)),
        Fact::ForecastWithheld(withheld) => end_of_batch(state, &withheld.batch, None),
        Fact::ModelRejected(rejected) => {
            end_of_retraining(state, &rejected.retraining, |next| match &rejected.serving {
                // It says nothing of the retraining that a person had a say meanwhile.
                Some(serving) => not_compared(next, &rejected.retraining, serving),
                None => failed(next),
            })
        }
        Fact::TrainingFailed(training) => end_of_retraining(state, &training.retraining, |next| {
            failed(next);
            may_be_asked_again(next, &training.retraining);
        }),
        Fact::ModelPromoted(promoted) => match gap(state, promoted) {
            true => Noted::NotYet("the news of an earlier change of the serving model"),
            false => takeover(state, event.as_of, promoted),
        },
        Fact::BatchReceived(_)
        | Fact::BatchAccepted(_)
        | Fact::BatchRejected(_)
        | Fact::DriftChecked(_)
        | Fact::RetrainingRequested(_)
        | Fact::ModelTrained(_)
        | Fact::PerformanceScored(_) => Noted::Past,
    }
}

/// Takes note of an event whose delivery was given up, so that nothing waits for it, nor it for what was given up
/// before it; none where that changes nothing.
pub fn note_given_up(state: &State, event: &Event) -> Option<State> {
    let noted = if let Fact::ModelPromoted(promoted) = &event.fact {
        takeover(state, event.as_of, promoted)
    } else {
        note(state, event)
    };
    match noted {
        Noted::Next(next) => Some(*next),
        Noted::Past | Noted::NotYet(_) => None,
    }
}

/// The place of the newest change of the serving model that was noted.
fn newest_change(state: &State) -> u64 {
    state.serving.as_ref().map_or(0, |serving| serving.number)
}

/// Whether a change before this one has not been noted.
fn gap(state: &State, promoted: &ModelPromoted) -> bool {
    promoted.number > newest_change(state).saturating_add(1)
}

/// The serving model follows the registry's order, change by change: since when a model serves depends on the one
/// before.
fn takeover(state: &State, at: Timestamp, promoted: &ModelPromoted) -> Noted {
    let is_newer = promoted.number > newest_change(state);
    let serve = |next: &mut State| {
        if is_newer {
            let before = next.serving.take();
            if let Promotion::Rollback { probation: true, .. } = &promoted.by {
                // The retraining that brought the model that was taken back brought no better one after all.
                let failures = before.as_ref().and_then(|serving| serving.probation.as_ref()).map_or(0, |p| p.failures);
                next.failures = failures.saturating_add(1);
            }
            let is_another = before.as_ref().is_none_or(|before| before.model != promoted.model);
            next.serving = Some(serving(at, promoted, before, next.failures));
            if is_another {
                // What was due was due for the model before.
                next.deferred = None;
                next.alarmed = false;
                next.level_moved = false;
            }
        }
    };
    let noted = match &promoted.by {
        Promotion::Evaluation { retraining, .. } => end_of_retraining(state, retraining, |next| {
            serve(next);
            next.failures = 0;
        }),
        Promotion::Rollback { .. } => Noted::Past,
    };
    match noted {
        // Whatever it ended has ended before; it serves all the same.
        Noted::Past if is_newer => {
            let mut next = state.clone();
            serve(&mut next);
            Noted::Next(Box::new(next))
        }
        noted => noted,
    }
}

/// The serving model from a change on. One that a person holds, or lets go of, has served before.
fn serving(at: Timestamp, promoted: &ModelPromoted, before: Option<Serving>, failures: u32) -> Serving {
    let probation = match &promoted.by {
        Promotion::Evaluation { .. } => {
            promoted.previous.as_ref().map(|_| Probation { failures, ..Probation::default() })
        }
        Promotion::Rollback { .. } => None,
    };
    // A batch that waited for a retraining is forecast by what came of it; any other was forecast before.
    let is_held = matches!(&promoted.by, Promotion::Evaluation { retraining, .. } if retraining.held.is_some());
    let before = before.filter(|before| before.model == promoted.model && probation.is_none());
    let (since, after_forecast) = before.map_or((at, !is_held), |before| (before.since, before.after_forecast));
    let (model, number, pinned) = (promoted.model.clone(), promoted.number, promoted.pinned);
    Serving { model, since, after_forecast, number, pinned, probation }
}

fn end_of_batch(state: &State, batch: &BatchId, forecast: Option<&Ref>) -> Noted {
    match &state.phase {
        _ if batch.sequence > state.sequence => Noted::NotYet("the check of this batch"),
        Phase::Forecast { sequence } if *sequence == batch.sequence => {
            let mut next = State { phase: Phase::Idle, ..state.clone() };
            if let Some(forecast) = forecast {
                next.watch(batch, forecast);
            }
            Noted::Next(Box::new(next))
        }
        Phase::Retraining { held, .. } if *held == Some(batch.sequence) => {
            Noted::NotYet("the end of the retraining that this batch waited for")
        }
        Phase::Forecast { .. } | Phase::Retraining { .. } | Phase::Idle => Noted::Past,
    }
}

fn end_of_retraining(state: &State, retraining: &Retraining, change: impl Fn(&mut State)) -> Noted {
    match &state.phase {
        Phase::Retraining { id, held } if id == &retraining.id => {
            let phase = held.map_or(Phase::Idle, |sequence| Phase::Forecast { sequence });
            let mut next = State { phase, ..state.clone() };
            change(&mut next);
            Noted::Next(Box::new(next))
        }
        Phase::Retraining { .. } | Phase::Forecast { .. } | Phase::Idle => {
            let ahead = retraining.held.as_ref().is_some_and(|batch| batch.sequence > state.sequence);
            if ahead { Noted::NotYet("the check that asked for this retraining") } else { Noted::Past }
        }
    }
}

fn failed(next: &mut State) {
    next.failures = next.failures.saturating_add(1);
}

/// A retraining whose model was compared with none: it may be asked for again, costs nothing of the year's budget, and
/// stays due where the model that it was to replace is held in its place.
fn not_compared(next: &mut State, retraining: &Retraining, serving: &Ref) {
    may_be_asked_again(next, retraining);
    if retraining.cause == Cause::ByHand {
        return;
    }
    if next.asked_at.last() == next.last_asked.as_ref() {
        next.asked_at.pop();
    }
    if retraining.incumbent.as_ref() == Some(serving) {
        next.deferred = Some(Trigger { cause: retraining.cause, evidence: retraining.evidence.clone() });
    }
}

/// A person may ask on the same data again.
fn may_be_asked_again(next: &mut State, retraining: &Retraining) {
    next.asked_by_hand.take_if(|asked| asked.id == retraining.id);
}

impl State {
    /// Watches the first forecast of each UTC day, so that a day has one score however often batches come.
    fn watch(&mut self, batch: &BatchId, forecast: &Ref) {
        let watched = |p: &Pending| p.origin.day_start() == batch.origin.day_start();
        if !self.forecasts.iter().any(watched) {
            self.forecasts.push(Pending { origin: batch.origin, forecast: forecast.clone(), days_scored: 0 });
        }
    }
}
