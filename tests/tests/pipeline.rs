//! The closed loop from outside: a simulated history through the real command, the real services, NATS and S3.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aria_tests::{Nats, Process, S3, Service, aria, free_ports, nats_server};
use serde_json::Value;
use tempfile::TempDir;

const SERIES: &str = "simulated.ci_direct";
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `aria` to its end.
async fn run(folder: &Path, args: &[&str], env: &[(String, String)]) -> Result<Output> {
    let mut command = aria()?;
    command.args(args).current_dir(folder).env("ARIA_NATS_SERVER", nats_server()?);
    command.envs(env.iter().map(|(key, value)| (key, value)));
    tokio::task::spawn_blocking(move || command.output()).await?.context("aria does not run")
}

/// Runs `aria` to a good end; gives what it printed.
async fn done(folder: &Path, args: &[&str], env: &[(String, String)]) -> Result<String> {
    let output = run(folder, args, env).await?;
    let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(output.status.success(), "{args:?}: {}{}", told(&output.stdout), told(&output.stderr));
    Ok(told(&output.stdout))
}

/// A simulated history of half a year with a level shift, so that there are models, an alarm and a retraining.
async fn history(folder: &Path) -> Result<PathBuf> {
    let span = ["simulate", "--out", "history.csv", "--from", "2021-01-01", "--to", "2021-07-01", "--seed", "7"];
    let shift = ["--shift", "level:2021-05-10..:x1.3"];
    done(folder, &[span.as_slice(), shift.as_slice()].concat(), &[]).await?;
    Ok(folder.join("history.csv"))
}

async fn backtest(folder: &Path) -> Result<String> {
    let args = ["backtest", "--input", "history.csv", "--series", SERIES, "--out", "backtest.csv"];
    done(folder, &args, &[]).await?;
    Ok(std::fs::read_to_string(folder.join("backtest.csv"))?)
}

#[tokio::test]
async fn the_services_issue_the_forecasts_of_the_backtest_and_each_batch_ends_once() -> Result<()> {
    let folder = TempDir::new()?;
    history(folder.path()).await?;
    let args = ["demo", "--input", "history.csv", "--series", SERIES, "--once", "--out", "out"];
    let printed = done(folder.path(), &args, &[]).await?;
    assert!(printed.contains("simulated"), "{printed}");

    let forecasts = std::fs::read_to_string(folder.path().join("out/forecasts.csv"))?;
    assert!(forecasts == backtest(folder.path()).await?, "the backtest issues other forecasts than the services");

    let summary: Value = serde_json::from_slice(&std::fs::read(folder.path().join("out/summary.json"))?)?;
    // 2021-01-01 to 2021-07-01 is 181 days, a batch each.
    assert_eq!(summary["batches"], 181);
    assert_eq!(summary["ended_once"], 181);
    assert_eq!(summary["drift_checks"], 181);
    let counted = |key: &str| summary[key].as_u64().unwrap_or_default();
    assert_eq!(counted("issued") + counted("withheld") + counted("rejected"), 181);
    assert_eq!(forecasts.lines().count() as u64, 1 + 96 * counted("issued"));
    assert!(counted("promotions") > 0, "{printed}");
    assert!(summary["retrainings"].as_array().is_some_and(|all| all.iter().all(|r| r["outcome"] != "in flight")));
    Ok(())
}

#[tokio::test]
async fn a_model_retrained_on_drift_is_better_than_the_first_one_kept_for_ever() -> Result<()> {
    let folder = TempDir::new()?;
    // A year whose level rises by three tenths on 1 June, after the first model was made.
    let span = ["simulate", "--out", "history.csv", "--from", "2021-01-01", "--to", "2022-01-01", "--seed", "7"];
    done(folder.path(), &[span.as_slice(), &["--shift", "level:2021-06-01..:x1.3"]].concat(), &[]).await?;
    let args = ["backtest", "--input", "history.csv", "--series", SERIES, "--out", "backtest.csv", "--json"];
    let summary: Value = serde_json::from_str(&done(folder.path(), &args, &[]).await?)?;

    let retrainings = summary["retrainings"].as_array().context("no retrainings")?;
    let by_drift =
        |r: &&Value| r["outcome"] == "promoted" && matches!(r["cause"].as_str(), Some("drifted" | "skill_fell"));
    assert!(retrainings.iter().any(|r| by_drift(&r)), "{retrainings:?}");
    let year = &summary["errors"][0];
    let error = |who: &str| year[who]["mae"].as_f64().with_context(|| format!("no error of {who}"));
    let (issued, kept) = (error("issued")?, error("first_model_kept")?);
    // The model that is kept takes a part of a lasting error off too, as whoever forecasts with it does.
    assert!(issued < 0.97 * kept, "{issued} is not measurably better than {kept}");
    assert_eq!(year["issued"]["origins"], year["first_model_kept"]["origins"]);
    Ok(())
}

/// A run's summary without the times that it took.
fn summary(folder: &Path) -> Result<Value> {
    let mut summary: Value = serde_json::from_slice(&std::fs::read(folder.join("summary.json"))?)?;
    summary.as_object_mut().context("the summary is no object")?.remove("latency_ms");
    Ok(summary)
}

#[tokio::test]
async fn a_run_that_is_killed_and_started_again_ends_as_one_that_was_not() -> Result<()> {
    let folder = TempDir::new()?;
    history(folder.path()).await?;
    let args = ["demo", "--input", "history.csv", "--series", SERIES, "--once"];
    let run_in = |data: &'static str, out: &'static str| [args.as_slice(), &["--data", data, "--out", out]].concat();
    done(folder.path(), &run_in("whole", "whole-out"), &[]).await?;

    // What a killed process had in hand comes again soon.
    let soon = [("ARIA_ACK_WAIT_SECONDS".to_owned(), "1".to_owned())];
    // Killed twice: while there is no model yet, and with models and watched forecasts.
    for progress in ["50 of 181 batches", "150 of 181 batches"] {
        let mut command = aria()?;
        command.args(run_in("cut", "cut-out")).current_dir(folder.path());
        command.env("ARIA_NATS_SERVER", nats_server()?).envs(soon.clone());
        let mut process = Process::spawn("aria-demo", &mut command)?;
        process.wait_for_line(PATIENCE, |line| line.contains(progress).then_some(()))?;
        process.kill()?;
    }
    done(folder.path(), &run_in("cut", "cut-out"), &soon).await?;

    let (whole, cut) = (folder.path().join("whole-out"), folder.path().join("cut-out"));
    assert_eq!(summary(&cut)?, summary(&whole)?);
    let forecasts = [&cut, &whole].map(|out| std::fs::read(out.join("forecasts.csv")));
    let [cut, whole] = forecasts;
    assert!(cut? == whole?, "the run that was killed issued other forecasts");
    Ok(())
}

/// The environment of a deployed service.
fn deployed(nats: &Nats, s3: &S3, http: SocketAddr, series: &Path) -> Vec<(String, String)> {
    let mut env = s3.env();
    let own = [
        ("ARIA_NATS", nats.url()),
        ("ARIA_STORE", s3.store()),
        ("ARIA_HTTP", http.to_string()),
        ("ARIA_SERIES", series.display().to_string()),
        ("ARIA_ACK_WAIT_SECONDS", "2".to_owned()),
    ];
    env.extend(own.map(|(key, value)| (key.to_owned(), value)));
    env
}

#[tokio::test]
async fn two_replicas_of_each_service_over_s3_give_the_result_of_one_though_one_is_killed() -> Result<()> {
    let folder = TempDir::new()?;
    history(folder.path()).await?;
    let series = folder.path().join("series");
    std::fs::create_dir(&series)?;
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/series/simulated.ci_direct.toml");
    std::fs::copy(shipped, series.join("simulated.ci_direct.toml"))?;

    let (nats, s3) = (Nats::start().await?, S3::start().await?);
    let doubled = ["ingestion", "training", "evaluation", "drift", "prediction"].map(|name| [name; 2]).concat();
    // A single ingestion and a gateway beside two of each other service.
    let names = [&doubled[1..], &["gateway"]].concat();
    let ports = free_ports::<10>()?;
    let mut services = Vec::new();
    for (name, port) in names.iter().zip(ports) {
        let http = SocketAddr::from(([127, 0, 0, 1], port));
        let mut service = Service::spawn(&["serve", name], deployed(&nats, &s3, http, &series))?;
        service.ready(http, PATIENCE).await?;
        services.push(service);
    }

    let mut env = s3.env();
    env.extend([("ARIA_NATS", nats.url()), ("ARIA_STORE", s3.store())].map(|(k, v)| (k.to_owned(), v)));
    let half = ["replay", "--series", SERIES, "history.csv", "--to", "2021-04-01"];
    done(folder.path(), &half, &env).await?;
    // The second drift replica goes without a word, in the middle of the history.
    services[6].process.kill()?;
    let rest = ["replay", "--series", SERIES, "history.csv", "--from", "2021-04-01"];
    done(folder.path(), &rest, &env).await?;

    let args = ["forecast", SERIES, "--all", "--out", "served.csv"];
    done(folder.path(), &args, &env).await?;
    let served = std::fs::read_to_string(folder.path().join("served.csv"))?;
    assert!(served == backtest(folder.path()).await?, "two replicas issue other forecasts than one process");
    // The newest forecast is the last of them, 96 rows after the header, for the command and for the API.
    let newest = done(folder.path(), &["forecast", SERIES], &env).await?;
    let rows: Vec<&str> = served.lines().collect();
    assert_eq!(newest.lines().skip(1).collect::<Vec<_>>(), rows[rows.len() - 96..]);
    let address = format!("http://127.0.0.1:{}/v1/series/{SERIES}/forecast", ports[9]);
    let answer: Value = serde_json::from_slice(&reqwest::get(address).await?.error_for_status()?.bytes().await?)?;
    let origin = answer["origin"].as_str().context("the answer names no origin")?;
    assert!(newest.lines().nth(1).is_some_and(|row| row.starts_with(origin)), "{origin} is not of {newest}");

    let lineage = done(folder.path(), &["lineage", "--series", SERIES], &env).await?;
    // The history has 181 batches, and a forecast goes back to the bytes of each.
    assert!(lineage.contains("raw bytes  181 in all"), "{lineage}");
    let chain = done(folder.path(), &["events", SERIES, "--batch", "181"], &env).await?;
    for fact in ["batch.received", "batch.accepted", "drift.checked", "forecast.issued"] {
        assert!(chain.contains(fact), "no {fact} in the chain: {chain}");
    }
    Ok(())
}

#[tokio::test]
async fn bad_settings_are_all_named_and_nothing_starts() -> Result<()> {
    let folder = TempDir::new()?;
    let env = [("ARIA_HTTP", "everywhere"), ("ARIA_ATTEMPTS", "many"), ("ARIA_COLOUR", "blue")];
    let output = run(folder.path(), &["serve", "drift"], &env.map(|(k, v)| (k.to_owned(), v.to_owned()))).await?;
    assert_eq!(output.status.code(), Some(64));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    for key in ["ARIA_NATS", "ARIA_STORE", "ARIA_SERIES", "ARIA_HTTP", "ARIA_ATTEMPTS", "ARIA_COLOUR"] {
        assert!(told.contains(key), "{key} is not named in: {told}");
    }
    Ok(())
}

#[tokio::test]
async fn a_platform_told_impossible_limits_names_them_all_and_starts_nothing() -> Result<()> {
    let folder = TempDir::new()?;
    let env = [("ARIA_ACK_WAIT_SECONDS", "soon"), ("ARIA_ATTEMPTS", "0")];
    let output = run(folder.path(), &["up"], &env.map(|(k, v)| (k.to_owned(), v.to_owned()))).await?;
    assert_eq!(output.status.code(), Some(64));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    for key in ["ARIA_ACK_WAIT_SECONDS", "ARIA_ATTEMPTS"] {
        assert!(told.contains(key), "{key} is not named in: {told}");
    }
    assert!(!folder.path().join("data").exists());
    Ok(())
}

#[tokio::test]
async fn a_broken_file_is_rejected_with_its_reason_and_good_rows_beside_bad_ones_are_kept() -> Result<()> {
    let folder = TempDir::new()?;
    let http = SocketAddr::from(([127, 0, 0, 1], free_ports::<1>()?[0]));
    let data = folder.path().join("data").display().to_string();
    let server = nats_server()?.display().to_string();
    let mut up = Service::spawn(&["up", "--data", &data, "--http", &http.to_string()], [("ARIA_NATS_SERVER", server)])?;
    up.ready(http, PATIENCE).await?;

    std::fs::write(folder.path().join("broken.csv"), "when,what\n1,2\n")?;
    let rows = "2021-01-01T00:00:00Z,300\n2021-01-01T01:00:00Z,NaN\n2021-01-01T02:00:00Z,310\nnoon,305\n";
    std::fs::write(folder.path().join("mixed.csv"), format!("timestamp_utc,ci_direct_gco2eq_per_kwh\n{rows}"))?;
    let place = ["--data", "data", "--series", "it.ci_direct"];
    let output =
        run(folder.path(), &[&["ingest"], place.as_slice(), &["broken.csv", "mixed.csv"]].concat(), &[]).await?;
    assert_eq!(output.status.code(), Some(1));
    let (told, warned) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(warned.contains("broken.csv: rejected") && warned.contains("timestamp_utc"), "{warned}");
    assert!(told.contains("mixed.csv: 2 rows taken in, 2 quarantined"), "{told}{warned}");

    let status = up.process.terminate(PATIENCE).await?;
    assert!(status.success(), "it left with {status}");
    Ok(())
}
