//! Writing a file of a series.

use std::io::Write;

use aria_core::archive::{Artifacts, Contents, Label, Part};
use aria_core::artifact::{Ref, Sha256Hex};
use aria_core::cell::Cell;
use aria_core::document;
use aria_core::series::SeriesId;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use super::{ARTIFACTS, ArchiveError, CELLS, CONTENTS, EVENTS, EVENTS_A_PART, LABEL, to_line};
use crate::bus::Past;

/// A file in the making: first the cells, then the events, then the artifacts.
pub struct Writer<W: Write> {
    tar: Builder<W>,
    series: SeriesId,
    parts: Vec<Part>,
    /// Lines of events that are not written yet.
    lines: Vec<u8>,
    waiting: usize,
    chunks: u32,
    events: u64,
    artifacts: u64,
    size_bytes: u64,
    keys: Sha256,
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// Where it cannot be written, as for the other functions.
    pub fn begin(out: W, series: &SeriesId) -> Result<Self, ArchiveError> {
        let mut writer = Self {
            tar: Builder::new(out),
            series: series.clone(),
            parts: Vec::new(),
            lines: Vec::new(),
            waiting: 0,
            chunks: 0,
            events: 0,
            artifacts: 0,
            size_bytes: 0,
            keys: Sha256::new(),
        };
        let label = Label { series: series.clone(), code_version: aria_core::CODE_VERSION.to_owned() };
        let label = document::encode(&label).map_err(ArchiveError::Unwritable)?;
        writer.part(LABEL, &label)?;
        Ok(writer)
    }

    /// Adds a cell.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub fn cell(&mut self, cell: Cell, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.part(&format!("{CELLS}{}.json", cell.as_str()), bytes)
    }

    /// Adds the next event.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub fn event(&mut self, past: &Past) -> Result<(), ArchiveError> {
        self.lines.extend(to_line(past).map_err(ArchiveError::Line)?);
        self.waiting += 1;
        self.events += 1;
        if self.waiting == EVENTS_A_PART { self.write_events() } else { Ok(()) }
    }

    /// Adds an artifact.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub fn artifact(&mut self, name: &Ref, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.write_events()?;
        let key = name.key();
        self.append(&format!("{ARTIFACTS}{key}"), bytes)?;
        self.artifacts += 1;
        self.size_bytes += name.size_bytes;
        self.keys.update(format!("{key}\n"));
        Ok(())
    }

    /// Ends the file; gives what it was written to, and its contents with their digest.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub fn end(mut self, batches: u64) -> Result<(W, Contents, Sha256Hex), ArchiveError> {
        self.write_events()?;
        let artifacts = Artifacts {
            count: self.artifacts,
            size_bytes: self.size_bytes,
            keys_sha256: Sha256Hex::from_digest(std::mem::take(&mut self.keys)),
        };
        let (series, parts) = (self.series.clone(), std::mem::take(&mut self.parts));
        let contents = Contents { series, batches, events: self.events, artifacts, parts };
        let bytes = document::encode(&contents).map_err(ArchiveError::Unwritable)?;
        self.append(CONTENTS, &bytes)?;
        let out = self.tar.into_inner().map_err(ArchiveError::Write)?;
        Ok((out, contents, Sha256Hex::of(&bytes)))
    }

    fn write_events(&mut self) -> Result<(), ArchiveError> {
        if self.waiting == 0 {
            return Ok(());
        }
        self.chunks += 1;
        let lines = std::mem::take(&mut self.lines);
        self.waiting = 0;
        self.part(&format!("{EVENTS}{:06}.ndjson", self.chunks), &lines)
    }

    fn part(&mut self, path: &str, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.append(path, bytes)?;
        let (sha256, size_bytes) = (Sha256Hex::of(bytes), bytes.len() as u64);
        self.parts.push(Part { path: path.to_owned(), sha256, size_bytes });
        Ok(())
    }

    /// Without times and owners: the same series gives the same bytes.
    fn append(&mut self, path: &str, bytes: &[u8]) -> Result<(), ArchiveError> {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        self.tar.append_data(&mut header, path, bytes).map_err(ArchiveError::Write)
    }
}
