//! What tails of distributions need of the gamma function, without the loss of digits that its logarithm brings.
//!
//! Densities are taken as Loader (2000), "Fast and accurate computation of binomial probabilities", takes them: the
//! size of a term is never the small difference of large logarithms. Good to about 1e-13 of the answer.

use std::f64::consts::{PI, TAU};

/// Terms of a series or a fraction: far more than one needs that converges in about the root of its parameter.
const MOST_TERMS: u32 = 100_000;
/// From here on Stirling's series is exact to the last digit.
const LARGE: f64 = 16.0;

/// The share of a gamma distribution of this shape (more than 0) that lies above `x`: the regularised upper incomplete
/// gamma function Q(shape, x). Tiny shares are as exact as large ones.
pub(super) fn above(shape: f64, x: f64) -> f64 {
    if x.is_nan() || x <= 0.0 {
        return 1.0;
    }
    if x.is_infinite() {
        return 0.0;
    }
    if x < shape + 1.0 { 1.0 - below_by_series(shape, x) } else { above_by_fraction(shape, x) }
}

/// The complement of the error function at the root of `square`.
pub(super) fn erfc_of_root(square: f64) -> f64 {
    above(0.5, square)
}

/// The probability of `k` of `n`, each with probability `share` and its rest of one given apart, so that neither is
/// rounded away: C(n, k) share^k rest^(n-k).
pub(super) fn binomial(k: f64, n: f64, share: f64, rest: f64) -> f64 {
    if k == 0.0 {
        return (n * rest.ln()).exp();
    }
    if k == n {
        return (n * share.ln()).exp();
    }
    let exponent = stirling_error(n) - stirling_error(k) - stirling_error(n - k);
    let apart = deviance(k, n * share) + deviance(n - k, n * rest);
    (exponent - apart).exp() * (n / (TAU * k * (n - k))).sqrt()
}

/// The logarithm of the number of ways to draw `k` of `n`, which need not be whole: ln C(n, k). Nothing where there
/// is at most one way.
pub(super) fn ln_choose(n: f64, k: f64) -> f64 {
    let rest = n - k;
    if k <= 0.0 || rest <= 0.0 {
        return 0.0;
    }
    let exponent = stirling_error(n) - stirling_error(k) - stirling_error(rest);
    // Of a share near one the logarithm is taken of what is missing.
    let ln_share = |part: f64, other: f64| if part > other { (-other / n).ln_1p() } else { (part / n).ln() };
    exponent + 0.5 * (n / (TAU * k * rest)).ln() - k * ln_share(k, rest) - rest * ln_share(rest, k)
}

/// P by its power series: x^a e^-x / Γ(a+1) times 1 + x/(a+1) + x²/((a+1)(a+2)) + …
fn below_by_series(shape: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut next) = (1.0, 1.0, shape);
    for _ in 0..MOST_TERMS {
        next += 1.0;
        term *= x / next;
        sum += term;
        if term < sum * f64::EPSILON / 4.0 {
            break;
        }
    }
    poisson(shape, x) * sum
}

/// Q by its continued fraction, by the method of Lentz as Thompson and Barnett (1986) give it.
fn above_by_fraction(shape: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - shape;
    let mut c = 1.0 / f64::MIN_POSITIVE;
    let mut d = 1.0 / b;
    let mut fraction = d;
    for i in 1..=MOST_TERMS {
        let a = -f64::from(i) * (f64::from(i) - shape);
        b += 2.0;
        d = 1.0 / (a * d + b);
        c = b + a / c;
        let step = c * d;
        fraction *= step;
        if (step - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    poisson(shape, x) * shape * fraction
}

/// x^a e^-x / Γ(a+1).
fn poisson(a: f64, x: f64) -> f64 {
    (-stirling_error(a) - deviance(a, x)).exp() / (TAU * a).sqrt()
}

/// ln Γ(a+1) less Stirling's formula for it, which is (a + ½) ln a - a + ½ ln 2π.
fn stirling_error(a: f64) -> f64 {
    if a < LARGE {
        return stirling_error(a + 1.0) + (a + 0.5) * (1.0 / a).ln_1p() - 1.0;
    }
    let square = a * a;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - (1.0 / 1188.0) / square) / square) / square) / square)
        / a
}

/// a ln(a/x) + x - a, exact also where `a` and `x` are close.
fn deviance(a: f64, x: f64) -> f64 {
    let apart = a - x;
    if apart.abs() >= 0.1 * (a + x) {
        return a * (a / x).ln() + x - a;
    }
    let v = apart / (a + x);
    let (mut sum, mut power, mut odd) = (apart * v, 2.0 * a * v, 1.0);
    loop {
        power *= v * v;
        odd += 2.0;
        let next = sum + power / odd;
        if next == sum {
            return next;
        }
        sum = next;
    }
}

/// Γ(k+½) / Γ(k+1).
pub(super) fn half_step(k: u32) -> f64 {
    // The ratio is below its logarithms' size from here on; scipy takes it of their difference, whose rounding shows in
    // the last digits of small p-values, and so it is taken here.
    if k >= 13 {
        let k = f64::from(k);
        return (ln_gamma_large(k + 0.5) - ln_gamma_large(k + 1.0)).exp();
    }
    (0..k).map(f64::from).fold(PI.sqrt(), |ratio, i| ratio * (i + 0.5) / (i + 1.0))
}

/// ln Γ(x) by Stirling's series for x of 13 and more.
fn ln_gamma_large(x: f64) -> f64 {
    let half_ln_tau = 0.5 * TAU.ln();
    (x - 0.5) * x.ln() - x + half_ln_tau + stirling_correction(x)
}

fn stirling_correction(x: f64) -> f64 {
    let p = 1.0 / (x * x);
    ((((1.0 / 1188.0 * p - 1.0 / 1680.0) * p + 1.0 / 1260.0) * p - 1.0 / 360.0) * p + 1.0 / 12.0) / x
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-12 * expected.abs(), "{found:e} instead of {expected:e}");
    }

    #[test]
    fn the_share_above_agrees_with_closed_forms() {
        // Q(1, x) = e^-x; Q(2, x) = (1 + x) e^-x; Q(3, x) = (1 + x + x²/2) e^-x.
        for x in [1e-6_f64, 0.3, 1.0, 2.0, 5.0, 40.0, 600.0] {
            check(above(1.0, x), (-x).exp());
            check(above(2.0, x), (1.0 + x) * (-x).exp());
            check(above(3.0, x), (1.0 + x + x * x / 2.0) * (-x).exp());
        }
    }

    #[test]
    fn the_share_above_agrees_with_scipy() {
        // scipy 1.14.1, scipy.special.gammaincc(a, x).
        for &(a, x, expected) in GAMMAINCC {
            check(above(a, x), expected);
        }
    }

    const GAMMAINCC: &[(f64, f64, f64)] = &[
        (0.5, 0.01, 0.887537083981715),
        (0.5, 1.2, 0.12133525035848208),
        (0.5, 3.0, 0.014305878435429641),
        (0.5, 50.0, 1.5239706048320995e-23),
        (0.5, 700.0, 2.1010145162644003e-306),
        (1.5, 2.0, 0.26146412994911117),
        (4.5, 1.0, 0.9914676066288135),
        (4.5, 9.0, 0.035173539466984795),
        (4.5, 80.0, 7.4265628010437e-30),
        (9.5, 9.0, 0.5224382739862627),
        (50.0, 30.0, 0.999481108537452),
        (50.0, 90.0, 1.6494985017178526e-06),
        (499.5, 400.0, 0.9999990897770585),
        (499.5, 520.0, 0.17882416543039506),
        (499.5, 900.0, 1.367125610253595e-48),
        (12345.0, 12400.0, 0.30949603299955913),
    ];

    #[test]
    fn nothing_lies_above_infinity_and_everything_above_zero() {
        assert_eq!((above(0.5, f64::INFINITY), above(0.5, 0.0), above(3.0, -1.0)), (0.0, 1.0, 1.0));
    }

    #[test]
    fn two_of_four_tosses_are_heads_in_six_of_sixteen() {
        check(binomial(2.0, 4.0, 0.5, 0.5), 0.375);
        check(binomial(0.0, 4.0, 0.5, 0.5), 0.0625);
        check(binomial(4.0, 4.0, 0.5, 0.5), 0.0625);
    }

    #[test]
    fn the_ways_to_draw_are_counted_in_logarithms_however_many_they_are() {
        for (n, k, ways) in [(4.0, 2.0, 6.0_f64), (10.0, 4.0, 210.0), (52.0, 5.0, 2_598_960.0), (40.0, 39.0, 40.0)] {
            check(ln_choose(n, k), ways.ln());
        }
        // C(n, 2) = n (n-1) / 2.
        let n = 1e9_f64;
        check(ln_choose(n, 2.0), n.ln() + (n - 1.0).ln() - 2.0_f64.ln());
        // Of a half: Γ(2) / Γ(3/2)² = 4/π.
        check(ln_choose(1.0, 0.5), (4.0 / PI).ln());
        assert_eq!((ln_choose(7.0, 0.0), ln_choose(7.0, 7.0)), (0.0, 0.0));
    }

    #[test]
    fn half_a_step_of_the_gamma_function_agrees_with_its_recurrence() {
        // Γ(½)/Γ(1) = √π, Γ(3/2)/Γ(2) = √π/2.
        check(half_step(0), PI.sqrt());
        check(half_step(1), PI.sqrt() / 2.0);
        check(half_step(13), half_step(12) * 12.5 / 13.0);
    }
}
