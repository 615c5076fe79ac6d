//! The inputs that are kept.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use aria_tests::clone_root;

/// An input and the file that holds it.
pub struct Input {
    /// The file's name, which says what it shows.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// The folder of a target's own inputs.
pub fn folder(target: &str) -> PathBuf {
    clone_root().join("tests/corpus").join(target)
}

/// Every input of a target, its own and those in further folders of the clone with this ending, by name.
///
/// # Errors
/// Where there is none, or one cannot be read.
pub fn read(target: &str, samples: &[(&str, &str)]) -> Result<Vec<Input>> {
    let mut inputs = files(&folder(target), "")?;
    for (further, ending) in samples {
        inputs.extend(files(&clone_root().join(further), ending)?);
    }
    ensure!(!inputs.is_empty(), "there is no input for `{target}`");
    Ok(inputs)
}

fn files(folder: &Path, ending: &str) -> Result<Vec<Input>> {
    let mut inputs = Vec::new();
    let entries = std::fs::read_dir(folder).with_context(|| format!("no inputs in {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("a file has no name")?.to_owned();
        if name.ends_with(ending) {
            inputs.push(Input { name, bytes: std::fs::read(&path)? });
        }
    }
    inputs.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(inputs)
}
