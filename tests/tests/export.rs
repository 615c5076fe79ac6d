//! A series that is exported by one platform and imported by another: what is there, how it goes on, what is refused.

use std::path::{Path, PathBuf};
use std::process::Output;

use anyhow::{Context, Result, ensure};
use aria_core::time::Timestamp;
use aria_tests::{Pace, Platform, aria, clone_root};

/// Runs `aria` beside a platform with its definitions, as an operator does.
async fn run(platform: &Platform, args: &[&str]) -> Result<Output> {
    let mut command = aria()?;
    command.args(args).env("ARIA_SERIES", "series").current_dir(platform.folder());
    tokio::task::spawn_blocking(move || command.output()).await?.context("aria does not run")
}

async fn done(platform: &Platform, args: &[&str]) -> Result<String> {
    let output = run(platform, args).await?;
    let (told, warned) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{args:?} ended with {}: {told}{warned}", output.status);
    Ok(told.into_owned())
}

async fn refused(platform: &Platform, args: &[&str]) -> Result<String> {
    let output = run(platform, args).await?;
    ensure!(output.status.code() == Some(1), "{args:?} ended with {}", output.status);
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Exports a series; gives the file and its bytes.
async fn exported(platform: &Platform, series: &str, file: &str) -> Result<(PathBuf, Vec<u8>)> {
    done(platform, &["export", "--series", series, "--out", file]).await?;
    let path = platform.folder().join(file);
    let bytes = std::fs::read(&path)?;
    Ok((path, bytes))
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path is no text")
}

/// What operators see of a series.
async fn seen(platform: &Platform, series: &str) -> Result<Vec<String>> {
    let commands: [&[&str]; 4] = [
        &["status", series, "--json"],
        &["models", series, "--json"],
        &["lineage", "--series", series, "--all", "--json"],
        &["forecast", series, "--all"],
    ];
    let mut seen = Vec::new();
    for command in commands {
        seen.push(without_broker_times(&done(platform, command).await?));
    }
    Ok(seen)
}

/// What a command printed, without the moments at which a broker stored something: an import stores it anew. The
/// history itself ends in 2021.
fn without_broker_times(printed: &str) -> String {
    let is_now = |part: &str| part.parse().is_ok_and(|time: Timestamp| time.to_string().as_str() >= "2022");
    let parts = printed.split_inclusive(['"', ' ']);
    parts.filter(|part| !is_now(part.trim_end_matches(['"', ' ']))).collect()
}

/// Feeds the same further history, of another pace, which drifts: each batch with the time of its data.
async fn go_on(platform: &Platform) -> Result<()> {
    platform.write("rest.csv", "2021-03-22", "2021-07-03", Pace::Quick)?;
    done(platform, &["replay", "--series", Platform::SERIES, "rest.csv", "--every", "20d"]).await?;
    Ok(())
}

#[tokio::test]
async fn an_imported_series_is_seen_and_goes_on_as_where_it_was_exported_to_the_last_byte() -> Result<()> {
    let source = Platform::start().await?;
    source.ingest("2021-01-01", "2021-03-20", Pace::Slow).await?;
    source.ingest("2021-03-20", "2021-03-21", Pace::Slow).await?;
    source.ingest("2021-03-21", "2021-03-22", Pace::Slow).await?;
    std::fs::write(source.folder().join("broken.csv"), "timestamp_utc,other\n2021-03-22T00:00:00Z,1\n")?;
    let broken = refused(&source, &["ingest", "--series", Platform::SERIES, "broken.csv"]).await?;
    assert!(broken.contains("rejected"), "{broken}");
    let (file, half) = exported(&source, Platform::SERIES, "half.tar").await?;

    let target = Platform::start().await?;
    let told = done(&target, &["import", text(&file)?]).await?;
    assert!(told.contains("4 batches"), "{told}");
    assert_eq!(seen(&target, Platform::SERIES).await?, seen(&source, Platform::SERIES).await?);
    assert!(exported(&target, Platform::SERIES, "half.tar").await?.1 == half, "an export of the import is another one");

    go_on(&source).await?;
    go_on(&target).await?;
    assert_eq!(seen(&target, Platform::SERIES).await?, seen(&source, Platform::SERIES).await?);
    // Cells, events with their ids, headers and order, and every artifact.
    let (_, there) = exported(&source, Platform::SERIES, "whole.tar").await?;
    let (_, here) = exported(&target, Platform::SERIES, "whole.tar").await?;
    assert!(here == there, "the two went different ways");

    // The same import again, also after the series went on.
    let told = done(&target, &["import", text(&file)?]).await?;
    assert!(told.contains("imported already"), "{told}");
    assert!(exported(&target, Platform::SERIES, "again.tar").await?.1 == there);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_imported_is_refused_and_changes_nothing() -> Result<()> {
    let source = Platform::start().await?;
    source.ingest("2021-01-01", "2021-01-03", Pace::Slow).await?;
    let (file, bytes) = exported(&source, Platform::SERIES, "series.tar").await?;
    let refusal = refused(&source, &["import", text(&file)?]).await?;
    assert!(refusal.contains("exists here already"), "{refusal}");

    let target = Platform::start().await?;
    let before = target.events().await?.len();
    // Without the folder of its series, the shipped definition counts.
    let refusal = target.refused(&["import", text(&file)?]).await?;
    assert!(refusal.contains("is defined otherwise here"), "{refusal}");
    std::fs::write(target.folder().join("cut.tar"), &bytes[..bytes.len() / 2])?;
    let refusal = refused(&target, &["import", "cut.tar"]).await?;
    assert!(refusal.contains("cut.tar: is cut off"), "{refusal}");
    let mut changed = bytes.clone();
    let place = changed.windows(7).rposition(|window| window == b"PAR1\x15\x04\x15").context("no table in it")? + 40;
    changed[place] ^= 1;
    std::fs::write(target.folder().join("changed.tar"), &changed)?;
    let refusal = refused(&target, &["import", "changed.tar"]).await?;
    assert!(refusal.contains("changed.tar: was changed: part `artifacts/"), "{refusal}");
    assert_eq!(target.events().await?.len(), before);
    assert!(done(&target, &["status"]).await?.contains("no batch"), "a series came to be");
    let refusal = refused(&target, &["export", "--series", Platform::SERIES, "--out", "none.tar"]).await?;
    assert!(refusal.contains("no batch of"), "{refusal}");
    assert!(!target.folder().join("none.tar").exists());
    Ok(())
}

#[tokio::test]
async fn a_series_that_earlier_code_exported_is_read_verified_and_goes_on() -> Result<()> {
    let daily = |day: &str| format!("time,ci\n{day}T00:00:00Z,301.5\n");
    goes_on("it.daily", ("daily.toml", "export.v1.tar"), ["2021-04-04", "2021-04-05"].map(daily)).await?;
    let watched = |day: &str| format!("time,ci,cfe_pct\n{day}T00:00:00Z,301.5,52.0\n");
    goes_on("it.watched", ("watched.toml", "export.v1-watched.tar"), ["2021-11-23", "2021-11-24"].map(watched)).await
}

/// Imports a stored export and hands two further batches in.
async fn goes_on(series: &str, (definition, file): (&str, &str), batches: [String; 2]) -> Result<()> {
    let golden = clone_root().join("tests/golden");
    let platform = Platform::start_with(&std::fs::read_to_string(golden.join(definition))?).await?;
    let file = golden.join(file);
    done(&platform, &["import", text(&file)?]).await?;
    assert!(exported(&platform, series, "same.tar").await?.1 == std::fs::read(&file)?);
    done(&platform, &["lineage", "--series", series]).await?;
    for (place, batch) in batches.iter().enumerate() {
        let name = format!("{place}.csv");
        std::fs::write(platform.folder().join(&name), batch)?;
        let told = done(&platform, &["ingest", "--series", series, &name]).await?;
        assert!(told.contains("forecast issued"), "{told}");
    }
    Ok(())
}
