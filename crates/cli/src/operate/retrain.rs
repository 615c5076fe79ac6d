//! `aria retrain`: a new model asked for by a person.

use std::time::Duration;

use anyhow::{Context, bail};
use aria_core::event::{Event, Fact};
use aria_core::head::Head;
use aria_core::monitor::{self, RefusedByHand, State};
use aria_core::series::SeriesId;
use aria_io::bus::Filter;
use aria_io::runtime::Edges;
use aria_io::stores::Held;
use clap::Args;
use serde_json::json;

use super::{TRIES, is_conflict, must_be_known, print_json, recorded};
use crate::platform::Place;

/// What a request by hand names as its cause; [`monitor::ask_by_hand`] writes it into the outbox.
const BY_HAND: &str = "by-hand";
/// The services settle their facts within milliseconds of a change.
const PAUSE: Duration = Duration::from_millis(250);

/// Asks for a new model, trained on everything the series has.
#[derive(Args, Debug)]
pub struct Retrain {
    #[command(flatten)]
    place: Place,
    /// The series.
    series: SeriesId,
    /// Why, for the record.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Retrain {
    /// Runs the command.
    ///
    /// # Errors
    /// Where a retraining is in flight, or there is nothing new to train on.
    pub async fn run(self) -> anyhow::Result<()> {
        let edges = self.place.connect().await?;
        must_be_known(&edges, &self.series).await?;
        if finish(&edges, &self.series).await? {
            say!("a request that was cut off before it was published is published now");
        }
        let event = self.ask(&edges).await?;
        finish(&edges, &self.series).await?;
        let Fact::RetrainingRequested(asked) = &event.fact else { bail!("`{}` asks for nothing", event.fact.name()) };
        if self.json {
            return print_json(
                &json!({"retraining": asked.id, "series": self.series, "snapshot": asked.snapshot.key()}),
            );
        }
        say!("retraining {} asked for; `aria models {}` tells what becomes of it", asked.id.0, self.series);
        Ok(())
    }

    /// Moves the monitor; anew where a service moved it first.
    async fn ask(&self, edges: &Edges) -> anyhow::Result<Event> {
        let stores = edges.stores();
        let mut why = String::new();
        for _ in 0..TRIES {
            let head: Held<Head> = stores.heads.load(&self.series).await?;
            let held: Held<State> = stores.monitors.load(&self.series).await?;
            let snapshot = head.document.snapshot.as_ref().context(RefusedByHand::NoData)?;
            let state = &held.document;
            if let Some(busy) = busy(&head.document, state) {
                why = busy;
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let (next, event) = match monitor::ask_by_hand(state, &self.series, snapshot, &self.reason) {
                Err(error @ RefusedByHand::Busy(_)) => {
                    why = error.to_string();
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                asked => asked?,
            };
            refuse_repetition(edges, &event).await?;
            match stores.monitors.store(&self.series, held.revision, &next).await {
                Ok(_) => return Ok(event),
                Err(error) if is_conflict(&error) => why = error.to_string(),
                Err(error) => return Err(error.into()),
            }
        }
        bail!("batches keep coming ({why}): try again in a moment")
    }
}

/// What has to be waited for before the series and its monitor say the same.
fn busy(head: &Head, state: &State) -> Option<String> {
    if state.outbox.as_ref().is_some_and(|o| !o.settled) {
        return Some("the facts of the monitor's newest change are not known to be published".to_owned());
    }
    (head.sequence > state.sequence && state.phase == monitor::Phase::Idle)
        .then(|| format!("accepted batch {} has not been checked", state.sequence + 1))
}

/// A request has its id from its data and the request before it, so a third one on the same data would be taken for the
/// second and never end.
async fn refuse_repetition(edges: &Edges, event: &Event) -> anyhow::Result<()> {
    let Fact::RetrainingRequested(asked) = &event.fact else { return Ok(()) };
    let filter = Filter::all().facts(["retraining.requested"]).series(&event.series);
    let same = |fact: &Fact| matches!(fact, Fact::RetrainingRequested(r) if r.id == asked.id);
    if recorded(edges, &filter).await?.iter().any(|r| same(&r.event.fact)) {
        bail!("retraining {} was asked for on the same data before: hand in a batch first", asked.id.0);
    }
    Ok(())
}

/// Publishes what a request by hand left in the monitor's outbox, and notes that it is published. Until then the monitor
/// takes up nothing else, so a command that was killed in between is finished by the next one.
async fn finish(edges: &Edges, series: &SeriesId) -> anyhow::Result<bool> {
    let monitors = edges.stores().monitors;
    for _ in 0..TRIES {
        let mut held: Held<State> = monitors.load(series).await?;
        let Some(outbox) = held.document.outbox.as_mut().filter(|o| o.cause == BY_HAND && !o.settled) else {
            return Ok(false);
        };
        for event in &outbox.events {
            edges.bus.publish(BY_HAND, event).await?;
        }
        outbox.settled = true;
        match monitors.store(series, held.revision, &held.document).await {
            Ok(_) => return Ok(true),
            Err(error) if is_conflict(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bail!("the monitor of `{series}` keeps moving: run the command again, it publishes nothing twice")
}
