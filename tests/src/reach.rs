//! The oracle of what must never be lost: everything that any cell or event reaches is there and verified.

use anyhow::{Context, Result};
use aria_core::reach::Names;
use aria_core::series::SeriesId;
use aria_io::artifacts::Artifacts;
use aria_io::bus::{Filter, Start};
use aria_io::reach::{Reading, Walk};
use aria_io::runtime::Edges;

/// Reads and verifies everything that the cells of a series and the events of the log reach; gives how much that is.
/// The artifacts must have read nothing yet, for what was read once is remembered.
///
/// # Errors
/// With the first artifact that is missing or damaged, and the way to it.
pub async fn everything_reached(edges: &Edges, unread: &Artifacts, series: &SeriesId) -> Result<usize> {
    let mut walk = Walk::new(unread, Reading::Everything);
    walk.begin_with_cells(&edges.stores(), series).await?;
    let mut events = edges.bus.recorded_events(&Filter::all(), Start::First).await?;
    while let Some(recorded) = events.next_readable().await {
        let recorded = recorded?;
        walk.begin(&format!("event {}", recorded.sequence), recorded.event.names().into_iter().cloned());
    }
    while let Some(found) = walk.next().await {
        found.context("something that is needed is lost")?;
    }
    Ok(walk.count())
}
