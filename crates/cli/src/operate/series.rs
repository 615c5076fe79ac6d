//! `aria series`: the series that are defined or known here, and how far each has come.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aria_core::head::Head;
use aria_core::series::{Definition, SeriesId};
use aria_core::time::Timestamp;
use aria_io::library;
use aria_io::stores::Held;
use clap::Args;
use serde::Serialize;

use super::{known_series, print_json, unless_importing};
use crate::input;
use crate::platform::Place;

/// Lists the series that are defined, and how far each has come.
#[derive(Args, Debug)]
pub struct Series {
    #[command(flatten)]
    place: Place,
    /// The folder with the definitions; without it the shipped ones.
    #[arg(long = "series", env = "ARIA_SERIES")]
    folder: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// What is known of a series.
#[derive(Serialize)]
struct Entry {
    series: SeriesId,
    unit: Option<String>,
    cadence: Option<aria_core::time::Cadence>,
    /// Whether a definition given here names it; otherwise it is known by its batches alone.
    defined: bool,
    batches_taken_up: u64,
    batches_accepted: u64,
    data_until: Option<Timestamp>,
}

impl Series {
    /// Runs the command.
    ///
    /// # Errors
    /// Where no platform runs or a definition is wrong.
    pub async fn run(self) -> anyhow::Result<()> {
        let definitions = input::definitions(self.folder.as_deref())?;
        let mut defined: BTreeMap<SeriesId, Option<Definition>> =
            definitions.into_iter().map(|d| (d.id.clone(), Some(d))).collect();
        let edges = self.place.connect().await?;
        for series in known_series(&edges).await? {
            defined.entry(series).or_insert(None);
        }
        let mut entries = Vec::new();
        for (series, given) in defined {
            let held = edges.stores().heads.load::<Head>(&series).await;
            let Some(Held { document: head, .. }) = unless_importing(held.map_err(Into::into))? else { continue };
            let is_defined = given.is_some();
            let definition = match (given, &head.snapshot) {
                (None, Some(snapshot)) => Some(library::Series::open(&edges.artifacts, snapshot).await?.definition),
                (given, _) => given,
            };
            entries.push(Entry {
                series,
                unit: definition.as_ref().map(|d| d.unit.clone()),
                cadence: definition.as_ref().map(|d| d.cadence),
                defined: is_defined,
                batches_taken_up: head.ordinal,
                batches_accepted: head.sequence,
                data_until: head.end,
            });
        }
        if self.json {
            return print_json(&entries);
        }
        for entry in &entries {
            say!("{}", line(entry));
        }
        Ok(())
    }
}

fn line(entry: &Entry) -> String {
    let until = entry.data_until.map_or_else(|| "no data".to_owned(), |t| format!("data until {t}"));
    let unit = entry.unit.as_deref().unwrap_or("-");
    let (taken_up, accepted) = (entry.batches_taken_up, entry.batches_accepted);
    let note = if entry.defined { "" } else { " (defined elsewhere)" };
    format!("{:<16} {unit:<12} {taken_up} batches taken up, {accepted} accepted, {until}{note}", entry.series.as_str())
}
