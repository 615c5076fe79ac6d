//! The operator's commands: they look at a platform that runs, and ask it for what only a person may ask.

pub mod deadletters;
pub mod events;
pub mod export;
pub mod forecast;
pub mod gc;
pub mod import;
pub mod lineage;
pub mod models;
pub mod pin;
pub mod retrain;
pub mod rollback;
pub mod series;
pub mod status;

mod ancestry;
mod chain;
mod hand;
mod reason;
mod told;

use std::time::Duration;

use anyhow::bail;
use aria_core::document::Document;
use aria_core::outbox::{BY_HAND, WithOutbox};
use aria_core::series::SeriesId;
use aria_io::bus::{Cells, Filter, HEADS, Recorded, Start};
use aria_io::runtime::Edges;
use aria_io::stores::{CellError, Held};
use serde::Serialize;

/// How often a change by hand is decided anew where a service moved the cell first.
const TRIES: u32 = 20;
/// Between two of them: the services settle their facts within milliseconds of a change.
const PAUSE: Duration = Duration::from_millis(250);

/// The events that the log holds, in its order. Unreadable ones are warned of and passed over: an operator has to see
/// the rest.
///
/// # Errors
/// Where the broker does not answer.
pub async fn recorded(edges: &Edges, filter: &Filter) -> anyhow::Result<Vec<Recorded>> {
    let mut stream = edges.bus.recorded_events(filter, Start::First).await?;
    let mut events = Vec::new();
    while let Some(next) = stream.next_readable().await {
        events.push(next?);
    }
    Ok(events)
}

/// The series that have taken in a batch.
async fn known_series(edges: &Edges) -> anyhow::Result<Vec<SeriesId>> {
    Ok(edges.bus.cells(HEADS).names().await?)
}

/// Passes over a series that is being imported, with a note, so that the others are seen.
fn unless_importing<T>(outcome: anyhow::Result<T>) -> anyhow::Result<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.downcast_ref::<CellError>() {
            Some(CellError::Importing { .. }) => {
                note!("{error}");
                Ok(None)
            }
            Some(CellError::Bus(_) | CellError::Document { .. }) | None => Err(error),
        },
    }
}

/// Refuses a series that nothing is known of.
///
/// # Errors
/// Where nothing is, or the broker does not answer.
pub async fn must_be_known(edges: &Edges, series: &SeriesId) -> anyhow::Result<()> {
    let known = known_series(edges).await?;
    if known.contains(series) {
        return Ok(());
    }
    let names = known.iter().map(SeriesId::as_str).collect::<Vec<_>>().join(", ");
    let names = if names.is_empty() { "none" } else { names.as_str() };
    bail!("no batch of `{series}` has been taken in; there are batches of: {names}")
}

/// Publishes what an operator's command left in the outbox of a cell, and notes that it is published; whether there was
/// something. So a command that was killed in between is finished by the next one.
async fn publish_outbox<T: Document + Default + WithOutbox>(
    edges: &Edges,
    cells: &Cells,
    series: &SeriesId,
) -> anyhow::Result<bool> {
    for _ in 0..TRIES {
        let mut held: Held<T> = cells.load(series).await?;
        let Some(outbox) = held.document.outbox_mut().filter(|o| o.cause == BY_HAND && !o.settled) else {
            return Ok(false);
        };
        for event in &outbox.events {
            edges.bus.publish(BY_HAND, event).await?;
        }
        outbox.settled = true;
        match cells.store(series, held.revision, &held.document).await {
            Ok(_) => return Ok(true),
            Err(error) if is_conflict(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bail!("the {} of `{series}` keeps moving: run the command again, it publishes nothing twice", T::NAME)
}

fn print_json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    say!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Whether someone else moved the cell first, so that the change is to be decided anew.
fn is_conflict(error: &CellError) -> bool {
    matches!(error, CellError::Bus(aria_io::bus::BusError::Conflict { .. }))
}
