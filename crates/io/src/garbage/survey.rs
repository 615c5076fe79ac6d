//! What there is, what is reached, and what core makes of it.

use std::collections::BTreeMap;

use aria_core::garbage::{Plan, Policy, Reason, Stored, Verdict, judge_artifact, judge_log};
use aria_core::series::SeriesId;
use aria_core::time::Timestamp;
use futures::TryStreamExt;

use super::log::Log;
use super::roots::Roots;
use crate::artifacts::{Artifacts, Found, StoreError};
use crate::bus::{BusError, Settled};
use crate::reach::ReachError;
use crate::runtime::Edges;
use crate::stores::CellError;

/// What becomes of everything, and on what that rests.
#[derive(Debug)]
pub struct Survey {
    /// What becomes of everything.
    pub plan: Plan,
    /// The time by which it was decided.
    pub now: Timestamp,
    /// How far the services have come with the log.
    pub settled: Settled,
    /// Where it is not known what is reached, so that nothing is deleted there.
    pub unknown: Vec<Unknown>,
}

/// Artifacts of which it is not known whether they are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The series that they belong to; none where it may be any.
    pub series: Option<SeriesId>,
    /// Why, and what is to be done.
    pub reason: String,
}

/// A survey that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// The broker does not answer.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A cell cannot be had.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// A document cannot be had now.
    #[error(transparent)]
    Reach(#[from] ReachError),
}

/// Finds what there is and what is reached, and decides; nothing is changed. `now` is the earliest of the clocks that
/// are known; without these services having dealt with the log it is not shortened.
///
/// Takes about half a kilobyte of memory for each artifact and each event.
///
/// # Errors
/// Where the broker or the store does not answer. What is missing or cannot be read is no error: nothing is deleted
/// where it might be what holds something.
pub async fn survey(edges: &Edges, policy: &Policy, services: &[&str], now: Timestamp) -> Result<Survey, SurveyError> {
    let mut plan = Plan::default();
    let mut stored = everything(&edges.artifacts, &mut plan).await?;
    let mut roots = Roots::new(&edges.artifacts);
    roots.add_cells(edges).await?;
    let settled = edges.bus.settled(services).await?;
    let log = Log::read(edges, &mut roots).await?;
    let unknown = roots
        .walk(|name| {
            if let Some(found) = stored.remove(&name.key()) {
                plan.artifact(found, Verdict::Kept(Reason::Reached));
            }
        })
        .await?;
    for artifact in stored.into_values() {
        let is_known = !unknown.contains_key(&None) && !unknown.contains_key(&Some(artifact.name.series.clone()));
        let verdict = judge_artifact(&artifact, false, is_known, policy, now);
        plan.artifact(artifact, verdict);
    }
    let verdicts = judge_log(&log.messages, settled.through, policy, now);
    for ((message, what), verdict) in log.messages.iter().zip(&log.whats).zip(verdicts) {
        plan.message(*what, message, verdict);
    }
    let unknown = unknown.into_iter().map(|(series, reason)| Unknown { series, reason }).collect();
    Ok(Survey { plan, now, settled, unknown })
}

/// What lies in the store, by key; what is no artifact goes into the plan as it is.
async fn everything(artifacts: &Artifacts, plan: &mut Plan) -> Result<BTreeMap<String, Stored>, StoreError> {
    let mut stored = BTreeMap::new();
    let mut objects = artifacts.everything();
    while let Some(found) = objects.try_next().await? {
        match found {
            Found::Artifact(artifact) => {
                stored.insert(artifact.name.key(), artifact);
            }
            Found::Foreign { size_bytes, modified, .. } => plan.foreign(size_bytes, modified),
        }
    }
    Ok(stored)
}
