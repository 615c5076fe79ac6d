//! What the services cannot process lies with the dead letters until an operator hands it in again or drops it.

use anyhow::{Context, Result};
use aria_core::artifact::{Format, Kind, Ref};
use aria_core::event::{Fact, Retraining};
use aria_io::bus::Start;
use aria_tests::{Pace, Platform, until};
use futures::TryStreamExt;
use serde_json::Value;

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Announces a batch whose raw bytes nobody stored; gives its ordinal.
async fn poison(platform: &Platform, name: &str) -> Result<u64> {
    let series = Platform::SERIES.parse()?;
    let raw = Ref::of(Kind::Raw, &series, Format::Csv, name.as_bytes());
    let (event, _) = platform.edges().await?.bus.receive(&series, &raw, "2021-01-02".parse()?, name, 0).await?;
    let Fact::BatchReceived(received) = event.fact else { anyhow::bail!("not announced") };
    Ok(received.ordinal)
}

/// Puts a body that is no protobuf where a received batch is announced.
async fn rubbish(platform: &Platform) -> Result<()> {
    let url = aria_io::nats_server::Server::running(&platform.data()).context("no broker")?;
    let context = async_nats::jetstream::new(async_nats::connect(url).await?);
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("ce-id", "batch.received/rubbish");
    let subject = format!("aria.v1.batch.received.{}", Platform::SERIES);
    context.publish_with_headers(subject, headers, "\u{1}rubbish".into()).await?.await?;
    Ok(())
}

/// The dead letters, once there are this many.
async fn listed(platform: &Platform, count: usize) -> Result<Vec<Value>> {
    until("the dead letters", PATIENCE, async || {
        let listed = platform.done(&["deadletters", "list", "--json"]).await?;
        let letters: Vec<Value> = serde_json::from_str(&listed)?;
        anyhow::ensure!(letters.len() == count, "there are {}: {letters:?}", letters.len());
        Ok(letters)
    })
    .await
}

#[tokio::test]
async fn a_poisoned_message_is_listed_and_shown_with_its_reason_and_blocks_nobody() -> Result<()> {
    let platform = Platform::start().await?;
    platform.write("day.csv", "2021-01-01", "2021-01-02", Pace::Slow)?;
    assert_eq!(platform.done(&["deadletters", "list"]).await?.trim(), "no dead letters");

    assert_eq!(poison(&platform, "lost.csv").await?, 1);
    rubbish(&platform).await?;
    let told = platform.done(&["ingest", "--series", Platform::SERIES, "day.csv"]).await?;
    assert!(told.contains("24 rows taken in, 0 quarantined"), "{told}");

    let mut letters = listed(&platform, 2).await?;
    // Both were in hand at once.
    letters.sort_by_key(|letter| letter["message"].as_u64());
    for letter in &letters {
        assert_eq!((&letter["service"], &letter["attempts"]), (&"ingestion".into(), &1.into()), "{letter}");
        assert_eq!(letter["subject"], "aria.v1.batch.received.simulated.ci_direct");
    }
    // The two are worked on side by side, so either may be buried first.
    let about = |part: &str| letters.iter().find(|letter| letter["reason"].as_str().is_some_and(|r| r.contains(part)));
    about("raw/simulated.ci_direct/").with_context(|| format!("nothing about the lost bytes in {letters:?}"))?;
    let rubbish = about("not the protobuf message").with_context(|| format!("nothing about rubbish in {letters:?}"))?;

    let number = rubbish["number"].to_string();
    let reason = rubbish["reason"].as_str().unwrap_or_default();
    let shown = platform.done(&["deadletters", "show", &number]).await?;
    // A byte 1 and the word.
    for part in ["ingestion", reason, "header    ce-id: batch.received/rubbish", "body      8 bytes"] {
        assert!(shown.contains(part), "no `{part}` in {shown}");
    }
    // The batch whose bytes are lost ended too, and the rubbish never was a batch.
    let tally = platform.tally().await?;
    assert_eq!((tally.batches, tally.ended_once, tally.rejected, tally.withheld), (2, 2, 1, 1));
    let status: Value = serde_json::from_str(&platform.done(&["status", "--json"]).await?)?;
    assert_eq!(status["series"][0]["dead_letters"], 2);
    Ok(())
}

#[tokio::test]
async fn the_bytes_of_a_rejected_batch_are_handed_in_again_as_a_further_batch_once() -> Result<()> {
    let platform = Platform::start().await?;
    platform.write("day.csv", "2021-01-01", "2021-01-02", Pace::Slow)?;
    let bytes = std::fs::read_to_string(platform.folder().join("day.csv"))?;
    poison(&platform, &bytes).await?;
    let number = listed(&platform, 1).await?[0]["number"].to_string();
    // Meanwhile somebody stored the bytes; the batch was rejected without them and stays so.
    let edges = platform.edges().await?;
    edges.artifacts.put(Kind::Raw, &Platform::SERIES.parse()?, Format::Csv, bytes.into()).await?;

    let told = platform.done(&["deadletters", "replay", &number]).await?;
    let handed_in = "handed in again as batch 2, for batch 1 was rejected";
    assert!(told.contains(&format!("dead letter {number} {handed_in}")), "{told}");
    let ended = |event: &aria_core::event::Event| aria_core::summary::ended(&event.fact) == Some(2);
    platform.event("batch 2 to end", ended).await?;
    let tally = platform.tally().await?;
    assert_eq!((tally.batches, tally.rejected, tally.withheld, tally.ended_once), (2, 1, 1, 2));

    // It is dealt with, and stays so.
    assert_eq!(platform.done(&["deadletters", "list"]).await?.trim(), "no dead letters");
    let said = platform.refused(&["deadletters", "replay", &number]).await?;
    assert!(said.contains(&format!("dead letter {number} is off the list")) && said.contains(handed_in), "{said}");
    assert_eq!(platform.tally().await?.batches, 2);
    Ok(())
}

#[tokio::test]
async fn a_message_that_fails_again_is_a_dead_letter_again_with_a_number_of_its_own() -> Result<()> {
    let platform = Platform::start().await?;
    rubbish(&platform).await?;
    let number = listed(&platform, 1).await?[0]["number"].clone();
    let told = platform.done(&["deadletters", "replay", &number.to_string()]).await?;
    assert!(told.contains(&format!("dead letter {number} handed to ingestion again")), "{told}");
    let again = until("the message to fail again", PATIENCE, async || {
        let letters: Vec<Value> = serde_json::from_str(&platform.done(&["deadletters", "list", "--json"]).await?)?;
        let again = letters.into_iter().find(|letter| letter["number"] != number);
        again.context("it has not failed again")
    })
    .await?;
    assert_eq!(again["subject"], "aria.v1.replay.ingestion.batch.received.simulated.ci_direct");
    assert_eq!(listed(&platform, 1).await?, [again]);
    Ok(())
}

#[tokio::test]
async fn a_dropped_dead_letter_is_gone_for_operators_and_its_reason_stays_in_the_log() -> Result<()> {
    let platform = Platform::start().await?;
    poison(&platform, "lost.csv").await?;
    poison(&platform, "also lost.csv").await?;
    let letters = listed(&platform, 2).await?;
    let (number, other) = (letters[0]["number"].to_string(), letters[1]["number"].to_string());

    let told = platform.done(&["deadletters", "drop", &number, "--reason", "a test of the client"]).await?;
    for part in
        [&format!("dead letter {number} of ingestion dropped"), "a test of the client", "raw/simulated.ci_direct/"]
    {
        assert!(told.contains(part), "no `{part}` in {told}");
    }
    assert_eq!(listed(&platform, 1).await?[0]["number"].to_string(), other);
    for command in [vec!["show"], vec!["replay"], vec!["drop", "--reason", "again"]] {
        let said = platform.refused(&[&["deadletters"], &command[..], &[&number]].concat()).await?;
        assert!(said.contains(&format!("dead letter {number} is off the list since ")), "{said}");
        assert!(said.contains("a test of the client"), "{said}");
    }
    let status: Value = serde_json::from_str(&platform.done(&["status", "--json"]).await?)?;
    assert_eq!(status["series"][0]["dead_letters"], 1);

    let args = ["deadletters", "drop", &other, "--reason", "the same", "--json"];
    let dropped: Value = serde_json::from_str(&platform.done(&args).await?)?;
    assert_eq!((&dropped["dead_letter"], &dropped["reason"]), (&letters[1]["number"], &"the same".into()));
    assert_eq!(dropped["message"], letters[1]["message"]);
    let kept = platform.edges().await?.bus.dropped_letters().await?;
    let reasons: Vec<_> = kept.values().map(|dropped| dropped.content.reason.as_str()).collect();
    assert_eq!(reasons, ["a test of the client", "the same"]);
    Ok(())
}

#[tokio::test]
async fn a_number_that_is_no_dead_letter_is_refused_by_every_command() -> Result<()> {
    let platform = Platform::start().await?;
    poison(&platform, "lost.csv").await?;
    listed(&platform, 1).await?;
    // Place 1 of the log is the announced batch, and place 4711 does not exist.
    for number in ["1", "4711"] {
        for command in [vec!["show"], vec!["replay"], vec!["drop", "--reason", "why"]] {
            let said = platform.refused(&[&["deadletters"], &command[..], &[number]].concat()).await?;
            assert!(said.contains(&format!("there is no dead letter {number}")), "{said}");
        }
    }
    let without_reason = platform.run(&["deadletters", "drop", "1"]).await?;
    assert_eq!(without_reason.status.code(), Some(2));
    let left: Vec<_> = platform.edges().await?.bus.dead_letters(None, Start::First).await?.try_collect().await?;
    assert_eq!(left.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_retraining_on_data_that_is_not_there_fails_with_its_reason_and_is_kept() -> Result<()> {
    use aria_core::event::{Cause, Event, RetrainingId};
    let platform = Platform::start().await?;
    let series = Platform::SERIES.parse()?;
    let snapshot = Ref::of(Kind::Snapshot, &series, Format::Json, b"never stored");
    let id = RetrainingId("lost".to_owned());
    let (cause, evidence) = (Cause::ByHand, "a test".to_owned());
    let asked = Retraining { id: id.clone(), cause, evidence, snapshot, incumbent: None, held: None };
    let event = Event { series, as_of: "2021-01-02".parse()?, fact: Fact::RetrainingRequested(asked) };
    platform.edges().await?.bus.publish("test", &event).await?;

    let failed = |event: &Event| matches!(&event.fact, Fact::TrainingFailed(failed) if failed.retraining.id == id);
    platform.event("the training to fail", failed).await?;
    let letters = listed(&platform, 1).await?;
    assert_eq!(letters[0]["service"], "training");
    assert!(
        letters[0]["reason"].as_str().is_some_and(|why| why.contains("snapshot/simulated.ci_direct/")),
        "{letters:?}"
    );
    assert_eq!(platform.done(&["deadletters", "list", "--service", "drift"]).await?.trim(), "no dead letters");
    Ok(())
}

#[tokio::test]
async fn all_dead_letters_of_a_series_or_a_service_are_handed_in_or_dropped_at_once() -> Result<()> {
    let platform = Platform::start().await?;
    for name in ["a.csv", "b.csv", "c.csv"] {
        poison(&platform, name).await?;
    }
    listed(&platform, 3).await?;
    let of = |filter: [&'static str; 2]| ["deadletters", "list", "--json", filter[0], filter[1]];
    for (filter, count) in [
        (["--series", Platform::SERIES], 3),
        (["--series", "fr.ci_direct"], 0),
        (["--service", "ingestion"], 3),
        (["--service", "drift"], 0),
    ] {
        let letters: Vec<Value> = serde_json::from_str(&platform.done(&of(filter)).await?)?;
        assert_eq!(letters.len(), count, "{filter:?}");
    }
    // Nothing is about this one.
    let told = platform.done(&["deadletters", "replay", "--all", "--series", "fr.ci_direct"]).await?;
    assert_eq!(told.trim(), "0 dead letters handed in again");

    // Each was rejected, and fails again: a further batch, and a dead letter of its own.
    let told = platform.done(&["deadletters", "replay", "--all", "--service", "ingestion"]).await?;
    assert!(told.contains("handed in again as batch 4") && told.contains("3 dead letters handed in again"), "{told}");
    platform.event("the last to end", |event| aria_core::summary::ended(&event.fact) == Some(6)).await?;
    let again = listed(&platform, 3).await?;
    assert!(again.iter().all(|letter| letter["message"].as_u64() > Some(3)), "{again:?}");

    let drop = ["deadletters", "drop", "--all", "--series", Platform::SERIES, "--reason", "the bytes are lost"];
    assert!(platform.done(&drop).await?.contains("3 dead letters dropped"));
    assert_eq!(platform.done(&drop).await?.trim(), "0 dead letters dropped");
    assert_eq!(platform.done(&["deadletters", "list"]).await?.trim(), "no dead letters");
    assert_eq!(platform.tally().await?.batches, 6);
    for wrong in [vec!["replay"], vec!["replay", "1", "--all"], vec!["replay", "1", "--service", "drift"]] {
        let output = platform.run(&[&["deadletters"], &wrong[..]].concat()).await?;
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
    Ok(())
}
