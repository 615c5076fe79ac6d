//! What an emission sums up to in each year: by the forecasts of the first day, and as measured, over the same steps.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::forecast::Point;
use crate::history::History;
use crate::series::Definition;
use crate::time::{HOUR, Timestamp};

/// The totals of each year.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Totals {
    /// Their unit.
    pub unit: String,
    /// By year of the series' local time.
    pub years: Vec<Total>,
}

/// The total of a year, over the steps that were forecast and measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Total {
    /// The year.
    pub year: i16,
    /// Steps that are summed up.
    pub steps: u64,
    /// Steps of the whole year.
    pub of_steps: u64,
    /// What the forecasts sum up to.
    pub forecast: f64,
    /// What the measured values sum up to.
    pub measured: f64,
}

impl Totals {
    /// None of an intensity, which cannot be summed up.
    pub(super) fn of(definition: &Definition, days: &BTreeMap<Timestamp, &Point>, measured: &History) -> Option<Self> {
        let unit = definition.total_unit()?.to_owned();
        let zone = definition.zone();
        // A rate per hour times the hours of a step.
        let hours = definition.cadence.seconds() as f64 / HOUR as f64;
        let mut years: BTreeMap<i16, Total> = BTreeMap::new();
        for (target, point) in days {
            let Some(value) = measured.at(*target) else { continue };
            let year = target.local(&zone).year();
            let total = years.entry(year).or_insert_with(|| Total::nothing(definition, year));
            total.steps += 1;
            total.forecast += hours * point.value;
            total.measured += hours * value;
        }
        let is_finite = |total: &Total| total.forecast.is_finite() && total.measured.is_finite();
        Some(Self { unit, years: years.into_values().filter(is_finite).collect() })
    }
}

impl Total {
    fn nothing(definition: &Definition, year: i16) -> Self {
        Self { year, steps: 0, of_steps: steps_of(definition, year), forecast: 0.0, measured: 0.0 }
    }
}

/// Steps of a year in local time.
fn steps_of(definition: &Definition, year: i16) -> u64 {
    let start = |year: i16| Timestamp::of_local_year(year, &definition.zone());
    (start(year + 1).since(start(year)) / definition.cadence.seconds()).unsigned_abs()
}
