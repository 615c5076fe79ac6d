//! The two-sample Anderson-Darling test: the squared distance between two empirical distribution functions, weighted so
//! that their tails count.
//!
//! Scholz and Stephens (1987), "K-sample Anderson-Darling tests", of two samples with tied values at mid rank: scipy's
//! `anderson_ksamp([a, b], midrank=True)`.

use super::sample::Sample;
use super::{gamma, walk};

/// The normalised statistics at which Scholz and Stephens give a significance, the first and the last.
const TABLE: (f64, f64) = (0.32500000000000007, 6.546);
/// The significance at these.
const CLIPPED: (f64, f64) = (0.25, 0.001);
/// ln p as a polynomial of the normalised statistic, the highest power first: numpy's `polyfit(critical, log(sig),
/// 2)` of their seven values for two samples, as scipy interpolates.
const INTERPOLATION: [f64; 3] = [0.01819809457411147, -1.0082265644652515, -1.077770279820484];

/// The test of two samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Test {
    /// The normalised statistic: A² less its mean, over its standard deviation.
    pub statistic: f64,
    /// A² itself.
    raw: f64,
    sizes: (f64, f64),
}

/// The test of two samples; none where all values are the same, or both together have fewer than four.
pub fn test(a: &Sample, b: &Sample) -> Option<Test> {
    let sizes = (a.len() as f64, b.len() as f64);
    let raw = raw(a.sorted(), b.sorted());
    let statistic = normalised(raw, sizes.0, sizes.1);
    statistic.is_finite().then_some(Test { statistic, raw, sizes })
}

impl Test {
    /// The probability of at least this statistic if both samples are of one distribution, clipped to 0.001 and 0.25 as
    /// scipy clips it: a value at an end says no more than that it lies there or beyond.
    pub fn p_value(&self) -> f64 {
        interpolated(self.statistic)
    }

    /// The asymptotic probability for as many values as two dependent samples are worth. Below a thousandth, where
    /// scipy's ends, it is the tail of the limit, a sum of chi-squared variables over j (j+1) whose largest term
    /// rules: √3 erfc(√A²), which is a tenth low at most.
    pub fn p_value_of_sizes(&self, n: f64, m: f64) -> f64 {
        let raw = self.mean_square() * n * m / (n + m);
        let normalised = normalised(raw, n, m);
        if normalised <= TABLE.1 {
            return interpolated(normalised);
        }
        (3.0_f64.sqrt() * gamma::erfc_of_root(raw)).min(CLIPPED.1)
    }

    /// The mean squared distance of the distribution functions, weighted, whatever the sizes.
    pub fn mean_square(&self) -> f64 {
        self.raw * (self.sizes.0 + self.sizes.1) / (self.sizes.0 * self.sizes.1)
    }
}

fn interpolated(statistic: f64) -> f64 {
    if statistic < TABLE.0 {
        return CLIPPED.0;
    }
    if statistic > TABLE.1 {
        return CLIPPED.1;
    }
    INTERPOLATION.iter().fold(0.0, |sum, coefficient| sum * statistic + coefficient).exp()
}

/// A² of equation 7.
fn raw(a: &[f64], b: &[f64]) -> f64 {
    let (n, m) = (a.len() as f64, b.len() as f64);
    let all = n + m;
    let (mut i, mut j) = (0, 0);
    let (mut first, mut second) = (0.0, 0.0);
    for step in walk::steps(a, b) {
        let ties = (step.first + step.second) as f64;
        let below = (i + j) as f64 + 0.5 * ties;
        let weight = below * (all - below) - 0.25 * all * ties;
        let part = |passed: usize, tied: usize, size: f64| {
            (all * (passed as f64 + 0.5 * tied as f64) - below * size).powi(2) / weight
        };
        first += ties / all * part(i, step.first, n);
        second += ties / all * part(j, step.second, m);
        (i, j) = (i + step.first, j + step.second);
    }
    (first / n + second / m) * (all - 1.0) / all
}

/// A² less its mean, which is 1, over its standard deviation (equation 4); NaN for fewer than four values.
fn normalised(raw: f64, n: f64, m: f64) -> f64 {
    let all = (n + m).round();
    if all < 4.0 {
        return f64::NAN;
    }
    let inverses = 1.0 / n + 1.0 / m;
    let (mut harmonic, mut g) = (0.0, 0.0);
    for i in 2..all as u64 {
        harmonic += 1.0 / (all - i as f64 + 1.0);
        g += harmonic / i as f64;
    }
    let h = harmonic + 1.0;
    let a = 4.0 * g - 6.0 + (10.0 - 6.0 * g) * inverses;
    let b = (2.0 * g - 4.0) * 4.0 + 16.0 * h + (2.0 * g - 14.0 * h - 4.0) * inverses - 8.0 * h + 4.0 * g - 6.0;
    let c = (6.0 * h + 2.0 * g - 2.0) * 4.0 + (4.0 * h - 4.0 * g + 6.0) * 2.0 + (2.0 * h - 6.0) * inverses + 4.0 * h;
    let d = (2.0 * h + 6.0) * 4.0 - 8.0 * h;
    let variance = (((a * all + b) * all + c) * all + d) / ((all - 1.0) * (all - 2.0) * (all - 3.0));
    (raw - 1.0) / variance.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> Sample {
        Sample::new(values.to_vec()).unwrap()
    }

    #[test]
    fn values_that_are_all_the_same_or_fewer_than_four_have_no_test() {
        assert_eq!(test(&sample(&[1.0; 5]), &sample(&[1.0; 9])), None);
        assert_eq!(test(&sample(&[1.0, 2.0]), &sample(&[3.0])), None);
    }

    #[test]
    fn the_raw_statistic_worked_by_hand() {
        // 1, 2 against 3, 4: at 1 and 4 the weight is ½·3½ - 1 = ¾ and the square (4·½ - ½·2)² = 1; at 2 and
        // 3 it is 1½·2½ - 1 = 2¾ and (4·1½ - 1½·2)² = 9. Of each sample ¼ (2/¾ + 18/2¾), over its size;
        // both: that sum; times ¾.
        let expected = 0.75 * 0.25 * (2.0 / 0.75 + 18.0 / 2.75);
        assert!((raw(&[1.0, 2.0], &[3.0, 4.0]) - expected).abs() < 1e-15);
    }

    #[test]
    fn the_tail_goes_on_where_the_table_ends() {
        // Six hundred values against as many moved by a whole range.
        let (a, b): (Vec<f64>, Vec<f64>) = (0..600).map(|i| (f64::from(i), f64::from(i + 600))).unzip();
        let test = test(&sample(&a), &sample(&b)).unwrap();
        assert_eq!(test.p_value(), 0.001);
        let tail: Vec<f64> = [20.0, 60.0, 600.0].map(|size| test.p_value_of_sizes(size, size)).to_vec();
        assert!(tail[0] < 0.001 && tail[1] < tail[0] && tail[2] < 1e-100, "{tail:?}");
    }
}
