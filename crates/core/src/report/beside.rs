//! Forecasts beside the values that came to pass, to be looked at.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Figures;
use crate::forecast::{Forecast, Point};
use crate::history::History;
use crate::time::{DAY, Timestamp};

/// Days of forecasts of the first day that are shown.
const SHOWN_DAYS: i64 = 28;

/// Forecasts beside the measured values.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Beside {
    /// The last weeks, each step by the newest forecast that had it on its first day.
    pub day_ahead: Vec<Step>,
    /// Some forecasts as a whole.
    pub whole: Vec<Whole>,
}

/// A forecast as a whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Whole {
    /// Why it is shown.
    pub why: &'static str,
    /// Its origin.
    pub origin: Timestamp,
    /// Its errors.
    pub figures: Figures,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Step {
    /// The start of the step.
    pub target: Timestamp,
    /// The measured value.
    pub measured: Option<f64>,
    /// The forecast.
    pub forecast: Option<f64>,
    /// Lower end of the 80 % interval.
    pub lower_80: Option<f64>,
    /// Upper end of the 80 % interval.
    pub upper_80: Option<f64>,
}

/// The forecast of each step that lies within a day of its origin, by the newest origin that has it.
pub(super) fn day_ahead(forecasts: &[Forecast]) -> BTreeMap<Timestamp, &Point> {
    let mut by_origin: Vec<&Forecast> = forecasts.iter().collect();
    by_origin.sort_by_key(|forecast| forecast.origin);
    let mut days = BTreeMap::new();
    for forecast in by_origin {
        let end = forecast.origin.plus(DAY);
        let points = forecast.points.iter().filter(|point| point.target < end);
        days.extend(points.map(|point| (point.target, point)));
    }
    days
}

impl Beside {
    pub(super) fn of(forecasts: &[Forecast], days: &BTreeMap<Timestamp, &Point>, measured: &History) -> Self {
        Self { day_ahead: last_weeks(days, measured), whole: chosen(forecasts, measured) }
    }
}

impl Step {
    fn of(target: Timestamp, point: Option<&Point>, measured: &History) -> Self {
        Self {
            target,
            measured: measured.at(target),
            forecast: point.map(|point| point.value),
            lower_80: point.map(|point| point.lower_80),
            upper_80: point.map(|point| point.upper_80),
        }
    }
}

/// The last weeks, on an even grid, so that a gap is seen as one.
fn last_weeks(days: &BTreeMap<Timestamp, &Point>, measured: &History) -> Vec<Step> {
    let Some((last, _)) = days.last_key_value() else { return Vec::new() };
    let cadence = measured.cadence();
    let since = last.plus(cadence.seconds() - SHOWN_DAYS * DAY);
    let Some((first, _)) = days.range(since..).next() else { return Vec::new() };
    let steps = last.since(*first) / cadence.seconds();
    let targets = (0..=steps).map(|step| first.plus(step * cadence.seconds()));
    targets.map(|target| Step::of(target, days.get(&target).copied(), measured)).collect()
}

/// Of the forecasts with every value measured the newest, the one with the middle error and the one with the largest.
fn chosen(forecasts: &[Forecast], measured: &History) -> Vec<Whole> {
    let mut whole: Vec<(f64, &Forecast)> =
        forecasts.iter().filter_map(|forecast| Some((mean_error(forecast, measured)?, forecast))).collect();
    whole.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.origin.cmp(&b.1.origin)));
    let newest = whole.iter().max_by_key(|(_, forecast)| forecast.origin);
    let middle = whole.get(whole.len().saturating_sub(1) / 2);
    let choice = [("Newest", newest), ("Middle error", middle), ("Largest error", whole.last())];
    let mut shown: Vec<Whole> = Vec::new();
    for (why, found) in choice {
        let Some((_, forecast)) = found.filter(|(_, f)| shown.iter().all(|whole| whole.origin != f.origin)) else {
            continue;
        };
        let steps: Vec<Step> =
            forecast.points.iter().map(|point| Step::of(point.target, Some(point), measured)).collect();
        let pairs = steps.iter().filter_map(|step| step.forecast.zip(step.measured));
        shown.push(Whole { why, origin: forecast.origin, figures: Figures::of(pairs), steps });
    }
    shown
}

/// The mean absolute error of a forecast; none where a value was not measured.
fn mean_error(forecast: &Forecast, measured: &History) -> Option<f64> {
    let pairs: Option<Vec<(f64, f64)>> =
        forecast.points.iter().map(|point| Some((point.value, measured.at(point.target)?))).collect();
    Figures::of(pairs?).mae
}
