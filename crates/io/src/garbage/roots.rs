//! Where the walk over what is reached begins, one walk a series, and what it could not follow.

use std::collections::BTreeMap;

use aria_core::artifact::Ref;
use aria_core::series::SeriesId;

use crate::artifacts::{Artifacts, StoreError};
use crate::bus::{BusError, ENDINGS, HEADS, MONITORS, REGISTRY};
use crate::reach::{ReachError, Reading, Walk};
use crate::runtime::{Edges, chain};
use crate::stores::CellError;

use super::survey::SurveyError;

/// Why it is not known what is reached, by the series that it is about; without one it is about all.
pub(super) type NotKnown = BTreeMap<Option<SeriesId>, String>;

/// Everything that holds artifacts.
pub(super) struct Roots {
    artifacts: Artifacts,
    walks: BTreeMap<SeriesId, Walk>,
    unknown: NotKnown,
}

impl Roots {
    /// Nothing yet.
    pub(super) fn new(artifacts: &Artifacts) -> Self {
        Self { artifacts: artifacts.clone(), walks: BTreeMap::new(), unknown: NotKnown::new() }
    }

    /// Adds the cells of all series.
    pub(super) async fn add_cells(&mut self, edges: &Edges) -> Result<(), SurveyError> {
        let stores = edges.stores();
        for series in series_with_cells(edges).await? {
            match self.walk_of(&series).begin_with_cells(&stores, &series).await {
                Ok(()) => {}
                Err(error @ CellError::Bus(_)) => return Err(error.into()),
                Err(error @ CellError::Importing { .. }) => self.not_known(Some(series), chain(&error)),
                Err(error @ CellError::Document { .. }) => {
                    let reason = format!("{}; use the version of aria that wrote it", chain(&error));
                    self.not_known(Some(series), reason);
                }
            }
        }
        Ok(())
    }

    /// Adds what something of a series names; `begin` says what.
    pub(super) fn add(&mut self, series: &SeriesId, begin: impl FnOnce() -> String, names: Vec<&Ref>) {
        if !names.is_empty() {
            self.walk_of(series).begin(&begin(), names.into_iter().cloned());
        }
    }

    /// Notes that it is not known what is reached of a series, or of any. The first reason is the one that is told.
    pub(super) fn not_known(&mut self, series: Option<SeriesId>, reason: String) {
        self.unknown.entry(series).or_insert(reason);
    }

    /// Tells of every artifact that is reached; gives where that is not known.
    pub(super) async fn walk(mut self, mut reached: impl FnMut(&Ref)) -> Result<NotKnown, ReachError> {
        for (series, mut walk) in std::mem::take(&mut self.walks) {
            while let Some(found) = walk.next().await {
                match found {
                    Ok(found) => reached(&found.name),
                    Err(error) if error.is_transient() => return Err(error),
                    Err(error) => self.cannot_follow(&series, &error),
                }
            }
        }
        Ok(self.unknown)
    }

    /// What would hold others is missing or damaged: whatever it held is held.
    fn cannot_follow(&mut self, series: &SeriesId, error: &ReachError) {
        let reason = format!("{}; put it back from a copy of the store", chain(error));
        let its_own = key(error).and_then(|key| key.split('/').nth(1)?.parse().ok());
        for series in [Some(series.clone()), its_own].into_iter().flatten() {
            self.not_known(Some(series), reason.clone());
        }
    }

    fn walk_of(&mut self, series: &SeriesId) -> &mut Walk {
        let artifacts = &self.artifacts;
        self.walks.entry(series.clone()).or_insert_with(|| Walk::new(artifacts, Reading::Documents))
    }
}

/// The key of what cannot be read.
fn key(error: &ReachError) -> Option<&str> {
    match error {
        ReachError::Document { key, .. }
        | ReachError::Store { source: StoreError::NotFound { key } | StoreError::Corrupt { key }, .. } => Some(key),
        ReachError::Store { .. } => None,
    }
}

/// Every series that has a cell.
async fn series_with_cells(edges: &Edges) -> Result<Vec<SeriesId>, BusError> {
    let mut all = Vec::new();
    for bucket in [HEADS, MONITORS, REGISTRY, ENDINGS] {
        all.extend(edges.bus.cells(bucket).names().await?);
    }
    all.sort();
    all.dedup();
    Ok(all)
}
