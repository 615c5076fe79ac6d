//! A synthetic hourly Italian grid: the level, shapes and noise of the real one, and drift only where it is asked for.
//!
//! Everything it makes is simulated and says so in its table. The same settings give the same bytes.

mod noise;
mod shape;
mod shift;
mod table;

pub use shift::{Effect, Factor, ParseShiftError, Shift};
pub use table::{HEADER, to_csv};

use crate::time::{Cadence, Timestamp};
use noise::{Draws, Noise};

/// Mean direct intensity of the simulated grid in gCO2eq/kWh: Italy's of 2021. It is the same every year, so that only
/// the shifts asked for are drift; `level:2022-01-01..2023-01-01:x1.15` gives it Italy's level of 2022.
pub const MEAN_INTENSITY: f64 = 280.0;

/// What to simulate.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The first hour.
    pub from: Timestamp,
    /// The first hour no longer wanted.
    pub to: Timestamp,
    /// What the noise is drawn from.
    pub seed: u64,
    /// The drift put in, applied in this order.
    pub shifts: Vec<Shift>,
}

/// One simulated hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hour {
    /// Its start.
    pub time: Timestamp,
    /// Direct carbon intensity, gCO2eq/kWh.
    pub ci_direct: f64,
    /// Life-cycle carbon intensity, gCO2eq/kWh.
    pub ci_lifecycle: f64,
    /// Share of carbon-free energy, per cent.
    pub cfe_pct: f64,
    /// Share of renewable energy, per cent.
    pub re_pct: f64,
}

/// Settings that describe no grid.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// The span holds no hour.
    #[error("nothing to simulate from {from} to {to}: the end must be later than the start")]
    EmptySpan {
        /// The first hour.
        from: Timestamp,
        /// The end.
        to: Timestamp,
    },
    /// A bound is not the start of an hour.
    #[error("{time} is not the start of an hour, and the simulated grid is hourly")]
    WithinHour {
        /// The bound.
        time: Timestamp,
    },
    /// A shift touches none of the hours.
    #[error("shift `{shift}` touches nothing from {from} to {to}")]
    ShiftOutside {
        /// The shift.
        shift: Shift,
        /// The first hour.
        from: Timestamp,
        /// The end.
        to: Timestamp,
    },
}

/// Simulates the hours of `settings`; hours in a gap are absent.
///
/// Measured, direct intensity, against Italy's (nine simulated years: the undisturbed 2021 to 2023 of seeds 1 to 3):
///
/// | | mean | deviation | autocorrelation 1 h | 24 h | 168 h | evening peak over midday trough |
/// | --- | --- | --- | --- | --- | --- | --- |
/// | simulated | 277 to 285 | 47.7 to 53.2 | .979 to .983 | .833 to .860 | .652 to .756 | 1.26 to 1.28 |
/// | Italy 2021 | 280.1 | 52.8 | .978 | .852 | .732 | 1.26 |
/// | Italy 2022 | 321.6 | 53.5 | .968 | .802 | .695 | 1.28 |
/// | Italy 2023 | 251.8 | 63.1 | .975 | .827 | .753 | 1.38 |
///
/// An hour is the grid as it is (`level`, `shape` and `noise` change it) and then as it is reported (`unit`, `stuck`
/// and `gap` change only that). Every hour takes the same draws whatever the shifts, so two runs of one seed differ
/// only where a shift says so.
///
/// # Errors
/// Where the span is empty or not of whole hours, or a shift lies outside it.
pub fn grid(settings: &Settings) -> Result<Vec<Hour>, SettingsError> {
    check(settings)?;
    let zone = jiff::tz::TimeZone::get("Europe/Rome").unwrap_or(jiff::tz::TimeZone::UTC);
    let mut noise = Noise::new(Draws::seeded(settings.seed));
    let mut hours: Vec<Hour> = Vec::new();
    let mut time = settings.from;
    while time < settings.to {
        let draw = noise.step();
        let effects: Vec<Effect> = settings.shifts.iter().filter(|s| s.covers(time)).map(|s| s.effect).collect();
        let measured = actual(time, &time.local(&zone), draw, &effects);
        if let Some(reported) = reported(measured, hours.last(), &effects) {
            hours.push(reported);
        }
        time = time.plus(Cadence::Hour.seconds());
    }
    Ok(hours)
}

fn check(settings: &Settings) -> Result<(), SettingsError> {
    let (from, to) = (settings.from, settings.to);
    if let Some(&time) = [from, to].iter().find(|t| !Cadence::Hour.is_aligned(**t)) {
        return Err(SettingsError::WithinHour { time });
    }
    if from >= to {
        return Err(SettingsError::EmptySpan { from, to });
    }
    match settings.shifts.iter().find(|s| !s.meets(from, to)) {
        Some(shift) => Err(SettingsError::ShiftOutside { shift: *shift, from, to }),
        None => Ok(()),
    }
}

/// The grid as it is. Carbon-free share and life-cycle intensity follow the direct intensity as they did in Italy in
/// 2021 (least squares on the hours of that year), each with a noise of its own.
fn actual(time: Timestamp, local: &jiff::civil::DateTime, draw: noise::Draw, effects: &[Effect]) -> Hour {
    let (mut level, mut swing, mut spread) = (1.0, 1.0, 1.0);
    for effect in effects {
        match effect {
            Effect::Level(factor) => level *= factor.get(),
            Effect::Shape(factor) => swing *= factor.get(),
            Effect::Noise(factor) => spread *= factor.get(),
            Effect::Unit(_) | Effect::Stuck | Effect::Gap => {}
        }
    }
    let share = shape::year(local) * shape::week(local) * (1.0 + swing * shape::day(local)) + spread * draw.intensity;
    let ci_direct = level * MEAN_INTENSITY * share.max(0.05);
    let cfe_pct = (100.2 - 0.1924 * ci_direct + spread * draw.carbon_free).clamp(0.0, 100.0);
    Hour {
        time,
        ci_direct,
        ci_lifecycle: (23.65 + 1.1827 * ci_direct + spread * draw.lifecycle).max(ci_direct),
        cfe_pct,
        re_pct: (cfe_pct - (6.1 + spread * draw.other_carbon_free).max(0.0)).max(0.0),
    }
}

/// What is reported of an hour: nothing in a gap, the last report again from a stuck meter.
fn reported(hour: Hour, last: Option<&Hour>, effects: &[Effect]) -> Option<Hour> {
    if effects.contains(&Effect::Gap) {
        return None;
    }
    if effects.contains(&Effect::Stuck) {
        let held = last.copied().unwrap_or(hour);
        return Some(Hour { time: hour.time, ..held });
    }
    let factor: f64 = effects.iter().map(|e| if let Effect::Unit(factor) = e { factor.get() } else { 1.0 }).product();
    Some(Hour { ci_direct: hour.ci_direct * factor, ci_lifecycle: hour.ci_lifecycle * factor, ..hour })
}

#[cfg(test)]
mod tests;
