//! What evaluation does with scores that ask for a look at a model on probation: load, compare in core, move the
//! registry.

use aria_core::artifact::Ref;
use aria_core::event::PerformanceScored;
use aria_core::forecast::{self, Forecast};
use aria_core::issued::Issued;
use aria_core::model::Model;
use aria_core::monitor::Scores;
use aria_core::probation::{self, Look, Outcome as Judged};
use aria_core::registry::Registry;
use aria_core::time::Timestamp;
use aria_io::library::{self, Series};
use aria_io::runtime::{Claim, Delivery, Failure, Outcome, chain, cpu};
use aria_io::stores::{Held, Stores};

/// Takes the look that scores ask for, where they ask for one, and puts the model before back where it was better.
pub async fn look(stores: &Stores, delivery: &Delivery, scored: &PerformanceScored) -> Result<Outcome, Failure> {
    let scores: Scores = stores.artifacts.get_document(&scored.score).await?;
    let Some(look) = scores.look else { return Ok(Outcome::Done(Vec::new())) };
    let registry = match claim(stores, delivery, scored).await? {
        Claim::Mine(registry) => registry,
        Claim::Not(outcome) => return Ok(outcome),
    };
    let judged = match registry.document.on_probation(&look) {
        Some((serving, before)) => compare(stores, scored, &look, (serving, before)).await?,
        None => stays("another model serves by now, or a person holds this one in its place"),
    };
    move_to(stores, delivery, scored, &registry, &judged).await
}

/// Puts on record that no look could be taken: the model stays.
pub async fn give_up(
    stores: &Stores,
    delivery: &Delivery,
    scored: &PerformanceScored,
    reason: &str,
) -> Result<Outcome, Failure> {
    let registry = match claim(stores, delivery, scored).await? {
        Claim::Mine(registry) => registry,
        Claim::Not(outcome) => return Ok(outcome),
    };
    let judged = stays(&format!("the forecasts could not be compared: {reason}"));
    move_to(stores, delivery, scored, &registry, &judged).await
}

async fn claim(stores: &Stores, delivery: &Delivery, scored: &PerformanceScored) -> Result<Claim<Registry>, Failure> {
    let registry: Held<Registry> = stores.registry.load(&delivery.event.series).await?;
    if let Some(outcome) = Outcome::by(registry.document.outbox.as_ref(), delivery) {
        return Ok(Claim::Not(outcome));
    }
    let has_looked = registry.document.has_looked(scored.batch.sequence);
    Ok(if has_looked { Claim::Not(Outcome::Done(Vec::new())) } else { Claim::Mine(registry) })
}

async fn move_to(
    stores: &Stores,
    delivery: &Delivery,
    scored: &PerformanceScored,
    from: &Held<Registry>,
    judged: &Judged,
) -> Result<Outcome, Failure> {
    let series = &delivery.event.series;
    let next = from.document.after_look(series, &scored.batch, &delivery.id, judged);
    stores.registry.store(series, from.revision, &next).await?;
    Ok(match (judged, next.outbox) {
        (Judged::GoesBack { .. }, Some(outbox)) => Outcome::Done(outbox.events),
        (Judged::GoesBack { .. } | Judged::Stays { .. }, _) => Outcome::Done(Vec::new()),
    })
}

/// Lays the serving model's forecasts beside those of the model before, each from the data that was there at its
/// origin.
async fn compare(
    stores: &Stores,
    scored: &PerformanceScored,
    look: &Look,
    (serving, before): (&Ref, &Ref),
) -> Result<Judged, Failure> {
    let artifacts = &stores.artifacts;
    let mut model: Model = match artifacts.get_document(before).await {
        Ok(model) => model,
        Err(error) if error.is_transient() => return Err(error.into()),
        // Nothing could serve in its place.
        Err(error) => return Ok(stays(&format!("the model before cannot be read: {}", chain(&error)))),
    };
    let mut pairs: Vec<(Forecast, Forecast)> = Vec::new();
    for name in &look.forecasts {
        let (issued, forecast) = library::forecast(artifacts, name).await?;
        if &issued.model != serving {
            continue;
        }
        let made;
        (model, made) = as_of(stores, model, &issued).await?;
        pairs.extend(made.map(|made| (forecast, made)));
    }
    let series = Series::open(artifacts, &scored.batch.snapshot).await?;
    let now = scored.batch.origin;
    let from = pairs.first().map_or(now, |(first, _)| first.origin);
    // A table without rows has no first step.
    let from: Timestamp = from.min(now.plus(-series.definition.cadence.seconds()));
    let actual = series.history(artifacts, from, now).await?;
    Ok(probation::judge(look.place, &pairs, &actual, &series.definition.unit))
}

/// What a model would have forecast in place of the one that did; none where it could not. The model is given back.
async fn as_of(stores: &Stores, model: Model, issued: &Issued) -> Result<(Model, Option<Forecast>), Failure> {
    let series = Series::open(&stores.artifacts, &issued.snapshot).await?;
    let origin = issued.origin;
    let inputs = series.inputs(&stores.artifacts, forecast::reads_from(&model.fitted, origin), origin).await?;
    cpu(move || {
        let made = forecast::issue(&model.fitted, &inputs, origin).ok().map(|issue| issue.forecast);
        (model, made)
    })
    .await
}

fn stays(reason: &str) -> Judged {
    Judged::Stays { reason: reason.to_owned() }
}
