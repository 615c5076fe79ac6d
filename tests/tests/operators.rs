//! What only a person may ask of a running platform: a new model, an earlier one back, and one held in its place.

use anyhow::{Context, Result};
use aria_core::artifact::Ref;
use aria_core::event::{Cause, Event, Fact, Retraining};
use aria_core::head::Head;
use aria_core::monitor::{self, State};
use aria_core::registry::{Registry, Then};
use aria_io::stores::Held;
use aria_tests::{Pace, Platform};
use serde_json::Value;

const SERIES: &str = Platform::SERIES;
const RETRAIN: [&str; 5] = ["retrain", SERIES, "--reason", "a person wants to see", "--json"];
const ROLLBACK: [&str; 5] = ["rollback", SERIES, "--reason", "worse at night", "--json"];

fn json(text: &str) -> Result<Value> {
    serde_json::from_str(text).with_context(|| format!("no JSON: {text}"))
}

/// The retraining that an event ends.
fn ended(event: &Event) -> Option<(&'static str, &Retraining)> {
    match &event.fact {
        Fact::ModelRejected(rejected) => Some(("rejected", &rejected.retraining)),
        Fact::TrainingFailed(failed) => Some(("failed", &failed.retraining)),
        Fact::ModelPromoted(promoted) => match &promoted.by {
            aria_core::event::Promotion::Evaluation { retraining, .. } => Some(("promoted", retraining)),
            aria_core::event::Promotion::Rollback { .. } => None,
        },
        _ => None,
    }
}

/// How the retraining with this id ended.
async fn end_of(platform: &Platform, id: &str) -> Result<&'static str> {
    let is_it = |event: &Event| ended(event).is_some_and(|(_, retraining)| retraining.id.0 == id);
    let end = platform.event("the end of the retraining", is_it).await?;
    Ok(ended(&end.event).context("no end")?.0)
}

/// The requests by hand in the log.
async fn asked_by_hand(platform: &Platform) -> Result<usize> {
    let by_hand = |event: &Event| matches!(&event.fact, Fact::RetrainingRequested(r) if r.cause == Cause::ByHand);
    Ok(platform.events().await?.iter().filter(|recorded| by_hand(&recorded.event)).count())
}

/// The models of the newest forecasts, the newest last.
async fn forecast_by(platform: &Platform) -> Result<Vec<Ref>> {
    let model = |event: &Event| match &event.fact {
        Fact::ForecastIssued(issued) => Some(issued.model.clone()),
        _ => None,
    };
    Ok(platform.events().await?.iter().filter_map(|recorded| model(&recorded.event)).collect())
}

/// A platform with one model, and with a second one that took over when the first was old and the pace another.
async fn with_two_models() -> Result<(Platform, Ref, Ref)> {
    let platform = Platform::start().await?;
    platform.ingest("2021-01-01", "2021-03-20", Pace::Slow).await?;
    platform.ingest("2021-03-20", "2021-07-01", Pace::Quick).await?;
    let models = forecast_by(&platform).await?;
    let [first, second] = models.as_slice() else { anyhow::bail!("forecasts by {models:?}") };
    anyhow::ensure!(first != second, "the second model did not take over");
    Ok((platform, first.clone(), second.clone()))
}

#[tokio::test]
async fn a_retraining_by_hand_ends_and_the_same_command_again_makes_no_second() -> Result<()> {
    let platform = Platform::start().await?;
    platform.ingest("2021-01-01", "2021-03-20", Pace::Slow).await?;
    let asked = json(&platform.done(&RETRAIN).await?)?;
    let id = asked["retraining"].as_str().context("no id")?;
    let outcome = end_of(&platform, id).await?;
    assert!(["promoted", "rejected"].contains(&outcome), "{outcome}");

    let said = platform.refused(&RETRAIN).await?;
    assert!(said.contains(&format!("retraining {id} was asked for on the same data before")), "{said}");
    assert_eq!(asked_by_hand(&platform).await?, 1);

    let models = json(&platform.done(&["models", SERIES, "--json"]).await?)?;
    let version = &models["versions"][1];
    assert_eq!((&version["cause"], &version["retraining"]), (&"by_hand".into(), &id.into()));
    assert_eq!(version["rejected"].is_null(), outcome == "promoted");

    // More data is a new question.
    platform.ingest("2021-03-20", "2021-03-21", Pace::Slow).await?;
    let again = json(&platform.done(&RETRAIN).await?)?;
    assert_ne!(again["retraining"], asked["retraining"]);
    end_of(&platform, again["retraining"].as_str().context("no id")?).await?;
    // A request's id holds the time of the one before, which has moved by now: the data tell that it is the same one.
    let said = platform.refused(&RETRAIN).await?;
    assert!(said.contains("was asked for on the same data before"), "{said}");
    assert_eq!(asked_by_hand(&platform).await?, 2);
    Ok(())
}

#[tokio::test]
async fn of_the_same_command_four_times_at_once_one_is_done() -> Result<()> {
    let platform = Platform::start().await?;
    platform.ingest("2021-01-01", "2021-03-20", Pace::Slow).await?;
    let outputs = futures::future::try_join_all((0..4).map(|_| platform.run(&RETRAIN))).await?;
    let done: Vec<_> = outputs.iter().filter(|output| output.status.success()).collect();
    assert_eq!(done.len(), 1, "{outputs:?}");
    for refused in outputs.iter().filter(|output| !output.status.success()) {
        assert_eq!(refused.status.code(), Some(1));
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains("is in flight") || said.contains("on the same data before"), "{said}");
    }
    let asked = json(&String::from_utf8_lossy(&done[0].stdout))?;
    end_of(&platform, asked["retraining"].as_str().context("no id")?).await?;
    assert_eq!(asked_by_hand(&platform).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_retraining_without_data_is_refused_and_with_too_little_it_fails_with_its_reason() -> Result<()> {
    let platform = Platform::start().await?;
    let said = platform.refused(&RETRAIN).await?;
    assert!(said.contains("no batch of `simulated.ci_direct` has been taken in"), "{said}");
    let said = platform.refused(&ROLLBACK).await?;
    assert!(said.contains("no batch of `simulated.ci_direct` has been taken in"), "{said}");

    platform.ingest("2021-01-01", "2021-01-10", Pace::Slow).await?;
    let asked = json(&platform.done(&RETRAIN).await?)?;
    assert_eq!(end_of(&platform, asked["retraining"].as_str().context("no id")?).await?, "failed");
    // The series goes on.
    let told = platform.ingest("2021-01-10", "2021-01-11", Pace::Slow).await?;
    assert!(told.contains("no forecast"), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_rollback_puts_the_older_model_back_and_the_next_forecast_is_by_it() -> Result<()> {
    let (platform, first, second) = with_two_models().await?;
    let moved = json(&platform.done(&ROLLBACK).await?)?;
    assert_eq!((&moved["from"], &moved["to"]), (&second.key().into(), &first.key().into()));
    let models = json(&platform.done(&["models", SERIES, "--json"]).await?)?;
    assert_eq!(models["serving"], first.key());

    platform.ingest("2021-07-01", "2021-07-02", Pace::Quick).await?;
    assert_eq!(forecast_by(&platform).await?.last(), Some(&first));

    // The command again does not put the bad model back into service.
    let said = platform.refused(&ROLLBACK).await?;
    assert!(said.contains("there is no earlier model to go back to"), "{said}");
    let models = json(&platform.done(&["models", SERIES, "--json"]).await?)?;
    assert_eq!(models["serving"], first.key());

    // By its name it is.
    let digest = second.sha256.short();
    platform.done(&["rollback", SERIES, "--to", digest, "--reason", "it was the data"]).await?;
    platform.ingest("2021-07-02", "2021-07-03", Pace::Quick).await?;
    assert_eq!(forecast_by(&platform).await?.last(), Some(&second));
    let tally = platform.tally().await?;
    assert_eq!((tally.batches, tally.ended_once), (4, 4));
    Ok(())
}

#[tokio::test]
async fn a_rollback_with_nothing_to_go_back_to_says_so_and_moves_nothing() -> Result<()> {
    let platform = Platform::start().await?;
    platform.ingest("2021-01-01", "2021-01-03", Pace::Slow).await?;
    let without_model = platform.refused(&ROLLBACK).await?;
    assert!(without_model.contains("there is no earlier model to go back to"), "{without_model}");

    platform.ingest("2021-01-03", "2021-03-20", Pace::Slow).await?;
    let serving = json(&platform.done(&["models", SERIES, "--json"]).await?)?["serving"].clone();
    assert!(serving.is_string());
    let with_one = platform.refused(&ROLLBACK).await?;
    assert!(with_one.contains("there is no earlier model to go back to"), "{with_one}");
    let unknown = platform.refused(&["rollback", SERIES, "--to", "00aa00aa", "--reason", "x"]).await?;
    assert!(unknown.contains("model `00aa00aa` never served this series"), "{unknown}");
    let models = json(&platform.done(&["models", SERIES, "--json"]).await?)?;
    assert_eq!((&models["serving"], models["moves"].as_array().map(Vec::len)), (&serving, Some(1)));
    Ok(())
}

#[tokio::test]
async fn the_card_of_a_model_names_its_data_its_shares_and_its_errors_out_of_sample() -> Result<()> {
    let platform = Platform::start().await?;
    platform.ingest("2021-01-01", "2021-03-20", Pace::Slow).await?;
    let models = json(&platform.done(&["models", SERIES, "--json"]).await?)?;
    let model: Ref = serde_json::from_value(models["versions"][0]["model"].clone())?;
    let card = platform.done(&["models", SERIES, "--card"]).await?;
    assert_eq!(platform.done(&["models", SERIES, "--card", "--model", model.sha256.short()]).await?, card);
    for part in [
        "# Model of simulated.ci",
        "Version 1 of 2021-03-20T00:00:00Z: promoted, and serves.",
        "| Span | 2021-01-01T00:00:00Z to 2021-03-20T00:00:00Z |",
        "| From | snapshot snapshot/",
        "rolling origins of its training",
        "| Mar-May |",
        "## What it is watched with",
        "- data, watched in windows of 14 days",
        "- Not: skill is not watched: ",
        "## What it cannot know",
    ] {
        assert!(card.contains(part), "no `{part}` in {card}");
    }
    assert!(card.contains(model.sha256.as_str()), "{card}");
    let said = platform.refused(&["models", SERIES, "--card", "--model", "00aa00aa"]).await?;
    assert!(said.contains("no model of simulated.ci_direct begins with `00aa00aa`"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_request_that_was_cut_off_before_anybody_learnt_of_it_is_published_with_the_next_batch() -> Result<()> {
    let platform = Platform::start().await?;
    platform.ingest("2021-01-01", "2021-03-20", Pace::Slow).await?;
    // What `aria retrain` does before it publishes; then it is killed.
    let (stores, series) = (platform.edges().await?.stores(), SERIES.parse()?);
    let head: Held<Head> = stores.heads.load(&series).await?;
    let held: Held<State> = stores.monitors.load(&series).await?;
    let snapshot = head.document.snapshot.context("no snapshot")?;
    let (next, _) = monitor::ask_by_hand(&held.document, &series, &snapshot, "cut off")?;
    stores.monitors.store(&series, held.revision, &next).await?;
    assert_eq!(asked_by_hand(&platform).await?, 0);

    platform.ingest("2021-03-20", "2021-03-21", Pace::Slow).await?;
    assert_eq!(asked_by_hand(&platform).await?, 1);
    let asked = next.asked_by_hand.context("nothing was asked for")?;
    end_of(&platform, &asked.id.0).await?;
    Ok(())
}

#[tokio::test]
async fn a_rollback_that_was_cut_off_before_anybody_learnt_of_it_is_published_with_the_next_batch() -> Result<()> {
    let (platform, first, _) = with_two_models().await?;
    let (stores, series) = (platform.edges().await?.stores(), SERIES.parse()?);
    let held: Held<Registry> = stores.registry.load(&series).await?;
    let (next, _) = held.document.rolled_back(&series, None, "2021-07-01".parse()?, (Then::Serves, "cut off"))?;
    stores.registry.store(&series, held.revision, &next).await?;

    platform.ingest("2021-07-01", "2021-07-02", Pace::Quick).await?;
    let by_hand = |event: &Event| matches!(&event.fact, Fact::ModelPromoted(p) if p.model == first && p.number == 3);
    platform.event("the rollback", by_hand).await?;
    platform.ingest("2021-07-02", "2021-07-03", Pace::Quick).await?;
    assert_eq!(forecast_by(&platform).await?.last(), Some(&first));
    let after: Held<Registry> = stores.registry.load(&series).await?;
    assert!(after.document.outbox.context("no outbox")?.settled);
    Ok(())
}

#[tokio::test]
async fn a_pinned_model_stays_whatever_challenges_it_until_it_is_let_go_of() -> Result<()> {
    let platform = Platform::start().await?;
    platform.ingest("2021-01-01", "2021-03-20", Pace::Slow).await?;
    let models = json(&platform.done(&["models", SERIES, "--json"]).await?)?;
    let serving = models["serving"].clone();
    let pinned = json(&platform.done(&["pin", SERIES, "--reason", "an audit", "--json"]).await?)?;
    assert_eq!((&pinned["from"], &pinned["to"], &pinned["pinned"]), (&serving, &serving, &true.into()));
    let said = platform.refused(&["pin", SERIES, "--reason", "again"]).await?;
    assert!(said.contains("is pinned already: an audit"), "{said}");

    // No model is trained that could not take over.
    let said = platform.refused(&RETRAIN).await?;
    assert!(said.contains("`aria unpin` it first"), "{said}");
    let models = json(&platform.done(&["models", SERIES, "--json"]).await?)?;
    assert_eq!((&models["serving"], models["versions"].as_array().map(Vec::len)), (&serving, Some(1)));
    assert_eq!(models["pin"]["reason"], "an audit");
    let told = platform.done(&["models", SERIES]).await?;
    assert!(told.contains(" pinned: an audit") && told.contains("pinned since 2021-03-20T00:00:00Z"), "{told}");
    let told = platform.done(&["status", SERIES]).await?;
    assert!(told.contains("pinned: an audit"), "{told}");

    // The pace that asked for a second model elsewhere waits for a person here.
    platform.ingest("2021-03-20", "2021-07-01", Pace::Quick).await?;
    assert_eq!(json(&platform.done(&["models", SERIES, "--json"]).await?)?["serving"], serving);
    platform.done(&["unpin", SERIES, "--reason", "the audit is over"]).await?;
    let said = platform.refused(&["unpin", SERIES, "--reason", "again"]).await?;
    assert!(said.contains("no model is pinned"), "{said}");
    platform.ingest("2021-07-01", "2021-07-02", Pace::Quick).await?;
    let models = json(&platform.done(&["models", SERIES, "--json"]).await?)?;
    assert_ne!(models["serving"], serving, "{models}");
    Ok(())
}

#[tokio::test]
async fn a_rollback_with_a_pin_is_one_command_and_on_record() -> Result<()> {
    let (platform, first, second) = with_two_models().await?;
    let args = ["rollback", SERIES, "--model", first.sha256.short(), "--pin", "--reason", "worse at night", "--json"];
    let moved = json(&platform.done(&args).await?)?;
    assert_eq!((&moved["to"], &moved["pinned"]), (&first.key().into(), &true.into()));
    let is_told = |event: &Event| matches!(&event.fact, Fact::ModelPromoted(p) if p.number == 3 && p.pinned);
    platform.event("the pin", is_told).await?;
    platform.ingest("2021-07-01", "2021-07-02", Pace::Quick).await?;
    assert_eq!(forecast_by(&platform).await?.last(), Some(&first));
    let models = json(&platform.done(&["models", SERIES, "--json"]).await?)?;
    assert_eq!(models["moves"][2]["by"]["pin"]["reason"], "worse at night");
    assert_eq!(models["moves"][2]["from"]["sha256"], second.sha256.as_str());
    Ok(())
}
