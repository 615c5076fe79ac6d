//! A distribution as a reference keeps it: a sketch to compare with, and where the distances of stable windows end.

use serde::{Deserialize, Serialize};

use super::psi::Bins;
use super::reference::Insufficient;
use super::sample::Sample;
use super::wasserstein;

/// Quantiles kept of a distribution.
const QUANTILES: usize = 101;

/// The least thresholds: what lies below is too small to matter, however even the training data was. They stand at or a
/// little above the usual fixed ones, a tenth of a deviation and a stability index of a fifth.
pub(super) const LEAST: Scores = Scores { wasserstein: 0.15, psi: 0.2 };

/// The sketch of a distribution and the thresholds of the statistics that compare with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Distribution {
    /// Values it was made of.
    pub size: u64,
    /// Their standard deviation, in the series' unit.
    pub deviation: f64,
    /// Their quantiles at the middles of equal shares, which stand for them as a sample.
    pub quantiles: Sample,
    /// The bins of the stability index.
    pub bins: Bins,
    /// Where a stable window's distances end.
    pub threshold: Scores,
}

/// The statistics of a window against a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Scores {
    /// The Wasserstein distance in deviations of the reference.
    pub wasserstein: f64,
    /// The population stability index.
    pub psi: f64,
}

impl Distribution {
    /// The distribution of values; its thresholds are the least until [`Self::with`] gives it measured ones.
    pub fn of(values: Vec<f64>) -> Result<Self, Insufficient> {
        let sample = Sample::new(values)?;
        let deviation = sample.deviation();
        if deviation.is_nan() || deviation <= 0.0 {
            return Err(Insufficient::NothingVaries);
        }
        let middle = |i| (i as f64 + 0.5) / QUANTILES as f64;
        Ok(Self {
            size: sample.len() as u64,
            deviation,
            quantiles: Sample::new((0..QUANTILES).map(|i| sample.quantile(middle(i))).collect())?,
            bins: Bins::deciles(&sample),
            threshold: LEAST,
        })
    }

    /// The same with these thresholds.
    pub fn with(self, threshold: Scores) -> Self {
        Self { threshold, ..self }
    }

    /// The statistics of a sample against this distribution.
    pub fn score(&self, current: &Sample) -> Scores {
        Scores {
            wasserstein: wasserstein::distance(&self.quantiles, current) / self.deviation,
            psi: self.bins.index(current),
        }
    }
}

/// Mean and three standard deviations (divisor n - 1: the windows are a sample of those to come), at least the least.
pub(super) fn threshold(scores: &[Scores]) -> Scores {
    let bound = |statistic: fn(&Scores) -> f64| {
        let n = scores.len() as f64;
        let mean = scores.iter().map(statistic).sum::<f64>() / n;
        let squares: f64 = scores.iter().map(|s| (statistic(s) - mean).powi(2)).sum();
        mean + 3.0 * (squares / (n - 1.0)).sqrt()
    };
    Scores { wasserstein: bound(|s| s.wasserstein).max(LEAST.wasserstein), psi: bound(|s| s.psi).max(LEAST.psi) }
}
