//! The two-sample Cramér-von Mises test: the squared distance between two empirical distribution functions, summed
//! over both samples.

use std::f64::consts::PI;

use super::sample::Sample;
use super::{gamma, walk};

/// The sizes up to which the p-value is exact, scipy's.
const EXACT_UP_TO: usize = 20;
/// Where scipy ends the series of the limit: a term below this is the last.
const LAST_TERM: f64 = 1e-7;

/// The test of two samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Test {
    /// T of Anderson (1962), tied values at the mean of their ranks.
    pub statistic: f64,
    sizes: (usize, usize),
    /// Four times U of Anderson (1962), a whole number also where values tie.
    rank_sum: i128,
}

/// The test of two samples; none where either has one value only. scipy's `cramervonmises_2samp`.
pub fn test(a: &Sample, b: &Sample) -> Option<Test> {
    let (n, m) = (a.len(), b.len());
    if n < 2 || m < 2 {
        return None;
    }
    let (first, second) = rank_squares(a.sorted(), b.sorted());
    let rank_sum = n as i128 * first + m as i128 * second;
    let (product, all) = (n as i128 * m as i128, (n + m) as i128);
    // U/(nm N) - (4nm - 1)/(6N) over one denominator in whole numbers: nothing is lost where both are nearly the same.
    let statistic = (3 * rank_sum - 2 * product * (4 * product - 1)) as f64 / (12 * product * all) as f64;
    Some(Test { statistic, sizes: (n, m), rank_sum })
}

impl Test {
    /// The probability of at least this statistic if both samples are of one distribution: exact where neither has more
    /// than 20 values, asymptotic beyond, scipy's `method="auto"`.
    ///
    /// The asymptotic one is scipy's to the term at which its series ends: below about 1e-6 it is no more than small.
    pub fn p_value(&self) -> f64 {
        let (n, m) = self.sizes;
        if n.max(m) <= EXACT_UP_TO {
            return self.p_value_exact();
        }
        asymptotic(self.statistic, n as f64, m as f64)
    }

    /// The statistic that as many values would have as two dependent samples are worth, and its asymptotic probability.
    pub fn p_value_of_sizes(&self, n: f64, m: f64) -> f64 {
        asymptotic(self.mean_square() * n * m / (n + m), n, m)
    }

    /// The mean squared distance of the distribution functions, whatever the sizes.
    pub fn mean_square(&self) -> f64 {
        let (n, m) = (self.sizes.0 as f64, self.sizes.1 as f64);
        self.statistic.max(0.0) * (n + m) / (n * m)
    }

    /// The share of all orders of both samples whose statistic is as large, by the frequency tables of Xiao, Gordon and
    /// Yakovlev (2006), "A C++ program for the Cramér-von Mises two-sample test".
    fn p_value_exact(&self) -> f64 {
        let (n, m) = (self.sizes.0 as i128, self.sizes.1 as i128);
        let (product, all) = (n * m, n + m);
        let common = multiple(n, m);
        let above = common * common * all * (6 * self.rank_sum - 4 * product * (4 * product - 1));
        let least = above.div_euclid(24 * product * product);
        let (down, right) = ((common / n) as i64, (common / m) as i64);
        let frequencies = frequencies(self.sizes.0, self.sizes.1, down, right);
        let total: f64 = frequencies.iter().map(|(_, orders)| *orders as f64).sum();
        let large = frequencies.iter().filter(|(value, _)| i128::from(*value) >= least);
        large.map(|(_, orders)| *orders as f64).sum::<f64>() / total
    }
}

/// Four times the sum of squares of (rank - place) over each sample, the rank being that among both.
fn rank_squares(a: &[f64], b: &[f64]) -> (i128, i128) {
    let (mut i, mut j) = (0, 0);
    let (mut first, mut second) = (0_i128, 0_i128);
    for step in walk::steps(a, b) {
        // Ranks i+j+1 to i+j+ties, their mean twice.
        let twice = (2 * (i + j) + step.first + step.second + 1) as i128;
        let squares = |from: usize, ties: usize| -> i128 {
            (from + 1..=from + ties).map(|place| (twice - 2 * place as i128).pow(2)).sum()
        };
        first += squares(i, step.first);
        second += squares(j, step.second);
        (i, j) = (i + step.first, j + step.second);
    }
    (first, second)
}

/// Every value of the statistic's whole-number form over all orders of `n` and `m` values, with how many have it.
fn frequencies(n: usize, m: usize, down: i64, right: i64) -> Vec<(u64, u64)> {
    let mut column: Vec<Vec<(u64, u64)>> = vec![Vec::new(); n + 1];
    column[0].push((0, 1));
    for u in 0..=m as i64 {
        let mut below = Vec::new();
        for (v, cell) in (0_i64..).zip(column.iter_mut()) {
            let step = (down * v - right * u).pow(2) as u64;
            below = merged(&below, cell, step);
            cell.clone_from(&below);
        }
    }
    column.pop().unwrap_or_default()
}

/// Two frequency tables in one, every value raised by `step`.
fn merged(a: &[(u64, u64)], b: &[(u64, u64)], step: u64) -> Vec<(u64, u64)> {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut all = Vec::with_capacity(a.len() + b.len());
    loop {
        let next = match (a.peek(), b.peek()) {
            (Some((x, f)), Some((y, g))) if x == y => {
                let both = (*x, f + g);
                a.next();
                b.next();
                both
            }
            (Some((x, _)), Some((y, _))) if x > y => *b.next().unwrap_or(&(0, 0)),
            (Some(_), _) => *a.next().unwrap_or(&(0, 0)),
            (None, Some(_)) => *b.next().unwrap_or(&(0, 0)),
            (None, None) => return all,
        };
        all.push((next.0 + step, next.1));
    }
}

/// The probability of at least `statistic` between samples of these sizes, from the limit of the statistic once mean
/// and variance are made those of the limit (Anderson 1962, equation 15).
fn asymptotic(statistic: f64, n: f64, m: f64) -> f64 {
    let (product, all) = (n * m, n + m);
    let mean = (1.0 + 1.0 / all) / 6.0;
    let variance = (all + 1.0) * (4.0 * product * all - 3.0 * (n * n + m * m) - 2.0 * product);
    let variance = variance / (45.0 * all * all * 4.0 * product);
    let normed = 1.0 / 6.0 + (statistic - mean) / (45.0 * variance).sqrt();
    // Below this the limit's distribution function is under 1e-17. NaN comes of sizes too small to have a variance.
    if normed.is_nan() || normed < 0.003 {
        return 1.0;
    }
    (1.0 - limit(normed)).max(0.0)
}

/// The distribution function of the limit: equation 1.2 of Csörgő and Faraway (1996).
fn limit(x: f64) -> f64 {
    let mut sum = 0.0;
    for k in 0..u32::MAX {
        let y = f64::from(4 * k + 1);
        let q = y * y / (16.0 * x);
        let factor = gamma::half_step(k) / (PI.powf(1.5) * x.sqrt());
        let term = factor * y.sqrt() * (-2.0 * q).exp() * bessel_scaled(q);
        sum += term;
        if term.abs() < LAST_TERM {
            break;
        }
    }
    sum
}

/// The modified Bessel function of the second kind of order a quarter, times e^q: the integral over t from 0 of
/// exp(-q (cosh t - 1)) cosh(t/4), by the trapezoid rule, which for this integrand gains digits with each step halved.
fn bessel_scaled(q: f64) -> f64 {
    let step = 1.0 / (5.0 + 2.0 * q.sqrt());
    let mut sum = 0.5;
    for i in 1..u32::MAX {
        let t = f64::from(i) * step;
        // cosh t - 1 without a difference of what is nearly the same.
        let term = (-2.0 * q * (0.5 * t).sinh().powi(2)).exp() * (0.25 * t).cosh();
        sum += term;
        if term < sum * 1e-18 {
            break;
        }
    }
    sum * step
}

/// The least number that both divide.
fn multiple(a: i128, b: i128) -> i128 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> Sample {
        Sample::new(values.to_vec()).unwrap()
    }

    #[test]
    fn the_statistic_and_its_probability_worked_by_hand() {
        // Ranks 1, 2 and 3, 4: U = 2 (0 + 0) + 2 (4 + 4) = 16, T = 16/16 - 15/24 = 3/8. Two of six orders lie apart.
        let test = test(&sample(&[1.0, 2.0]), &sample(&[3.0, 4.0])).unwrap();
        assert_eq!(test.statistic, 0.375);
        assert!((test.p_value() - 1.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn one_value_has_no_test() {
        assert_eq!(test(&sample(&[1.0]), &sample(&[3.0, 4.0])), None);
    }

    #[test]
    fn every_order_of_two_samples_has_a_statistic() {
        // C(7, 3) = 35.
        assert_eq!(frequencies(4, 3, 3, 4).iter().map(|(_, orders)| orders).sum::<u64>(), 35);
    }

    #[test]
    fn the_bessel_function_agrees_with_scipy() {
        // scipy 1.14.1, scipy.special.kve(0.25, q).
        for &(q, expected) in KVE {
            assert!((bessel_scaled(q) / expected - 1.0).abs() < 1e-14, "{q}: {}", bessel_scaled(q));
        }
    }

    const KVE: &[(f64, f64)] = &[
        (1e-07, 121.19293739933583),
        (0.001, 11.768238628404424),
        (0.06, 3.54689135857979),
        (1.0, 1.1708721016781265),
        (7.5, 0.45229409080417915),
        (40.0, 0.19770810462750407),
        (520.0, 0.05495156222540075),
        (30000.0, 0.007235989933455666),
    ];
}
