//! Whose turn it is, by the handlers themselves over stores in memory: nothing is ended, and nothing overtaken, before
//! it.

use anyhow::Result;
use aria_core::artifact::{Format, Kind, Ref};
use aria_core::event::{
    BatchAccepted, BatchId, BatchReceived, Cause, Event, Fact, ModelTrained, Retraining, RetrainingId,
};
use aria_core::head::Head;
use aria_core::outbox::{BY_HAND, Outbox};
use aria_core::registry::Registry;
use aria_core::series::SeriesId;
use aria_core::time::Timestamp;
use aria_drift::Drift;
use aria_evaluation::Evaluation;
use aria_ingestion::Ingestion;
use aria_io::runtime::{Delivery, Handler, Outcome, Wait};
use aria_io::stores::{Held, Stores};

fn series() -> Result<SeriesId> {
    Ok("it.ci_direct".parse()?)
}

fn delivery(fact: Fact) -> Result<Delivery> {
    let event = Event { series: series()?, as_of: Timestamp::EPOCH, fact };
    Ok(Delivery { id: "an event".to_owned(), event, attempt: 1 })
}

fn received(ordinal: u64) -> Result<Delivery> {
    let raw = Ref::of(Kind::Raw, &series()?, Format::Csv, b"t,v\n");
    delivery(Fact::BatchReceived(BatchReceived { ordinal, raw, source: "it.csv".to_owned() }))
}

fn unpublished(cause: &str) -> Outbox {
    Outbox::unsettled(cause, Vec::new())
}

#[tokio::test]
async fn a_batch_is_not_rejected_before_the_ones_that_were_received_before_it_have_ended() -> Result<()> {
    let ingestion = Ingestion::new(Stores::in_memory()?, []);
    let waits = Outcome::Later(Wait { reason: "batch 1 has not been dealt with".to_owned(), ahead: 2 });
    assert_eq!(ingestion.give_up(&received(3)?, "the disk is full").await?, waits);
    assert_eq!(ingestion.handle(&received(3)?).await?, waits);
    Ok(())
}

#[tokio::test]
async fn a_batch_is_not_passed_over_before_the_ones_that_were_accepted_before_it_have_ended() -> Result<()> {
    let named = |kind| Ok::<_, anyhow::Error>(Ref::of(kind, &series()?, Format::Json, b"{}"));
    let batch = BatchId { ordinal: 3, sequence: 3, snapshot: named(Kind::Snapshot)?, origin: Timestamp::EPOCH };
    let (table, quarantine) = (named(Kind::Batch)?, None);
    let accepted = delivery(Fact::BatchAccepted(BatchAccepted {
        batch,
        table,
        quarantine,
        rows: 24,
        rows_quarantined: 0,
        rows_repeated: 0,
    }))?;
    let drift = Drift::new(Stores::in_memory()?);
    let waits = Outcome::Later(Wait { reason: "batch 1 of the series has not been checked".to_owned(), ahead: 2 });
    assert_eq!(drift.give_up(&accepted, "the disk is full").await?, waits);
    assert_eq!(drift.handle(&accepted).await?, waits);
    Ok(())
}

#[tokio::test]
async fn what_is_given_up_overwrites_no_facts_that_are_not_known_to_be_published() -> Result<()> {
    let stores = Stores::in_memory()?;
    let head = Head { ordinal: 2, outbox: Some(unpublished("batch 2")), ..Head::default() };
    stores.heads.store(&series()?, None, &head).await?;
    let ingestion = Ingestion::new(stores.clone(), []);
    assert!(matches!(ingestion.give_up(&received(3)?, "the disk is full").await?, Outcome::Later(_)));
    ingestion.settled(&series()?, &unpublished("batch 2")).await?;
    assert!(matches!(ingestion.give_up(&received(3)?, "the disk is full").await?, Outcome::Done(_)));
    Ok(())
}

#[tokio::test]
async fn evaluation_publishes_a_rollback_that_was_cut_off_before_it_compares_anything() -> Result<()> {
    let stores = Stores::in_memory()?;
    let registry = Registry { outbox: Some(unpublished(BY_HAND)), ..Registry::default() };
    stores.registry.store(&series()?, None, &registry).await?;
    let named = |kind| Ok::<_, anyhow::Error>(Ref::of(kind, &series()?, Format::Json, b"{}"));
    let retraining = Retraining {
        id: RetrainingId("r1".to_owned()),
        cause: Cause::Scheduled,
        evidence: String::new(),
        snapshot: named(Kind::Snapshot)?,
        incumbent: None,
        held: None,
    };
    let trained = delivery(Fact::ModelTrained(ModelTrained { retraining, model: named(Kind::Model)? }))?;
    let evaluation = Evaluation::new(stores.clone());
    assert_eq!(evaluation.handle(&trained).await?, Outcome::First(unpublished(BY_HAND)));
    evaluation.settled(&series()?, &unpublished(BY_HAND)).await?;
    let held: Held<Registry> = stores.registry.load(&series()?).await?;
    assert_eq!(held.document.outbox, Some(Outbox { settled: true, ..unpublished(BY_HAND) }));
    Ok(())
}
