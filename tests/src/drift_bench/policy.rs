//! What retraining is worth on Italy: never, every thirty days, every day, and as the policy decides.

use std::path::Path;

use anyhow::Result;
use aria_core::backtest::{self, Plan, Refit};
use aria_core::forecast::Forecast;
use aria_core::history::History;
use aria_core::score::Score;
use aria_core::time::{DAY, Timestamp};

use super::stream::Stream;
use super::world::World;
use super::{FROM, TO};

/// One way of retraining.
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Trainings after the first.
    pub trainings: u64,
    /// The errors of 2022 and 2023.
    pub years: [Score; 2],
    /// When alarms were raised, and by which check; the policy's alone.
    pub alarms: Vec<(Timestamp, &'static str)>,
}

/// Measures every way, or without the daily one, which takes a quarter of an hour.
///
/// # Errors
/// Where Italy's file is missing or a model cannot be trained.
pub fn table(data: &Path, covariates: &[&str], with_daily: bool) -> Result<Vec<Row>> {
    let world = World::italy(data, covariates)?;
    let (from, to): (Timestamp, Timestamp) = (FROM.parse()?, TO.parse()?);
    let mut rows = Vec::new();
    let ways = [
        ("never", Refit::Never),
        ("every 30 days", Refit::Every { days: 30 }),
        ("every day", Refit::Every { days: 1 }),
    ];
    for (name, refit) in ways.into_iter().filter(|(name, _)| with_daily || *name != "every day") {
        let plan = Plan { from, to: to.plus(-DAY), refit };
        let run = backtest::run(&world.definition, &world.inputs(world.own.end()), plan);
        let trainings = run.models.len() as u64 - 1;
        rows.push(Row { name, trainings, years: scores(&run.forecasts, &world.own), alarms: Vec::new() });
    }
    let mut stream = Stream::begin(&world, from)?;
    let mut now = from;
    while now < to {
        stream.step(&world, now, None)?;
        now = now.plus(DAY);
    }
    let years = scores(stream.forecasts(), &world.own);
    rows.push(Row { name: "policy", trainings: stream.retrainings().0, years, alarms: stream.alarms().to_vec() });
    Ok(rows)
}

fn scores(forecasts: &[Forecast], actual: &History) -> [Score; 2] {
    [2022, 2023].map(|year| {
        let of_year = forecasts.iter().filter(|forecast| forecast.origin.utc().year() == year);
        aria_core::score::score(of_year, actual)
    })
}
