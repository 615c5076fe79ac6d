//! What a backtest says of the forecasts that it made: errors beside the naive ones', how often intervals held, values
//! beside the measured ones, and the totals of an emission.
//!
//! Everything counts steps: each step of a forecast whose value was measured counts once. Months, seasons and hours are
//! those of the step in the series' local time. A figure that nothing was measured for is none.

mod beside;
mod coverage;
mod errors;
mod totals;

use serde::Serialize;

pub use beside::{Beside, Step, Whole};
pub use coverage::{Calibration, Coverage, Level};
pub use errors::{Compared, Errors, Figures};
pub use totals::{Total, Totals};

use self::beside::day_ahead;
use crate::forecast::{Ensemble, Forecast, Point, baseline};
use crate::history::History;
use crate::series::{Definition, Lookback, Quantity, SeriesId};
use crate::time::{Cadence, Timestamp};

/// The version of the document, which changes with its shape.
const VERSION: u32 = 1;

/// What is told of a backtest.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The version of the document.
    pub version: u32,
    /// The series.
    pub series: SeriesId,
    /// What its values are.
    pub quantity: Quantity,
    /// Their unit.
    pub unit: String,
    /// The distance between two of them.
    pub cadence: Cadence,
    /// The zone of the local time.
    pub time_zone: String,
    /// Hours forecast from each origin.
    pub horizon_hours: u32,
    /// The first origin of a forecast and the last.
    pub origins: Option<(Timestamp, Timestamp)>,
    /// Forecasts that were made.
    pub issued: u64,
    /// How it was run.
    #[serde(flatten)]
    pub about: About,
    /// Columns whose past helped to forecast.
    pub covariates: Vec<Lookback>,
    /// What the newest model is made of.
    pub members: Vec<Share>,
    /// Errors, beside the naive forecasts'.
    pub errors: Errors,
    /// How often intervals held the measured value.
    pub calibration: Calibration,
    /// Forecasts beside the measured values.
    pub beside: Beside,
    /// The totals of each year, of an emission.
    pub totals: Option<Totals>,
}

/// How a backtest was run, which its forecasts do not say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct About {
    /// Whether the data was made by the simulator.
    pub simulated: bool,
    /// When models were trained anew.
    pub retraining: String,
    /// Models that served.
    pub models: u64,
    /// Origins, or batches by their time, without a forecast.
    pub withheld: Vec<Withheld>,
    /// Forecasts that were made without some of their inputs.
    pub reduced: u64,
    /// Rows that the contract refused.
    pub rows_refused: u64,
}

/// An origin without a forecast.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Withheld {
    /// The origin.
    pub origin: Timestamp,
    /// Why it has none.
    pub reason: String,
}

/// A member of a model with its share of the forecast.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// The member.
    pub member: &'static str,
    /// Its share on the first, second, ... day of the horizon, 0 to 1.
    pub by_day: Vec<f64>,
}

/// Figures of one group of steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group<T> {
    /// What the steps have in common.
    pub name: String,
    /// Their figures.
    #[serde(flatten)]
    pub figures: T,
}

impl Report {
    /// What is told of these forecasts, the newest model among those that made them, and the measured values.
    pub fn of(
        definition: &Definition,
        about: About,
        forecasts: &[Forecast],
        newest: Option<&Ensemble>,
        measured: &History,
    ) -> Self {
        let scored = Scored::all(forecasts, measured, definition);
        let days = day_ahead(forecasts);
        let origins = forecasts.iter().map(|forecast| forecast.origin);
        Self {
            version: VERSION,
            series: definition.id.clone(),
            quantity: definition.quantity,
            unit: definition.unit.clone(),
            cadence: definition.cadence,
            time_zone: definition.time_zone.clone(),
            horizon_hours: definition.forecast.horizon_hours,
            origins: origins.clone().min().zip(origins.max()),
            issued: forecasts.len() as u64,
            about,
            covariates: definition.forecast.covariates.clone(),
            members: newest.map(shares).unwrap_or_default(),
            errors: Errors::of(&scored, definition),
            calibration: Calibration::of(&scored, definition),
            beside: Beside::of(forecasts, &days, measured),
            totals: Totals::of(definition, &days, measured),
        }
    }
}

/// The members of a model with their shares.
pub fn shares(model: &Ensemble) -> Vec<Share> {
    model.shares().map(|(candidate, by_day)| Share { member: candidate.name(), by_day }).collect()
}

/// A step of a forecast whose value was measured.
#[derive(Clone, Debug)]
struct Scored<'a> {
    /// Its place in the forecast.
    step: usize,
    place: Place,
    point: &'a Point,
    measured: f64,
    /// What the naive forecasts say, in their order; none where one of them has no forecast.
    naive: Option<[f64; baseline::BASELINES.len()]>,
}

/// Where a step lies in local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    year: i16,
    month: i8,
    /// The local hour.
    pub(crate) hour: i8,
}

impl<'a> Scored<'a> {
    fn all(forecasts: &'a [Forecast], measured: &History, definition: &Definition) -> Vec<Self> {
        let zone = definition.zone();
        let mut scored = Vec::new();
        for forecast in forecasts {
            let naive = baseline::all(measured, forecast.origin, forecast.points.len());
            for (step, point) in forecast.points.iter().enumerate() {
                let Some(value) = measured.at(point.target) else { continue };
                let naive = naive.as_ref().map(|all| std::array::from_fn(|of| all[of].1[step]));
                let place = Place::of(point.target, &zone);
                scored.push(Self { step, place, point, measured: value, naive });
            }
        }
        scored
    }
}

impl Place {
    /// The place of a time.
    pub(crate) fn of(time: Timestamp, zone: &jiff::tz::TimeZone) -> Self {
        let local = time.local(zone);
        Self { year: local.year(), month: local.month(), hour: local.hour() }
    }

    fn month_name(self) -> String {
        format!("{:04}-{:02}", self.year, self.month)
    }

    fn quarter_name(self) -> String {
        format!("{:04} Q{}", self.year, (self.month - 1) / 3 + 1)
    }

    /// The season by its months, which mean the same on either half of the earth.
    pub(crate) fn season(self) -> (i8, &'static str) {
        let number = self.month % 12 / 3;
        (number, ["Dec-Feb", "Mar-May", "Jun-Aug", "Sep-Nov"][number as usize])
    }
}

/// Days of a horizon, the last one perhaps not whole.
pub(crate) fn horizon_days(definition: &Definition) -> usize {
    definition.horizon_steps().div_ceil(definition.cadence.per_day())
}

/// Puts things into the groups of their keys; a group that is named beforehand is there even where it is empty.
pub(crate) fn grouped<'t, T, K: Ord + Clone, F>(
    things: &'t [T],
    beforehand: impl IntoIterator<Item = K>,
    key: impl Fn(&T) -> K,
    name: impl Fn(&K) -> String,
    figures: impl Fn(&[&'t T]) -> F,
) -> Vec<Group<F>> {
    let mut groups: std::collections::BTreeMap<K, Vec<&T>> =
        beforehand.into_iter().map(|key| (key, Vec::new())).collect();
    for thing in things {
        groups.entry(key(thing)).or_default().push(thing);
    }
    groups.iter().map(|(key, group)| Group { name: name(key), figures: figures(group) }).collect()
}

#[cfg(test)]
mod tests;
