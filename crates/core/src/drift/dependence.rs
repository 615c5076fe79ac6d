//! How much a dependent sample is worth: values that follow each other closely tell less than their number says.

use std::collections::BTreeMap;

/// The autocorrelation at one step of values in the order of time; NaN is a step without a value and is left out of the
/// pairs. None where fewer than two pairs are left or the values do not vary.
pub fn lag_one(values: &[f64]) -> Option<f64> {
    let known: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    let mean = known.iter().sum::<f64>() / known.len() as f64;
    let variance = known.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / known.len() as f64;
    // Rounding of the mean would leave a variance of values that are all the same.
    if known.windows(2).all(|w| w[0] == w[1]) {
        return None;
    }
    let products: Vec<f64> =
        values.windows(2).map(|w| (w[0] - mean) * (w[1] - mean)).filter(|product| product.is_finite()).collect();
    if products.len() < 2 || !variance.is_finite() || variance <= 0.0 {
        return None;
    }
    // Divided by the number of values, as usual, and made up for pairs that gaps took away.
    let pairs_without_gaps = (known.len() - 1) as f64 / known.len() as f64;
    let covariance = products.iter().sum::<f64>() / products.len() as f64 * pairs_without_gaps;
    Some((covariance / variance).clamp(-1.0, 1.0))
}

/// The same of categories, each row's by its number: by how much more often than chance a row has the category of the
/// one before, of what chance leaves (Cohen's 1960 kappa at one step). For a chain that keeps its category or draws
/// anew it is the probability of keeping it. None where fewer than two pairs are left or the categories do not vary.
pub fn agreement(rows: &[Option<u32>]) -> Option<f64> {
    let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
    for category in rows.iter().flatten() {
        *counts.entry(*category).or_default() += 1;
    }
    let known = counts.values().sum::<u64>() as f64;
    let by_chance: f64 = counts.values().map(|count| (*count as f64 / known).powi(2)).sum();
    let pairs: Vec<bool> = rows.windows(2).filter_map(|pair| Some(pair[0]? == pair[1]?)).collect();
    if pairs.len() < 2 || counts.len() < 2 {
        return None;
    }
    let same = pairs.iter().filter(|same| **same).count() as f64 / pairs.len() as f64;
    Some(((same - by_chance) / (1.0 - by_chance)).clamp(-1.0, 1.0))
}

/// The number of independent values that `n` values with autocorrelation `rho` at one step are worth: n (1 - rho)/(1 +
/// rho), the size of a first-order autoregression (Bayley and Hammersley 1946). A negative `rho` counts as none: it
/// never makes more of a sample than it is.
pub fn effective_size(n: usize, rho: f64) -> f64 {
    let rho = rho.clamp(0.0, 1.0);
    n as f64 * (1.0 - rho) / (1.0 + rho)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_autocorrelation_of_five_rising_values_is_two_fifths() {
        // Deviations -2..2: products 2 + 0 + 0 + 2 = 4 over squares 10.
        assert!((lag_one(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap() - 0.4).abs() < 1e-12);
    }

    #[test]
    fn a_gap_is_no_pair() {
        // Deviations -1, 1, gap, -1, 1: both pairs give -1, the variance is 1, and 3/4 is the usual divisor's share.
        assert!((lag_one(&[1.0, 3.0, f64::NAN, 1.0, 3.0]).unwrap() + 0.75).abs() < 1e-12);
    }

    #[test]
    fn values_that_do_not_vary_or_are_too_few_have_none() {
        assert_eq!(lag_one(&[2.0; 10]), None);
        assert_eq!(lag_one(&[0.1; 10]), None);
        assert_eq!(lag_one(&[1.0, 2.0]), None);
        assert_eq!(lag_one(&[]), None);
    }

    #[test]
    fn categories_that_keep_three_times_of_four_agree_by_a_half() {
        // Two halves: chance is a half. Of the eight pairs six are the same: (6/8 - 1/2) / (1/2), shares being 4/9,
        // 5/9.
        let rows: Vec<Option<u32>> = [0, 0, 0, 0, 1, 1, 1, 1, 0].map(Some).to_vec();
        let chance = (25.0 + 16.0) / 81.0;
        assert!((agreement(&rows).unwrap() - (0.75 - chance) / (1.0 - chance)).abs() < 1e-12);
        assert_eq!((agreement(&[Some(1); 9]), agreement(&[None, Some(1), Some(2)])), (None, None));
    }

    #[test]
    fn a_hundred_values_with_autocorrelation_a_half_are_worth_thirty_three() {
        assert!((effective_size(100, 0.5) - 100.0 / 3.0).abs() < 1e-12);
        assert_eq!(effective_size(100, 0.0), 100.0);
        assert_eq!(effective_size(100, -0.5), 100.0);
        assert_eq!(effective_size(100, 1.0), 0.0);
    }
}
