//! KSWIN: whether the newest values of a sliding window come from the same distribution as a sample of its older ones.
//!
//! Raab, Heusinger and Schleif (2020), "Reactive soft prototype computing for concept drift streams", as river 0.23.0
//! runs it: the exact two-sample Kolmogorov-Smirnov test of equal sizes, which also needs a distance above 0.1, and a
//! fresh start with the value after a detection. The sample is drawn by a seed, so that a stored state draws what the
//! running one would have drawn.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::stream::{Change, Refused, usable};
use super::{Sample, ks};
use crate::draw::Draws;

/// Distances up to this are no change however unlikely: river's.
const SMALL: f64 = 0.1;

/// The largest sample whose exact p-value river, that is scipy, would take.
const LARGEST: usize = 10_000;

/// What is compared with what.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The p-value at and below which the window has changed; within (0, 1). Every value is a test: keep it small.
    pub alpha: f64,
    /// Values of the window.
    pub window: usize,
    /// Newest values that are compared, and older ones drawn; at least 1 and at most half of the window.
    pub newest: usize,
}

impl Default for Settings {
    /// river's.
    fn default() -> Self {
        Self { alpha: 0.005, window: 100, newest: 30 }
    }
}

/// Settings under which the test means nothing.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// The level is no chance.
    #[error("alpha is {0} and has to lie between 0 and 1")]
    Alpha(f64),
    /// The older part is too short to draw as many values as the newer has, or there are none or too many.
    #[error("{newest} newest values cannot be compared in a window of {window}")]
    Newest {
        /// Values of the newer part.
        newest: usize,
        /// Values of the window.
        window: usize,
    },
}

/// What the test found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    /// The greatest distance between the distribution functions, 0 to 1: the effect size.
    pub distance: f64,
    /// The chance of at least this distance without a change.
    pub p_value: f64,
    /// The means of the older values drawn and of the newest.
    pub means: Change,
}

/// The state of the test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kswin {
    settings: Settings,
    seed: u64,
    tests: u64,
    window: VecDeque<f64>,
    detected: bool,
}

impl Kswin {
    /// The test before its first value; `seed` decides which older values are drawn.
    ///
    /// # Errors
    /// Where a setting is out of its range.
    pub fn new(settings: Settings, seed: u64) -> Result<Self, SettingsError> {
        let Settings { alpha, window, newest } = settings;
        if !(alpha > 0.0 && alpha < 1.0) {
            return Err(SettingsError::Alpha(alpha));
        }
        if newest == 0 || newest > LARGEST || newest > window / 2 {
            return Err(SettingsError::Newest { newest, window });
        }
        Ok(Self { settings, seed, tests: 0, window: VecDeque::new(), detected: false })
    }

    /// Takes the next value; says what changed where the newest values are unlike the older ones.
    ///
    /// # Errors
    /// Where the value is NaN, infinite or beyond 1e100; the state stays as it was.
    pub fn update(&mut self, value: f64) -> Result<Option<Shift>, Refused> {
        let (seed, number) = (self.seed, self.tests);
        self.update_drawing(value, |older, count| Draws::seeded(seed, number).distinct(older, count))
    }

    /// As [`Self::update`], with the places of the older values from `draw`: so many different ones (its second
    /// argument) of so many (its first), 0 the oldest.
    pub(super) fn update_drawing(
        &mut self,
        value: f64,
        draw: impl FnOnce(usize, usize) -> Vec<usize>,
    ) -> Result<Option<Shift>, Refused> {
        let value = usable(value)?;
        if self.detected {
            self.window.clear();
            self.detected = false;
        }
        self.window.push_back(value);
        if self.window.len() > self.settings.window {
            self.window.pop_front();
        }
        if self.window.len() < self.settings.window {
            return Ok(None);
        }
        self.tests += 1;
        let older = self.settings.window.saturating_sub(self.settings.newest);
        let drawn = draw(older, self.settings.newest);
        debug_assert!(drawn.len() == self.settings.newest && drawn.iter().all(|place| *place < older));
        let drawn = drawn.into_iter().filter_map(|place| self.window.get(place));
        let drawn = Sample::new(drawn.copied().collect());
        let newest = Sample::new(self.window.iter().skip(older).copied().collect());
        let shift = drawn.ok().zip(newest.ok()).map(|(drawn, newest)| compare(&drawn, &newest));
        let shift = shift.filter(|s| s.p_value <= self.settings.alpha && s.distance > SMALL);
        self.detected = shift.is_some();
        Ok(shift)
    }
}

fn compare(drawn: &Sample, newest: &Sample) -> Shift {
    let size = newest.len();
    // Of equal sizes the distance is a whole number of steps; dividing anew takes the rounding of differences away.
    let distance = (ks::distance(drawn, newest) * size as f64).round() / size as f64;
    Shift {
        distance,
        p_value: ks::p_value_exact(distance, size, size),
        means: Change { before: drawn.mean(), after: newest.mean() },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn small(seed: u64) -> Kswin {
        Kswin::new(Settings { alpha: 0.01, window: 20, newest: 8 }, seed).unwrap()
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let of = |settings| Kswin::new(settings, 0).unwrap_err();
        assert_eq!(of(Settings { alpha: 0.0, ..Settings::default() }), SettingsError::Alpha(0.0));
        assert_eq!(
            of(Settings { newest: 51, ..Settings::default() }),
            SettingsError::Newest { newest: 51, window: 100 }
        );
        assert!(Kswin::new(Settings { newest: 0, ..Settings::default() }, 0).is_err());
    }

    #[test]
    fn a_jump_is_found_whatever_the_seed_and_says_how_far_the_means_are_apart() {
        for seed in 0..20 {
            let mut test = small(seed);
            let values = (0..60).map(|i| f64::from(i % 7) + if i < 30 { 0.0 } else { 50.0 });
            let shift = values.filter_map(|v| test.update(v).unwrap()).next().unwrap();
            assert!(shift.distance > 0.7 && shift.means.difference() > 30.0, "{shift:?}");
        }
    }

    #[test]
    fn a_constant_stream_never_changes() {
        let mut test = small(1);
        assert!((0..200).all(|_| test.update(4.0).unwrap().is_none()));
    }

    #[test]
    fn a_value_that_is_no_number_is_refused_and_changes_nothing() {
        let mut test = small(1);
        test.update(1.0).unwrap();
        let before = test.clone();
        assert!(test.update(f64::NAN).is_err());
        assert_eq!(test, before);
    }

    proptest! {
        #[test]
        fn a_stored_state_draws_on_as_the_one_that_was_never_stored(
            values in proptest::collection::vec(-3.0..3.0_f64, 30..80), split in 0..80_usize, seed: u64,
        ) {
            let (mut through, mut stored) = (small(seed), small(seed));
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
