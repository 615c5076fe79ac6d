//! Page and Hinkley's test: whether the values of a stream keep away from the mean they have had so far.
//!
//! Page (1954), "Continuous inspection schemes", with the fading sums and both directions of river 0.23.0, to the
//! digit. As there, the value after a detection starts afresh. The threshold is in the unit of the values.

use serde::{Deserialize, Serialize};

use super::stream::{Change, Refused, usable};

/// What the test looks for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// From how many values on it answers.
    pub min_instances: u32,
    /// A difference from the mean that is let pass; not below 0, in the unit of the values.
    pub delta: f64,
    /// The sum of differences that is a change; above 0, in the unit of the values.
    pub threshold: f64,
    /// The share of the sums that each value keeps; within (0, 1].
    pub alpha: f64,
    /// Which changes count.
    pub mode: Mode,
}

/// Which way a mean may move to be reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Either way.
    Both,
    /// Upwards only.
    Up,
    /// Downwards only.
    Down,
}

impl Default for Settings {
    /// river's.
    fn default() -> Self {
        Self { min_instances: 30, delta: 0.005, threshold: 50.0, alpha: 1.0 - 0.0001, mode: Mode::Both }
    }
}

/// Settings under which the test means nothing.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// The tolerance is negative or no number.
    #[error("delta is {0} and may not be below 0")]
    Delta(f64),
    /// The threshold is not positive.
    #[error("the threshold is {0} and has to be above 0")]
    Threshold(f64),
    /// The share kept is no share.
    #[error("alpha is {0} and has to be above 0 and at most 1")]
    Alpha(f64),
}

/// The state of the test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageHinkley {
    settings: Settings,
    sums: Sums,
    detected: bool,
}

/// The fading sums and how far each has been on the side where no change is. The first value is its own mean, so that
/// the sums begin at minus and plus delta, and zero is no better extreme than these.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sums {
    count: u32,
    mean: f64,
    rising: f64,
    falling: f64,
    lowest: f64,
    highest: f64,
    since_lowest: u32,
    since_highest: u32,
}

impl PageHinkley {
    /// The test before its first value.
    ///
    /// # Errors
    /// Where a setting is out of its range.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let Settings { delta, threshold, alpha, .. } = settings;
        if !(delta >= 0.0 && delta.is_finite()) {
            return Err(SettingsError::Delta(delta));
        }
        if !(threshold > 0.0 && threshold.is_finite()) {
            return Err(SettingsError::Threshold(threshold));
        }
        if !(alpha > 0.0 && alpha <= 1.0) {
            return Err(SettingsError::Alpha(alpha));
        }
        Ok(Self { settings, sums: Sums::default(), detected: false })
    }

    /// Takes the next value; says what changed where a sum has crossed the threshold.
    ///
    /// The mean before is that of all values so far. The mean after is an estimate: what the values since the sum
    /// turned were away from it on average, as of a tabular CUSUM (Montgomery, section 9.1), which fading makes a
    /// little small.
    ///
    /// # Errors
    /// Where the value is NaN, infinite or beyond 1e100; the state stays as it was.
    pub fn update(&mut self, value: f64) -> Result<Option<Change>, Refused> {
        let value = usable(value)?;
        if self.detected {
            self.sums = Sums::default();
        }
        self.sums.add(value, &self.settings);
        let change = self.check();
        self.detected = change.is_some();
        Ok(change)
    }

    /// The greater of the two sums that are held against the threshold, of those that count.
    pub fn statistic(&self) -> f64 {
        match self.settings.mode {
            Mode::Both => self.sums.rise().max(self.sums.fall()),
            Mode::Up => self.sums.rise(),
            Mode::Down => self.sums.fall(),
        }
    }

    fn check(&self) -> Option<Change> {
        let sums = &self.sums;
        let Settings { min_instances, delta, threshold, mode, .. } = self.settings;
        if sums.count < min_instances || self.statistic() <= threshold {
            return None;
        }
        let rose = mode == Mode::Up || (mode == Mode::Both && sums.rise() >= sums.fall());
        let moved = if rose {
            per_step(sums.rise(), sums.since_lowest) + delta
        } else {
            -per_step(sums.fall(), sums.since_highest) - delta
        };
        Some(Change { before: sums.mean, after: sums.mean + moved })
    }
}

impl Sums {
    fn add(&mut self, value: f64, settings: &Settings) {
        self.count = self.count.saturating_add(1);
        self.mean += (1.0 / f64::from(self.count)) * (value - self.mean);
        let deviation = value - self.mean;
        self.rising = settings.alpha * self.rising + deviation - settings.delta;
        self.falling = settings.alpha * self.falling + deviation + settings.delta;
        self.since_lowest = self.since_lowest.saturating_add(1);
        self.since_highest = self.since_highest.saturating_add(1);
        if self.rising < self.lowest {
            self.lowest = self.rising;
            self.since_lowest = 0;
        }
        if self.falling > self.highest {
            self.highest = self.falling;
            self.since_highest = 0;
        }
    }

    fn rise(&self) -> f64 {
        self.rising - self.lowest
    }

    fn fall(&self) -> f64 {
        self.highest - self.falling
    }
}

fn per_step(sum: f64, steps: u32) -> f64 {
    sum / f64::from(steps.max(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fresh(mode: Mode) -> PageHinkley {
        PageHinkley::new(Settings { mode, ..Settings::default() }).unwrap()
    }

    /// A hundred zeros, then as many of `level`.
    fn step_to(level: f64, mode: Mode) -> Option<Change> {
        let mut test = fresh(mode);
        (0..200).map(|i| if i < 100 { 0.0 } else { level }).find_map(|v| test.update(v).unwrap())
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let of = |settings| PageHinkley::new(settings).unwrap_err();
        assert_eq!(of(Settings { delta: -0.1, ..Settings::default() }), SettingsError::Delta(-0.1));
        assert_eq!(of(Settings { threshold: 0.0, ..Settings::default() }), SettingsError::Threshold(0.0));
        assert_eq!(of(Settings { alpha: 1.1, ..Settings::default() }), SettingsError::Alpha(1.1));
        assert!(PageHinkley::new(Settings { alpha: f64::NAN, ..Settings::default() }).is_err());
    }

    #[test]
    fn a_rise_by_two_is_found_with_its_direction_and_about_its_size() {
        let change = step_to(2.0, Mode::Both).unwrap();
        assert!(change.difference() > 1.2 && change.difference() < 2.1, "{change:?}");
        assert!(step_to(-2.0, Mode::Both).unwrap().difference() < -1.2);
    }

    #[test]
    fn a_change_the_other_way_is_none_of_a_one_sided_test() {
        assert!(step_to(2.0, Mode::Up).is_some());
        assert!(step_to(-2.0, Mode::Down).is_some());
        assert_eq!(step_to(2.0, Mode::Down), None);
        assert_eq!(step_to(-2.0, Mode::Up), None);
    }

    #[test]
    fn a_value_that_is_no_number_is_refused_and_changes_nothing() {
        let mut test = fresh(Mode::Both);
        test.update(1.0).unwrap();
        let before = test.clone();
        assert!(test.update(f64::NAN).is_err());
        assert_eq!(test, before);
    }

    proptest! {
        #[test]
        fn a_stored_state_goes_on_as_the_one_that_was_never_stored(
            values in proptest::collection::vec(-9.0..9.0_f64, 1..120), split in 0..120_usize,
        ) {
            let mut through = fresh(Mode::Both);
            let mut stored = fresh(Mode::Both);
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
