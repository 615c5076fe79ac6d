//! Stored documents: each is read as what it was written, or not at all.

use anyhow::{Context, Result, ensure};
use aria_core::contract::Quarantine;
use aria_core::document::{Document, decode, encode};
use aria_core::ending::Endings;
use aria_core::head::Head;
use aria_core::issued::Issued;
use aria_core::judgement::Judgement;
use aria_core::model::Model;
use aria_core::monitor::{Report, Scores, State};
use aria_core::registry::Registry;
use aria_core::series::Definition;
use aria_core::snapshot::Manifest;

use crate::engine::{Outcome, Target, run};

const WORDS: &[&[u8]] = &[
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"null",
    b"true",
    b"1e999",
    b"-0.0",
    b"0.1",
    b"\\u0000",
    b"\\ud800",
    b"\"version\":",
    b"\"body\":",
    b"\"document\":",
    b"2021-01-01T00:00:00Z",
    b"it.ci_direct",
    b"[[[[[[[[",
    b"{\"a\":",
];

#[test]
fn a_stored_document_reads_back_as_it_was_written_or_not_at_all() -> Result<()> {
    let samples = &[("crates/core/golden", ".json")];
    let target = Target { name: "document", samples, words: WORDS, mutations: 12_000, memory: |n| (1 << 20) + 200 * n };
    run(&target, |bytes| {
        let readers = [
            again::<Definition>,
            again::<Quarantine>,
            again::<Manifest>,
            again::<Head>,
            again::<State>,
            again::<Registry>,
            again::<Endings>,
            again::<Report>,
            again::<Scores>,
            again::<Model>,
            again::<Judgement>,
            again::<Issued>,
        ];
        let mut read = 0;
        for reader in readers {
            read += usize::from(reader(bytes)?);
        }
        ensure!(read < 2, "it is {read} documents at once");
        Ok(if read == 1 { Outcome::Taken } else { Outcome::Refused })
    })
}

/// Whether bytes are such a document; where they are, it is written and read again.
fn again<T: Document>(bytes: &[u8]) -> Result<bool> {
    let document = match decode::<T>(bytes) {
        Ok(document) => document,
        Err(error) => {
            ensure!(error.to_string().contains(T::NAME), "the error does not name the document: {error}");
            return Ok(false);
        }
    };
    let written = encode(&document)?;
    let read: T = decode(&written).with_context(|| format!("a `{}` that was written cannot be read", T::NAME))?;
    ensure!(encode(&read)? == written, "a `{}` reads back as something else", T::NAME);
    Ok(true)
}
