//! A made-up hourly history in the columns of the simulated series, on which a first model beats the naive forecasts.

use std::f64::consts::TAU;
use std::fmt::Write;

use anyhow::Result;
use aria_core::time::{DAY, HOUR, Timestamp};

/// Where the waves begin.
const BEGIN: &str = "2021-01-01";
/// The header of every file.
pub const HEADER: &str = "timestamp_utc,ci_direct_gco2eq_per_kwh\n";

/// How fast the level moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Up and down in 33 days.
    Slow,
    /// Up and down in 12 days: a model of the slow pace forecasts it badly.
    Quick,
}

/// The history from one time to another as CSV.
///
/// A wave of many days moves the level on within the horizon, which yesterday and last week do not know.
///
/// # Errors
/// Where `from` or `to` is no time.
pub fn wave(from: &str, to: &str, pace: Pace) -> Result<String> {
    let (begin, mut time, to): (Timestamp, Timestamp, Timestamp) = (BEGIN.parse()?, from.parse()?, to.parse()?);
    let period_days = if pace == Pace::Slow { 33.0 } else { 12.0 };
    let mut text = HEADER.to_owned();
    while time < to {
        let days = time.since(begin) as f64 / DAY as f64;
        let of = |period_days: f64| (TAU * days / period_days).sin();
        let value = 300.0 + 60.0 * of(1.0) + 25.0 * of(7.0) + 90.0 * of(period_days);
        writeln!(text, "{time},{value:.3}")?;
        time = time.plus(HOUR);
    }
    Ok(text)
}
