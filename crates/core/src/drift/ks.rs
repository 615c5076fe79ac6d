//! The two-sample Kolmogorov-Smirnov test.

mod paths;

use std::f64::consts::LN_2;

use super::sample::Sample;
use super::{gamma, kolmogorov};

/// The greatest distance between the two empirical distribution functions, 0 to 1.
pub fn distance(a: &Sample, b: &Sample) -> f64 {
    let (a, b) = (a.sorted(), b.sorted());
    let (mut i, mut j) = (0, 0);
    let mut greatest = 0.0_f64;
    while let (Some(&x), Some(&y)) = (a.get(i), b.get(j)) {
        let step = x.min(y);
        i += a[i..].iter().take_while(|v| **v <= step).count();
        j += b[j..].iter().take_while(|v| **v <= step).count();
        greatest = greatest.max((i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs());
    }
    greatest
}

/// The sizes up to which [`p_value_auto`] is exact, scipy's.
const EXACT_UP_TO: usize = 10_000;

/// The asymptotic probability of at least this distance between samples of these sizes from one distribution: the
/// distribution of the one-sample statistic at nm/(n+m) values, which is scipy's `ks_2samp(method="asymp")` and not
/// Kolmogorov's limit.
///
/// Sizes are real so that the effective size of a dependent sample can stand in.
pub fn p_value(distance: f64, n: f64, m: f64) -> f64 {
    kolmogorov::survival(distance, joint_size(n, m))
}

/// [`p_value`] for samples that are worth these numbers of independent values, no less than that of samples entirely
/// apart, 2 over the number of ways to draw `n` of `n + m`: the asymptotic form goes to zero there, however few they
/// are.
pub fn p_value_of_worth(distance: f64, n: f64, m: f64) -> f64 {
    let apart = (LN_2 - gamma::ln_choose(n + m, n)).exp();
    p_value(distance, n, m).max(apart.min(1.0))
}

/// The exact probability of at least this distance between samples of `n` and `m` values (1 at least) without ties from
/// one distribution, scipy's `ks_2samp(method="exact")`. It takes about n m steps at most, and max(n, m) where n = m.
pub fn p_value_exact(distance: f64, n: usize, m: usize) -> f64 {
    paths::share_straying(distance, n as u64, m as u64)
}

/// The exact probability where neither sample has more than ten thousand values, and the asymptotic one beyond: scipy's
/// `ks_2samp(method="auto")`, its default.
pub fn p_value_auto(distance: f64, n: usize, m: usize) -> f64 {
    if n.max(m) <= EXACT_UP_TO { p_value_exact(distance, n, m) } else { p_value(distance, n as f64, m as f64) }
}

/// The size at which two samples are as telling as one.
pub(super) fn joint_size(n: f64, m: f64) -> u64 {
    (n * m / (n + m)).round_ties_even() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(values: &[f64]) -> Sample {
        Sample::new(values.to_vec()).unwrap()
    }

    #[test]
    fn the_distance_of_samples_worked_by_hand() {
        // After 2, three of four against one of three are passed: 3/4 - 1/3 = 5/12.
        assert!((distance(&sample(&[1.0, 2.0, 2.0, 5.0]), &sample(&[2.0, 3.0, 6.0])) - 5.0 / 12.0).abs() < 1e-15);
    }

    #[test]
    fn samples_apart_have_distance_one() {
        assert_eq!(distance(&sample(&[1.0, 2.0]), &sample(&[3.0, 4.0, 5.0])), 1.0);
    }

    #[test]
    fn samples_entirely_apart_are_no_less_likely_than_one_of_the_ways_to_draw_them() {
        // 2 / C(8, 4) = 2 / 70, 2 / C(10, 4) = 2 / 210; 2 / C(80, 40) is 1.86e-23, and the exact answer.
        assert!((p_value_of_worth(1.0, 4.0, 4.0) - 2.0 / 70.0).abs() < 1e-14);
        assert!((p_value_of_worth(1.0, 6.0, 4.0) - 2.0 / 210.0).abs() < 1e-14);
        let many = p_value_of_worth(1.0, 40.0, 40.0);
        assert!((many / p_value_exact(1.0, 40, 40) - 1.0).abs() < 1e-9, "{many}");
        // Far from it the asymptotic form stands.
        assert_eq!(p_value_of_worth(0.3, 40.0, 40.0), p_value(0.3, 40.0, 40.0));
    }

    #[test]
    fn samples_of_any_sizes_have_a_probability_that_falls_to_nothing() {
        for (n, m) in [(8_760.0, 168.0), (1_200.0, 24.0), (1e6, 1e3), (1e3, 1e6), (1e9, 1e9)] {
            let apart = p_value_of_worth(1.0, n, m);
            assert!((0.0..1e-45).contains(&apart), "{apart} for {n} and {m}");
        }
        assert!(p_value_of_worth(1.0, 8_760.0, 168.0) < 1e-100);
        assert!(p_value_of_worth(1.0, 1e6, 1e3) < 1e-100);
        assert_eq!(p_value_of_worth(0.3, 8_760.0, 168.0), p_value(0.3, 8_760.0, 168.0));
        assert_eq!(p_value_of_worth(0.0, 8_760.0, 168.0), 1.0);
    }

    #[test]
    fn sixty_values_against_forty_agree_with_scipy() {
        // scipy 1.17.1: a = [((i*37) % 101)/10 for i in range(60)], b = [((i*53) % 89)/8 + 1.5 for i in range(40)],
        // ks_2samp(a, b, method="asymp").
        let a: Vec<f64> = (0..60).map(|i| f64::from((i * 37) % 101) / 10.0).collect();
        let b: Vec<f64> = (0..40).map(|i| f64::from((i * 53) % 89) / 8.0 + 1.5).collect();
        let d = distance(&sample(&a), &sample(&b));
        assert!((d - KS_D).abs() < 1e-12, "{d}");
        assert!((p_value(d, 60.0, 40.0) - KS_P).abs() < 1e-9);
    }

    const KS_D: f64 = 0.23333333333333328;
    const KS_P: f64 = 0.12425088847530641;

    proptest! {
        #[test]
        fn the_distance_lies_between_nothing_and_one_and_takes_no_side(
            a in proptest::collection::vec(-1e6..1e6_f64, 1..60),
            b in proptest::collection::vec(-1e6..1e6_f64, 1..60),
        ) {
            let (a, b) = (sample(&a), sample(&b));
            let d = distance(&a, &b);
            prop_assert!((0.0..=1.0).contains(&d));
            prop_assert_eq!(d, distance(&b, &a));
            prop_assert_eq!(distance(&a, &a), 0.0);
        }
    }
}
