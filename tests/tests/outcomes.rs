//! How a history's run ends: one that was cut off measures what an undisturbed one does.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use anyhow::{Context, Result};
use aria_tests::{Pace, Platform, Process, aria, nats_server, wave};
use serde_json::Value;
use tempfile::TempDir;

const SERIES: &str = Platform::SERIES;
const PATIENCE: Duration = Duration::from_secs(60);
const DEMO: [&str; 5] = ["demo", "--series", SERIES, "--input", "history.csv"];

fn run(folder: &Path, args: &[&str]) -> Result<Output> {
    let mut command = aria()?;
    command.args(args).current_dir(folder).env("ARIA_NATS_SERVER", nats_server()?);
    command.output().context("aria does not run")
}

/// Ten days: too few for a model.
fn history(folder: &Path) -> Result<()> {
    Ok(std::fs::write(folder.join("history.csv"), wave("2021-01-01", "2021-01-11", Pace::Slow)?)?)
}

fn summary(folder: &Path) -> Result<Value> {
    Ok(serde_json::from_slice(&std::fs::read(folder.join("summary.json"))?)?)
}

#[tokio::test]
async fn a_run_that_goes_on_after_its_last_batch_tells_the_latency_of_every_batch() -> Result<()> {
    let folder = TempDir::new()?;
    history(folder.path())?;
    let mut command = aria()?;
    command.args(DEMO).args(["--http", "127.0.0.1:0", "--out", "first"]).current_dir(folder.path());
    let mut demo = Process::spawn("aria-demo", command.env("ARIA_NATS_SERVER", nats_server()?))?;
    demo.wait_for_line(PATIENCE, |line| line.starts_with("everything stays up").then_some(()))?;
    let status = demo.terminate(PATIENCE).await?;
    assert!(status.success(), "{}", demo.output());

    let output = run(folder.path(), &[DEMO.as_slice(), &["--once", "--out", "second"]].concat())?;
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains("10 of 10 batches were fed before"), "{output:?}");
    let (first, second) = (summary(&folder.path().join("first"))?, summary(&folder.path().join("second"))?);
    assert_eq!(first, second);
    let at = |share: &str| second["latency_ms"][share].as_f64().with_context(|| format!("no {share} in {second}"));
    // A batch passes three services and takes some milliseconds, and none waits for anything.
    assert!(0.0 < at("p50")? && at("p50")? <= at("p99")? && at("p99")? < 60_000.0, "{second}");
    Ok(())
}
