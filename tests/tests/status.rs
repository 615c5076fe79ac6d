//! What `aria status` says of a platform on which something is wrong.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aria_io::bus::HEADS;
use aria_tests::{Fleet, Pace, Platform, until};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);

async fn status(platform: &Platform, more: &[&str]) -> Result<Value> {
    Ok(serde_json::from_str(&platform.done(&[&["status", "--json"], more].concat()).await?)?)
}

/// The remarks of a series: how bad each is, and in words.
fn remarks(status: &Value, series: &str) -> Result<Vec<(String, String)>> {
    let all = status["series"].as_array().context("no series")?;
    let series =
        all.iter().find(|found| found["series"] == series).with_context(|| format!("no {series} in {status}"))?;
    let of = |remark: &Value, key: &str| remark[key].as_str().unwrap_or_default().to_owned();
    let remarks = series["remarks"].as_array().context("no remarks")?;
    Ok(remarks.iter().map(|r| (of(r, "level"), [of(r, "what"), of(r, "why"), of(r, "next")].join("; "))).collect())
}

#[tokio::test]
async fn rejected_batches_are_told_with_why_and_what_to_do_until_one_is_accepted() -> Result<()> {
    let platform = Platform::start().await?;
    for text in ["when,what\n1,2\n", "when,what\n3,4\n"] {
        std::fs::write(platform.folder().join("bad.csv"), text)?;
        platform.refused(&["ingest", "--series", Platform::SERIES, "bad.csv"]).await?;
    }
    let found = remarks(&status(&platform, &[]).await?, Platform::SERIES)?;
    assert_eq!(found.len(), 1, "{found:?}");
    let (level, told) = &found[0];
    assert_eq!(level, "warning");
    for part in ["newest 2 batches, up to 2, were rejected", "`timestamp_utc` is missing", "--batch 2", "mend the file"]
    {
        assert!(told.contains(part), "no `{part}` in {told}");
    }
    // For a monitor it is a failure, whose figures are printed all the same.
    let output = platform.run(&["status", "--check"]).await?;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("! the newest 2 batches"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("1 remarks need a person"));

    platform.ingest("2021-01-01", "2021-01-02", Pace::Slow).await?;
    let found = remarks(&status(&platform, &[]).await?, Platform::SERIES)?;
    assert!(!found.iter().any(|(_, told)| told.contains("rejected")), "{found:?}");
    // It came live, and its hours are of another year.
    assert!(found.iter().any(|(level, told)| level == "warning" && told.contains("the data are late by")), "{found:?}");
    Ok(())
}

#[tokio::test]
async fn a_series_whose_state_is_damaged_is_trouble_and_hides_no_other() -> Result<()> {
    let platform = Platform::start().await?;
    platform.ingest("2021-01-01", "2021-01-02", Pace::Slow).await?;
    let cells = platform.edges().await?.bus.cells(HEADS);
    cells.swap(&"fr.ci_direct".parse()?, None, b"no document".to_vec()).await?;
    let status = status(&platform, &[]).await?;
    let damaged = remarks(&status, "fr.ci_direct")?;
    assert_eq!(damaged[0].0, "trouble");
    assert!(damaged[0].1.contains("the state of `fr.ci_direct` cannot be read"), "{damaged:?}");
    remarks(&status, Platform::SERIES)?;
    Ok(())
}

#[tokio::test]
async fn a_series_that_the_definitions_no_longer_name_is_said_to_be_so() -> Result<()> {
    let platform = Platform::start().await?;
    platform.ingest("2021-01-01", "2021-01-02", Pace::Slow).await?;
    let defined = remarks(&status(&platform, &["--definitions", "series"]).await?, Platform::SERIES)?;
    assert!(!defined.iter().any(|(_, told)| told.contains("no longer defined")), "{defined:?}");
    std::fs::create_dir(platform.folder().join("others"))?;
    let other = Platform::definition()?.replace(Platform::SERIES, "fr.ci_direct");
    std::fs::write(platform.folder().join("others/fr.toml"), other)?;
    let gone = remarks(&status(&platform, &["--definitions", "others"]).await?, Platform::SERIES)?;
    assert!(gone.iter().any(|(_, told)| told.contains("no longer defined")), "{gone:?}");
    Ok(())
}

#[tokio::test]
async fn a_service_that_does_not_run_is_trouble_with_the_command_that_starts_it() -> Result<()> {
    let mut fleet = Fleet::start([Platform::definition()?]).await?;
    let told = async |fleet: &Fleet| -> Result<Value> {
        let status: Value = serde_json::from_str(&fleet.done(&["status", "--json"]).await?)?;
        Ok(status["remarks"].clone())
    };
    until("every service to ask for messages", PATIENCE, async || {
        let told = told(&fleet).await?;
        ensure!(told == serde_json::json!([]), "{told}");
        Ok(())
    })
    .await?;
    fleet.kill("drift")?;
    until("the broker to notice", PATIENCE, async || {
        let told = told(&fleet).await?;
        let found = (told[0]["level"].as_str(), told[0]["what"].as_str());
        ensure!(found == (Some("trouble"), Some("drift does not run")), "{told}");
        ensure!(told[0]["next"].as_str().is_some_and(|next| next.contains("aria serve drift")), "{told}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_batch_that_does_not_end_is_told_with_since_when_and_where_it_is() -> Result<()> {
    use aria_core::head::Head;
    use aria_core::outbox::Outbox;
    let platform = Platform::start().await?;
    let head = Head { outbox: Some(Outbox::unsettled("a test", Vec::new())), ..Head::default() };
    platform.edges().await?.stores().heads.store(&Platform::SERIES.parse()?, None, &head).await?;
    platform.write("day.csv", "2021-01-01", "2021-01-02", Pace::Slow)?;
    let _waits = platform.spawn(&["ingest", "--series", Platform::SERIES, "day.csv"])?;
    until("the batch to be received", PATIENCE, async || {
        let found = remarks(&status(&platform, &[]).await?, Platform::SERIES)?;
        let waits = "batch 1 has not ended; ingestion has not taken up batch 1; it is on its way";
        ensure!(found.iter().any(|(level, told)| level == "note" && told == waits), "{found:?}");
        ensure!(found.iter().any(|(_, told)| told.starts_with("facts of the head's newest change")), "{found:?}");
        Ok(())
    })
    .await
}
