//! The Jensen-Shannon distance: the root of the divergence from the mean of two distributions, in bits; 0 to 1.
//!
//! Over bins that the reference pins ([`super::histogram::Bins`]) it is NannyML's for numbers, over the union of
//! categories NannyML's for text, and scipy's `jensenshannon(base=2)` of the same shares.

use super::table::Table;

/// The distance between the shares of two samples over the same classes.
pub fn distance(table: &Table) -> f64 {
    let divergence: f64 = table.shares().map(|(p, q)| 0.5 * (p + q) * gain((p - q) / (p + q))).sum();
    (0.5 * divergence / std::f64::consts::LN_2).sqrt()
}

/// (1+d) ln(1+d) + (1-d) ln(1-d), for d from -1 to 1, without a difference of what is nearly the same: equal samples
/// have distance zero and not the root of a rounding error.
fn gain(d: f64) -> f64 {
    let square = d * d;
    if square >= 1.0 {
        return 2.0 * std::f64::consts::LN_2;
    }
    if square > 0.04 {
        return (1.0 + d) * d.ln_1p() + (1.0 - d) * (-d).ln_1p();
    }
    // Σ d^2k / (k (2k-1)): at most a fifth, so that the terms left out are below 1e-17 of the first.
    (1..=12).rev().fold(0.0, |rest, k| (1.0 / f64::from(k * (2 * k - 1)) + rest) * square)
}

#[cfg(test)]
mod tests {
    use super::super::table::Class;
    use super::*;

    fn table(counts: &[(u64, u64)]) -> Table {
        Table::new(counts.iter().map(|&(reference, current)| Class { reference, current }))
    }

    #[test]
    fn samples_apart_have_distance_one_and_equal_ones_none() {
        assert_eq!(distance(&table(&[(3, 0), (0, 5)])), 1.0);
        assert_eq!(distance(&table(&[(1, 3), (2, 6)])), 0.0);
    }

    #[test]
    fn the_distance_of_shares_worked_by_hand() {
        // p = (1, 0), q = (½, ½), mean (¾, ¼): half of ln(4/3) and of ½ ln(2/3) + ½ ln 2, which is half of
        // ln(4/3).
        let expected = (0.75 * (4.0_f64 / 3.0).log2()).sqrt();
        assert!((distance(&table(&[(4, 1), (0, 1)])) - expected).abs() < 1e-15);
    }

    #[test]
    fn close_and_far_shares_are_as_exact_where_the_methods_meet() {
        let direct = |d: f64| (1.0 + d) * d.ln_1p() + (1.0 - d) * (-d).ln_1p();
        assert!((gain(0.2) / direct(0.2) - 1.0).abs() < 1e-13);
        assert!((gain(-0.19) / direct(0.19) - 1.0).abs() < 1e-13);
    }
}
