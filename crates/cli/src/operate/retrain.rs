//! `aria retrain`: a new model asked for by a person.

use anyhow::{Context, bail};
use aria_core::event::{Event, Fact};
use aria_core::head::Head;
use aria_core::monitor::{self, RefusedByHand, State};
use aria_core::registry::Registry;
use aria_core::series::SeriesId;
use aria_io::runtime::Edges;
use aria_io::stores::Held;
use clap::Args;
use serde_json::json;

use super::reason::reason;
use super::{PAUSE, TRIES, is_conflict, must_be_known, print_json, publish_outbox};
use crate::platform::Place;

/// Asks for a new model, trained on everything the series has.
#[derive(Args, Debug)]
pub struct Retrain {
    #[command(flatten)]
    place: Place,
    /// The series.
    series: SeriesId,
    /// Why, for the record.
    #[arg(long, value_parser = reason)]
    reason: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Retrain {
    /// Runs the command.
    ///
    /// # Errors
    /// Where a retraining is in flight, or there is nothing to train on.
    pub async fn run(self) -> anyhow::Result<()> {
        let edges = self.place.connect().await?;
        must_be_known(&edges, &self.series).await?;
        if publish_outbox::<State>(&edges, &edges.stores().monitors, &self.series).await? {
            note!("a request that was cut off before it was published is published now");
        }
        let event = self.ask(&edges).await?;
        publish_outbox::<State>(&edges, &edges.stores().monitors, &self.series).await?;
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
            // The monitor learns of a pin a moment after the registry.
            let registry: Held<Registry> = stores.registry.load(&self.series).await?;
            if registry.document.pin.is_some() {
                return Err(RefusedByHand::Pinned.into());
            }
            if let Some(busy) = busy(&head.document, state) {
                why = busy;
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            let (next, event) = match monitor::ask_by_hand(state, &self.series, snapshot, &self.reason) {
                Err(error @ (RefusedByHand::Busy(_) | RefusedByHand::Unpublished)) => {
                    why = error.to_string();
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                asked => asked?,
            };
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
    (head.sequence > state.sequence && state.phase == monitor::Phase::Idle)
        .then(|| format!("accepted batch {} has not been checked", state.sequence + 1))
}
