//! Bad input of every kind, and what it gets.

use super::{BrokenReason, Checked, Known, Quarantined, check};
use crate::artifact::Format;
use crate::series::Definition;
use crate::snapshot::Level;
use crate::time::Timestamp;

mod cells;
mod csv;
mod laws;
mod ndjson;
mod parquet;
mod times;
mod whole;

const DEFINITION: &str = r#"
    id = "it.ci_direct"
    unit = "gCO2eq/kWh"
    cadence = "1h"
    time_zone = "Europe/Rome"
    [source]
    time_column = "when"
    value_column = "ci"
    covariates = ["cfe", "re"]
    [contract]
    minimum = 1.0
    maximum = 1500.0
"#;

const HEADER: &str = "when,zone,ci,cfe,re\n";

fn definition() -> Definition {
    Definition::from_toml(DEFINITION).unwrap()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Long after every row of these tests.
fn received() -> Timestamp {
    time("2024-01-01T00:00:00Z")
}

fn check_as(format: Format, bytes: &[u8]) -> Result<Checked, super::Broken> {
    check(&definition(), format, bytes, None, received())
}

/// Two good rows, so that one bad row never breaks the batch, and the rows of a test.
fn csv_rows(rows: &str) -> Checked {
    let text = format!("{HEADER}2021-01-01T00:00:00Z,IT,300,40,35\n{rows}2021-01-01T09:00:00Z,IT,310,41,36\n");
    check_as(Format::Csv, text.as_bytes()).unwrap()
}

fn broken(format: Format, bytes: &[u8]) -> BrokenReason {
    *check_as(format, bytes).unwrap_err().reason
}

fn record(row: u64, column: &str, value: &str, reason: &str) -> Quarantined {
    Quarantined { row, column: column.to_owned(), value: value.to_owned(), reason: reason.to_owned() }
}

/// The times and values that were kept.
fn kept(checked: &Checked) -> Vec<(String, f64)> {
    let values = checked.table.values("ci").unwrap();
    checked.table.times().iter().map(ToString::to_string).zip(values.into_iter().flatten()).collect()
}

/// A series just before the rows of these tests, at this level.
fn known_at(median: f64) -> Known {
    let level =
        Some(Level { median, values: 672, range: Some((0.8 * median, 1.25 * median)), still: Some(1), newest: None });
    Known { first: time("2020-12-04"), newest: time("2020-12-31T23:00:00Z"), level }
}
