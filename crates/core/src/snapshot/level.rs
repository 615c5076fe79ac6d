//! How high the values of a series stand: the measure that tells a wrong unit.

use serde::{Deserialize, Serialize};

/// How high values stand.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// The middle value; the mean of the two middle ones where their number is even.
    pub median: f64,
    /// How many values it is the middle of.
    pub values: u64,
    /// The least and the greatest value; none of a level of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(f64, f64)>,
    /// The most values in a row that are the same; none of a level of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub still: Option<u64>,
    /// The newest value; none of a level of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<f64>,
}

impl Level {
    /// The level of these values, in the order of time; none where there is no finite one.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
        let count = values.len();
        if count == 0 {
            return None;
        }
        let newest = values.last().copied();
        let still = values.chunk_by(|a, b| a == b).map(<[f64]>::len).max().map(|most| most as u64);
        let (below, upper, _) = values.select_nth_unstable_by(count / 2, f64::total_cmp);
        let upper = *upper;
        let median = match below.iter().copied().max_by(f64::total_cmp) {
            // Halved before they are added, since the sum of two large numbers may be infinite.
            Some(lower) if count.is_multiple_of(2) => lower / 2.0 + upper / 2.0,
            _ => upper,
        };
        let least = values.iter().copied().min_by(f64::total_cmp);
        let greatest = values.iter().copied().max_by(f64::total_cmp);
        Some(Self { median, values: count as u64, range: least.zip(greatest), still, newest })
    }

    /// The factor, at least 1, between this level and the nearest value that another has seen; none where either is not
    /// above zero, since a ratio to zero or between signs says nothing about a unit.
    ///
    /// To the nearest value and not to its median: on a grid of hydropower a windy day is a fiftieth of the usual one.
    pub fn factor(&self, other: &Self) -> Option<f64> {
        let (least, greatest) = other.range.unwrap_or((other.median, other.median));
        if !(self.median > 0.0 && greatest > 0.0) {
            return None;
        }
        // One hour of nothing within a month says nothing of how small a unit may be, and all of how large.
        let below = if least > 0.0 { least / self.median } else { 1.0 };
        Some((self.median / greatest).max(below).max(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_two_in_the_middle() {
        // Sorted: 1 2 4 100; (2 + 4) / 2 = 3.
        assert_eq!(
            Level::of([100.0, 2.0, 4.0, 1.0]),
            Some(Level { median: 3.0, values: 4, range: Some((1.0, 100.0)), still: Some(1), newest: Some(1.0) })
        );
    }

    #[test]
    fn the_median_of_an_odd_number_is_the_one_in_the_middle() {
        assert_eq!(
            Level::of([5.0, f64::NAN, 1.0, 300.0]),
            Some(Level { median: 5.0, values: 3, range: Some((1.0, 300.0)), still: Some(1), newest: Some(300.0) })
        );
    }

    #[test]
    fn the_most_equal_values_in_a_row_are_counted() {
        assert_eq!(Level::of([1.0, 2.0, 2.0, 2.0, 1.0, 1.0]).unwrap().still, Some(3));
    }

    #[test]
    fn nothing_has_no_level() {
        assert_eq!(Level::of([f64::NAN]), None);
    }

    #[test]
    fn the_factor_is_the_same_either_way() {
        let (grams, kilograms) = (Level::of([300.0]).unwrap(), Level::of([0.3]).unwrap());
        assert!((grams.factor(&kilograms).unwrap() - 1000.0).abs() < 1e-9);
        assert!((kilograms.factor(&grams).unwrap() - 1000.0).abs() < 1e-9);
    }

    #[test]
    fn a_level_within_what_was_seen_is_no_other_unit_however_far_from_the_usual_one() {
        let month = Level::of([2.0, 100.0, 110.0, 120.0]).unwrap();
        assert_eq!(Level::of([2.0]).unwrap().factor(&month), Some(1.0));
        assert_eq!(Level::of([1.0]).unwrap().factor(&month), Some(2.0));
        assert_eq!(Level::of([360.0]).unwrap().factor(&month), Some(3.0));
        // A level of an earlier version knows its median alone.
        let earlier = Level { range: None, ..month };
        assert_eq!(Level::of([35.0]).unwrap().factor(&earlier), Some(3.0));
    }

    #[test]
    fn an_hour_of_nothing_hides_no_unit_that_is_too_large() {
        let month = Level::of([0.0, 100.0, 110.0, 120.0]).unwrap();
        assert_eq!(Level::of([120_000.0]).unwrap().factor(&month), Some(1_000.0));
        assert_eq!(Level::of([0.1]).unwrap().factor(&month), Some(1.0));
    }

    #[test]
    fn zero_has_no_factor_to_anything() {
        assert_eq!(Level::of([0.0]).unwrap().factor(&Level::of([1.0]).unwrap()), None);
    }
}
