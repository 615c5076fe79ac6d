//! The bus on a real broker: ordinals, cells, the log, and a broker that comes and goes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod broker;
mod line;

use std::collections::BTreeSet;

use aria_core::event::{Event, Fact};
use aria_core::series::SeriesId;
use aria_io::bus::conformance::{Bench, uphold};
use aria_io::bus::trace::TraceContext;
use aria_io::bus::{Bus, BusConfig, BusError, Filter, HEADS, Health, Letter, MONITORS, Start};
use aria_io::contracts::DeadLetter;
use aria_io::nats_server::{Server, ServerError};
use broker::{Broker, next, raw, received, series, tools, within};
use futures::{StreamExt, TryStreamExt};
use line::Line;

async fn recorded(bus: &Bus) -> Vec<Event> {
    let events = bus.recorded_events(&Filter::all(), Start::First).await.unwrap();
    events.map_ok(|recorded| recorded.event).try_collect().await.unwrap()
}

async fn receive(bus: &Bus, text: &str, floor: u64) -> u64 {
    let time = "2023-03-26T00:00:00Z".parse().unwrap();
    let (event, _) = bus.receive(&series(), &raw(text), time, "test", floor).await.unwrap();
    let Fact::BatchReceived(received) = event.fact else { panic!("another fact") };
    received.ordinal
}

impl Bench for Broker {
    async fn bus(&self) -> Bus {
        self.bus("test").await
    }

    // It has a clock, and the suite waits for it.
    fn time_runs_out(&self, _: &str, _: u64) {}
}

#[tokio::test]
async fn a_nats_server_upholds_what_a_broker_must() {
    uphold(&Broker::start().await).await.unwrap();
}

#[tokio::test]
async fn setting_up_twice_changes_nothing() {
    let broker = Broker::start().await;
    let bus = broker.bus("setup").await;
    bus.publish("test", &received(1)).await.unwrap();
    bus.ensure().await.unwrap();
    assert_eq!(recorded(&bus).await, [received(1)]);
}

#[tokio::test]
async fn an_event_is_read_as_it_was_published_with_its_id_cause_and_trace() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    let parent = TraceContext::root("parent");
    let published = bus.publish_within(&parent, "the cause", &received(1)).await.unwrap();
    let mut events = bus.events(&Filter::all(), Start::First).await.unwrap();
    let found = next(&mut events).await;
    assert_eq!((found.id, found.sequence, found.event), (published.id.clone(), published.sequence, received(1)));
    assert_eq!((found.cause.as_str(), found.trace), ("the cause", parent.child(&published.id)));
}

#[tokio::test]
async fn an_event_published_twice_is_stored_once() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    let first = bus.publish("cause", &received(1)).await.unwrap();
    let second = bus.publish("cause", &received(1)).await.unwrap();
    assert_eq!((first.duplicate, second.duplicate), (false, true));
    assert_eq!(first.sequence, second.sequence);
    assert_eq!(recorded(&bus).await.len(), 1);
}

#[tokio::test]
async fn the_same_content_of_another_cause_is_another_event() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    bus.publish("one", &received(1)).await.unwrap();
    assert!(!bus.publish("other", &received(1)).await.unwrap().duplicate);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_receivers_at_once_leave_no_gap_and_no_double_even_with_the_same_bytes() {
    let broker = Broker::start().await;
    let receivers = (0..8).map(async |_| {
        let bus = broker.bus("test").await;
        let mut ordinals = Vec::new();
        for _ in 0..10 {
            ordinals.push(receive(&bus, "the same bytes", 0).await);
        }
        ordinals
    });
    let taken = within(futures::future::join_all(receivers)).await.concat();
    assert_eq!(taken.iter().copied().collect::<BTreeSet<_>>(), (1..=80).collect());
    let in_log: Vec<u64> = recorded(&broker.bus("test").await).await.into_iter().map(ordinal).collect();
    assert_eq!(in_log, (1..=80).collect::<Vec<_>>());
}

fn ordinal(event: Event) -> u64 {
    match event.fact {
        Fact::BatchReceived(received) => received.ordinal,
        other => panic!("{} in the log", other.name()),
    }
}

#[tokio::test]
async fn ordinals_go_on_from_what_the_series_has_reached() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    assert_eq!(receive(&bus, "a", 41).await, 42);
    assert_eq!(receive(&bus, "b", 0).await, 43);
}

#[tokio::test]
async fn a_message_that_is_no_event_keeps_no_batch_from_being_received() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    assert_eq!(receive(&bus, "a", 0).await, 1);
    let jetstream = async_nats::jetstream::new(broker.client().await);
    jetstream.publish("aria.v1.batch.received.it.ci_direct", "rubbish".into()).await.unwrap().await.unwrap();
    assert_eq!(receive(&bus, "b", 0).await, 2);
    let mut events = bus.recorded_events(&Filter::all(), Start::First).await.unwrap();
    let mut ordinals = Vec::new();
    while let Some(recorded) = within(events.next_readable()).await {
        ordinals.push(ordinal(recorded.unwrap().event));
    }
    assert_eq!(ordinals, [1, 2]);
}

#[tokio::test]
async fn a_copy_of_an_old_batch_under_a_foreign_id_gives_no_ordinal_twice() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    assert_eq!(receive(&bus, "a", 0).await, 1);
    let jetstream = async_nats::jetstream::new(broker.client().await);
    let subject = "aria.v1.batch.received.it.ci_direct";
    let stream = jetstream.get_stream("ARIA").await.unwrap();
    let mut old = stream.get_last_raw_message_by_subject(subject).await.unwrap();
    assert_eq!(receive(&bus, "b", 0).await, 2);
    old.headers.insert("Nats-Msg-Id", "foreign");
    let mut copied = async_nats::HeaderMap::new();
    for (name, values) in old.headers.iter().filter(|(name, _)| !name.to_string().starts_with("Nats-Expected")) {
        values.iter().for_each(|value| copied.append(name.clone(), value.clone()));
    }
    jetstream.publish_with_headers(subject, copied, old.payload).await.unwrap().await.unwrap();
    assert_eq!(bus.last_batch(&series()).await.unwrap().map(|last| ordinal(last.event)), Some(2));
    assert_eq!(receive(&bus, "c", 0).await, 3);
    let in_log: Vec<u64> = recorded(&bus).await.into_iter().map(ordinal).collect();
    assert_eq!(in_log, [1, 2, 1, 3]);
}

#[tokio::test]
async fn a_batch_whose_receipt_was_not_confirmed_is_not_received_twice() {
    let broker = Broker::start().await;
    let line = Line::to(broker.url()).await;
    let bus = Bus::connect(&BusConfig::new(&line.url, "test")).await.unwrap();
    line.go_deaf_after("batch.received.it.ci_direct");
    assert_eq!(within(receive(&bus, "a", 0)).await, 1);
    assert!(line.was_cut());
    assert_eq!(receive(&bus, "b", 0).await, 2);
    assert_eq!(recorded(&bus).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_increments_at_once_make_twenty() {
    let broker = Broker::start().await;
    let increments = (0..20).map(async |_| {
        let cells = broker.bus("test").await.cells(HEADS);
        loop {
            let cell = cells.read(&series()).await.unwrap();
            let count: u64 = cell.as_ref().map_or(0, |c| String::from_utf8_lossy(&c.value).parse().unwrap());
            let next = (count + 1).to_string().into_bytes();
            match cells.swap(&series(), cell.map(|c| c.revision), next).await {
                Ok(_) => return,
                Err(BusError::Conflict { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
    within(futures::future::join_all(increments)).await;
    let cell = broker.bus("test").await.cells(HEADS).read(&series()).await.unwrap().unwrap();
    assert_eq!(cell.value, "20");
}

#[tokio::test]
async fn a_cell_that_exists_is_not_made_again() {
    let broker = Broker::start().await;
    let cells = broker.bus("test").await.cells(HEADS);
    assert_eq!(cells.read(&series()).await.unwrap(), None);
    let revision = cells.swap(&series(), None, b"1".to_vec()).await.unwrap();
    let again = cells.swap(&series(), None, b"2".to_vec()).await;
    assert!(matches!(again, Err(BusError::Conflict { .. })), "{again:?}");
    let cell = cells.read(&series()).await.unwrap().unwrap();
    assert_eq!((cell.value.as_ref(), cell.revision), (b"1".as_slice(), revision));
}

#[tokio::test]
async fn a_cell_moved_by_someone_else_is_a_conflict() {
    let broker = Broker::start().await;
    let cells = broker.bus("test").await.cells(HEADS);
    let old = cells.swap(&series(), None, b"1".to_vec()).await.unwrap();
    cells.swap(&series(), Some(old), b"2".to_vec()).await.unwrap();
    let late = cells.swap(&series(), Some(old), b"3".to_vec()).await;
    assert!(matches!(late, Err(BusError::Conflict { key, .. }) if key == "it.ci_direct"));
}

#[tokio::test]
async fn a_cell_that_an_operator_deleted_can_be_made_again() {
    let broker = Broker::start().await;
    let cells = broker.bus("test").await.cells(HEADS);
    cells.swap(&series(), None, b"1".to_vec()).await.unwrap();
    let bucket = async_nats::jetstream::new(broker.client().await).get_key_value(HEADS).await.unwrap();
    bucket.delete("it.ci_direct").await.unwrap();
    assert_eq!(cells.read(&series()).await.unwrap(), None);
    assert_eq!(cells.names().await.unwrap(), []);
    cells.swap(&series(), None, b"2".to_vec()).await.unwrap();
    assert_eq!(cells.read(&series()).await.unwrap().unwrap().value, "2");
}

#[tokio::test]
async fn the_names_of_a_bucket_are_those_written_in_it() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    for name in ["it.ci_direct", "fr.ci_direct"] {
        bus.cells(HEADS).swap(&name.parse().unwrap(), None, b"1".to_vec()).await.unwrap();
    }
    let names = |cells: Vec<SeriesId>| cells.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(bus.cells(HEADS).names().await.unwrap()), ["fr.ci_direct", "it.ci_direct"]);
    assert!(bus.cells(MONITORS).names().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_reader_begins_where_it_is_told_and_ends_when_it_has_caught_up() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    for ordinal in 1..=5 {
        bus.publish("test", &received(ordinal)).await.unwrap();
    }
    let events = bus.recorded_events(&Filter::all(), Start::Sequence(4)).await.unwrap();
    let found: Vec<u64> = within(events.map_ok(|e| ordinal(e.event)).try_collect()).await.unwrap();
    assert_eq!(found, [4, 5]);
    let none = Filter::all().facts(["batch.accepted"]);
    let mut events = bus.recorded_events(&none, Start::First).await.unwrap();
    assert!(within(events.next()).await.is_none());
}

#[tokio::test]
async fn a_reader_that_begins_with_the_next_event_sees_none_before_it() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    bus.publish("test", &received(1)).await.unwrap();
    let mut events = bus.events(&Filter::all(), Start::Next).await.unwrap();
    bus.publish("test", &received(2)).await.unwrap();
    assert_eq!(next(&mut events).await.event, received(2));
}

#[tokio::test]
async fn a_reader_of_one_series_sees_no_other() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    let other = Event { series: "fr.ci_direct".parse().unwrap(), ..received(1) };
    bus.publish("test", &other).await.unwrap();
    bus.publish("test", &received(1)).await.unwrap();
    let filter = Filter::all().facts(["batch.received"]).series(&series());
    let mut events = bus.events(&filter, Start::First).await.unwrap();
    assert_eq!(next(&mut events).await.event, received(1));
}

#[tokio::test]
async fn an_unreadable_message_is_an_error_in_its_place_and_hides_nothing_after_it() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    let jetstream = async_nats::jetstream::new(broker.client().await);
    jetstream.publish("aria.v1.batch.received.it.ci_direct", "rubbish".into()).await.unwrap().await.unwrap();
    bus.publish("test", &received(1)).await.unwrap();
    let mut events = bus.recorded_events(&Filter::all(), Start::First).await.unwrap();
    let first = within(events.next()).await.unwrap();
    assert!(matches!(first, Err(BusError::Undecodable { sequence: 1, .. })), "{first:?}");
    assert_eq!(next(&mut events).await.event, received(1));
}

#[tokio::test]
async fn a_reader_goes_on_where_it_was_when_the_broker_comes_back() {
    let mut broker = Broker::start().await;
    let bus = broker.bus("test").await;
    let mut events = bus.events(&Filter::all(), Start::First).await.unwrap();
    bus.publish("test", &received(1)).await.unwrap();
    assert_eq!(next(&mut events).await.event, received(1));
    broker.kill().await;
    broker.start_again().await;
    bus.publish("test", &received(2)).await.unwrap();
    assert_eq!(next(&mut events).await.event, received(2));
}

#[tokio::test]
async fn an_event_published_while_the_broker_is_away_is_stored_once() {
    let mut broker = Broker::start().await;
    let bus = broker.bus("test").await;
    broker.kill().await;
    let publisher = bus.clone();
    let publishing = tokio::spawn(async move { publisher.publish("test", &received(1)).await });
    broker.start_again().await;
    within(publishing).await.unwrap().unwrap();
    assert_eq!(recorded(&bus).await, [received(1)]);
}

#[tokio::test]
async fn a_message_too_large_for_the_broker_is_refused_for_good() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    let mut event = received(1);
    if let Fact::BatchReceived(received) = &mut event.fact {
        received.source = "x".repeat(2 << 20);
    }
    let refused = bus.publish("test", &event).await.unwrap_err();
    assert!(!refused.is_transient(), "{refused}");
}

#[tokio::test]
async fn a_cell_too_large_for_its_bucket_is_refused_for_good() {
    let broker = Broker::start().await;
    let refused = broker.bus("test").await.cells(HEADS).swap(&series(), None, vec![0; 600 << 10]).await.unwrap_err();
    assert!(!refused.is_transient(), "{refused}");
}

fn letter(stream_sequence: u64) -> DeadLetter {
    DeadLetter {
        service: "training".to_owned(),
        subject: "aria.v1.retraining.requested.it.ci_direct".to_owned(),
        stream_sequence,
        attempts: 3,
        reason: "no such table".to_owned(),
        headers: vec![("ce-id".to_owned(), "x".to_owned())],
        body: b"body".to_vec(),
    }
}

async fn letters(bus: &Bus) -> Vec<Letter> {
    within(bus.dead_letters(None, Start::First).await.unwrap().try_collect()).await.unwrap()
}

#[tokio::test]
async fn a_message_buried_twice_is_one_dead_letter() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    bus.bury(&letter(7)).await.unwrap();
    assert!(bus.bury(&letter(7)).await.unwrap().duplicate);
    let letters: Vec<_> = letters(&bus).await.into_iter().map(|l| l.content).collect();
    assert_eq!(letters, [letter(7)]);
    assert_eq!(recorded(&bus).await, []);
}

#[tokio::test]
async fn a_dropped_dead_letter_is_read_no_more_and_the_first_reason_stands() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    bus.bury(&letter(7)).await.unwrap();
    bus.bury(&letter(8)).await.unwrap();
    let first = letters(&bus).await.remove(0);
    bus.drop_letter(&first, "a test").await.unwrap();
    assert!(bus.drop_letter(&first, "another reason").await.unwrap().duplicate);
    let left: Vec<_> = letters(&bus).await.into_iter().map(|l| l.content).collect();
    assert_eq!(left, [letter(8)]);
    let dropped = bus.dropped_letters().await.unwrap();
    assert_eq!(dropped.keys().collect::<Vec<_>>(), [&first.sequence]);
    assert_eq!(dropped[&first.sequence].content.reason, "a test");
    assert_eq!(recorded(&bus).await, []);
}

#[tokio::test]
async fn what_is_no_decision_drops_no_dead_letter() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    bus.bury(&letter(7)).await.unwrap();
    let jetstream = async_nats::jetstream::new(broker.client().await);
    jetstream.publish("aria.v1.dropped.training", "\u{1}rubbish".into()).await.unwrap().await.unwrap();
    assert_eq!(letters(&bus).await.len(), 1);
}

#[tokio::test]
async fn a_stopped_broker_has_its_state_and_its_port_again() {
    let mut broker = Broker::start().await;
    let url = broker.url().to_owned();
    broker.bus("test").await.publish("test", &received(1)).await.unwrap();
    broker.stop().await;
    assert_eq!(Server::running(broker.data.path()), None);
    broker.start_again().await;
    assert_eq!(broker.url(), url);
    assert_eq!(Server::running(broker.data.path()), Some(url));
    assert_eq!(recorded(&broker.bus("test").await).await, [received(1)]);
}

#[tokio::test]
async fn a_second_broker_on_a_data_folder_is_refused() {
    let broker = Broker::start().await;
    let second = Server::start(broker.data.path(), &tools()).await;
    assert!(matches!(second, Err(ServerError::InUse { .. })), "{second:?}");
}

#[tokio::test]
async fn the_broker_of_a_killed_process_is_stopped_and_its_state_taken_over() {
    let mut broker = Broker::start().await;
    broker.bus("test").await.publish("test", &received(1)).await.unwrap();
    broker.stop().await;
    let folder = broker.data.path().join("nats").canonicalize().unwrap();
    let program = tools().find().await.unwrap().path;
    let mut orphan = std::process::Command::new(program)
        .args(["--addr", "127.0.0.1", "--port", "-1", "--jetstream"])
        .arg("--store_dir")
        .arg(folder.join("state"))
        .arg("--pid")
        .arg(folder.join("nats-server.pid"))
        .arg("--ports_file_dir")
        .arg(folder.join("ports"))
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let ports = within(tokio::task::spawn_blocking(move || {
        loop {
            if let Some(Ok(file)) = std::fs::read_dir(folder.join("ports")).unwrap().next() {
                return file.path();
            }
            std::thread::yield_now();
        }
    }));
    ports.await.unwrap();
    broker.start_again().await;
    assert!(orphan.try_wait().unwrap().is_some(), "the orphan still runs");
    assert_eq!(recorded(&broker.bus("test").await).await, [received(1)]);
}

/// Not a test by itself: the process that the next test kills.
#[tokio::test]
#[ignore = "run by the_broker_of_a_process_that_was_killed_is_no_hindrance"]
async fn a_process_with_a_broker() {
    let data = std::env::var_os(DATA).unwrap();
    let _server = Server::start(data.as_ref(), &tools()).await.unwrap();
    std::future::pending().await
}

const DATA: &str = "TEST_DATA";

#[tokio::test]
async fn the_broker_of_a_process_that_was_killed_is_no_hindrance() {
    let mut broker = Broker::start().await;
    broker.bus("test").await.publish("test", &received(1)).await.unwrap();
    broker.stop().await;
    let mut process = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--ignored", "a_process_with_a_broker"])
        .env(DATA, broker.data.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    within(async {
        while Server::running(broker.data.path()).is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    process.kill().await.unwrap();
    broker.start_again().await;
    assert_eq!(recorded(&broker.bus("test").await).await, [received(1)]);
}

#[tokio::test]
async fn a_broker_that_cannot_start_tells_the_end_of_its_log() {
    let data = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(data.path().join("nats")).unwrap();
    std::fs::write(data.path().join("nats/state"), "a file where a folder has to be").unwrap();
    assert!(matches!(Server::start(data.path(), &tools()).await, Err(ServerError::Folder { .. })));
    std::fs::remove_file(data.path().join("nats/state")).unwrap();
    std::fs::create_dir_all(data.path().join("nats/state")).unwrap();
    std::fs::write(data.path().join("nats/state/jetstream"), "a file where a folder has to be").unwrap();
    let failed = Server::start(data.path(), &tools()).await.unwrap_err();
    assert!(
        matches!(&failed, ServerError::Ended { said, .. } if said.contains("storage directory is not a directory")),
        "{failed}"
    );
}

#[tokio::test]
async fn health_follows_the_connection() {
    let mut broker = Broker::start().await;
    let bus = broker.bus("test").await;
    assert_eq!(bus.health(), Health::Connected);
    broker.kill().await;
    within(async {
        while bus.health() == Health::Connected {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(bus.health(), Health::Disconnected);
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_named_without_its_password() {
    let config =
        BusConfig { patience: std::time::Duration::ZERO, ..BusConfig::new("nats://user:secret@127.0.0.1:1", "test") };
    let message = Bus::connect(&config).await.unwrap_err().to_string();
    assert!(message.contains("127.0.0.1:1") && !message.contains("secret"), "{message}");
}
