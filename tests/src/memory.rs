//! How much memory a process has taken.

use anyhow::{Context, Result};

/// The most memory that a process has held at once, in MiB, as the system counts it (`VmHWM`).
///
/// # Errors
/// Where there is no such process or the system does not tell.
pub(crate) fn peak_mib(process: u32) -> Result<u64> {
    let file = format!("/proc/{process}/status");
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("the system tells no peak")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().context("the peak is no number")?;
    Ok(kib / 1_024)
}
