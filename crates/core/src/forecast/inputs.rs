//! What a forecast may be made from: the series' own values, those of its covariates as far as they are known, and the
//! weather forecasts of its zone.

use super::error::FitError;
use super::ridge::{Scale, newest_week};
use super::weather::Weather;
use crate::history::History;
use crate::series::{Definition, Neighbour};
use crate::table::{Table, TableError};
use crate::time::{Cadence, DAY, HOUR, Timestamp};

/// A series with its covariates, all on one grid.
#[derive(Clone, Debug, PartialEq)]
pub struct Inputs {
    /// The series' own values.
    pub own: History,
    /// Past values of other columns or series.
    pub covariates: Vec<Covariate>,
    /// Weather forecasts of the zone, as they were known.
    pub weather: Option<Weather>,
}

/// Values that may help to forecast a series, of another column or of another series.
#[derive(Clone, Debug, PartialEq)]
pub struct Covariate {
    /// Its name, by which a model finds it again.
    pub name: String,
    /// Seconds from the end of a step until its value is known: it may be used from then on.
    pub delay: i64,
    /// The values, at the cadence of the series.
    pub history: History,
}

impl Inputs {
    /// A series without covariates.
    pub fn alone(own: History) -> Self {
        Self { own, covariates: Vec::new(), weather: None }
    }

    /// A series with the covariates that its definition names, from a table of its rows.
    ///
    /// # Errors
    /// Where the table has no column for the series' values.
    pub fn of_table(definition: &Definition, table: &Table) -> Result<Self, TableError> {
        let own = table.history(&definition.source.value_column, definition.cadence)?;
        // A file may lack a covariate, and so may every file: fitting says so.
        let covariates = definition.forecast.covariates.iter().map(|lookback| {
            let history = table.history(&lookback.column, definition.cadence);
            let history = history.unwrap_or_else(|_| History::new(own.start(), definition.cadence, Vec::new()));
            Covariate { name: lookback.column.clone(), delay: i64::from(lookback.delay_hours) * HOUR, history }
        });
        Ok(Self { covariates: covariates.collect(), own, weather: None })
    }

    /// The covariate of a name.
    pub fn covariate(&self, name: &str) -> Option<&Covariate> {
        self.covariates.iter().find(|covariate| covariate.name == name)
    }

    /// The distance between two values.
    pub fn cadence(&self) -> Cadence {
        self.own.cadence()
    }

    /// What was known at `origin`: nothing of the series at or after it, and of its covariates what had come by then.
    pub fn before(&self, origin: Timestamp) -> Self {
        let covariate = |covariate: &Covariate| Covariate {
            history: covariate.history.before(covariate.known_until(origin)),
            ..covariate.clone()
        };
        Self {
            own: self.own.before(origin),
            covariates: self.covariates.iter().map(covariate).collect(),
            weather: self.weather.as_ref().map(|weather| weather.before(origin)),
        }
    }

    /// These without the covariates that a model cannot learn from, and why not: those that do not vary before the
    /// first cut, or that are missing on most days of the holdout, where errors are learnt from.
    pub(super) fn usable(&self, first_cut: Timestamp, holdout_start: Timestamp) -> (Self, Vec<FitError>) {
        let mut lacking = Vec::new();
        let mut covariates = Vec::new();
        for covariate in &self.covariates {
            match covariate.check(self, first_cut, holdout_start) {
                Ok(()) => covariates.push(covariate.clone()),
                Err(problem) => lacking.push(FitError::Covariate { name: covariate.name.clone(), problem }),
            }
        }
        (Self { own: self.own.clone(), covariates, weather: self.weather.clone() }, lacking)
    }

    /// The first step after the series' last.
    pub fn end(&self) -> Timestamp {
        self.own.end()
    }
}

impl Covariate {
    /// Another series of the platform, called by its name; without values where it has none.
    pub fn of_neighbour(neighbour: &Neighbour, history: Option<History>, own: &History) -> Self {
        Self {
            name: neighbour.series.to_string(),
            delay: i64::from(neighbour.delay_hours) * HOUR,
            history: history.unwrap_or_else(|| History::new(own.start(), own.cadence(), Vec::new())),
        }
    }

    /// Whether a model can learn from it, or what is wrong with it.
    fn check(&self, inputs: &Inputs, first_cut: Timestamp, holdout_start: Timestamp) -> Result<(), &'static str> {
        if self.history.values().iter().all(|value| !value.is_finite()) {
            return Err("is not there");
        }
        if self.history.cadence() != inputs.cadence() {
            return Err("has another cadence than the series");
        }
        if self.scale(first_cut).is_none() {
            return Err("does not vary in what there is to learn from");
        }
        let days = (inputs.end().since(holdout_start) / DAY).max(1);
        let origins = (1..=days).map(|day| inputs.end().plus(-day * DAY));
        let seen = origins.filter(|origin| newest_week(self, *origin).is_ok()).count() as i64;
        if 2 * seen < days { Err("is missing on most days of the holdout") } else { Ok(()) }
    }

    /// The location and spread of its values before a cut; none where they do not vary.
    pub(super) fn scale(&self, first_cut: Timestamp) -> Option<Scale> {
        Scale::of(self.history.before(first_cut).values()).filter(|scale| scale.varies())
    }

    /// The first step whose value is not known at `origin`.
    pub(super) fn known_until(&self, origin: Timestamp) -> Timestamp {
        origin.plus(-self.delay)
    }
}
