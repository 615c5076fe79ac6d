//! `make chaos`: runs seeded schedules of faults against the real platform, says what happened, and fails where
//! anything of it shows.
//!
//! `SEED=n` runs one and tells its schedule; `SEEDS=n` runs the first n, from `FROM` on, and `SEEDS=a,b,c` these;
//! `JOBS=k` at a time. `ENOUGH=n` begins no further schedule once n ended badly. `DEMOS=n` kills the demo n times over
//! and runs it again. `DRY=1` only tells the schedules.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use aria_tests::binary;
use aria_tests::chaos::{Demos, Lane, Report, Schedule, Setting, Totals, in_a_namespace, run};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// Schedules that run where nobody says how many.
const SCHEDULES: u64 = 200;
const JOBS: u64 = 2;
/// Demos that are killed and run again.
const DEMOS: u64 = 20;

fn main() -> ExitCode {
    let ran = || {
        if let Some(mut again) = in_a_namespace(&std::env::current_exe()?) {
            // Comes back only where it cannot be started.
            return Err(again.exec().into());
        }
        tokio::runtime::Runtime::new()?.block_on(async {
            tokio::select! {
                ran = chaos() => ran,
                asked = asked_to_leave() => Err(asked.err().unwrap_or_else(|| anyhow::anyhow!("cut short"))),
            }
        })
    };
    match ran() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(&format!("chaos: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Waits for a signal: the first process of a namespace hears only those that it listens to.
async fn asked_to_leave() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Whether no schedule left another state than an undisturbed run.
async fn chaos() -> Result<bool> {
    let seeds = seeds()?;
    if number("DRY")?.unwrap_or(0) > 0 {
        seeds.iter().for_each(|seed| say(&Schedule::of(*seed).to_string()));
        return Ok(true);
    }
    let jobs = number("JOBS")?.unwrap_or(JOBS).clamp(1, 64);
    let enough = number("ENOUGH")?.unwrap_or(u64::MAX);
    // Of this run alone: in a namespace of its own every run has the same process id.
    let work = TempDir::with_prefix("aria-chaos-").context("cannot make a temporary folder")?.keep();
    let setting = Arc::new(Setting::new(binary()?, &work));
    say(&format!("{} under {} seeds, {jobs} at a time", setting.program.display(), seeds.len()));
    let is_only_one = seeds.len() == 1;
    let next = Arc::new(Mutex::new(seeds.into_iter()));
    let totals = Arc::new(Mutex::new(Totals::default()));
    let mut lanes = JoinSet::new();
    for _ in 0..jobs {
        let (setting, next, totals) = (Arc::clone(&setting), Arc::clone(&next), Arc::clone(&totals));
        lanes.spawn(async move {
            let mut lane = Lane::default();
            while totals.lock().await.violated() < enough {
                let Some(seed) = next.lock().await.next() else { break };
                let schedule = Schedule::of(seed);
                let report = run(&setting, &mut lane, &schedule).await?;
                say(&told(&schedule, &report, is_only_one));
                totals.lock().await.add(&report);
            }
            anyhow::Ok(())
        });
    }
    for lane in lanes.join_all().await {
        lane?;
    }
    let demos_are_clean = demos(&work).await?;
    let totals = totals.lock().await;
    say(&format!("\n{totals}"));
    let is_clean = totals.is_clean() && demos_are_clean;
    if is_clean {
        std::fs::remove_dir_all(&work).ok();
    }
    Ok(is_clean)
}

/// Kills the demo, which is what `make run` does, and runs it again.
async fn demos(work: &Path) -> Result<bool> {
    let count = match number("DEMOS")? {
        Some(count) => count,
        None if number("SEED")?.is_some() => 0,
        None => DEMOS,
    };
    let (demos, from) = (Demos::default(), number("FROM")?.unwrap_or(1));
    let (mut kills, mut late, mut violations) = (0, 0, 0_u64);
    for seed in from..from + count {
        let killed = demos.run(work, seed).await?;
        say(&killed.to_string());
        (kills, late) = (kills + killed.kills.count(), late + killed.late);
        violations += u64::from(!killed.violations.is_empty());
    }
    if count > 0 {
        say(&format!("{count} demos, {} kills, {violations} violations", kills - late));
    }
    Ok(violations == 0)
}

/// The seeds that are asked for.
fn seeds() -> Result<Vec<u64>> {
    if let Some(seed) = number("SEED")? {
        return Ok(vec![seed]);
    }
    let listed = std::env::var("SEEDS").unwrap_or_default();
    if listed.contains(',') {
        let parsed = listed.split(',').map(|seed| seed.trim().parse()).collect::<Result<_, _>>();
        return parsed.with_context(|| format!("SEEDS is `{listed}`; write how many, or which, with commas between"));
    }
    let from = number("FROM")?.unwrap_or(1);
    Ok((from..from + number("SEEDS")?.unwrap_or(SCHEDULES)).collect())
}

/// A schedule's line; all of it where it is the only one, or something is wrong.
fn told(schedule: &Schedule, report: &Report, is_only_one: bool) -> String {
    let mut text = report.to_string();
    if is_only_one || !report.violations.is_empty() {
        text = format!("{schedule}{text}");
    }
    for violation in &report.violations {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n    {violation}");
    }
    if let Some(logs) = &report.logs {
        let _ = write!(text, "\n    logs are in {}; again with `make chaos SEED={}`", logs.display(), report.seed);
    }
    text
}

fn number(variable: &str) -> Result<Option<u64>> {
    let Some(text) = std::env::var_os(variable).filter(|text| !text.is_empty()) else { return Ok(None) };
    let text = text.to_string_lossy();
    Ok(Some(text.parse().with_context(|| format!("{variable} is `{text}`; write a whole number"))?))
}

fn say(text: &str) {
    // Nobody may be reading.
    let _ = writeln!(std::io::stdout(), "{text}");
}
