//! The HTTP API in front of the real services.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aria_core::event::{Event, Fact};
use aria_core::summary::ended;
use aria_tests::{Pace, Platform, until, wave};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);
const BATCHES: &str = "/v1/series/simulated.ci_direct/batches";
const CSV: &str = "text/csv";

fn client() -> Client {
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::new()
}

async fn upload(platform: &Platform, media_type: &str, body: impl Into<reqwest::Body>) -> Result<Response> {
    let request = client().post(platform.url(BATCHES)).header("content-type", media_type).body(body);
    Ok(request.send().await?)
}

async fn get(platform: &Platform, path: &str) -> Result<Response> {
    Ok(client().get(platform.url(path)).send().await?)
}

async fn json_of(response: Response) -> Result<Value> {
    Ok(serde_json::from_slice(&response.bytes().await?)?)
}

async fn text_of(response: Response) -> Result<String> {
    Ok(String::from_utf8(response.bytes().await?.to_vec())?)
}

/// Waits for the end of a batch; gives how it ended.
async fn end_of(platform: &Platform, ordinal: u64) -> Result<Event> {
    Ok(platform.event("the batch's end", |event| ended(&event.fact) == Some(ordinal)).await?.event)
}

/// Checks a refusal: its status, and a document with the status that names the thing and the next step.
async fn refused(response: Response, status: StatusCode, named: &str) -> Result<()> {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let document = json_of(response).await?;
    assert_eq!(document["status"], status.as_u16());
    let detail = document["detail"].as_str().context("no detail")?;
    ensure!(detail.contains(named), "`{named}` is not in: {detail}");
    Ok(())
}

#[tokio::test]
async fn an_upload_is_accepted_with_its_id_and_the_same_upload_again_is_the_same_batch() -> Result<()> {
    let platform = Platform::start().await?;
    let rows = wave("2021-01-01", "2021-01-03", Pace::Slow)?;
    let first = upload(&platform, CSV, rows.clone()).await?;
    assert_eq!(first.status(), StatusCode::ACCEPTED);
    let first = json_of(first).await?;
    assert_eq!((&first["ordinal"], &first["received_before"]), (&json!(1), &json!(false)));
    let received = platform.event("the batch", |event| matches!(event.fact, Fact::BatchReceived(_))).await?;
    assert_eq!(first["event"], received.id);

    // While the first is on its way and after it has ended.
    let meanwhile = json_of(upload(&platform, CSV, rows.clone()).await?).await?;
    end_of(&platform, 1).await?;
    let afterwards = json_of(upload(&platform, "text/csv; charset=utf-8", rows.clone()).await?).await?;
    for again in [meanwhile, afterwards] {
        assert_eq!((&again["event"], &again["ordinal"]), (&first["event"], &first["ordinal"]));
        assert_eq!(again["received_before"], true);
    }
    // Other bytes are another batch, and what came before them is news again: the latest value of an hour wins.
    let other = wave("2021-01-02", "2021-01-04", Pace::Slow)?;
    assert_eq!(json_of(upload(&platform, CSV, other).await?).await?["ordinal"], 2);
    assert_eq!(json_of(upload(&platform, CSV, rows).await?).await?["ordinal"], 3);
    end_of(&platform, 3).await?;
    let tally = platform.tally().await?;
    assert_eq!((tally.batches, tally.ended_once), (3, 3));
    Ok(())
}

#[tokio::test]
async fn the_same_upload_eight_times_at_once_is_one_batch() -> Result<()> {
    let platform = Platform::start().await?;
    let rows = wave("2021-01-01", "2021-01-02", Pace::Slow)?;
    let uploads = (0..8).map(|_| upload(&platform, CSV, rows.clone()));
    for answer in futures::future::try_join_all(uploads).await? {
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        assert_eq!(json_of(answer).await?["ordinal"], 1);
    }
    end_of(&platform, 1).await?;
    assert_eq!(platform.tally().await?.batches, 1);
    Ok(())
}

#[tokio::test]
async fn a_rejected_upload_sent_again_is_a_further_batch() -> Result<()> {
    let platform = Platform::start().await?;
    for ordinal in [1, 2] {
        let answer = json_of(upload(&platform, CSV, "when,what\n1,2\n").await?).await?;
        assert_eq!(answer["ordinal"], ordinal);
        let ended = end_of(&platform, ordinal).await?;
        assert!(matches!(&ended.fact, Fact::BatchRejected(r) if r.reason.contains("`timestamp_utc` is missing")));
    }
    Ok(())
}

#[tokio::test]
async fn the_newest_forecast_and_every_one_before_it_are_told_with_their_models() -> Result<()> {
    let platform = Platform::start().await?;
    refused(get(&platform, "/v1/series/simulated.ci_direct/forecast").await?, StatusCode::NOT_FOUND, "no forecast")
        .await?;
    assert_eq!(json_of(get(&platform, "/v1/series/simulated.ci_direct/forecasts").await?).await?, json!([]));

    let spans = [("2021-01-01", "2021-03-20"), ("2021-03-20", "2021-03-21"), ("2021-03-21", "2021-03-22")];
    for (ordinal, (from, to)) in (1..).zip(spans) {
        let rows = wave(from, to, Pace::Slow)?;
        upload(&platform, CSV, rows).await?.error_for_status()?;
        let ended = end_of(&platform, ordinal).await?;
        assert!(matches!(ended.fact, Fact::ForecastIssued(_)), "{ended:?}");
    }

    let newest = json_of(get(&platform, "/v1/series/simulated.ci_direct/forecast").await?).await?;
    assert_eq!((&newest["origin"], &newest["unit"]), (&json!("2021-03-22T00:00:00Z"), &json!("gCO2eq/kWh")));
    let points = newest["points"].as_array().context("no points")?;
    assert_eq!(points.len(), 96);
    assert_eq!(points[0]["target"], "2021-03-22T00:00:00Z");
    for point in points {
        let (low, high) = (point["interval_95"][0].as_f64(), point["interval_95"][1].as_f64());
        assert!(low <= point["forecast"].as_f64() && point["forecast"].as_f64() <= high, "{point}");
    }

    let all = json_of(get(&platform, "/v1/series/simulated.ci_direct/forecasts").await?).await?;
    let origins: Vec<_> = all.as_array().context("no list")?.iter().map(|forecast| &forecast["origin"]).collect();
    assert_eq!(origins, ["2021-03-20T00:00:00Z", "2021-03-21T00:00:00Z", "2021-03-22T00:00:00Z"]);
    assert_eq!((&all[2]["model"], &all[2]["ordinal"]), (&newest["model"], &json!(3)));
    let path = "/v1/series/simulated.ci_direct/forecast?origin=2021-03-21T00:00:00Z";
    assert_eq!(json_of(get(&platform, path).await?).await?["points"][0]["target"], "2021-03-21T00:00:00Z");
    let path = "/v1/series/simulated.ci_direct/forecast?origin=2021-05-21T00:00:00Z";
    refused(get(&platform, path).await?, StatusCode::NOT_FOUND, "2021-05-21T00:00:00Z").await?;

    let status = json_of(get(&platform, "/v1/series/simulated.ci_direct").await?).await?;
    assert_eq!((&status["batches_taken_up"], &status["model"]), (&json!(3), &newest["model"]));
    let models = json_of(get(&platform, "/v1/series/simulated.ci_direct/models").await?).await?;
    assert_eq!(models["versions"].as_array().map(Vec::len), Some(1));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_taken_in_is_refused_with_the_next_step_and_is_no_batch() -> Result<()> {
    let definition = Platform::definition()?.replace("[contract]", "[contract]\nupload_bytes = 65536");
    let platform = Platform::start_with(&definition).await?;
    let too_large = vec![b'1'; 65_537];
    let cases: [(&str, &[u8], StatusCode, &str); 8] = [
        ("application/json", b"{}", StatusCode::UNSUPPORTED_MEDIA_TYPE, "text/csv"),
        ("", b"a,b\n1,2\n", StatusCode::UNSUPPORTED_MEDIA_TYPE, "application/x-ndjson"),
        (CSV, &too_large, StatusCode::PAYLOAD_TOO_LARGE, "65536"),
        (CSV, b"", StatusCode::BAD_REQUEST, "empty"),
        (CSV, b"\x1F\x8B\x08\x00", StatusCode::BAD_REQUEST, "decompress it first"),
        (CSV, b"<html>", StatusCode::BAD_REQUEST, "no table"),
        (CSV, b"PAR1", StatusCode::BAD_REQUEST, "parquet"),
        ("application/vnd.apache.parquet", b"a,b\n1,2\n", StatusCode::BAD_REQUEST, "text"),
    ];
    for (media_type, body, status, named) in cases {
        let answer = upload(&platform, media_type, body.to_vec()).await?;
        refused(answer, status, named).await.with_context(|| format!("{media_type}: {status}"))?;
    }
    let stranger = client().post(platform.url("/v1/series/it.unknown/batches")).header("content-type", CSV).body("a");
    refused(stranger.send().await?, StatusCode::NOT_FOUND, "it.unknown").await?;
    assert_eq!(platform.tally().await?.batches, 0);
    Ok(())
}

#[tokio::test]
async fn a_larger_upload_than_the_series_takes_is_refused_where_another_series_takes_it() -> Result<()> {
    let definition = Platform::definition()?.replace("[contract]", "[contract]\nupload_bytes = 100");
    let platform = Platform::start_with(&definition).await?;
    let larger =
        definition.replace("upload_bytes = 100", "upload_bytes = 1000").replace("simulated.ci_direct", "fr.ci_direct");
    let mut platform = platform;
    std::fs::write(platform.folder().join("series/other.toml"), larger)?;
    platform.stop().await?;
    platform.start_again().await?;
    refused(upload(&platform, CSV, vec![b'1'; 101]).await?, StatusCode::PAYLOAD_TOO_LARGE, "100").await?;
    refused(upload(&platform, CSV, vec![b'1'; 1001]).await?, StatusCode::PAYLOAD_TOO_LARGE, "100").await?;
    assert_eq!(upload(&platform, CSV, vec![b'1'; 100]).await?.status(), StatusCode::ACCEPTED);
    Ok(())
}

#[tokio::test]
async fn an_unknown_series_is_not_found_whatever_is_asked_of_it() -> Result<()> {
    let platform = Platform::start().await?;
    for name in ["it.unknown", "no-series", "..%2F..%2Fetc"] {
        for path in ["", "/forecast", "/forecasts", "/models"] {
            let answer = get(&platform, &format!("/v1/series/{name}{path}")).await?;
            refused(answer, StatusCode::NOT_FOUND, "GET /v1/series lists them").await?;
        }
    }
    refused(get(&platform, "/v1/events?series=it.unknown").await?, StatusCode::NOT_FOUND, "it.unknown").await?;
    refused(get(&platform, "/v1/events?from=soon").await?, StatusCode::BAD_REQUEST, "from").await?;
    refused(
        get(&platform, "/v1/series/simulated.ci_direct/forecast?origin=noon").await?,
        StatusCode::BAD_REQUEST,
        "noon",
    )
    .await?;
    let known = json_of(get(&platform, "/v1/series").await?).await?;
    assert_eq!(known[0]["id"], "simulated.ci_direct");
    Ok(())
}

/// A server-sent event as it came.
#[derive(Debug, Default)]
struct Sent {
    id: u64,
    name: String,
    data: Value,
}

/// Reads a feed up to the first event with this name.
async fn feed_until(response: &mut Response, last: &str) -> Result<Vec<Sent>> {
    let (mut text, mut all) = (String::new(), Vec::new());
    let reading = async {
        loop {
            let chunk = response.chunk().await?.context("the feed ended")?;
            text.push_str(std::str::from_utf8(&chunk)?);
            while let Some((block, rest)) = text.split_once("\n\n") {
                let mut sent = Sent::default();
                for line in block.lines() {
                    match line.split_once(": ") {
                        Some(("id", id)) => sent.id = id.parse()?,
                        Some(("event", name)) => sent.name = name.to_owned(),
                        Some(("data", data)) => sent.data = serde_json::from_str(data)?,
                        _ => {}
                    }
                }
                let is_last = sent.name == last;
                all.push(sent);
                if is_last {
                    return Ok(std::mem::take(&mut all));
                }
                text = rest.to_owned();
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.with_context(|| format!("no {last} came"))?
}

#[tokio::test]
async fn the_live_feed_delivers_every_event_of_a_batch_in_order_and_goes_on_after_a_break() -> Result<()> {
    let platform = Platform::start().await?;
    let mut feed = get(&platform, "/v1/events?series=simulated.ci_direct").await?.error_for_status()?;
    assert_eq!(feed.headers()["content-type"], "text/event-stream");
    let rows = wave("2021-01-01", "2021-03-20", Pace::Slow)?;
    upload(&platform, CSV, rows).await?.error_for_status()?;

    let sent = feed_until(&mut feed, "forecast.issued").await?;
    let names: Vec<_> = sent.iter().map(|event| event.name.as_str()).collect();
    let chain = [
        "batch.received",
        "batch.accepted",
        "drift.checked",
        "retraining.requested",
        "model.trained",
        "model.promoted",
        "forecast.issued",
    ];
    assert_eq!(names, chain);
    let logged = platform.events().await?;
    for (event, recorded) in sent.iter().zip(&logged) {
        assert_eq!((event.id, &event.data), (recorded.sequence, &serde_json::to_value(&recorded.event)?));
    }

    // Somebody who saw the first two goes on with the third.
    let path = format!("/v1/events?from={}", sent[1].id + 1);
    let mut later = get(&platform, &path).await?;
    assert_eq!(feed_until(&mut later, "forecast.issued").await?[0].name, "drift.checked");
    Ok(())
}

#[tokio::test]
async fn an_open_feed_does_not_keep_the_platform_from_leaving() -> Result<()> {
    let mut platform = Platform::start().await?;
    let mut feed = get(&platform, "/v1/events").await?.error_for_status()?;
    let begun = std::time::Instant::now();
    let status = platform.stop().await?;
    assert!(status.success(), "it left with {status}");
    // Requests that cannot end are given ten seconds: the feed ended by itself.
    assert!(begun.elapsed() < Duration::from_secs(9), "it took {:?} to leave", begun.elapsed());
    assert_eq!(feed.chunk().await?, None);
    Ok(())
}

#[tokio::test]
async fn an_orchestrator_learns_health_and_readiness_and_counts_what_was_done() -> Result<()> {
    let platform = Platform::start().await?;
    assert_eq!(text_of(get(&platform, "/healthz").await?).await?, "alive\n");
    assert_eq!(text_of(get(&platform, "/readyz").await?).await?, "ready\n");
    let rows = wave("2021-01-01", "2021-01-02", Pace::Slow)?;
    upload(&platform, CSV, rows).await?.error_for_status()?;
    let wanted = [
        r#"aria_deliveries_total{service="ingestion",outcome="done"} 1"#,
        r#"aria_events_published_total{fact="batch.accepted",duplicate="no"} 1"#,
        r#"aria_events_published_total{fact="forecast.withheld",duplicate="no"} 1"#,
        r#"aria_delivery_seconds"#,
    ];
    until("the figures", PATIENCE, async || {
        let answer = get(&platform, "/metrics").await?.error_for_status()?;
        ensure!(answer.headers()["content-type"] == "text/plain; version=0.0.4");
        let text = text_of(answer).await?;
        let missing: Vec<_> = wanted.iter().filter(|line| !text.contains(*line)).collect();
        ensure!(missing.is_empty(), "{missing:?} are missing in:\n{text}");
        Ok(())
    })
    .await
}
