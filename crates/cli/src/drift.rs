//! `aria drift`: how far two files lie apart, column by column, without a platform.

mod file;
mod page;
mod pick;
mod report;
mod time;

use std::path::PathBuf;

use anyhow::bail;
use aria_core::drift::comparison;
use clap::Args;

use file::{Files, Table};
use pick::{LeftOut, Named};
use report::Report;
use time::Times;

use crate::outfile;
use crate::output::path;

/// Compares two files with every statistic of drift: distances, p-values, missing values, and what they come to.
///
/// A column has drifted where the difference is both beyond chance and large. Rows are taken to be in order of time.
/// Text that both files have in a column is compared as categories. Where a column of both holds times,
/// each file has to cover a whole week.
#[derive(Args, Debug)]
pub struct Drift {
    /// The file to compare with: CSV or Parquet.
    #[arg(long)]
    reference: PathBuf,
    /// The file that may have drifted: CSV or Parquet.
    #[arg(long)]
    current: PathBuf,
    /// A column to compare; may be given several times. Without it every column that both files have.
    #[arg(long = "column", value_name = "COLUMN")]
    columns: Vec<String>,
    /// Prints the report as one JSON document.
    #[arg(long)]
    json: bool,
    /// Writes the report as an HTML page that needs nothing beside itself.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Drift {
    /// Runs the command.
    ///
    /// # Errors
    /// Where a file cannot be read or written, or a column that was asked for, or every one, is not in both files.
    pub async fn run(self) -> anyhow::Result<()> {
        self.check_html()?;
        let reading = [&self.reference, &self.current].map(|file| {
            let file = file.clone();
            tokio::task::spawn_blocking(move || Table::read(&file))
        });
        let [reference, current] = reading;
        let (reference, current) = (reference.await??, current.await??);
        let files = Files { reference: &self.reference, current: &self.current };
        let (columns, left_out) = match self.columns.is_empty() {
            true => pick::shared(&reference, &current, &files),
            false => (pick::named(&self.columns, &reference, &current, &files)?, Vec::new()),
        };
        self.refuse(&left_out, columns.is_empty())?;
        let times = Times::of(&reference, &current);
        let barred = times.as_ref().and_then(Times::bar);
        let compared = comparison::compare(&columns.iter().map(Named::column).collect::<Vec<_>>(), barred.as_deref());
        let report = Report::new(&files, compared, left_out, times.as_ref().map(Times::windows));
        for left in &report.left_out {
            note!("{left}");
        }
        if let Some(file) = &self.html {
            outfile::write(file, &page::html(&report, &columns, times.as_ref())?)?;
        }
        match self.json {
            true => say!("{}", serde_json::to_string_pretty(&report)?),
            false => say!("{}", report.to_text().trim_end()),
        }
        Ok(())
    }

    /// Finds out before the work whether the page can be written, and that it replaces nothing that is read.
    fn check_html(&self) -> anyhow::Result<()> {
        let Some(file) = &self.html else { return Ok(()) };
        if [&self.reference, &self.current].into_iter().any(|read| outfile::is_same(read, file)) {
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
        let (reference, current) = (path(&self.reference), path(&self.current));
        bail!("{reference} and {current} have no column to compare:\n{}", faults.join("\n"))
    }
}
