//! `aria rollback`: an earlier model put back by a person.

use anyhow::{Context, bail};
use aria_core::artifact::Ref;
use aria_core::event::{Event, Fact, ModelPromoted, Promotion};
use aria_core::head::Head;
use aria_core::model::Model;
use aria_core::registry::{Move, Registry};
use aria_core::series::SeriesId;
use aria_io::bus::{Filter, Recorded};
use aria_io::runtime::Edges;
use aria_io::stores::Held;
use clap::Args;
use serde_json::json;

use super::{TRIES, is_conflict, must_be_known, print_json, recorded};
use crate::platform::Place;

/// Distinguishes moves by hand from those of evaluations in the registry.
const BY_HAND: &str = "rolled back by hand: ";

/// Puts the model back that served before, or the named one.
#[derive(Args, Debug)]
pub struct Rollback {
    #[command(flatten)]
    place: Place,
    /// The series.
    series: SeriesId,
    /// The beginning of the model's digest, as `aria models` shows it; without it the model that served before.
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    to: Option<String>,
    /// Why, for the record.
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Rollback {
    /// Runs the command.
    ///
    /// # Errors
    /// Where there is no such model, or it cannot be read.
    pub async fn run(self) -> anyhow::Result<()> {
        let edges = self.place.connect().await?;
        must_be_known(&edges, &self.series).await?;
        if let Some(moved) = cut_off(&edges, &self.series).await? {
            announce(&edges, &self.series, &moved).await?;
            bail!(
                "an earlier rollback to {} was cut off and is finished now: run the command again for another one",
                moved.to.sha256.short()
            );
        }
        let moved = self.roll_back(&edges).await?;
        announce(&edges, &self.series, &moved).await?;
        if self.json {
            let from = moved.from.as_ref().map(Ref::key);
            return print_json(&json!({"series": self.series, "from": from, "to": moved.to.key(), "at": moved.at}));
        }
        say!("{} serves {} from {} on", moved.to.sha256.short(), self.series, moved.at);
        Ok(())
    }

    /// Moves the registry; anew where evaluation moved it first.
    async fn roll_back(&self, edges: &Edges) -> anyhow::Result<Move> {
        let stores = edges.stores();
        let head: Held<Head> = stores.heads.load(&self.series).await?;
        let at = head.document.end.context("the series has no data")?;
        for _ in 0..TRIES {
            let held: Held<Registry> = stores.registry.load(&self.series).await?;
            let why = format!("{BY_HAND}{}", self.reason);
            let (next, model) = held.document.rolled_back(self.to.as_deref(), at, why)?;
            let readable: Result<Model, _> = edges.artifacts.get_document(&model).await;
            readable.with_context(|| format!("model {} cannot serve", model.sha256.short()))?;
            match stores.registry.store(&self.series, held.revision, &next).await {
                Ok(_) => return next.moves.last().cloned().context("the registry has no move"),
                Err(error) if is_conflict(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        bail!("the registry of `{}` keeps moving: try again in a moment", self.series)
    }
}

/// The newest move where it was made by hand and never announced: its command was killed in between.
async fn cut_off(edges: &Edges, series: &SeriesId) -> anyhow::Result<Option<Move>> {
    let held: Held<Registry> = edges.stores().registry.load(series).await?;
    let Some(newest) = held.document.moves.last().filter(|m| m.why.starts_with(BY_HAND)) else { return Ok(None) };
    let promoted = Filter::all().facts(["model.promoted"]).series(series);
    let announced = recorded(edges, &promoted).await?.iter().filter(|r| announces(r, newest)).count();
    // The same move may be made again within one batch; each has an announcement of its own.
    let made = held.document.moves.iter().filter(|m| *m == newest).count();
    Ok((announced < made).then(|| newest.clone()))
}

fn announces(recorded: &Recorded, moved: &Move) -> bool {
    let event = &recorded.event;
    let Fact::ModelPromoted(promoted) = &event.fact else { return false };
    let Promotion::Rollback { reason } = &promoted.by else { return false };
    event.as_of == moved.at
        && promoted.model == moved.to
        && promoted.previous == moved.from
        && Some(reason.as_str()) == moved.why.strip_prefix(BY_HAND)
}

async fn announce(edges: &Edges, series: &SeriesId, moved: &Move) -> anyhow::Result<()> {
    let reason = moved.why.strip_prefix(BY_HAND).unwrap_or(&moved.why).to_owned();
    let promoted =
        ModelPromoted { model: moved.to.clone(), previous: moved.from.clone(), by: Promotion::Rollback { reason } };
    let event = Event { series: series.clone(), as_of: moved.at, fact: Fact::ModelPromoted(promoted) };
    // Back and forth within one batch is a new fact each time, so each must have a cause of its own.
    let before = edges.bus.last_sequence().await?;
    edges.bus.publish(&format!("rollback-after/{before}"), &event).await?;
    Ok(())
}

/// A digest's beginning must tell models apart.
fn digest(text: &str) -> Result<String, String> {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if (6..=64).contains(&text.len()) && text.bytes().all(is_digit) {
        return Ok(text.to_owned());
    }
    Err(format!("`{text}` is not the beginning of a digest: give 6 to 64 hexadecimal digits of `aria models`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_too_short_to_tell_models_apart_is_refused() {
        assert!(digest("").is_err());
        assert!(digest("ab12").is_err());
        assert!(digest("ab12cd").is_ok());
        assert!(digest("xb12cd").is_err());
    }
}
