//! The distribution of the two-sided one-sample Kolmogorov-Smirnov statistic.
//!
//! Exact where that is cheap and to at least seven digits elsewhere, with the methods and borders of Simard and
//! L'Ecuyer (2011), "Computing the two-sided Kolmogorov-Smirnov distribution"; scipy's `kstwo` uses the same.

use std::f64::consts::{PI, TAU};

use super::gamma;

/// The probability that the distance of `n` values from their distribution is at least `distance`.
pub fn survival(distance: f64, n: u64) -> f64 {
    if n == 0 || distance.is_nan() || distance <= 0.0 {
        return 1.0;
    }
    if distance >= 1.0 {
        return 0.0;
    }
    let size = n as f64;
    let reach = size * distance;
    let scaled = reach * distance;
    if reach <= 0.5 {
        return 1.0;
    }
    if scaled >= 370.0 {
        return 0.0; // below 1e-300
    }
    let one_sided_twice = distance >= 0.5 || scaled > 4.0 || (n > 140 && scaled >= 2.2);
    let survival = if one_sided_twice {
        2.0 * one_sided(distance, n)
    } else if n <= 140 || (n <= 100_000 && size * distance.powf(1.5) <= 1.4) {
        1.0 - by_matrix(distance, n)
    } else {
        1.0 - by_series(distance, size)
    };
    survival.clamp(0.0, 1.0)
}

/// The distance that is reached with probability `significance` by `n` values.
pub fn critical_distance(significance: f64, n: u64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    // Each halving gains a bit, and 1 has 52 below it.
    for _ in 0..52 {
        let middle = 0.5 * (low + high);
        if survival(middle, n) > significance { low = middle } else { high = middle }
    }
    high
}

/// The one-sided survival function, Birnbaum and Tingey (1951): x sum C(n,j) (x + j/n)^(j-1) (1 - x - j/n)^(n-j), each
/// term the probability of j of n, so that none is the difference of large logarithms.
///
/// Twice it is exact from a distance of a half on, and lacks only the samples that stray to both sides before.
fn one_sided(x: f64, n: u64) -> f64 {
    let size = n as f64;
    let last = (size * (1.0 - x)).floor() as u64;
    let term = |j: u64| {
        let (at, rest) = (x + j as f64 / size, 1.0 - x - j as f64 / size);
        if rest > 0.0 || j == n { gamma::binomial(j as f64, size, at, rest) / at } else { 0.0 }
    };
    x * (0..=last.min(n)).map(term).sum::<f64>()
}

/// The distribution function by Durbin's matrix: n!/n^n times the middle entry of H^n, Marsaglia, Tsang and Wang
/// (2003).
fn by_matrix(distance: f64, n: u64) -> f64 {
    let reach = n as f64 * distance;
    let k = reach.ceil().max(1.0);
    let matrix = durbin(k, k - reach);
    let middle = k as usize - 1;
    let mut power = Scaled::identity(matrix.nrows());
    let mut square = Scaled { matrix, exponent: 0 };
    let mut left = n;
    while left > 0 {
        if left % 2 == 1 {
            power = power.times(&square, middle);
        }
        square = square.times(&square, middle);
        left /= 2;
    }
    let ln_factor: f64 = (1..=n).map(|i| (i as f64 / n as f64).ln()).sum();
    let value = power.matrix[[middle, middle]];
    if value > 0.0 { (value.ln() + ln_factor + power.exponent as f64 * std::f64::consts::LN_2).exp() } else { 0.0 }
}

/// Durbin's matrix of 2k-1 rows for the distance (k - h)/n.
fn durbin(k: f64, h: f64) -> ndarray::Array2<f64> {
    let rows = 2 * k as usize - 1;
    let mut inverse_factorial = vec![1.0; rows + 1];
    for i in 1..=rows {
        inverse_factorial[i] = inverse_factorial[i - 1] / i as f64;
    }
    let mut matrix = ndarray::Array2::zeros((rows, rows));
    for ((i, j), entry) in matrix.indexed_iter_mut() {
        if i + 1 >= j {
            *entry = inverse_factorial[i + 1 - j];
        }
    }
    for i in 0..rows {
        let edge = (1.0 - h.powi(i as i32 + 1)) * inverse_factorial[i + 1];
        matrix[[i, 0]] = edge;
        matrix[[rows - 1, rows - 1 - i]] = edge;
    }
    let both = (2.0 * h - 1.0).max(0.0).powi(rows as i32);
    matrix[[rows - 1, 0]] = (1.0 - 2.0 * h.powi(rows as i32) + both) * inverse_factorial[rows];
    matrix
}

/// A matrix times a power of two.
struct Scaled {
    matrix: ndarray::Array2<f64>,
    exponent: i64,
}

impl Scaled {
    fn identity(rows: usize) -> Self {
        Self { matrix: ndarray::Array2::eye(rows), exponent: 0 }
    }

    /// The product, scaled down where its middle entry grows towards the end of the number range.
    fn times(&self, other: &Self, middle: usize) -> Self {
        let product = Self { matrix: self.matrix.dot(&other.matrix), exponent: self.exponent + other.exponent };
        if product.matrix[[middle, middle]] < 2.0_f64.powi(128) {
            return product;
        }
        Self { matrix: product.matrix / 2.0_f64.powi(128), exponent: product.exponent + 128 }
    }
}

/// The distribution function by the series of Pelz and Good (1976) in z = sqrt(n) x: K0 + K1/n^½ + K2/n + K3/n^1½.
fn by_series(distance: f64, n: f64) -> f64 {
    let z = distance * n.sqrt();
    let (z2, z4, z6) = (z.powi(2), z.powi(4), z.powi(6));
    let mut k = [0.0; 4];
    // Terms fall with exp(-term²), so that those left out are below 1e-100 of the first.
    for term in (1..=(16.0 * z / PI).ceil() as u32).rev() {
        let term = f64::from(term);
        let a = (PI * (2.0 * term - 1.0) / 2.0).powi(2);
        let odd = (-a / (2.0 * z2)).exp();
        k[0] += odd / z;
        k[1] += odd * (a - z2) / (6.0 * z4);
        k[2] +=
            odd * (6.0 * z6 + 2.0 * z4 + (2.0 * z4 - 5.0 * z2) * a + (1.0 - 2.0 * z2) * a.powi(2)) / (72.0 * z.powi(7));
        let cubic = (5.0 - 30.0 * z2) * a.powi(3) + (212.0 * z4 - 60.0 * z2) * a.powi(2);
        let linear = (135.0 * z4 - 96.0 * z6) * a - 30.0 * z6 - 90.0 * z.powi(8);
        k[3] += odd * (cubic + linear) / (6480.0 * z.powi(10));
        let b = (PI * term).powi(2);
        let whole = (-b / (2.0 * z2)).exp();
        k[2] -= whole * b / (36.0 * z.powi(3));
        k[3] += whole * b * (3.0 * z2 - b) / (216.0 * z6);
    }
    let root = n.sqrt();
    TAU.sqrt() * (k[0] + (k[1] + (k[2] + k[3] / root) / root) / root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_as_far_as_the_farther_side() {
        // The distance of one value u is max(u, 1-u): P(D >= 0.7) = 0.6.
        assert!((survival(0.7, 1) - 0.6).abs() < 1e-12);
    }

    #[test]
    fn every_method_agrees_with_scipy() {
        // scipy 1.17.1, scipy.stats.kstwo.sf(distance, n).
        for (distance, n, expected) in KSTWO {
            let found = survival(*distance, *n);
            assert!((found - expected).abs() < 1e-9, "distance {distance}, n {n}: {found} instead of {expected}");
        }
    }

    const KSTWO: &[(f64, u64, f64)] = &[
        (0.9, 2, 0.01999999999999999),
        (0.6, 3, 0.14400000000000004),
        (0.3, 10, 0.27053557479999946),
        (0.2, 10, 0.7487190399999999),
        (0.45, 10, 0.022891810311718164),
        (0.5, 24, 4.503577714176446e-06),
        (0.12, 50, 0.4337679661310233),
        (0.08, 140, 0.31480749911643063),
        (0.17, 140, 0.0005246108687519814),
        (0.1, 140, 0.11353657290090946),
        (0.25, 140, 3.391572437071032e-08),
        (0.3, 100, 1.7719869892662917e-08),
        (0.0102, 100, 1.0),
        (0.05, 141, 0.854845693009663),
        (0.13, 141, 0.015449346308454497),
        (0.1, 200, 0.03411035080315383),
        (0.2, 200, 1.7317874617308334e-07),
        (0.03, 1000, 0.3226902143914636),
        (0.04, 1000, 0.07933956059000224),
        (0.0482, 1000, 0.018558005576944005),
        (0.01, 5000, 0.6954557253913853),
        (0.02, 5000, 0.03613941395325637),
        (0.03, 5000, 0.00024159234422666817),
        (0.003, 20000, 0.9935433419563655),
        (0.0009, 50000, 0.999999999999086),
        (0.004, 100000, 0.08130148920222469),
        (0.005, 100000, 0.013430824977799608),
        (0.002, 400000, 0.08141020225103268),
        (0.0015, 1000000, 0.022195758430640866),
    ];

    #[test]
    fn outside_the_range_the_answer_is_certain() {
        assert_eq!(survival(0.0, 10), 1.0);
        assert_eq!(survival(f64::NAN, 10), 1.0);
        assert_eq!(survival(1.0, 10), 0.0);
        assert_eq!(survival(0.5, 0), 1.0);
        assert_eq!(survival(0.04, 12), 1.0);
    }

    #[test]
    fn the_survival_never_rises_with_the_distance() {
        for n in [1, 7, 140, 141, 5_000, 200_000] {
            let values: Vec<f64> = (0..=400).map(|i| survival(f64::from(i) / 400.0, n)).collect();
            assert!(values.windows(2).all(|w| w[1] <= w[0] + 1e-7), "n {n}");
        }
    }

    #[test]
    fn the_critical_distance_is_reached_with_the_wanted_probability() {
        for n in [2, 10, 80, 3_000] {
            assert!((survival(critical_distance(0.01, n), n) - 0.01).abs() < 1e-9, "n {n}");
        }
    }
}
