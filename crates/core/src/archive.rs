//! What the file of an exported series says of itself, and when a series can be exported.
//!
//! A file begins with its [`Label`], so that a reader knows what it has, and ends with its [`Contents`], so that a file
//! that was cut has none.

use serde::{Deserialize, Serialize};

use crate::artifact::Sha256Hex;
use crate::document::Document;
use crate::ending::Endings;
use crate::head::Head;
use crate::monitor::{Phase, State};
use crate::outbox::Outbox;
use crate::probation;
use crate::registry::Registry;
use crate::series::SeriesId;

/// The first part of a file: what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The series.
    pub series: SeriesId,
    /// The version of the code that wrote it.
    pub code_version: String,
}

/// The last part of a file: what the others must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// The series.
    pub series: SeriesId,
    /// Batches received: the ordinal of the newest.
    pub batches: u64,
    /// Events.
    pub events: u64,
    /// The artifacts.
    pub artifacts: Artifacts,
    /// Every part before the artifacts, in the order of the file.
    pub parts: Vec<Part>,
}

/// The artifacts of a file. Each one's name holds its digest; these are the names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifacts {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub size_bytes: u64,
    /// The SHA-256 of their keys in the order of the file, a line each.
    pub keys_sha256: Sha256Hex,
}

/// A part that is no artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its path in the file.
    pub path: String,
    /// Its SHA-256.
    pub sha256: Sha256Hex,
    /// Its length.
    pub size_bytes: u64,
}

/// What stands in the place of a series' head while it is being imported: nobody else can take the name, hand a batch
/// in or move a cell, and a run that was cut off knows its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// The SHA-256 of the [`Contents`] that are being imported.
    pub contents: Sha256Hex,
}

impl Document for Label {
    const NAME: &'static str = "archive";
    const VERSION: u32 = 1;
}

impl Document for Contents {
    const NAME: &'static str = "contents";
    const VERSION: u32 = 1;
}

impl Document for Arrival {
    const NAME: &'static str = "arrival";
    const VERSION: u32 = 1;
}

/// The cells of a series at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// The head.
    pub head: Head,
    /// The drift monitor.
    pub monitor: State,
    /// The models.
    pub registry: Registry,
    /// The ends of batches.
    pub endings: Endings,
}

impl Standing {
    /// What of a series is still on its way, where something is: then its log does not hold all that its cells have
    /// decided, or they have yet to take up what it holds. `received` is the ordinal of the newest batch in the log.
    ///
    /// A series with nothing on its way is moved by a further batch or by a person, and by nothing else. Its cells and
    /// its log are then one state, and another platform that has both goes on as this one would.
    pub fn on_its_way(&self, received: u64) -> Option<String> {
        let Self { head, monitor, registry, endings } = self;
        if received > head.ordinal {
            return Some(format!("batch {} has not been taken up", head.ordinal + 1));
        }
        if monitor.sequence < head.sequence {
            return Some(format!("accepted batch {} has not been checked", monitor.sequence + 1));
        }
        match &monitor.phase {
            Phase::Idle => {}
            Phase::Retraining { id, .. } => return Some(format!("retraining {} has not ended", id.0)),
            Phase::Forecast { sequence } => return Some(format!("accepted batch {sequence} has not ended")),
        }
        if endings.sequence < head.sequence {
            return Some(format!("accepted batch {} has not ended", endings.sequence + 1));
        }
        if registry.move_count > monitor.serving.as_ref().map_or(0, |serving| serving.number) {
            return Some("the monitor has not learnt which model serves".to_owned());
        }
        if let Some(what) = monitor.serving.as_ref().and_then(|serving| probation::awaited(serving, registry)) {
            return Some(format!("the monitor waits for {what}"));
        }
        let outboxes = [&head.outbox, &monitor.outbox, &registry.outbox, &endings.outbox];
        let is_unsettled = |outbox: &&Outbox| !outbox.settled;
        let unsettled = outboxes.into_iter().flatten().find(is_unsettled)?;
        Some(format!("the facts of `{}` are not known to be published", unsettled.cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{Format, Kind, Ref};
    use crate::event::RetrainingId;
    use crate::monitor::Serving;
    use crate::probation::Probation;
    use crate::time::Timestamp;

    fn model() -> Ref {
        Ref::of(Kind::Model, &"it.x".parse().unwrap(), Format::Json, b"m")
    }

    /// Seven batches received and dealt with, six of them accepted and ended; the second model serves.
    fn settled() -> Standing {
        let outbox = |cause: &str| Some(Outbox { settled: true, ..Outbox::unsettled(cause, Vec::new()) });
        let serving = Serving {
            model: model(),
            since: Timestamp::EPOCH,
            after_forecast: false,
            number: 2,
            pinned: false,
            probation: None,
        };
        Standing {
            head: Head { ordinal: 7, sequence: 6, outbox: outbox("head"), ..Head::default() },
            monitor: State { sequence: 6, serving: Some(serving), outbox: outbox("monitor"), ..State::default() },
            registry: Registry { move_count: 2, outbox: outbox("registry"), ..Registry::default() },
            endings: Endings { sequence: 6, outbox: outbox("endings") },
        }
    }

    #[track_caller]
    fn check(change: impl FnOnce(&mut Standing), expected: &str) {
        let mut standing = settled();
        change(&mut standing);
        assert_eq!(standing.on_its_way(7).as_deref(), Some(expected));
    }

    #[test]
    fn nothing_is_on_its_way_once_every_batch_has_ended_and_every_fact_is_published() {
        assert_eq!(settled().on_its_way(7), None);
        // The log may have forgotten the receipts.
        assert_eq!(settled().on_its_way(0), None);
        assert_eq!(Standing::default().on_its_way(0), None);
    }

    #[test]
    fn whatever_is_on_its_way_is_told() {
        assert_eq!(settled().on_its_way(9).as_deref(), Some("batch 8 has not been taken up"));
        check(|s| s.monitor.sequence = 4, "accepted batch 5 has not been checked");
        check(|s| s.monitor.phase = Phase::Forecast { sequence: 6 }, "accepted batch 6 has not ended");
        let phase = Phase::Retraining { id: RetrainingId("r1".into()), held: None };
        check(|s| s.monitor.phase = phase, "retraining r1 has not ended");
        check(|s| s.endings.sequence = 5, "accepted batch 6 has not ended");
        check(|s| s.registry.move_count = 3, "the monitor has not learnt which model serves");
        let asked = Probation { asked: Some(6), ..Probation::default() };
        let looked_at = |s: &mut Standing| s.monitor.serving.as_mut().unwrap().probation = Some(asked);
        check(looked_at, "the monitor waits for the look at the model on probation");
        let unsettled = |outbox: &mut Option<Outbox>| outbox.as_mut().unwrap().settled = false;
        let told = |cause: &str| format!("the facts of `{cause}` are not known to be published");
        check(|s| unsettled(&mut s.head.outbox), &told("head"));
        check(|s| unsettled(&mut s.monitor.outbox), &told("monitor"));
        check(|s| unsettled(&mut s.registry.outbox), &told("registry"));
        check(|s| unsettled(&mut s.endings.outbox), &told("endings"));
    }
}
