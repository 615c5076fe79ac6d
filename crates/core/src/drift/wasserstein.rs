//! The Wasserstein distance of order one: how far values have to be moved, on average, to turn one sample into the
//! other.

use super::sample::Sample;

/// The distance in the samples' own unit.
pub fn distance(a: &Sample, b: &Sample) -> f64 {
    let (a, b) = (a.sorted(), b.sorted());
    let (mut i, mut j) = (0, 0);
    let mut sum = 0.0;
    let mut last = a[0].min(b[0]);
    while i < a.len() || j < b.len() {
        let next = match (a.get(i), b.get(j)) {
            (Some(&x), Some(&y)) => x.min(y),
            (Some(&x), None) => x,
            (None, Some(&y)) => y,
            (None, None) => break,
        };
        sum += (i as f64 / a.len() as f64 - j as f64 / b.len() as f64).abs() * (next - last);
        last = next;
        i += usize::from(a.get(i) == Some(&next));
        j += usize::from(b.get(j) == Some(&next));
    }
    sum
}

/// The distance in standard deviations of the reference; none where the reference does not vary, or beyond all numbers.
pub fn normed(reference: &Sample, current: &Sample) -> Option<f64> {
    let deviation = reference.deviation();
    (deviation > 0.0 && deviation.is_finite()).then(|| distance(reference, current) / deviation)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(values: &[f64]) -> Sample {
        Sample::new(values.to_vec()).unwrap()
    }

    #[test]
    fn a_shifted_sample_is_its_shift_away() {
        let a = [1.0, 4.0, 4.0, 9.0];
        let b = a.map(|v| v + 2.5);
        assert!((distance(&sample(&a), &sample(&b)) - 2.5).abs() < 1e-12);
    }

    #[test]
    fn the_distance_in_deviations_of_a_shift_by_one_deviation_is_one() {
        // The deviation of 1 and 3 is 1.
        assert_eq!(normed(&sample(&[1.0, 3.0]), &sample(&[2.0, 4.0])), Some(1.0));
    }

    #[test]
    fn a_reference_that_does_not_vary_has_no_deviation_to_measure_in() {
        assert_eq!(normed(&sample(&[2.0, 2.0]), &sample(&[2.0, 4.0])), None);
        assert_eq!(normed(&sample(&[-f64::MAX, f64::MAX]), &sample(&[2.0, 4.0])), None);
    }

    #[test]
    fn sixty_values_against_forty_agree_with_scipy() {
        // scipy 1.17.1, wasserstein_distance of the samples of `ks`; numpy 2.4.6, std.
        let a: Vec<f64> = (0..60).map(|i| f64::from((i * 37) % 101) / 10.0).collect();
        let b: Vec<f64> = (0..40).map(|i| f64::from((i * 53) % 89) / 8.0 + 1.5).collect();
        assert!((distance(&sample(&a), &sample(&b)) - W).abs() < 1e-12);
        assert!((normed(&sample(&a), &sample(&b)).unwrap() - W_NORMED).abs() < 1e-12);
    }

    const W: f64 = 1.9702083333333333;
    const W_NORMED: f64 = 0.6759151670048168;

    proptest! {
        #[test]
        fn the_distance_takes_no_side_and_a_sample_is_no_way_from_itself(
            a in proptest::collection::vec(-1e3..1e3_f64, 1..60),
            b in proptest::collection::vec(-1e3..1e3_f64, 1..60),
        ) {
            let (a, b) = (sample(&a), sample(&b));
            let d = distance(&a, &b);
            prop_assert!(d >= 0.0);
            prop_assert!((d - distance(&b, &a)).abs() < 1e-9);
            prop_assert!(d + 1e-9 >= (a.mean() - b.mean()).abs());
            prop_assert_eq!(distance(&a, &a), 0.0);
        }
    }
}
