//! What schedules came to, in a line each and in one table.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::fault::Fault;
use super::run::Report;

/// Sums over schedules.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    schedules: u64,
    faults: BTreeMap<&'static str, u64>,
    missed: u64,
    sums: Report,
    means: BTreeMap<String, u64>,
    violated: Vec<u64>,
    longest: Duration,
}

impl Totals {
    /// Adds a schedule.
    pub fn add(&mut self, report: &Report) {
        self.schedules += 1;
        report.happened.faults.iter().for_each(|(kind, times)| *self.faults.entry(kind).or_default() += times);
        self.missed += report.happened.missed.len() as u64;
        let sums = &mut self.sums;
        sums.batches += report.batches;
        sums.events += report.events;
        sums.redelivered += report.redelivered;
        sums.restarts = (sums.restarts.0 + report.restarts.0, sums.restarts.1 + report.restarts.1);
        sums.unfinished += report.unfinished;
        sums.no_space += report.no_space;
        sums.took += report.took;
        let (to, from) = (&mut sums.served, &report.served);
        to.requests += from.requests;
        to.errors += from.errors;
        to.slow += from.slow;
        to.truncated += from.truncated;
        to.corrupted += from.corrupted;
        to.corrupted_uploads += from.corrupted_uploads;
        let (to, from) = (&mut sums.harm, &report.harm);
        to.broken += from.broken;
        to.held += from.held;
        to.lost += from.lost;
        if let Some(means) = report.means.clone() {
            *self.means.entry(means).or_default() += report.happened.faults.get("full disk").unwrap_or(&0);
        }
        if !report.violations.is_empty() {
            self.violated.push(report.seed);
        }
        self.longest = self.longest.max(report.took);
    }

    /// Whether every schedule ended as an undisturbed run does.
    pub fn is_clean(&self) -> bool {
        self.violated.is_empty()
    }

    /// Schedules that ended otherwise.
    pub fn violated(&self) -> u64 {
        self.violated.len() as u64
    }

    /// How often a kind of fault happened.
    pub fn of(&self, kind: &str) -> u64 {
        self.faults.get(kind).copied().unwrap_or(0)
    }
}

/// One line.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<String> = self
            .happened
            .faults
            .iter()
            .map(|(kind, times)| match times {
                1 => (*kind).to_owned(),
                times => format!("{times} {kind}"),
            })
            .collect();
        let wrong = self.served.errors + self.served.truncated + self.served.corrupted + self.served.corrupted_uploads;
        write!(
            f,
            "seed {:>4}  {:>5.1} s  {:<9}  {:>3} redelivered  {wrong:>3} wrong answers  {:>2} restarts  {}",
            self.seed,
            self.took.as_secs_f64(),
            if self.violations.is_empty() { "ok" } else { "VIOLATION" },
            self.redelivered,
            self.restarts.0 + self.restarts.1,
            faults.join(", "),
        )?;
        if !self.happened.missed.is_empty() {
            write!(f, "  (found nothing to happen to: {})", self.happened.missed.join(", "))?;
        }
        Ok(())
    }
}

/// The table.
impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sums = &self.sums;
        writeln!(f, "{} schedules, {} batches, {} events compared", self.schedules, sums.batches, sums.events)?;
        for kind in Fault::KINDS.iter().filter(|kind| self.of(kind) > 0) {
            writeln!(f, "  {:>5}  {kind}", self.of(kind))?;
        }
        writeln!(f, "  {:>5}  found nothing to happen to", self.missed)?;
        writeln!(f, "and what came of them")?;
        let rows = [
            (sums.redelivered, "messages handed out again"),
            (sums.restarts.0, "services started again after a kill"),
            (sums.restarts.1, "services started again after they left by themselves"),
            (sums.harm.broken, "connections broken"),
            (sums.harm.held, "chunks late or held"),
            (sums.harm.lost, "bytes lost"),
            (sums.served.requests, "requests to S3"),
            (sums.served.errors, "of them answered with an error"),
            (sums.served.slow, "answered slowly"),
            (sums.served.truncated, "with a body cut off"),
            (sums.served.corrupted, "with a corrupted body"),
            (sums.served.corrupted_uploads, "with a corrupted upload"),
            (sums.no_space, "times that a service said that the disk is full"),
            (sums.unfinished, "unfinished files of killed writers"),
        ];
        rows.iter().try_for_each(|(count, what)| writeln!(f, "  {count:>5}  {what}"))?;
        for (means, times) in &self.means {
            writeln!(f, "  disks were full by {means} ({times} times)")?;
        }
        let mean = sums.took.as_secs_f64() / self.schedules.max(1) as f64;
        writeln!(f, "  {mean:.1} s a schedule, {:.1} s the longest", self.longest.as_secs_f64())?;
        match self.violated.as_slice() {
            [] => write!(f, "no violation"),
            seeds => write!(f, "{} VIOLATIONS, seeds {seeds:?}", seeds.len()),
        }
    }
}
