//! A series with the other columns of its rows, as it is measured on.

use std::path::Path;

use anyhow::{Context, Result};
use aria_core::drift::relation::Companion;
use aria_core::forecast::Inputs;
use aria_core::history::History;
use aria_core::series::Definition;
use aria_core::simulate::{Settings, grid};
use aria_core::time::{Cadence, Timestamp};

use crate::figures::{Table, VALUE, ZONES};

/// Seeds of the simulated series.
const SEEDS: [u64; 2] = [1, 2];

/// A series.
#[derive(Clone)]
pub struct World {
    pub definition: Definition,
    pub own: History,
    pub companions: Vec<Companion>,
}

impl World {
    /// Italy, the other zones, and simulated grids without a change.
    pub fn all(data: &Path, covariates: &[&str]) -> Result<Vec<Self>> {
        let mut worlds = vec![Self::italy(data, covariates)?];
        for (zone, time_zone) in ZONES {
            let file = data.join(format!("zones/{zone}_hourly_2021_2023.csv.gz"));
            worlds.push(Self::read(&file, zone, time_zone, covariates)?);
        }
        for seed in SEEDS {
            worlds.push(Self::simulated(seed, covariates)?);
        }
        Ok(worlds)
    }

    /// Italy.
    pub fn italy(data: &Path, covariates: &[&str]) -> Result<Self> {
        Self::read(&data.join("italy/it_hourly_2021_2023.csv"), "it", "Europe/Rome", covariates)
    }

    fn read(file: &Path, zone: &str, time_zone: &str, covariates: &[&str]) -> Result<Self> {
        let table = Table::read(file)?;
        let times = table.times("timestamp_utc")?;
        let companion = |name: &&str| Ok(Companion { name: (*name).to_owned(), history: table.history(&times, name)? });
        Ok(Self {
            definition: definition(zone, time_zone, covariates)?,
            own: table.history(&times, VALUE)?,
            companions: covariates.iter().map(companion).collect::<Result<_>>()?,
        })
    }

    fn simulated(seed: u64, covariates: &[&str]) -> Result<Self> {
        let (from, to): (Timestamp, Timestamp) = ("2021-01-01".parse()?, "2024-01-01".parse()?);
        let hours = grid(&Settings { from, to, seed, shifts: Vec::new() })?;
        let history = |of: &dyn Fn(usize) -> f64| History::new(from, Cadence::Hour, (0..hours.len()).map(of).collect());
        let companion = |name: &&str| {
            let history = match *name {
                "cfe_pct" => history(&|hour| hours[hour].cfe_pct),
                "re_pct" => history(&|hour| hours[hour].re_pct),
                "ci_lifecycle_gco2eq_per_kwh" => history(&|hour| hours[hour].ci_lifecycle),
                other => anyhow::bail!("the simulated grid has no column `{other}`"),
            };
            Ok(Companion { name: (*name).to_owned(), history })
        };
        Ok(Self {
            definition: definition(&format!("simulated{seed}"), "Europe/Rome", covariates)?,
            own: history(&|hour| hours[hour].ci_direct),
            companions: covariates.iter().map(companion).collect::<Result<_>>()?,
        })
    }

    /// The series' name.
    pub fn name(&self) -> &str {
        self.definition.id.as_str()
    }

    /// What a model may be made from.
    pub fn inputs(&self, until: Timestamp) -> Inputs {
        Inputs::alone(self.own.before(until))
    }

    /// The other columns in a span.
    pub fn companions(&self, from: Timestamp, until: Timestamp) -> Vec<Companion> {
        let of = |companion: &Companion| Companion {
            name: companion.name.clone(),
            history: companion.history.between(from, until),
        };
        self.companions.iter().map(of).collect()
    }
}

/// The settings are the defaults: nothing is chosen for a series.
fn definition(zone: &str, time_zone: &str, covariates: &[&str]) -> Result<Definition> {
    let covariates: Vec<String> = covariates.iter().map(|name| format!("\"{name}\"")).collect();
    let text = format!(
        "id = \"{zone}.ci_direct\"\nunit = \"gCO2eq/kWh\"\ncadence = \"1h\"\ntime_zone = \"{time_zone}\"\n\
         [source]\ntime_column = \"timestamp_utc\"\nvalue_column = \"{VALUE}\"\ncovariates = [{}]\n",
        covariates.join(", ")
    );
    Definition::from_toml(&text).context("a definition")
}
