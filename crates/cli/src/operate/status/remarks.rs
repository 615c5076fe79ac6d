//! What is late, held or broken in a series, in words and with the next step.

use std::collections::{BTreeMap, BTreeSet};

use aria_core::event::{Fact, RetrainingId};
use aria_core::head::Head;
use aria_core::monitor::{Phase, State};
use aria_core::outbox::BY_HAND;
use aria_core::registry::Registry;
use aria_core::summary::ended;
use aria_core::time::Timestamp;
use aria_io::bus::Recorded;

/// What the log of a series comes to.
#[derive(Debug, Default)]
pub struct Log {
    /// When the broker stored the receipt of each batch.
    received: BTreeMap<u64, Timestamp>,
    ended: BTreeSet<u64>,
    /// The newest accepted batch that ended. Batches end in their order: those before it have too, also where their
    /// ends are no longer in the log.
    ended_through: u64,
    /// Why each retraining was asked for.
    asked: BTreeMap<RetrainingId, String>,
    withheld: Option<String>,
    degraded: Option<String>,
}

impl Log {
    /// Sums the events of one series up.
    pub fn of(events: &[Recorded]) -> Self {
        let mut log = Self::default();
        for recorded in events {
            log.note(recorded);
        }
        log
    }

    fn note(&mut self, recorded: &Recorded) {
        let fact = &recorded.event.fact;
        self.ended.extend(ended(fact));
        if let (Fact::ForecastIssued(_) | Fact::ForecastWithheld(_), Some(ordinal)) = (fact, ended(fact)) {
            self.ended_through = self.ended_through.max(ordinal);
        }
        match fact {
            Fact::BatchReceived(received) => {
                self.received.insert(received.ordinal, recorded.stored);
            }
            Fact::RetrainingRequested(asked) => {
                self.asked.insert(asked.id.clone(), format!("{}: {}", asked.cause.as_str(), asked.evidence));
            }
            Fact::ForecastIssued(issued) => {
                self.withheld = None;
                self.degraded.clone_from(&issued.degraded);
            }
            Fact::ForecastWithheld(withheld) => {
                self.withheld = Some(withheld.reason.clone());
                self.degraded = None;
            }
            _ => {}
        }
    }

    /// Batches received: their ordinals have no gaps, and the newest is always in the log.
    pub fn received(&self) -> u64 {
        self.received.last_key_value().map_or(0, |(ordinal, _)| *ordinal)
    }

    /// Batches received that have not ended.
    pub fn without_end(&self) -> u64 {
        self.open().count() as u64
    }

    fn open(&self) -> impl Iterator<Item = (u64, Timestamp)> {
        let is_open = |ordinal: &u64| *ordinal > self.ended_through && !self.ended.contains(ordinal);
        self.received.iter().filter(move |(ordinal, _)| is_open(ordinal)).map(|(o, t)| (*o, *t))
    }
}

/// What an operator should know of a series beyond its figures.
pub fn of(log: &Log, head: &Head, state: &State, registry: &Registry, dead_letters: u64) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some((ordinal, since)) = log.open().next() {
        let where_it_is = whereabouts(log, ordinal, head, state);
        remarks.push(format!("batch {ordinal} has not ended, received {since}: {where_it_is}"));
    }
    if let Phase::Retraining { id, held: None } = &state.phase {
        remarks.push(format!("retraining {} is in flight ({})", id.0, log.reason(id)));
    }
    if let Some(reason) = &log.withheld {
        remarks.push(format!("the newest batch has no forecast: {reason}"));
    }
    if let Some(why) = &log.degraded {
        remarks.push(format!("the newest forecast is degraded: {why}"));
    }
    let outboxes = [
        ("head", "", &head.outbox),
        ("monitor", "aria retrain", &state.outbox),
        ("registry", "aria rollback", &registry.outbox),
    ];
    for (what, command, outbox) in outboxes {
        if let Some(outbox) = outbox.as_ref().filter(|o| !o.settled) {
            let next = if outbox.cause == BY_HAND { format!(": `{command}` publishes them") } else { String::new() };
            remarks.push(format!("facts of the {what}'s newest change are not known to be published{next}"));
        }
    }
    if dead_letters > 0 {
        remarks.push(format!("{dead_letters} dead letters: see `aria deadletters list`"));
    }
    remarks
}

fn whereabouts(log: &Log, ordinal: u64, head: &Head, state: &State) -> String {
    if ordinal > head.ordinal {
        return format!("ingestion has not taken up batch {}", head.ordinal + 1);
    }
    match &state.phase {
        Phase::Retraining { id, held: Some(_) } => format!("held for retraining {} ({})", id.0, log.reason(id)),
        Phase::Forecast { sequence } => format!("accepted batch {sequence} is being forecast"),
        Phase::Retraining { id, held: None } => format!("waits for retraining {} ({})", id.0, log.reason(id)),
        Phase::Idle if head.sequence > state.sequence => "accepted, and not yet checked for drift".to_owned(),
        Phase::Idle => "its end is not in the log yet".to_owned(),
    }
}

impl Log {
    fn reason(&self, id: &RetrainingId) -> &str {
        self.asked.get(id).map_or("its request is not in the log", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(received: &[u64], ended: &[u64]) -> Log {
        let time = "2021-01-01".parse().unwrap();
        Log {
            received: received.iter().map(|o| (*o, time)).collect(),
            ended: ended.iter().copied().collect(),
            ..Log::default()
        }
    }

    #[test]
    fn a_series_whose_batches_all_ended_has_nothing_to_remark() {
        let head = Head { ordinal: 2, sequence: 2, ..Head::default() };
        let state = State { sequence: 2, ..State::default() };
        assert_eq!(of(&log(&[1, 2], &[1, 2]), &head, &state, &Registry::default(), 0), Vec::<String>::new());
    }

    #[test]
    fn a_batch_before_one_that_was_forecast_has_ended_though_its_end_is_no_longer_in_the_log() {
        use aria_core::artifact::{Format, Kind, Ref};
        use aria_core::event::{BatchId, ForecastWithheld};
        let snapshot = Ref::of(Kind::Snapshot, &"it.x".parse().unwrap(), Format::Json, b"{}");
        let batch = BatchId { ordinal: 3, sequence: 3, snapshot, origin: Timestamp::EPOCH };
        let mut log = log(&[1, 2, 3, 4], &[]);
        let fact = Fact::ForecastWithheld(ForecastWithheld { batch, reason: "too little".into() });
        let event = aria_core::event::Event { series: "it.x".parse().unwrap(), as_of: Timestamp::EPOCH, fact };
        let trace = aria_io::bus::trace::TraceContext::root("x");
        let (id, cause, stored) = (String::new(), String::new(), Timestamp::EPOCH);
        log.note(&Recorded { id, cause, trace, event, sequence: 9, stored, stored_ms: 0 });
        assert_eq!((log.without_end(), log.received()), (1, 4));
    }

    #[test]
    fn a_batch_that_ingestion_has_not_taken_up_is_said_to_be_there() {
        let head = Head { ordinal: 1, sequence: 1, ..Head::default() };
        let remarks = of(&log(&[1, 2], &[1]), &head, &State::default(), &Registry::default(), 0);
        let expected = "batch 2 has not ended, received 2021-01-01T00:00:00Z: ingestion has not taken up batch 2";
        assert_eq!(remarks, [expected]);
    }

    #[test]
    fn a_held_batch_is_named_with_the_retraining_it_waits_for() {
        let id = RetrainingId("r1".to_owned());
        let mut log = log(&[1], &[]);
        log.asked.insert(id.clone(), "drifted: level".to_owned());
        let state = State { sequence: 1, phase: Phase::Retraining { id, held: Some(1) }, ..State::default() };
        let remarks = of(&log, &Head { ordinal: 1, sequence: 1, ..Head::default() }, &state, &Registry::default(), 0);
        assert!(remarks[0].ends_with("held for retraining r1 (drifted: level)"), "{remarks:?}");
    }
}
