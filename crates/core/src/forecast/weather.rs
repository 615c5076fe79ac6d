//! Weather forecasts as they were known, and what of them a linear model looks at.
//!
//! A run is used from its issue and its delay on, and only the newest complete one: what a later run said of the same
//! hours is never seen. Wind and sun do not turn into generation in proportion, so each variable comes with the powers
//! of it that the plants' curves suggest, in the size of one.

mod table;

use serde::{Deserialize, Serialize};

pub use self::table::columns;

use crate::table::TableError;
use crate::time::{DAY, HOUR, Timestamp};

/// The version of the features: a stored model says which its weights belong to, so change it with the features.
pub(super) const VERSION: u32 = 1;
/// Hours before and after an hour whose mean weather counts for it too: the day around it, and the day and a half
/// before it, through which storage and markets remember.
const SPANS: [(i64, i64); 2] = [(12, 12), (36, 0)];
/// Powers and differences of the variables.
const CURVES: usize = 11;
/// Variables with means: wind, sun and temperature.
const MEANS: usize = 3;
/// Waves of the day, and of the year, that curves are multiplied with.
const DAY_WAVES: usize = 6;
const YEAR_WAVES: usize = 2;
/// The curves whose effect depends on the time of day: wind, its cube, sun, temperature.
const BY_HOUR: [usize; 4] = [0, 2, 3, 7];
/// The curves whose effect depends on the season: the same and the need for cooling.
const BY_SEASON: [usize; 5] = [0, 2, 3, 6, 7];
/// The number of features.
pub(super) const FEATURES: usize =
    CURVES + SPANS.len() * MEANS + BY_HOUR.len() * DAY_WAVES + BY_SEASON.len() * YEAR_WAVES + CURVES;

/// The weather over a zone in one hour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// Wind speed, in m/s.
    pub wind_ms: f64,
    /// Radiation that reaches the ground, in W/m2.
    pub sun_wm2: f64,
    /// Temperature, in K.
    pub temperature_k: f64,
    /// Dew point, in K.
    pub dew_point_k: f64,
    /// Precipitation, in mm within three hours.
    pub rain_mm: f64,
}

/// A weather forecast.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The time that it was issued, which is that of its first hour.
    pub issued: Timestamp,
    /// Hour by hour.
    pub hours: Vec<Conditions>,
}

/// The weather forecasts of a zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Weather {
    /// Seconds from a run's issue until it is known.
    delay: i64,
    /// Rising; each complete.
    runs: Vec<Summed>,
}

/// A run with the sums of its first hours, so that a mean costs the same whatever its length.
#[derive(Clone, Debug, PartialEq)]
struct Summed {
    run: Run,
    /// Of as many hours as the place says.
    sums: Vec<[f64; MEANS]>,
}

/// Runs that are no weather forecasts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeatherError {
    /// There is none.
    #[error("there is no run of weather forecasts that reaches {} hours ahead with values that can be true", DAY / HOUR)]
    Empty,
    /// A table is none of runs.
    #[error("no table of weather forecasts: {0}")]
    Table(String),
    /// Two were issued at the same time.
    #[error("two runs were issued at {issued}")]
    Twice {
        /// The time.
        issued: Timestamp,
    },
}

impl From<TableError> for WeatherError {
    fn from(said: TableError) -> Self {
        Self::Table(said.to_string())
    }
}

impl Weather {
    /// The longest time since the issue of a run that is used, in seconds.
    pub const OLDEST: i64 = 2 * DAY;

    /// Runs in any order, each known `delay` seconds after its issue. A run is left out that does not reach a day
    /// ahead, or has a value that cannot be true.
    ///
    /// # Errors
    /// Where none is left, or two were issued at the same time.
    pub fn new(delay: i64, mut runs: Vec<Run>) -> Result<Self, WeatherError> {
        runs.retain(|run| run.hours.len() as i64 * HOUR > DAY && run.hours.iter().all(Conditions::can_be_true));
        runs.sort_by_key(|run| run.issued);
        if let Some(pair) = runs.windows(2).find(|pair| pair[0].issued == pair[1].issued) {
            return Err(WeatherError::Twice { issued: pair[0].issued });
        }
        let runs: Vec<Summed> = runs.into_iter().map(Summed::of).collect();
        if runs.is_empty() { Err(WeatherError::Empty) } else { Ok(Self { delay, runs }) }
    }

    /// How many runs there are.
    pub fn count(&self) -> usize {
        self.runs.len()
    }

    /// What was known at `origin`.
    pub(super) fn before(&self, origin: Timestamp) -> Self {
        let known = self.runs.iter().take_while(|summed| summed.run.issued.plus(self.delay) <= origin);
        Self { delay: self.delay, runs: known.cloned().collect() }
    }

    /// What a model looks at from an origin; none where no run of the last days was known then.
    pub(super) fn seen_from(&self, origin: Timestamp) -> Option<Seen<'_>> {
        let newest = self.newest(origin)?;
        let mut past = [0.0; CURVES];
        for back in 1..=DAY / HOUR {
            let hour = origin.plus(-back * HOUR);
            // Before the first run there is none that knew the hour: the first stands in for it.
            let curves = self.newest(hour).unwrap_or(newest).run.at(hour).curves();
            past.iter_mut().zip(curves).for_each(|(mean, curve)| *mean += curve * HOUR as f64 / DAY as f64);
        }
        Some(Seen { newest, age: origin.since(newest.run.issued), past })
    }

    /// The newest run that was known at a time.
    fn newest(&self, at: Timestamp) -> Option<&Summed> {
        let known = self.runs.partition_point(|summed| summed.run.issued.plus(self.delay) <= at);
        self.runs[..known].last().filter(|summed| at.since(summed.run.issued) <= Self::OLDEST)
    }
}

/// The weather as it is seen from an origin.
pub(super) struct Seen<'a> {
    newest: &'a Summed,
    age: i64,
    /// The mean curves of the day before.
    past: [f64; CURVES],
}

impl Seen<'_> {
    /// Seconds since the run was issued, as of the origin.
    pub(super) fn age(&self) -> i64 {
        self.age
    }

    /// The features of a target, with its waves of the day and of the year.
    pub(super) fn features(&self, target: Timestamp, day: &[f64], year: [f64; YEAR_WAVES]) -> Vec<f64> {
        let curves = self.newest.run.at(target).curves();
        let mut features = Vec::with_capacity(FEATURES);
        features.extend(curves);
        for (before, after) in SPANS {
            features.extend(self.newest.mean_of(target, before, after));
        }
        for curve in BY_HOUR {
            features.extend(day.iter().take(DAY_WAVES).map(|wave| curves[curve] * wave));
        }
        for curve in BY_SEASON {
            features.extend(year.map(|wave| curves[curve] * wave));
        }
        features.extend(self.past);
        features
    }
}

impl Run {
    /// The weather at a time: between two hours by the straight line; beyond the end at the same time of its last day.
    fn at(&self, time: Timestamp) -> Conditions {
        let length = self.hours.len() as i64;
        let seconds = time.since(self.issued).max(0);
        let beyond = (seconds - (length - 1) * HOUR).max(0);
        let seconds = seconds - (beyond + DAY - 1) / DAY * DAY;
        let place = (seconds / HOUR).clamp(0, length - 1) as usize;
        let share = (seconds % HOUR) as f64 / HOUR as f64;
        let (left, right) = (self.hours[place], self.hours[(place + 1).min(self.hours.len() - 1)]);
        if share == 0.0 { left } else { left.towards(right, share) }
    }
}

impl Summed {
    fn of(run: Run) -> Self {
        let mut sums = vec![[0.0; MEANS]];
        let mut sum = [0.0; MEANS];
        for hour in &run.hours {
            sum.iter_mut().zip(hour.means()).for_each(|(sum, value)| *sum += value);
            sums.push(sum);
        }
        Self { run, sums }
    }

    /// Mean wind, sun and temperature of so many hours before and after the hour of a time, as far as the run reaches.
    fn mean_of(&self, time: Timestamp, before: i64, after: i64) -> [f64; MEANS] {
        let length = self.run.hours.len() as i64;
        let hour = time.since(self.run.issued).div_euclid(HOUR);
        let (first, last) = ((hour - before).clamp(0, length - 1), (hour + after).clamp(0, length - 1));
        let (left, right) = (self.sums[first as usize], self.sums[last as usize + 1]);
        std::array::from_fn(|place| (right[place] - left[place]) / (last + 1 - first) as f64)
    }
}

impl Conditions {
    /// Whether there can be such weather, give or take the rounding of a forecast: marks for a missing value, and other
    /// units than those of the fields, are told by that.
    fn can_be_true(&self) -> bool {
        let Self { wind_ms, sun_wm2, temperature_k, dew_point_k, rain_mm } = self;
        (0.0..=120.0).contains(wind_ms)
            && (-1.0..=1_600.0).contains(sun_wm2)
            && (170.0..=340.0).contains(temperature_k)
            && (150.0..=330.0).contains(dew_point_k)
            && (-0.1..=1_000.0).contains(rain_mm)
    }

    fn towards(self, other: Self, share: f64) -> Self {
        let between = |left: f64, right: f64| left + share * (right - left);
        Self {
            wind_ms: between(self.wind_ms, other.wind_ms),
            sun_wm2: between(self.sun_wm2, other.sun_wm2),
            temperature_k: between(self.temperature_k, other.temperature_k),
            dew_point_k: between(self.dew_point_k, other.dew_point_k),
            rain_mm: between(self.rain_mm, other.rain_mm),
        }
    }

    /// Wind, sun and temperature, in the size of one.
    fn means(self) -> [f64; MEANS] {
        [self.wind_ms, self.sun_wm2 / 100.0, (self.temperature_k - 288.0) / 10.0]
    }

    /// Wind, its square and its cube up to the speed of full power; sun and its square; heating degrees below 15 and
    /// cooling degrees above 23 Celsius; temperature, dew point; the root of the rain; wind with sun.
    fn curves(self) -> [f64; CURVES] {
        let Self { wind_ms: wind, sun_wm2, temperature_k, dew_point_k, rain_mm } = self;
        let (sun, warmth) = (sun_wm2 / 100.0, temperature_k - 288.0);
        [
            wind,
            wind * wind / 10.0,
            wind.min(9.0).powi(3) / 100.0,
            sun,
            sun * sun / 5.0,
            (-warmth).max(0.0) / 10.0,
            (warmth - 8.0).max(0.0) / 10.0,
            warmth / 10.0,
            (dew_point_k - 280.0) / 10.0,
            rain_mm.max(0.0).sqrt(),
            wind * sun / 10.0,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        "2021-01-01".parse().unwrap()
    }

    fn hour(wind_ms: f64) -> Conditions {
        Conditions { wind_ms, sun_wm2: 200.0, temperature_k: 298.0, dew_point_k: 285.0, rain_mm: 4.0 }
    }

    /// A run whose wind is its hour, from a day on.
    fn run(day: i64) -> Run {
        Run { issued: start().plus(day * DAY), hours: (0..49).map(|h| hour(f64::from(h))).collect() }
    }

    #[test]
    fn a_run_is_used_once_it_is_known_and_not_for_longer_than_two_days() {
        let weather = Weather::new(4 * HOUR, vec![run(1), run(0)]).unwrap();
        let issued = |hours: i64| weather.seen_from(start().plus(hours * HOUR)).map(|seen| seen.newest.run.issued);
        assert_eq!(issued(3), None);
        assert_eq!(issued(4), Some(start()));
        assert_eq!(issued(27), Some(start()));
        assert_eq!(issued(28), Some(start().plus(DAY)));
        assert_eq!(issued(72), Some(start().plus(DAY)));
        assert_eq!(issued(73), None);
    }

    #[test]
    fn later_runs_change_nothing_that_is_seen_from_before_them() {
        let (first, both) = (Weather::new(0, vec![run(0)]).unwrap(), Weather::new(0, vec![run(0), run(1)]).unwrap());
        let origin = start().plus(23 * HOUR);
        let seen = |weather: &Weather| weather.seen_from(origin).unwrap().features(origin, &[1.0; 6], [1.0; 2]);
        assert_eq!(seen(&first), seen(&both));
        assert_eq!(both.before(origin), first);
    }

    #[test]
    fn the_weather_between_two_hours_lies_on_the_line_and_beyond_the_end_is_that_of_the_last_day() {
        let run = run(0);
        let wind = |seconds: i64| run.at(start().plus(seconds)).wind_ms;
        assert_eq!((wind(5 * HOUR), wind(5 * HOUR + 900), wind(48 * HOUR)), (5.0, 5.25, 48.0));
        // Hour 49 is hour 25 of the last day, hour 72 is hour 48, hour 73 hour 25.
        assert_eq!((wind(49 * HOUR), wind(72 * HOUR), wind(73 * HOUR)), (25.0, 48.0, 25.0));
    }

    #[test]
    fn curves_are_those_computed_by_hand() {
        // 10 K above 288 K: no heating, 2 K of cooling.
        let expected = [10.0, 10.0, 7.29, 2.0, 0.8, 0.0, 0.2, 1.0, 0.5, 2.0, 2.0];
        let found = hour(10.0).curves();
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-12), "{found:?}");
    }

    #[test]
    fn the_day_around_is_cut_at_the_ends_of_a_run() {
        // From its first hour on: hours 0 to 12, mean 6.
        assert_eq!(Summed::of(run(0)).mean_of(start(), 12, 12)[0], 6.0);
        assert_eq!(Summed::of(run(0)).mean_of(start().plus(20 * HOUR), 12, 12)[0], 20.0);
    }

    #[test]
    fn there_are_as_many_features_as_are_said() {
        let weather = Weather::new(0, vec![run(0)]).unwrap();
        assert_eq!(weather.seen_from(start()).unwrap().features(start(), &[1.0; 16], [1.0; 2]).len(), FEATURES);
    }

    #[test]
    fn runs_that_lack_a_value_or_a_day_are_left_out() {
        let mut broken = run(0);
        broken.hours[7].rain_mm = f64::NAN;
        let short = Run { hours: vec![hour(1.0); 23], ..run(1) };
        assert_eq!(Weather::new(0, vec![broken, short]), Err(WeatherError::Empty));
        assert_eq!(Weather::new(0, vec![run(0), run(0)]), Err(WeatherError::Twice { issued: start() }));
    }
}
