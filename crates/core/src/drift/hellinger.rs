//! The Hellinger distance: how far the roots of two distributions lie apart, 0 to 1.
//!
//! Over bins that the reference pins ([`super::histogram::Bins`]) it is NannyML's for numbers, and over the union of
//! categories NannyML's for text.

use super::table::Table;

/// The distance between the shares of two samples over the same classes.
pub fn distance(table: &Table) -> f64 {
    let squares: f64 = table.shares().map(|(p, q)| (p.sqrt() - q.sqrt()).powi(2)).sum();
    (0.5 * squares).sqrt()
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
        assert!((distance(&table(&[(3, 0), (0, 5)])) - 1.0).abs() < 1e-15);
        assert_eq!(distance(&table(&[(1, 3), (1, 3)])), 0.0);
    }

    #[test]
    fn the_distance_of_shares_worked_by_hand() {
        // p = (1, 0), q = (¼, ¾): 1 - √(1 · ¼) = ½ is its square.
        assert!((distance(&table(&[(4, 1), (0, 3)])) - 0.5_f64.sqrt()).abs() < 1e-15);
    }
}
