//! What a backtest reads beside the history: neighbours' values and weather forecasts, each from a file of its own.

use std::path::{Path, PathBuf};

use anyhow::Context;
use aria_core::contract;
use aria_core::forecast::{Covariate, Inputs, Weather};
use aria_core::replay::{self, Batch};
use aria_core::series::{Definition, Neighbour, SeriesId};
use aria_core::time::{HOUR, Timestamp};

use super::Backtest;
use crate::input;
use crate::offline::Offline;
use crate::output::path;

/// A neighbour's values in a file.
#[derive(Clone, Debug)]
pub struct NeighbourFile {
    neighbour: Neighbour,
    file: PathBuf,
    /// The column with the values, where it is not called as the series' own.
    column: Option<String>,
}

/// Weather forecasts in a file.
#[derive(Clone, Debug)]
pub struct WeatherFile {
    file: PathBuf,
    /// Hours from a run's issue until it is known.
    delay_hours: u32,
}

/// Reads `fr.ci_direct=FILE`, `fr.ci_direct=FILE@2` and `fr.ci_direct=FILE:column@2`.
pub fn neighbour(text: &str) -> Result<NeighbourFile, String> {
    let wanted = || format!("`{text}` is no neighbour: write series=file, or series=file:column@hours");
    let (series, rest) = text.split_once('=').ok_or_else(wanted)?;
    let series: SeriesId =
        series.parse().map_err(|refused: aria_core::series::ParseSeriesError| refused.to_string())?;
    let (rest, delay_hours) = match rest.rsplit_once('@') {
        Some((rest, hours)) => {
            (rest, hours.parse().map_err(|_| format!("`{hours}` is no number of hours: write @6 for six"))?)
        }
        None => (rest, 0),
    };
    let (file, column) = match rest.rsplit_once(':') {
        Some((file, column)) => (file, Some(column.to_owned())),
        None => (rest, None),
    };
    if file.is_empty() {
        return Err(wanted());
    }
    Ok(NeighbourFile { neighbour: Neighbour { series, delay_hours }, file: file.into(), column })
}

/// Reads `FILE@6`. Nobody has a run when it is issued, so that the hours until then must be said.
pub fn weather(text: &str) -> Result<WeatherFile, String> {
    let wanted = || format!("`{text}` does not say how many hours after its issue a run is known: write {text}@6");
    let (file, hours) = text.rsplit_once('@').ok_or_else(wanted)?;
    let delay_hours = hours.parse().map_err(|_| format!("`{hours}` is no number of hours: write @6 for six"))?;
    Ok(WeatherFile { file: file.into(), delay_hours })
}

impl NeighbourFile {
    /// How its file is read: as the series' own, but for the name and the column.
    fn definition(&self, own: &Definition) -> Definition {
        let mut definition = own.clone();
        definition.id = self.neighbour.series.clone();
        definition.source.covariates.clear();
        definition.source.value_column = self.column.clone().unwrap_or(definition.source.value_column);
        definition.forecast = Default::default();
        definition
    }

    fn read(&self, own: &Definition) -> anyhow::Result<Vec<u8>> {
        input::read(&self.file, own.contract.upload_bytes)
    }

    fn covariate(&self, own: &Definition, inputs: &Inputs) -> anyhow::Result<Covariate> {
        let (definition, bytes) = (self.definition(own), self.read(own)?);
        let format = input::format_of(&self.file, &bytes)?;
        let checked = contract::check(&definition, format, &bytes, None, Timestamp::LAST)
            .with_context(|| format!("{} breaks the contract", path(&self.file)))?;
        if checked.rows_refused > 0 {
            // Judged as the series' own rows are, since only the platform knows the neighbour's definition.
            note!("{}: {} rows refused", path(&self.file), checked.rows_refused);
        }
        let history = checked.table.history(&definition.source.value_column, definition.cadence)?;
        Ok(Covariate::of_neighbour(&self.neighbour, Some(history), &inputs.own))
    }

    fn batches(&self, own: &Definition) -> anyhow::Result<Vec<Batch>> {
        let (definition, bytes) = (self.definition(own), self.read(own)?);
        let format = input::format_of(&self.file, &bytes)?;
        replay::split(&bytes, format, &definition, 1).with_context(|| path(&self.file))
    }
}

/// The series that the weather of a backtest is in.
const WEATHER: &str = r#"
id = "backtest.weather"
quantity = "weather"
unit = "m/s"
cadence = "1h"
time_zone = "UTC"
[source]
time_column = "issued_utc"
value_column = "wind_ms_0"
"#;

impl WeatherFile {
    fn definition() -> anyhow::Result<Definition> {
        Ok(Definition::from_toml(WEATHER)?)
    }

    fn read(&self) -> anyhow::Result<Weather> {
        let definition = Self::definition()?;
        let bytes = input::read(&self.file, definition.contract.upload_bytes)?;
        let format = input::format_of(&self.file, &bytes)?;
        let checked = contract::check(&definition, format, &bytes, None, Timestamp::LAST);
        let checked = checked.with_context(|| format!("{} breaks the contract", path(&self.file)))?;
        if checked.rows_refused > 0 {
            note!("{}: {} rows refused", path(&self.file), checked.rows_refused);
        }
        let table = checked.table;
        let weather = Weather::of_table(&table, i64::from(self.delay_hours) * HOUR);
        let weather = weather.with_context(|| path(&self.file))?;
        let short = table.rows().saturating_sub(weather.count() as u64);
        if short > 0 {
            note!("{}: {short} of {} runs do not reach a day ahead and are left out", path(&self.file), table.rows());
        }
        Ok(weather)
    }

    fn batches(&self) -> anyhow::Result<Vec<Batch>> {
        let definition = Self::definition()?;
        let bytes = input::read(&self.file, definition.contract.upload_bytes)?;
        replay::split(&bytes, input::format_of(&self.file, &bytes)?, &definition, 1).with_context(|| path(&self.file))
    }
}

impl Backtest {
    /// The files of neighbours and weather that the run reads.
    pub(super) fn other_inputs(&self) -> impl Iterator<Item = &Path> {
        let neighbours = self.neighbours.iter().map(|neighbour| neighbour.file.as_path());
        neighbours.chain(self.weather.as_ref().map(|weather| weather.file.as_path()))
    }

    /// Puts the neighbours and the weather into a definition.
    pub(super) fn add_others(&self, definition: &mut Definition) -> anyhow::Result<()> {
        if !self.neighbours.is_empty() {
            definition.forecast.neighbours = self.neighbours.iter().map(|of| of.neighbour.clone()).collect();
        }
        if let Some(weather) = &self.weather {
            let series = WeatherFile::definition()?.id;
            definition.forecast.weather = Some(Neighbour { series, delay_hours: weather.delay_hours });
        }
        Ok(())
    }

    /// Reads the neighbours and the weather beside a history.
    pub(super) fn read_others(&self, definition: &Definition, inputs: &mut Inputs) -> anyhow::Result<()> {
        for named in &definition.forecast.neighbours {
            let file = self.neighbours.iter().find(|of| of.neighbour == *named);
            let covariate = match file {
                Some(file) => file.covariate(definition, inputs)?,
                None => Covariate::of_neighbour(named, None, &inputs.own),
            };
            inputs.covariates.push(covariate);
        }
        inputs.weather = self.weather.as_ref().map(WeatherFile::read).transpose()?;
        Ok(())
    }

    /// A platform that knows the series and its neighbours, and the batches of these by the time that they come.
    pub(super) fn platform(&self, definition: &Definition) -> anyhow::Result<(Offline, Vec<(SeriesId, Batch)>)> {
        let mut others: Vec<Definition> = self.neighbours.iter().map(|of| of.definition(definition)).collect();
        let mut batches = Vec::new();
        for (neighbour, other) in self.neighbours.iter().zip(&others) {
            let its = neighbour.batches(definition)?.into_iter();
            batches.extend(its.map(|batch| (other.id.clone(), batch)));
        }
        if let Some(weather) = &self.weather {
            let other = WeatherFile::definition()?;
            batches.extend(weather.batches()?.into_iter().map(|batch| (other.id.clone(), batch)));
            others.push(other);
        }
        // The sort is stable: batches of one series keep their order.
        batches.sort_by_key(|(_, batch)| batch.as_of);
        Ok((Offline::new(definition.clone(), &others)?, batches))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbour_is_a_series_with_a_file_a_column_and_a_delay() {
        let read = |text: &str| {
            let NeighbourFile { neighbour, file, column } = neighbour(text).unwrap();
            (neighbour.series.to_string(), neighbour.delay_hours, file.display().to_string(), column)
        };
        let of = |delay, column: Option<&str>| {
            ("fr.ci_direct".to_owned(), delay, "a/fr.csv".to_owned(), column.map(str::to_owned))
        };
        assert_eq!(read("fr.ci_direct=a/fr.csv"), of(0, None));
        assert_eq!(read("fr.ci_direct=a/fr.csv@2"), of(2, None));
        assert_eq!(read("fr.ci_direct=a/fr.csv:ci@2"), of(2, Some("ci")));
        assert!(neighbour("a/fr.csv").unwrap_err().contains("write series=file"));
        assert!(neighbour("France=a/fr.csv").unwrap_err().contains("is not a series"));
        assert!(neighbour("fr.ci_direct=a/fr.csv@soon").unwrap_err().contains("`soon` is no number of hours"));
    }

    #[test]
    fn weather_says_when_its_runs_are_known() {
        assert_eq!(weather("a/runs.csv@6").unwrap().delay_hours, 6);
        assert!(weather("a/runs.csv").unwrap_err().ends_with("write a/runs.csv@6"));
    }
}
