//! ADWIN: a window over a stream that grows while its mean holds and loses its oldest part when the mean has moved.
//!
//! Bifet and Gavaldà (2007), "Learning from time-changing data with adaptive windowing", in the form with the window's
//! variance that river 0.23.0 runs, to the digit. As there, the value after a detection starts a fresh window; the
//! paper would keep the newer part.

use std::collections::VecDeque;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::stream::{Change, Refused, usable};

/// How ADWIN looks at its window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The chance that a check of a steady stream is mistaken, by the paper's bound; within (0, 1).
    pub delta: f64,
    /// Every how many values the window is checked.
    pub clock: NonZeroU32,
    /// How many buckets of one size there are before two are merged; at least 2.
    pub max_buckets: usize,
    /// The fewest values of either part; at least 1.
    pub min_window_length: u32,
    /// The window is checked when it holds more values than this.
    pub grace_period: u32,
}

impl Default for Settings {
    /// river's.
    fn default() -> Self {
        Self {
            delta: 0.002,
            clock: NonZeroU32::MIN.saturating_add(31),
            max_buckets: 5,
            min_window_length: 5,
            grace_period: 10,
        }
    }
}

/// Settings under which ADWIN means nothing.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// The confidence is no chance.
    #[error("delta is {0} and has to lie between 0 and 1")]
    Delta(f64),
    /// With fewer than two buckets of a size, merging leaves sizes without any.
    #[error("{0} buckets of a size are too few; there have to be at least 2")]
    MaxBuckets(usize),
    /// A part without values has no mean.
    #[error("a part of the window needs at least 1 value")]
    MinWindowLength,
}

/// The state of ADWIN.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adwin {
    settings: Settings,
    window: Window,
    ticks: u64,
    detected: bool,
}

/// An exponential histogram: buckets of 1, 2, 4, … values, in each row the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Window {
    rows: Vec<VecDeque<Bucket>>,
    width: u64,
    total: f64,
    squares: f64,
}

/// The sum of a bucket's values and the sum of their squared distances from its mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Bucket {
    total: f64,
    squares: f64,
}

impl Adwin {
    /// ADWIN before its first value.
    ///
    /// # Errors
    /// Where a setting is out of its range.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        if !(settings.delta > 0.0 && settings.delta < 1.0) {
            return Err(SettingsError::Delta(settings.delta));
        }
        if settings.max_buckets < 2 {
            return Err(SettingsError::MaxBuckets(settings.max_buckets));
        }
        if settings.min_window_length == 0 {
            return Err(SettingsError::MinWindowLength);
        }
        Ok(Self { settings, window: Window::default(), ticks: 0, detected: false })
    }

    /// Takes the next value; says what changed where the window's older part had to go.
    ///
    /// # Errors
    /// Where the value is NaN, infinite or beyond 1e100; the state stays as it was.
    pub fn update(&mut self, value: f64) -> Result<Option<Change>, Refused> {
        let value = usable(value)?;
        if self.detected {
            self.window = Window::default();
            self.ticks = 0;
        }
        self.window.insert(value, self.settings.max_buckets);
        self.ticks += 1;
        let change = self.check();
        self.detected = change.is_some();
        Ok(change)
    }

    /// How many values the window holds.
    pub fn width(&self) -> u64 {
        self.window.width
    }

    /// The mean of the window, 0 before the first value.
    pub fn mean(&self) -> f64 {
        if self.window.width == 0 { 0.0 } else { self.window.total / self.window.width as f64 }
    }

    /// The variance of the window (divisor n), 0 before the first value.
    pub fn variance(&self) -> f64 {
        if self.window.width == 0 { 0.0 } else { self.window.variance() }
    }

    fn check(&mut self) -> Option<Change> {
        let due = self.ticks.is_multiple_of(u64::from(self.settings.clock.get()));
        if !due || self.window.width <= u64::from(self.settings.grace_period) {
            return None;
        }
        let (mut width, mut total) = (0_u64, 0.0);
        while self.window.has_cut(&self.settings) {
            let Some((dropped, sum)) = self.window.drop_oldest() else { break };
            width += dropped;
            total += sum;
        }
        (width > 0).then(|| Change { before: total / width as f64, after: self.mean() })
    }
}

impl Window {
    fn variance(&self) -> f64 {
        self.squares / self.width as f64
    }

    fn insert(&mut self, value: f64, max_buckets: usize) {
        match self.rows.first_mut() {
            Some(row) => row.push_back(Bucket { total: value, squares: 0.0 }),
            None => self.rows.push(VecDeque::from([Bucket { total: value, squares: 0.0 }])),
        }
        self.width += 1;
        if self.width > 1 {
            let (width, before) = (self.width as f64, self.width as f64 - 1.0);
            let distance = value - self.total / before;
            self.squares += before * distance * distance / width;
        }
        self.total += value;
        self.compress(max_buckets);
    }

    /// Merges the two oldest buckets of a size into one of the next, from the smallest size on while one is too many.
    fn compress(&mut self, max_buckets: usize) {
        let mut size = 1.0;
        for row in 0.. {
            let Some(buckets) = self.rows.get_mut(row).filter(|buckets| buckets.len() > max_buckets) else { return };
            let (Some(older), Some(newer)) = (buckets.pop_front(), buckets.pop_front()) else { return };
            let merged = older.merged(newer, size);
            match self.rows.get_mut(row + 1) {
                Some(next) => next.push_back(merged),
                None => self.rows.push(VecDeque::from([merged])),
            }
            size *= 2.0;
        }
    }

    /// Whether some cut splits the window into parts whose means are further apart than chance explains.
    fn has_cut(&self, settings: &Settings) -> bool {
        let (mut older, mut older_total) = (0.0, 0.0);
        let (mut newer, mut newer_total) = (self.width as f64, self.total);
        let fewest = f64::from(settings.min_window_length);
        for (row, buckets) in self.rows.iter().enumerate().rev() {
            let size = size_of_row(row) as f64;
            for bucket in buckets {
                older += size;
                newer -= size;
                older_total += bucket.total;
                newer_total -= bucket.total;
                if older >= fewest && newer >= fewest {
                    let distance = older_total / older - newer_total / newer;
                    if distance.abs() > self.bound(older, newer, settings) {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// The distance of means that chance explains: theorem 3.1 of the paper with the window's variance.
    fn bound(&self, older: f64, newer: f64, settings: &Settings) -> f64 {
        let fewest = f64::from(settings.min_window_length);
        let confidence = (2.0 * (self.width as f64).ln() / settings.delta).ln();
        let harmonic = 1.0 / (older - fewest + 1.0) + 1.0 / (newer - fewest + 1.0);
        (2.0 * harmonic * self.variance() * confidence).sqrt() + 2.0 / 3.0 * confidence * harmonic
    }

    /// Drops the oldest bucket; how many values it held, and their sum.
    fn drop_oldest(&mut self) -> Option<(u64, f64)> {
        let size = size_of_row(self.rows.len().checked_sub(1)?);
        let buckets = self.rows.last_mut()?;
        let bucket = buckets.pop_front()?;
        if buckets.is_empty() {
            self.rows.pop();
        }
        self.width = self.width.checked_sub(size)?;
        self.total -= bucket.total;
        let (n, left) = (size as f64, self.width as f64);
        let distance = bucket.total / n - self.total / left;
        self.squares -= bucket.squares + n * left * distance * distance / (n + left);
        Some((size, bucket.total))
    }
}

impl Bucket {
    /// Both buckets, each of `size` values, as one.
    fn merged(self, other: Self, size: f64) -> Self {
        let distance = self.total / size - other.total / size;
        let between = size * size * distance * distance / (size + size);
        Self { total: self.total + other.total, squares: self.squares + other.squares + between }
    }
}

/// How many values a bucket of a row holds.
fn size_of_row(row: usize) -> u64 {
    1_u64.checked_shl(row as u32).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fresh() -> Adwin {
        Adwin::new(Settings::default()).unwrap()
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let with = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            Adwin::new(settings).unwrap_err()
        };
        assert_eq!(with(|s| s.delta = 1.0), SettingsError::Delta(1.0));
        assert!(matches!(with(|s| s.delta = f64::NAN), SettingsError::Delta(_)));
        assert_eq!(with(|s| s.max_buckets = 1), SettingsError::MaxBuckets(1));
        assert_eq!(with(|s| s.min_window_length = 0), SettingsError::MinWindowLength);
    }

    #[test]
    fn a_value_that_is_no_number_is_refused_and_changes_nothing() {
        let mut adwin = fresh();
        adwin.update(1.0).unwrap();
        let before = adwin.clone();
        assert!(adwin.update(f64::NAN).is_err());
        assert_eq!(adwin.update(f64::INFINITY), Err(Refused { value: f64::INFINITY }));
        assert_eq!(adwin, before);
    }

    #[test]
    fn a_level_that_rose_by_five_is_found_with_its_size() {
        let mut adwin = fresh();
        let change = (0..400).map(|i| if i < 320 { 0.0 } else { 5.0 }).find_map(|v| adwin.update(v).unwrap()).unwrap();
        // Found at the 352nd value: the window keeps the 32 of 5 and, in the bucket that spans the change, 8 of 0.
        assert_eq!(adwin.width(), 40);
        assert_eq!(change, Change { before: 0.0, after: 4.0 });
    }

    proptest! {
        #[test]
        fn a_stored_state_goes_on_as_the_one_that_was_never_stored(
            values in proptest::collection::vec(-3.0..3.0_f64, 1..200), split in 0..200_usize,
        ) {
            let mut through = fresh();
            let mut stored = fresh();
            for (i, value) in values.iter().enumerate() {
                if i == split {
                    stored = serde_json::from_str(&serde_json::to_string(&stored).unwrap()).unwrap();
                }
                prop_assert_eq!(through.update(*value), stored.update(*value));
            }
            prop_assert_eq!(through, stored);
        }

        #[test]
        fn the_window_holds_what_its_buckets_hold(values in proptest::collection::vec(-3.0..3.0_f64, 1..300)) {
            let mut adwin = fresh();
            for value in values {
                adwin.update(value).unwrap();
                let held: u64 =
                    adwin.window.rows.iter().enumerate().map(|(row, b)| b.len() as u64 * size_of_row(row)).sum();
                prop_assert_eq!(held, adwin.width());
                prop_assert!(adwin.window.rows.iter().all(|b| !b.is_empty() && b.len() <= 5));
                prop_assert!(adwin.variance() >= -1e-9);
            }
        }
    }
}
