//! What commands are told: every fault of it is named at once with exit code 64 before anything starts, and what is
//! right is honoured by all of them alike.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use aria_tests::{Nats, Process, aria, clone_root, free_ports, nats_server, until};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);
/// A user whom no broker knows.
const CREDENTIALS: &str = "-----BEGIN NATS USER JWT-----
eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhcmlhIn0.c2ln
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
SUAIO3FHUX5PNV2LQIIP7TZ3N4L7TX3W53MQGEIVYFIGA635OZCKEYHFLM
------END USER NKEY SEED------
";

fn command(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Result<Command> {
    let mut command = aria()?;
    command.args(args).current_dir(folder).env("ARIA_NATS_SERVER", nats_server()?).envs(env.iter().copied());
    Ok(command)
}

/// Runs `aria` to its end, which must come by itself.
async fn run(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Result<Output> {
    let mut command = command(folder, args, env)?;
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let ended = until("aria to end", PATIENCE, || {
        let ended = child.try_wait();
        async { ended?.context("it still runs") }
    });
    if let Err(late) = ended.await {
        child.kill()?;
        return Err(late.context(format!("{args:?}")));
    }
    Ok(child.wait_with_output()?)
}

/// The faults that a command names, each by its place and its problem, where that is all it does.
async fn faults(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Result<Vec<(String, String)>> {
    let output = run(folder, args, env).await?;
    let (told, warned) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!((output.status.code(), told.as_ref()), (Some(64), ""), "{args:?}: {warned}");
    let split = |line: &str| line.split_once(": ").map(|(place, problem)| (place.to_owned(), problem.to_owned()));
    Ok(warned.lines().filter_map(split).collect())
}

fn places(faults: &[(String, String)]) -> Vec<&str> {
    faults.iter().map(|(place, _)| place.as_str()).collect()
}

/// A folder of definitions with three faults in two files.
fn bad_series(folder: &Path) -> Result<()> {
    std::fs::create_dir(folder.join("series"))?;
    let source = "[source]\ntime_column = \"t\"\nvalue_column = \"v\"\n";
    let with_zone =
        |zone: &str| format!("id = \"it.x\"\nunit = \"\"\ncadence = \"1h\"\ntime_zone = \"{zone}\"\n{source}");
    std::fs::write(folder.join("series/a.toml"), with_zone("Europe/Rome"))?;
    Ok(std::fs::write(folder.join("series/b.toml"), with_zone("Rome/Europe"))?)
}

const BAD: [(&str, &str); 6] = [
    ("ARIA_NATS_CREDENTIALS", "none.creds"),
    ("ARIA_NATS_REPLICAS", "9"),
    ("ARIA_ACK_WAIT_SECONDS", "soon"),
    ("ARIA_ATTEMPTS", "0"),
    ("ARIA_LOG_FORMAT", "xml"),
    ("ARIA_COLOUR", "blue"),
];

#[tokio::test]
async fn up_names_every_bad_setting_at_once_in_the_words_of_serve_and_starts_nothing() -> Result<()> {
    let folder = TempDir::new()?;
    bad_series(folder.path())?;
    let options = [
        ("--nats", "ARIA_NATS", "http://me:hunter2@broker"),
        ("--store", "ARIA_STORE", "s3:/x"),
        ("--series", "ARIA_SERIES", "series"),
        ("--http", "ARIA_HTTP", "here"),
    ];
    let given: Vec<&str> = options.iter().flat_map(|(option, _, value)| [*option, *value]).collect();
    let up = faults(folder.path(), &[&["up"], given.as_slice()].concat(), &BAD).await?;
    let expected = [
        "ARIA_COLOUR",
        "--nats",
        "ARIA_NATS_CREDENTIALS",
        "ARIA_NATS_REPLICAS",
        "--store",
        "series/a.toml",
        "series/b.toml",
        "series/b.toml",
        "--http",
        "ARIA_ACK_WAIT_SECONDS",
        "ARIA_ATTEMPTS",
        "ARIA_LOG_FORMAT",
    ];
    assert_eq!(places(&up), expected);
    assert!(!up.iter().any(|(_, problem)| problem.contains("hunter2")), "{up:?}");

    let named: Vec<_> = options.iter().map(|(_, key, value)| (*key, *value)).chain(BAD).collect();
    let problems = |faults: Vec<(String, String)>| faults.into_iter().map(|(_, p)| p).collect::<Vec<_>>();
    let serve = faults(folder.path(), &["serve", "drift"], &named).await?;
    assert_eq!(problems(up), problems(serve));
    // Nothing but what the test wrote.
    let files: Vec<_> = std::fs::read_dir(folder.path())?.map(|e| Ok(e?.file_name())).collect::<Result<_>>()?;
    assert_eq!(files, ["series"]);
    Ok(())
}

#[tokio::test]
async fn demo_names_every_bad_setting_that_it_takes_and_starts_nothing() -> Result<()> {
    let folder = TempDir::new()?;
    // It brings its own broker, store and definitions, wherever others are.
    let others = [("ARIA_NATS", "http://broker"), ("ARIA_STORE", "s3:/x"), ("ARIA_SERIES", "none")];
    let named = faults(folder.path(), &["demo", "--http", "here"], &[BAD.as_slice(), &others].concat()).await?;
    let expected = ["ARIA_COLOUR", "--http", "ARIA_ACK_WAIT_SECONDS", "ARIA_ATTEMPTS", "ARIA_LOG_FORMAT"];
    assert_eq!(places(&named), expected);
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 0);
    Ok(())
}

#[tokio::test]
async fn a_malformed_broker_or_store_is_bad_configuration_for_every_command_that_reaches_a_platform() -> Result<()> {
    let folder = TempDir::new()?;
    std::fs::write(folder.path().join("day.csv"), "timestamp_utc,ci_direct_gco2eq_per_kwh\n2021-01-01T00:00Z,3\n")?;
    let commands: [&[&str]; 11] = [
        &["status"],
        &["series"],
        &["models", "it.ci_direct"],
        &["events"],
        &["forecast", "it.ci_direct"],
        &["lineage", "--series", "it.ci_direct"],
        &["retrain", "it.ci_direct", "--reason", "x"],
        &["rollback", "it.ci_direct", "--reason", "x"],
        &["deadletters", "list"],
        &["ingest", "--series", "it.ci_direct", "day.csv"],
        &["replay", "--series", "it.ci_direct", "day.csv"],
    ];
    for args in commands {
        let malformed = ["--nats", "nats:/broker", "--store", "ftp://x/y"];
        let env = [("ARIA_NATS_CREDENTIALS", "none.creds"), ("ARIA_NATS_REPLICAS", "many")];
        let named = faults(folder.path(), &[args, malformed.as_slice()].concat(), &env).await?;
        assert_eq!(places(&named), ["--nats", "ARIA_NATS_CREDENTIALS", "ARIA_NATS_REPLICAS", "--store"], "{args:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_broker_that_does_not_answer_is_a_failure_and_no_bad_configuration() -> Result<()> {
    let folder = TempDir::new()?;
    let nobody = format!("nats://127.0.0.1:{}", free_ports::<1>()?[0]);
    let output = run(folder.path(), &["status", "--nats", &nobody], &[]).await?;
    let warned = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{warned}");
    assert!(warned.contains(&format!("no NATS server answers at {nobody}")), "{warned}");
    Ok(())
}

#[tokio::test]
async fn why_a_broker_does_not_answer_is_said_once() -> Result<()> {
    let folder = TempDir::new()?;
    let nobody = format!("nats://127.0.0.1:{}", free_ports::<1>()?[0]);
    let output = run(folder.path(), &["status", "--nats", &nobody], &[]).await?;
    let warned = String::from_utf8_lossy(&output.stderr);
    let causes = warned.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
    assert_eq!(causes.matches("Connection refused").count(), 1, "{warned}");
    Ok(())
}

#[tokio::test]
async fn who_is_asked_to_leave_while_there_is_no_broker_yet_leaves_at_once_and_well() -> Result<()> {
    let folder = TempDir::new()?;
    let nobody = format!("nats://127.0.0.1:{}", free_ports::<1>()?[0]);
    let http = format!("127.0.0.1:{}", free_ports::<1>()?[0]);
    let series = clone_root().join("deploy/series").display().to_string();
    let env = [("ARIA_NATS", nobody.as_str()), ("ARIA_STORE", "store"), ("ARIA_HTTP", &http), ("ARIA_SERIES", &series)];
    for args in [["serve", "drift"].as_slice(), &["up"]] {
        let mut waiting = Process::spawn("aria", &mut command(folder.path(), args, &env)?)?;
        waiting.wait_for_line(PATIENCE, |line| line.contains("no broker yet").then_some(()))?;
        // Well within the half minute for which it would have gone on looking.
        let status = waiting.terminate(Duration::from_secs(5)).await?;
        assert_eq!(status.code(), Some(0), "{args:?}: {}", waiting.output());
    }
    Ok(())
}

/// A broker that takes down what its first client says of itself, and refuses it.
fn gatekeeper() -> Result<(String, JoinHandle<Result<String>>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("nats://{}", listener.local_addr()?);
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        let info = r#"{"server_id":"x","version":"2.15.1","max_payload":1048576,"headers":true,"nonce":"bm9uY2U"}"#;
        write!(stream, "INFO {info}\r\n")?;
        let mut said = String::new();
        BufReader::new(stream.try_clone()?).read_line(&mut said)?;
        write!(stream, "-ERR 'Authorization Violation'\r\n")?;
        Ok(said)
    });
    Ok((address, heard))
}

#[tokio::test]
async fn every_command_shows_the_broker_its_credentials() -> Result<()> {
    let folder = TempDir::new()?;
    std::fs::write(folder.path().join("user.creds"), CREDENTIALS)?;
    let series = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/series");
    let commands: [&[&str]; 3] = [&["status"], &["up", "--http", "127.0.0.1:0"], &["serve", "drift"]];
    for args in commands {
        let (broker, heard) = gatekeeper()?;
        let env = [
            ("ARIA_NATS", broker.as_str()),
            ("ARIA_NATS_CREDENTIALS", "user.creds"),
            ("ARIA_STORE", "store"),
            ("ARIA_SERIES", series),
            ("ARIA_HTTP", "127.0.0.1:0"),
        ];
        let output = run(folder.path(), args, &env).await?;
        assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
        let said = heard.join().map_err(|_| anyhow::anyhow!("the broker panicked"))??;
        assert!(said.contains(r#""jwt":"eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiJhcmlhIn0.c2ln""#), "{args:?}: {said}");
    }
    Ok(())
}

#[tokio::test]
async fn up_asks_a_named_broker_for_the_copies_that_it_is_told() -> Result<()> {
    let folder = TempDir::new()?;
    let nats = Nats::start().await?;
    let url = nats.url();
    let env = [("ARIA_NATS", url.as_str()), ("ARIA_NATS_REPLICAS", "3"), ("ARIA_HTTP", "127.0.0.1:0")];
    let output = run(folder.path(), &["up"], &env).await?;
    // A single server cannot keep three.
    let warned = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{warned}");
    assert!(warned.contains("replicas"), "{warned}");
    Ok(())
}

#[tokio::test]
async fn up_without_definitions_serves_the_shipped_ones_and_says_so() -> Result<()> {
    let folder = TempDir::new()?;
    let mut up = Process::spawn("aria-up", &mut command(folder.path(), &["up", "--http", "127.0.0.1:0"], &[])?)?;
    let serving = up.wait_for_line(PATIENCE, |line| line.strip_prefix("serving ").map(str::to_owned))?;
    assert_eq!(serving, "it.ci_direct, simulated.ci_direct as shipped; --series names a folder with others");
    up.terminate(PATIENCE).await?;
    Ok(())
}

#[tokio::test]
async fn a_folder_without_definitions_is_bad_configuration_of_up_however_it_is_named() -> Result<()> {
    let folder = TempDir::new()?;
    std::fs::create_dir(folder.path().join("empty"))?;
    let check = async |args: &[&str], env: &[(&str, &str)], place: &str| -> Result<()> {
        let problem = "names `empty`, in which no file ends in .toml".to_owned();
        assert_eq!(faults(folder.path(), args, env).await?, [(place.to_owned(), problem)]);
        Ok(())
    };
    check(&["up", "--series", "empty"], &[], "--series").await?;
    check(&["up"], &[("ARIA_SERIES", "empty")], "ARIA_SERIES").await
}

#[tokio::test]
async fn an_option_of_up_without_a_name_as_an_unset_variable_leaves_it_is_wrong_usage() -> Result<()> {
    let folder = TempDir::new()?;
    let output = run(folder.path(), &["up", "--series", ""], &[]).await?;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    Ok(())
}

#[tokio::test]
async fn up_starts_nothing_where_its_address_is_taken_or_there_is_no_nats_server() -> Result<()> {
    let folder = TempDir::new()?;
    let holder = TcpListener::bind("127.0.0.1:0")?;
    let check = async |http: &str, env: &[(&str, &str)], expected: &str| -> Result<()> {
        let output = run(folder.path(), &["up", "--http", http], env).await?;
        let warned = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{warned}");
        assert!(warned.contains(expected), "{warned}");
        assert_eq!(std::fs::read_dir(folder.path())?.count(), 0, "{warned}");
        Ok(())
    };
    let taken = holder.local_addr()?.to_string();
    check(&taken, &[], &format!("cannot listen on {taken}: give another one with --http")).await?;
    check("127.0.0.1:0", &[("ARIA_NATS_SERVER", "nothing")], "nats-server").await
}
