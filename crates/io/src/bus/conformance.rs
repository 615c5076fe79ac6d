//! What any broker must uphold, to be run over each one that Aria is used with: a real server, and the one in memory
//! that simulations rely on.
//!
//! Part of the crate, not of its tests, so that both can be reached. It wants a broker that is set up and empty.

use std::collections::BTreeSet;
use std::time::Duration;

use aria_core::artifact::{Format, Kind, Ref};
use aria_core::event::{BatchReceived, BatchRejected, Event, Fact};
use aria_core::series::SeriesId;
use aria_core::time::Timestamp;
use futures::future::try_join_all;
use futures::stream::TryStreamExt;

use super::{Bus, BusError, Filter, HEADS, Handed, MONITORS, Queue, Start};
use crate::runtime::{Limits, bind};

const SERVICE: &str = "ingestion";
const FACT: &str = "batch.received";
/// Longer than the waiting time below by much.
const PATIENCE: Duration = Duration::from_secs(20);
const ACK_WAIT: Duration = Duration::from_secs(1);

/// A broker as the suite uses it.
pub trait Bench: Sync {
    /// Another connection.
    fn bus(&self) -> impl Future<Output = Bus> + Send;

    /// Lets the time run out that a service has for a message in hand: one second where there is a clock, which the
    /// suite then waits for.
    fn time_runs_out(&self, service: &str, sequence: u64);
}

/// A rule that a broker broke.
#[derive(Debug, thiserror::Error)]
pub enum Breach {
    /// It did something else than it must.
    #[error("the broker breaks the rule: {rule}")]
    Rule {
        /// What must hold.
        rule: &'static str,
    },
    /// It failed on the way.
    #[error("the broker failed on the way")]
    Bus(#[from] BusError),
    /// Its client did.
    #[error("the broker's client failed on the way")]
    Client(#[from] async_nats::Error),
    /// A name of the suite's own is none.
    #[error(transparent)]
    Name(#[from] aria_core::series::ParseSeriesError),
}

/// Runs every rule.
///
/// # Errors
/// With the first rule that does not hold.
pub async fn uphold(bench: &impl Bench) -> Result<(), Breach> {
    the_same_event_of_the_same_cause_is_stored_once(bench).await?;
    a_reader_finds_events_in_order_as_they_were_published(bench).await?;
    receivers_at_once_leave_no_gap_in_the_ordinals(bench).await?;
    the_newest_batch_handed_in_again_is_no_further_batch(bench).await?;
    a_cell_moves_only_from_the_revision_that_is_expected(bench).await?;
    a_bucket_names_what_was_written_in_it(bench).await?;
    messages_taken_up_are_counted_until_one_is_put_down(bench).await?;
    the_first_mark_stands(bench).await?;
    a_message_buried_twice_is_one_dead_letter(bench).await?;
    a_consumer_hands_out_its_facts_and_what_is_acknowledged_never_again(bench).await?;
    what_is_not_acknowledged_in_time_or_given_back_comes_again(bench).await?;
    replicas_share_a_consumer_and_services_do_not(bench).await?;
    a_dead_letter_is_replayed_to_its_service_alone(bench).await
}

fn rule(holds: bool, rule: &'static str) -> Result<(), Breach> {
    if holds { Ok(()) } else { Err(Breach::Rule { rule }) }
}

fn series(name: &str) -> Result<SeriesId, Breach> {
    Ok(format!("conformance.{name}").parse()?)
}

fn raw(series: &SeriesId, text: &str) -> Ref {
    Ref::of(Kind::Raw, series, Format::Csv, text.as_bytes())
}

fn received(series: &SeriesId, ordinal: u64) -> Event {
    let raw = raw(series, &format!("batch {ordinal}"));
    let fact = Fact::BatchReceived(BatchReceived { ordinal, raw, source: "conformance".to_owned() });
    Event { series: series.clone(), as_of: Timestamp::EPOCH, fact }
}

fn rejected(series: &SeriesId, ordinal: u64) -> Event {
    let raw = raw(series, &format!("batch {ordinal}"));
    let fact = BatchRejected { ordinal, raw, reason: "conformance".to_owned(), quarantine: None };
    Event { series: series.clone(), as_of: Timestamp::EPOCH, fact: Fact::BatchRejected(fact) }
}

async fn recorded(bus: &Bus, series: &SeriesId) -> Result<Vec<Event>, Breach> {
    let events = bus.recorded_events(&Filter::all().series(series), Start::First).await?;
    Ok(events.map_ok(|recorded| recorded.event).try_collect().await?)
}

async fn queue(bus: &Bus, service: &str, facts: &[&str]) -> Result<Queue, Breach> {
    Ok(bind(bus, service, facts, &Limits { ack_wait: ACK_WAIT, ..Limits::default() }).await?)
}

async fn next(queue: &Queue, wanted: &'static str) -> Result<Handed, Breach> {
    queue.next(PATIENCE).await?.ok_or(Breach::Rule { rule: wanted })
}

async fn the_same_event_of_the_same_cause_is_stored_once(bench: &impl Bench) -> Result<(), Breach> {
    let (bus, other, series) = (bench.bus().await, bench.bus().await, series("once")?);
    let first = bus.publish("cause", &received(&series, 1)).await?;
    let again = other.publish("cause", &received(&series, 1)).await?;
    rule(!first.duplicate && again.duplicate, "the second publication is told to be one")?;
    rule(first.sequence == again.sequence, "both name the same place")?;
    let elsewhere = bus.publish("another cause", &received(&series, 1)).await?;
    rule(!elsewhere.duplicate, "the same content of another cause is another event")?;
    rule(recorded(&bus, &series).await?.len() == 2, "the log holds each event once")
}

async fn a_reader_finds_events_in_order_as_they_were_published(bench: &impl Bench) -> Result<(), Breach> {
    let (bus, series) = (bench.bus().await, series("order")?);
    let mut places = Vec::new();
    for ordinal in 1..=5 {
        places.push(bus.publish("upload", &received(&series, ordinal)).await?.sequence);
    }
    let wanted: Vec<Event> = (1..=5).map(|ordinal| received(&series, ordinal)).collect();
    rule(recorded(&bench.bus().await, &series).await? == wanted, "events are read in the order of publication")?;
    rule(places.is_sorted() && bus.last_sequence().await? == places[4], "the last place is the newest event's")?;
    let newest = bus.newest_event(FACT, &series).await?;
    rule(newest.as_ref().is_some_and(|found| found.event == wanted[4]), "the newest event is found")?;
    rule(newest.is_some_and(|found| found.cause == "upload"), "an event names its cause")?;
    let filter = Filter::all().series(&series);
    let mut live = bus.events(&filter, Start::Next).await?;
    bus.publish("upload", &received(&series, 6)).await?;
    let found = live.next_readable().await.transpose()?;
    rule(found.is_some_and(|found| found.event == received(&series, 6)), "a reader sees what comes, and only that")
}

async fn receivers_at_once_leave_no_gap_in_the_ordinals(bench: &impl Bench) -> Result<(), Breach> {
    let series = series("ordinals")?;
    let receive = async |place: usize| {
        // Half of them hand in the same bytes.
        let raw = raw(&series, &format!("bytes {}", place % 4));
        let (event, _) = bench.bus().await.receive(&series, &raw, Timestamp::EPOCH, "conformance", 0).await?;
        Ok::<_, Breach>(event)
    };
    let events = try_join_all((0..8).map(receive)).await?;
    let ordinals: BTreeSet<u64> = events.iter().filter_map(|event| event.fact.received_ordinal()).collect();
    rule(ordinals.into_iter().eq(1..=8), "eight receivers at once take the ordinals 1 to 8")
}

async fn the_newest_batch_handed_in_again_is_no_further_batch(bench: &impl Bench) -> Result<(), Breach> {
    let (bus, series) = (bench.bus().await, series("again")?);
    let raw = raw(&series, "bytes");
    let origin = (Timestamp::EPOCH, "conformance");
    let first = bus.receive_once(&series, &raw, origin, 0, None).await?;
    let again = bench.bus().await.receive_once(&series, &raw, origin, 0, None).await?;
    rule(!first.duplicate && again.duplicate && first.id == again.id, "a client's repetition is the same batch")?;
    let further = bus.receive_once(&series, &raw, origin, 0, Some(1)).await?;
    rule(further.event.fact.received_ordinal() == Some(2), "a rejected batch handed in again is a further one")
}

async fn a_cell_moves_only_from_the_revision_that_is_expected(bench: &impl Bench) -> Result<(), Breach> {
    let (cells, others, series) = (bench.bus().await.cells(HEADS), bench.bus().await.cells(HEADS), series("cell")?);
    let conflict = |moved: Result<u64, BusError>| matches!(moved, Err(BusError::Conflict { .. }));
    rule(cells.read(&series).await?.is_none(), "a cell that was never written is empty")?;
    let first = cells.swap(&series, None, b"one".to_vec()).await?;
    rule(conflict(others.swap(&series, None, b"two".to_vec()).await), "a cell that exists is not made again")?;
    let second = others.swap(&series, Some(first), b"two".to_vec()).await?;
    rule(conflict(cells.swap(&series, Some(first), b"three".to_vec()).await), "a cell that moved on is a conflict")?;
    let found = cells.read(&series).await?;
    let is_second = |cell: &super::Cell| cell.value == b"two".as_slice() && cell.revision == second;
    rule(found.as_ref().is_some_and(is_second), "a cell holds what was written last, with its revision")
}

async fn a_bucket_names_what_was_written_in_it(bench: &impl Bench) -> Result<(), Breach> {
    let (bus, one, two) = (bench.bus().await, series("one")?, series("two")?);
    bus.cells(MONITORS).swap(&two, None, b"2".to_vec()).await?;
    bus.cells(MONITORS).swap(&one, None, b"1".to_vec()).await?;
    rule(bus.cells(MONITORS).names().await? == [one, two], "a bucket names its cells in order, and no other bucket's")
}

async fn messages_taken_up_are_counted_until_one_is_put_down(bench: &impl Bench) -> Result<(), Breach> {
    let (bus, other) = (bench.bus().await, bench.bus().await);
    let counts = [bus.take_up(SERVICE, 7).await?, other.take_up(SERVICE, 7).await?, bus.take_up(SERVICE, 8).await?];
    rule(counts == [1, 2, 1], "a message is counted each time that it is taken up")?;
    bus.put_down(SERVICE, 7).await?;
    rule(other.take_up(SERVICE, 7).await? == 1, "a message that was put down is counted anew")
}

async fn the_first_mark_stands(bench: &impl Bench) -> Result<(), Breach> {
    let (bus, other) = (bench.bus().await, bench.bus().await);
    rule(bus.mark().await?.is_none(), "an empty broker has no mark")?;
    let given = [bus.give_mark("first").await?, other.give_mark("second").await?];
    rule(given == ["first", "first"], "the first mark stands")
}

async fn a_message_buried_twice_is_one_dead_letter(bench: &impl Bench) -> Result<(), Breach> {
    let (bus, series) = (bench.bus().await, series("buried")?);
    bus.publish("upload", &received(&series, 1)).await?;
    let queue = queue(&bus, SERVICE, &[FACT]).await?;
    // Whatever earlier rules left in the log comes first.
    let handed = loop {
        let handed = next(&queue, "a consumer hands out what was published before it was made").await?;
        if handed.subject.ends_with(series.as_str()) {
            break handed;
        }
        handed.done().await?;
    };
    let first = bus.bury(&handed.letter(SERVICE, "conformance")).await?;
    let again = bench.bus().await.bury(&handed.letter(SERVICE, "conformance")).await?;
    rule(!first.duplicate && again.duplicate, "a dead letter is kept once")?;
    handed.buried().await?;
    let letters: Vec<_> = bus.dead_letters(Some(SERVICE), Start::First).await?.try_collect().await?;
    rule(letters.len() == 1 && letters[0].content.subject == handed.subject, "it is read as it was kept")?;
    rule(bus.backlog(SERVICE).await? == Some(super::Backlog::default()), "a buried message is in nobody's hand")
}

async fn a_consumer_hands_out_its_facts_and_what_is_acknowledged_never_again(bench: &impl Bench) -> Result<(), Breach> {
    let (bus, series) = (bench.bus().await, series("consumer")?);
    let queue = queue(&bus, SERVICE, &[FACT]).await?;
    for ordinal in 1..=3 {
        bus.publish("upload", &rejected(&series, ordinal)).await?;
        bus.publish("upload", &received(&series, ordinal)).await?;
    }
    let mut handed_out = Vec::new();
    for _ in 0..3 {
        let handed = next(&queue, "a consumer hands out every message of its facts").await?;
        rule(handed.delivered == 1, "a message is handed out for the first time once")?;
        rule(handed.subject.contains(FACT), "a consumer hands out no other fact")?;
        handed.done().await?;
        handed_out.push(handed.sequence);
    }
    rule(handed_out.is_sorted(), "messages are handed out in the order of the log")?;
    let backlog = bus.backlog(SERVICE).await?;
    rule(backlog == Some(super::Backlog::default()), "what is acknowledged is neither pending nor in hand")
}

async fn what_is_not_acknowledged_in_time_or_given_back_comes_again(bench: &impl Bench) -> Result<(), Breach> {
    let (bus, series) = (bench.bus().await, series("redelivery")?);
    let queue = queue(&bus, SERVICE, &[FACT]).await?;
    let place = bus.publish("upload", &received(&series, 1)).await?.sequence;
    let slow = next(&queue, "a message is handed out").await?;
    bench.time_runs_out(SERVICE, place);
    let again = next(&queue, "a message that is not acknowledged in time is handed out again").await?;
    rule((again.sequence, again.delivered) == (place, 2), "it is the same message, and counted")?;
    again.back_after(None).await?;
    let third = next(&queue, "a message that is given back is handed out again").await?;
    rule((third.sequence, third.delivered) == (place, 3), "it is the same message, and counted again")?;
    let backlog = bus.backlog(SERVICE).await?;
    rule(backlog.is_some_and(|b| (b.in_hand, b.redelivered) == (1, 1)), "it is in hand, and was before")?;
    // Whoever was thought dead wakes up and acknowledges: that counts.
    slow.done().await?;
    rule(bus.backlog(SERVICE).await? == Some(super::Backlog::default()), "a late acknowledgement counts")
}

async fn replicas_share_a_consumer_and_services_do_not(bench: &impl Bench) -> Result<(), Breach> {
    let (bus, other, series) = (bench.bus().await, bench.bus().await, series("replicas")?);
    let (one, two) = (queue(&bus, SERVICE, &[FACT]).await?, queue(&other, SERVICE, &[FACT]).await?);
    let places =
        [bus.publish("upload", &received(&series, 1)).await?, bus.publish("upload", &received(&series, 2)).await?];
    let places = places.map(|published| published.sequence);
    let handed = [next(&one, "a replica gets a message").await?, next(&two, "the other gets the other").await?];
    rule(handed.each_ref().map(|handed| handed.sequence) == places, "no message is in two replicas' hands")?;
    for handed in handed {
        handed.done().await?;
    }
    let drift = queue(&other, "drift", &[FACT]).await?;
    let mut found = BTreeSet::new();
    while !places.iter().all(|place| found.contains(place)) {
        let handed = next(&drift, "another service gets every message itself").await?;
        handed.done().await?;
        found.insert(handed.sequence);
    }
    Ok(())
}

async fn a_dead_letter_is_replayed_to_its_service_alone(bench: &impl Bench) -> Result<(), Breach> {
    let bus = bench.bus().await;
    let (queue, drift) = (queue(&bus, SERVICE, &[FACT]).await?, queue(&bus, "drift", &[FACT]).await?);
    let letters: Vec<_> = bus.dead_letters(Some(SERVICE), Start::First).await?.try_collect().await?;
    let Some(letter) = letters.first() else { return Err(Breach::Rule { rule: "a dead letter stays" }) };
    let replayed = [bus.replay(letter).await?, bench.bus().await.replay(letter).await?];
    rule(replayed.map(|published| published.duplicate) == [false, true], "a letter is handed in again once")?;
    let handed = next(&queue, "a replayed letter reaches its service").await?;
    rule(handed.payload == letter.content.body, "with the message's own body")?;
    handed.done().await?;
    let after = bus.publish("upload", &received(&series("after")?, 1)).await?.sequence;
    rule(
        next(&drift, "the other service gets what comes").await?.sequence == after,
        "a replay reaches no other service",
    )?;
    bus.drop_letter(letter, "seen").await?;
    let left: Vec<_> = bus.dead_letters(None, Start::First).await?.try_collect().await?;
    rule(left.is_empty(), "a dropped letter is read no more")
}
