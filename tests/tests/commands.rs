//! Commands as a person runs them: what they print, how they end, and what they do when nobody reads what they print.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use aria_tests::{Service, aria, free_ports, nats_server};
use serde_json::Value;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

fn run(folder: &Path, args: &[&str]) -> Result<Output> {
    let mut command: Command = aria()?;
    command.args(args).current_dir(folder).output().context("aria does not run")
}

/// What a command wrote: to the standard output, and to the standard error.
fn told(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Two tables of ten days: `price` moved by eighty, `load` the same but for a cell that is missing, `note` text that is
/// always the same, `old` in one only.
fn tables(folder: &Path) -> Result<()> {
    let (mut before, mut after) = ("time,price,load,note,old\n".to_owned(), "load,price,note,time\n".to_owned());
    for i in 0..60 {
        let time = |month: u32| format!("2023-{month:02}-{:02}T{:02}:00Z", 1 + i / 6, i % 6 * 4);
        before.push_str(&format!("{},{},{},a,1\n", time(1), i * 37 % 101, i * 29 % 71));
        let load = if i == 7 { String::new() } else { (i * 29 % 71).to_string() };
        after.push_str(&format!("{load},{},b,{}\n", i * 37 % 101 + 80, time(2)));
    }
    std::fs::write(folder.join("before.csv"), before)?;
    std::fs::write(folder.join("after.csv"), after)?;
    Ok(())
}

const DRIFT: [&str; 5] = ["drift", "--reference", "before.csv", "--current", "after.csv"];

#[test]
fn drift_compares_the_columns_that_both_files_have_and_says_which_it_leaves_out() -> Result<()> {
    let folder = TempDir::new()?;
    tables(folder.path())?;
    let output = run(folder.path(), &DRIFT)?;
    let (table, warned) = told(&output);
    assert_eq!(output.status.code(), Some(0), "{warned}");
    let line = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
    assert!(line("price ").contains("drifted") && line("load ").contains("stable"), "{table}");
    // One of sixty rows.
    assert!(line("load ").contains("0.0 % / 1.7 %"), "{table}");
    // The same text in every row, and another in each: neither says how far is far.
    assert!(line("note ").contains("insufficient data") && line("time ").contains("insufficient data"), "{table}");
    assert!(warned.contains("`old` is not compared: after.csv does not have it"), "{warned}");
    assert_eq!(warned.lines().count(), 1, "{warned}");
    Ok(())
}

#[test]
fn drift_as_json_is_one_document_with_the_statistics_of_scipy() -> Result<()> {
    let folder = TempDir::new()?;
    tables(folder.path())?;
    let output = run(folder.path(), &[DRIFT.as_slice(), &["--column", "price", "--json"]].concat())?;
    let (printed, warned) = told(&output);
    assert!(output.status.success() && warned.is_empty(), "{warned}");
    let document: Value = serde_json::from_str(&printed)?;
    let columns = document["columns"].as_object().context("no columns")?;
    assert_eq!((&document["version"], columns.len()), (&2.into(), 1));
    let price = &columns["price"];
    // scipy 1.14.1 of [i*37 % 101 for i in range(60)] and the same plus 80: ks_2samp, wasserstein_distance (the shift
    // itself), energy_distance, anderson_ksamp.
    let close = |statistic: &str, part: &str, expected: f64| {
        let found = price[statistic][part].as_f64().unwrap_or(f64::NAN);
        assert!((found / expected - 1.0).abs() < 1e-9, "{statistic}: {found} instead of {expected}");
    };
    close("ks", "value", 0.8);
    close("ks", "p_value", 2.1824498281334145e-19);
    close("wasserstein", "value", 80.0);
    close("wasserstein_normed", "value", 2.744542921960977);
    close("energy", "value", 9.659365058498066);
    close("anderson_darling", "value", 54.698034931798134);
    for (name, answer) in price.as_object().context("no statistics")? {
        assert_eq!(answer["drifted"], true, "{name}");
    }
    assert_eq!(document["summary"]["price"]["severity"], "drifted");
    Ok(())
}

#[test]
fn drift_fails_with_the_file_the_column_and_the_next_step() -> Result<()> {
    let folder = TempDir::new()?;
    tables(folder.path())?;
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes);
    write("empty.csv", b"")?;
    write("page.csv", b"<html><body>not found</body></html>")?;
    write("other.csv", b"speed\n1\n")?;
    write("mixed.csv", b"price,note\nx,1\n")?;
    let check = |current: &str, columns: &[&str], expected: &[&str]| -> Result<()> {
        let mut args = vec!["drift", "--reference", "before.csv", "--current", current];
        args.extend(columns.iter().flat_map(|column| ["--column", column]));
        let output = run(folder.path(), &args)?;
        let (printed, warned) = told(&output);
        assert_eq!((output.status.code(), printed.as_str()), (Some(1), ""), "{args:?}: {warned}");
        for part in expected.iter().chain([&current]) {
            assert!(warned.contains(part), "{args:?}: no `{part}` in {warned}");
        }
        Ok(())
    };
    check("none.csv", &[], &["cannot read none.csv: give a CSV or Parquet file"])?;
    check("empty.csv", &[], &["the file is empty", "hand in a table"])?;
    check("page.csv", &[], &["an HTML or XML page, no table; give CSV or Parquet"])?;
    check("other.csv", &[], &["have no column to compare", "`speed`", "`price`"])?;
    check("mixed.csv", &["price"], &["`price`", "not numeric: row 1 holds `x`", "--column"])?;
    check("mixed.csv", &["note"], &["`note`", "in before.csv it is not numeric: row 1 holds `a`", "--column"])?;
    check("after.csv", &["old"], &["`old`", "after.csv does not have it, only `load`, `price`", "--column"])?;
    Ok(())
}

#[test]
fn drift_says_the_cause_of_a_failure_once_and_nothing_of_a_file_reaches_the_terminal_as_it_is() -> Result<()> {
    let folder = TempDir::new()?;
    tables(folder.path())?;
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes);
    write("cut\n\u{1b}[2J.parquet", b"PAR1 and no end PAR1")?;
    let check = |current: &str| -> Result<String> {
        let output = run(folder.path(), &["drift", "--reference", "before.csv", "--current", current])?;
        let (printed, warned) = told(&output);
        assert_eq!((output.status.code(), printed.as_str()), (Some(1), ""), "{warned}");
        Ok(warned)
    };
    let warned = check("cut\n\u{1b}[2J.parquet")?;
    assert!(warned.starts_with("error: cut\\n\\u001b[2J.parquet: ") && warned.lines().count() == 1, "{warned}");
    let causes: Vec<&str> = warned.trim_end().split(": ").collect();
    let doubled = causes.iter().find(|cause| causes.iter().filter(|other| other == cause).count() > 1);
    assert_eq!(doubled, None, "{warned}");
    assert!(check(".")?.contains(". is a folder"));
    Ok(())
}

#[test]
fn a_reason_that_the_record_could_not_keep_is_a_wrong_usage() -> Result<()> {
    let folder = TempDir::new()?;
    let long = "x".repeat(501);
    for command in ["rollback", "retrain"] {
        for (reason, expected) in [(long.as_str(), "takes 501 bytes"), ("one\ntwo", "U+000A"), (" ", "empty")] {
            let output = run(folder.path(), &[command, "it.ci_direct", "--reason", reason])?;
            let (_, warned) = told(&output);
            assert_eq!(output.status.code(), Some(2), "{warned}");
            assert!(warned.contains(expected), "{warned}");
        }
    }
    Ok(())
}

#[test]
fn drift_without_its_files_is_a_wrong_usage() -> Result<()> {
    let folder = TempDir::new()?;
    assert_eq!(run(folder.path(), &["drift", "--reference", "before.csv"])?.status.code(), Some(2));
    Ok(())
}

/// A pipe that nobody reads.
fn closed() -> Result<Stdio> {
    let (reader, writer) = std::io::pipe()?;
    drop(reader);
    Ok(writer.into())
}

/// Runs `aria` without anybody who reads its output; gives what it wrote to the standard error.
fn unread(folder: &Path, args: &[&str]) -> Result<(Option<i32>, String)> {
    let mut command = aria()?;
    command.args(args).current_dir(folder).env("ARIA_NATS_SERVER", nats_server()?);
    let output = command.stdin(Stdio::null()).stdout(closed()?).stderr(Stdio::piped()).spawn()?.wait_with_output()?;
    Ok((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

const HISTORY: [&str; 9] =
    ["simulate", "--out", "history.csv", "--from", "2021-01-01", "--to", "2021-01-08", "--seed", "7"];

#[test]
fn a_command_whose_output_nobody_reads_does_its_work_and_ends_well() -> Result<()> {
    let folder = TempDir::new()?;
    tables(folder.path())?;
    let backtest = ["backtest", "--input", "history.csv", "--series", "simulated.ci_direct", "--out", "backtest.csv"];
    let demo = ["demo", "--input", "history.csv", "--series", "simulated.ci_direct", "--once", "--out", "out"];
    for args in [&HISTORY[..], &backtest, &demo, &DRIFT, &["--help"], &["drift", "--help"], &["--version"]] {
        let (code, warned) = unread(folder.path(), args)?;
        assert_eq!(code, Some(0), "{args:?}: {warned}");
        assert!(!warned.contains("panicked") && !warned.contains("error"), "{args:?}: {warned}");
    }
    for file in ["history.csv", "backtest.csv", "out/forecasts.csv", "out/summary.json"] {
        assert!(folder.path().join(file).is_file(), "no {file}");
    }
    Ok(())
}

#[test]
fn a_command_whose_errors_nobody_reads_fails_as_it_would() -> Result<()> {
    let folder = TempDir::new()?;
    tables(folder.path())?;
    let failing: [(&[&str], i32); 3] = [
        (&["drift", "--reference", "none.csv", "--current", "after.csv"], 1),
        (&["serve", "drift"], 64),
        (&["drift"], 2),
    ];
    for (args, code) in failing {
        let status = aria()?.args(args).current_dir(folder.path()).stdout(closed()?).stderr(closed()?).status()?;
        assert_eq!(status.code(), Some(code), "{args:?}");
    }
    // What it leaves out is told to nobody, and what it compares is told all the same.
    let drift = aria()?.args(DRIFT).current_dir(folder.path()).stdout(Stdio::piped()).stderr(closed()?).output()?;
    assert!(drift.status.success() && told(&drift).0.contains("price"), "{drift:?}");
    Ok(())
}

#[tokio::test]
async fn operators_commands_end_well_and_ingest_goes_on_though_nobody_reads_them() -> Result<()> {
    let folder = TempDir::new()?;
    let place = folder.path().to_owned();
    let http = SocketAddr::from(([127, 0, 0, 1], free_ports::<1>()?[0]));
    let data = place.join("data").display().to_string();
    let server = nats_server()?.display().to_string();
    let mut up = Service::spawn(&["up", "--data", &data, "--http", &http.to_string()], [("ARIA_NATS_SERVER", server)])?;
    up.ready(http, PATIENCE).await?;
    tokio::task::spawn_blocking(move || -> Result<()> {
        for (name, hour) in [("first.csv", 0), ("second.csv", 1)] {
            let rows = format!("timestamp_utc,ci_direct_gco2eq_per_kwh\n2021-01-01T0{hour}:00:00Z,300\n");
            std::fs::write(place.join(name), rows)?;
        }
        let ingest = ["ingest", "--data", "data", "--series", "it.ci_direct", "first.csv", "second.csv"];
        let commands: [&[&str]; 5] = [
            &ingest,
            &["events", "--data", "data"],
            &["events", "--data", "data", "--follow"],
            &["status", "--data", "data"],
            &["series", "--data", "data", "--json"],
        ];
        for args in commands {
            let (code, warned) = unread(&place, args)?;
            assert_eq!((code, warned.as_str()), (Some(0), ""), "{args:?}");
        }
        let (events, warned) = told(&run(&place, &["events", "--data", "data", "--fact", "batch.accepted"])?);
        assert_eq!(events.lines().count(), 2, "both files are taken in: {events}{warned}");
        Ok(())
    })
    .await??;
    let status = up.process.terminate(PATIENCE).await?;
    assert!(status.success(), "it left with {status}");
    Ok(())
}
