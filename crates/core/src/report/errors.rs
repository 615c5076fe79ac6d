//! Errors of the forecasts and of the naive ones over the same steps.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Group, Scored, grouped, horizon_days};
use crate::forecast::baseline::BASELINES;
use crate::score::Mean;
use crate::series::Definition;
use crate::time::{Cadence, HOUR};

/// The errors of one forecaster over some steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Steps that were measured.
    pub steps: u64,
    /// Mean absolute error, in the series' unit.
    pub mae: Option<f64>,
    /// Mean absolute percentage error, in %; steps with a value of zero have none.
    pub mape: Option<f64>,
    /// Mean of forecast less measured, in the series' unit.
    pub bias: Option<f64>,
}

/// The errors of the forecasts beside the naive ones', over the same steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// Of the forecasts.
    pub issued: Figures,
    /// Of the naive forecasts, by name.
    pub naive: BTreeMap<&'static str, Figures>,
    /// The share by which the mean absolute error is smaller than each naive forecast's: 0 is as good, 1 is perfect.
    pub skill: BTreeMap<&'static str, Option<f64>>,
}

/// Errors of the forecasts by what their steps have in common.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Errors {
    /// Measured steps that are left out, since a naive forecast has no value from their origin.
    pub left_out: u64,
    /// Over all steps.
    pub overall: Compared,
    /// By day of the horizon, from 1.
    pub by_day: Vec<Group<Compared>>,
    /// By hours from the origin to the start of the step.
    pub by_step: Vec<Group<Compared>>,
    /// By month.
    pub by_month: Vec<Group<Compared>>,
    /// By season.
    pub by_season: Vec<Group<Compared>>,
    /// By local hour; none of a series of days.
    pub by_hour: Vec<Group<Compared>>,
}

impl Figures {
    /// Of pairs of what was forecast and what was measured.
    pub fn of(pairs: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let (mut steps, mut absolute, mut percentage, mut signed) =
            (0, Mean::default(), Mean::default(), Mean::default());
        for (forecast, measured) in pairs {
            let error = forecast - measured;
            steps += 1;
            absolute.add(error.abs());
            signed.add(error);
            if measured != 0.0 {
                percentage.add(100.0 * error.abs() / measured.abs());
            }
        }
        let finite = |mean: Mean| mean.value().filter(|value| value.is_finite());
        Self { steps, mae: finite(absolute), mape: finite(percentage), bias: finite(signed) }
    }
}

impl Compared {
    fn of(scored: &[&Scored<'_>]) -> Self {
        let issued = Figures::of(scored.iter().map(|scored| (scored.point.value, scored.measured)));
        let (mut naive, mut skill) = (BTreeMap::new(), BTreeMap::new());
        for (place, (name, _)) in BASELINES.into_iter().enumerate() {
            let of = |scored: &&Scored<'_>| Some((scored.naive?[place], scored.measured));
            let figures = Figures::of(scored.iter().filter_map(of));
            skill.insert(name, smaller_by(issued.mae, figures.mae));
            naive.insert(name, figures);
        }
        Self { issued, naive, skill }
    }
}

impl Errors {
    pub(super) fn of(scored: &[Scored<'_>], definition: &Definition) -> Self {
        let compared: Vec<Scored<'_>> = scored.iter().filter(|scored| scored.naive.is_some()).cloned().collect();
        let per_day = definition.cadence.per_day();
        let hours = |step: &usize| (*step as f64 * definition.cadence.seconds() as f64 / HOUR as f64).to_string();
        let by_hour = || grouped(&compared, [], |at| at.place.hour, |hour| format!("{hour:02}"), Compared::of);
        let days = 0..horizon_days(definition);
        Self {
            left_out: (scored.len() - compared.len()) as u64,
            overall: Compared::of(&compared.iter().collect::<Vec<_>>()),
            by_day: grouped(&compared, days, |at| at.step / per_day, |day| (day + 1).to_string(), Compared::of),
            by_step: grouped(&compared, 0..definition.horizon_steps(), |at| at.step, hours, Compared::of),
            by_month: grouped(&compared, [], |at| at.place.month_name(), String::clone, Compared::of),
            by_season: grouped(&compared, [], |at| at.place.season(), |(_, name)| (*name).to_owned(), Compared::of),
            by_hour: if definition.cadence == Cadence::Day { Vec::new() } else { by_hour() },
        }
    }
}

fn smaller_by(error: Option<f64>, naive: Option<f64>) -> Option<f64> {
    let (error, naive) = (error?, naive.filter(|naive| *naive > 0.0)?);
    Some(1.0 - error / naive).filter(|skill| skill.is_finite())
}
