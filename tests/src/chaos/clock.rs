//! A clock that can jump while a process runs: the wall clock of a process started with libfaketime. Its monotonic
//! clock never jumps, as on a real machine.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Where Debian puts the library, below a folder with the machine's name.
const LIBRARIES: &str = "/usr/lib";
const LIBRARY: &str = "faketime/libfaketime.so.1";
/// Names another place.
const VARIABLE: &str = "CHAOS_FAKETIME";

/// The clock of one process.
#[derive(Clone, Debug)]
pub struct Clock {
    library: PathBuf,
    file: PathBuf,
}

impl Clock {
    /// A clock that is right until it is told otherwise, with its state in this file.
    ///
    /// # Errors
    /// Where libfaketime is not installed.
    pub fn right(file: &Path) -> Result<Self> {
        let clock = Self { library: library()?, file: file.to_owned() };
        clock.write("+0")?;
        Ok(clock)
    }

    /// A clock that stands still at this time.
    ///
    /// # Errors
    /// As [`Self::right`].
    pub fn still(file: &Path, time: &str) -> Result<Self> {
        let clock = Self { library: library()?, file: file.to_owned() };
        clock.write(time)?;
        Ok(clock)
    }

    /// Jumps to so many seconds after the right time, or before it.
    ///
    /// # Errors
    /// Where its file cannot be written.
    pub fn jump(&self, seconds: i64) -> Result<()> {
        self.write(&format!("{seconds:+}"))
    }

    /// What a process needs to live by it.
    pub fn env(&self) -> Vec<(String, String)> {
        [
            ("LD_PRELOAD", self.library.display().to_string().as_str()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string().as_str()),
            // Read at every look, or it would jump ten seconds late.
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
            // A killed process would leave what it shares behind.
            ("FAKETIME_DISABLE_SHM", "1"),
            ("TZ", "UTC"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Replaces the file as a whole: a process that reads half of it would be at no time at all.
    fn write(&self, text: &str) -> Result<()> {
        let beside = self.file.with_extension("next");
        let written = std::fs::write(&beside, format!("{text}\n")).and_then(|()| std::fs::rename(&beside, &self.file));
        written.with_context(|| format!("cannot set the clock in {}", self.file.display()))
    }
}

fn library() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os(VARIABLE) {
        return Ok(named.into());
    }
    let folders = std::fs::read_dir(LIBRARIES).with_context(|| format!("cannot read {LIBRARIES}"))?;
    let found = folders.filter_map(|entry| Some(entry.ok()?.path().join(LIBRARY))).find(|file| file.is_file());
    found.with_context(|| {
        format!(
            "no libfaketime, and without it no clock jumps: run `deploy/setup.sh --with-s3`, or name it in {VARIABLE}"
        )
    })
}
