//! The file of an exported series: a tar archive, written and read part by part.
//!
//! In this order: `archive.json` says what it is, `cells/` holds the four cells, `events/` the events in the order of
//! the log, `artifacts/` every artifact under its key, and `contents.json` what all of it must be. The same series
//! gives the same bytes. What a part means is not this module's business, but a file counts as whole only where
//! everything that its cells, events and documents name is in it.

mod error;
mod read;
#[cfg(test)]
mod tests;
mod write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::bus::Past;

pub use error::ArchiveError;
pub use read::{Piece, Wanted, Whole};
pub use write::Writer;

const LABEL: &str = "archive.json";
const CONTENTS: &str = "contents.json";
const CELLS: &str = "cells/";
const EVENTS: &str = "events/";
const ARTIFACTS: &str = "artifacts/";

/// Events of one part: so few that a part is held in memory, so many that parts are few.
const EVENTS_A_PART: usize = 1_000;

/// An event as a line of a part.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    subject: String,
    headers: Vec<(String, String)>,
    /// In base 64.
    body: String,
}

fn to_line(past: &Past) -> Result<Vec<u8>, serde_json::Error> {
    let (subject, headers) = (past.subject.clone(), past.headers.clone());
    let mut line = serde_json::to_vec(&Line { subject, headers, body: STANDARD.encode(&past.body) })?;
    line.push(b'\n');
    Ok(line)
}

fn from_line(line: &[u8]) -> Result<Past, Box<dyn std::error::Error + Send + Sync>> {
    let Line { subject, headers, body } = serde_json::from_slice(line)?;
    Ok(Past { subject, headers, body: Bytes::from(STANDARD.decode(body)?) })
}
