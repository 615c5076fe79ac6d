//! What is handed in as a batch: CSV, NDJSON and Parquet against the contract of a series, cut into periods, and as the
//! columns of numbers that `aria drift` compares.

use anyhow::{Context, Result, ensure};
use aria_core::artifact::Format;
use aria_core::contract::{Checked, Known, QUARANTINE_ROWS, Quarantined, check};
use aria_core::numbers;
use aria_core::replay;
use aria_core::series::Definition;
use aria_core::snapshot::Level;
use aria_core::table::{TIME_COLUMN, Table};
use aria_core::time::Timestamp;

use crate::engine::{Outcome, Target, run};

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
    bad_share = 1.0
    upload_bytes = 1048576
    upload_rows = 20000
"#;

const WORDS: &[&[u8]] = &[
    b"\n",
    b"\r\n",
    b"\r",
    b",",
    b"\"",
    b"\"\"",
    b"\0",
    b"\xEF\xBB\xBF",
    b"\xFF\xFE",
    b"NaN",
    b"inf",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"{\"when\":",
    b"\\u0000",
    b"\\ud800",
    b"when,ci,cfe,re\n",
    b"2021-01-01T00:00:00Z",
    b"2021-01-01T02:00:00+02:00",
    b"1969-12-31T23:00:00Z",
    b"2199-12-31T23:00:00Z",
    b"2021-01-01T00:00:60Z",
    b"300.5",
    b"3,5",
    b"PAR1",
];

/// A fixed part, most of it for writing and reading what is kept as Parquet; what the listed refusals take; and a share
/// of the input: rows become columns of numbers.
fn memory(bytes: usize) -> usize {
    (12 << 20) + QUARANTINE_ROWS.min(bytes) * 800 + 64 * bytes
}

/// Decoding may take what the definition allows an upload, several times over: decompressed, as columns, and as rows.
fn memory_of_parquet(bytes: usize) -> usize {
    (24 << 20) + 200 * bytes
}

#[test]
fn rows_of_csv_are_kept_or_refused_each_with_its_reason() -> Result<()> {
    let target = Target { name: "csv", samples: &[], words: WORDS, mutations: 6_000, memory };
    run(&target, |bytes| judged(Format::Csv, bytes, rows_of_plain_csv))
}

#[test]
fn rows_of_ndjson_are_kept_or_refused_each_with_its_reason() -> Result<()> {
    let target = Target { name: "ndjson", samples: &[], words: WORDS, mutations: 6_000, memory };
    run(&target, |bytes| judged(Format::Ndjson, bytes, rows_of_ndjson))
}

#[test]
fn rows_of_parquet_are_kept_or_refused_each_with_its_reason() -> Result<()> {
    let target = Target { name: "parquet", samples: &[], words: WORDS, mutations: 5_000, memory: memory_of_parquet };
    run(&target, |bytes| judged(Format::Parquet, bytes, rows_of_parquet))
}

#[test]
fn the_columns_of_any_table_are_numbers_or_say_why_not() -> Result<()> {
    let samples = &[("tests/corpus/csv", ""), ("tests/corpus/parquet", "")];
    let target = Target {
        name: "numbers",
        samples,
        words: WORDS,
        mutations: 4_000,
        memory: |n| memory(n) + memory_of_parquet(n),
    };
    run(&target, |bytes| {
        let mut outcome = Outcome::Refused;
        for format in [numbers::Format::Csv, numbers::Format::Parquet] {
            match numbers::read(format, bytes) {
                Ok(numbers) => {
                    ensure_even(&numbers)?;
                    if let Err(error) = numbers::texts(format, bytes, &numbers) {
                        ensure!(!error.to_string().is_empty(), "its texts are refused without a reason");
                    }
                    outcome = Outcome::Taken;
                }
                Err(error) => ensure!(!error.to_string().is_empty(), "it is refused without a reason"),
            }
        }
        Ok(outcome)
    })
}

/// Every column has a number for each row.
fn ensure_even(numbers: &numbers::Numbers) -> Result<()> {
    let mut lengths = numbers.columns.iter().filter_map(|column| column.values.as_ref().ok()).map(Vec::len);
    let first = lengths.next();
    ensure!(lengths.all(|length| Some(length) == first), "columns of different lengths");
    Ok(())
}

/// Judges bytes as the first batch of a series and as a later one, and cuts them as a history. `count` counts the rows
/// of a file without taking them apart.
fn judged(format: Format, bytes: &[u8], count: impl Fn(&[u8]) -> Option<u64>) -> Result<Outcome> {
    let definition = Definition::from_toml(DEFINITION)?;
    let rows = count(bytes);
    let received: Timestamp = "2024-01-01T00:00:00Z".parse()?;
    let level = Some(Level { median: 300.0, values: 672, range: Some((100.0, 600.0)), still: Some(1), newest: None });
    let known = Known { first: "2020-12-04".parse()?, newest: "2020-12-31T23:00:00Z".parse()?, level };
    let mut outcome = Outcome::Refused;
    for known in [None, Some(&known)] {
        match check(&definition, format, bytes, known, received) {
            Ok(checked) => {
                ensure_checked(&checked, &definition, rows).context("of a batch that was taken in")?;
                outcome = Outcome::Taken;
            }
            Err(broken) => {
                ensure!(!broken.to_string().is_empty(), "it is refused without a reason");
                ensure_listed(&broken.quarantined, broken.quarantined_total, rows, &definition)?;
            }
        }
    }
    match replay::split(bytes, format, &definition, 1) {
        Ok(batches) => {
            let parts: Option<u64> = batches.iter().map(|batch| count(&batch.bytes)).sum();
            ensure!(rows.is_none() || parts == rows, "of {rows:?} rows {parts:?} are in the parts of the history");
        }
        Err(error) => {
            ensure!(!error.to_string().is_empty(), "it cannot be cut, without a reason");
            ensure!(outcome == Outcome::Refused, "a batch that is taken in cannot be cut: {error}");
        }
    }
    Ok(outcome)
}

fn ensure_checked(checked: &Checked, definition: &Definition, rows: Option<u64>) -> Result<()> {
    let (kept, refused) = (checked.table.rows(), checked.rows_refused);
    ensure!(kept > 0, "a batch without a row was taken in");
    if let Some(rows) = rows {
        ensure!(kept + refused == rows, "{rows} rows came, {kept} were kept and {refused} refused");
    }
    ensure!(refused <= checked.quarantined_total, "{refused} rows are refused, fewer are counted");
    ensure_listed(&checked.quarantined, checked.quarantined_total, rows, definition)?;
    ensure_good(&checked.table, definition)?;
    ensure_stored(&checked.table, definition)
}

/// Every refusal is listed, up to the number that is, with its row, its column and why.
fn ensure_listed(quarantined: &[Quarantined], total: u64, rows: Option<u64>, definition: &Definition) -> Result<()> {
    ensure!(quarantined.len() as u64 == total.min(QUARANTINE_ROWS as u64), "{} of {total} listed", quarantined.len());
    ensure!(quarantined.is_sorted_by_key(|q| q.row), "the refusals stand in another order than their rows");
    let columns = [vec!["", &definition.source.time_column], definition.columns()].concat();
    for Quarantined { row, column, value, reason } in quarantined {
        ensure!(*row > 0 && rows.is_none_or(|rows| *row <= rows), "there is no row {row} among {rows:?}");
        ensure!(columns.contains(&column.as_str()), "there is no column `{column}`");
        ensure!(value.chars().count() <= 80, "row {row} shows more than 80 letters");
        ensure!(!reason.is_empty() && reason.len() < 1_000, "row {row}: `{reason}` is no reason");
    }
    Ok(())
}

fn ensure_good(table: &Table, definition: &Definition) -> Result<()> {
    let times = table.times();
    ensure!(times.is_sorted_by(|one, next| one < next), "the times do not rise");
    ensure!(times.iter().all(|time| definition.cadence.is_aligned(*time)), "a time lies off the grid");
    ensure!(table.columns() == definition.columns(), "other columns: {:?}", table.columns());
    let contract = &definition.contract;
    let good = |value: Option<f64>| value.is_some_and(|v| (contract.minimum..=contract.maximum).contains(&v));
    ensure!(table.values("ci")?.into_iter().all(good), "a value out of range was kept");
    for covariate in &definition.source.covariates {
        ensure!(table.values(covariate)?.into_iter().flatten().all(f64::is_finite), "`{covariate}` is not finite");
    }
    Ok(())
}

/// What is kept can be stored, read back byte for byte, and handed in again.
fn ensure_stored(table: &Table, definition: &Definition) -> Result<()> {
    let stored = table.to_parquet()?;
    let read = Table::from_parquet(&stored)?;
    ensure!(read == *table && read.to_parquet()? == stored, "what was stored reads back as something else");
    let mut own = definition.clone();
    own.source.time_column = TIME_COLUMN.to_owned();
    let again = check(&own, Format::Parquet, &stored, None, "2024-01-01T00:00:00Z".parse()?);
    let far = again.as_ref().is_ok_and(|again| again.rows_refused > 0) || again.is_err();
    // A batch that followed a series may be far from itself: only one that is whole must be taken in whole.
    ensure!(far || again?.table == *table, "what was stored and handed in again is something else");
    Ok(())
}

/// The rows of a file without quotation marks, counted by its lines; none where it has some.
fn rows_of_plain_csv(bytes: &[u8]) -> Option<u64> {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if text.contains(&b'"') {
        return None;
    }
    let lines = text.split(|byte| b"\r\n".contains(byte)).filter(|line| !line.is_empty()).skip(1);
    let blank = |line: &&[u8]| line.split(|byte| *byte == b',').all(|cell| cell.trim_ascii().is_empty());
    Some(lines.filter(|line| !blank(line)).count() as u64)
}

/// The rows of a file with an object a line, counted by its lines.
fn rows_of_ndjson(bytes: &[u8]) -> Option<u64> {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    Some(text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count() as u64)
}

/// The rows of a file by any column of numbers in it; none where it has none.
fn rows_of_parquet(bytes: &[u8]) -> Option<u64> {
    let numbers = numbers::read(numbers::Format::Parquet, bytes).ok()?;
    numbers
        .columns
        .iter()
        .find_map(|column| column.values.as_ref().ok())
        .map(|values| values.len() as u64)
        .filter(|rows| *rows > 0)
}
