//! How a history's run ends: what came to nothing fails and says why, an output is found unusable before the work and
//! replaced only by a whole one, and a run that was cut off measures what an undisturbed one does.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use aria_io::bus::Recorded;
use aria_tests::{HEADER, Pace, Platform, Process, aria, nats_server, wave};
use serde_json::Value;
use tempfile::TempDir;

const SERIES: &str = Platform::SERIES;
const PATIENCE: Duration = Duration::from_secs(60);
const BACKTEST: [&str; 5] = ["backtest", "--series", SERIES, "--input", "history.csv"];
const DEMO: [&str; 5] = ["demo", "--series", SERIES, "--input", "history.csv"];

fn run(folder: &Path, args: &[&str]) -> Result<Output> {
    let mut command = aria()?;
    command.args(args).current_dir(folder).env("ARIA_NATS_SERVER", nats_server()?);
    command.output().context("aria does not run")
}

/// What a command says where it must fail.
fn refused(folder: &Path, args: &[&str]) -> Result<String> {
    let output = run(folder, args)?;
    let warned = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {warned}");
    Ok(warned)
}

/// Ten days: too few for a model.
fn history(folder: &Path) -> Result<()> {
    Ok(std::fs::write(folder.join("history.csv"), wave("2021-01-01", "2021-01-11", Pace::Slow)?)?)
}

fn summary(folder: &Path) -> Result<Value> {
    Ok(serde_json::from_slice(&std::fs::read(folder.join("summary.json"))?)?)
}

/// A day's row with this in place of its value.
fn row(day: u32, value: &str) -> String {
    format!("2021-01-{day:02}T00:00:00Z,{value}\n")
}

/// What is said of a history of two days whose every row is refused.
const NOTHING_GOOD: &str = "error: every batch was rejected, 2 of 2; the first: none of 1 rows is good";
const REPLAY: [&str; 4] = ["replay", "--series", SERIES, "history.csv"];

/// Writes a history of two days with these values.
fn two_days(folder: &Path, values: [&str; 2]) -> Result<()> {
    let [first, second] = values;
    Ok(std::fs::write(folder.join("history.csv"), HEADER.to_owned() + &row(1, first) + &row(2, second))?)
}

/// The runs that a demo has left.
fn runs(folder: &Path) -> Result<Vec<PathBuf>> {
    std::fs::read_dir(folder.join("runs"))?.map(|run| Ok(run?.path())).collect()
}

#[tokio::test]
async fn a_replay_of_which_every_batch_is_rejected_fails_with_the_first_reason() -> Result<()> {
    let platform = Platform::start().await?;
    two_days(platform.folder(), ["n/a", "-1"])?;
    let said = platform.refused(&REPLAY).await?;
    assert!(said.contains(NOTHING_GOOD), "{said}");
    Ok(())
}

#[tokio::test]
async fn one_good_batch_is_enough_for_a_replay_and_the_rejected_ones_are_told() -> Result<()> {
    let platform = Platform::start().await?;
    two_days(platform.folder(), ["n/a", "300"])?;
    let told = platform.done(&REPLAY).await?;
    assert!(told.contains("1 of 2 batches were rejected; the first: none of 1 rows is good"), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_replay_of_a_span_feeds_the_rows_of_that_span_whenever_they_would_come() -> Result<()> {
    let platform = Platform::start().await?;
    // Two days measured years before the three of the rest, which come as a back-fill where all are fed.
    let early = [row(1, "290"), row(2, "300")].concat().replace("2021", "2019");
    let rest = [row(1, "310"), row(2, "320"), row(3, "330")].concat();
    std::fs::write(platform.folder().join("history.csv"), HEADER.to_owned() + &early + &rest)?;
    platform.done(&[REPLAY.as_slice(), &["--to", "2019-12-31"]].concat()).await?;
    let received = |events: Vec<Recorded>| {
        let received = events.into_iter().filter(|event| event.event.fact.name() == "batch.received");
        received.map(|event| event.event.as_of.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(received(platform.events().await?), ["2019-01-02T00:00:00Z", "2019-01-03T00:00:00Z"]);
    Ok(())
}

#[test]
fn a_run_of_which_every_batch_is_rejected_fails_and_keeps_its_data_and_says_where() -> Result<()> {
    let folder = TempDir::new()?;
    two_days(folder.path(), ["n/a", "-1"])?;
    let said = refused(folder.path(), &[DEMO.as_slice(), &["--once", "--data", "runs", "--out", "out"]].concat())?;
    assert!(said.contains(NOTHING_GOOD), "{said}");
    let [run] = runs(folder.path())?.try_into().map_err(|runs| anyhow!("not one run: {runs:?}"))?;
    let kept = run.strip_prefix(folder.path())?.display().to_string();
    assert!(said.contains(&format!("the data of the run, with any refused rows, stays in {kept}\n")), "{said}");
    assert!(run.join("store/quarantine").is_dir(), "{said}");
    assert_eq!(summary(&folder.path().join("out"))?["rejected"], 2);
    Ok(())
}

#[test]
fn a_run_that_came_to_something_leaves_nothing_but_its_outcome() -> Result<()> {
    let folder = TempDir::new()?;
    two_days(folder.path(), ["n/a", "300"])?;
    let output = run(folder.path(), &[DEMO.as_slice(), &["--once", "--data", "runs"]].concat())?;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(runs(folder.path())?, [] as [PathBuf; 0]);
    Ok(())
}

#[test]
fn a_span_with_nothing_in_it_fails_and_writes_nothing() -> Result<()> {
    let folder = TempDir::new()?;
    history(folder.path())?;
    let replay = ["replay", "--series", SERIES, "history.csv"];
    let backtest = [BACKTEST.as_slice(), &["--out", "out.csv"]].concat();
    let empty = "no batch of history.csv lies in the span";
    let ends = "its first one ends 2021-01-02T00:00:00Z and its last one 2021-01-11T00:00:00Z";
    let check = |args: &[&str], span: &[&str], expected: &str| -> Result<()> {
        let said = refused(folder.path(), &[args, span].concat())?;
        assert!(said.contains(expected), "{args:?} {span:?}: {said}");
        Ok(())
    };
    check(&replay, &["--from", "2030-01-01"], &format!("{empty} --from 2030-01-01T00:00:00Z: {ends}"))?;
    check(&replay, &["--to", "2021-01-01"], empty)?;
    check(&replay, &["--from", "2021-01-05", "--to", "2021-01-05"], empty)?;
    check(&backtest, &["--from", "2021-01-11T01:00:00Z"], empty)?;
    check(&backtest, &["--to", "2021-01-01"], &format!("{empty} --to 2021-01-01T00:00:00Z: {ends}"))?;
    check(&backtest, &["--from", "2021-01-05", "--to", "2021-01-03"], empty)?;
    // Days enough, and no model to forecast from them.
    check(
        &backtest,
        &["--from", "2021-01-05"],
        "no forecast begins in the span --from 2021-01-05T00:00:00Z, of 0 issued",
    )?;
    assert!(!folder.path().join("out.csv").exists());
    Ok(())
}

#[test]
fn an_output_that_cannot_be_written_is_found_before_the_work() -> Result<()> {
    let folder = TempDir::new()?;
    history(folder.path())?;
    std::fs::create_dir(folder.path().join("folder"))?;
    for out in ["no/such/out.csv", "folder"] {
        // Nor is there an input.
        let args = ["backtest", "--series", SERIES, "--input", "none.csv", "--json", "--out", out];
        let said = refused(folder.path(), &args)?;
        assert!(said.contains(&format!("cannot write {out}")), "{said}");
        // Nor a span.
        let said = refused(folder.path(), &["simulate", "--from", "2022-01-01", "--to", "2021-01-01", "--out", out])?;
        assert!(said.contains(&format!("cannot write {out}")), "{said}");
    }
    let blocked = folder.path().join("out/summary.json");
    std::fs::create_dir_all(&blocked)?;
    for (out, expected) in [("history.csv", "cannot make history.csv"), ("out", "cannot write out/summary.json")] {
        let said = refused(folder.path(), &[DEMO.as_slice(), &["--once", "--out", out]].concat())?;
        assert!(said.contains(expected), "{said}");
    }
    assert!(!folder.path().join("data").exists());
    Ok(())
}

#[test]
fn a_file_is_replaced_by_a_whole_one_and_stays_where_the_work_fails() -> Result<()> {
    let folder = TempDir::new()?;
    history(folder.path())?;
    let read = || std::fs::read_to_string(folder.path().join("out.csv"));
    std::fs::write(folder.path().join("out.csv"), "of yesterday")?;
    let out = ["--out", "out.csv"];
    refused(folder.path(), &[BACKTEST.as_slice(), &out, &["--from", "2021-01-05"]].concat())?;
    refused(folder.path(), &["simulate", "--from", "2022-01-01", "--to", "2021-01-01", "--out", "out.csv"])?;
    assert_eq!(read()?, "of yesterday");
    let output = run(folder.path(), &[BACKTEST.as_slice(), &out].concat())?;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(read()?.lines().collect::<Vec<_>>(), ["origin_utc,horizon_h,target_utc,forecast,lower,upper"]);
    let mut files: Vec<_> = std::fs::read_dir(folder.path())?.map(|e| Ok(e?.file_name())).collect::<Result<_>>()?;
    files.sort();
    assert_eq!(files, ["history.csv", "out.csv"]);
    Ok(())
}

#[tokio::test]
async fn a_file_larger_than_its_series_takes_is_refused_before_anything_is_stored() -> Result<()> {
    let small = Platform::definition()?.replace("maximum = 1500.0", "maximum = 1500.0\nupload_bytes = 3000");
    let platform = Platform::start_with(&small).await?;
    let raw = platform.data().join("store/raw").join(SERIES);
    let stored = || std::fs::read_dir(&raw).map_or(0, Iterator::count);
    let ingest = ["ingest", "--series", SERIES];
    let refused = async |args: &[&str], expected: &str| -> Result<()> {
        let said = platform.refused(&[ingest.as_slice(), args].concat()).await?;
        assert!(said.contains(expected), "{said}");
        Ok(())
    };
    // Nothing but the shipped definition is known: 256 MiB. The file has no blocks on the disk.
    std::fs::File::create(platform.folder().join("huge.csv"))?.set_len((256 << 20) + 1)?;
    let said = "an upload may have 268435456: so says the shipped definition of `simulated.ci_direct`; split it";
    refused(&["huge.csv"], said).await?;
    platform.write("week.csv", "2021-01-02", "2021-01-09", Pace::Slow)?;
    let series = "series/series.toml";
    refused(&["--definition", series, "week.csv"], "an upload may have 3000: so says series/series.toml").await?;
    assert_eq!((stored(), platform.tally().await?.batches), (0, 0));

    platform.ingest("2021-01-01", "2021-01-02", Pace::Slow).await?;
    let said = "an upload may have 3000: so it was when the newest batch of `simulated.ci_direct` came in; split it";
    refused(&["week.csv"], said).await?;
    assert_eq!((stored(), platform.tally().await?.batches), (1, 1));
    Ok(())
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

#[test]
fn a_backtest_does_not_replace_the_history_that_it_reads() -> Result<()> {
    let folder = TempDir::new()?;
    history(folder.path())?;
    let before = std::fs::read(folder.path().join("history.csv"))?;
    std::os::unix::fs::symlink("history.csv", folder.path().join("link.csv"))?;
    for out in ["history.csv", "./history.csv", "link.csv"] {
        let said = refused(folder.path(), &[BACKTEST.as_slice(), &["--out", out]].concat())?;
        assert!(said.contains("--out names the history itself, history.csv: name another file"), "{said}");
    }
    assert_eq!(std::fs::read(folder.path().join("history.csv"))?, before);
    Ok(())
}

#[test]
fn a_backtest_writes_none_of_its_files_over_another() -> Result<()> {
    let folder = TempDir::new()?;
    history(folder.path())?;
    let before = std::fs::read(folder.path().join("history.csv"))?;
    let check = |files: &[&str], expected: &str| -> Result<()> {
        let said = refused(folder.path(), &[BACKTEST.as_slice(), &["--out", "out.csv"], files].concat())?;
        assert!(said.contains(expected), "{said}");
        Ok(())
    };
    check(&["--report", "out.csv"], "--report names out.csv, which is another file of this run")?;
    check(&["--report", "a", "--report-json", "a"], "--report-json names a, which is another file of this run")?;
    check(&["--report-json", "history.csv"], "--report-json names the history itself")?;
    check(&["--report", "no/such/report.html"], "cannot write no/such/report.html")?;
    assert_eq!(std::fs::read(folder.path().join("history.csv"))?, before);
    Ok(())
}

#[test]
fn a_backtest_of_which_every_batch_is_rejected_says_why_the_first_was() -> Result<()> {
    let folder = TempDir::new()?;
    two_days(folder.path(), ["none", "none"])?;
    let said = refused(folder.path(), &[BACKTEST.as_slice(), &["--out", "out.csv"]].concat())?;
    assert!(said.contains("no batch of history.csv was accepted; the first: none of 1 rows is good"), "{said}");
    Ok(())
}
