//! How often intervals held the measured value, and how wide they were.

use serde::Serialize;

use super::{Group, Scored, grouped, horizon_days};
use crate::score::Mean;
use crate::series::Definition;

/// Coverage by what steps have in common.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// Over all steps.
    pub overall: Coverage,
    /// By day of the horizon, from 1.
    pub by_day: Vec<Group<Coverage>>,
    /// By quarter of the year.
    pub by_quarter: Vec<Group<Coverage>>,
}

/// The intervals of some steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Coverage {
    /// Steps that were measured.
    pub steps: u64,
    /// The intervals of 50, 80 and 95 %.
    pub levels: [Level; 3],
}

/// The intervals of one level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Level {
    /// The share of the values that they are to cover.
    pub nominal: f64,
    /// The share that they covered.
    pub covered: Option<f64>,
    /// Their mean width, in the series' unit.
    pub mean_width: Option<f64>,
}

impl Calibration {
    pub(super) fn of(scored: &[Scored<'_>], definition: &Definition) -> Self {
        let per_day = definition.cadence.per_day();
        let days = 0..horizon_days(definition);
        Self {
            overall: Coverage::of(&scored.iter().collect::<Vec<_>>()),
            by_day: grouped(scored, days, |at| at.step / per_day, |day| (day + 1).to_string(), Coverage::of),
            by_quarter: grouped(scored, [], |at| at.place.quarter_name(), String::clone, Coverage::of),
        }
    }
}

impl Coverage {
    fn of(scored: &[&Scored<'_>]) -> Self {
        let level = |nominal: f64, bounds: fn(&Scored<'_>) -> (f64, f64)| {
            let (mut inside, mut width) = (Mean::default(), Mean::default());
            for at in scored {
                let (lower, upper) = bounds(at);
                inside.add(f64::from(u8::from(lower <= at.measured && at.measured <= upper)));
                width.add(upper - lower);
            }
            Level { nominal, covered: inside.value(), mean_width: width.value().filter(|width| width.is_finite()) }
        };
        let levels = [
            level(0.5, |at| (at.point.lower_50, at.point.upper_50)),
            level(0.8, |at| (at.point.lower_80, at.point.upper_80)),
            level(0.95, |at| (at.point.lower_95, at.point.upper_95)),
        ];
        Self { steps: scored.len() as u64, levels }
    }
}
