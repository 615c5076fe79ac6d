//! Tail probabilities of the normal and of Student's distribution, to at least twelve digits.

use std::f64::consts::{PI, TAU};

/// The chance that a standard normal value exceeds `z`.
pub(crate) fn normal(z: f64) -> f64 {
    if z.is_nan() {
        return f64::NAN;
    }
    if z < 0.0 {
        return 1.0 - normal(-z);
    }
    let density = (-0.5 * z * z).exp() / TAU.sqrt();
    if z < 3.0 {
        // Marsaglia (2004): a half less density times the sum of z^(2k+1) / (1 3 5 … (2k+1)).
        let (mut sum, mut term, mut odd) = (z, z, 1.0);
        while term > 1e-18 * sum {
            odd += 2.0;
            term *= z * z / odd;
            sum += term;
        }
        return 0.5 - density * sum;
    }
    // Laplace's continued fraction 1/(z + 1/(z + 2/(z + …))), from behind; 100 terms settle it from 3 on.
    let fraction = (1..=100).rev().fold(z, |below, k| z + f64::from(k) / below);
    density / fraction
}

/// The chance that a value of Student's distribution with `degrees` degrees of freedom exceeds `t`.
pub(crate) fn student(t: f64, degrees: f64) -> f64 {
    if t.is_nan() || degrees.is_nan() || degrees <= 0.0 {
        return f64::NAN;
    }
    if t.is_infinite() {
        return if t > 0.0 { 0.0 } else { 1.0 };
    }
    let both = incomplete_beta(0.5 * degrees, 0.5, degrees / (degrees + t * t));
    if t >= 0.0 { 0.5 * both } else { 1.0 - 0.5 * both }
}

/// The value of Student's distribution that is exceeded with the chance `tail`, between 0 and a half.
pub(crate) fn student_quantile(tail: f64, degrees: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while student(high, degrees) > tail && high < 1e300 {
        low = high;
        high *= 2.0;
    }
    // Each halving gains a bit of the 53 that there are.
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if student(middle, degrees) > tail { low = middle } else { high = middle }
    }
    high
}

/// The regularised incomplete beta function, by the continued fraction of DLMF 8.17.22.
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // Beyond its mean the fraction settles slowly, and the other tail's settles fast.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, 1.0 - x);
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p()).exp() / a;
    front / beta_fraction(a, b, x)
}

/// The denominator 1 + d1/(1 + d2/(1 + …)), by Lentz's method as Thompson and Barnett (1986) changed it.
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let tiny = 1e-300;
    let away = |v: f64| if v.abs() < tiny { tiny } else { v };
    let (mut value, mut c, mut d) = (1.0, 1.0, 0.0);
    for step in 1..10_000 {
        let m = f64::from(step / 2);
        let term = if step % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        d = 1.0 / away(1.0 + term * d);
        c = away(1.0 + term / c);
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-16 {
            break;
        }
    }
    value
}

/// The logarithm of the gamma function of a positive number, by Lanczos' approximation (1964) with g = 7 and nine
/// terms.
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 8] = [
        676.5203681218851,
        -1259.1392167224028,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507343278686905,
        -0.13857109526572012,
        9.984_369_578_019_572e-6,
        1.5056327351493116e-7,
    ];
    if x < 0.5 {
        // The reflection formula.
        return (PI / (PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let sum = TERMS.iter().zip(1_u8..).fold(0.999_999_999_999_809_9, |sum, (term, k)| sum + term / (x + f64::from(k)));
    let base = x + 7.5;
    0.5 * TAU.ln() + (x + 0.5) * base.ln() - base + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) {
        assert!((found / expected - 1.0).abs() < 1e-11, "{found} instead of {expected}");
    }

    #[test]
    fn normal_tails_agree_with_scipy() {
        // scipy 1.14.1, scipy.stats.norm.sf(z).
        for (z, expected) in NORMAL {
            close(normal(*z), *expected);
        }
    }

    #[test]
    fn students_tails_agree_with_scipy() {
        // scipy 1.14.1, scipy.stats.t.sf(t, degrees).
        for (t, degrees, expected) in STUDENT {
            close(student(*t, *degrees), *expected);
        }
    }

    #[test]
    fn one_degree_of_freedom_is_cauchys_distribution() {
        // P(T > 1) = 1/4.
        close(student(1.0, 1.0), 0.25);
        close(student_quantile(0.25, 1.0), 1.0);
        assert_eq!(student(f64::INFINITY, 3.0), 0.0);
        assert!(student(1.0, 0.0).is_nan());
    }

    #[test]
    fn a_quantile_is_exceeded_with_its_chance() {
        for (tail, degrees) in [(0.05, 7.0), (0.025, 200.0), (1e-4, 30.0), (0.4, 3.0)] {
            close(student(student_quantile(tail, degrees), degrees), tail);
        }
    }

    const NORMAL: &[(f64, f64)] = &[
        (-6.0, 0.9999999990134123),
        (-1.0, 0.8413447460685429),
        (0.0, 0.5),
        (0.3, 0.3820885778110474),
        (1.0, 0.15865525393145707),
        (1.959963984540054, 0.025),
        (2.9, 0.0018658133003840375),
        (3.0, 0.0013498980316300933),
        (3.1, 0.0009676032132183563),
        (5.0, 2.866515718791933e-07),
        (10.0, 7.61985302416047e-24),
        (30.0, 4.906713927147908e-198),
    ];

    const STUDENT: &[(f64, f64, f64)] = &[
        (0.0, 5.0, 0.5),
        (0.5, 1.0, 0.3524163823495668),
        (-1.3, 4.0, 0.868274201764388),
        (2.0, 7.0, 0.04280966428148798),
        (2.0, 7.5, 0.04144849764908311),
        (3.5, 30.0, 0.0007384037188221277),
        (1.0, 364.0, 0.15898740291468527),
        (8.0, 10.0, 5.887471394833078e-06),
        (12.0, 1000.0, 2.16202869338729e-31),
        (0.01, 50.0, 0.49603054068357144),
    ];
}
