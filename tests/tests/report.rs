//! The report of a backtest, as the command writes it: its page stands alone, and its figures are those that the files
//! of history and forecasts give when somebody else computes them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use aria_core::time::{DAY, HOUR, Timestamp};
use aria_tests::aria;
use serde_json::Value;
use tempfile::TempDir;

const DEFINITION: &str = r#"
id = "simulated.co2"
unit = "tCO2eq/h"
quantity = "emission"
cadence = "1h"
time_zone = "Europe/Rome"
[source]
time_column = "timestamp_utc"
value_column = "ci_direct_gco2eq_per_kwh"
covariates = ["re_pct"]
[forecast]
horizon_hours = 48
"#;

/// Where 2021 begins in Rome, as the beginning of a time in UTC.
const LOCAL_YEAR: &str = "2020-12-31T23";

/// A line of the file of forecasts.
struct Row {
    origin: Timestamp,
    hours: usize,
    target: Timestamp,
    forecast: f64,
    lower: f64,
    upper: f64,
}

struct Ran {
    folder: TempDir,
    measured: BTreeMap<Timestamp, f64>,
    rows: Vec<Row>,
    report: Value,
}

fn run(folder: &Path, args: &[&str]) -> Result<()> {
    let output = aria()?.args(args).current_dir(folder).output().context("aria does not run")?;
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// A simulated history over New Year, with a hole, forecast by models that are refitted every 30 days.
fn ran() -> Result<Ran> {
    let folder = TempDir::new()?;
    let place = folder.path();
    std::fs::write(place.join("co2.toml"), DEFINITION)?;
    let gap = "gap:2020-12-15..2020-12-16";
    let span = ["--from", "2020-10-01", "--to", "2021-01-20", "--seed", "3", "--shift", gap];
    run(place, &[["simulate", "--out", "history.csv"].as_slice(), &span].concat())?;
    let files = ["--out", "out.csv", "--report", "report.html", "--report-json", "report.json", "--card", "card.md"];
    let backtest = ["backtest", "--definition", "co2.toml", "--series", "simulated.co2", "--input", "history.csv"];
    run(place, &[&backtest[..], &["--retrain", "30d", "--from", "2020-12-05"], &files].concat())?;
    let measured = csv(place, "history.csv")?.into_iter().map(|row| {
        let value = row.get("ci_direct_gco2eq_per_kwh").context("no value")?.parse()?;
        Ok((row["timestamp_utc"].parse()?, value))
    });
    let rows = csv(place, "out.csv")?.into_iter().map(|row| {
        Ok(Row {
            origin: row["origin_utc"].parse()?,
            hours: row["horizon_h"].parse()?,
            target: row["target_utc"].parse()?,
            forecast: row["forecast"].parse()?,
            lower: row["lower"].parse()?,
            upper: row["upper"].parse()?,
        })
    });
    let (measured, rows) = (measured.collect::<Result<_>>()?, rows.collect::<Result<_>>()?);
    let report = serde_json::from_slice(&std::fs::read(place.join("report.json"))?)?;
    Ok(Ran { measured, rows, report, folder })
}

fn csv(folder: &Path, file: &str) -> Result<Vec<BTreeMap<String, String>>> {
    let mut reader = csv::ReaderBuilder::new().comment(Some(b'#')).from_path(folder.join(file))?;
    Ok(reader.deserialize().collect::<Result<_, _>>()?)
}

fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.into_iter().collect();
    values.iter().sum::<f64>() / values.len() as f64
}

#[track_caller]
fn close(found: &Value, expected: f64) {
    let apart = found.as_f64().map(|found| (found - expected).abs());
    assert!(apart.is_some_and(|apart| apart <= 1e-9 * expected.abs().max(1.0)), "{found} instead of {expected}");
}

impl Ran {
    /// The rows whose hour was measured, with the measured value.
    fn scored(&self) -> impl Iterator<Item = (&Row, f64)> {
        self.rows.iter().filter_map(|row| Some((row, *self.measured.get(&row.target)?)))
    }
}

#[test]
fn a_report_agrees_with_the_files_of_history_and_forecasts() -> Result<()> {
    let ran = ran()?;
    let report = &ran.report;
    assert_eq!(
        (&report["version"], &report["simulated"], &report["unit"]),
        (&1.into(), &true.into(), &"tCO2eq/h".into())
    );
    assert_eq!(report["issued"], ran.rows.len() / 48);

    // The day before one origin is a hole: it cannot be repeated, so that errors are compared without this origin.
    let compared = || ran.scored().filter(|(row, _)| !row.origin.to_string().starts_with("2020-12-16"));
    let errors = &report["errors"];
    assert_eq!(errors["left_out"], 48);
    assert_eq!(errors["overall"]["issued"]["steps"], compared().count());
    for day in 0..2 {
        let of_day = || compared().filter(|(row, _)| row.hours / 24 == day);
        let found = &errors["by_day"][day]["issued"];
        close(&found["mae"], mean(of_day().map(|(row, value)| (row.forecast - value).abs())));
        close(&found["bias"], mean(of_day().map(|(row, value)| row.forecast - value)));
        close(&found["mape"], mean(of_day().map(|(row, value)| 100.0 * (row.forecast - value).abs() / value)));
    }
    let at_30 = mean(compared().filter(|(row, _)| row.hours == 30).map(|(row, value)| (row.forecast - value).abs()));
    close(&errors["by_step"][30]["issued"]["mae"], at_30);

    let inside = ran.scored().map(|(row, value)| f64::from(u8::from(row.lower <= value && value <= row.upper)));
    let level = &report["calibration"]["overall"]["levels"][1];
    close(&level["nominal"], 0.8);
    close(&level["covered"], mean(inside));
    close(&level["mean_width"], mean(ran.scored().map(|(row, _)| row.upper - row.lower)));
    Ok(())
}

#[test]
fn a_naive_forecast_in_a_report_is_the_last_day_repeated() -> Result<()> {
    let ran = ran()?;
    let months = ran.report["errors"]["by_month"].as_array().context("no months")?;
    assert_eq!(months.iter().map(|month| &month["name"]).collect::<Vec<_>>(), ["2020-12", "2021-01"]);
    // January in Rome begins an hour before it does in UTC. The days before its origins were measured as a whole.
    let mut errors = Vec::new();
    for (row, value) in ran.scored().filter(|(row, _)| row.target.to_string().as_str() >= LOCAL_YEAR) {
        let repeated = row.origin.plus((row.hours % 24) as i64 * HOUR - DAY);
        errors.push((ran.measured.get(&repeated).context("a day with a hole")? - value).abs());
    }
    close(&months[1]["naive"]["previous_day"]["mae"], mean(errors));
    Ok(())
}

#[test]
fn annual_totals_are_the_sums_of_the_first_days_in_local_years() -> Result<()> {
    let ran = ran()?;
    let totals = &ran.report["totals"];
    assert_eq!((&totals["unit"], totals["years"].as_array().map(Vec::len)), (&"tCO2eq".into(), Some(2)));
    for (place, (year, of_steps)) in [(2020, 8_784), (2021, 8_760)].into_iter().enumerate() {
        let is_its = |row: &Row| (row.target.to_string().as_str() >= LOCAL_YEAR) == (year == 2021);
        let first: Vec<_> = ran.scored().filter(|(row, _)| row.hours < 24 && is_its(row)).collect();
        let found = &totals["years"][place];
        assert_eq!(
            (&found["year"], &found["steps"], &found["of_steps"]),
            (&year.into(), &first.len().into(), &of_steps.into())
        );
        close(&found["forecast"], first.iter().map(|(row, _)| row.forecast).sum());
        close(&found["measured"], first.iter().map(|(_, value)| value).sum());
    }
    Ok(())
}

#[test]
fn the_page_of_a_report_has_every_plot_and_needs_nothing_beside_itself() -> Result<()> {
    let ran = ran()?;
    let page = std::fs::read_to_string(ran.folder.path().join("report.html"))?;
    let captions = [
        "Error by horizon",
        "Error by month",
        "Error by local hour",
        "Coverage of",
        "Coverage by quarter",
        "A day ahead",
    ];
    for caption in captions {
        let (_, figure) =
            page.split_once(&format!("<figcaption>{caption}")).with_context(|| format!("no {caption}"))?;
        let (figure, _) = figure.split_once("</figure>").context("a figure without an end")?;
        assert!(figure.contains("<svg") && figure.contains("class=\"legend\""), "{caption}");
    }
    for part in ["Simulated data", "Annual totals", "Members of the newest model", "tCO2eq/h", "Middle error"] {
        assert!(page.contains(part), "no {part}");
    }
    for outside in ["http:", "https:", "src=", "href=", "url(", "@import", "<script", "NaN"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let card = std::fs::read_to_string(ran.folder.path().join("card.md"))?;
    let first = ran.report["errors"]["by_day"][0]["issued"]["mae"].as_f64().context("no error")?;
    assert!(card.contains("an emission per hour") && card.contains(&format!("| {first:.2} |")), "{card}");
    Ok(())
}
