//! Files that a command is given, and the definitions of the series they hold.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use aria_core::artifact::Format;
use aria_core::replay::Batch;
use aria_core::series::Definition;
use aria_core::time::Timestamp;

use crate::output::path;

/// The definitions that come with the command, for use without a folder of them.
const SHIPPED: [&str; 2] = [
    include_str!("../../../deploy/series/it.ci_direct.toml"),
    include_str!("../../../deploy/series/simulated.ci_direct.toml"),
];

/// The most bytes of a definition.
const LARGEST_DEFINITION: u64 = 1 << 20;
/// The most bytes that are read of what has no size of its own, such as a pipe.
const LARGEST_STREAM: u64 = 1 << 30;

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
        let advice = "give the definition of one series".to_owned();
        let bytes = open(file)?.rest(&Largest { bytes: LARGEST_DEFINITION, advice })?;
        let text = String::from_utf8(bytes).with_context(|| format!("cannot read {}", path(file)))?;
        return Definition::from_toml(&text).with_context(|| path(file));
    }
    let all = shipped()?;
    let names = all.iter().map(|d| d.id.to_string()).collect::<Vec<_>>().join(", ");
    match all.into_iter().find(|d| d.id.as_str() == series) {
        Some(definition) => Ok(definition),
        None => bail!("no definition of `{series}`: known are {names}; give one with --definition"),
    }
}

/// The bytes that tell a format.
const BEGINNING: u64 = 4;

/// How large a file may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Largest {
    /// The most bytes.
    pub bytes: u64,
    /// Who says so, and what to do about a larger file.
    pub advice: String,
}

/// A table's bytes, refused before they are read where there are more than a series' definition allows.
///
/// # Errors
/// Where the file cannot be read, can be no table by its name, or is too large.
pub fn read(file: &Path, most: u64) -> anyhow::Result<Vec<u8>> {
    let advice = "split it, or raise contract.upload_bytes of the series".to_owned();
    read_within(file, &Largest { bytes: most, advice })
}

/// A table's bytes, refused before they are read where there are too many.
///
/// # Errors
/// As [`read`].
pub fn read_within(file: &Path, largest: &Largest) -> anyhow::Result<Vec<u8>> {
    let mut opened = open(file)?;
    opened.begin()?;
    // What is refused by its name or its beginning is not read to its end: there may be none.
    format_of(file, &opened.beginning)?;
    opened.rest(largest)
}

/// A file's bytes, however large; not those of a pipe or a device, which may have no end.
///
/// # Errors
/// Where it cannot be read, or is no file and has too much in it.
pub fn read_whole(file: &Path) -> anyhow::Result<Vec<u8>> {
    let opened = open(file)?;
    let bytes = if opened.is_regular { u64::MAX } else { LARGEST_STREAM };
    opened.rest(&Largest { bytes, advice: "save it as a file first".to_owned() })
}

/// A file that is being read.
struct Opened<'a> {
    name: &'a Path,
    file: File,
    /// What is read already.
    beginning: Vec<u8>,
    size_bytes: u64,
    is_regular: bool,
}

fn open(name: &Path) -> anyhow::Result<Opened<'_>> {
    let cannot = || format!("cannot read {}", path(name));
    let file = File::open(name).with_context(cannot)?;
    let told = file.metadata().with_context(cannot)?;
    if told.is_dir() {
        bail!("{} is a folder: name the files in it", path(name));
    }
    Ok(Opened { name, file, beginning: Vec::new(), size_bytes: told.len(), is_regular: told.is_file() })
}

impl Opened<'_> {
    /// Reads as much as tells a format.
    fn begin(&mut self) -> anyhow::Result<()> {
        let read = (&self.file).take(BEGINNING).read_to_end(&mut self.beginning);
        read.map(drop).with_context(|| format!("cannot read {}", path(self.name)))
    }

    /// All bytes. They are counted as they come: what a device or a pipe says of its size is not true, and a file
    /// grows.
    fn rest(self, largest: &Largest) -> anyhow::Result<Vec<u8>> {
        let Largest { bytes: most, advice } = largest;
        let too_many = |size: &dyn std::fmt::Display| {
            anyhow::anyhow!("{} has {size} bytes and an upload may have {most}: {advice}", path(self.name))
        };
        if self.size_bytes > *most {
            return Err(too_many(&self.size_bytes));
        }
        let mut bytes = self.beginning;
        let more = most.saturating_add(1).saturating_sub(bytes.len() as u64);
        let read = (&self.file).take(more).read_to_end(&mut bytes);
        read.with_context(|| format!("cannot read {}", path(self.name)))?;
        if bytes.len() as u64 > *most {
            return Err(too_many(&format_args!("more than {most}")));
        }
        Ok(bytes)
    }
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
    anyhow::anyhow!("no batch of {} lies in {span}{}", path(file), ends.unwrap_or_default())
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
        bail!("{} is compressed: decompress it first (gzip -d)", path(file));
    }
    let ending = file.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "csv" | "txt" => Ok(Format::Csv),
        "ndjson" | "jsonl" => Ok(Format::Ndjson),
        "parquet" => Ok(Format::Parquet),
        _ => bail!("{} is not .csv, .ndjson or .parquet: give a file of one of these", path(file)),
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

    fn refusal(file: &Path, most: u64) -> String {
        format!("{:#}", read(file, most).unwrap_err())
    }

    #[test]
    fn a_file_may_have_as_many_bytes_as_are_allowed_and_no_more() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("a.csv");
        std::fs::write(&file, b"a,b\n1,2\n").unwrap();
        assert_eq!(read(&file, 8).unwrap(), b"a,b\n1,2\n");
        assert!(refusal(&file, 7).contains("has 8 bytes and an upload may have 7: split it"));
        assert_eq!(read_whole(&file).unwrap(), b"a,b\n1,2\n");
    }

    #[test]
    fn what_has_no_end_is_refused_by_its_name_or_after_as_many_bytes_as_are_allowed() {
        let folder = tempfile::TempDir::new().unwrap();
        let link = folder.path().join("zero.csv");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        assert!(refusal(&link, 1_000).contains("has more than 1000 bytes and an upload may have 1000"));
        assert!(refusal(Path::new("/dev/zero"), 1_000).contains("/dev/zero is not .csv, .ndjson or .parquet"));
        let definition = definition("it.ci_direct", Some(Path::new("/dev/zero"))).unwrap_err().to_string();
        assert!(definition.contains("has more than 1048576 bytes"), "{definition}");
    }

    #[test]
    fn a_folder_is_named_for_what_it_is() {
        let folder = tempfile::TempDir::with_suffix(".csv").unwrap();
        assert!(refusal(folder.path(), 1_000).ends_with("is a folder: name the files in it"));
    }
}
