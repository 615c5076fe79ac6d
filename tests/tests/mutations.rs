//! The oracle sees: a platform with a defect put in on purpose does not pass it.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use aria_tests::clone_root;

/// As many patches as there are in `tests/mutations`.
const MUTATIONS: usize = 6;

#[test]
fn every_defect_put_in_on_purpose_is_found() -> Result<()> {
    let script = clone_root().join("tests/mutations/run.sh");
    let output = Command::new("bash").arg(script).output().context("cannot start bash")?;
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}");
    ensure!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(told.lines().filter(|line| line.contains(": found")).count(), MUTATIONS, "{told}");
    Ok(())
}
