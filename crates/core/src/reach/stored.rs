//! What each stored document names.

use super::{Names, named_in, optional};
use crate::artifact::{Kind, Ref};
use crate::contract::Quarantine;
use crate::document::DocumentError;
use crate::ending::Endings;
use crate::head::Head;
use crate::issued::Issued;
use crate::judgement::Judgement;
use crate::model::{Model, Provenance};
use crate::monitor::{AskedByHand, Pending, Report, Scores, Serving, State};
use crate::probation::Look;
use crate::registry::{Move, Registry, Version};
use crate::snapshot::{Companion, Manifest, Segment, TailBatch};

/// Reads the names in an artifact's bytes.
pub(super) type Reader = fn(&[u8]) -> Result<Vec<Ref>, DocumentError>;

/// How the names in artifacts of a kind are read; none where they name nothing.
pub(super) fn reader(kind: Kind) -> Option<Reader> {
    match kind {
        Kind::Raw | Kind::Batch | Kind::Segment | Kind::Predictions | Kind::Values => None,
        // A document without names: it is not read, so that one of another version holds nothing up.
        Kind::Definition => None,
        Kind::Quarantine => Some(named_in::<Quarantine>),
        Kind::Snapshot => Some(named_in::<Manifest>),
        Kind::Monitor => Some(named_in::<State>),
        Kind::Report => Some(named_in::<Report>),
        Kind::Score => Some(named_in::<Scores>),
        Kind::Model => Some(named_in::<Model>),
        Kind::Evaluation => Some(named_in::<Judgement>),
        Kind::Forecast => Some(named_in::<Issued>),
    }
}

impl Names for Quarantine {
    fn names(&self) -> Vec<&Ref> {
        let Self { raw, total: _, rows: _ } = self;
        vec![raw]
    }
}

impl Names for Manifest {
    fn names(&self) -> Vec<&Ref> {
        let Self {
            series: _,
            sequence: _,
            ordinal: _,
            parent,
            definition,
            segments,
            tail,
            first: _,
            end: _,
            as_of: _,
            level: _,
            rows: _,
            revised: _,
            companions,
            code_version: _,
        } = self;
        let companions = companions.iter().flat_map(Names::names).collect();
        let segments = segments.iter().flat_map(Names::names).collect();
        let tail = tail.iter().flat_map(Names::names).collect();
        [optional(parent.as_ref()), vec![definition], segments, tail, companions].concat()
    }
}

impl Names for Companion {
    fn names(&self) -> Vec<&Ref> {
        let Self { series: _, snapshot } = self;
        vec![snapshot]
    }
}

impl Names for Segment {
    fn names(&self) -> Vec<&Ref> {
        let Self { month: _, table, rows: _, first: _, last: _ } = self;
        vec![table]
    }
}

impl Names for TailBatch {
    fn names(&self) -> Vec<&Ref> {
        let Self { ordinal: _, raw, table, quarantine, received: _, first: _, last: _, rows: _ } = self;
        [vec![raw, table], optional(quarantine.as_ref())].concat()
    }
}

impl Names for Report {
    fn names(&self) -> Vec<&Ref> {
        let Self {
            series: _,
            batch,
            model,
            window: _,
            data: _,
            prediction: _,
            columns: _,
            relation: _,
            skill: _,
            diagnosis: _,
            expected: _,
            basis: _,
            decision: _,
            retraining: _,
            remark: _,
            code_version: _,
        } = self;
        [batch.names(), optional(model.as_ref())].concat()
    }
}

impl Names for Scores {
    fn names(&self) -> Vec<&Ref> {
        let Self { series: _, batch, days, revised, look, code_version: _ } = self;
        let looked_at = look.iter().flat_map(|Look { number: _, place: _, forecasts }| forecasts);
        [batch.names(), days.iter().chain(revised).map(|(forecast, _)| forecast).chain(looked_at).collect()].concat()
    }
}

impl Names for Model {
    fn names(&self) -> Vec<&Ref> {
        let Self { series: _, origin, fitted: _, reference: _, yardstick: _, relation: _, limits: _ } = self;
        let Provenance {
            retraining: _,
            cause: _,
            snapshot,
            definition,
            data_from: _,
            data_until: _,
            missing: _,
            code_version: _,
        } = origin;
        vec![snapshot, definition]
    }
}

impl Names for Judgement {
    fn names(&self) -> Vec<&Ref> {
        let Self { retraining, challenger, predictions, evaluation: _, code_version: _ } = self;
        [retraining.names(), vec![challenger, predictions]].concat()
    }
}

impl Names for Issued {
    fn names(&self) -> Vec<&Ref> {
        let Self { origin: _, model, snapshot, values, degraded: _, without: _, code_version: _ } = self;
        vec![model, snapshot, values]
    }
}

impl Names for Head {
    fn names(&self) -> Vec<&Ref> {
        let Self { ordinal: _, sequence: _, snapshot, end: _, outbox } = self;
        [optional(snapshot.as_ref()), outbox.iter().flat_map(Names::names).collect()].concat()
    }
}

impl Names for Endings {
    fn names(&self) -> Vec<&Ref> {
        let Self { sequence: _, outbox } = self;
        outbox.iter().flat_map(Names::names).collect()
    }
}

impl Names for State {
    fn names(&self) -> Vec<&Ref> {
        let Self {
            sequence: _,
            phase: _,
            origin: _,
            serving,
            forecasts,
            days: _,
            last_asked: _,
            asked: _,
            asked_by_hand,
            failures: _,
            asked_at: _,
            alarmed: _,
            level_moved: _,
            deferred: _,
            outbox,
        } = self;
        let serving = serving
            .iter()
            .map(|Serving { model, since: _, after_forecast: _, number: _, pinned: _, probation: _ }| model);
        let forecasts = forecasts.iter().map(|Pending { origin: _, forecast, days_scored: _ }| forecast);
        let asked = asked_by_hand.iter().map(|AskedByHand { id: _, snapshot }| snapshot);
        serving.chain(forecasts).chain(asked).chain(outbox.iter().flat_map(Names::names)).collect()
    }
}

impl Names for Registry {
    fn names(&self) -> Vec<&Ref> {
        let Self { champion, versions, moves, count: _, move_count: _, outbox, pin: _, looked: _ } = self;
        let versions = versions.iter().flat_map(Names::names);
        let moves = moves.iter().flat_map(Names::names);
        champion.iter().chain(versions).chain(moves).chain(outbox.iter().flat_map(Names::names)).collect()
    }
}

impl Names for Version {
    fn names(&self) -> Vec<&Ref> {
        let Self { number: _, model, retraining: _, cause: _, at: _, evaluation, rejected: _, serving } = self;
        [vec![model], optional(evaluation.as_ref()), optional(serving.as_ref())].concat()
    }
}

impl Names for Move {
    fn names(&self) -> Vec<&Ref> {
        let Self { number: _, at: _, from, to, by: _ } = self;
        [optional(from.as_ref()), vec![to]].concat()
    }
}
