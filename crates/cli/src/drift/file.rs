//! The two files that are compared, read whole.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use aria_core::numbers::{self, Format, Numbers, Text};

use crate::input;
use crate::output::path;

/// The two files, for messages.
pub struct Files<'a> {
    /// The one to compare with.
    pub reference: &'a Path,
    /// The one that may have drifted.
    pub current: &'a Path,
}

/// What stands in a file.
pub struct Table {
    /// Its columns, with the numbers of those that have any.
    pub numbers: Numbers,
    /// The texts of the others, by name; a column without a value may be either.
    pub texts: BTreeMap<String, Text>,
}

impl Table {
    /// Reads a file.
    ///
    /// # Errors
    /// Where it cannot be read, or is no table.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("cannot read {}: give a CSV or Parquet file that can be read", path(file));
        let bytes = input::read_whole(file).with_context(cannot)?;
        let format = format_of(file, &bytes)?;
        Self::of(format, &bytes).with_context(|| path(file))
    }

    /// The columns of a table in memory.
    ///
    /// # Errors
    /// Where it is no table.
    pub fn of(format: Format, bytes: &[u8]) -> anyhow::Result<Self> {
        let numbers = numbers::read(format, bytes)?;
        let mut texts = numbers::texts(format, bytes, &numbers)?;
        let empty = numbers.columns.iter().filter_map(|column| Some((column, column.values.as_ref().ok()?)));
        for (column, values) in empty.filter(|(_, values)| values.iter().all(|value| value.is_nan())) {
            texts.insert(column.name.clone(), Text::of(values.iter().map(|_| None)));
        }
        Ok(Self { numbers, texts })
    }
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
