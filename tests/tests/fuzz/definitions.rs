//! Definitions of series, as people write them.

use anyhow::{Context, Result, ensure};
use aria_core::artifact::Format;
use aria_core::contract::check;
use aria_core::document::{decode, encode};
use aria_core::series::{Definition, DefinitionError};

use crate::engine::{Outcome, Target, run};

const WORDS: &[&[u8]] = &[
    b"\n",
    b"[",
    b"]",
    b"[[",
    b"]]",
    b"\"",
    b"\"\"\"",
    b"'",
    b"=",
    b".",
    b",",
    b"{",
    b"}",
    b"#",
    b"\\u0000",
    b"\\U0010FFFF",
    b"[contract]\n",
    b"[forecast]\n",
    b"[drift]\n",
    b"[policy]\n",
    b"[source]\n",
    b"inf",
    b"nan",
    b"-0.0",
    b"true",
    b"1979-05-27T07:32:00Z",
    b"\"1h\"",
    b"\"15min\"",
    b"\"1d\"",
    b"Europe/Rome",
    b"../../etc/passwd",
    b"0x7FFFFFFFFFFFFFFF",
    b"minimum = ",
    b"upload_rows = ",
    b"history_days = ",
    b"covariates = [",
];

#[test]
fn a_definition_is_read_as_it_was_written_or_every_fault_of_it_is_named() -> Result<()> {
    let samples = &[("deploy/series", ".toml")];
    // The parser's tree of a text of a byte a value, and its copies.
    let target =
        Target { name: "definition", samples, words: WORDS, mutations: 12_000, memory: |n| (2 << 20) + 600 * n };
    run(&target, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return Ok(Outcome::Refused) };
        match Definition::from_toml(text) {
            Ok(definition) => ensure_usable(&definition).map(|()| Outcome::Taken),
            Err(error) => ensure_told(&error).map(|()| Outcome::Refused),
        }
    })
}

/// It is stored and read back as it is, and can be worked with.
fn ensure_usable(definition: &Definition) -> Result<()> {
    let stored = encode(definition)?;
    let read: Definition = decode(&stored).context("what was stored cannot be read")?;
    ensure!(read == *definition && encode(&read)? == stored, "what was stored reads back as something else");
    ensure!(definition.faults().is_empty() && definition.horizon_steps() > 0, "it has no horizon");
    let row = format!("{},{}\n2021-01-01T00:00:00Z,1\n", definition.source.time_column, definition.source.value_column);
    // A series may be defined so that no such row is good; it may not be defined so that a row makes it panic.
    let _ = check(definition, Format::Csv, row.as_bytes(), None, "2024-01-01".parse()?);
    Ok(())
}

fn ensure_told(error: &DefinitionError) -> Result<()> {
    if let DefinitionError::Faults(faults) = error {
        ensure!(!faults.is_empty(), "it is refused without a fault");
        ensure!(
            faults.iter().all(|f| !f.field.is_empty() && !f.problem.is_empty()),
            "a fault is not named: {faults:?}"
        );
    }
    ensure!(!error.to_string().is_empty(), "it is refused without a reason");
    Ok(())
}
