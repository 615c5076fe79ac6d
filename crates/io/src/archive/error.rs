//! Why a file is no whole export.

use std::io;

use aria_core::document::DocumentError;

use crate::bus::Malformed;

/// A file that cannot be written, or that is no whole export.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be written.
    #[error("cannot be written")]
    Write(#[source] io::Error),
    /// A document has a value that JSON cannot hold.
    #[error("a part cannot be written")]
    Unwritable(#[source] DocumentError),
    /// An event cannot be written as a line.
    #[error("an event cannot be written")]
    Line(#[source] serde_json::Error),
    /// It cannot be read.
    #[error("cannot be read")]
    Read(#[source] io::Error),
    /// It is something else.
    #[error("is no file that `aria export` wrote")]
    Foreign,
    /// It is of a shape that this code does not read.
    #[error("was written by another version of `aria export`: import it with that version, or export it anew")]
    Version(#[source] DocumentError),
    /// Its end is missing.
    #[error("is cut off: its end is missing; copy it again")]
    CutOff,
    /// A part is not what was written.
    #[error("was changed: part `{path}` is not the one that was exported; copy it again")]
    Changed {
        /// The part.
        path: String,
    },
    /// A part lies where none of its kind does.
    #[error("was changed: part `{path}` has no place there; copy it again")]
    Misplaced {
        /// The part.
        path: String,
    },
    /// A part cannot be read by this code.
    #[error("holds `{path}`, which cannot be read")]
    Document {
        /// The part.
        path: String,
        /// What is wrong with it.
        source: DocumentError,
    },
    /// An event is none.
    #[error("holds an event in `{path}` that cannot be read")]
    Event {
        /// The part.
        path: String,
        /// What is wrong with it.
        source: Malformed,
    },
    /// A part is about another series.
    #[error("is about `{series}`, and `{path}` is about another series")]
    OtherSeries {
        /// The series of the file.
        series: String,
        /// The part.
        path: String,
    },
    /// Something is named and not there.
    #[error("is not whole: {count} artifacts are named in it and not there, `{key}` among them")]
    Missing {
        /// How many.
        count: usize,
        /// One of them.
        key: String,
    },
}
