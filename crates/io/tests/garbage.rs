//! The collector of garbage on a real broker: what the log holds, how far its readers are, what is known to be garbage.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod broker;

use aria_core::artifact::{Format, Kind, Ref};
use aria_core::event::{BatchAccepted, BatchId, BatchRejected, Event, Fact};
use aria_core::garbage::{Condemned, Keep, Plan, Policy, Reason, Verdict, What};
use aria_core::time::{DAY, Timestamp};
use aria_io::artifacts::{Artifacts, Record};
use aria_io::bus::{Bus, Content, Start};
use aria_io::contracts::{self, DeadLetter};
use aria_io::garbage::{Collector, Survey, clear_log, survey};
use aria_io::runtime::Edges;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use broker::{Broker, received, series, within};
use futures::{StreamExt, TryStreamExt};

/// A time at which everything that these tests store is old.
fn later() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp::from_seconds(since.as_secs() as i64).unwrap().plus(1_000 * DAY)
}

fn rejected(ordinal: u64) -> Event {
    let Fact::BatchReceived(batch) = received(ordinal).fact else { panic!("no batch") };
    let fact = BatchRejected { ordinal, raw: batch.raw, reason: "empty".to_owned(), quarantine: None };
    Event { fact: Fact::BatchRejected(fact), ..received(ordinal) }
}

async fn edges(bus: &Bus) -> Edges {
    let edges = Edges { bus: bus.clone(), artifacts: Artifacts::open("memory://").unwrap() };
    edges.join().await.unwrap();
    edges
}

async fn surveyed(edges: &Edges) -> Survey {
    within(survey(edges, &Policy::default(), &[], later())).await.unwrap()
}

/// How many of something have this fate.
fn count(plan: &Plan, what: What, verdict: Verdict) -> u64 {
    plan.lines.get(&(what, verdict)).map_or(0, |line| line.count)
}

/// A consumer that reads these facts and acknowledges the first so many.
async fn reader(broker: &Broker, name: &str, subject: &str, acknowledged: usize) {
    let stream = async_nats::jetstream::new(broker.client().await).get_stream("ARIA").await.unwrap();
    let config = pull::Config {
        durable_name: Some(name.to_owned()),
        filter_subject: subject.to_owned(),
        ack_policy: AckPolicy::Explicit,
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await.unwrap();
    if acknowledged > 0 {
        let mut messages = consumer.fetch().max_messages(acknowledged).messages().await.unwrap();
        while let Some(message) = within(messages.next()).await {
            message.unwrap().double_ack().await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_log_is_dealt_with_as_far_as_the_last_of_its_readers_is() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    for ordinal in 1..=3 {
        bus.publish("upload", &received(ordinal)).await.unwrap();
        bus.publish("batch", &rejected(ordinal)).await.unwrap();
    }
    // Nobody reads it, so nobody is behind; a service that has to and never did is.
    assert_eq!((bus.settled(&[]).await.unwrap().through, bus.settled(&[]).await.unwrap().behind), (6, None));
    let never = bus.settled(&["training"]).await.unwrap();
    assert_eq!((never.through, never.behind.as_deref()), (0, Some("training")));
    // One that has read all that is for it has dealt with the rest too.
    reader(&broker, "training", "aria.v1.batch.received.*.*", 3).await;
    assert_eq!(bus.settled(&["training"]).await.unwrap().through, 6);
    // Another one has read the first receipt, at place 1, and not the second, at place 3.
    reader(&broker, "drift", "aria.v1.batch.received.*.*", 1).await;
    let behind = bus.settled(&["training"]).await.unwrap();
    assert_eq!((behind.through, behind.behind.as_deref()), (1, Some("drift")));
}

#[tokio::test]
async fn a_message_is_deleted_once_and_deleting_it_again_is_no_fault() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    for ordinal in 1..=3 {
        bus.publish("upload", &received(ordinal)).await.unwrap();
    }
    clear_log(&bus, &[1, 2], |_| {}).await.unwrap();
    clear_log(&bus, &[1, 2, 99], |_| {}).await.unwrap();
    let left: Vec<u64> = bus.whole_log().await.unwrap().map_ok(|entry| entry.sequence).try_collect().await.unwrap();
    assert_eq!(left, [3]);
    // Ordinals and the mark of the log go on.
    assert_eq!(bus.last_sequence().await.unwrap(), 3);
}

#[tokio::test]
async fn the_record_is_moved_by_one_only_and_known_to_all() {
    let broker = Broker::start().await;
    let (bus, other) = (broker.bus("test").await, broker.bus("other").await);
    assert!(Record::read(&bus).await.unwrap().is_none());
    let condemned = Condemned { keys: ["raw/a".to_owned()].into(), lease_seconds: 3 };
    let revision = Record::write(&bus, None, &condemned).await.unwrap();
    assert!(revision.is_some());
    assert_eq!(Record::write(&other, None, &Condemned::default()).await.unwrap(), None);
    let found = Record::read(&other).await.unwrap().unwrap();
    assert_eq!((Some(found.revision), &found.condemned), (revision, &condemned));
    assert!(Record::write(&other, revision, &Condemned::default()).await.unwrap().is_some());
    assert_eq!(Record::write(&bus, revision, &condemned).await.unwrap(), None);
}

#[tokio::test]
async fn whatever_lies_in_the_log_is_told_apart() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    bus.publish("upload", &received(1)).await.unwrap();
    let letter = letter(&received(1), 1);
    bus.bury(&letter).await.unwrap();
    let listed = bus.dead_letters(None, Start::First).await.unwrap().next().await.unwrap().unwrap();
    bus.replay(&listed).await.unwrap();
    bus.drop_letter(&listed, "handed in").await.unwrap();
    rubbish(&broker, "aria.v1.batch.received.it.ci_direct").await;
    let told = bus.whole_log().await.unwrap().map_ok(|entry| match entry.content {
        Content::Event(_) => "event",
        Content::Again(_) => "again",
        Content::DeadLetter(_) => "letter",
        Content::Dropped(_) => "dropped",
        Content::Unreadable(_) => "unreadable",
    });
    let told: Vec<&str> = told.try_collect().await.unwrap();
    assert_eq!(told, ["event", "letter", "again", "dropped", "unreadable"]);
}

fn letter(event: &Event, place: u64) -> DeadLetter {
    let id = contracts::event_id("upload", event).to_string();
    DeadLetter {
        service: "ingestion".to_owned(),
        subject: contracts::subject(event),
        stream_sequence: place,
        attempts: 1,
        reason: "no such column".to_owned(),
        headers: vec![("ce-id".to_owned(), id)],
        body: contracts::encode(event),
    }
}

async fn rubbish(broker: &Broker, subject: &str) {
    let context = async_nats::jetstream::new(broker.client().await);
    context.publish(subject.to_owned(), "\u{1}rubbish".into()).await.unwrap().await.unwrap();
}

async fn put(edges: &Edges, series: &str, text: &str) -> Ref {
    edges.artifacts.put(Kind::Raw, &series.parse().unwrap(), Format::Csv, text.into()).await.unwrap()
}

const RAW: What = What::Artifact(Kind::Raw);
const ORPHAN: Verdict = Verdict::Deleted(Reason::Orphan);
const REACHED: Verdict = Verdict::Kept(Reason::Reached);
const UNKNOWN: Verdict = Verdict::Kept(Reason::Unknown);

#[tokio::test]
async fn what_an_event_names_stays_until_the_event_is_gone_and_a_dead_letter_holds_it_too() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    let edges = edges(&bus).await;
    for ordinal in 1..=3 {
        put(&edges, "it.ci_direct", &format!("batch {ordinal}")).await;
        bus.publish("upload", &received(ordinal)).await.unwrap();
        bus.publish("batch", &rejected(ordinal)).await.unwrap();
    }
    put(&edges, "it.ci_direct", "nobody's").await;
    let mut collector = Collector::begin(&edges.artifacts, &bus, 5).await.unwrap();

    let first = surveyed(&edges).await.plan;
    assert_eq!((count(&first, RAW, REACHED), count(&first, RAW, ORPHAN)), (3, 1));
    // The first two batches go; what they name goes with the next run.
    assert_eq!(first.messages, [1, 2, 3, 4]);
    collector.delete(&first.artifacts, |_| {}).await.unwrap();
    clear_log(&bus, &first.messages, |_| {}).await.unwrap();

    // Somebody hands the first one in: a dead letter is on the list, and holds its bytes.
    bus.bury(&letter(&received(1), 1)).await.unwrap();
    let young = Policy { dead_letters: Keep::days(36_500), ..Policy::default() };
    let second = survey(&edges, &young, &[], later()).await.unwrap().plan;
    assert_eq!((count(&second, RAW, REACHED), count(&second, RAW, ORPHAN)), (2, 1));
    collector.delete(&second.artifacts, |_| {}).await.unwrap();
    let there = async |n: u64| {
        let Fact::BatchReceived(batch) = received(n).fact else { panic!("no batch") };
        edges.artifacts.get(&batch.raw).await.is_ok()
    };
    assert_eq!([there(1).await, there(2).await, there(3).await], [true, false, true]);
}

#[tokio::test]
async fn a_series_whose_documents_are_missing_loses_nothing_and_holds_nobody_else_up() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    let edges = edges(&bus).await;
    put(&edges, "it.ci_direct", "perhaps the missing snapshot names it").await;
    put(&edges, "fr.ci_direct", "nobody's").await;
    let snapshot = Ref::of(Kind::Snapshot, &series(), Format::Json, b"never stored");
    let table = Ref::of(Kind::Batch, &series(), Format::Parquet, b"never stored");
    let batch = BatchId { ordinal: 1, sequence: 1, snapshot: snapshot.clone(), origin: Timestamp::EPOCH };
    let fact = BatchAccepted { batch, table, quarantine: None, rows: 1, rows_quarantined: 0, rows_repeated: 0 };
    bus.publish("upload", &Event { fact: Fact::BatchAccepted(fact), ..received(1) }).await.unwrap();
    let found = surveyed(&edges).await;
    assert_eq!((count(&found.plan, RAW, UNKNOWN), count(&found.plan, RAW, ORPHAN)), (1, 1));
    assert_eq!(found.plan.artifacts[0].name.series.as_str(), "fr.ci_direct");
    let [unknown] = found.unknown.as_slice() else { panic!("{:?}", found.unknown) };
    assert_eq!(unknown.series, Some(series()));
    let reason = &unknown.reason;
    assert!(reason.contains(&snapshot.key()) && reason.contains("event 1 of the log"), "{reason}");
}

#[tokio::test]
async fn a_message_that_may_be_from_a_newer_version_holds_its_series_until_a_person_says_that_nothing_comes_of_it() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    let edges = edges(&bus).await;
    put(&edges, "it.ci_direct", "perhaps").await;
    put(&edges, "fr.ci_direct", "nobody's").await;
    rubbish(&broker, "aria.v1.batch.received.it.ci_direct").await;
    let held = surveyed(&edges).await;
    assert_eq!((count(&held.plan, RAW, UNKNOWN), count(&held.plan, RAW, ORPHAN)), (1, 1));
    assert!(held.unknown[0].reason.contains("newer version"), "{:?}", held.unknown);

    bus.bury(&DeadLetter { body: b"\x01rubbish".to_vec(), ..letter(&received(1), 1) }).await.unwrap();
    let listed = bus.dead_letters(None, Start::First).await.unwrap().next().await.unwrap().unwrap();
    let held = surveyed(&edges).await;
    let next = format!("`aria deadletters drop {}`", listed.sequence);
    assert!(held.unknown[0].reason.contains(&next), "{:?}", held.unknown);
    bus.drop_letter(&listed, "a stranger's").await.unwrap();
    let free = surveyed(&edges).await;
    assert_eq!((free.unknown.len(), count(&free.plan, RAW, ORPHAN)), (0, 2));

    // Of a fact that nobody knows, and without a series, it may be about anything.
    rubbish(&broker, "aria.v1.weather").await;
    let held = surveyed(&edges).await;
    assert_eq!((count(&held.plan, RAW, UNKNOWN), held.unknown[0].series.as_ref()), (2, None));
}

#[tokio::test]
async fn a_cell_of_another_version_holds_its_series() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    let edges = edges(&bus).await;
    put(&edges, "it.ci_direct", "perhaps").await;
    let newer = br#"{"document":"head","version":99,"body":{}}"#.to_vec();
    bus.cells("heads").swap(&series(), None, newer).await.unwrap();
    let held = surveyed(&edges).await;
    assert_eq!(count(&held.plan, RAW, UNKNOWN), 1);
    assert!(held.unknown[0].reason.contains("version 99"), "{:?}", held.unknown);
}

#[tokio::test]
async fn everybody_who_joins_looks_at_the_record() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    let edges = edges(&bus).await;
    let name = Ref::of(Kind::Raw, &series(), Format::Csv, b"about to be deleted");
    let condemned = Condemned { keys: [name.key()].into(), lease_seconds: 600 };
    let revision = Record::write(&bus, None, &condemned).await.unwrap();
    let storing = put(&edges, "it.ci_direct", "about to be deleted");
    tokio::pin!(storing);
    // It waits for the end of the deletion; a record that is struck off is that.
    assert!(tokio::time::timeout(std::time::Duration::from_millis(500), &mut storing).await.is_err());
    Record::write(&bus, revision, &Condemned::default()).await.unwrap();
    assert_eq!(within(storing).await, name);
}
