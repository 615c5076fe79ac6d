//! Files that a command is given, and the definitions of the series they hold.

use std::path::Path;

use anyhow::{Context, bail};
use aria_core::artifact::Format;
use aria_core::replay::Batch;
use aria_core::series::Definition;
use aria_core::time::Timestamp;

/// The definitions that come with the command, for use without a folder of them.
const SHIPPED: [&str; 2] = [
    include_str!("../../../deploy/series/it.ci_direct.toml"),
    include_str!("../../../deploy/series/simulated.ci_direct.toml"),
];

/// The shipped definitions.
///
/// # Errors
/// Where one of them is wrong, which the build's tests refuse.
pub fn shipped() -> anyhow::Result<Vec<Definition>> {
    SHIPPED.iter().map(|text| Ok(Definition::from_toml(text)?)).collect()
}

/// The definitions in a folder, or the shipped ones.
///
/// # Errors
/// With every fault of every definition at once.
pub fn definitions(folder: Option<&Path>) -> anyhow::Result<Vec<Definition>> {
    match folder {
        Some(folder) => Ok(aria_io::runtime::config::definitions(folder)?),
        None => shipped(),
    }
}

/// The definition in a file, or the shipped one with this name.
///
/// # Errors
/// Where the file cannot be read, is no definition, or there is none with this name.
pub fn definition(series: &str, file: Option<&Path>) -> anyhow::Result<Definition> {
    if let Some(file) = file {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        return Definition::from_toml(&text).with_context(|| format!("{}", file.display()));
    }
    let all = shipped()?;
    let names = all.iter().map(|d| d.id.to_string()).collect::<Vec<_>>().join(", ");
    match all.into_iter().find(|d| d.id.as_str() == series) {
        Some(definition) => Ok(definition),
        None => bail!("no definition of `{series}`: known are {names}; give one with --definition"),
    }
}

/// How large a file may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Largest {
    /// The most bytes.
    pub bytes: u64,
    /// Who says so, and what to do about a larger file.
    pub advice: String,
}

/// A file's bytes, refused before they are read where there are more than a series' definition allows.
///
/// # Errors
/// Where the file cannot be read or is too large.
pub fn read(file: &Path, most: u64) -> anyhow::Result<Vec<u8>> {
    let advice = "split it, or raise contract.upload_bytes of the series".to_owned();
    read_within(file, &Largest { bytes: most, advice })
}

/// A file's bytes, refused before they are read where there are too many.
///
/// # Errors
/// As [`read`].
pub fn read_within(file: &Path, largest: &Largest) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("cannot read {}", file.display());
    let size = std::fs::metadata(file).with_context(cannot)?.len();
    let Largest { bytes, advice } = largest;
    if size > *bytes {
        bail!("{} has {size} bytes and an upload may have {bytes}: {advice}", file.display());
    }
    std::fs::read(file).with_context(cannot)
}

/// A span of time as it was asked for.
pub fn span(from: Option<Timestamp>, to: Option<Timestamp>) -> String {
    let end = |option: &str, time: Option<Timestamp>| time.map(|time| format!(" {option} {time}")).unwrap_or_default();
    format!("the span{}{}", end("--from", from), end("--to", to))
}

/// What is said where no batch of a history lies in the span that was asked for.
pub fn no_day(file: &Path, batches: &[Batch], span: &str) -> anyhow::Error {
    let ends = batches.first().zip(batches.last()).map(|(first, last)| (first.as_of, last.as_of));
    let ends = ends.map(|(first, last)| format!(": its first one ends {first} and its last one {last}"));
    anyhow::anyhow!("no batch of {} lies in {span}{}", file.display(), ends.unwrap_or_default())
}

/// The format of a file, by its ending or its first bytes.
///
/// # Errors
/// Where it is none that can be taken in.
pub fn format_of(file: &Path, bytes: &[u8]) -> anyhow::Result<Format> {
    if bytes.starts_with(b"PAR1") {
        return Ok(Format::Parquet);
    }
    if bytes.starts_with(&[0x1f, 0x8b]) {
        bail!("{} is compressed: decompress it first (gzip -d)", file.display());
    }
    let ending = file.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "csv" | "txt" => Ok(Format::Csv),
        "ndjson" | "jsonl" => Ok(Format::Ndjson),
        "parquet" => Ok(Format::Parquet),
        _ => bail!("{} is not .csv, .ndjson or .parquet: give a file of one of these", file.display()),
    }
}

/// Whether the simulator made these bytes: it says so in each row.
pub fn is_simulated(bytes: &[u8]) -> bool {
    let head = bytes.get(..4_096.min(bytes.len())).unwrap_or_default();
    String::from_utf8_lossy(head).contains(",simulated")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_definitions_are_right() {
        assert_eq!(shipped().unwrap().len(), SHIPPED.len());
    }

    #[test]
    fn a_compressed_file_is_refused_with_the_next_step() {
        let error = format_of(Path::new("a.csv"), &[0x1f, 0x8b, 0]).unwrap_err();
        assert!(error.to_string().contains("decompress it first"));
    }
}
