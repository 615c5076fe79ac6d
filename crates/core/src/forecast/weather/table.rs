//! Weather forecasts as a CSV table: one row for each run and hour.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Conditions, Run, Weather, WeatherError};
use crate::time::{HOUR, Timestamp};

/// One hour of one run.
#[derive(Debug, Deserialize)]
struct Row {
    issued_utc: String,
    target_utc: String,
    wind_ms: Option<f64>,
    sun_wm2: Option<f64>,
    temperature_k: Option<f64>,
    dew_point_k: Option<f64>,
    rain_mm: Option<f64>,
}

impl Weather {
    /// Runs of a table with the columns `issued_utc`, `target_utc`, `wind_ms`, `sun_wm2`, `temperature_k`,
    /// `dew_point_k` and `rain_mm` (in three hours), in any order, each known `delay` seconds after its issue. A run
    /// holds an hour after the other from its issue on; what follows a gap in it is left out.
    ///
    /// # Errors
    /// Where a row cannot be read, with its line, or no run is left.
    pub fn from_csv(bytes: &[u8], delay: i64) -> Result<Self, WeatherError> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
        let mut runs: BTreeMap<Timestamp, BTreeMap<i64, Conditions>> = BTreeMap::new();
        for (row, line) in reader.deserialize().zip(2_u64..) {
            let row: Row = row.map_err(|said| WeatherError::Row { line, problem: said.to_string() })?;
            let refused = |problem: String| WeatherError::Row { line, problem };
            let time = |text: &str| text.parse::<Timestamp>().map_err(|said| refused(said.to_string()));
            let (issued, target) = (time(&row.issued_utc)?, time(&row.target_utc)?);
            let after = target.since(issued);
            if after < 0 || after % HOUR != 0 {
                return Err(refused(format!("`{target}` is no whole hour after the issue at {issued}")));
            }
            // A value that is missing ends the run there.
            let Some(conditions) = row.conditions() else { continue };
            if runs.entry(issued).or_default().insert(after / HOUR, conditions).is_some() {
                return Err(refused(format!("the run of {issued} tells {target} twice")));
            }
        }
        let whole = |(issued, hours): (Timestamp, BTreeMap<i64, Conditions>)| {
            let hours = hours.into_iter().zip(0..).take_while(|((hour, _), place)| hour == place);
            Run { issued, hours: hours.map(|((_, conditions), _)| conditions).collect() }
        };
        Self::new(delay, runs.into_iter().map(whole).collect())
    }
}

impl Row {
    fn conditions(&self) -> Option<Conditions> {
        Some(Conditions {
            wind_ms: self.wind_ms?,
            sun_wm2: self.sun_wm2?,
            temperature_k: self.temperature_k?,
            dew_point_k: self.dew_point_k?,
            rain_mm: self.rain_mm?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "issued_utc,target_utc,wind_ms,sun_wm2,temperature_k,dew_point_k,rain_mm\n";

    fn row(hour: i64, wind: &str) -> String {
        let issued: Timestamp = "2021-03-01".parse().unwrap();
        format!("{issued},{},{wind},100,280,275,0\n", issued.plus(hour * HOUR))
    }

    fn read(rows: &[String]) -> Result<Weather, WeatherError> {
        Weather::from_csv((HEADER.to_owned() + &rows.concat()).as_bytes(), 0)
    }

    #[test]
    fn a_table_in_any_order_holds_the_runs_hour_by_hour() {
        let mut rows: Vec<String> = (0..48).map(|hour| row(hour, &hour.to_string())).collect();
        rows.reverse();
        let issued: Timestamp = "2021-03-01".parse().unwrap();
        let hour = |hour: i64| Conditions {
            wind_ms: hour as f64,
            sun_wm2: 100.0,
            temperature_k: 280.0,
            dew_point_k: 275.0,
            rain_mm: 0.0,
        };
        let expected = Weather::new(0, vec![Run { issued, hours: (0..48).map(hour).collect() }]);
        assert_eq!(read(&rows), expected);
    }

    #[test]
    fn a_run_ends_at_its_first_gap() {
        let whole: Vec<String> = (0..30).map(|hour| row(hour, "5")).collect();
        let gap: Vec<String> = (0..48).map(|hour| row(hour, if hour == 30 { "" } else { "5" })).collect();
        assert_eq!(read(&gap), read(&whole));
        assert_eq!(read(&gap[..20]), Err(WeatherError::Empty));
    }

    #[test]
    fn a_row_that_cannot_be_read_is_named_by_its_line() {
        let refused = |second: String| read(&[row(0, "5"), second]).unwrap_err().to_string();
        assert!(refused(row(1, "much")).starts_with("line 3: "), "{}", refused(row(1, "much")));
        assert!(refused(row(0, "5")).contains("tells 2021-03-01T00:00:00Z twice"));
        assert!(refused(row(-1, "5")).contains("is no whole hour after the issue"));
    }
}
