//! The whole platform, stopped or killed and started again on its folder, goes on as if nothing had been.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use aria_core::summary::ended;
use aria_io::nats_server::Server;
use aria_tests::{Pace, Platform};
use serde_json::Value;

const SERIES: &str = Platform::SERIES;
const PATIENCE: Duration = Duration::from_secs(120);
const FROM: &str = "2021-01-01";
const TO: &str = "2021-04-05";
/// From 1 January to 5 April 2021, a batch a day.
const BATCHES: u64 = 94;
const DEFINITION: &str = "series/series.toml";
const REPLAY: [&str; 6] = ["replay", "--series", SERIES, "--definition", DEFINITION, "history.csv"];

/// Whether the process with this id runs. A zombie does not: whoever started it is gone, and init takes it away.
fn runs(pid: u32) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    status.is_ok_and(|text| text.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z')))
}

/// Checks that the platform holds what an undisturbed run over the whole history makes.
async fn nothing_is_lost_or_doubled(platform: &Platform) -> Result<()> {
    let tally = platform.tally().await?;
    assert_eq!((tally.batches, tally.ended_once, tally.drift_checks), (BATCHES, BATCHES, BATCHES));
    assert_eq!(tally.issued + tally.withheld, BATCHES);
    assert!(tally.promotions > 0 && tally.issued > 10, "{tally:?}");

    platform.done(&["forecast", SERIES, "--all", "--out", "served.csv"]).await?;
    let args = ["--input", "history.csv", "--series", SERIES, "--definition", DEFINITION, "--out", "backtest.csv"];
    platform.done(&[&["backtest"], args.as_slice()].concat()).await?;
    let read = |file: &str| std::fs::read_to_string(platform.folder().join(file));
    assert!(read("served.csv")? == read("backtest.csv")?, "other forecasts than those of an undisturbed run");

    let letters = platform.done(&["deadletters", "list"]).await?;
    assert_eq!(letters.trim(), "no dead letters");
    // Every artifact down to the raw bytes is there and is what its name says.
    let lineage = platform.done(&["lineage", "--series", SERIES]).await?;
    assert!(lineage.contains(&format!("raw bytes  {BATCHES} in all")), "{lineage}");
    Ok(())
}

async fn models(platform: &Platform) -> Result<Value> {
    Ok(serde_json::from_str(&platform.done(&["models", SERIES, "--json"]).await?)?)
}

#[tokio::test]
async fn a_stopped_platform_takes_its_broker_along_and_goes_on_when_started_again() -> Result<()> {
    let mut platform = Platform::start().await?;
    platform.write("history.csv", FROM, TO, Pace::Slow)?;
    platform.done(&[REPLAY.as_slice(), &["--to", "2021-03-25"]].concat()).await?;
    let (before, broker) = (models(&platform).await?, platform.broker_pid()?);
    assert!(before["serving"].is_string(), "{before}");

    let status = platform.stop().await?;
    assert_eq!(status.code(), Some(0));
    assert!(!runs(broker), "the broker runs on without its platform");
    assert_eq!(Server::running(&platform.data()), None);
    let said = platform.refused(&["status"]).await?;
    assert!(said.contains("no platform runs on data"), "{said}");

    platform.start_again().await?;
    assert_eq!(models(&platform).await?, before);
    platform.done(&[REPLAY.as_slice(), &["--from", "2021-03-25"]].concat()).await?;
    nothing_is_lost_or_doubled(&platform).await
}

#[tokio::test]
async fn a_platform_killed_amid_a_replay_goes_on_with_it_when_started_again() -> Result<()> {
    let mut platform = Platform::start().await?;
    platform.write("history.csv", FROM, TO, Pace::Slow)?;
    let mut replay = platform.spawn(&REPLAY)?;
    // Before the first model, when there is one, and the last time together with the broker, as by a power cut.
    for ordinal in [20, 60, 80] {
        platform.event("the batch", |event| ended(&event.fact) == Some(ordinal)).await?;
        let broker = platform.broker_pid()?;
        platform.kill()?;
        assert!(runs(broker), "the broker went with the platform");
        if ordinal == 80 {
            platform.kill_broker()?;
        }
        platform.start_again().await?;
        assert!(!runs(broker), "two brokers on one folder");
        assert_ne!(platform.broker_pid()?, broker);
    }
    let status = replay.wait(PATIENCE).await.with_context(|| replay.output())?;
    assert!(status.success(), "{}", replay.output());
    nothing_is_lost_or_doubled(&platform).await
}

#[tokio::test]
async fn a_second_platform_on_the_same_folder_is_refused_and_the_first_goes_on() -> Result<()> {
    let platform = Platform::start().await?;
    let mut second = platform.spawn_up()?;
    let status = second.wait(PATIENCE).await?;
    assert_eq!(status.code(), Some(1), "{}", second.output());
    let told = platform.ingest(FROM, "2021-01-02", Pace::Slow).await?;
    assert!(told.contains("24 rows taken in"), "{told}");
    Ok(())
}
