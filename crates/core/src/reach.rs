//! What reaches what: the artifacts that a document, an event or a cell names.
//!
//! Whoever keeps, copies or deletes artifacts follows these names and no others. They are read from the documents' own
//! types, never guessed from the look of a value; every type is taken apart whole, so that a field that is added does
//! not compile until it is said here whether it names an artifact.

mod stored;
#[cfg(test)]
mod tests;

use crate::artifact::{Kind, Ref};
use crate::document::{self, Document, DocumentError};
use crate::event::{
    BatchAccepted, BatchId, BatchReceived, BatchRejected, DriftChecked, Event, Fact, ForecastIssued, ForecastWithheld,
    ModelPromoted, ModelRejected, ModelTrained, PerformanceScored, Promotion, Retraining, TrainingFailed, Verdict,
};
use crate::outbox::Outbox;

/// What names artifacts.
pub trait Names {
    /// Every artifact that it names, in the order of its fields; one that it names twice is given twice.
    fn names(&self) -> Vec<&Ref>;
}

/// Whether artifacts of this kind may name others; bytes of the other kinds need not be read to follow names.
pub fn names_others(kind: Kind) -> bool {
    stored::reader(kind).is_some()
}

/// The artifacts that an artifact of this kind with these bytes names.
///
/// # Errors
/// Where the kind is one of documents, and the bytes are none that this code reads.
pub fn named_by(kind: Kind, bytes: &[u8]) -> Result<Vec<Ref>, DocumentError> {
    stored::reader(kind).map_or_else(|| Ok(Vec::new()), |read| read(bytes))
}

/// The artifacts that a stored document of a known type names, such as the one in a cell.
///
/// # Errors
/// Where the bytes are no such document.
pub fn named_in<T: Document + Names>(bytes: &[u8]) -> Result<Vec<Ref>, DocumentError> {
    Ok(document::decode::<T>(bytes)?.names().into_iter().cloned().collect())
}

impl Names for Event {
    fn names(&self) -> Vec<&Ref> {
        let Self { series: _, as_of: _, fact } = self;
        match fact {
            Fact::BatchReceived(BatchReceived { ordinal: _, raw, source: _ }) => vec![raw],
            Fact::BatchAccepted(BatchAccepted {
                batch,
                table,
                quarantine,
                rows: _,
                rows_quarantined: _,
                rows_repeated: _,
            }) => [batch.names(), vec![table], optional(quarantine.as_ref())].concat(),
            Fact::BatchRejected(BatchRejected { ordinal: _, raw, reason: _, quarantine }) => {
                [vec![raw], optional(quarantine.as_ref())].concat()
            }
            Fact::DriftChecked(DriftChecked { batch, report, verdict }) => {
                [batch.names(), vec![report], verdict.names()].concat()
            }
            Fact::RetrainingRequested(retraining) => retraining.names(),
            Fact::ModelTrained(ModelTrained { retraining, model }) => [retraining.names(), vec![model]].concat(),
            Fact::TrainingFailed(TrainingFailed { retraining, reason: _ }) => retraining.names(),
            Fact::ModelPromoted(ModelPromoted { number: _, model, previous, by, pinned: _ }) => {
                [vec![model], optional(previous.as_ref()), by.names()].concat()
            }
            Fact::ModelRejected(ModelRejected { retraining, model, evaluation, reason: _, serving }) => {
                [retraining.names(), vec![model], optional(evaluation.as_ref()), optional(serving.as_ref())].concat()
            }
            Fact::ForecastIssued(ForecastIssued { batch, forecast, model, degraded: _ }) => {
                [batch.names(), vec![forecast, model]].concat()
            }
            Fact::ForecastWithheld(ForecastWithheld { batch, reason: _ }) => batch.names(),
            Fact::PerformanceScored(PerformanceScored { batch, score, days: _ }) => {
                [batch.names(), vec![score]].concat()
            }
        }
    }
}

impl Names for BatchId {
    fn names(&self) -> Vec<&Ref> {
        let Self { ordinal: _, sequence: _, snapshot, origin: _ } = self;
        vec![snapshot]
    }
}

impl Names for Verdict {
    fn names(&self) -> Vec<&Ref> {
        match self {
            Self::Proceed { model, degraded: _ } => vec![model],
            Self::Hold { retraining: _ } | Self::Wait { reason: _ } => Vec::new(),
        }
    }
}

impl Names for Retraining {
    fn names(&self) -> Vec<&Ref> {
        let Self { id: _, cause: _, evidence: _, snapshot, incumbent, held } = self;
        [vec![snapshot], optional(incumbent.as_ref()), held.iter().flat_map(Names::names).collect()].concat()
    }
}

impl Names for Promotion {
    fn names(&self) -> Vec<&Ref> {
        match self {
            Self::Evaluation { retraining, evaluation } => [retraining.names(), vec![evaluation]].concat(),
            Self::Rollback { reason: _, probation: _ } => Vec::new(),
        }
    }
}

impl Names for Outbox {
    fn names(&self) -> Vec<&Ref> {
        let Self { cause: _, events, settled: _ } = self;
        events.iter().flat_map(Names::names).collect()
    }
}

fn optional(name: Option<&Ref>) -> Vec<&Ref> {
    name.into_iter().collect()
}
