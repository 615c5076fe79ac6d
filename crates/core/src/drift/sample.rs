//! Samples that statistics can be computed of: not empty, every value finite, sorted once.

use serde::{Deserialize, Serialize};

/// A sample: at least one value, all of them finite, in ascending order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub struct Sample(Vec<f64>);

/// Values of which no statistic is defined.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SampleError {
    /// There are none.
    #[error("a sample needs at least one value")]
    Empty,
    /// One is NaN or infinite.
    #[error("value {index} of the sample is {value}; leave out what is missing before comparing")]
    NotFinite {
        /// Its place, from 0.
        index: usize,
        /// What it is.
        value: f64,
    },
}

impl Sample {
    /// Makes a sample of values in any order.
    ///
    /// # Errors
    /// Where there are no values, or one is NaN or infinite.
    pub fn new(mut values: Vec<f64>) -> Result<Self, SampleError> {
        if values.is_empty() {
            return Err(SampleError::Empty);
        }
        if let Some((index, &value)) = values.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(SampleError::NotFinite { index, value });
        }
        values.sort_unstable_by(f64::total_cmp);
        Ok(Self(values))
    }

    /// The values in ascending order.
    pub fn sorted(&self) -> &[f64] {
        &self.0
    }

    /// How many values there are; at least one.
    #[allow(clippy::len_without_is_empty, reason = "a sample is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }

    /// The standard deviation of the values themselves (divisor n); infinite where their squares go beyond the range of
    /// numbers.
    pub fn deviation(&self) -> f64 {
        // Rounding of the mean would leave something of values that are all the same.
        if self.is_constant() {
            return 0.0;
        }
        let (mean, n) = (self.mean(), self.0.len() as f64);
        // What the rounded mean leaves counts where values are large beside their spread.
        let left = self.0.iter().map(|v| v - mean).sum::<f64>() / n;
        if !left.is_finite() {
            return f64::INFINITY;
        }
        (self.0.iter().map(|v| (v - mean - left).powi(2)).sum::<f64>() / n).sqrt()
    }

    /// Whether all values are the same.
    pub fn is_constant(&self) -> bool {
        self.0.first() == self.0.last()
    }

    /// The quantile at `share` (kept within 0 to 1), linear between neighbours: type 7 of Hyndman and Fan (1996),
    /// numpy's.
    pub fn quantile(&self, share: f64) -> f64 {
        let place = share.clamp(0.0, 1.0) * (self.0.len() - 1) as f64;
        let below = self.0[place.floor() as usize];
        let above = self.0[place.ceil() as usize];
        let apart = above - below;
        // Of the largest numbers the distance is none, and what lies between them is.
        if apart.is_finite() {
            below + apart * place.fract()
        } else {
            below * (1.0 - place.fract()) + above * place.fract()
        }
    }
}

impl TryFrom<Vec<f64>> for Sample {
    type Error = SampleError;

    fn try_from(values: Vec<f64>) -> Result<Self, SampleError> {
        Self::new(values)
    }
}

impl From<Sample> for Vec<f64> {
    fn from(sample: Sample) -> Self {
        sample.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_without_values_is_refused() {
        assert_eq!(Sample::new(vec![]), Err(SampleError::Empty));
    }

    #[test]
    fn a_missing_or_infinite_value_is_refused_by_its_place() {
        let place = |values: Vec<f64>| match Sample::new(values) {
            Err(SampleError::NotFinite { index, .. }) => index,
            other => panic!("{other:?}"),
        };
        assert_eq!(place(vec![1.0, f64::NAN]), 1);
        assert_eq!(place(vec![f64::NEG_INFINITY, 1.0]), 0);
    }

    #[test]
    fn a_quantile_between_the_largest_numbers_lies_between_them() {
        let sample = Sample::new(vec![-1.7e308, 1.7e308]).unwrap();
        assert_eq!(sample.quantile(0.5), 0.0);
        assert!((sample.quantile(0.75) / 0.85e308 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_quantile_between_two_values_is_linear() {
        // (0.3 of 4 steps) = 1.2: a fifth of the way from 2 to 3.
        let sample = Sample::new(vec![5.0, 1.0, 4.0, 2.0, 3.0]).unwrap();
        assert!((sample.quantile(0.3) - 2.2).abs() < 1e-12);
        assert_eq!(sample.quantile(1.0), 5.0);
    }

    #[test]
    fn values_that_are_all_the_same_have_no_deviation_though_their_mean_is_rounded() {
        assert_eq!(Sample::new(vec![0.1; 10]).unwrap().deviation(), 0.0);
        assert_eq!(Sample::new(vec![1e16 + 2.0; 7]).unwrap().deviation(), 0.0);
    }

    #[test]
    fn the_deviation_keeps_its_digits_far_from_zero() {
        // A third each 2^-10 below, at and above a number whose neighbours lie 2^-23 apart: of variance 2/3 2^-20.
        let values = (0..30_000).map(|i| 1e9 + f64::from(i % 3 - 1) / 1_024.0).collect();
        let expected = (2.0_f64 / 3.0).sqrt() / 1_024.0;
        let found = Sample::new(values).unwrap().deviation();
        assert!((found / expected - 1.0).abs() < 1e-12, "{found} instead of {expected}");
    }

    #[test]
    fn a_deviation_beyond_the_range_of_numbers_is_infinite() {
        for values in [vec![f64::MAX, -f64::MAX], vec![f64::MAX, f64::MAX, 0.0], vec![0.0, 1e200]] {
            assert_eq!(Sample::new(values).unwrap().deviation(), f64::INFINITY);
        }
    }

    #[test]
    fn the_deviation_of_one_and_three_is_one() {
        assert_eq!(Sample::new(vec![1.0, 3.0]).unwrap().deviation(), 1.0);
    }
}
