//! What a forecast may be made from: the series' own values, those of its covariates as far as they are known, and the
//! weather forecasts of its zone.

use super::weather::Weather;
use crate::history::History;
use crate::series::Definition;
use crate::table::{Table, TableError};
use crate::time::{Cadence, HOUR, Timestamp};

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
        // A file may lack a covariate, and so may every file: the candidates that need it say so.
        let covariates = definition.forecast.covariates.iter().filter_map(|lookback| {
            let history = table.history(&lookback.column, definition.cadence).ok()?;
            Some(Covariate { name: lookback.column.clone(), delay: i64::from(lookback.delay_hours) * HOUR, history })
        });
        Ok(Self { covariates: covariates.collect(), weather: None, own })
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

    /// The first step after the series' last.
    pub fn end(&self) -> Timestamp {
        self.own.end()
    }
}

impl Covariate {
    /// The first step whose value is not known at `origin`.
    pub(super) fn known_until(&self, origin: Timestamp) -> Timestamp {
        origin.plus(-self.delay)
    }
}
