//! `aria import`: a series that was exported laid into another platform, where it goes on as it would have.
//!
//! The file is read to its end before anything is changed. Then the series' head is taken, so that nobody else can make
//! or move the series; artifacts, cells and events are written, in the order in which each is named by the next; and
//! the head is put in its place last. A run that was cut off anywhere is finished by the same command.

mod laying;

use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use aria_io::archive::Whole;
use aria_io::runtime::config::{Strings, keys};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::print_json;
use crate::input;
use crate::output::path;
use crate::platform::Place;
use laying::{Laying, Outcome};

/// Lays a series that was exported into this platform.
#[derive(Args, Debug)]
pub struct Import {
    #[command(flatten)]
    place: Place,
    /// The file that `aria export` wrote.
    file: PathBuf,
    /// What the series' definition in the file must be.
    #[arg(long, value_enum, default_value_t = SeriesCheck::Same)]
    series_check: SeriesCheck,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// What the series' definition in the file must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SeriesCheck {
    /// The one that this platform has: that of the folder in `ARIA_SERIES`, or the shipped one.
    Same,
    /// Any: the next batch is read by this platform's.
    Any,
}

impl Import {
    /// Runs the command.
    ///
    /// # Errors
    /// Where the file is no whole export, its series is there already or defined otherwise, or the platform does not
    /// answer.
    pub async fn run(self) -> anyhow::Result<()> {
        let about = || path(&self.file);
        let whole = Whole::open(&self.file).with_context(about)?;
        if self.series_check == SeriesCheck::Same {
            self.check_definition(&whole)?;
        }
        let edges = self.place.connect().await?;
        edges.join().await?;
        let laying = Laying::new(&edges, &whole);
        let outcome = laying.run().await.with_context(|| format!("cannot import `{}`", whole.contents.series))?;
        self.print(&whole, outcome)
    }

    /// The platform has to read the next batch as the one that was exported would have.
    fn check_definition(&self, whole: &Whole) -> anyhow::Result<()> {
        let Some(wanted) = &whole.definition else { return Ok(()) };
        let folder = self.place.options().get(keys::SERIES).transpose();
        let folder = folder.map_err(|_| anyhow!("the folder in {} is named by no text", keys::SERIES))?;
        let folder = folder.filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let known = input::definitions(folder.as_deref())?;
        let series = &whole.contents.series;
        match known.iter().find(|known| known.id == *series) {
            Some(known) if known == wanted => Ok(()),
            Some(_) => bail!(
                "{}: `{series}` is defined otherwise here than where it was exported, so that it would not go on as it \
                 would have there: give its definition there to this platform, or take this platform's with \
                 --series-check any",
                path(&self.file)
            ),
            None => bail!(
                "{}: no series `{series}` is defined here: add its definition to the series folder that ARIA_SERIES \
                 names, or leave it undefined with --series-check any",
                path(&self.file)
            ),
        }
    }

    fn print(&self, whole: &Whole, outcome: Outcome) -> anyhow::Result<()> {
        let (contents, already) = (&whole.contents, outcome == Outcome::Already);
        let (series, batches, events, artifacts) =
            (&contents.series, contents.batches, contents.events, &contents.artifacts);
        if self.json {
            return print_json(&json!({
                "series": series, "file": self.file, "batches": batches, "events": events,
                "artifacts": artifacts.count, "size_bytes": artifacts.size_bytes, "contents": whole.digest,
                "already": already,
            }));
        }
        let count = artifacts.count;
        match outcome {
            Outcome::Done => say!("{series}: {batches} batches, {events} events, {count} artifacts imported"),
            Outcome::Already => say!("{series}: this export is imported already, nothing is changed"),
        }
        Ok(())
    }
}
