//! The worker on a real broker: whatever fails, crashes or leaves, every fact is dealt with and nothing twice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod broker;
mod replica;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aria_core::artifact::{Format, Kind};
use aria_core::outbox::{BY_HAND, Outbox};
use aria_io::artifacts::Artifacts;
use aria_io::bus::{Backlog, Bus, Filter, Start};
use aria_io::runtime::telemetry::{self, Logging};
use aria_io::runtime::{Delivery, Edges, EdgesError, Failure, Limits, Outcome, Shutdown, Wait, http, work_with};
use broker::{Broker, next, received, series, within};
use futures::FutureExt;
use replica::{Replica, Scripted, backlog, done, letters, limits, ordinal, publish, rejected, results, results_now};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Barrier, Notify, mpsc};

#[tokio::test]
async fn a_fact_becomes_what_the_service_makes_of_it_in_the_same_trace() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=1).await;
    let replica = Replica::start(&broker, limits(), |d| async move { done(&d) }.boxed()).await;
    let mut events = bus.events(&Filter::all(), Start::First).await.unwrap();
    let (cause, effect) = (next(&mut events).await, next(&mut events).await);
    assert_eq!(effect.event, rejected(1, "done"));
    assert_eq!(effect.cause, cause.id);
    assert_eq!(effect.trace.trace_id(), cause.trace.trace_id());
    assert_ne!(effect.trace.span_id(), cause.trace.span_id());
    replica.leave().await;
    assert_eq!(backlog(&bus).await, Backlog::default());
}

#[tokio::test]
async fn a_crash_between_publishing_and_acknowledging_stores_nothing_twice() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=1).await;
    let limits = Limits { ack_wait: Duration::from_secs(1), ..limits() };
    let (published, mut is_published) = mpsc::unbounded_channel();
    let publisher = bus.clone();
    let first = Replica::start(&broker, limits, move |delivery| {
        let (publisher, published) = (publisher.clone(), published.clone());
        async move {
            publisher.publish(&delivery.id, &rejected(1, "done")).await?;
            published.send(()).unwrap();
            std::future::pending().await
        }
        .boxed()
    });
    let first = first.await;
    within(is_published.recv()).await.unwrap();
    first.crash().await;
    let (handled, mut is_handled) = mpsc::unbounded_channel();
    let second = Replica::start(&broker, limits, move |delivery| {
        handled.send(()).unwrap();
        async move { done(&delivery) }.boxed()
    });
    let second = second.await;
    within(is_handled.recv()).await.unwrap();
    second.leave().await;
    assert_eq!(results_now(&bus).await, [(1, "done".to_owned())]);
    assert_eq!(backlog(&bus).await, Backlog::default());
}

#[tokio::test]
async fn a_transient_failure_is_tried_again_and_then_succeeds() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=1).await;
    let (seen, mut attempts) = mpsc::unbounded_channel();
    let replica = Replica::start(&broker, limits(), move |delivery| {
        seen.send(delivery.attempt).unwrap();
        async move { if delivery.attempt < 3 { Err(Failure::transient("the store is away")) } else { done(&delivery) } }
            .boxed()
    });
    let replica = replica.await;
    assert_eq!(results(&bus, 1).await, [(1, "done".to_owned())]);
    replica.leave().await;
    assert_eq!([attempts.recv().await, attempts.recv().await, attempts.recv().await], [Some(1), Some(2), Some(3)]);
    assert!(letters(&bus).await.is_empty());
}

#[tokio::test]
async fn a_permanent_failure_goes_to_the_dead_letters_ends_its_chain_and_blocks_nobody() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=3).await;
    let limits = Limits { concurrency: 1, ..limits() };
    let replica = Replica::start(&broker, limits, |delivery| {
        async move {
            if ordinal(&delivery.event) == 1 { Err(Failure::permanent("no such column")) } else { done(&delivery) }
        }
        .boxed()
    });
    let replica = replica.await;
    let expected = [(1, "no such column"), (2, "done"), (3, "done")].map(|(o, r)| (o, r.to_owned()));
    assert_eq!(results(&bus, 3).await, expected);
    replica.leave().await;
    let letters = letters(&bus).await;
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!((letter.content.reason.as_str(), letter.content.stream_sequence), ("no such column", 1));
    assert_eq!(letter.content.body, aria_io::contracts::encode(&received(1)));
    assert_eq!(backlog(&bus).await, Backlog::default());
}

#[tokio::test]
async fn a_failure_that_stays_transient_goes_to_the_dead_letters_when_its_attempts_are_used_up() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=1).await;
    let limits = Limits { attempts: 2, ..limits() };
    let replica =
        Replica::start(&broker, limits, |_| async { Err(Failure::transient("the store is away")) }.boxed()).await;
    let reason = "failed 2 times; last: the store is away".to_owned();
    assert_eq!(results(&bus, 1).await, [(1, reason.clone())]);
    replica.leave().await;
    assert_eq!(letters(&bus).await[0].content.reason, reason);
}

#[tokio::test]
async fn a_message_that_is_not_due_comes_back_without_counting_as_an_attempt() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=1).await;
    let limits = Limits { attempts: 1, ..limits() };
    let (seen, mut attempts) = mpsc::unbounded_channel();
    let calls = AtomicU64::new(0);
    let replica = Replica::start(&broker, limits, move |delivery| {
        seen.send(delivery.attempt).unwrap();
        let is_due = calls.fetch_add(1, Ordering::SeqCst) == 4;
        async move { if is_due { done(&delivery) } else { Ok(Outcome::later("an earlier batch is missing")) } }.boxed()
    });
    let replica = replica.await;
    assert_eq!(results(&bus, 1).await, [(1, "done".to_owned())]);
    replica.leave().await;
    attempts.close();
    let mut all = Vec::new();
    attempts.recv_many(&mut all, 100).await;
    assert_eq!(all, [1; 5]);
}

#[tokio::test]
async fn a_lost_race_is_run_again_without_counting_as_an_attempt() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=1).await;
    let cells = bus.cells("heads");
    cells.swap(&series(), None, b"theirs".to_vec()).await.unwrap();
    let limits = Limits { attempts: 1, ..limits() };
    let calls = AtomicU64::new(0);
    let replica = Replica::start(&broker, limits, move |delivery| {
        let (cells, is_first) = (cells.clone(), calls.fetch_add(1, Ordering::SeqCst) == 0);
        async move {
            if is_first {
                cells.swap(&series(), None, b"ours".to_vec()).await?;
            }
            done(&delivery)
        }
        .boxed()
    });
    let replica = replica.await;
    assert_eq!(results(&bus, 1).await, [(1, "done".to_owned())]);
    replica.leave().await;
}

#[tokio::test]
async fn a_message_that_crashes_its_process_each_time_goes_to_the_dead_letters() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=1).await;
    let limits = Limits { deliveries: 1, crashes: 2, ack_wait: Duration::from_secs(1), ..limits() };
    // The first time it is not suspected yet.
    for _ in 0..3 {
        let (started, mut is_started) = mpsc::unbounded_channel();
        let crashing = Replica::start(&broker, limits, move |_| {
            started.send(()).unwrap();
            std::future::pending().boxed()
        });
        let crashing = crashing.await;
        within(is_started.recv()).await.unwrap();
        crashing.crash().await;
    }
    let replica = Replica::start(&broker, limits, |_| async { panic!("handled once more") }.boxed()).await;
    let reason = results(&bus, 1).await.remove(0).1;
    assert_eq!(reason, "taken up 2 times without an end: it brings its process down");
    replica.leave().await;
    assert_eq!(letters(&bus).await.len(), 1);
}

#[tokio::test]
async fn a_message_that_came_often_and_crashed_nothing_is_not_given_up() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=1).await;
    let limits = Limits { deliveries: 0, crashes: 1, ..limits() };
    let calls = AtomicU64::new(0);
    let replica = Replica::start(&broker, limits, move |delivery| {
        let is_due = calls.fetch_add(1, Ordering::SeqCst) == 5;
        async move { if is_due { done(&delivery) } else { Ok(Outcome::later("an earlier batch is missing")) } }.boxed()
    });
    let replica = replica.await;
    assert_eq!(results(&bus, 1).await, [(1, "done".to_owned())]);
    replica.leave().await;
    assert!(letters(&bus).await.is_empty());
}

#[tokio::test]
async fn a_message_found_done_that_another_died_giving_up_goes_to_the_dead_letters() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=1).await;
    let jetstream = async_nats::jetstream::new(broker.client().await);
    let replica = Replica::start(&broker, limits(), move |delivery| {
        // Another one gets as far as to end the chain while this one is at it.
        let attempts = jetstream.clone();
        async move {
            let attempts = attempts.get_key_value("attempts").await.unwrap();
            attempts.put("ingestion.1.condemned", "the bytes are lost".into()).await.unwrap();
            done(&delivery)
        }
        .boxed()
    });
    let replica = replica.await;
    within(async { while letters(&bus).await.is_empty() {} }).await;
    replica.leave().await;
    assert_eq!(letters(&bus).await.remove(0).content.reason, "the bytes are lost");
    assert_eq!(backlog(&bus).await, Backlog::default());
}

#[tokio::test]
async fn a_chain_that_cannot_be_ended_is_shown_and_ended_once_it_can_be() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=1).await;
    let is_readable = Arc::new(AtomicU64::new(0));
    let readable = is_readable.clone();
    let give_up = move |delivery: Delivery, reason: String| match readable.load(Ordering::SeqCst) {
        0 => Err(Failure::permanent("the cell cannot be read")),
        _ => Ok(Outcome::Done(vec![rejected(ordinal(&delivery.event), &reason)])),
    };
    let broken = |_| async { Err(Failure::permanent("no such column")) }.boxed();
    let replica = Replica::of(&broker, limits(), Scripted { handle: broken, give_up }).await;
    within(async { while letters(&bus).await.is_empty() {} }).await;
    let reason = letters(&bus).await.remove(0).content.reason;
    assert!(reason.contains("no such column") && reason.contains("the cell cannot be read"), "{reason}");
    is_readable.store(1, Ordering::SeqCst);
    let (ordinal, why) = results(&bus, 1).await.remove(0);
    assert!(ordinal == 1 && why.starts_with("no such column"), "{why}");
    replica.leave().await;
    assert_eq!(letters(&bus).await.len(), 1);
}

/// How often the broker handed a message out to the service.
async fn handed_out(broker: &Broker) -> u64 {
    let stream = async_nats::jetstream::new(broker.client().await).get_stream("ARIA").await.unwrap();
    let consumer: async_nats::jetstream::consumer::PullConsumer = stream.get_consumer(replica::SERVICE).await.unwrap();
    consumer.cached_info().delivered.consumer_sequence
}

#[tokio::test]
async fn a_backlog_is_worked_off_in_order_and_only_the_next_one_looks() {
    const BATCHES: u64 = 200;
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=BATCHES).await;
    let done_so_far = Arc::new(AtomicU64::new(0));
    let (all_came, looks) = (Arc::new(Notify::new()), Arc::new(AtomicU64::new(0)));
    let looked = looks.clone();
    let replica = Replica::start(&broker, limits(), move |delivery| {
        let (done_so_far, all_came) = (done_so_far.clone(), all_came.clone());
        let look = looked.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            let ahead = ordinal(&delivery.event) - 1 - done_so_far.load(Ordering::SeqCst);
            if ahead > 0 {
                if look == BATCHES {
                    all_came.notify_one();
                }
                return Ok(Outcome::Later(Wait { reason: "an earlier batch".to_owned(), ahead }));
            }
            if ordinal(&delivery.event) == 1 {
                // Until every other one waits.
                all_came.notified().await;
            }
            done_so_far.fetch_add(1, Ordering::SeqCst);
            done(&delivery)
        }
        .boxed()
    });
    let replica = replica.await;
    let ordinals: Vec<u64> = results(&bus, BATCHES as usize).await.into_iter().map(|(ordinal, _)| ordinal).collect();
    assert_eq!(ordinals, (1..=BATCHES).collect::<Vec<_>>());
    replica.leave().await;
    // Each looked when it came and when it was in front; the second one was in front for as long as the first one took.
    let looks = looks.load(Ordering::SeqCst);
    assert!(looks <= 2 * BATCHES + 50, "{looks} looks for {BATCHES} batches");
    assert_eq!(handed_out(&broker).await, BATCHES);
    assert_eq!(backlog(&bus).await, Backlog::default());
}

#[tokio::test]
async fn a_message_far_from_its_turn_leaves_its_seat_to_others_and_comes_back() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=2).await;
    let second_is_done = Arc::new(AtomicU64::new(0));
    let replica = Replica::start(&broker, Limits { concurrency: 1, ..limits() }, move |delivery| {
        let second_is_done = second_is_done.clone();
        async move {
            if ordinal(&delivery.event) == 1 && second_is_done.load(Ordering::SeqCst) == 0 {
                return Ok(Outcome::Later(Wait { reason: "many batches".to_owned(), ahead: 256 }));
            }
            second_is_done.store(1, Ordering::SeqCst);
            done(&delivery)
        }
        .boxed()
    });
    let replica = replica.await;
    assert_eq!(results(&bus, 2).await, [(2, "done".to_owned()), (1, "done".to_owned())]);
    replica.leave().await;
    // In line it would have been called, and not handed out a second time.
    assert_eq!(handed_out(&broker).await, 3);
}

#[tokio::test]
async fn what_waits_for_its_turn_is_given_back_at_once_when_the_replica_leaves() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=1).await;
    // The broker would wait for ten minutes if nobody told it.
    let limits = Limits { ack_wait: Duration::from_secs(600), ..limits() };
    let (looked, mut has_looked) = mpsc::unbounded_channel();
    let first = Replica::start(&broker, limits, move |_| {
        looked.send(()).unwrap();
        async { Ok(Outcome::later("never here")) }.boxed()
    });
    let first = first.await;
    within(has_looked.recv()).await.unwrap();
    first.leave().await;
    let second = Replica::start(&broker, limits, |delivery| async move { done(&delivery) }.boxed()).await;
    assert_eq!(results(&bus, 1).await, [(1, "done".to_owned())]);
    second.leave().await;
}

#[tokio::test]
async fn a_message_is_not_given_up_before_its_turn() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=1).await;
    let (asked, mut was_asked) = mpsc::unbounded_channel();
    let is_due = Arc::new(AtomicU64::new(0));
    let due = is_due.clone();
    let give_up = move |delivery: Delivery, reason: String| {
        asked.send(()).unwrap();
        match due.load(Ordering::SeqCst) {
            0 => Ok(Outcome::later("an earlier batch is missing")),
            _ => Ok(Outcome::Done(vec![rejected(ordinal(&delivery.event), &reason)])),
        }
    };
    let broken = |_| async { Err(Failure::permanent("no such column")) }.boxed();
    let replica = Replica::of(&broker, limits(), Scripted { handle: broken, give_up }).await;
    for _ in 0..3 {
        within(was_asked.recv()).await.unwrap();
    }
    assert!(letters(&bus).await.is_empty());
    is_due.store(1, Ordering::SeqCst);
    assert_eq!(results(&bus, 1).await, [(1, "no such column".to_owned())]);
    replica.leave().await;
    assert_eq!(letters(&bus).await[0].content.reason, "no such column");
}

#[tokio::test]
async fn failures_while_the_store_serves_nobody_count_against_no_message() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    let (store, away) = (broker.data.path().join("artifacts"), broker.data.path().join("away"));
    let (seen, mut attempts) = mpsc::unbounded_channel();
    // Two, because the store may come back between a failure and the look at the store: that one counts.
    let limits = Limits { attempts: 2, ..limits() };
    let there = store.clone();
    let replica = Replica::start(&broker, limits, move |delivery| {
        let is_there = there.is_dir();
        seen.send(delivery.attempt).unwrap();
        async move { if is_there { done(&delivery) } else { Err(Failure::transient("the store is away")) } }.boxed()
    });
    let replica = replica.await;
    // A file in the place of the folder: nothing can be written there, whoever asks.
    std::fs::rename(&store, &away).unwrap();
    std::fs::write(&store, "no folder").unwrap();
    publish(&bus, 1..=1).await;
    for _ in 0..3 {
        assert_eq!(within(attempts.recv()).await, Some(1));
    }
    std::fs::remove_file(&store).unwrap();
    std::fs::rename(&away, &store).unwrap();
    assert_eq!(results(&bus, 1).await, [(1, "done".to_owned())]);
    replica.leave().await;
    assert!(letters(&bus).await.is_empty());
}

#[tokio::test]
async fn an_empty_folder_in_the_place_of_the_store_is_an_outage_and_takes_nothing_in() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    let (store, away) = (broker.data.path().join("artifacts"), broker.data.path().join("away"));
    let edges = Edges { bus: bus.clone(), artifacts: Artifacts::open(store.to_str().unwrap()).unwrap() };
    edges.join().await.unwrap();
    let shutdown = Shutdown::new();
    let (asked, artifacts) = (shutdown.clone(), edges.artifacts.clone());
    let (seen, mut attempts) = mpsc::unbounded_channel();
    let handle = move |delivery: Delivery| {
        let (seen, artifacts) = (seen.clone(), artifacts.clone());
        async move {
            seen.send(delivery.attempt).unwrap();
            artifacts.put(Kind::Raw, &series(), Format::Csv, b"a batch".to_vec()).await?;
            artifacts.get(&broker::raw("never stored")).await?;
            done(&delivery)
        }
        .boxed()
    };
    std::fs::rename(&store, &away).unwrap();
    std::fs::create_dir(&store).unwrap();
    publish(&bus, 1..=1).await;
    let working = edges.clone();
    let task = tokio::spawn(async move { work_with(Scripted::new(handle), &working, limits(), asked).await });
    for _ in 0..3 {
        assert_eq!(within(attempts.recv()).await, Some(1));
    }
    assert!(letters(&bus).await.is_empty());
    assert_eq!(std::fs::read_dir(&store).unwrap().count(), 0);
    // With the right store back, what fails says something about the message again.
    std::fs::remove_dir(&store).unwrap();
    std::fs::rename(&away, &store).unwrap();
    let reason = results(&bus, 1).await.remove(0).1;
    assert!(reason.contains("not found"), "{reason}");
    shutdown.request();
    within(task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_store_is_joined_with_the_log_that_it_belongs_to_and_with_no_other() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    let at = |name: &str| {
        let folder = broker.data.path().join(name);
        Edges { bus: bus.clone(), artifacts: Artifacts::open(folder.to_str().unwrap()).unwrap() }
    };
    at("right").join().await.unwrap();
    at("right").join().await.unwrap();
    publish(&bus, 1..=1).await;
    assert!(matches!(at("empty").join().await, Err(EdgesError::Lost { .. })));
    assert!(matches!(at("empty").verify().await, Err(EdgesError::Lost { .. })));
    let other = Broker::start().await;
    Edges { bus: other.bus("test").await, ..at("theirs") }.join().await.unwrap();
    assert!(matches!(at("theirs").join().await, Err(EdgesError::Foreign { .. })));
    // A log that lost its own record finds its store again.
    let third = Broker::start().await;
    Edges { bus: third.bus("test").await, ..at("right") }.join().await.unwrap();
    at("right").join().await.unwrap();
}

#[tokio::test]
async fn what_a_command_left_unpublished_is_published_under_its_own_cause_before_the_message_is_handled() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=1).await;
    let calls = AtomicU64::new(0);
    let replica = Replica::start(&broker, limits(), move |delivery| {
        let is_first = calls.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if is_first {
                let events = vec![rejected(7, "asked for by hand")];
                return Ok(Outcome::First(Outbox::unsettled(BY_HAND, events)));
            }
            done(&delivery)
        }
        .boxed()
    });
    let replica = replica.await;
    let filter = Filter::all().facts(["batch.rejected"]);
    let mut events = bus.events(&filter, Start::First).await.unwrap();
    let (first, second) = (next(&mut events).await, next(&mut events).await);
    replica.leave().await;
    assert_eq!((first.cause.as_str(), first.event), (BY_HAND, rejected(7, "asked for by hand")));
    assert_eq!(second.event, rejected(1, "done"));
}

#[tokio::test]
async fn two_replicas_share_the_messages() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=6).await;
    let limits = Limits { concurrency: 1, ..limits() };
    // Nobody gets past this alone: a replica that kept messages from the other would wait for ever.
    let both = Arc::new(Barrier::new(2));
    let (seen, mut shares) = mpsc::unbounded_channel();
    let script = |replica: u8| {
        let (both, seen) = (both.clone(), seen.clone());
        move |delivery: Delivery| {
            let (both, seen) = (both.clone(), seen.clone());
            async move {
                both.wait().await;
                seen.send(replica).unwrap();
                done(&delivery)
            }
            .boxed()
        }
    };
    let first = Replica::start(&broker, limits, script(1)).await;
    let second = Replica::start(&broker, limits, script(2)).await;
    assert_eq!(results(&bus, 6).await.len(), 6);
    first.leave().await;
    second.leave().await;
    let mut all = Vec::new();
    shares.recv_many(&mut all, 100).await;
    assert_eq!(all.iter().filter(|replica| **replica == 1).count(), 3);
}

#[tokio::test]
async fn one_replica_handles_as_many_at_once_as_it_has_hands() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=8).await;
    let all_hands = Arc::new(Barrier::new(4));
    let replica = Replica::start(&broker, limits(), move |delivery| {
        let all_hands = all_hands.clone();
        async move {
            all_hands.wait().await;
            done(&delivery)
        }
        .boxed()
    });
    let replica = replica.await;
    let ordinals: BTreeSet<u64> = results(&bus, 8).await.into_iter().map(|(ordinal, _)| ordinal).collect();
    assert_eq!(ordinals, (1..=8).collect());
    replica.leave().await;
}

#[tokio::test]
async fn a_handler_that_panics_sends_the_message_to_the_dead_letters_and_works_on() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=2).await;
    let replica = Replica::start(&broker, limits(), |delivery| {
        async move {
            assert_ne!(ordinal(&delivery.event), 1, "one is not a number");
            done(&delivery)
        }
        .boxed()
    });
    let replica = replica.await;
    let results = results(&bus, 2).await;
    assert!(results.contains(&(2, "done".to_owned())), "{results:?}");
    replica.leave().await;
    let reason = letters(&bus).await.remove(0).content.reason;
    assert!(reason.starts_with("panicked:") && reason.contains("one is not a number"), "{reason}");
}

#[tokio::test]
async fn signs_of_life_keep_long_work_from_being_handed_out_twice() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=1).await;
    let limits = Limits { ack_wait: Duration::from_secs(1), ..limits() };
    let calls = Arc::new(AtomicU64::new(0));
    let script = |calls: Arc<AtomicU64>| {
        move |delivery: Delivery| {
            calls.fetch_add(1, Ordering::SeqCst);
            async move {
                // The work itself takes this long.
                tokio::time::sleep(Duration::from_millis(3_500)).await;
                done(&delivery)
            }
            .boxed()
        }
    };
    let first = Replica::start(&broker, limits, script(calls.clone())).await;
    let second = Replica::start(&broker, limits, script(calls.clone())).await;
    assert_eq!(results(&bus, 1).await, [(1, "done".to_owned())]);
    first.leave().await;
    second.leave().await;
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_handler_that_hangs_is_stopped_and_tried_again() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=1).await;
    let limits = Limits { handling: Duration::from_millis(200), ..limits() };
    let replica = Replica::start(&broker, limits, |delivery| {
        async move { if delivery.attempt == 1 { std::future::pending().await } else { done(&delivery) } }.boxed()
    });
    let replica = replica.await;
    assert_eq!(results(&bus, 1).await, [(1, "done".to_owned())]);
    replica.leave().await;
}

#[tokio::test]
async fn a_replica_that_is_asked_to_leave_finishes_what_it_has_in_hand() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=1).await;
    let (started, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (started.clone(), go_on.clone());
    let replica = Replica::start(&broker, Limits { concurrency: 1, ..limits() }, move |delivery| {
        let (tell, wait) = (tell.clone(), wait.clone());
        async move {
            tell.notify_one();
            wait.notified().await;
            done(&delivery)
        }
        .boxed()
    });
    let replica = replica.await;
    within(started.notified()).await;
    replica.shutdown.request();
    publish(&bus, 2..=2).await;
    go_on.notify_one();
    replica.leave().await;
    assert_eq!(results_now(&bus).await, [(1, "done".to_owned())]);
    assert_eq!(backlog(&bus).await, Backlog { pending: 1, ..Backlog::default() });
}

#[tokio::test]
async fn what_is_not_finished_in_time_is_given_back_at_once() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=1).await;
    // The broker would wait for ten minutes if nobody told it.
    let limits = Limits { ack_wait: Duration::from_secs(600), drain: Duration::from_millis(100), ..limits() };
    let started = Arc::new(Notify::new());
    let tell = started.clone();
    let first = Replica::start(&broker, limits, move |_| {
        tell.notify_one();
        std::future::pending().boxed()
    });
    let first = first.await;
    within(started.notified()).await;
    first.leave().await;
    let second = Replica::start(&broker, limits, |delivery| async move { done(&delivery) }.boxed()).await;
    assert_eq!(results(&bus, 1).await, [(1, "done".to_owned())]);
    second.leave().await;
}

#[tokio::test]
async fn a_message_that_cannot_be_read_goes_to_the_dead_letters_at_once() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    let jetstream = async_nats::jetstream::new(broker.client().await);
    jetstream.publish("aria.v1.batch.received.it.ci_direct", "rubbish".into()).await.unwrap().await.unwrap();
    publish(&bus, 1..=1).await;
    let replica = Replica::start(&broker, Limits { concurrency: 1, ..limits() }, |d| async move { done(&d) }.boxed());
    let replica = replica.await;
    assert_eq!(results(&bus, 1).await, [(1, "done".to_owned())]);
    replica.leave().await;
    let letter = letters(&bus).await.remove(0).content;
    assert_eq!((letter.body.as_slice(), letter.reason.as_str()), (b"rubbish".as_slice(), "header `ce-id` is missing"));
}

#[tokio::test]
async fn a_dead_letter_handed_in_again_reaches_its_service_with_its_id() {
    let broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=1).await;
    let first = Replica::start(&broker, limits(), |_| async { Err(Failure::permanent("a bug")) }.boxed()).await;
    results(&bus, 1).await;
    first.leave().await;
    let letter = letters(&bus).await.remove(0);
    bus.replay(&letter).await.unwrap();
    assert!(bus.replay(&letter).await.unwrap().duplicate);
    let (seen, mut deliveries) = mpsc::unbounded_channel();
    let second = Replica::start(&broker, limits(), move |delivery| {
        seen.send(delivery.clone()).unwrap();
        async move { done(&delivery) }.boxed()
    });
    let second = second.await;
    let delivery = within(deliveries.recv()).await.unwrap();
    assert_eq!((delivery.event.clone(), delivery.attempt), (received(1), 1));
    assert_eq!(delivery.id, aria_io::contracts::event_id("upload", &received(1)).to_string());
    assert_eq!(results(&bus, 2).await[1], (1, "done".to_owned()));
    second.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_killed_in_the_middle_loses_nothing_and_doubles_nothing() {
    let mut broker = Broker::start().await;
    let bus = broker.bus("test").await;
    publish(&bus, 1..=40).await;
    let limits = Limits { ack_wait: Duration::from_secs(2), ..limits() };
    let (seen, mut progress) = mpsc::unbounded_channel();
    let replica = Replica::start(&broker, limits, move |delivery| {
        let _ = seen.send(());
        async move { done(&delivery) }.boxed()
    });
    let replica = replica.await;
    for _ in 0..10 {
        within(progress.recv()).await.unwrap();
    }
    broker.kill().await;
    broker.start_again().await;
    publish(&bus, 41..=60).await;
    let mut ordinals: Vec<u64> = results(&bus, 60).await.into_iter().map(|(ordinal, _)| ordinal).collect();
    replica.leave().await;
    ordinals.sort_unstable();
    assert_eq!(ordinals, (1..=60).collect::<Vec<_>>());
    assert_eq!(results_now(&bus).await.len(), 60);
    assert_eq!(backlog(&bus).await.pending, 0);
}

#[tokio::test]
async fn a_replica_waits_for_a_broker_that_is_not_set_up_yet() {
    let data = tempfile::tempdir().unwrap();
    let server = aria_io::nats_server::Server::start(data.path(), &broker::tools()).await.unwrap();
    let bus = Bus::connect(&aria_io::bus::BusConfig::new(server.url(), "test")).await.unwrap();
    let artifacts = Artifacts::open(data.path().join("artifacts").to_str().unwrap()).unwrap();
    let edges = Edges { bus: bus.clone(), artifacts };
    let shutdown = Shutdown::new();
    let asked = shutdown.clone();
    let script = Scripted::new(|delivery: Delivery| async move { done(&delivery) }.boxed());
    let task = tokio::spawn(async move { work_with(script, &edges, limits(), asked).await });
    bus.ensure().await.unwrap();
    publish(&bus, 1..=1).await;
    assert_eq!(results(&bus, 1).await.len(), 1);
    shutdown.request();
    within(task).await.unwrap().unwrap();
}

async fn get(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_service_tells_whether_it_is_ready_and_what_it_counted() {
    let mut broker = Broker::start().await;
    let bus = broker.bus("test").await;
    let metrics = telemetry::init(&Logging::default()).unwrap();
    let shutdown = Shutdown::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = http::routes(bus.clone(), metrics, shutdown.clone());
    let server = tokio::spawn(http::serve(listener, routes, shutdown.clone(), Duration::from_secs(5)));
    publish(&bus, 1..=1).await;
    let replica = Replica::start(&broker, limits(), |delivery| async move { done(&delivery) }.boxed()).await;
    results(&bus, 1).await;
    replica.leave().await;
    assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
    assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200"));
    let counted = get(address, "/metrics").await;
    let expected = r#"aria_deliveries_total{service="ingestion",outcome="done"}"#;
    assert!(counted.contains(expected) && counted.contains("aria_delivery_seconds_bucket"), "{counted}");
    broker.kill().await;
    within(async { while !get(address, "/readyz").await.starts_with("HTTP/1.1 503") {} }).await;
    assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200"));
    shutdown.request();
    within(server).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_request_that_does_not_end_does_not_keep_a_process_from_leaving() {
    let shutdown = Shutdown::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let reached = Arc::new(Notify::new());
    let handler = {
        let reached = reached.clone();
        move || async move {
            reached.notify_one();
            std::future::pending::<String>().await
        }
    };
    let routes = axum::Router::new().route("/for-ever", axum::routing::get(handler));
    let server = tokio::spawn(http::serve(listener, routes, shutdown.clone(), Duration::from_millis(50)));
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET /for-ever HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    within(reached.notified()).await;
    shutdown.request();
    within(server).await.unwrap().unwrap();
}
