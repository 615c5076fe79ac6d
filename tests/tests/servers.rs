//! The fixtures do what the other tests rely on.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use aria_tests::{Nats, Process, S3, free_ports};
use async_nats::jetstream;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload};

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn jetstream_keeps_acknowledged_messages_and_its_port_when_killed() -> Result<()> {
    let mut nats = Nats::start().await?;
    let url = nats.url();
    let context = jetstream::new(nats.connect().await?);
    let config =
        jetstream::stream::Config { name: "KEPT".into(), subjects: vec!["kept.>".into()], ..Default::default() };
    context.create_stream(config).await?;
    let first = context.publish("kept.a", "before".into()).await?.await?;

    nats.restart().await?;

    assert_eq!(nats.url(), url);
    let context = jetstream::new(nats.connect().await?);
    let stream = context.get_stream("KEPT").await?;
    assert_eq!(stream.get_raw_message(first.sequence).await?.payload, "before");
    assert_eq!(context.publish("kept.b", "after".into()).await?.await?.sequence, first.sequence + 1);
    Ok(())
}

#[tokio::test]
async fn two_brokers_at_once_know_nothing_of_each_other() -> Result<()> {
    let (one, other) = tokio::try_join!(Nats::start(), Nats::start())?;
    let config = jetstream::stream::Config { name: "ONE".into(), ..Default::default() };
    jetstream::new(one.connect().await?).create_stream(config).await?;
    assert_ne!(one.url(), other.url());
    assert!(jetstream::new(other.connect().await?).get_stream("ONE").await.is_err());
    Ok(())
}

#[tokio::test]
async fn a_stopped_broker_leaves_no_process_behind() -> Result<()> {
    let nats = Nats::start().await?;
    let client = nats.connect().await?;
    let address = client.server_info().port;
    drop(nats);
    assert!(std::net::TcpStream::connect(("127.0.0.1", address)).is_err());
    Ok(())
}

#[tokio::test]
async fn s3_gives_back_what_was_put_and_keeps_the_first_of_two_creations() -> Result<()> {
    let s3 = S3::start().await?;
    let (client, path) = (s3.client()?, Path::from("table/it.ci_direct/one.parquet"));
    client.put_opts(&path, PutPayload::from("first"), PutMode::Create.into()).await?;

    let again = client.put_opts(&path, PutPayload::from("second"), PutMode::Create.into()).await;

    assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");
    assert_eq!(client.get(&path).await?.bytes().await?, "first");
    let missing = client.get(&Path::from("table/none")).await;
    assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
    Ok(())
}

#[tokio::test]
async fn s3_refuses_a_wrong_secret() -> Result<()> {
    let s3 = S3::start().await?;
    let stranger = s3.client_with_secret("wrong")?;
    let refused = stranger.put(&Path::from("table/x"), PutPayload::from("x")).await;
    assert!(matches!(refused, Err(Error::PermissionDenied { .. })), "{refused:?}");
    Ok(())
}

#[test]
fn free_ports_are_different_and_nobody_listens_on_them() -> Result<()> {
    let ports = free_ports::<20>()?;
    let different: std::collections::BTreeSet<_> = ports.iter().collect();
    assert_eq!(different.len(), 20);
    for port in ports {
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    }
    Ok(())
}

#[test]
fn a_line_is_found_whether_it_was_written_to_output_or_to_errors() -> Result<()> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "echo one; echo two >&2"]);
    let process = Process::spawn("writer", &mut command)?;
    for wanted in ["one", "two"] {
        process.wait_for_line(PATIENCE, |line| (line == wanted).then_some(()))?;
    }
    Ok(())
}

#[test]
fn waiting_for_a_line_ends_with_the_process_and_shows_what_it_wrote() -> Result<()> {
    let process = Process::spawn("writer", Command::new("/bin/sh").args(["-c", "echo nothing useful"]))?;
    let failed = process.wait_for_line(PATIENCE, |line| line.contains("ready").then_some(())).unwrap_err();
    assert_eq!(failed.to_string(), "writer ended before it wrote the line waited for:\nnothing useful");
    Ok(())
}

#[tokio::test]
async fn a_process_that_is_asked_to_end_may_end_its_own_way() -> Result<()> {
    let script = "trap 'echo draining; exit 3' TERM; echo up; while :; do sleep 0.05; done";
    let mut process = Process::spawn("worker", Command::new("/bin/sh").args(["-c", script]))?;
    process.wait_for_line(PATIENCE, |line| (line == "up").then_some(()))?;
    let status = process.terminate(PATIENCE).await?;
    assert_eq!(status.code(), Some(3));
    process.wait_for_line(PATIENCE, |line| (line == "draining").then_some(()))?;
    Ok(())
}
