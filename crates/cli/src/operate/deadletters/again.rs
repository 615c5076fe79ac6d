//! Hands dead letters in again.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use aria_core::again::{Again, Standing, again};
use aria_core::ending::Endings;
use aria_core::event::{BatchReceived, Event, Fact};
use aria_core::head::Head;
use aria_core::monitor::State;
use aria_core::registry::Registry;
use aria_core::series::SeriesId;
use aria_io::bus::{Filter, Letter, Start};
use aria_io::runtime::{Edges, chain};
use aria_io::stores::Held;
use serde_json::{Value, json};

use crate::operate::print_json;
use crate::room::Room;

/// Where a dead letter went when it was handed in again.
struct HandedIn {
    /// In words.
    told: String,
    /// The batch that its bytes became, where they did.
    batch: Option<u64>,
    /// The message's place in the log, where it is known.
    sequence: Option<u64>,
}

/// Hands dead letters in, with what the log says of their series, which is read once.
struct Clerk<'a> {
    edges: &'a Edges,
    room: Room,
    series: BTreeMap<SeriesId, Batches>,
}

/// What the log says of a series' batches.
#[derive(Default)]
struct Batches {
    rejected: BTreeSet<u64>,
    /// The batches that dead letters became, by the source that names these.
    handed_in: BTreeMap<String, Event>,
}

/// Hands one in and says where it went.
///
/// # Errors
/// Where nothing would come of it, or the broker does not confirm it.
pub async fn one(edges: &Edges, room: Room, letter: &Letter, json: bool) -> anyhow::Result<()> {
    let handed_in = Clerk::at(edges, room).hand_in(letter).await?;
    if json {
        return print_json(&to_json(letter, &handed_in));
    }
    say!("dead letter {} {}", letter.sequence, handed_in.told);
    Ok(())
}

/// Hands several in, in their order. One that cannot be is told and keeps none of the others.
///
/// # Errors
/// Where one was not handed in, once all have been tried.
pub async fn all(edges: &Edges, room: Room, letters: &[Letter], json: bool) -> anyhow::Result<()> {
    let mut clerk = Clerk::at(edges, room);
    let (mut handed_in, mut left) = (Vec::new(), 0);
    for letter in letters {
        match clerk.hand_in(letter).await {
            Ok(where_to) => {
                handed_in.push(to_json(letter, &where_to));
                if !json {
                    mention!("dead letter {} {}", letter.sequence, where_to.told);
                }
            }
            Err(error) => {
                left += 1;
                note!("{}", chain(error.as_ref()));
            }
        }
    }
    if json {
        print_json(&handed_in)?;
    } else {
        say!("{} dead letters handed in again", handed_in.len());
    }
    if left > 0 {
        bail!("{left} of {} dead letters were not handed in", letters.len());
    }
    Ok(())
}

impl<'a> Clerk<'a> {
    fn at(edges: &'a Edges, room: Room) -> Self {
        Self { edges, room, series: BTreeMap::new() }
    }

    async fn hand_in(&mut self, letter: &Letter) -> anyhow::Result<HandedIn> {
        let (number, service) = (letter.sequence, &letter.content.service);
        let handed_in = match self.decide(letter).await? {
            Again::OfNoUse(reason) => bail!(
                "{service} would pass over dead letter {number}: {reason}; `aria deadletters drop {number}` takes it \
                 off the list"
            ),
            Again::AsBatch(received) => self.as_batch(letter, &received).await?,
            Again::HandIn => {
                let sequence = self.edges.bus.replay(letter).await?.sequence;
                let told = format!("handed to {service} again, at place {sequence}");
                HandedIn { told, batch: None, sequence: Some(sequence) }
            }
        };
        // Off the list: what fails again becomes a dead letter of its own.
        self.edges.bus.drop_letter(letter, &handed_in.told).await?;
        Ok(handed_in)
    }

    async fn decide(&mut self, letter: &Letter) -> anyhow::Result<Again> {
        // What is no event is the service's to refuse again.
        let Ok(event) = letter.event() else { return Ok(Again::HandIn) };
        let was_rejected = match &event.fact {
            Fact::BatchReceived(received) => self.batches(&event.series).await?.rejected.contains(&received.ordinal),
            _ => false,
        };
        let (stores, series) = (self.edges.stores(), &event.series);
        let head: Held<Head> = stores.heads.load(series).await?;
        let monitor: Held<State> = stores.monitors.load(series).await?;
        let endings: Held<Endings> = stores.endings.load(series).await?;
        let registry: Held<Registry> = stores.registry.load(series).await?;
        let standing = Standing {
            was_rejected,
            head: &head.document,
            monitor: &monitor.document,
            endings: &endings.document,
            registry: &registry.document,
        };
        Ok(again(&letter.content.service, &event, &standing))
    }

    /// Hands the bytes of a rejected batch in as a further one; not a second time where the command was cut off before.
    async fn as_batch(&mut self, letter: &Letter, rejected: &BatchReceived) -> anyhow::Result<HandedIn> {
        let (series, source) = (&rejected.raw.series, format!("dead letter {}", letter.sequence));
        let before = self.batches(series).await?.handed_in.get(&source).cloned();
        let event = match before {
            Some(event) => event,
            None => {
                self.room.wait(self.edges, series).await?;
                let head: Held<Head> = self.edges.stores().heads.load(series).await?;
                let (as_of, floor) = (letter.event()?.as_of, head.document.ordinal);
                self.edges.bus.receive(series, &rejected.raw, as_of, &source, floor).await?.0
            }
        };
        let Fact::BatchReceived(received) = &event.fact else { bail!("`{}` is no batch", event.fact.name()) };
        let told =
            format!("handed in again as batch {}, for batch {} was rejected", received.ordinal, rejected.ordinal);
        Ok(HandedIn { told, batch: Some(received.ordinal), sequence: None })
    }

    async fn batches(&mut self, series: &SeriesId) -> anyhow::Result<&Batches> {
        if !self.series.contains_key(series) {
            let found = Batches::of(self.edges, series).await?;
            self.series.insert(series.clone(), found);
        }
        Ok(self.series.entry(series.clone()).or_default())
    }
}

impl Batches {
    async fn of(edges: &Edges, series: &SeriesId) -> anyhow::Result<Self> {
        let filter = Filter::all().facts(["batch.received", "batch.rejected"]).series(series);
        let mut events = edges.bus.recorded_events(&filter, Start::First).await?;
        let mut batches = Self::default();
        while let Some(recorded) = events.next_readable().await {
            let event = recorded?.event;
            match &event.fact {
                Fact::BatchRejected(rejected) => {
                    batches.rejected.insert(rejected.ordinal);
                }
                Fact::BatchReceived(received) if received.source.starts_with("dead letter ") => {
                    batches.handed_in.entry(received.source.clone()).or_insert(event);
                }
                _ => {}
            }
        }
        Ok(batches)
    }
}

fn to_json(letter: &Letter, handed_in: &HandedIn) -> Value {
    let HandedIn { sequence, batch, .. } = handed_in;
    json!({"dead_letter": letter.sequence, "sequence": sequence, "batch": batch})
}
