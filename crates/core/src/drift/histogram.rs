//! Bins of even width that the reference pins, and one more for all that lies outside of them: what the distances of
//! Jensen and Shannon and of Hellinger are computed over.

use serde::{Deserialize, Serialize};

use super::sample::Sample;
use super::table::{Class, Table};

/// A reference's bins and how many of its values lie in each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bins {
    edges: Vec<f64>,
    counts: Vec<u64>,
}

impl Bins {
    /// Pins the bins that Doane (1976), "Aesthetic frequency classifications", gives a reference, as numpy's
    /// `histogram_bin_edges(bins="doane")` does and NannyML takes them. A reference of one value has one bin around it.
    pub fn doane(reference: &Sample) -> Self {
        let values = reference.sorted();
        let (first, last) = match values {
            [first, .., last] if first < last => (*first, *last),
            [first, ..] => (first - 0.5, first + 0.5),
            [] => (0.0, 1.0),
        };
        let edges = even(first, last, bins(reference));
        let counts = counts(&edges, values);
        Self { edges, counts }
    }

    /// How many values of the reference and of a sample lie in each bin, and in the one for all outside.
    pub fn against(&self, current: &Sample) -> Table {
        let counts = counts(&self.edges, current.sorted());
        let outside = current.len() as u64 - counts.iter().sum::<u64>();
        let bins = self.counts.iter().zip(counts).map(|(reference, current)| Class { reference: *reference, current });
        Table::new(bins.chain([Class { reference: 0, current: outside }]))
    }

    /// The edges of the bins from left to right.
    pub fn edges(&self) -> &[f64] {
        &self.edges
    }
}

/// The number of bins: the range over Doane's width.
fn bins(reference: &Sample) -> usize {
    let values = reference.sorted();
    let n = values.len() as f64;
    let deviation = reference.deviation();
    if values.len() <= 2 || deviation.is_nan() || deviation <= 0.0 {
        return 1;
    }
    // Corrected once, so that a skew of nothing is none though the mean is rounded.
    let rough = reference.mean();
    let mean = rough + values.iter().map(|v| v - rough).sum::<f64>() / n;
    let skew = values.iter().map(|v| ((v - mean) / deviation).powi(3)).sum::<f64>() / n;
    let usual = (6.0 * (n - 2.0) / ((n + 1.0) * (n + 3.0))).sqrt();
    let range = values[values.len() - 1] - values[0];
    let width = range / (1.0 + n.log2() + (1.0 + skew.abs() / usual).log2());
    // Beyond the range of numbers there is no width, and one bin holds all.
    let bins = (range / width).ceil();
    if bins.is_finite() { (bins as usize).max(1) } else { 1 }
}

/// Evenly spaced edges, rounded as numpy's `linspace` rounds them.
fn even(first: f64, last: f64, bins: usize) -> Vec<f64> {
    let step = (last - first) / bins as f64;
    let mut edges: Vec<f64> = (0..bins).map(|i| i as f64 * step + first).collect();
    edges.push(last);
    edges
}

/// The values in each bin: an edge belongs to the bin on its right, the last one to that on its left.
fn counts(edges: &[f64], values: &[f64]) -> Vec<u64> {
    let last = edges.len() - 1;
    let below = |place: usize| match place == last {
        true => values.partition_point(|v| *v <= edges[place]),
        false => values.partition_point(|v| *v < edges[place]),
    };
    let passed: Vec<usize> = (0..edges.len()).map(below).collect();
    passed.windows(2).map(|pair| (pair[1] - pair[0]) as u64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> Sample {
        Sample::new(values.to_vec()).unwrap()
    }

    #[test]
    fn eight_even_values_lie_in_four_bins() {
        // No skew: 1 + log2(8) = 4.
        let bins = Bins::doane(&sample(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]));
        assert_eq!(bins.edges(), [0.0, 1.75, 3.5, 5.25, 7.0]);
        assert_eq!(bins.counts, [2, 2, 2, 2]);
    }

    #[test]
    fn what_lies_outside_has_a_bin_of_its_own_and_the_last_edge_lies_inside() {
        let bins = Bins::doane(&sample(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]));
        let classes = bins.against(&sample(&[-1.0, 0.0, 7.0, 7.5]));
        let counts: Vec<_> = classes.classes().iter().map(|class| (class.reference, class.current)).collect();
        assert_eq!(counts, [(2, 1), (2, 0), (2, 0), (2, 1), (0, 2)]);
    }

    #[test]
    fn a_reference_of_one_value_has_one_bin_around_it() {
        assert_eq!(Bins::doane(&sample(&[3.0, 3.0])).edges(), [2.5, 3.5]);
    }

    #[test]
    fn pinned_bins_are_read_back_as_they_were() {
        let bins = Bins::doane(&sample(&[0.1, 0.7, 0.2, 1.9, 5.3]));
        assert_eq!(serde_json::from_str::<Bins>(&serde_json::to_string(&bins).unwrap()).unwrap(), bins);
    }
}
