//! The contracts as others see them: the committed bindings are the ones of `proto/`, the golden samples are read and
//! written byte for byte, and ids and subjects are what the table of events says.

// In a test a panic is the report, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "contracts/bindings.rs"]
mod bindings;
#[path = "contracts/golden.rs"]
mod golden;
#[path = "contracts/names.rs"]
mod names;
#[path = "contracts/samples.rs"]
mod samples;

use std::fs;
use std::path::{Path, PathBuf};

/// Fails where a committed file is not what it should be; with `ARIA_UPDATE=1` writes it instead.
fn assert_committed(path: &Path, wanted: &[u8]) {
    if std::env::var_os("ARIA_UPDATE").is_some() {
        fs::write(path, wanted).unwrap();
        return;
    }
    let found = fs::read(path).unwrap_or_default();
    let name = path.file_name().unwrap().to_string_lossy();
    assert!(
        found == wanted,
        "{name} is not up to date; look at the change, then run: ARIA_UPDATE=1 cargo test -p aria-io --test contracts"
    );
}

fn proto_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto")
}
