//! The end of a batch, by the prediction handler itself over stores in memory: one, whatever is delivered after it.

use anyhow::{Result, bail};
use aria_core::artifact::{Format, Kind, Ref};
use aria_core::event::{BatchId, Cause, DriftChecked, Event, Fact, Retraining, RetrainingId, TrainingFailed, Verdict};
use aria_core::series::SeriesId;
use aria_core::time::Timestamp;
use aria_io::runtime::{Delivery, Handler, Outcome};
use aria_io::stores::Stores;
use aria_prediction::Prediction;

fn series() -> Result<SeriesId> {
    Ok("it.ci_direct".parse()?)
}

fn batch() -> Result<BatchId> {
    let snapshot = Ref::of(Kind::Snapshot, &series()?, Format::Json, b"{}");
    Ok(BatchId { ordinal: 7, sequence: 5, snapshot, origin: Timestamp::EPOCH })
}

fn delivery(id: &str, fact: Fact) -> Result<Delivery> {
    let event = Event { series: series()?, as_of: Timestamp::EPOCH, fact };
    Ok(Delivery { id: id.to_owned(), event, attempt: 1 })
}

/// The check of a batch for which nothing can be forecast yet.
fn checked(id: &str) -> Result<Delivery> {
    let report = Ref::of(Kind::Report, &series()?, Format::Json, b"{}");
    let verdict = Verdict::Wait { reason: "too little history".to_owned() };
    delivery(id, Fact::DriftChecked(DriftChecked { batch: batch()?, report, verdict }))
}

/// The end of a retraining that the same batch waited for.
fn training_failed(id: &str) -> Result<Delivery> {
    let retraining = Retraining {
        id: RetrainingId("r1".to_owned()),
        cause: Cause::ByHand,
        evidence: String::new(),
        snapshot: batch()?.snapshot,
        incumbent: None,
        held: Some(batch()?),
    };
    delivery(id, Fact::TrainingFailed(TrainingFailed { retraining, reason: "singular".to_owned() }))
}

async fn published(prediction: &Prediction, delivery: &Delivery) -> Result<Vec<Event>> {
    match prediction.handle(delivery).await? {
        Outcome::Done(events) => Ok(events),
        Outcome::Later(wait) => bail!("it waits: {}", wait.reason),
        Outcome::First(outbox) => bail!("`{}` was left unpublished", outbox.cause),
    }
}

#[tokio::test]
async fn a_batch_that_has_ended_is_not_ended_again_by_another_event() -> Result<()> {
    let prediction = Prediction::new(Stores::in_memory()?);
    assert_eq!(published(&prediction, &checked("a")?).await?.len(), 1);
    assert_eq!(published(&prediction, &training_failed("b")?).await?, []);
    assert_eq!(prediction.give_up(&training_failed("b")?, "the store is away").await?, Outcome::Done(vec![]));
    Ok(())
}

#[tokio::test]
async fn a_service_that_was_killed_before_it_published_the_end_publishes_the_same_one_later() -> Result<()> {
    let prediction = Prediction::new(Stores::in_memory()?);
    let first = published(&prediction, &checked("a")?).await?;
    assert_eq!(published(&prediction, &checked("a")?).await?, first);
    assert_eq!(prediction.give_up(&checked("a")?, "handed out too often").await?, Outcome::Done(first));
    Ok(())
}
