//! What the detectors of a stream of values have in common: which values they take and what they say of a change.
//!
//! A detector is a state that takes one value after the other and can be stored between any two of them: the same state
//! and the same values always give the same answers.
//!
//! The thresholds of [`adwin`](super::adwin), [`page_hinkley`](super::page_hinkley) and [`cusum`](super::cusum) are
//! meant for values with a deviation near one: a stream is standardised by its reference before they are given it.
//! [`kswin`](super::kswin) and [`martingale`](super::martingale) go by ranks and have no unit. None knows of seasons or
//! of memory: hourly values that follow each other closely raise far more alarms than the parameters promise (measured
//! on eleven grids: 86 % of quiet weeks), daily or weekly summaries few.

use serde::{Deserialize, Serialize};

/// Values beyond this, either way, would make sums of squares infinite, which no state that is stored comes back from.
const LARGEST: f64 = 1e100;

/// A value that says nothing about a stream: NaN, infinite or beyond 1e100. The detector that refuses it stays as it
/// was.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("a detector takes finite values up to 1e100, and this one is {value}; leave out what is missing")]
pub struct Refused {
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

/// The value, where a detector can take it.
pub(super) fn usable(value: f64) -> Result<f64, Refused> {
    if value.abs() <= LARGEST { Ok(value) } else { Err(Refused { value }) }
}
