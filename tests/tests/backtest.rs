//! `aria backtest` as it is called: with every way of retraining, with other inputs from files, and with input that it
//! cannot use.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use aria_core::time::{DAY, HOUR, Timestamp};
use aria_tests::aria;
use serde_json::Value;
use tempfile::TempDir;

const DAYS: i64 = 110;
const FROM: i64 = 90;

fn begin() -> Timestamp {
    Timestamp::EPOCH.plus(18_628 * DAY)
}

/// Values that a seed draws, one for each half day and without a pattern.
fn drawn(hour: i64) -> f64 {
    let bits = (hour.div_euclid(12) as u64).wrapping_add(7).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((bits ^ (bits >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as f64 / 16_777_216.0
}

/// A folder with a series that follows its neighbour by a day and falls with the wind, the neighbour, and weather runs.
fn folder() -> Result<TempDir> {
    let folder = TempDir::new()?;
    let write = |name: &str, header: &str, row: &dyn Fn(i64) -> String| {
        let mut text = format!("{header}\n");
        (0..24 * DAYS).for_each(|hour| text.push_str(&row(hour)));
        std::fs::write(folder.path().join(name), text)
    };
    let time = |hour: i64| begin().plus(hour * HOUR);
    let neighbour = |hour: i64| 300.0 + 50.0 * drawn(hour);
    let wind = |hour: i64| 3.0 + 6.0 * drawn(hour + 1_000_000);
    let own = |hour: i64| neighbour(hour - 24) - 8.0 * wind(hour);
    write("own.csv", "time,ci,flat", &|hour| format!("{},{},5\n", time(hour), own(hour)))?;
    write("other.csv", "time,ci", &|hour| format!("{},{}\n", time(hour), neighbour(hour)))?;
    write("stopped.csv", "time,ci", &|hour| {
        if hour < 24 * (FROM + 3) { format!("{},{}\n", time(hour), neighbour(hour)) } else { String::new() }
    })?;
    write("short.csv", "time,ci", &|hour| {
        if hour < 24 * 20 { format!("{},{}\n", time(hour), own(hour)) } else { String::new() }
    })?;
    write("same.csv", "time,ci", &|hour| format!("{},100\n", time(hour)))?;
    let variables = ["wind_ms", "sun_wm2", "temperature_k", "dew_point_k", "rain_mm"];
    let mut runs = "issued_utc".to_owned();
    for hour in 0..121 {
        for name in variables {
            write!(runs, ",{name}_{hour}")?;
        }
    }
    for day in 0..DAYS {
        write!(runs, "\n{}", time(24 * day))?;
        for hour in 0..121 {
            write!(runs, ",{},100,280,275,0", wind(24 * day + hour))?;
        }
    }
    std::fs::write(folder.path().join("runs.csv"), runs + "\n")?;
    let definition = "id = \"it.x\"\nunit = \"g/kWh\"\ncadence = \"1h\"\ntime_zone = \"Europe/Rome\"\n\
        [source]\ntime_column = \"time\"\nvalue_column = \"ci\"\n[forecast]\nhorizon_hours = 24\n";
    std::fs::write(folder.path().join("it.toml"), definition)?;
    Ok(folder)
}

fn run(folder: &Path, input: &str, args: &[&str]) -> Result<std::process::Output> {
    let from = begin().plus(FROM * DAY).to_string();
    let fixed =
        ["backtest", "--definition", "it.toml", "--out", "out.csv", "--json", "--from", &from, "--input", input];
    aria()?.args(fixed).args(args).current_dir(folder).output().context("aria does not run")
}

fn summary(folder: &Path, args: &[&str]) -> Result<Value> {
    let output = run(folder, "own.csv", args)?;
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn refusal(folder: &Path, input: &str, args: &[&str]) -> Result<String> {
    let output = run(folder, input, args)?;
    assert!(!output.status.success(), "{args:?} ran");
    Ok(String::from_utf8(output.stderr)?)
}

/// The error of the first day over all origins.
fn error(summary: &Value) -> Result<f64> {
    summary["errors"][0]["issued"]["mae"].as_f64().with_context(|| format!("no error in {summary}"))
}

#[test]
fn every_way_of_retraining_forecasts_each_day_once() -> Result<()> {
    let folder = folder()?;
    for (retrain, models) in [("never", Some(1)), ("30d", Some(1)), ("policy", None)] {
        let told = summary(folder.path(), &["--retrain", retrain, "--candidates", "ridge"])?;
        let issued = std::fs::read_to_string(folder.path().join("out.csv"))?;
        let origins: std::collections::BTreeSet<&str> =
            issued.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
        assert_eq!(issued.lines().count() - 1, 24 * origins.len(), "{retrain}");
        assert!(origins.len() as i64 >= DAYS - FROM, "{retrain}: {}", origins.len());
        assert_eq!(told["models"].as_array().map(Vec::len), models, "{retrain}");
    }
    Ok(())
}

#[test]
fn a_neighbour_and_the_weather_from_files_take_errors_away() -> Result<()> {
    let folder = folder()?;
    let never = |more: &[&str]| error(&summary(folder.path(), &[&["--retrain", "never"], more].concat())?);
    let alone = never(&[])?;
    let beside = never(&["--neighbours", "fr.x=other.csv@1"])?;
    let informed = never(&["--neighbours", "fr.x=other.csv@1", "--weather", "runs.csv@6"])?;
    assert!(beside < 0.9 * alone, "{beside} of {alone}");
    assert!(informed < 0.9 * beside, "{informed} of {beside}");
    Ok(())
}

#[test]
fn what_moved_each_forecast_sums_up_to_it() -> Result<()> {
    let folder = folder()?;
    let args = ["--retrain", "30d", "--neighbours", "fr.x=other.csv", "--explain", "why.csv"];
    summary(folder.path(), &args)?;
    let mut sums: BTreeMap<(String, String), f64> = BTreeMap::new();
    for line in std::fs::read_to_string(folder.path().join("why.csv"))?.lines().skip(1) {
        let [origin, _, target, _, adds] =
            line.split(',').collect::<Vec<_>>().try_into().map_err(|_| anyhow::anyhow!("{line}"))?;
        *sums.entry((origin.to_owned(), target.to_owned())).or_default() += adds.parse::<f64>()?;
    }
    let issued = std::fs::read_to_string(folder.path().join("out.csv"))?;
    let mut compared = 0;
    for line in issued.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let sum = sums[&(cells[0].to_owned(), cells[2].to_owned())];
        assert!((sum - cells[3].parse::<f64>()?).abs() < 1e-3, "{sum} for {line}");
        compared += 1;
    }
    assert_eq!(compared, sums.len());
    Ok(())
}

#[test]
fn what_a_forecast_was_made_without_is_told() -> Result<()> {
    let folder = folder()?;
    let told = summary(folder.path(), &["--retrain", "never", "--neighbours", "fr.x=stopped.csv"])?;
    let reason = told["reduced"][0]["reason"].as_str().context("nobody is told that the neighbour stopped")?;
    assert!(reason.starts_with("ridge_covariates: the covariate `fr.x` cannot be used"), "{reason}");
    assert_eq!(told["withheld"], Value::Array(Vec::new()));
    let missing =
        ["weather = { series = \"it.weather\", delay_hours = 6 }\n", "neighbours = [{ series = \"fr.x\" }]\n"];
    let definition = std::fs::read_to_string(folder.path().join("it.toml"))? + &missing.concat();
    std::fs::write(folder.path().join("it.toml"), definition)?;
    let told = summary(folder.path(), &["--retrain", "never"])?;
    assert_eq!(told["left_out"], serde_json::json!(["the covariate `fr.x` is not there", "the weather is not there"]));
    Ok(())
}

#[test]
fn input_that_cannot_be_used_is_refused_with_the_reason() -> Result<()> {
    let folder = folder()?;
    let refused = |input: &str, args: &[&str]| refusal(folder.path(), input, args);
    assert!(refused("own.csv", &["--retrain", "30d", "--covariates", "wind"])?.contains("no value in a column `wind`"));
    assert!(refused("own.csv", &["--candidates", "magic"])?.contains("no candidate is called `magic`"));
    assert!(refused("own.csv", &["--weather", "runs.csv"])?.contains("write runs.csv@6"));
    let short = refused("short.csv", &["--retrain", "never"])?;
    assert!(short.contains("no day of short.csv lies in"), "{short}");
    let same = refused("same.csv", &["--retrain", "never"])?;
    assert!(same.contains("every value is 100: there is nothing to learn"), "{same}");
    Ok(())
}

#[test]
fn a_covariate_that_says_nothing_is_left_out_and_told() -> Result<()> {
    let folder = folder()?;
    let told = summary(folder.path(), &["--retrain", "never", "--covariates", "flat"])?;
    assert_eq!(
        told["left_out"],
        serde_json::json!(["the covariate `flat` does not vary, or has no value, before the first fit"])
    );
    Ok(())
}
