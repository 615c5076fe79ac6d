//! What is refused when as much is on its way as may be, and goes on when there is room again.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aria_core::artifact::{Artifact, Format, Kind, Ref};
use aria_core::event::{BatchReceived, Event, Fact};
use aria_core::head::Head;
use aria_core::outbox::Outbox;
use aria_core::series::Definition;
use aria_core::summary::ended;
use aria_core::time::Timestamp;
use aria_ingestion::Ingestion;
use aria_io::runtime::{Delivery, Handler, Outcome};
use aria_io::stores::Stores;
use aria_tests::{Pace, Platform, until, wave};
use reqwest::{Client, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(30);
const BATCHES: &str = "/v1/series/simulated.ci_direct/batches";

fn client() -> Client {
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::new()
}

async fn upload(platform: &Platform, body: impl Into<reqwest::Body>) -> Result<Response> {
    let request = client().post(platform.url(BATCHES)).header("content-type", "text/csv").body(body);
    Ok(request.send().await?)
}

/// Checks a refusal that waiting helps against.
async fn refused(response: Response, status: StatusCode, seconds: &str, named: &str) -> Result<()> {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["retry-after"], seconds);
    let said = String::from_utf8(response.bytes().await?.to_vec())?;
    ensure!(said.contains(named), "`{named}` is not in: {said}");
    Ok(())
}

/// Lets nothing of the series go on, as a change does whose facts nobody knows to be published.
async fn hold(platform: &Platform) -> Result<Outbox> {
    let outbox = Outbox::unsettled("a test", Vec::new());
    let head = Head { outbox: Some(outbox.clone()), ..Head::default() };
    platform.edges().await?.stores().heads.store(&Platform::SERIES.parse()?, None, &head).await?;
    Ok(outbox)
}

#[tokio::test]
async fn a_series_with_as_many_batches_on_their_way_as_it_may_makes_senders_wait_until_some_have_ended() -> Result<()> {
    let platform = Platform::start_told(&Platform::definition()?, &[("ARIA_BACKLOG", "3")]).await?;
    let held = hold(&platform).await?;
    let days =
        ["2021-01-01", "2021-01-02", "2021-01-03", "2021-01-04"].map(|from| wave(from, "2021-01-05", Pace::Slow));
    let [first, second, third, fourth] = days;
    for day in [first?, second?, third?] {
        assert_eq!(upload(&platform, day).await?.status(), StatusCode::ACCEPTED);
    }
    let fourth = fourth?;
    let too_many = StatusCode::TOO_MANY_REQUESTS;
    refused(upload(&platform, fourth.clone()).await?, too_many, "10", "3 batches of the series have not ended").await?;
    // The command waits as the client of the API is told to.
    platform.write("day.csv", "2021-01-05", "2021-01-06", Pace::Slow)?;
    let mut command = platform.spawn(&["ingest", "--series", Platform::SERIES, "day.csv"])?;
    command.wait_for_line(PATIENCE, |line| line.contains("3 of its batches have not ended").then_some(()))?;

    platform.edges().await?.stores().heads.settle::<Head>(&Platform::SERIES.parse()?, &held).await?;
    platform.event("the third to end", |event| ended(&event.fact) == Some(3)).await?;
    assert_eq!(upload(&platform, fourth).await?.status(), StatusCode::ACCEPTED);
    assert!(command.wait(PATIENCE).await?.success());
    let tally = platform.tally().await?;
    assert_eq!((tally.batches, tally.ended_once, tally.rejected), (5, 5, 0));
    Ok(())
}

#[tokio::test]
async fn no_more_uploads_are_held_at_once_than_there_is_room_for() -> Result<()> {
    let definition = Platform::definition()?.replace("[contract]", "[contract]\nupload_bytes = 1048576");
    let platform = Platform::start_told(&definition, &[("ARIA_UPLOADS_MIB", "1")]).await?;
    // A client that says that it sends a MiB, and takes its time.
    let mut slow = TcpStream::connect(platform.http()).await?;
    let head =
        format!("POST {BATCHES} HTTP/1.1\r\nhost: a\r\ncontent-type: text/csv\r\ncontent-length: 1048576\r\n\r\na");
    slow.write_all(head.as_bytes()).await?;
    until("the room to be taken", PATIENCE, async || {
        let text = client().get(platform.url("/metrics")).send().await?.text().await?;
        ensure!(text.contains("aria_uploads_bytes 1048576"), "{text}");
        Ok(())
    })
    .await?;
    let rows = wave("2021-01-01", "2021-01-03", Pace::Slow)?;
    refused(upload(&platform, rows.clone()).await?, StatusCode::SERVICE_UNAVAILABLE, "5", "room").await?;
    drop(slow);
    until("the room to be given back", PATIENCE, async || {
        ensure!(upload(&platform, rows.clone()).await?.status() == StatusCode::ACCEPTED);
        Ok(())
    })
    .await
}

/// What the gateway answers to a request of which only the beginning is ever sent.
async fn answer_to(platform: &Platform, beginning: &str) -> Result<String> {
    let mut stream = TcpStream::connect(platform.http()).await?;
    stream.write_all(beginning.as_bytes()).await?;
    let mut said = vec![0; 4_096];
    let read = tokio::time::timeout(2 * PATIENCE, stream.read(&mut said)).await.context("no answer")??;
    Ok(String::from_utf8_lossy(&said[..read]).into_owned())
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_refused_before_it_comes_and_one_that_does_not_when_it_is() -> Result<()> {
    let definition = Platform::definition()?.replace("[contract]", "[contract]\nupload_bytes = 65536");
    let platform = Platform::start_with(&definition).await?;
    let head = format!("POST {BATCHES} HTTP/1.1\r\nhost: a\r\ncontent-type: text/csv\r\n");
    let announced = answer_to(&platform, &format!("{head}content-length: 10000000000\r\n\r\n")).await?;
    assert!(announced.starts_with("HTTP/1.1 413") && announced.contains("65536"), "{announced}");
    // A chunk of 64 KiB and one of a byte, and no end.
    let chunks = format!("10000\r\n{}\r\n1\r\na\r\n", "a".repeat(65_536));
    let endless = answer_to(&platform, &format!("{head}transfer-encoding: chunked\r\n\r\n{chunks}")).await?;
    assert!(endless.starts_with("HTTP/1.1 413"), "{endless}");
    assert_eq!(platform.tally().await?.batches, 0);
    Ok(())
}

#[tokio::test]
async fn a_body_that_stands_still_is_given_up_and_its_room_given_back() -> Result<()> {
    let platform = Platform::start().await?;
    let beginning =
        format!("POST {BATCHES} HTTP/1.1\r\nhost: a\r\ncontent-type: text/csv\r\ncontent-length: 9\r\n\r\na");
    let said = answer_to(&platform, &beginning).await?;
    assert!(said.starts_with("HTTP/1.1 408") && said.contains("too slow"), "{said}");
    let text = client().get(platform.url("/metrics")).send().await?.text().await?;
    ensure!(text.contains("aria_uploads_bytes 0"), "{text}");
    Ok(())
}

#[tokio::test]
async fn beyond_the_most_event_feeds_a_further_one_is_refused_until_one_is_closed() -> Result<()> {
    let platform = Platform::start().await?;
    let open = async || Ok::<_, anyhow::Error>(client().get(platform.url("/v1/events")).send().await?);
    let mut feeds = Vec::new();
    for _ in 0..256 {
        feeds.push(open().await?.error_for_status()?);
    }
    refused(open().await?, StatusCode::SERVICE_UNAVAILABLE, "30", "256 event feeds are open").await?;
    feeds.pop();
    until("a seat to be free", PATIENCE, async || Ok(open().await?.error_for_status().map(drop)?)).await
}

#[tokio::test]
async fn a_batch_whose_name_says_that_it_is_too_large_is_rejected_without_being_read() -> Result<()> {
    let definition = Definition::from_toml(&Platform::definition()?)?;
    let series = definition.id.clone();
    let stores = Stores::in_memory()?;
    let ingestion = Ingestion::new(stores, [definition]);
    // Nobody stored it: to read it would be a failure.
    let raw = Ref { size_bytes: 1 << 40, ..Artifact::of(Kind::Raw, &series, Format::Csv, vec![b'a']).name };
    let fact = Fact::BatchReceived(BatchReceived { ordinal: 1, raw, source: "a test".to_owned() });
    let event = Event { series, as_of: Timestamp::EPOCH, fact };
    let Outcome::Done(events) = ingestion.handle(&Delivery { id: "an event".to_owned(), event, attempt: 1 }).await?
    else {
        anyhow::bail!("it waits");
    };
    let reason = match &events[0].fact {
        Fact::BatchRejected(rejected) => rejected.reason.as_str(),
        other => anyhow::bail!("{other:?}"),
    };
    assert!(reason.contains("has 1099511627776 bytes, the contract allows 268435456"), "{reason}");
    Ok(())
}
