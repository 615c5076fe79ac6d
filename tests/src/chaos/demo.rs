//! Kills `aria demo`, which is what `make run` does, at any point of it, and runs the same command again: it has to end
//! with the summary and the forecasts of a run that nobody killed.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::draw::Draw;
use crate::{Pace, Platform, Process, aria, nats_server, wave};

const PATIENCE: Duration = Duration::from_secs(120);
const FROM: &str = "2021-01-01";
/// From the beginning: a batch a day, and a first training on the way.
const TO: &str = "2021-03-21";
const BATCHES: u64 = 79;

/// Where in a run it is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    /// While it starts.
    Start,
    /// In the midst of the replay: after so many hundredths of the time that the whole of it takes.
    Amid(u32),
    /// When the last one has: while the summary is made, the files are written and the data is removed.
    End,
}

/// A kill: the point, how long after it, and whether the broker goes too, as by a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kill {
    point: Point,
    later: Duration,
    with_broker: bool,
}

/// The kills of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kills {
    seed: u64,
    kills: Vec<Kill>,
}

/// What killed runs are compared with.
#[derive(Debug, Default)]
pub struct Demos {
    /// What an undisturbed run comes to, and how long it takes.
    undisturbed: OnceCell<(Outcome, Duration)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Outcome {
    summary: Value,
    forecasts: String,
}

/// What a killed run came to.
#[derive(Clone, Debug)]
pub struct Killed {
    /// Where it was killed.
    pub kills: Kills,
    /// Kills that came when the run had ended.
    pub late: u64,
    /// How long it took.
    pub took: Duration,
    /// In what it differs.
    pub violations: Vec<String>,
}

impl Kills {
    /// The kills of a seed.
    pub fn of(seed: u64) -> Self {
        let mut draw = Draw::of(seed);
        let kills = (0..draw.within(2..=3)).map(|_| {
            let point = match draw.within(0..=3) {
                0 => Point::Start,
                1 | 2 => Point::Amid(draw.within(0..=70) as u32),
                _ => Point::End,
            };
            let longest = match point {
                Point::Start => 1_200,
                Point::Amid(_) => 50,
                Point::End => 250,
            };
            Kill { point, later: draw.millis(0..=longest), with_broker: draw.once_in(2) }
        });
        let mut kills: Vec<Kill> = kills.collect();
        // One that is through has nothing left to kill.
        kills.sort_by_key(|kill| matches!(kill.point, Point::End));
        Self { seed, kills }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.kills.len() as u64
    }
}

impl Demos {
    /// Runs the demo, kills it where the seed says, runs it again to its end, and compares.
    ///
    /// # Errors
    /// Where the undisturbed run fails.
    pub async fn run(&self, work: &Path, seed: u64) -> Result<Killed> {
        let undisturbed = self.undisturbed.get_or_try_init(|| async {
            let folder = fresh(work, "demo-undisturbed")?;
            let begun = Instant::now();
            let outcome = to_its_end(&folder).await.context("the undisturbed run of the demo")?;
            anyhow::Ok((outcome, begun.elapsed()))
        });
        let (expected, whole) = undisturbed.await?;
        let (kills, begun) = (Kills::of(seed), Instant::now());
        let folder = fresh(work, &format!("demo-{seed}"))?;
        let (mut late, mut violations) = (0, Vec::new());
        for kill in &kills.kills {
            match cut_short(&folder, kill, *whole).await {
                Ok(true) => {}
                Ok(false) => late += 1,
                Err(error) => violations.push(format!("{error:#}")),
            }
        }
        match to_its_end(&folder).await {
            Ok(outcome) if outcome == *expected => {}
            Ok(outcome) => violations.push(difference(expected, &outcome)),
            Err(error) => violations.push(format!("{error:#}")),
        }
        if violations.is_empty() {
            std::fs::remove_dir_all(&folder).ok();
        } else {
            violations.push(format!("its files are in {}", folder.display()));
        }
        Ok(Killed { kills, late, took: begun.elapsed(), violations })
    }
}

fn fresh(work: &Path, name: &str) -> Result<PathBuf> {
    let folder = work.join(name);
    std::fs::remove_dir_all(&folder).ok();
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("history.csv"), wave(FROM, TO, Pace::Slow)?)?;
    Ok(folder)
}

fn start(folder: &Path) -> Result<Process> {
    let mut command: Command = aria()?;
    command.args(["demo", "--input", "history.csv", "--series", Platform::SERIES, "--once"]);
    command.args(["--data", "data", "--out", "out"]).current_dir(folder).env("ARIA_NATS_SERVER", nats_server()?);
    // What a killed process had in hand comes again soon.
    command.env("ARIA_ACK_WAIT_SECONDS", "1");
    Process::spawn("aria-demo", &mut command)
}

async fn to_its_end(folder: &Path) -> Result<Outcome> {
    let mut process = start(folder)?;
    let status = process.wait(PATIENCE).await?;
    ensure!(status.success(), "it ended with {status}: {}", process.output());
    let out = folder.join("out");
    let mut summary: Value = serde_json::from_slice(&std::fs::read(out.join("summary.json"))?)?;
    // Of all that a summary says, only this is about the machine.
    summary.as_object_mut().context("the summary is no object")?.remove("latency_ms");
    Ok(Outcome { summary, forecasts: std::fs::read_to_string(out.join("forecasts.csv"))? })
}

/// Starts the demo and kills it at a point; false where it had ended before.
async fn cut_short(folder: &Path, kill: &Kill, whole: Duration) -> Result<bool> {
    let mut process = start(folder)?;
    let words = match kill.point {
        Point::Start => None,
        Point::Amid(_) => Some("replaying ".to_owned()),
        Point::End => Some(format!("{BATCHES:>5} of {BATCHES} batches")),
    };
    if let Some(words) = words {
        // It ends without this line where nothing is left to do.
        let seen = |line: &str| line.contains(&words).then_some(());
        tokio::task::block_in_place(|| process.wait_for_line(PATIENCE, seen)).ok();
    }
    if let Point::Amid(hundredths) = kill.point {
        tokio::time::sleep(whole * hundredths / 100).await;
    }
    tokio::time::sleep(kill.later).await;
    if let Some(status) = process.ended()? {
        ensure!(status.success(), "killed at {:?}, it ended with {status}: {}", kill.point, process.output());
        return Ok(false);
    }
    process.kill()?;
    if kill.with_broker {
        kill_broker(folder)?;
    }
    Ok(true)
}

/// Kills the broker that the demo started, where it has come so far.
fn kill_broker(folder: &Path) -> Result<()> {
    let Ok(runs) = std::fs::read_dir(folder.join("data")) else { return Ok(()) };
    for run in runs {
        let Ok(text) = std::fs::read_to_string(run?.path().join("nats/nats-server.pid")) else { continue };
        let Ok(pid) = text.trim().parse::<u32>() else { continue };
        // One that is gone need not be killed.
        Command::new("/bin/sh").args(["-c", &format!("kill -KILL {pid} 2>/dev/null")]).status()?;
    }
    Ok(())
}

fn difference(expected: &Outcome, found: &Outcome) -> String {
    if expected.summary != found.summary {
        return format!("the summary is {} and should be {}", found.summary, expected.summary);
    }
    let mut lines = expected.forecasts.lines().zip(found.forecasts.lines());
    let first = lines.find(|(expected, found)| expected != found);
    format!("the forecasts differ, first in {first:?}")
}

impl fmt::Display for Killed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kills: Vec<String> = self
            .kills
            .kills
            .iter()
            .map(|kill| {
                let with = if kill.with_broker { " with its broker" } else { "" };
                format!("{:?} + {} ms{with}", kill.point, kill.later.as_millis())
            })
            .collect();
        let said = if self.violations.is_empty() { "ok" } else { "VIOLATION" };
        let (seed, seconds) = (self.kills.seed, self.took.as_secs_f64());
        write!(f, "demo {seed:>4}  {seconds:>5.1} s  {said:<9}  killed at {}", kills.join(", "))?;
        if self.late > 0 {
            write!(f, "  ({} came when it was through)", self.late)?;
        }
        self.violations.iter().try_for_each(|violation| write!(f, "\n    {violation}"))
    }
}
