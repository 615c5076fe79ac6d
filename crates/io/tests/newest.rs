//! The newest event of a fact in the log of a real broker: right, and found without reading the log.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod broker;
mod line;

use aria_core::event::Event;
use aria_io::bus::{Bus, BusConfig};
use broker::{Broker, received, series};
use line::Line;

#[tokio::test]
async fn the_newest_event_is_the_last_of_its_fact_and_series_and_none_where_there_is_none() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    assert_eq!(bus.newest_event("batch.received", &series()).await.unwrap(), None);
    bus.publish("test", &received(1)).await.unwrap();
    let second = bus.publish("test", &received(2)).await.unwrap();
    bus.publish("test", &Event { series: "fr.ci_direct".parse().unwrap(), ..received(3) }).await.unwrap();
    let newest = bus.newest_event("batch.received", &series()).await.unwrap().unwrap();
    assert_eq!((newest.event, newest.id, newest.sequence), (received(2), second.id, second.sequence));
    assert_eq!((newest.cause.as_str(), bus.newest_event("batch.accepted", &series()).await.unwrap()), ("test", None));
}

#[tokio::test]
async fn the_newest_event_of_a_long_log_is_read_alone() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    for ordinal in 1..=200 {
        bus.publish("test", &received(ordinal)).await.unwrap();
    }
    let line = Line::to(broker.url()).await;
    let reader = Bus::connect(&BusConfig::new(&line.url, "test")).await.unwrap();
    reader.last_sequence().await.unwrap();
    let before = line.bytes_back();
    let newest = reader.newest_event("batch.received", &series()).await.unwrap().unwrap();
    assert_eq!(newest.event, received(200));
    // Two hundred events take more than a hundred bytes each.
    let read = line.bytes_back() - before;
    assert!(read < 5_000, "{read} bytes were read for one event");
}

#[tokio::test]
async fn the_newest_event_is_found_behind_a_message_that_is_none() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    let jetstream = async_nats::jetstream::new(broker.client().await);
    let rubbish = || jetstream.publish("aria.v1.batch.received.it.ci_direct", "rubbish".into());
    rubbish().await.unwrap().await.unwrap();
    assert_eq!(bus.newest_event("batch.received", &series()).await.unwrap(), None);
    bus.publish("test", &received(1)).await.unwrap();
    rubbish().await.unwrap().await.unwrap();
    let newest = bus.newest_event("batch.received", &series()).await.unwrap();
    assert_eq!(newest.map(|recorded| recorded.sequence), Some(2));
}
