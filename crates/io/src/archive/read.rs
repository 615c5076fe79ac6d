//! Reading a file of a series: whole and unchanged first, then piece by piece.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use aria_core::archive::{Contents, Label, Part};
use aria_core::artifact::{Format, Kind, Ref, Sha256Hex};
use aria_core::cell::Cell;
use aria_core::document::{self, DocumentError};
use aria_core::head::Head;
use aria_core::reach::{self, Names};
use aria_core::series::{Definition, SeriesId};
use aria_core::snapshot::Manifest;
use sha2::{Digest, Sha256};
use tar::{Archive, Entry};

use super::{ARTIFACTS, ArchiveError, CELLS, CONTENTS, EVENTS, LABEL, from_line};
use crate::bus::Past;

/// A file that was read to its end and found whole.
#[derive(Debug)]
pub struct Whole {
    file: PathBuf,
    /// What it holds.
    pub contents: Contents,
    /// The digest of its contents: the same for the same export.
    pub digest: Sha256Hex,
    /// The cells.
    pub cells: BTreeMap<Cell, Vec<u8>>,
    /// The definition by which the newest accepted batch was read; none before the first.
    pub definition: Option<Definition>,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A cell.
    Cell(Cell, Vec<u8>),
    /// Events, in the order of the log.
    Events(Vec<Past>),
    /// An artifact.
    Artifact(Ref, Vec<u8>),
}

impl Whole {
    /// Reads a file to its end: every part is the one that was written, and whatever is named is in it.
    ///
    /// # Errors
    /// Where it is not so.
    pub fn open(file: &Path) -> Result<Self, ArchiveError> {
        let mut check = Check::default();
        let mut archive = Archive::new(BufReader::new(File::open(file).map_err(ArchiveError::Read)?));
        for entry in archive.entries().map_err(ArchiveError::Read)? {
            let mut entry = entry.map_err(|error| check.broken(error))?;
            let path = path_of(&entry);
            let bytes = bytes_of(&mut entry, &path)?;
            check.part(&path, bytes)?;
        }
        check.end(file)
    }

    /// Hands out the pieces that are wanted, in the order of the file. The paths of others are passed over unread.
    ///
    /// # Errors
    /// Where the file is no longer the one that was opened, or with the visitor's error.
    pub async fn each<E: From<ArchiveError>>(
        &self,
        wanted: Wanted,
        mut visit: impl AsyncFnMut(Piece) -> Result<(), E>,
    ) -> Result<(), E> {
        let opened = File::open(&self.file).map_err(ArchiveError::Read)?;
        let mut archive = Archive::new(BufReader::new(opened));
        for entry in archive.entries_with_seek().map_err(ArchiveError::Read)? {
            let mut entry = entry.map_err(ArchiveError::Read)?;
            let path = path_of(&entry);
            if !path.starts_with(wanted.prefix()) {
                continue;
            }
            let bytes = bytes_of(&mut entry, &path)?;
            if wanted == Wanted::Events && !self.is_listed(&path, &bytes) {
                return Err(ArchiveError::Changed { path }.into());
            }
            visit(piece(&path, bytes)?).await?;
        }
        Ok(())
    }

    fn is_listed(&self, path: &str, bytes: &[u8]) -> bool {
        self.contents.parts.contains(&part(path, bytes))
    }
}

/// Which pieces are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Events.
    Events,
    /// Artifacts.
    Artifacts,
}

impl Wanted {
    fn prefix(self) -> &'static str {
        match self {
            Self::Events => EVENTS,
            Self::Artifacts => ARTIFACTS,
        }
    }
}

/// What is known of a file so far.
#[derive(Default)]
struct Check {
    label: Option<Label>,
    parts: Vec<Part>,
    cells: BTreeMap<Cell, Vec<u8>>,
    events: u64,
    artifacts: u64,
    size_bytes: u64,
    keys: Sha256,
    there: HashSet<[u8; 32]>,
    /// Names whose artifact has not come yet.
    missing: BTreeMap<[u8; 32], String>,
    /// What was named so far.
    named: HashSet<[u8; 32]>,
    /// Artifacts of other series that nothing has named yet. Those that the series was forecast with are named by its
    /// snapshots; others do not belong in the file.
    strangers: BTreeMap<[u8; 32], String>,
    snapshot: Option<Ref>,
    wanted_definition: Option<Ref>,
    definitions: BTreeMap<Ref, Vec<u8>>,
    contents: Option<(Contents, Sha256Hex)>,
}

impl Check {
    fn part(&mut self, path: &str, bytes: Vec<u8>) -> Result<(), ArchiveError> {
        let Some(label) = &self.label else {
            if path != LABEL {
                return Err(ArchiveError::Foreign);
            }
            let label = document::decode(&bytes).map_err(|source| match source {
                DocumentError::Other { .. } | DocumentError::Earlier { .. } => ArchiveError::Version(source),
                DocumentError::Shape { .. } => ArchiveError::Foreign,
            })?;
            self.label = Some(label);
            self.parts.push(part(path, &bytes));
            return Ok(());
        };
        if self.contents.is_some() {
            return Err(ArchiveError::Misplaced { path: path.to_owned() });
        }
        if path == CONTENTS {
            return self.contents(bytes);
        }
        let series = label.series.clone();
        if !path.starts_with(ARTIFACTS) {
            self.parts.push(part(path, &bytes));
        }
        match piece(path, bytes)? {
            Piece::Cell(cell, bytes) => self.cell(cell, bytes, path),
            Piece::Events(events) => self.events(&events, path, &series),
            Piece::Artifact(name, bytes) => self.artifact(name, bytes),
        }
    }

    fn cell(&mut self, cell: Cell, bytes: Vec<u8>, path: &str) -> Result<(), ArchiveError> {
        let unreadable = |source| ArchiveError::Document { path: path.to_owned(), source };
        for name in cell.names_in(&bytes).map_err(unreadable)? {
            self.name(&name);
        }
        if cell == Cell::Head {
            self.snapshot = document::decode::<Head>(&bytes).map_err(unreadable)?.snapshot;
        }
        self.cells.insert(cell, bytes);
        Ok(())
    }

    fn events(&mut self, events: &[Past], path: &str, series: &SeriesId) -> Result<(), ArchiveError> {
        for past in events {
            let read = past.event();
            let (event, _) = read.map_err(|source| ArchiveError::Event { path: path.to_owned(), source })?;
            if event.series != *series {
                let (series, path) = (series.to_string(), path.to_owned());
                return Err(ArchiveError::OtherSeries { series, path });
            }
            for name in event.names() {
                self.name(name);
            }
            self.events += 1;
        }
        Ok(())
    }

    fn artifact(&mut self, name: Ref, bytes: Vec<u8>) -> Result<(), ArchiveError> {
        let key = name.key();
        let unreadable = |source| ArchiveError::Document { path: format!("{ARTIFACTS}{key}"), source };
        for named in reach::named_by(name.kind, &bytes).map_err(unreadable)? {
            self.name(&named);
        }
        self.artifacts += 1;
        self.size_bytes += name.size_bytes;
        self.keys.update(format!("{key}\n"));
        let digest = digest(&key);
        self.missing.remove(&digest);
        self.there.insert(digest);
        let is_own = self.label.as_ref().is_some_and(|label| label.series == name.series);
        if !is_own && !self.named.contains(&digest) {
            self.strangers.insert(digest, format!("{ARTIFACTS}{key}"));
        }
        if self.snapshot.as_ref() == Some(&name) {
            let manifest: Manifest = document::decode(&bytes).map_err(unreadable)?;
            self.wanted_definition = Some(manifest.definition);
        }
        if name.kind == Kind::Definition {
            self.definitions.insert(name, bytes);
        }
        Ok(())
    }

    fn name(&mut self, name: &Ref) {
        let key = name.key();
        let digest = digest(&key);
        self.named.insert(digest);
        self.strangers.remove(&digest);
        if !self.there.contains(&digest) {
            self.missing.insert(digest, key);
        }
    }

    fn contents(&mut self, bytes: Vec<u8>) -> Result<(), ArchiveError> {
        let contents: Contents = document::decode(&bytes).map_err(ArchiveError::Version)?;
        let changed = |path: &str| Err(ArchiveError::Changed { path: path.to_owned() });
        if let Some(other) = contents.parts.iter().find(|part| !self.parts.contains(part)) {
            return changed(&other.path);
        }
        let keys = Sha256Hex::from_digest(std::mem::take(&mut self.keys));
        let found = (self.artifacts, self.size_bytes, &keys);
        if found != (contents.artifacts.count, contents.artifacts.size_bytes, &contents.artifacts.keys_sha256) {
            return changed(ARTIFACTS);
        }
        let is_same_series = self.label.as_ref().is_some_and(|label| label.series == contents.series);
        if contents.parts != self.parts || contents.events != self.events || !is_same_series {
            return changed(CONTENTS);
        }
        self.contents = Some((contents, Sha256Hex::of(&bytes)));
        Ok(())
    }

    fn end(self, file: &Path) -> Result<Whole, ArchiveError> {
        if self.label.is_none() {
            return Err(ArchiveError::Foreign);
        }
        let (contents, digest) = self.contents.ok_or(ArchiveError::CutOff)?;
        if let Some(key) = self.missing.values().next() {
            return Err(ArchiveError::Missing { count: self.missing.len(), key: key.clone() });
        }
        if let Some(path) = self.strangers.into_values().next() {
            return Err(ArchiveError::OtherSeries { series: contents.series.to_string(), path });
        }
        let definition = self.wanted_definition.and_then(|name| self.definitions.get(&name).map(|bytes| (name, bytes)));
        let definition = definition.map(|(name, bytes)| {
            let path = format!("{ARTIFACTS}{name}");
            document::decode(bytes).map_err(|source| ArchiveError::Document { path, source })
        });
        Ok(Whole { file: file.to_owned(), contents, digest, cells: self.cells, definition: definition.transpose()? })
    }

    /// What a failure of reading means: before the first part, that the file is something else.
    fn broken(&self, error: io::Error) -> ArchiveError {
        match (&self.label, error.kind()) {
            (None, io::ErrorKind::Other | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => {
                ArchiveError::Foreign
            }
            (Some(_), io::ErrorKind::Other | io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => {
                ArchiveError::CutOff
            }
            _ => ArchiveError::Read(error),
        }
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn part(path: &str, bytes: &[u8]) -> Part {
    Part { path: path.to_owned(), sha256: Sha256Hex::of(bytes), size_bytes: bytes.len() as u64 }
}

fn path_of<R: Read>(entry: &Entry<'_, R>) -> String {
    String::from_utf8_lossy(&entry.path_bytes()).into_owned()
}

/// A part's bytes. Memory grows with what is there, not with what the file says that there is.
fn bytes_of<R: Read>(entry: &mut Entry<'_, R>, path: &str) -> Result<Vec<u8>, ArchiveError> {
    if !entry.header().entry_type().is_file() {
        return Err(ArchiveError::Misplaced { path: path.to_owned() });
    }
    let mut bytes = Vec::new();
    let size = entry.size();
    let read = entry.read_to_end(&mut bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::Other => ArchiveError::CutOff,
        _ => ArchiveError::Read(error),
    })?;
    if read as u64 == size { Ok(bytes) } else { Err(ArchiveError::CutOff) }
}

fn piece(path: &str, bytes: Vec<u8>) -> Result<Piece, ArchiveError> {
    let misplaced = || ArchiveError::Misplaced { path: path.to_owned() };
    let changed = || ArchiveError::Changed { path: path.to_owned() };
    if let Some(name) = path.strip_prefix(CELLS) {
        let cell = Cell::ALL.into_iter().find(|cell| name.strip_suffix(".json") == Some(cell.as_str()));
        return Ok(Piece::Cell(cell.ok_or_else(misplaced)?, bytes));
    }
    if path.starts_with(EVENTS) {
        let lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let events: Result<Vec<Past>, _> = lines.map(from_line).collect();
        return Ok(Piece::Events(events.map_err(|_| changed())?));
    }
    let key = path.strip_prefix(ARTIFACTS).ok_or_else(misplaced)?;
    let name = named(key, bytes.len() as u64).ok_or_else(misplaced)?;
    if !name.names(&bytes) {
        return Err(changed());
    }
    Ok(Piece::Artifact(name, bytes))
}

/// The artifact with this key and length.
fn named(key: &str, size_bytes: u64) -> Option<Ref> {
    let mut parts = key.splitn(3, '/');
    let (kind, series, file) = (parts.next()?, parts.next()?, parts.next()?);
    let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind)?;
    let (digest, ending) = file.split_once('.')?;
    let format = Format::from_ending(ending)?;
    Some(Ref { kind, series: series.parse().ok()?, sha256: digest.parse().ok()?, format, size_bytes })
}
