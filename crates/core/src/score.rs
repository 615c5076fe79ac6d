//! Errors of forecasts against the hours that came to pass.
//!
//! A percentage error is the mean over origins of the origin's mean, for each day of the forecast and for the whole of
//! it; absolute, squared and signed errors are means over hours. An origin that lacks an actual hour is not scored at
//! all.

use serde::{Deserialize, Serialize};

use crate::forecast::Forecast;
use crate::history::History;
use crate::time::Timestamp;

/// The errors of a set of forecasts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Origins that were scored.
    pub origins: u64,
    /// Origins that lack an actual hour.
    pub unscored: u64,
    /// Mean absolute percentage error of the first, second, ... whole day, in %.
    pub mape_by_day: Vec<Option<f64>>,
    /// Mean absolute percentage error of the whole horizon, in %; an origin with an actual value of zero has none.
    pub mape: Option<f64>,
    /// Mean absolute error of the first, second, ... whole day, in the series' unit.
    pub mae_by_day: Vec<Option<f64>>,
    /// Mean absolute error.
    pub mae: Option<f64>,
    /// Root of the mean squared error.
    pub rmse: Option<f64>,
    /// Mean of forecast less actual.
    pub bias: Option<f64>,
    /// How the intervals did, where the forecasts have them.
    pub intervals: Option<IntervalScore>,
}

/// How often intervals held the actual value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntervalScore {
    /// Share of hours inside the 50 % interval.
    pub coverage_50: f64,
    /// Share of hours inside the 80 % interval.
    pub coverage_80: f64,
    /// Share of hours inside the 95 % interval.
    pub coverage_95: f64,
    /// Mean width of the 80 % interval, in the series' unit.
    pub mean_width_80: f64,
}

/// Scores forecasts against the actual values.
pub fn score<'a>(forecasts: impl IntoIterator<Item = &'a Forecast>, actual: &History) -> Score {
    let mut tally = Tally::default();
    for forecast in forecasts {
        tally.add(forecast, actual);
    }
    tally.score()
}

/// Errors added up forecast by forecast.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    origins: u64,
    unscored: u64,
    days: Vec<DayErrors>,
    percentage: Mean,
    absolute: Mean,
    squared: Mean,
    signed: Mean,
    inside: [Mean; 3],
    width_80: Mean,
}

#[derive(Clone, Debug, Default)]
struct DayErrors {
    percentage: Mean,
    absolute: Mean,
}

/// A mean of what was added.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mean {
    sum: f64,
    count: u64,
}

impl Tally {
    /// Adds a forecast with its intervals.
    pub fn add(&mut self, forecast: &Forecast, actual: &History) {
        let Some(actuals) = self.add_values(forecast.origin, &forecast.values(), actual) else { return };
        for (point, actual) in forecast.points.iter().zip(actuals) {
            let bounds =
                [(point.lower_50, point.upper_50), (point.lower_80, point.upper_80), (point.lower_95, point.upper_95)];
            for (inside, (lower, upper)) in self.inside.iter_mut().zip(bounds) {
                inside.add(f64::from(u8::from(lower <= actual && actual <= upper)));
            }
            self.width_80.add(point.upper_80 - point.lower_80);
        }
    }

    /// Adds a forecast that is values alone, one a step of `actual` from `origin` on, and gives the actual values where
    /// all of them are there. Forecasts with and without intervals do not belong in one tally.
    pub fn add_values(&mut self, origin: Timestamp, values: &[f64], actual: &History) -> Option<Vec<f64>> {
        let time = |step: usize| origin.plus(step as i64 * actual.cadence().seconds());
        let actuals: Option<Vec<f64>> = (0..values.len()).map(|step| actual.at(time(step))).collect();
        let Some(actuals) = actuals.filter(|a| !a.is_empty()) else {
            self.unscored += 1;
            return None;
        };
        self.origins += 1;
        for (value, actual) in values.iter().zip(&actuals) {
            self.absolute.add((value - actual).abs());
            self.squared.add((value - actual).powi(2));
            self.signed.add(value - actual);
        }
        self.percentage.add_defined(mean_percentage(values, &actuals));
        self.add_days(values, &actuals, actual.cadence().per_day());
        Some(actuals)
    }

    /// The errors so far.
    pub fn score(&self) -> Score {
        let [coverage_50, coverage_80, coverage_95] = self.inside.map(|inside| inside.value());
        let intervals = || {
            let (coverage_50, coverage_80, coverage_95) = (coverage_50?, coverage_80?, coverage_95?);
            Some(IntervalScore { coverage_50, coverage_80, coverage_95, mean_width_80: self.width_80.value()? })
        };
        Score {
            origins: self.origins,
            unscored: self.unscored,
            mape_by_day: self.days.iter().map(|day| day.percentage.value()).collect(),
            mape: self.percentage.value(),
            mae_by_day: self.days.iter().map(|day| day.absolute.value()).collect(),
            mae: self.absolute.value(),
            rmse: self.squared.value().map(f64::sqrt),
            bias: self.signed.value(),
            intervals: intervals(),
        }
    }

    fn add_days(&mut self, values: &[f64], actuals: &[f64], per_day: usize) {
        for (day, (values, actuals)) in values.chunks_exact(per_day).zip(actuals.chunks_exact(per_day)).enumerate() {
            if self.days.len() <= day {
                self.days.push(DayErrors::default());
            }
            self.days[day].percentage.add_defined(mean_percentage(values, actuals));
            for (value, actual) in values.iter().zip(actuals) {
                self.days[day].absolute.add((value - actual).abs());
            }
        }
    }
}

impl Mean {
    /// Adds a value.
    pub(crate) fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    fn add_defined(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.add(value);
        }
    }

    /// The mean; none of nothing.
    pub(crate) fn value(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// The mean absolute percentage error, in %; none where an actual value is zero, which has no percentage.
fn mean_percentage(values: &[f64], actuals: &[f64]) -> Option<f64> {
    if actuals.contains(&0.0) {
        return None;
    }
    let sum: f64 = values.iter().zip(actuals).map(|(value, actual)| (value - actual).abs() / actual.abs()).sum();
    Some(100.0 * sum / actuals.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::Point;
    use crate::time::{Cadence, DAY};

    fn day(days: i64) -> Timestamp {
        "2022-12-30".parse::<Timestamp>().unwrap().plus(days * DAY)
    }

    fn daily(values: &[f64]) -> History {
        History::new(day(0), Cadence::Day, values.to_vec())
    }

    fn forecast(origin: i64, values: &[f64]) -> Forecast {
        let point = |(step, value): (usize, &f64)| Point {
            target: day(origin + step as i64),
            value: *value,
            lower_50: value - 1.0,
            upper_50: value + 1.0,
            lower_80: value - 10.0,
            upper_80: value + 10.0,
            lower_95: value - 30.0,
            upper_95: value + 30.0,
        };
        Forecast { origin: day(origin), cadence: Cadence::Day, points: values.iter().enumerate().map(point).collect() }
    }

    fn close(left: Option<f64>, right: f64) -> bool {
        left.is_some_and(|l| (l - right).abs() < 1e-12)
    }

    #[test]
    fn errors_are_means_over_hours_and_percentages_means_over_origins() {
        // Actual 100, 200, 50. From day 0: 110, 180 (errors 10, -20: 10 %, 10 %); from day 1: 210, 40 (10, -10: 5 %, 20
        // %).
        let forecasts = [forecast(0, &[110.0, 180.0]), forecast(1, &[210.0, 40.0])];
        let score = score(&forecasts, &daily(&[100.0, 200.0, 50.0]));
        assert_eq!((score.origins, score.unscored), (2, 0));
        assert!(close(score.mape_by_day[0], 7.5), "{score:?}");
        assert!(close(score.mape_by_day[1], 15.0), "{score:?}");
        assert!(close(score.mape, 11.25), "{score:?}");
        assert!(close(score.mae, 12.5), "{score:?}");
        assert!(close(score.mae_by_day[1], 15.0), "{score:?}");
        assert!(close(score.rmse, (700.0_f64 / 4.0).sqrt()), "{score:?}");
        assert!(close(score.bias, -2.5), "{score:?}");
    }

    #[test]
    fn coverage_is_the_share_of_hours_inside() {
        // Errors 0, 10 and 20 against half widths 1, 10 and 30.
        let score = score(&[forecast(0, &[100.0, 110.0, 120.0])], &daily(&[100.0, 100.0, 100.0]));
        let intervals = score.intervals.unwrap();
        assert!(close(Some(intervals.coverage_50), 1.0 / 3.0));
        assert!(close(Some(intervals.coverage_80), 2.0 / 3.0));
        assert!(close(Some(intervals.coverage_95), 1.0));
        assert!(close(Some(intervals.mean_width_80), 20.0));
    }

    #[test]
    fn an_origin_without_all_actual_hours_is_not_scored() {
        let score = score(&[forecast(0, &[1.0, 1.0]), forecast(2, &[1.0, 1.0])], &daily(&[1.0, f64::NAN, 1.0]));
        assert_eq!((score.origins, score.unscored, score.mae, score.mape), (0, 2, None, None));
    }

    #[test]
    fn an_actual_value_of_zero_has_no_percentage_and_keeps_its_absolute_error() {
        let score = score(&[forecast(0, &[1.0])], &daily(&[0.0]));
        assert_eq!((score.mape, score.mae), (None, Some(1.0)));
    }

    #[test]
    fn values_alone_have_no_interval_score() {
        let mut tally = Tally::default();
        tally.add_values(day(0), &[3.0], &daily(&[1.0]));
        assert_eq!((tally.score().mae, tally.score().intervals), (Some(2.0), None));
    }
}
