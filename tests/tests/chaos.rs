//! The platform under faults ends as one without them, byte for byte. A few schedules that hold every kind of fault;
//! `make chaos` runs hundreds.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aria_tests::chaos::{Fault, Schedule};
use aria_tests::{Process, binary};

/// Schedules that have every kind of fault between them.
const SEEDS: [u64; 4] = [21, 34, 51, 101];
const PATIENCE: Duration = Duration::from_secs(600);

#[test]
fn the_schedules_of_this_test_have_every_kind_of_fault_between_them() {
    let schedules = SEEDS.map(Schedule::of);
    let kinds: BTreeSet<&str> = schedules.iter().flat_map(|s| &s.steps).map(|step| step.fault.kind()).collect();
    assert_eq!(kinds, BTreeSet::from(Fault::KINDS));
}

#[test]
fn a_seed_always_draws_the_same_schedule_and_another_seed_another() {
    assert_eq!(Schedule::of(7), Schedule::of(7));
    assert_ne!(Schedule::of(7).steps, Schedule::of(8).steps);
}

/// Runs `make chaos` with these settings, to a good end; gives what it printed.
async fn chaos(settings: &[(&str, &str)]) -> Result<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaos"));
    command.env("ARIA_BINARY", binary()?).env_remove("SEED").env_remove("FROM").envs(settings.iter().copied());
    let mut chaos = Process::spawn("chaos", &mut command)?;
    let status = chaos.wait(PATIENCE).await.with_context(|| chaos.output())?;
    ensure!(status.success(), "{}", chaos.output());
    Ok(chaos.output())
}

#[tokio::test]
async fn a_platform_under_every_kind_of_fault_ends_as_one_that_was_left_alone() -> Result<()> {
    let seeds = SEEDS.map(|seed| seed.to_string()).join(",");
    let told = chaos(&[("SEEDS", &seeds), ("DEMOS", "0"), ("JOBS", "2")]).await?;
    // The table has a line for each kind that happened: a fault that never does would prove nothing.
    let happened: BTreeSet<&str> =
        told.lines().filter_map(|line| line.trim().split_once("  ")).map(|(_, k)| k).collect();
    let missing: Vec<&str> = Fault::KINDS.into_iter().filter(|kind| !happened.contains(kind)).collect();
    assert!(missing.is_empty(), "{missing:?} did not happen in:\n{told}");
    Ok(())
}

#[tokio::test]
async fn a_demo_that_is_killed_anywhere_and_run_again_ends_with_the_summary_of_one_that_was_not() -> Result<()> {
    let told = chaos(&[("SEEDS", "0"), ("DEMOS", "2")]).await?;
    let sum = told.lines().find(|line| line.starts_with("2 demos, ")).context("nothing is said of the demos")?;
    assert!(sum.ends_with(", 0 violations") && !sum.contains(" 0 kills"), "{told}");
    Ok(())
}
