//! What comes of an event that a service could not process when it is handed in again.
//!
//! A batch has one end, and a retraining one outcome. What was ended when the service gave up does not begin anew by
//! the same event; an operator has to know what does.

use crate::ending::Endings;
use crate::event::{BatchReceived, Event, Fact, Retraining};
use crate::head::Head;
use crate::monitor::{Phase, State};
use crate::order::Order;
use crate::registry::Registry;

/// How far the event's series has come.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// Its batches.
    pub head: &'a Head,
    /// Its checks.
    pub monitor: &'a State,
    /// The ends of its batches.
    pub endings: &'a Endings,
    /// Its models.
    pub registry: &'a Registry,
    /// Whether the event is a batch that ended as rejected.
    pub was_rejected: bool,
}

/// The service that the same events make a forecast and others only a note.
const PREDICTION: &str = "prediction";

/// What is to be done with the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Again {
    /// The service takes it as if it had never failed.
    HandIn,
    /// Its batch has ended as rejected: the bytes are handed in as a further one.
    AsBatch(BatchReceived),
    /// The service would pass over it, for this reason, which names the next step.
    OfNoUse(String),
}

/// Decides what is to be done with an event that a service gave up on.
pub fn again(service: &str, event: &Event, standing: &Standing<'_>) -> Again {
    const NEXT: &str = "the next batch brings a forecast";
    let reason = match &event.fact {
        Fact::BatchReceived(received) if received.ordinal > standing.head.ordinal => None,
        Fact::BatchReceived(received) if standing.was_rejected => return Again::AsBatch(received.clone()),
        Fact::BatchReceived(received) => {
            Some(format!("batch {} has been taken in; its rows are in the series", received.ordinal))
        }
        Fact::BatchAccepted(accepted) => (accepted.batch.sequence <= standing.monitor.sequence)
            .then(|| format!("batch {} has been checked; {NEXT}", accepted.batch.ordinal)),
        Fact::RetrainingRequested(retraining) => ended(event, retraining, standing),
        Fact::ModelTrained(trained) => ended(event, &trained.retraining, standing),
        Fact::DriftChecked(_) | Fact::ModelPromoted(_) | Fact::ModelRejected(_) | Fact::TrainingFailed(_)
            if service == PREDICTION =>
        {
            Order::of(&event.fact)
                .filter(|order| order.batch.sequence <= standing.endings.sequence)
                .map(|order| format!("batch {} has ended; {NEXT}", order.batch.ordinal))
        }
        // A monitor that only notes an event can always note it again.
        Fact::DriftChecked(_)
        | Fact::ModelPromoted(_)
        | Fact::ModelRejected(_)
        | Fact::TrainingFailed(_)
        | Fact::BatchRejected(_)
        | Fact::ForecastIssued(_)
        | Fact::ForecastWithheld(_)
        | Fact::PerformanceScored(_) => None,
    };
    reason.map_or(Again::HandIn, Again::OfNoUse)
}

/// Why a retraining does not go on, where it does not.
fn ended(event: &Event, retraining: &Retraining, standing: &Standing<'_>) -> Option<String> {
    let in_flight = matches!(&standing.monitor.phase, Phase::Retraining { id, .. } if id == &retraining.id);
    let has_outcome = standing.registry.outcome(&retraining.id).is_some();
    let (id, series) = (&retraining.id.0, &event.series);
    (has_outcome || !in_flight)
        .then(|| format!("retraining {id} has ended; `aria retrain {series} --reason WHY` asks for another"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{Format, Kind, Ref};
    use crate::event::{BatchAccepted, BatchId, Cause, DriftChecked, ForecastWithheld, RetrainingId, Verdict};
    use crate::time::Timestamp;

    fn named(kind: Kind) -> Ref {
        Ref::of(kind, &"it.ci_direct".parse().unwrap(), Format::Json, b"{}")
    }

    fn batch(sequence: u64) -> BatchId {
        BatchId { ordinal: sequence + 10, sequence, snapshot: named(Kind::Snapshot), origin: Timestamp::EPOCH }
    }

    fn received(ordinal: u64) -> BatchReceived {
        BatchReceived { ordinal, raw: named(Kind::Raw), source: "it.csv".into() }
    }

    fn accepted(sequence: u64) -> Fact {
        let (table, quarantine) = (named(Kind::Batch), None);
        Fact::BatchAccepted(BatchAccepted {
            batch: batch(sequence),
            table,
            quarantine,
            rows: 24,
            rows_quarantined: 0,
            rows_repeated: 0,
        })
    }

    fn asked(id: &str) -> Fact {
        Fact::RetrainingRequested(Retraining {
            id: RetrainingId(id.into()),
            cause: Cause::ByHand,
            evidence: String::new(),
            snapshot: named(Kind::Snapshot),
            incumbent: None,
            held: None,
        })
    }

    /// A series with 15 batches received, 5 accepted and checked, 4 ended, and retraining `r1` in flight.
    fn of(service: &str, fact: Fact) -> Again {
        of_one(service, fact, true)
    }

    fn of_one(service: &str, fact: Fact, was_rejected: bool) -> Again {
        let head = Head { ordinal: 15, ..Head::default() };
        let phase = Phase::Retraining { id: RetrainingId("r1".into()), held: Some(5) };
        let monitor = State { sequence: 5, phase, ..State::default() };
        let endings = Endings { sequence: 4, outbox: None };
        let registry = Registry::default();
        let standing =
            Standing { head: &head, monitor: &monitor, endings: &endings, registry: &registry, was_rejected };
        let event = Event { series: "it.ci_direct".parse().unwrap(), as_of: Timestamp::EPOCH, fact };
        again(service, &event, &standing)
    }

    #[test]
    fn the_bytes_of_a_batch_that_was_rejected_come_as_a_further_batch() {
        assert_eq!(of("ingestion", Fact::BatchReceived(received(15))), Again::AsBatch(received(15)));
        assert_eq!(of("ingestion", Fact::BatchReceived(received(16))), Again::HandIn);
    }

    #[test]
    fn the_bytes_of_a_batch_that_was_taken_in_do_not_come_again_over_newer_values() {
        let again = of_one("ingestion", Fact::BatchReceived(received(15)), false);
        assert_eq!(again, Again::OfNoUse("batch 15 has been taken in; its rows are in the series".into()));
    }

    #[test]
    fn what_has_ended_does_not_end_again() {
        let checked = |sequence| {
            let verdict = Verdict::Wait { reason: String::new() };
            Fact::DriftChecked(DriftChecked { batch: batch(sequence), report: named(Kind::Report), verdict })
        };
        for (service, fact, next_step) in [
            ("drift", accepted(5), "the next batch brings a forecast"),
            ("prediction", checked(4), "the next batch brings a forecast"),
            ("training", asked("r0"), "`aria retrain it.ci_direct --reason WHY`"),
        ] {
            let Again::OfNoUse(reason) = of(service, fact) else { panic!("{service} would do something") };
            assert!(reason.contains(next_step), "{reason}");
        }
        for (service, fact) in [("drift", accepted(6)), ("prediction", checked(5)), ("training", asked("r1"))] {
            assert_eq!(of(service, fact), Again::HandIn);
        }
    }

    #[test]
    fn what_a_monitor_only_notes_can_always_be_noted_again() {
        let withheld = Fact::ForecastWithheld(ForecastWithheld { batch: batch(3), reason: String::new() });
        assert_eq!(of("drift", withheld), Again::HandIn);
    }
}
