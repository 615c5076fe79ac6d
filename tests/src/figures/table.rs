//! Columns of the files that figures are measured on, compressed or not.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use aria_core::history::History;
use aria_core::time::{Cadence, Timestamp};

/// A file's header and rows.
pub struct Table {
    pub header: Vec<String>,
    pub rows: Vec<csv::StringRecord>,
}

impl Table {
    /// Reads a CSV, through gzip where its name says so.
    pub fn read(file: &Path) -> Result<Self> {
        let cannot = || format!("cannot read {}", file.display());
        let opened = File::open(file).with_context(cannot)?;
        let zipped = file.extension().is_some_and(|ending| ending == "gz");
        let bytes: Box<dyn Read> =
            if zipped { Box::new(flate2::read::GzDecoder::new(opened)) } else { Box::new(opened) };
        let mut reader = csv::Reader::from_reader(bytes);
        let header = reader.headers().with_context(cannot)?.iter().map(str::to_owned).collect();
        Ok(Self { header, rows: reader.records().collect::<Result<_, _>>().with_context(cannot)? })
    }

    /// The place of a column.
    pub fn place(&self, column: &str) -> Result<usize> {
        self.header.iter().position(|name| name == column).with_context(|| format!("no column `{column}`"))
    }

    /// The times of a column.
    pub fn times(&self, column: &str) -> Result<Vec<Timestamp>> {
        let place = self.place(column)?;
        self.rows.iter().map(|row| time(row.get(place).unwrap_or_default())).collect()
    }

    /// The hourly values of a column; an empty cell is a gap.
    pub fn history(&self, times: &[Timestamp], column: &str) -> Result<History> {
        let place = self.place(column)?;
        let mut by_time = BTreeMap::new();
        for (time, row) in times.iter().zip(&self.rows) {
            let cell = row.get(place).unwrap_or_default();
            by_time.insert(*time, if cell.is_empty() { f64::NAN } else { cell.parse()? });
        }
        let (first, last) = by_time.keys().next().zip(by_time.keys().next_back()).context("no row")?;
        let hours = last.since(*first) / 3_600;
        let at = |hour: i64| by_time.get(&first.plus(hour * 3_600)).copied().unwrap_or(f64::NAN);
        Ok(History::new(*first, Cadence::Hour, (0..=hours).map(at).collect()))
    }
}

/// The hourly values of one column of a file.
pub fn history(file: &Path, time_column: &str, column: &str) -> Result<History> {
    let table = Table::read(file)?;
    let of_file = || format!("{}", file.display());
    let times = table.times(time_column).with_context(of_file)?;
    table.history(&times, column).with_context(of_file)
}

/// A time in UTC, with or without saying so.
fn time(text: &str) -> Result<Timestamp> {
    let text = text.trim_end_matches('Z').trim_end_matches("+00:00").replace(' ', "T");
    format!("{text}Z").parse().with_context(|| format!("`{text}` is no time"))
}
