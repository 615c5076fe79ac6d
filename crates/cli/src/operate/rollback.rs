//! `aria rollback`: an earlier model put back by a person.

use anyhow::{Context, bail};
use aria_core::artifact::Ref;
use aria_core::head::Head;
use aria_core::model::Model;
use aria_core::registry::{Move, Registry};
use aria_core::series::SeriesId;
use aria_io::runtime::Edges;
use aria_io::stores::Held;
use clap::Args;
use serde_json::json;

use super::reason::reason;
use super::{TRIES, is_conflict, must_be_known, print_json, publish_outbox};
use crate::platform::Place;

/// Puts the model back that the serving one took over from, or the named one.
#[derive(Args, Debug)]
pub struct Rollback {
    #[command(flatten)]
    place: Place,
    /// The series.
    series: SeriesId,
    /// The beginning of the model's digest, as `aria models` shows it; without it the one that the serving model took
    /// over from.
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    to: Option<String>,
    /// Why, for the record.
    #[arg(long, value_parser = reason)]
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
        if publish_outbox::<Registry>(&edges, &edges.stores().registry, &self.series).await? {
            bail!("an earlier rollback was cut off and is finished now: run the command again for another one");
        }
        let moved = self.roll_back(&edges).await?;
        publish_outbox::<Registry>(&edges, &edges.stores().registry, &self.series).await?;
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
            let (next, moved) = held.document.rolled_back(&self.series, self.to.as_deref(), at, &self.reason)?;
            let readable: Result<Model, _> = edges.artifacts.get_document(&moved.to).await;
            readable.with_context(|| format!("model {} cannot serve", moved.to.sha256.short()))?;
            match stores.registry.store(&self.series, held.revision, &next).await {
                Ok(_) => return Ok(moved),
                Err(error) if is_conflict(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        bail!("the registry of `{}` keeps moving: try again in a moment", self.series)
    }
}

/// A digest's beginning must tell models apart.
pub(super) fn digest(text: &str) -> Result<String, String> {
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
