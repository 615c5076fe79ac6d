//! What the detectors of a stream of values have in common: which values they take and what they say of a change.
//!
//! A detector is a state that takes one value after the other and can be stored between any two of them: the same state
//! and the same values always give the same answers. None of them is free of scale: their thresholds are meant for
//! values with a deviation near one, so that a stream is standardised by its reference before it is given to any of
//! them, and none knows of seasons or of memory: hourly values that follow each other closely raise far more alarms
//! than the parameters promise (measured on eleven grids: 86 % of quiet weeks), daily or weekly summaries few.

use serde::{Deserialize, Serialize};

/// A value that says nothing about a stream. The detector that refuses it stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("a detector takes finite values only, and this one is {value}; leave out what is missing")]
pub struct NotFinite {
    /// What it is.
    pub value: f64,
}

/// The mean of a stream before and after the place where it changed, in the unit of its values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Before.
    pub before: f64,
    /// After.
    pub after: f64,
}

impl Change {
    /// How far the mean has moved; positive where it rose. Of standardised values it is a number of deviations.
    pub fn difference(&self) -> f64 {
        self.after - self.before
    }
}

/// The value, where it is a finite one.
pub(super) fn finite(value: f64) -> Result<f64, NotFinite> {
    if value.is_finite() { Ok(value) } else { Err(NotFinite { value }) }
}
