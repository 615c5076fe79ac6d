//! The population stability index over bins that the reference pins.
//!
//! The index means nothing without its bins and the floor under empty ones (the same data can give 0.13 or 6.2), so
//! both belong to the reference and not to the comparison.

use serde::{Deserialize, Serialize};

use super::sample::Sample;
use super::table::{Class, Table};

/// The least share of a bin: an empty one counts as this, so that the logarithm exists.
pub const FLOOR: f64 = 1e-4;

/// The reference's bins: between its deciles, and the share of it in each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bins {
    edges: Vec<f64>,
    shares: Vec<f64>,
}

impl Bins {
    /// Pins the deciles of a reference. Where values repeat, deciles fall together and there are fewer than ten bins.
    pub fn deciles(reference: &Sample) -> Self {
        let mut edges: Vec<f64> = (1..10).map(|tenth| reference.quantile(f64::from(tenth) / 10.0)).collect();
        edges.dedup();
        let shares = shares(&edges, reference);
        Self { edges, shares }
    }

    /// How many values of a reference and of a sample lie in each bin.
    pub fn table(&self, reference: &Sample, current: &Sample) -> Table {
        let (reference, current) = (counts(&self.edges, reference), counts(&self.edges, current));
        Table::new(reference.zip(current).map(|(reference, current)| Class { reference, current }))
    }

    /// The index of a sample: the sum over bins of (q - p) ln(q / p), q being its shares and p the reference's.
    pub fn index(&self, current: &Sample) -> f64 {
        sum(self.shares.iter().copied().zip(shares(&self.edges, current)))
    }
}

/// The index of a sample over categories, or any other classes: the same sum and the same floor.
pub fn index(table: &Table) -> f64 {
    sum(table.shares())
}

fn sum(shares: impl Iterator<Item = (f64, f64)>) -> f64 {
    shares.map(|(p, q)| (p.max(FLOOR), q.max(FLOOR))).map(|(p, q)| (q - p) * (q / p).ln()).sum()
}

/// The share of a sample in each bin.
fn shares(edges: &[f64], sample: &Sample) -> Vec<f64> {
    counts(edges, sample).map(|count| count as f64 / sample.len() as f64).collect()
}

/// The values of a sample in each bin; one on an edge belongs to the bin above.
fn counts(edges: &[f64], sample: &Sample) -> impl Iterator<Item = u64> {
    let values = sample.sorted();
    let ends = edges.iter().map(|edge| values.partition_point(|v| v < edge)).chain([values.len()]);
    let mut passed = 0;
    ends.map(move |end| (end - std::mem::replace(&mut passed, end)) as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(values: &[f64]) -> Sample {
        Sample::new(values.to_vec()).unwrap()
    }

    #[test]
    fn a_sample_all_in_the_lowest_tenth_has_the_index_of_the_formula() {
        // 100 even values; q = 1 in the first bin, the floor in nine others, p = 0.1 everywhere.
        let reference: Vec<f64> = (0..100).map(f64::from).collect();
        let expected = 0.9 * 10.0_f64.ln() + 9.0 * (FLOOR - 0.1) * (FLOOR / 0.1_f64).ln();
        assert!((Bins::deciles(&sample(&reference)).index(&sample(&[0.0, 1.0, 2.0])) - expected).abs() < 1e-12);
    }

    #[test]
    fn sixty_values_against_forty_agree_with_numpy() {
        // numpy 2.4.6: edges = quantile(a, arange(1, 10)/10), shares by searchsorted(side="right") and bincount, floor
        // 1e-4.
        let a: Vec<f64> = (0..60).map(|i| f64::from((i * 37) % 101) / 10.0).collect();
        let b: Vec<f64> = (0..40).map(|i| f64::from((i * 53) % 89) / 8.0 + 1.5).collect();
        assert!((Bins::deciles(&sample(&a)).index(&sample(&b)) - PSI).abs() < 1e-12);
    }

    const PSI: f64 = 1.0115156410090669;

    #[test]
    fn a_reference_of_one_value_tells_below_from_the_rest() {
        let bins = Bins::deciles(&sample(&[2.0; 20]));
        assert_eq!(bins.index(&sample(&[2.0, 2.0])), 0.0);
        assert!(bins.index(&sample(&[1.0, 2.0])) > 1.0);
    }

    #[test]
    fn an_unseen_category_counts_as_the_floor() {
        let (_, table) = Table::of_categories([("wind", 3), ("coal", 1)], [("gas", 1), ("wind", 3)]);
        let expected = 2.0 * (0.25 - FLOOR) * (0.25 / FLOOR).ln();
        assert!((index(&table) - expected).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn the_index_is_never_negative_and_nothing_for_the_reference_itself(
            a in proptest::collection::vec(-1e3..1e3_f64, 1..80),
            b in proptest::collection::vec(-1e3..1e3_f64, 1..80),
        ) {
            let bins = Bins::deciles(&sample(&a));
            prop_assert!(bins.index(&sample(&b)) >= 0.0);
            prop_assert_eq!(bins.index(&sample(&a)), 0.0);
        }
    }
}
