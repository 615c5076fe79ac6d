//! `aria export`: a whole series in one file, as it is at one moment.
//!
//! The moment is one at which nothing of the series is on its way. The cells are read, then the events; where the cells
//! have not moved meanwhile, what was read is one state: every fact that the cells decided is in the log, and a batch
//! that came in since is left out. What they name never changes, so that it can be read while the series goes on.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use aria_core::archive::{Contents, Standing};
use aria_core::artifact::Sha256Hex;
use aria_core::cell::Cell;
use aria_core::reach::Names;
use aria_core::series::SeriesId;
use aria_io::archive::Writer;
use aria_io::reach::{Reading, Walk};
use aria_io::runtime::Edges;
use clap::Args;
use futures::StreamExt;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{must_be_known, print_json};
use crate::outfile::{self, Growing};
use crate::output::path;
use crate::platform::Place;

/// How long to wait before looking again whether a series has come to rest.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Writes a whole series into one file, to keep it or to import it elsewhere.
#[derive(Args, Debug)]
pub struct Export {
    #[command(flatten)]
    place: Place,
    /// The series.
    #[arg(long)]
    series: SeriesId,
    /// The file; it takes its place once it is whole.
    #[arg(long)]
    out: PathBuf,
    /// Seconds to wait until nothing of the series is on its way.
    #[arg(long, default_value_t = 60)]
    wait: u64,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// The cells of a series with their revisions.
type Cells = Vec<(Cell, Option<aria_io::bus::Cell>)>;

/// A file in the making, with the walk to what it has to hold.
struct Begun {
    writer: Writer<Growing>,
    walk: Walk,
    batches: u64,
}

impl Export {
    /// Runs the command.
    ///
    /// # Errors
    /// Where the series is not known, does not come to rest in time, or is damaged, or the file cannot be written.
    pub async fn run(self) -> anyhow::Result<()> {
        outfile::check(&self.out)?;
        let edges = self.place.connect().await?;
        must_be_known(&edges, &self.series).await?;
        let written = async { self.artifacts(self.at_rest(&edges).await?).await }.await;
        let (contents, digest) = written.with_context(|| format!("cannot export `{}`", self.series))?;
        self.print(&contents, &digest)
    }

    /// Begins the file at a moment at which nothing is on its way.
    async fn at_rest(&self, edges: &Edges) -> anyhow::Result<Begun> {
        let deadline = Instant::now() + Duration::from_secs(self.wait);
        loop {
            let reason = match self.begin(edges).await? {
                Ok(begun) => return Ok(begun),
                Err(reason) => reason,
            };
            if Instant::now() >= deadline {
                bail!("{reason} after {} s: see `aria status {}`, or wait longer with --wait", self.wait, self.series);
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Writes cells and events; a reason where they are not of one moment.
    async fn begin(&self, edges: &Edges) -> anyhow::Result<Result<Begun, String>> {
        let received = edges.bus.last_ordinal(&self.series).await?;
        let cells = self.cells(edges).await?;
        let standing = self.standing(edges).await?;
        if let Some(reason) = standing.on_its_way(received) {
            return Ok(Err(reason));
        }
        let mut walk = Walk::new(&edges.artifacts, Reading::Everything);
        walk.begin_with_cells(&edges.stores(), &self.series).await?;
        let mut writer = Writer::begin(Growing::begin(&self.out)?, &self.series)?;
        for (cell, held) in &cells {
            if let Some(held) = held {
                writer.cell(*cell, &held.value)?;
            }
        }
        let mut history = edges.bus.history(&self.series).await?;
        while let Some(laid) = history.next().await {
            let past = laid?.past;
            let (event, id) = past.event()?;
            if event.fact.received_ordinal().is_some_and(|ordinal| ordinal > standing.head.ordinal) {
                continue;
            }
            walk.begin(&format!("event `{id}`"), event.names().into_iter().cloned());
            writer.event(&past)?;
        }
        if self.cells(edges).await? != cells {
            return Ok(Err("the series moved while it was read".to_owned()));
        }
        Ok(Ok(Begun { writer, walk, batches: standing.head.ordinal }))
    }

    async fn cells(&self, edges: &Edges) -> anyhow::Result<Cells> {
        let mut cells = Vec::new();
        for cell in Cell::ALL {
            cells.push((cell, edges.stores().cells(cell).read(&self.series).await?));
        }
        Ok(cells)
    }

    /// What the cells say. They were read before, and are read again after the events: these are the same.
    async fn standing(&self, edges: &Edges) -> anyhow::Result<Standing> {
        let (stores, series) = (edges.stores(), &self.series);
        Ok(Standing {
            head: stores.heads.load(series).await?.document,
            monitor: stores.monitors.load(series).await?.document,
            registry: stores.registry.load(series).await?.document,
            endings: stores.endings.load(series).await?.document,
        })
    }

    /// Writes everything that is reached, and puts the file in its place.
    async fn artifacts(&self, begun: Begun) -> anyhow::Result<(Contents, Sha256Hex)> {
        let Begun { mut writer, mut walk, batches } = begun;
        while let Some(found) = walk.next().await {
            let found = found?;
            let bytes = found.bytes.with_context(|| format!("`{}` was not read", found.name))?;
            writer.artifact(&found.name, &bytes)?;
        }
        let (file, contents, digest) = writer.end(batches)?;
        file.end()?;
        Ok((contents, digest))
    }

    fn print(&self, contents: &Contents, digest: &Sha256Hex) -> anyhow::Result<()> {
        let Contents { series, batches, events, artifacts, parts: _ } = contents;
        if self.json {
            return print_json(&json!({
                "series": series, "file": self.out, "batches": batches, "events": events,
                "artifacts": artifacts.count, "size_bytes": artifacts.size_bytes, "contents": digest,
            }));
        }
        let (count, bytes, file) = (artifacts.count, artifacts.size_bytes, path(&self.out));
        say!("{series}: {batches} batches, {events} events, {count} artifacts of {bytes} bytes in {file}");
        say!("contents {digest}");
        Ok(())
    }
}
