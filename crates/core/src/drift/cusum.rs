//! The two-sided tabular CUSUM: sums of what values exceed their target by, up and down, that restart at zero.
//!
//! Page (1954), "Continuous inspection schemes"; Montgomery, "Introduction to statistical quality control", section
//! 9.1. The textbook's k = 1/2 and h = 5 alarm once in 465 independent values and far oftener of dependent ones: h is
//! better taken from a block bootstrap of the reference ([`crate::bootstrap`]).

use serde::{Deserialize, Serialize};

use super::stream::{Change, Refused, usable};

/// What is held against what.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The mean of a stream without change, in the unit of the values.
    pub target: f64,
    /// A distance from the target that is let pass: half the change that is to be found. Not below 0.
    pub k: f64,
    /// The sum that is a change. Above 0.
    pub h: f64,
}

impl Default for Settings {
    /// Montgomery's for standardised values.
    fn default() -> Self {
        Self { target: 0.0, k: 0.5, h: 5.0 }
    }
}

/// Settings under which a CUSUM means nothing.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// The target is no number.
    #[error("the target is {0} and has to be finite")]
    Target(f64),
    /// The allowance is negative or no number.
    #[error("k is {0} and may not be below 0")]
    Allowance(f64),
    /// The interval is not positive.
    #[error("h is {0} and has to be above 0")]
    Interval(f64),
}

/// The state of the chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cusum {
    settings: Settings,
    above: Side,
    below: Side,
}

/// The sum of a side, and how many values it has been above zero for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Side {
    sum: f64,
    steps: u32,
}

impl Cusum {
    /// A chart before its first value.
    ///
    /// # Errors
    /// Where a setting is out of its range.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        if !settings.target.is_finite() {
            return Err(SettingsError::Target(settings.target));
        }
        if !(settings.k >= 0.0 && settings.k.is_finite()) {
            return Err(SettingsError::Allowance(settings.k));
        }
        if !(settings.h > 0.0 && settings.h.is_finite()) {
            return Err(SettingsError::Interval(settings.h));
        }
        Ok(Self { settings, above: Side::default(), below: Side::default() })
    }

    /// Takes the next value; says what changed where a sum is beyond h, and starts both sums afresh.
    ///
    /// The mean before is the target. The mean after is Montgomery's estimate: the target moved by k and by the sum
    /// over the number of values that made it.
    ///
    /// # Errors
    /// Where the value is NaN, infinite or beyond 1e100; the state stays as it was.
    pub fn update(&mut self, value: f64) -> Result<Option<Change>, Refused> {
        let value = usable(value)?;
        let Settings { target, k, h } = self.settings;
        self.above.add(value - (target + k));
        self.below.add((target - k) - value);
        if self.above.sum.max(self.below.sum) <= h {
            return Ok(None);
        }
        let after = if self.above.sum >= self.below.sum {
            target + k + self.above.per_step()
        } else {
            target - k - self.below.per_step()
        };
        self.above = Side::default();
        self.below = Side::default();
        Ok(Some(Change { before: target, after }))
    }

    /// The sums above and below the target; both zero after a change.
    pub fn sums(&self) -> (f64, f64) {
        (self.above.sum, self.below.sum)
    }
}

impl Side {
    fn add(&mut self, excess: f64) {
        let sum = self.sum + excess;
        *self = if sum > 0.0 { Self { sum, steps: self.steps.saturating_add(1) } } else { Self::default() };
    }

    fn per_step(self) -> f64 {
        self.sum / f64::from(self.steps.max(1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn textbook() -> Cusum {
        Cusum::new(Settings::default()).unwrap()
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let of = |settings| Cusum::new(settings).unwrap_err();
        assert_eq!(of(Settings { k: -1.0, ..Settings::default() }), SettingsError::Allowance(-1.0));
        assert_eq!(of(Settings { h: 0.0, ..Settings::default() }), SettingsError::Interval(0.0));
        assert!(matches!(of(Settings { target: f64::NAN, ..Settings::default() }), SettingsError::Target(_)));
    }

    #[test]
    fn a_rise_worked_by_hand_is_found_at_the_fourth_value() {
        // Each value of 2 adds 1.5: 1.5, 3, 4.5, 6 > 5. The estimate is 0 + 0.5 + 6/4 = 2.
        let mut chart = textbook();
        for _ in 0..3 {
            assert_eq!(chart.update(2.0), Ok(None));
        }
        assert_eq!(chart.update(2.0), Ok(Some(Change { before: 0.0, after: 2.0 })));
        assert_eq!(chart.sums(), (0.0, 0.0));
    }

    #[test]
    fn a_value_that_is_no_number_is_refused_and_changes_nothing() {
        let mut chart = textbook();
        chart.update(2.0).unwrap();
        assert!(chart.update(f64::NEG_INFINITY).is_err());
        assert_eq!(chart.update(1e101), Err(Refused { value: 1e101 }));
        assert_eq!(chart.sums(), (1.5, 0.0));
    }

    proptest! {
        #[test]
        fn a_mirrored_stream_changes_at_the_same_values_the_other_way(
            values in proptest::collection::vec(-3.0..3.0_f64, 1..200),
        ) {
            let (mut chart, mut mirror) = (textbook(), textbook());
            for value in values {
                let change = chart.update(value).unwrap().map(|c| c.difference());
                let mirrored = mirror.update(-value).unwrap().map(|c| -c.difference());
                prop_assert_eq!(change, mirrored);
            }
        }

        #[test]
        fn a_stored_state_goes_on_as_the_one_that_was_never_stored(
            values in proptest::collection::vec(-3.0..3.0_f64, 1..60), split in 0..60_usize,
        ) {
            let (mut through, mut stored) = (textbook(), textbook());
            for (i, value) in values.iter().enumerate() {
                if i == split {
                    stored = serde_json::from_str(&serde_json::to_string(&stored).unwrap()).unwrap();
                }
                prop_assert_eq!(through.update(*value), stored.update(*value));
            }
            prop_assert_eq!(through, stored);
        }
    }
}
