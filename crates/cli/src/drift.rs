//! `aria drift`: how far two files lie apart, column by column, without a platform.

mod pick;
mod report;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use aria_core::drift::comparison::{self, Incomparable, Which};
use aria_core::numbers::{self, Format, Numbers};
use clap::Args;

use pick::{LeftOut, Named};
use report::Report;

use crate::input;
use crate::output::path;

/// Compares two files with every statistic of drift: distances, p-values, missing values, and what they come to.
///
/// A column has drifted where the difference is both beyond chance and large. Rows are taken to be in order of time.
#[derive(Args, Debug)]
pub struct Drift {
    /// The file to compare with: CSV or Parquet.
    #[arg(long)]
    reference: PathBuf,
    /// The file that may have drifted: CSV or Parquet.
    #[arg(long)]
    current: PathBuf,
    /// A column to compare; may be given several times. Without it every numeric column that both files have.
    #[arg(long = "column", value_name = "COLUMN")]
    columns: Vec<String>,
    /// Prints the report as one JSON document.
    #[arg(long)]
    json: bool,
}

impl Drift {
    /// Runs the command.
    ///
    /// # Errors
    /// Where a file cannot be read, or a column that was asked for, or every one, cannot be compared.
    pub async fn run(self) -> anyhow::Result<()> {
        let reading = [&self.reference, &self.current].map(|file| {
            let file = file.clone();
            tokio::task::spawn_blocking(move || read(&file))
        });
        let [reference, current] = reading;
        let (reference, current) = (reference.await??, current.await??);
        let files = Files { reference: &self.reference, current: &self.current };
        let (columns, mut left_out) = match self.columns.is_empty() {
            true => pick::shared(&reference, &current, &files),
            false => (pick::named(&self.columns, &reference, &current, &files)?, Vec::new()),
        };
        let mut compared = Vec::new();
        let answers = comparison::compare(&columns.iter().map(Named::column).collect::<Vec<_>>());
        for (column, answer) in columns.iter().zip(answers) {
            match answer {
                Ok(comparison) => compared.push(comparison),
                Err(fault) => left_out.push(LeftOut::new(column.name, files.fault(&fault))),
            }
        }
        self.refuse(&left_out, compared.is_empty())?;
        let report = Report::new(&files, compared, left_out);
        for left in &report.left_out {
            note!("{left}");
        }
        match self.json {
            true => say!("{}", serde_json::to_string_pretty(&report)?),
            false => say!("{}", report.to_text().trim_end()),
        }
        Ok(())
    }

    /// Refuses a report that lacks a column which was asked for, or has none.
    fn refuse(&self, left_out: &[LeftOut], nothing: bool) -> anyhow::Result<()> {
        if !nothing && (self.columns.is_empty() || left_out.is_empty()) {
            return Ok(());
        }
        let faults: Vec<String> = left_out.iter().map(|left| format!("{left}; {}", pick::NEXT)).collect();
        if self.columns.is_empty() {
            let (reference, current) = (path(&self.reference), path(&self.current));
            bail!("{reference} and {current} have no numeric column to compare:\n{}", faults.join("\n"));
        }
        bail!("{}", faults.join("\n"))
    }
}

/// The two files, for messages.
struct Files<'a> {
    reference: &'a Path,
    current: &'a Path,
}

impl Files<'_> {
    /// Why a column cannot be compared, with the file that is at fault.
    fn fault(&self, fault: &Incomparable) -> String {
        let file = match fault {
            Incomparable::NoFinite { which, .. } | Incomparable::TooFew { which, .. } => match which {
                Which::Reference => self.reference,
                Which::Current => self.current,
            },
            Incomparable::Sample(_) => return fault.to_string(),
        };
        format!("in {} {fault}", path(file))
    }
}

fn read(file: &Path) -> anyhow::Result<Numbers> {
    let cannot = || format!("cannot read {}: give a CSV or Parquet file that can be read", path(file));
    let bytes = input::read_whole(file).with_context(cannot)?;
    let format = format_of(file, &bytes)?;
    numbers::read(format, &bytes).with_context(|| path(file))
}

/// The format of a file, by its first bytes or its ending. Anything else is tried as CSV, whose reader says what it is.
fn format_of(file: &Path, bytes: &[u8]) -> anyhow::Result<Format> {
    if bytes.starts_with(b"PAR1") {
        return Ok(Format::Parquet);
    }
    let ending = file.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "parquet" => Ok(Format::Parquet),
        "ndjson" | "jsonl" | "json" => bail!("{} is JSON by its name: give CSV or Parquet", path(file)),
        _ => Ok(Format::Csv),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_what_the_bytes_say_and_then_what_the_name_says() {
        let check = |name: &str, bytes: &[u8]| format_of(Path::new(name), bytes).unwrap();
        assert_eq!(check("a.csv", b"PAR1"), Format::Parquet);
        assert_eq!(check("a.PARQUET", b"a,b"), Format::Parquet);
        assert_eq!(check("a", b"a,b"), Format::Csv);
        assert!(format_of(Path::new("a.ndjson"), b"{}").is_err());
    }
}
