//! Many tests at once: p-values made up for how many were looked at, so that thirty columns do not cry wolf.

/// The p-values adjusted so that, of those below a level, at most that share are false alarms on average: the step-up
/// procedure of Benjamini and Hochberg (1995), in the order in which they came.
pub fn adjusted(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*b].total_cmp(&p_values[*a]));
    let tests = p_values.len() as f64;
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least = 1.0_f64;
    for (passed, place) in order.into_iter().enumerate() {
        let rank = tests - passed as f64;
        least = least.min(p_values[place] * tests / rank);
        adjusted[place] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn eight_p_values_agree_with_scipy() {
        // scipy 1.17.1, scipy.stats.false_discovery_control(P).
        for (found, expected) in adjusted(&P).iter().zip(ADJUSTED) {
            assert!((found - expected).abs() < 1e-12, "{found} instead of {expected}");
        }
    }

    const P: [f64; 8] = [0.04, 0.001, 0.9, 0.01, 0.011, 0.5, 0.04, 0.2];
    const ADJUSTED: [f64; 8] =
        [0.064, 0.008, 0.9, 0.02933333333333333, 0.02933333333333333, 0.5714285714285714, 0.064, 0.26666666666666666];

    #[test]
    fn one_p_value_stays_what_it_is_and_none_are_none() {
        assert_eq!(adjusted(&[0.03]), [0.03]);
        assert!(adjusted(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn an_adjusted_value_is_no_smaller_and_keeps_the_order(
            p in proptest::collection::vec(0.0..=1.0_f64, 1..40),
        ) {
            let q = adjusted(&p);
            for i in 0..p.len() {
                prop_assert!(q[i] >= p[i] - 1e-15 && q[i] <= 1.0);
                for j in 0..p.len() {
                    prop_assert!(p[i] > p[j] || q[i] <= q[j]);
                }
            }
        }
    }
}
