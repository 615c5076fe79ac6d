//! `aria gc`: what nothing needs any more, and deleting it.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use aria_core::garbage::{Line, Plan, Policy, Verdict, What};
use aria_core::time::Timestamp;
use aria_drift::Drift;
use aria_evaluation::Evaluation;
use aria_ingestion::Ingestion;
use aria_io::garbage::{Collection, Collector, Survey, clear_log, survey};
use aria_io::runtime::config::{self, Environment, keys};
use aria_io::runtime::{Edges, Handler};
use aria_prediction::Prediction;
use aria_training::Training;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::{Value, json};

use super::print_json;
use crate::options::Options;
use crate::output::one_line;
use crate::platform::Place;

/// Whoever has to have dealt with an event before it may go.
const SERVICES: [&str; 5] =
    [Ingestion::SERVICE, Training::SERVICE, Evaluation::SERVICE, Drift::SERVICE, Prediction::SERVICE];
/// Seconds by which clocks may differ before it is worth a word.
const SAME_TIME: i64 = 60;
/// Messages after which the progress of clearing the log is told.
const TOLD_EVERY: usize = 10_000;
/// The most letters of a reason.
const LONGEST: usize = 1_000;

/// Says what nothing needs any more, and deletes it with --delete. What a cell, an event or a dead letter reaches
/// stays.
#[derive(Args, Debug)]
pub struct Gc {
    #[command(flatten)]
    place: Place,
    /// Deletes it; without this nothing is changed.
    #[arg(long)]
    delete: bool,
    #[command(flatten)]
    keeping: Keeping,
    /// How long one round of deletions may take, in seconds. A service that stores again what is about to be deleted
    /// waits for its end, and no longer than three of these.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=600))]
    lease: u32,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// How long what nothing needs any more is kept: a number and a unit (d, h, m, s).
#[derive(Args, Debug)]
struct Keeping {
    /// How long events are kept that nothing needs any more, or ARIA_KEEP_EVENTS; without it 400d.
    #[arg(long, value_name = "TIME", value_parser = NonEmptyStringValueParser::new())]
    keep_events: Option<String>,
    /// How long forecasts and their scores are, or ARIA_KEEP_FORECASTS; without it 400d.
    #[arg(long, value_name = "TIME", value_parser = NonEmptyStringValueParser::new())]
    keep_forecasts: Option<String>,
    /// How long rejected batches are, with their bytes and refused rows, or ARIA_KEEP_REJECTED; without it 90d.
    #[arg(long, value_name = "TIME", value_parser = NonEmptyStringValueParser::new())]
    keep_rejected: Option<String>,
    /// How long dead letters are, or ARIA_KEEP_DEAD_LETTERS; without it 400d.
    #[arg(long, value_name = "TIME", value_parser = NonEmptyStringValueParser::new())]
    keep_dead_letters: Option<String>,
    /// How long dead letters are once handed in again or dropped, or ARIA_KEEP_DROPPED; without it 30d.
    #[arg(long, value_name = "TIME", value_parser = NonEmptyStringValueParser::new())]
    keep_dropped: Option<String>,
    /// How long artifacts are that nothing names, or ARIA_KEEP_ORPHANS; without it 2d. More than a step may take.
    #[arg(long, value_name = "TIME", value_parser = NonEmptyStringValueParser::new())]
    keep_orphans: Option<String>,
}

/// What was deleted.
#[derive(Clone, Copy, Debug, Default)]
struct Deleted {
    artifacts: Collection,
    messages: usize,
}

impl Gc {
    /// Runs the command.
    ///
    /// # Errors
    /// Where no platform runs, another collection is at work, or the broker or the store fails.
    pub async fn run(self) -> anyhow::Result<()> {
        let policy = config::keeping(&self.keeping.over(self.place.options()))?;
        let edges = self.place.connect().await?;
        if !self.delete {
            let found = survey(&edges, &policy, &SERVICES, local_time()).await?;
            return self.tell(&found, &policy, None);
        }
        let mut collector = Collector::begin(&edges.artifacts, &edges.bus, self.lease).await?;
        let clocks = [local_time(), collector.begun(), edges.artifacts.clock().await?];
        let found = survey(&edges, &policy, &SERVICES, earliest(clocks)).await?;
        let deleted = self.delete(&edges, &mut collector, &found.plan).await?;
        self.tell(&found, &policy, Some(deleted))
    }

    /// Deletes what a plan says, with its progress where nobody wants JSON.
    async fn delete(&self, edges: &Edges, collector: &mut Collector<'_>, plan: &Plan) -> anyhow::Result<Deleted> {
        let (all, messages) = (plan.artifacts.len(), plan.messages.len());
        let told = |so_far: &Collection| {
            if !self.json {
                note!("{} of {all} artifacts", so_far.deleted + so_far.spared);
            }
        };
        let artifacts = collector.delete(&plan.artifacts, told).await.context("the artifacts are not all deleted")?;
        let told = |gone: usize| {
            if !self.json && (gone.is_multiple_of(TOLD_EVERY) || gone == messages) {
                note!("{gone} of {messages} messages");
            }
        };
        clear_log(&edges.bus, &plan.messages, told).await.context("the log is not all cleared")?;
        Ok(Deleted { artifacts, messages })
    }

    fn tell(&self, found: &Survey, policy: &Policy, deleted: Option<Deleted>) -> anyhow::Result<()> {
        if self.json {
            return print_json(&to_json(found, policy, deleted));
        }
        let title = if deleted.is_some() { "deleted" } else { "would be deleted" };
        lines(title, &found.plan, false);
        lines("kept", &found.plan, true);
        for unknown in &found.unknown {
            let series = unknown.series.as_ref().map_or("every series", |series| series.as_str());
            say!("! nothing of {series} is known to be garbage: {}", one_line(&unknown.reason, LONGEST));
        }
        if let Some(behind) = &found.settled.behind {
            say!("! events after place {} of the log wait for {behind}", found.settled.through);
        }
        match deleted {
            None => say!("as of {}; `aria gc --delete` deletes it", found.now),
            Some(Deleted { artifacts: Collection { deleted, bytes, spared }, messages }) => {
                say!("{deleted} artifacts of {bytes} bytes and {messages} messages of the log are gone");
                if spared > 0 {
                    say!("{spared} artifacts were stored again or gone meanwhile, and were left alone");
                }
            }
        }
        Ok(())
    }
}

impl Keeping {
    fn over(&self, options: Options<Environment>) -> Options<Environment> {
        options
            .with(keys::KEEP_EVENTS, "--keep-events", self.keep_events.as_ref())
            .with(keys::KEEP_FORECASTS, "--keep-forecasts", self.keep_forecasts.as_ref())
            .with(keys::KEEP_REJECTED, "--keep-rejected", self.keep_rejected.as_ref())
            .with(keys::KEEP_DEAD_LETTERS, "--keep-dead-letters", self.keep_dead_letters.as_ref())
            .with(keys::KEEP_DROPPED, "--keep-dropped", self.keep_dropped.as_ref())
            .with(keys::KEEP_ORPHANS, "--keep-orphans", self.keep_orphans.as_ref())
    }
}

/// The earliest of the clocks of this machine, the broker and the store: one that runs ahead makes nothing old.
fn earliest(clocks: [Timestamp; 3]) -> Timestamp {
    let [local, broker, store] = clocks;
    let (first, last) = (local.min(broker).min(store), local.max(broker).max(store));
    if last.since(first) > SAME_TIME {
        note!("clocks differ: here {local}, broker {broker}, store {store}; going by the earliest");
    }
    first
}

fn local_time() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_seconds(i64::try_from(since.as_secs()).unwrap_or(0)).unwrap_or(Timestamp::EPOCH)
}

fn lines(title: &str, plan: &Plan, kept: bool) {
    say!("{title}");
    let wanted = |((_, verdict), _): &(&(What, Verdict), &Line)| verdict.is_kept() == kept;
    let mut count = 0;
    for ((what, verdict), line) in plan.lines.iter().filter(wanted) {
        let Line { count: many, bytes, oldest } = line;
        say!("  {:<20} {many:>9}  {bytes:>15} bytes  oldest {oldest}  {}", what.to_string(), why(*verdict).1);
        count += 1;
    }
    if count == 0 {
        say!("  nothing");
    }
}

/// The reason's name and the reason in words.
fn why(verdict: Verdict) -> (&'static str, &'static str) {
    let (Verdict::Deleted(reason) | Verdict::Kept(reason)) = verdict;
    (reason.as_str(), reason.in_words())
}

fn to_json(found: &Survey, policy: &Policy, deleted: Option<Deleted>) -> Value {
    let line = |((what, verdict), line): (&(What, Verdict), &Line)| {
        json!({
            "what": what.to_string(), "kept": verdict.is_kept(), "reason": why(*verdict).0, "count": line.count,
            "bytes": line.bytes, "oldest": line.oldest,
        })
    };
    let unknown = found.unknown.iter().map(|unknown| json!({"series": unknown.series, "reason": unknown.reason}));
    let deleted = deleted.map(|Deleted { artifacts: Collection { deleted, bytes, spared }, messages }| {
        json!({"artifacts": deleted, "bytes": bytes, "spared": spared, "messages": messages})
    });
    let Policy { events, forecasts, rejected, dead_letters, dropped, orphans } = policy;
    json!({
        "now": found.now,
        "keep": {
            "events": events.to_string(), "forecasts": forecasts.to_string(), "rejected": rejected.to_string(),
            "dead_letters": dead_letters.to_string(), "dropped": dropped.to_string(), "orphans": orphans.to_string(),
        },
        "plan": found.plan.lines.iter().map(line).collect::<Vec<_>>(),
        "unknown": unknown.collect::<Vec<_>>(),
        "settled_through": found.settled.through, "waits_for": found.settled.behind,
        "deleted": deleted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_runs_ahead_makes_nothing_old() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let (now, ahead) = (time("2026-01-01"), time("2027-01-01"));
        for clocks in [[ahead, now, now], [now, ahead, now], [now, now, ahead], [now, ahead, ahead]] {
            assert_eq!(earliest(clocks), now);
        }
    }
}
