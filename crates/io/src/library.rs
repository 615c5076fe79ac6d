//! Series and forecasts read back from artifacts.

use aria_core::artifact::Ref;
use aria_core::drift::relation::{self, Companion};
use aria_core::forecast::{Covariate, Forecast, Inputs, ValuesError, Weather, WeatherError};
use aria_core::history::History;
use aria_core::issued::Issued;
use aria_core::series::Definition;
use aria_core::snapshot::Manifest;
use aria_core::table::{Table, TableError};
use aria_core::time::{HOUR, Timestamp};

use tracing::warn;

use crate::artifacts::{Artifacts, StoreError};
use crate::runtime::chain;

/// A series as of one snapshot.
#[derive(Clone, Debug)]
pub struct Series {
    /// The snapshot's name.
    pub snapshot: Ref,
    /// The snapshot.
    pub manifest: Manifest,
    /// The definition that the snapshot was made with.
    pub definition: Definition,
}

/// A series or a forecast that cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// An artifact cannot be had.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A table is not what it should be.
    #[error("table `{key}`: {source}")]
    Table {
        /// The table's key.
        key: String,
        /// What is wrong with it.
        source: TableError,
    },
    /// A series holds no weather forecasts.
    #[error("snapshot `{key}`: {source}")]
    Weather {
        /// The snapshot's key.
        key: String,
        /// What is wrong with it.
        source: WeatherError,
    },
    /// A forecast's values are not what they should be.
    #[error("forecast `{key}`: {source}")]
    Forecast {
        /// The key of the values.
        key: String,
        /// What is wrong with them.
        source: ValuesError,
    },
}

impl LibraryError {
    /// Whether trying again can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Table { .. } | Self::Weather { .. } | Self::Forecast { .. } => false,
        }
    }
}

impl Series {
    /// Opens a series as of a snapshot.
    ///
    /// # Errors
    /// Where the snapshot or its definition cannot be had.
    pub async fn open(artifacts: &Artifacts, snapshot: &Ref) -> Result<Self, LibraryError> {
        let manifest: Manifest = artifacts.get_document(snapshot).await?;
        let definition: Definition = artifacts.get_document(&manifest.definition).await?;
        Ok(Self { snapshot: snapshot.clone(), manifest, definition })
    }

    /// The rows in `from <= time < until`.
    ///
    /// # Errors
    /// Where a table cannot be had or read.
    pub async fn table(&self, artifacts: &Artifacts, from: Timestamp, until: Timestamp) -> Result<Table, LibraryError> {
        let merged = merged(artifacts, &self.definition, self.manifest.tables(from, until)).await?;
        Ok(merged.between(from, until))
    }

    /// The values in `from <= time < until`, on the even grid.
    ///
    /// # Errors
    /// Where a table cannot be had or read.
    pub async fn history(
        &self,
        artifacts: &Artifacts,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<History, LibraryError> {
        self.history_of(&self.table(artifacts, from, until).await?)
    }

    /// The values in `from <= time < until` as [`Self::history`] gives them, and the other columns of the same rows.
    ///
    /// # Errors
    /// Where a table cannot be had or read.
    pub async fn history_and_companions(
        &self,
        artifacts: &Artifacts,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<(History, Vec<Companion>), LibraryError> {
        let table = self.table(artifacts, from, until).await?;
        Ok((self.history_of(&table)?, relation::companions(&self.definition, &table)))
    }

    fn history_of(&self, table: &Table) -> Result<History, LibraryError> {
        table
            .history(&self.definition.source.value_column, self.definition.cadence)
            .map_err(|source| LibraryError::Table { key: self.snapshot.key(), source })
    }

    /// The other columns of the rows in `from <= time < until`.
    ///
    /// # Errors
    /// Where a table cannot be had or read.
    pub async fn companions(
        &self,
        artifacts: &Artifacts,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Companion>, LibraryError> {
        Ok(relation::companions(&self.definition, &self.table(artifacts, from, until).await?))
    }

    /// The values in `from <= time < until` with the covariates and the neighbours that the definition names; one that
    /// is not there has no value.
    ///
    /// # Errors
    /// Where a table cannot be had or read.
    pub async fn inputs(
        &self,
        artifacts: &Artifacts,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Inputs, LibraryError> {
        let table = self.table(artifacts, from, until).await?;
        let inputs = Inputs::of_table(&self.definition, &table);
        let mut inputs = inputs.map_err(|source| LibraryError::Table { key: self.snapshot.key(), source })?;
        for neighbour in &self.definition.forecast.neighbours {
            let history = match self.manifest.companion(&neighbour.series) {
                Some(snapshot) => or_none(snapshot, Self::known(artifacts, snapshot, from, until).await)?,
                None => None,
            };
            inputs.covariates.push(Covariate::of_neighbour(neighbour, history.flatten(), &inputs.own));
        }
        if let Some(named) = &self.definition.forecast.weather
            && let Some(snapshot) = self.manifest.companion(&named.series)
        {
            let runs = Self::runs(artifacts, snapshot, (from, until), named.delay_hours).await;
            inputs.weather = or_none(snapshot, runs)?.flatten();
        }
        Ok(inputs)
    }

    /// The values of another series in `from <= time < until`; none where there is no row.
    async fn known(
        artifacts: &Artifacts,
        snapshot: &Ref,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Option<History>, LibraryError> {
        match Self::open(artifacts, snapshot).await?.history(artifacts, from, until).await {
            Err(LibraryError::Table { source: TableError::Empty, .. }) => Ok(None),
            history => history.map(Some),
        }
    }

    /// The weather forecasts that were issued in `from <= time < until`, and those that were young then; none where
    /// there is none.
    async fn runs(
        artifacts: &Artifacts,
        snapshot: &Ref,
        (from, until): (Timestamp, Timestamp),
        delay_hours: u32,
    ) -> Result<Option<Weather>, LibraryError> {
        let series = Self::open(artifacts, snapshot).await?;
        let table = series.table(artifacts, from.plus(-Weather::OLDEST), until).await?;
        match Weather::of_table(&table, i64::from(delay_hours) * HOUR) {
            Err(WeatherError::Empty) => Ok(None),
            weather => weather.map(Some).map_err(|source| LibraryError::Weather { key: snapshot.key(), source }),
        }
    }
}

/// What could be read of another series; none where it is damaged or lost, which costs only what looks at it.
fn or_none<T>(snapshot: &Ref, read: Result<T, LibraryError>) -> Result<Option<T>, LibraryError> {
    match read {
        Err(error) if !error.is_transient() => {
            warn!(snapshot = %snapshot.key(), error = chain(&error), "another series cannot be read and is left out");
            Ok(None)
        }
        read => read.map(Some),
    }
}

/// An issued forecast with where it came from.
///
/// # Errors
/// Where its document or its values cannot be had or read.
pub async fn forecast(artifacts: &Artifacts, name: &Ref) -> Result<(Issued, Forecast), LibraryError> {
    let issued: Issued = artifacts.get_document(name).await?;
    let bytes = artifacts.get(&issued.values).await?;
    let values =
        Forecast::from_parquet(&bytes).map_err(|source| LibraryError::Forecast { key: issued.values.key(), source })?;
    Ok((issued, values))
}

/// The values of a forecast; none where they cannot be read for good, which the log tells.
///
/// # Errors
/// Where the store serves nobody for now.
pub async fn forecast_if_readable(artifacts: &Artifacts, name: &Ref) -> Result<Option<Forecast>, LibraryError> {
    match forecast(artifacts, name).await {
        Ok((_, forecast)) => Ok(Some(forecast)),
        Err(error) if error.is_transient() => Err(error),
        Err(error) => {
            tracing::warn!(forecast = %name, error = &error as &dyn std::error::Error, "the forecast cannot be read");
            Ok(None)
        }
    }
}

/// Tables as they are stored, in the given order.
///
/// # Errors
/// Where a table cannot be had or read.
pub async fn tables<'a>(
    artifacts: &Artifacts,
    names: impl IntoIterator<Item = &'a Ref>,
) -> Result<Vec<Table>, LibraryError> {
    let mut tables = Vec::new();
    for name in names {
        let bytes = artifacts.get(name).await?;
        let table = Table::from_parquet(&bytes).map_err(|source| LibraryError::Table { key: name.key(), source })?;
        tables.push(table);
    }
    Ok(tables)
}

/// Tables one over the other, the later ones winning; an empty one of the definition's columns where there is none.
///
/// # Errors
/// Where a table cannot be had or read.
pub async fn merged<'a>(
    artifacts: &Artifacts,
    definition: &Definition,
    names: impl IntoIterator<Item = &'a Ref>,
) -> Result<Table, LibraryError> {
    let tables = tables(artifacts, names).await?;
    let merged = if tables.is_empty() { Table::empty(&definition.columns()) } else { Table::merge(&tables) };
    merged.map_err(|source| LibraryError::Table { key: definition.id.to_string(), source })
}
