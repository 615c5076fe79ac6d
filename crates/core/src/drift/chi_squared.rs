//! Pearson's chi-squared test of whether two samples fall into the same classes in the same shares.

use super::gamma;
use super::table::Table;

/// The test of two samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Test {
    /// The sum of squared differences from the counts expected if both had the same shares, each over that count.
    pub statistic: f64,
    /// Classes less one.
    pub degrees: usize,
}

/// The test of a table; none where either sample is empty. scipy's `chi2_contingency(table, correction=False)`.
pub fn test(table: &Table) -> Option<Test> {
    let (n, m) = table.sizes();
    if n == 0 || m == 0 {
        return None;
    }
    let (n, m) = (n as f64, m as f64);
    let mut statistic = 0.0;
    for class in table.classes() {
        let all = (class.reference + class.current) as f64;
        for (found, size) in [(class.reference, n), (class.current, m)] {
            let expected = all * size / (n + m);
            statistic += (found as f64 - expected).powi(2) / expected;
        }
    }
    // One class holds all of both samples, whatever rounding leaves.
    let degrees = table.classes().len() - 1;
    Some(Test { statistic: if degrees == 0 { 0.0 } else { statistic }, degrees })
}

impl Test {
    /// The probability of at least this statistic if both samples had the same shares.
    pub fn p_value(&self) -> f64 {
        survival(self.statistic, self.degrees)
    }
}

/// The probability that a chi-squared variable with these degrees of freedom is at least `statistic`; 1 without any.
pub fn survival(statistic: f64, degrees: usize) -> f64 {
    if degrees == 0 { 1.0 } else { gamma::above(0.5 * degrees as f64, 0.5 * statistic) }
}

#[cfg(test)]
mod tests {
    use super::super::table::Class;
    use super::*;

    fn table(counts: &[(u64, u64)]) -> Table {
        Table::new(counts.iter().map(|&(reference, current)| Class { reference, current }))
    }

    #[test]
    fn the_statistic_of_a_table_worked_by_hand() {
        // Expected are 15 everywhere: 4 · 25/15.
        let test = test(&table(&[(20, 10), (10, 20)])).unwrap();
        assert!((test.statistic - 20.0 / 3.0).abs() < 1e-14);
        assert_eq!(test.degrees, 1);
        // scipy 1.14.1, chi2.sf(20/3, 1).
        assert!((test.p_value() / 0.009823274507519235 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn one_class_tells_nothing_and_an_empty_sample_has_no_test() {
        let one = test(&table(&[(20, 10)])).unwrap();
        assert_eq!((one.statistic, one.p_value()), (0.0, 1.0));
        assert_eq!(test(&table(&[(20, 0)])), None);
    }
}
