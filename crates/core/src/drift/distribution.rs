//! A distribution as a reference keeps it: a sketch to compare with, and where the distances of stable windows end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::comparison::Statistic;
use super::comparison::pair::{Evidence, Pair, Sketch};
use super::histogram;
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
    /// What the other statistics need; none of a model that earlier code trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub further: Option<Further>,
}

/// What the statistics of a report need beside quantiles and deciles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Further {
    /// The independent values that those it was made of are worth.
    pub effective_size: f64,
    /// The bins of the distances of Jensen and Shannon and of Hellinger.
    pub histogram: histogram::Bins,
    /// Where a stable window's statistics end.
    pub thresholds: BTreeMap<Statistic, f64>,
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
    /// The distribution of values that are worth that many independent ones; its thresholds are the least until
    /// [`Self::with`] gives it measured ones.
    pub fn of(values: Vec<f64>, effective_size: f64) -> Result<Self, Insufficient> {
        let sample = Sample::new(values)?;
        let deviation = sample.deviation();
        if deviation.is_nan() || deviation <= 0.0 {
            return Err(Insufficient::NothingVaries);
        }
        let middle = |i| (i as f64 + 0.5) / QUANTILES as f64;
        let histogram = histogram::Bins::doane(&sample);
        Ok(Self {
            size: sample.len() as u64,
            deviation,
            quantiles: Sample::new((0..QUANTILES).map(|i| sample.quantile(middle(i))).collect())?,
            bins: Bins::deciles(&sample),
            threshold: LEAST,
            further: Some(Further { effective_size, histogram, thresholds: BTreeMap::new() }),
        })
    }

    /// The same with the thresholds that these measured windows give.
    pub fn with(self, windows: &[Window]) -> Self {
        let threshold = threshold(&windows.iter().map(|window| window.scores).collect::<Vec<_>>());
        let further = self.further.map(|further| {
            let of = |statistic: Statistic| Some((statistic, bound_of(statistic, windows)?));
            Further { thresholds: Statistic::ALL.into_iter().filter_map(of).collect(), ..further }
        });
        Self { threshold, further, ..self }
    }

    /// A sample beside this distribution, `worth` being the independent values of the sample; none where earlier code
    /// kept too little of it.
    pub fn pair<'a>(&'a self, current: &'a Sample, worth: f64) -> Option<Pair<'a>> {
        let further = self.further.as_ref()?;
        let (sample, deviation, deciles) = (&self.quantiles, self.deviation, &self.bins);
        let sketch = Sketch { sample, deviation, deciles, histogram: &further.histogram };
        Some(Pair::of_sketch(&sketch, current, (further.effective_size, worth)))
    }

    /// A window that took no part in this distribution, measured against it.
    pub fn window(&self, current: &Sample) -> Window {
        // The values are wanted, and no probability of them.
        let pair = self.pair(current, current.len() as f64);
        let figures = pair.iter().flat_map(|pair| Statistic::ALL.into_iter().map(|of| (of, pair.figure(of))));
        let known = figures.filter_map(|(of, figure)| {
            let least = figure.evidence.as_ref().map_or(0.0, least);
            Some((of, (figure.value?, least)))
        });
        Window { scores: self.score(current), known: known.collect() }
    }

    /// The statistics of a sample against this distribution.
    pub fn score(&self, current: &Sample) -> Scores {
        Scores {
            wasserstein: wasserstein::distance(&self.quantiles, current) / self.deviation,
            psi: self.bins.index(current),
        }
    }
}

/// What a window that took no part in a distribution lies from it.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// The distances that are older than the others.
    scores: Scores,
    /// Each statistic that is defined, and the greatest that is too small to matter.
    known: BTreeMap<Statistic, (f64, f64)>,
}

/// The greatest value of a statistic that is too small to matter; nothing for a test, which chance is asked of instead.
fn least(evidence: &Evidence) -> f64 {
    if evidence.is_of_effect() { evidence.least } else { 0.0 }
}

/// Where a statistic of stable windows ends; none where too few windows have one.
fn bound_of(statistic: Statistic, windows: &[Window]) -> Option<f64> {
    let known: Vec<(f64, f64)> = windows.iter().filter_map(|window| window.known.get(&statistic).copied()).collect();
    let least = known.iter().map(|(_, least)| *least).fold(0.0, f64::max);
    let bound = bound(known.iter().map(|(value, _)| *value)).max(least);
    (known.len() > 1 && bound.is_finite()).then_some(bound)
}

/// Mean and three standard deviations (divisor n - 1: the windows are a sample of those to come).
fn bound(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    mean + 3.0 * (squares / (n - 1.0)).sqrt()
}

/// Where the distances of stable windows end, at least the least.
fn threshold(scores: &[Scores]) -> Scores {
    Scores {
        wasserstein: bound(scores.iter().map(|s| s.wasserstein)).max(LEAST.wasserstein),
        psi: bound(scores.iter().map(|s| s.psi)).max(LEAST.psi),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_of_one_two_and_three_is_three_deviations_above_their_mean() {
        // Mean 2, deviation 1.
        assert_eq!(bound([1.0, 2.0, 3.0].into_iter()), 5.0);
    }
}
