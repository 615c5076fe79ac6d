//! Weather forecasts as a table: a row for each run, at the time of its issue, and a column for each variable and hour.

use super::{Conditions, Run, Weather, WeatherError};
use crate::table::{Table, TableError};

/// Hours that a table holds of a run, the first of which is that of its issue: enough for four days from an origin that
/// is a day younger than the run.
const HOURS: usize = 121;
/// The variables, in the order of [`Conditions`].
const VARIABLES: [&str; 5] = ["wind_ms", "sun_wm2", "temperature_k", "dew_point_k", "rain_mm"];

/// The columns of a table of runs: `wind_ms_0`, `sun_wm2_0` and so on for the hour of the issue, then those of the next
/// hour.
pub fn columns() -> Vec<String> {
    let of_hour = |hour: usize| VARIABLES.map(|variable| format!("{variable}_{hour}"));
    (0..HOURS).flat_map(of_hour).collect()
}

impl Weather {
    /// The runs of a table of [`columns`], each known `delay` seconds after its issue. A run ends at the first hour
    /// that lacks a value.
    ///
    /// # Errors
    /// Where the table lacks a column, or no run is left.
    pub fn of_table(table: &Table, delay: i64) -> Result<Self, WeatherError> {
        let times = table.times();
        let mut runs: Vec<Run> = times.iter().map(|issued| Run { issued: *issued, hours: Vec::new() }).collect();
        for hour in 0..HOURS {
            let [wind, sun, warmth, dew, rain] = columns_of(table, hour)?;
            for (row, run) in runs.iter_mut().enumerate().filter(|(_, run)| run.hours.len() == hour) {
                let conditions = || {
                    Some(Conditions {
                        wind_ms: wind[row]?,
                        sun_wm2: sun[row]?,
                        temperature_k: warmth[row]?,
                        dew_point_k: dew[row]?,
                        rain_mm: rain[row]?,
                    })
                };
                run.hours.extend(conditions());
            }
        }
        Self::new(delay, runs)
    }
}

/// The values of the variables at an hour after the issue, by run.
fn columns_of(table: &Table, hour: usize) -> Result<[Vec<Option<f64>>; 5], TableError> {
    let [wind, sun, warmth, dew, rain] = VARIABLES.map(|variable| table.values(&format!("{variable}_{hour}")));
    Ok([wind?, sun?, warmth?, dew?, rain?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY, Timestamp};

    fn issued(day: i64) -> Timestamp {
        Timestamp::from_seconds(day * DAY).unwrap()
    }

    /// A run whose wind is so much and a tenth of the hour, and that lacks the dew point of an hour.
    fn table(runs: &[(i64, f64, Option<usize>)]) -> Table {
        let names = columns();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let row = |(day, wind, lacks): &(i64, f64, Option<usize>)| {
            let of_hour = |hour: usize| {
                let dew = (*lacks != Some(hour)).then_some(275.0);
                [Some(wind + 0.1 * hour as f64), Some(100.0), Some(280.0), dew, Some(0.0)]
            };
            (issued(*day), (0..HOURS).flat_map(of_hour).collect::<Vec<_>>())
        };
        Table::from_rows(&names, runs.iter().map(row)).unwrap()
    }

    fn run(day: i64, wind: f64, hours: usize) -> Run {
        let conditions = |hour: usize| Conditions {
            wind_ms: wind + 0.1 * hour as f64,
            sun_wm2: 100.0,
            temperature_k: 280.0,
            dew_point_k: 275.0,
            rain_mm: 0.0,
        };
        Run { issued: issued(day), hours: (0..hours).map(conditions).collect() }
    }

    #[test]
    fn a_row_is_a_run_hour_by_hour() {
        let found = Weather::of_table(&table(&[(10, 5.0, None), (11, 7.0, None)]), 3_600);
        assert_eq!(found, Weather::new(3_600, vec![run(10, 5.0, HOURS), run(11, 7.0, HOURS)]));
    }

    #[test]
    fn a_run_ends_at_the_first_hour_that_lacks_a_value() {
        assert_eq!(Weather::of_table(&table(&[(10, 5.0, Some(30))]), 0), Weather::new(0, vec![run(10, 5.0, 30)]));
        assert_eq!(Weather::of_table(&table(&[(10, 5.0, Some(3))]), 0), Err(WeatherError::Empty));
    }

    #[test]
    fn a_table_without_a_column_is_refused_by_name() {
        let table = Table::from_rows(&["wind_ms_0"], [(issued(1), vec![Some(5.0)])]).unwrap();
        assert!(Weather::of_table(&table, 0).unwrap_err().to_string().contains("sun_wm2_0"));
    }
}
