//! `aria ingest` and `aria replay`: files handed to a platform that runs.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::bail;
use aria_core::artifact::{Artifact, Kind, Ref};
use aria_core::contract::{Quarantine, Quarantined};
use aria_core::event::Fact;
use aria_core::head::Head;
use aria_core::replay::{self, Batch, Span};
use aria_core::series::SeriesId;
use aria_core::summary::ended;
use aria_core::time::Timestamp;
use aria_io::bus::{Filter, Start};
use aria_io::library::Series;
use aria_io::runtime::{Edges, chain};
use clap::Args;

use crate::input::{self, Largest};
use crate::platform::Place;
use crate::room::Room;
use crate::{feed, output};

/// Hands in CSV, Parquet or NDJSON files, each as one batch, and waits for what becomes of it.
#[derive(Args, Debug)]
pub struct Ingest {
    #[command(flatten)]
    place: Place,
    /// The series that the files belong to.
    #[arg(long)]
    series: SeriesId,
    /// The definition that the platform runs with, which says how large a file may be. Without it, that of the newest
    /// batch says so, or the shipped one.
    #[arg(long)]
    definition: Option<PathBuf>,
    /// The files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// The refused rows of a file that are shown.
const SHOWN: usize = 5;
/// The largest file that is handed in; what a series takes may be less.
const LARGEST: u64 = 1 << 30;

impl Ingest {
    /// Runs the command.
    ///
    /// # Errors
    /// Where a file cannot be read or its batch is rejected; files after it are handed in all the same.
    pub async fn run(self) -> anyhow::Result<()> {
        let room = Room::of(&self.place)?;
        let edges = self.place.connect().await?;
        let mut bad = 0;
        for file in &self.files {
            if let Err(error) = self.hand_in(&edges, room, file).await {
                note!("{}: {}", output::path(file), chain(error.as_ref()));
                bad += 1;
            }
        }
        if bad > 0 {
            bail!("{bad} of {} files were not taken in", self.files.len());
        }
        Ok(())
    }

    async fn hand_in(&self, edges: &Edges, room: Room, file: &std::path::Path) -> anyhow::Result<()> {
        let head = feed::head(edges, &self.series).await?;
        let bytes = input::read_within(file, &self.largest(edges, &head).await?)?;
        let format = input::format_of(file, &bytes)?;
        room.wait(edges, &self.series).await?;
        let raw = Artifact::of(Kind::Raw, &self.series, format, bytes);
        feed::store(&edges.artifacts, &raw).await?;
        let start = Start::Sequence(edges.bus.last_sequence().await? + 1);
        let source = file.file_name().unwrap_or_default().to_string_lossy();
        let (event, _) = edges.bus.receive(&self.series, &raw.name, now(), &source, head.ordinal).await?;
        let Fact::BatchReceived(received) = &event.fact else { bail!("the batch was not announced") };
        let mut events = edges.bus.events(&Filter::all().series(&self.series), start).await?;
        while let Some(recorded) = events.next_readable().await {
            let fact = recorded?.event.fact;
            if let Fact::BatchAccepted(accepted) = &fact
                && accepted.batch.ordinal == received.ordinal
            {
                let (name, rows, refused) = (output::path(file), accepted.rows, accepted.rows_quarantined);
                mention!("{name}: {rows} rows taken in, {refused} quarantined");
                let refusals = refusals(edges, accepted.quarantine.as_ref()).await?;
                refusals.lines().for_each(|line| mention!("{line}"));
            }
            if ended(&fact) == Some(received.ordinal) {
                return tell_end(edges, file, fact).await;
            }
        }
        bail!("the event log ended before the batch did")
    }

    /// How large a file may be: the platform's own definition is not to be had here, but the one that it took the
    /// newest batch in with is.
    async fn largest(&self, edges: &Edges, head: &Head) -> anyhow::Result<Largest> {
        let series = self.series.as_str();
        let otherwise = "give the platform's definition with --definition where it allows more";
        let (bytes, advice) = match (&self.definition, &head.snapshot) {
            (Some(file), _) => {
                let definition = input::definition(series, Some(file))?;
                (definition.contract.upload_bytes, format!("so says {}; split it", output::path(file)))
            }
            (None, Some(snapshot)) => {
                let definition = Series::open(&edges.artifacts, snapshot).await?.definition;
                let said = format!("so it was when the newest batch of `{series}` came in; split it, or {otherwise}");
                (definition.contract.upload_bytes, said)
            }
            (None, None) => match input::definition(series, None) {
                Ok(shipped) => {
                    let said = format!("so says the shipped definition of `{series}`; split it, or {otherwise}");
                    (shipped.contract.upload_bytes, said)
                }
                // Only the platform knows this series.
                Err(_) => (LARGEST, "split it".to_owned()),
            },
        };
        Ok(Largest { bytes, advice })
    }
}

/// Says how a batch ended.
async fn tell_end(edges: &Edges, file: &std::path::Path, fact: Fact) -> anyhow::Result<()> {
    match fact {
        Fact::BatchRejected(rejected) => {
            let refusals = refusals(edges, rejected.quarantine.as_ref()).await?;
            bail!("{}", format!("rejected: {}\n{refusals}", rejected.reason).trim_end())
        }
        Fact::ForecastWithheld(withheld) => mention!("{}: no forecast: {}", output::path(file), withheld.reason),
        other => mention!("{}: {}", output::path(file), other.name().replace('.', " ")),
    }
    Ok(())
}

/// The first refused rows of a batch, a line each, and where all of them lie.
async fn refusals(edges: &Edges, quarantine: Option<&Ref>) -> anyhow::Result<String> {
    let Some(name) = quarantine else { return Ok(String::new()) };
    let refused: Quarantine = edges.artifacts.get_document(name).await?;
    let mut text = String::new();
    for Quarantined { row, column, value, reason } in refused.rows.iter().take(SHOWN) {
        let column = if column.is_empty() { "as a whole" } else { column.as_str() };
        // Escaped: whoever made the file must not write to the operator's terminal as they like.
        writeln!(text, "  row {row}, {column}: `{}` {reason}", value.escape_debug())?;
    }
    if refused.total > SHOWN as u64 {
        writeln!(text, "  and {} more in {}", refused.total - SHOWN as u64, name.key())?;
    }
    Ok(text)
}

/// Feeds a history as if it came live, each batch once the one before it ended.
#[derive(Args, Debug)]
pub struct Replay {
    #[command(flatten)]
    place: Place,
    /// The series that the file belongs to; its definition has to be a shipped one or given.
    #[arg(long)]
    series: SeriesId,
    /// A definition in place of the shipped one.
    #[arg(long)]
    definition: Option<PathBuf>,
    /// The history.
    file: PathBuf,
    /// Leaves out rows before, by whole batches.
    #[arg(long)]
    from: Option<Timestamp>,
    /// Leaves out rows from then on, by whole batches.
    #[arg(long)]
    to: Option<Timestamp>,
    /// How much time a batch holds: whole days, such as 1d.
    #[arg(long, default_value = "1d", value_parser = days)]
    every: u32,
}

impl Replay {
    /// Runs the command.
    ///
    /// # Errors
    /// Where the file cannot be used, a batch does not end, or every one is rejected.
    pub async fn run(self) -> anyhow::Result<()> {
        let batches = self.batches()?;
        let room = Room::of(&self.place)?;
        let edges = self.place.connect().await?;
        // Each batch waits for the end of the one before it, so that only what others left may be too much.
        room.wait(&edges, &self.series).await?;
        let source = self.file.display().to_string();
        let ends = feed::feed(&edges, &self.series, &batches, &source).await?;
        if let Some(latency) = ends.latency() {
            mention!("time per batch: p50 {:.0} ms, p99 {:.0} ms", latency.p50, latency.p99);
        }
        if let Some(rejections) = ends.rejections()? {
            mention!("{rejections}");
        }
        Ok(())
    }

    /// The batches of the span.
    fn batches(&self) -> anyhow::Result<Vec<Batch>> {
        let definition = input::definition(self.series.as_str(), self.definition.as_deref())?;
        let bytes = input::read(&self.file, LARGEST)?;
        let format = input::format_of(&self.file, &bytes)?;
        let span = Span { from: self.from, to: self.to };
        let batches = replay::split_span(&bytes, format, &definition, self.every, span)?;
        if batches.is_empty() {
            let all = replay::split(&bytes, format, &definition, self.every)?;
            return Err(input::no_day(&self.file, &all, &input::span(self.from, self.to)));
        }
        Ok(batches)
    }
}

fn days(text: &str) -> Result<u32, String> {
    let fault = || format!("`{text}` is not a number of days such as 1d");
    let days: u32 = text.strip_suffix('d').ok_or_else(fault)?.parse().map_err(|_| fault())?;
    if (1..=366).contains(&days) { Ok(days) } else { Err(fault()) }
}

/// The wall clock, for batches that come live.
fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_seconds(since.as_secs() as i64).unwrap_or(Timestamp::EPOCH)
}
