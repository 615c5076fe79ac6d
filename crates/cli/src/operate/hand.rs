//! A change of the serving model by hand: decided on the newest registry, stored with its fact, published.

use anyhow::{Context, bail};
use aria_core::artifact::Ref;
use aria_core::head::Head;
use aria_core::model::Model;
use aria_core::registry::{HandError, Move, Registry};
use aria_core::series::SeriesId;
use aria_core::time::Timestamp;
use aria_io::runtime::Edges;
use aria_io::stores::Held;
use serde_json::json;

use super::{PAUSE, TRIES, is_conflict, must_be_known, print_json, publish_outbox};

/// Changes the serving model of a series as `decide` says, and tells everybody.
///
/// # Errors
/// Where the series is not known, the change is refused, or the model that would serve cannot be read.
pub async fn change(
    edges: &Edges,
    series: &SeriesId,
    decide: impl Fn(&Registry, Timestamp) -> Result<(Registry, Move), HandError>,
) -> anyhow::Result<Move> {
    must_be_known(edges, series).await?;
    if publish_outbox::<Registry>(edges, &edges.stores().registry, series).await? {
        bail!("an earlier change by hand was cut off and is finished now: run the command again for another one");
    }
    let moved = move_registry(edges, series, decide).await?;
    publish_outbox::<Registry>(edges, &edges.stores().registry, series).await?;
    Ok(moved)
}

/// Moves the registry; anew where evaluation moved it first.
async fn move_registry(
    edges: &Edges,
    series: &SeriesId,
    decide: impl Fn(&Registry, Timestamp) -> Result<(Registry, Move), HandError>,
) -> anyhow::Result<Move> {
    let stores = edges.stores();
    let head: Held<Head> = stores.heads.load(series).await?;
    let at = head.document.end.context("the series has no data")?;
    let mut why = None;
    for _ in 0..TRIES {
        let held: Held<Registry> = stores.registry.load(series).await?;
        let (next, moved) = match decide(&held.document, at) {
            Err(unpublished @ HandError::Unpublished) => {
                why = Some(unpublished);
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            decided => decided?,
        };
        let readable: Result<Model, _> = edges.artifacts.get_document(&moved.to).await;
        readable.with_context(|| format!("model {} cannot serve", moved.to.sha256.short()))?;
        match stores.registry.store(series, held.revision, &next).await {
            Ok(_) => return Ok(moved),
            Err(error) if is_conflict(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    match why {
        Some(unpublished) => Err(unpublished.into()),
        None => bail!("the registry of `{series}` keeps moving: try again in a moment"),
    }
}

/// Prints a change as JSON.
///
/// # Errors
/// Where it has no JSON form.
pub fn print_move(series: &SeriesId, moved: &Move, pinned: bool) -> anyhow::Result<()> {
    let from = moved.from.as_ref().map(Ref::key);
    print_json(&json!({"series": series, "from": from, "to": moved.to.key(), "at": moved.at, "pinned": pinned}))
}
