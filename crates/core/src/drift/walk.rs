//! Two sorted samples walked through together, from value to value.

/// How many values of each sample are the same one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    /// The value.
    pub value: f64,
    /// The first sample's values that are it.
    pub first: usize,
    /// The second sample's values that are it.
    pub second: usize,
}

/// The different values of both samples in ascending order.
pub(super) fn steps<'a>(a: &'a [f64], b: &'a [f64]) -> impl Iterator<Item = Step> + 'a {
    let (mut a, mut b) = (a, b);
    std::iter::from_fn(move || {
        let value = match (a.first(), b.first()) {
            (Some(x), Some(y)) => x.min(*y),
            (one, other) => *one.or(other)?,
        };
        let same = |values: &[f64]| values.iter().take_while(|v| **v <= value).count();
        let step = Step { value, first: same(a), second: same(b) };
        (a, b) = (&a[step.first..], &b[step.second..]);
        Some(step)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_either_sample_is_one_step() {
        let found: Vec<_> = steps(&[1.0, 2.0, 2.0], &[0.5, 2.0, 3.0]).map(|s| (s.value, s.first, s.second)).collect();
        assert_eq!(found, [(0.5, 0, 1), (1.0, 1, 0), (2.0, 2, 1), (3.0, 0, 1)]);
    }
}
