//! The closure of names over a store: from what names artifacts, such as cells and events, to all that they reach.
//!
//! What names what is core's to know ([`aria_core::reach`]). Here every name is followed once, documents are read with
//! verification, and what cannot be had is told with the way that led to it. Nothing is kept but the digests of what
//! was seen and the names of the documents on the way.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;

use aria_core::artifact::{Kind, Ref};
use aria_core::cell::Cell;
use aria_core::document::DocumentError;
use aria_core::reach;
use aria_core::series::SeriesId;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::artifacts::{Artifacts, StoreError};
use crate::stores::{CellError, Stores};

/// The most steps of a way that are told; a chain of snapshots may be tens of thousands long.
const TOLD: usize = 5;

/// Which artifacts are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Only those that may name others: enough to know every name.
    Documents,
    /// Only those of one kind: what others name is not followed.
    Only(Kind),
    /// All of them: nothing is missing or damaged.
    Everything,
}

impl Reading {
    fn reads(self, kind: Kind) -> bool {
        match self {
            Self::Documents => reach::names_others(kind),
            Self::Only(wanted) => kind == wanted,
            Self::Everything => true,
        }
    }
}

/// An artifact that is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: Ref,
    /// Its bytes, where it was read.
    pub bytes: Option<Bytes>,
}

/// An artifact that is reached and cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    /// It cannot be had.
    #[error("{source}: {way}")]
    Store {
        /// Why.
        source: StoreError,
        /// What led to it.
        way: Way,
    },
    /// It is none of the documents that its kind says.
    #[error("artifact `{key}` cannot be read: {source}: {way}")]
    Document {
        /// Its key.
        key: String,
        /// What is wrong with it.
        source: DocumentError,
        /// What led to it.
        way: Way,
    },
}

impl ReachError {
    /// Whether trying again can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store { source, .. } => source.is_transient(),
            Self::Document { .. } => false,
        }
    }
}

/// The way that led to an artifact: what names it, what names that, and so on to where the walk began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    nearest: Vec<String>,
    left_out: usize,
    begin: String,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.nearest {
            write!(f, "named by `{step}`, ")?;
        }
        if self.left_out > 0 {
            write!(f, "and {} more, ", self.left_out)?;
        }
        write!(f, "named by {}", self.begin)
    }
}

/// A walk over everything that is reached, each artifact once.
#[derive(Debug)]
pub struct Walk {
    artifacts: Artifacts,
    reading: Reading,
    /// Digests of keys: a key is several times as long.
    seen: HashSet<[u8; 32]>,
    /// Names that were seen and not given yet, each with the step that named it.
    waiting: Vec<(Ref, usize)>,
    steps: Vec<Step>,
}

/// A step of a way.
#[derive(Debug)]
enum Step {
    /// Something that is no artifact: a cell, an event.
    Begin(String),
    /// A document, and the step that named it.
    Document(Ref, usize),
}

impl Walk {
    /// A walk that has nowhere to begin yet.
    pub fn new(artifacts: &Artifacts, reading: Reading) -> Self {
        Self { artifacts: artifacts.clone(), reading, seen: HashSet::new(), waiting: Vec::new(), steps: Vec::new() }
    }

    /// Adds what something outside the store names; `begin` says what, for a person: ``the head of `it.ci_direct` ``.
    pub fn begin(&mut self, begin: &str, names: impl IntoIterator<Item = Ref>) {
        self.add(Step::Begin(begin.to_owned()), names);
    }

    /// Adds what the cells of a series name.
    ///
    /// # Errors
    /// Where a cell cannot be read.
    pub async fn begin_with_cells(&mut self, stores: &Stores, series: &SeriesId) -> Result<(), CellError> {
        for cell in Cell::ALL {
            if let Some(held) = stores.cells(cell).read(series).await? {
                let names = cell.names_in(&held.value);
                let names = names.map_err(|source| CellError::Document { series: series.clone(), source })?;
                self.begin(&format!("the {} of `{series}`", cell.as_str()), names);
            }
        }
        Ok(())
    }

    /// How many artifacts were reached so far.
    pub fn count(&self) -> usize {
        self.seen.len()
    }

    /// The next artifact; none once all that is reached from every beginning was given. After an error the walk goes on
    /// with the rest.
    pub async fn next(&mut self) -> Option<Result<Found, ReachError>> {
        let (name, from) = self.waiting.pop()?;
        Some(self.visit(name, from).await)
    }

    async fn visit(&mut self, name: Ref, from: usize) -> Result<Found, ReachError> {
        if !self.reading.reads(name.kind) {
            return Ok(Found { name, bytes: None });
        }
        let read = self.artifacts.get(&name).await;
        let bytes = read.map_err(|source| ReachError::Store { source, way: self.way(from) })?;
        let fault = |source| ReachError::Document { key: name.key(), source, way: self.way(from) };
        let named = reach::named_by(name.kind, &bytes).map_err(fault)?;
        self.add(Step::Document(name.clone(), from), named);
        Ok(Found { name, bytes: Some(bytes) })
    }

    fn add(&mut self, step: Step, names: impl IntoIterator<Item = Ref>) {
        let place = self.steps.len();
        let before = self.waiting.len();
        for name in names {
            if self.seen.insert(Sha256::digest(name.key().as_bytes()).into()) {
                self.waiting.push((name, place));
            }
        }
        if self.waiting.len() > before {
            self.steps.push(step);
        }
    }

    fn way(&self, from: usize) -> Way {
        let (mut nearest, mut left_out, mut place) = (Vec::new(), 0, from);
        loop {
            match self.steps.get(place) {
                Some(Step::Document(name, before)) => {
                    if nearest.len() < TOLD {
                        nearest.push(name.key())
                    } else {
                        left_out += 1
                    }
                    place = *before;
                }
                Some(Step::Begin(begin)) => return Way { nearest, left_out, begin: begin.clone() },
                None => return Way { nearest, left_out, begin: "nothing known".to_owned() },
            }
        }
    }
}
