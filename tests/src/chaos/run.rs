//! Runs a schedule, and judges what it left behind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::sync::{Mutex, OnceCell};
use tokio::task::JoinSet;

use super::counter::Served;
use super::drain::drain;
use super::feed::feed;
use super::inflict::{Happened, Inflictor};
use super::input::Input;
use super::line::Harm;
use super::oracle;
use super::progress::Progress;
use super::record::Record;
use super::schedule::{Schedule, Storage};
use super::world::{SharedS3, Store, World};
use crate::S3;

/// How long a platform may take to come to rest after the last fault.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long handing in and the faults may take.
const WHOLE: Duration = Duration::from_secs(300);

/// What schedules run with, shared by those that run at the same time.
#[derive(Debug)]
pub struct Setting {
    /// The program under test.
    pub program: PathBuf,
    /// The folder for the files of the runs.
    pub work: PathBuf,
    undisturbed: Mutex<BTreeMap<Input, Arc<OnceCell<Arc<Record>>>>>,
}

/// Where schedules run one after the other.
#[derive(Debug, Default)]
pub struct Lane {
    s3: Option<SharedS3>,
}

/// What a schedule came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// What happened.
    pub happened: Happened,
    /// What the S3 server's counter answered wrongly.
    pub served: Served,
    /// What the lines did.
    pub harm: Harm,
    /// Messages handed out again.
    pub redelivered: u64,
    /// Services that were started again after a kill, and those that had ended by themselves.
    pub restarts: (u64, u64),
    /// Batches handed in.
    pub batches: u64,
    /// Events compared.
    pub events: u64,
    /// Files that a writer was killed over.
    pub unfinished: u64,
    /// Times that a service said that the disk is full.
    pub no_space: u64,
    /// How the disk gets full.
    pub means: Option<String>,
    /// How long it took.
    pub took: Duration,
    /// In what it differs from an undisturbed run.
    pub violations: Vec<String>,
    /// Where its logs are, where it differs.
    pub logs: Option<PathBuf>,
}

impl Setting {
    /// For a program, with the files of the runs in a folder.
    pub fn new(program: PathBuf, work: &Path) -> Self {
        Self { program, work: work.to_owned(), undisturbed: Mutex::default() }
    }

    /// What an undisturbed run of an input leaves behind, found out once.
    ///
    /// # Errors
    /// Where it does not come to an end.
    pub async fn undisturbed(&self, input: Input) -> Result<Arc<Record>> {
        let cell = Arc::clone(self.undisturbed.lock().await.entry(input).or_default());
        let record = cell.get_or_try_init(|| async {
            let schedule = Schedule::undisturbed(input);
            let folder = self.folder(&format!("undisturbed-{input:?}"))?;
            let run = execute(self, &schedule, &folder, None, Arc::default()).await?;
            std::fs::remove_dir_all(&folder).ok();
            anyhow::Ok(Arc::new(run.record))
        });
        Ok(Arc::clone(record.await.with_context(|| format!("the undisturbed run of {input:?}"))?))
    }

    fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.work.join(name);
        // A second run of a seed begins with nothing.
        std::fs::remove_dir_all(&folder).ok();
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }
}

impl Lane {
    async fn s3(&mut self, storage: Storage) -> Result<Option<SharedS3>> {
        if storage == Storage::Folder {
            return Ok(None);
        }
        if self.s3.is_none() {
            self.s3 = Some(Arc::new(Mutex::new(S3::start().await?)));
        }
        Ok(self.s3.clone())
    }
}

/// Runs a schedule and compares.
///
/// # Errors
/// Where the harness itself cannot do its part.
pub async fn run(setting: &Setting, lane: &mut Lane, schedule: &Schedule) -> Result<Report> {
    let expected = setting.undisturbed(schedule.input).await?;
    let s3 = lane.s3(schedule.storage).await?;
    let name = format!("seed-{}-{}", schedule.seed, std::process::id());
    let folder = setting.folder(&name)?;
    let begun = Instant::now();
    let mut report = match execute(setting, schedule, &folder, s3.as_ref(), Arc::clone(&expected)).await {
        Ok(run) => judged(&expected, run),
        Err(error) => Report { violations: vec![format!("{error:#}")], ..Report::default() },
    };
    (report.seed, report.took) = (schedule.seed, begun.elapsed());
    if report.violations.is_empty() {
        std::fs::remove_dir_all(&folder).ok();
        return Ok(report);
    }
    let told = format!("{schedule}\n{}\n", report.violations.join("\n"));
    std::fs::write(folder.join("violations.txt"), told).context("cannot write what was found")?;
    report.logs = Some(folder);
    Ok(report)
}

/// A run that came to an end.
struct Run {
    record: Record,
    report: Report,
}

fn judged(expected: &Record, run: Run) -> Report {
    let Run { record, mut report } = run;
    let injected = &report.happened.injected;
    report.violations.extend(oracle::violations(expected, &record, injected));
    report.violations.extend(report.happened.broken.iter().map(|broken| format!("harness: {broken}")));
    report.events = oracle::compared(&record, injected);
    report.redelivered = record.consumers.iter().map(|consumer| consumer.redelivered(&record.log)).sum();
    report.unfinished = record.unfinished.len() as u64;
    report
}

async fn execute(
    setting: &Setting,
    schedule: &Schedule,
    folder: &Path,
    s3: Option<&SharedS3>,
    expected: Arc<Record>,
) -> Result<Run> {
    let world = Arc::new(World::start(schedule, &setting.program, folder, s3).await?);
    let progress = Progress::of(Arc::clone(&world));
    let inflictor = Arc::new(Inflictor::on(Arc::clone(&world), expected, schedule.seed, progress.ended()));
    let mut faults = JoinSet::new();
    for step in schedule.steps.clone() {
        let inflictor = Arc::clone(&inflictor);
        faults.spawn(async move { inflictor.carry_out(step).await });
    }
    let fed = feed(Arc::clone(&world), schedule.input, schedule.ahead, progress.ended());
    let mut report = Report::default();
    match tokio::time::timeout(WHOLE, fed).await {
        Ok(Ok(batches)) => report.batches = batches,
        Ok(Err(error)) => report.violations.push(format!("{error:#}")),
        Err(_) => report.violations.push("the batches could not be handed in".to_owned()),
    }
    if report.violations.is_empty() && tokio::time::timeout(WHOLE, faults.join_all()).await.is_err() {
        report.violations.push(format!("the faults came to no end: only {} batches ended", *progress.ended().borrow()));
    }
    if report.violations.is_empty()
        && let Err(stuck) = drain(&world, report.batches, progress.ended(), PATIENCE).await
    {
        report.violations.push(format!("stuck: {stuck:#}"));
    }
    let record = Record::of(&world).await?;
    told(&mut report, &world, &inflictor);
    Ok(Run { record, report })
}

/// What the parts of a world count.
fn told(report: &mut Report, world: &World, inflictor: &Inflictor) {
    report.happened = inflictor.told();
    for line in world.lines() {
        let Harm { broken, held, lost } = line.harm();
        report.harm.broken += broken;
        report.harm.held += held;
        report.harm.lost += lost;
    }
    for replica in &world.replicas {
        report.restarts.0 += replica.starts().saturating_sub(1).saturating_sub(replica.ended_by_itself());
        report.restarts.1 += replica.ended_by_itself();
        let log = world.folder.join(format!("{}-{}.log", replica.service.name(), replica.number));
        let text = std::fs::read_to_string(log).unwrap_or_default();
        report.no_space += text.matches("No space left on device").count() as u64;
    }
    match &world.store {
        Store::S3 { counter, .. } => report.served = counter.served(),
        Store::Folder(disk) => report.means = Some(disk.means()),
    }
}
