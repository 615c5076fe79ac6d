//! `aria drift` on files as people have them, and on the checks of a running platform: its document, its page, and what
//! it says where nothing can be told.

use std::path::Path;
use std::process::Output;

use anyhow::{Context, Result, ensure};
use aria_tests::{Pace, Platform, aria};
use serde_json::Value;
use tempfile::TempDir;

const STATISTICS: [&str; 10] = [
    "ks",
    "wasserstein",
    "wasserstein_normed",
    "jensen_shannon",
    "hellinger",
    "psi",
    "chi_squared",
    "cramer_von_mises",
    "anderson_darling",
    "energy",
];

/// The statistics of categories.
const OF_TEXT: [&str; 4] = ["jensen_shannon", "hellinger", "psi", "chi_squared"];

fn run(folder: &Path, args: &[&str]) -> Result<Output> {
    let args = ["drift", "--reference", "before.csv", "--current", "after.csv"].iter().chain(args);
    aria()?.args(args).current_dir(folder).output().context("aria does not run")
}

/// The document of a comparison of these two files.
fn compared(before: &str, after: &str) -> Result<Value> {
    let folder = TempDir::new()?;
    std::fs::write(folder.path().join("before.csv"), before)?;
    std::fs::write(folder.path().join("after.csv"), after)?;
    let output = run(folder.path(), &["--json"])?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Values in an order without dependence, from `level` on.
fn spread(rows: u64, level: f64) -> Vec<String> {
    (0..rows).map(|i| (level + (i * 379 % 1_000) as f64 / 100.0).to_string()).collect()
}

/// Fuels, of each as many rows as another of the same.
fn fuels(rows: u64, of: &[&str]) -> Vec<String> {
    (0..rows).map(|i| of[(i * 379 % 1_009) as usize % of.len()].to_owned()).collect()
}

/// A file of one column.
fn column(rows: &[String]) -> String {
    format!("x\n{}\n", rows.join("\n"))
}

/// A file of hours from a Monday on, with a value each.
fn hours(rows: &[String], until: u64) -> String {
    let row = |(hour, value): (u64, &String)| format!("2023-01-{:02}T{:02}:00:00Z,{value}", 2 + hour / 24, hour % 24);
    let all: Vec<String> = (0..until).zip(rows.iter().cycle()).map(row).collect();
    format!("time,x\n{}\n", all.join("\n"))
}

/// Asserts the answer of every statistic of the column `x`, and what the reason of those without one says.
fn answers(document: &Value, drifted: Option<bool>, reason: &str) -> Result<()> {
    for name in STATISTICS {
        let answer = &document["columns"]["x"][name];
        let told = answer["reason"].as_str().context("no reason")?;
        ensure!(answer["drifted"].as_bool() == drifted, "{name}: {answer}");
        ensure!(told.contains(reason), "{name} does not say `{reason}`: {told}");
    }
    Ok(())
}

#[test]
fn a_column_has_ten_statistics_each_with_value_p_answer_and_reason() -> Result<()> {
    let document = compared(&column(&spread(400, 0.0)), &column(&spread(300, 5.0)))?;
    let x = document["columns"]["x"].as_object().context("no column")?;
    assert_eq!(x.len(), STATISTICS.len());
    for (name, answer) in x {
        let parts: Vec<&str> = answer.as_object().context("no answer")?.keys().map(String::as_str).collect();
        assert_eq!(parts, ["drifted", "p_value", "reason", "value"], "{name}");
        let has_p = ["ks", "chi_squared", "cramer_von_mises", "anderson_darling"].contains(&name.as_str());
        assert!(answer["value"].is_f64() && answer["p_value"].is_f64() == has_p, "{name}: {answer}");
    }
    answers(&document, Some(true), "n_eff 400 and 300")
}

#[test]
fn columns_keep_the_order_of_the_reference() -> Result<()> {
    let folder = TempDir::new()?;
    let row = |names: &str| format!("{names}\n1,2,3\n2,3,1\n3,1,2\n1,3,2\n");
    std::fs::write(folder.path().join("before.csv"), row("zinc,alpha,m"))?;
    std::fs::write(folder.path().join("after.csv"), row("alpha,m,zinc"))?;
    let text = String::from_utf8(run(folder.path(), &["--json"])?.stdout)?;
    let places: Vec<_> = ["\"zinc\": {", "\"alpha\": {", "\"m\": {"].iter().map(|name| text.find(name)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
    Ok(())
}

#[test]
fn a_file_is_stable_against_itself_by_every_statistic() -> Result<()> {
    let file = column(&spread(400, 0.0));
    answers(&compared(&file, &file)?, Some(false), "within chance")
}

#[test]
fn a_constant_reference_is_insufficient_data() -> Result<()> {
    let constant = column(&vec!["7.5".to_owned(); 100]);
    answers(&compared(&constant, &constant)?, None, "insufficient data: all 100 values of the reference are the same")?;
    answers(&compared(&constant, &column(&spread(100, 0.0)))?, None, "insufficient data")
}

#[test]
fn a_stuck_meter_is_insufficient_data() -> Result<()> {
    let stuck = compared(&column(&spread(100, 0.0)), &column(&vec!["7.5".to_owned(); 100]))?;
    answers(&stuck, None, "insufficient data: all 100 values of the current table are the same, as from a stuck meter")
}

#[test]
fn a_file_without_a_row_is_insufficient_data_on_either_side() -> Result<()> {
    let full = column(&spread(100, 0.0));
    answers(&compared(&full, "x\n")?, None, "insufficient data: the current table has no row")?;
    answers(&compared("x\n", &full)?, None, "insufficient data: the reference has no row")
}

#[test]
fn a_column_without_a_finite_value_is_insufficient_data() -> Result<()> {
    let full = column(&spread(100, 0.0));
    let document = compared(&full, "x\nNaN\ninf\nnull\n-inf\n")?;
    answers(&document, None, "insufficient data: the current table has no finite value of it in 4 rows")?;
    assert_eq!((&document["summary"]["x"]["severity"], &document["drifted"]), (&"insufficient_data".into(), &0.into()));
    Ok(())
}

#[test]
fn three_values_are_insufficient_data() -> Result<()> {
    let full = column(&spread(100, 0.0));
    answers(&compared(&full, "x\n1\n2\n3\n")?, None, "the current table has 3 finite values")?;
    answers(&compared("x\n1\n2\n3\n", &full)?, None, "the reference has 3 finite values")
}

#[test]
fn missing_cells_are_counted_and_too_many_of_them_are_a_finding_of_their_own() -> Result<()> {
    let rows = spread(200, 0.0);
    let mut holes = rows.clone();
    holes.iter_mut().step_by(4).for_each(|cell| "NaN".clone_into(cell));
    let document = compared(&column(&rows), &column(&holes))?;
    answers(&document, Some(false), "within chance")?;
    let summary = &document["summary"]["x"];
    assert_eq!((&summary["severity"], &summary["current"]["missing"]), (&"drifted".into(), &50.into()));
    assert!(summary["reason"].as_str().context("no reason")?.contains("25.0 % of its rows have no value"), "{summary}");
    Ok(())
}

#[test]
fn one_unseen_category_is_insufficient_data_that_names_it() -> Result<()> {
    let before = fuels(200, &["coal", "gas", "wind"]);
    let after = [fuels(150, &["coal", "gas", "wind"]), vec!["fusion".to_owned()]].concat();
    let document = compared(&column(&before), &column(&after))?;
    for name in OF_TEXT {
        let answer = &document["columns"]["x"][name];
        assert!(answer["value"].is_f64() && answer["drifted"].is_null(), "{name}: {answer}");
        assert!(answer["reason"].as_str().context("no reason")?.contains("`fusion`"), "{name}: {answer}");
    }
    Ok(())
}

#[test]
fn text_is_compared_as_categories() -> Result<()> {
    let before = fuels(300, &["coal", "gas", "wind"]);
    let after = fuels(300, &["coal", "coal", "coal", "coal", "gas", "wind"]);
    let document = compared(&column(&before), &column(&after))?;
    for name in STATISTICS {
        let answer = &document["columns"]["x"][name];
        let is_of_text = OF_TEXT.contains(&name);
        assert_eq!(answer["drifted"].as_bool(), is_of_text.then_some(true), "{name}: {answer}");
        assert_eq!(answer["value"].is_f64(), is_of_text, "{name}: {answer}");
    }
    Ok(())
}

#[test]
fn part_of_a_week_is_insufficient_data_where_a_column_tells_the_time() -> Result<()> {
    let (before, after) = (spread(336, 0.0), spread(336, 5.0));
    let week = compared(&hours(&before, 336), &hours(&after, 168))?;
    answers(&week, Some(true), "beyond chance")?;
    assert_eq!((&week["time"]["column"], &week["time"]["current"]["steps"]), (&"time".into(), &168.into()));
    let part = compared(&hours(&before, 336), &hours(&after, 167))?;
    answers(&part, None, "the current file covers 6.96 days in 167 steps, 0 missing between them")?;
    assert!(part["columns"]["x"]["ks"]["value"].is_f64());
    answers(&compared(&hours(&before, 100), &hours(&after, 336))?, None, "the reference covers 4.17 days")?;
    let fault = hours(&after, 72).replace("2023-01-02T05:00:00Z", "later");
    answers(&compared(&hours(&before, 336), &fault)?, None, "the current file covers 2.96 days in 71 steps")
}

#[test]
fn times_that_are_not_recognised_are_told_with_what_was_not_checked() -> Result<()> {
    let rows = spread(72, 0.0);
    let iso = hours(&rows, 72);
    let other = iso.replacen("time", "when", 1);
    let document = compared(&iso, &other)?;
    let notes = document["notes"].as_array().context("no notes")?;
    ensure!(notes.len() == 1 && document["time"].is_null(), "{document}");
    let told = notes[0].as_str().context("no text")?;
    ensure!(told.contains("`time` of the reference and `when` of the current file"), "{told}");
    ensure!(told.contains("whole week was not checked"), "{told}");
    ensure!(compared(&iso, &iso)?["notes"].as_array().is_some_and(Vec::is_empty));
    Ok(())
}

#[test]
fn the_page_shows_both_distributions_and_both_series_and_needs_nothing_beside_itself() -> Result<()> {
    let folder = TempDir::new()?;
    std::fs::write(folder.path().join("before.csv"), hours(&spread(336, 0.0), 336))?;
    std::fs::write(folder.path().join("after.csv"), hours(&spread(336, 5.0), 336))?;
    let output = run(folder.path(), &["--column", "x", "--html", "page.html"])?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = std::fs::read_to_string(folder.path().join("page.html"))?;
    assert_eq!(page.matches("<svg").count(), 2);
    for name in STATISTICS {
        assert!(page.contains(&format!("<th scope=\"row\">{name}</th>")), "no {name}");
    }
    for outside in ["http:", "https:", "<script", "<link", "<img", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    Ok(())
}

#[test]
fn the_page_replaces_neither_file_that_is_compared() -> Result<()> {
    let folder = TempDir::new()?;
    let file = column(&spread(100, 0.0));
    for name in ["before.csv", "after.csv"] {
        std::fs::write(folder.path().join(name), &file)?;
    }
    let output = run(folder.path(), &["--html", "after.csv"])?;
    let warned = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{warned}");
    assert!(warned.contains("--html names after.csv"), "{warned}");
    assert_eq!(std::fs::read_to_string(folder.path().join("after.csv"))?, file);
    Ok(())
}

/// The columns of a check: values, their changes, and the four days of the horizon.
const COLUMNS: [&str; 6] = ["value", "changes", "forecast_day_1", "forecast_day_2", "forecast_day_3", "forecast_day_4"];

async fn shown(platform: &Platform, args: &[&str]) -> Result<Value> {
    let args = [["drift", "--series", Platform::SERIES, "--json"].as_slice(), args].concat();
    let told = platform.done(&args).await?;
    serde_json::from_str(&told).with_context(|| format!("no JSON: {told}"))
}

#[tokio::test]
async fn a_check_is_shown_with_the_statistics_of_a_comparison_of_files_and_what_its_alarms_are_worth() -> Result<()> {
    let platform = Platform::start().await?;
    platform.ingest("2021-01-01", "2021-03-20", Pace::Slow).await?;
    platform.ingest("2021-03-20", "2021-03-21", Pace::Slow).await?;
    let newest = shown(&platform, &[]).await?;
    assert_eq!(newest["batch"]["ordinal"], 2);
    assert_eq!(newest["window"], serde_json::json!(["2021-03-07T00:00:00Z", "2021-03-21T00:00:00Z"]));
    let columns = newest["columns"].as_object().context("no columns")?;
    assert_eq!(columns.len(), COLUMNS.len());
    for column in COLUMNS {
        for name in STATISTICS {
            let answer = newest["columns"][column][name].as_object().with_context(|| format!("{column}: no {name}"))?;
            assert!(answer.len() == 5 && answer.contains_key("threshold"), "{column} {name}: {answer:?}");
            let is_judged = answer["drifted"].is_boolean();
            let says = answer["reason"].as_str().unwrap_or_default();
            assert!(is_judged || says.starts_with("insufficient data: "), "{column} {name}: {says}");
        }
    }
    // The findings that the policy looks at are of the same numbers.
    for (place, column, name) in [(0, "value", "wasserstein_normed"), (1, "value", "psi"), (3, "changes", "psi")] {
        let (finding, answer) = (&newest["data"][place], &newest["columns"][column][name]);
        assert!(answer["value"].is_f64(), "{answer}");
        assert_eq!((&finding["value"], &finding["threshold"]), (&answer["value"], &answer["threshold"]));
    }
    assert_eq!(newest["prediction"].as_array().map(Vec::len), Some(4));
    assert!(newest["diagnosis"].is_string() && newest["skill"]["reason"].is_string(), "{newest}");
    assert!(newest["decision"].is_object() && newest["basis"].is_object() && newest["relation"].is_object());
    let budget = &newest["budget"];
    assert_eq!((&budget["data"]["window_days"], &budget["skill"]), (&14.into(), &Value::Null));
    assert!(budget["not_watched"].to_string().contains("skill is not watched"), "{budget}");

    // The first batch had no model to be compared with.
    let first = shown(&platform, &["--batch", "1"]).await?;
    assert_eq!((&first["batch"]["ordinal"], &first["model"]), (&1.into(), &Value::Null));
    assert_eq!(first["columns"].as_object().map(serde_json::Map::len), Some(0));
    assert!(first["decision"].to_string().contains("first_model"), "{first}");
    Ok(())
}

#[tokio::test]
async fn the_page_and_the_text_of_a_check_show_the_window_beside_the_reference() -> Result<()> {
    let platform = Platform::start().await?;
    platform.ingest("2021-01-01", "2021-03-20", Pace::Slow).await?;
    platform.ingest("2021-03-20", "2021-03-22", Pace::Slow).await?;
    let text = platform.done(&["drift", "--series", Platform::SERIES, "--html", "page.html"]).await?;
    assert!(text.starts_with("simulated.ci_direct, batch 2: "), "{text}");
    assert!(text.contains(" of 6 columns drifted") && text.contains("\ndata, watched in windows of 14 days"), "{text}");
    let page = std::fs::read_to_string(platform.folder().join("page.html"))?;
    // The window's values; of values and changes each both distributions and what is left of the window.
    assert_eq!(page.matches("<svg").count(), 5);
    for name in STATISTICS {
        assert_eq!(page.matches(&format!("<th scope=\"row\">{name}</th>")).count(), COLUMNS.len(), "{name}");
    }
    for outside in ["http:", "https:", "<script", "<link", "<img", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    let said = platform.refused(&["drift", "--series", Platform::SERIES, "--batch", "9"]).await?;
    assert!(said.contains("no check of batch 9 of `simulated.ci_direct` is on record: `aria events"), "{said}");
    let said = platform.refused(&["drift", "--series", "it.unknown"]).await?;
    assert!(said.contains("no batch of `it.unknown` has been taken in"), "{said}");
    Ok(())
}

#[test]
fn files_and_a_series_exclude_each_other_and_one_of_them_is_needed() -> Result<()> {
    let refused = |args: &[&str]| -> Result<String> {
        let output = aria()?.arg("drift").args(args).output()?;
        ensure!(output.status.code() == Some(2), "{output:?}");
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let both = refused(&["--series", "it.x", "--reference", "a.csv", "--current", "b.csv"])?;
    assert!(both.contains("cannot be used with") && both.contains("--series <SERIES>"), "{both}");
    let none = refused(&[])?;
    assert!(none.contains("--reference <REFERENCE>") && none.contains("--current <CURRENT>"), "{none}");
    let half = refused(&["--reference", "a.csv"])?;
    assert!(half.contains("--current <CURRENT>"), "{half}");
    let batch = refused(&["--reference", "a.csv", "--current", "b.csv", "--batch", "3"])?;
    assert!(batch.contains("cannot be used with") && batch.contains("--batch <ORDINAL>"), "{batch}");
    let alone = refused(&["--batch", "3"])?;
    assert!(alone.contains("--series <SERIES>"), "{alone}");
    Ok(())
}
