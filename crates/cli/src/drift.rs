//! `aria drift`: how far two files lie apart, column by column, without a platform; or what a live check found.

mod file;
mod live;
mod page;
mod pick;
mod report;
mod time;

use std::path::{Path, PathBuf};

use anyhow::bail;
use aria_core::drift::comparison;
use aria_core::series::SeriesId;
use clap::Args;

use file::{Files, Table};
use live::Live;
use pick::{LeftOut, Named};
use report::Report;
use time::Times;

use crate::outfile;
use crate::output::path;
use crate::platform::Place;

/// Compares two files with every statistic of drift, or shows what the check of a batch found with the same.
///
/// A column of two files has drifted where the difference is both beyond chance and large. Where that cannot be told,
/// as of a constant column, it has insufficient data, with the reason. Rows are taken to be in order of time. Text
/// that both files have in a column is compared as categories. Where a column of both holds times, each file has to
/// cover a whole week: seven days, and nearly every hour of the week or step of the file. What looks like times and
/// is read as none is told.
///
/// With --series the check of a running platform is shown: its columns by statistic, its diagnosis, the skill, the
/// decision, and the alarms that the monitors may raise and would have raised on the model's own past.
#[derive(Args, Debug)]
pub struct Drift {
    /// The file to compare with: CSV or Parquet.
    #[arg(long, required_unless_present = "series", conflicts_with = "series")]
    reference: Option<PathBuf>,
    /// The file that may have drifted: CSV or Parquet.
    #[arg(long, required_unless_present = "series", conflicts_with = "series")]
    current: Option<PathBuf>,
    /// A column to compare; may be given several times. Without it every column that both files have.
    #[arg(long = "column", value_name = "COLUMN", conflicts_with = "series")]
    columns: Vec<String>,
    /// The series whose newest check is shown, in place of files.
    #[arg(long)]
    series: Option<SeriesId>,
    /// The batch of the series whose check is shown, in place of the newest.
    #[arg(long, value_name = "ORDINAL", requires = "series", conflicts_with_all = ["reference", "current"])]
    batch: Option<u64>,
    #[command(flatten)]
    place: Place,
    /// Prints the report as one JSON document.
    #[arg(long)]
    json: bool,
    /// Writes the report as an HTML page that needs nothing beside itself.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Two files that are compared.
struct Pair<'a> {
    files: Files<'a>,
    columns: &'a [String],
}

impl Drift {
    /// Runs the command.
    ///
    /// # Errors
    /// Where a file cannot be read or written, a column that was asked for, or every one, is not in both files, or no
    /// platform runs or the series has no such check.
    pub async fn run(self) -> anyhow::Result<()> {
        match (&self.series, &self.reference, &self.current) {
            (Some(series), _, _) => self.show(series).await,
            (None, Some(reference), Some(current)) => {
                if self.place.nats.is_some() || self.place.store.is_some() {
                    bail!("--nats and --store say where a series is: name it with --series, or leave them out");
                }
                let pair = Pair { files: Files { reference, current }, columns: &self.columns };
                pair.compare(self.html.as_deref(), self.json).await
            }
            (None, _, _) => bail!("name two files with --reference and --current, or a series with --series"),
        }
    }

    /// Shows the check of a batch.
    async fn show(&self, series: &SeriesId) -> anyhow::Result<()> {
        if let Some(file) = &self.html {
            outfile::check(file)?;
        }
        let edges = self.place.connect().await?;
        let live = Live::read(&edges, series, self.batch).await?;
        if let Some(file) = &self.html {
            outfile::write(file, &live.page(&edges).await?)?;
        }
        match self.json {
            true => say!("{}", serde_json::to_string_pretty(&live.report())?),
            false => say!("{}", live.report().to_text().trim_end()),
        }
        Ok(())
    }
}

impl Pair<'_> {
    async fn compare(&self, html: Option<&Path>, json: bool) -> anyhow::Result<()> {
        self.check_html(html)?;
        let reading = [self.files.reference, self.files.current].map(|file| {
            let file = file.to_owned();
            tokio::task::spawn_blocking(move || Table::read(&file))
        });
        let [reference, current] = reading;
        let (reference, current) = (reference.await??, current.await??);
        let files = &self.files;
        let (columns, left_out) = match self.columns.is_empty() {
            true => pick::shared(&reference, &current, files),
            false => (pick::named(self.columns, &reference, &current, files)?, Vec::new()),
        };
        self.refuse(&left_out, columns.is_empty())?;
        let times = Times::of(&reference, &current);
        let barred = times.as_ref().and_then(Times::bar);
        let compared = comparison::compare(&columns.iter().map(Named::column).collect::<Vec<_>>(), barred.as_deref());
        let notes = if times.is_none() { time::note(&reference, &current).into_iter().collect() } else { Vec::new() };
        let report = Report::new(files, compared, left_out, times.as_ref().map(Times::windows)).with_notes(notes);
        report.left_out.iter().for_each(|left| note!("{left}"));
        report.notes.iter().for_each(|told| note!("{told}"));
        if let Some(file) = html {
            outfile::write(file, &page::html(&report, &columns, times.as_ref())?)?;
        }
        match json {
            true => say!("{}", serde_json::to_string_pretty(&report)?),
            false => say!("{}", report.to_text().trim_end()),
        }
        Ok(())
    }

    /// Finds out before the work whether the page can be written, and that it replaces nothing that is read.
    fn check_html(&self, html: Option<&Path>) -> anyhow::Result<()> {
        let Some(file) = html else { return Ok(()) };
        if [self.files.reference, self.files.current].into_iter().any(|read| outfile::is_same(read, file)) {
            bail!("--html names {}, which is compared: name another file", path(file));
        }
        outfile::check(file)
    }

    /// Refuses a report that has no column.
    fn refuse(&self, left_out: &[LeftOut], nothing: bool) -> anyhow::Result<()> {
        if !nothing {
            return Ok(());
        }
        let faults: Vec<String> = left_out.iter().map(|left| format!("{left}; {}", pick::NEXT)).collect();
        let (reference, current) = (path(self.files.reference), path(self.files.current));
        bail!("{reference} and {current} have no column to compare:\n{}", faults.join("\n"))
    }
}
