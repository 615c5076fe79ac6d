//! `aria pin` and `aria unpin`: a model held in its place by a person.

use aria_core::series::SeriesId;
use clap::Args;

use super::hand::{change, print_move};
use super::reason::reason;
use super::rollback::digest;
use crate::platform::Place;

/// Holds the serving model, or the named one, in its place: nothing takes over from it, and nothing is trained until
/// `aria unpin`.
#[derive(Args, Debug)]
pub struct Pin {
    #[command(flatten)]
    place: Place,
    /// The series.
    series: SeriesId,
    /// The beginning of the digest of a model that served before, as `aria models` shows it; without it the one that
    /// serves.
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    model: Option<String>,
    /// Why, for the record.
    #[arg(long, value_parser = reason)]
    reason: String,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Lets go of a model that is pinned: it goes on to serve until a better one takes over.
#[derive(Args, Debug)]
pub struct Unpin {
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

impl Pin {
    /// Runs the command.
    ///
    /// # Errors
    /// Where there is no such model, it is pinned already, or it cannot be read.
    pub async fn run(self) -> anyhow::Result<()> {
        let edges = self.place.connect().await?;
        let (series, wanted) = (&self.series, self.model.as_deref());
        let moved = change(&edges, series, |registry, at| registry.pinned(series, wanted, at, &self.reason)).await?;
        if self.json {
            return print_move(series, &moved, true);
        }
        say!("{} serves {series} and is pinned from {} on", moved.to.sha256.short(), moved.at);
        Ok(())
    }
}

impl Unpin {
    /// Runs the command.
    ///
    /// # Errors
    /// Where no model is pinned.
    pub async fn run(self) -> anyhow::Result<()> {
        let edges = self.place.connect().await?;
        let series = &self.series;
        let moved = change(&edges, series, |registry, at| registry.unpinned(series, at, &self.reason)).await?;
        if self.json {
            return print_move(series, &moved, false);
        }
        say!("{} serves {series} and is no longer pinned from {} on", moved.to.sha256.short(), moved.at);
        Ok(())
    }
}
