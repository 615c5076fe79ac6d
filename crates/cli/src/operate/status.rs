//! `aria status`: what each series is doing, and what is late, stands still, is held or degraded, why, and what to do.

mod look;
mod services;

use std::path::PathBuf;

use anyhow::bail;
use aria_core::monitor::Phase;
use aria_core::remarks::{Level, Remark};
use aria_core::series::SeriesId;
use aria_core::time::Timestamp;
use clap::Args;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::{deadletters, known_series, must_be_known, print_json, unless_importing};
use crate::input;
use crate::output::one_line;
use crate::platform::Place;

/// Says what every series, or one, is doing, and what is late, stands still, is held or degraded, why, and what to do.
#[derive(Args, Debug)]
pub struct Status {
    #[command(flatten)]
    place: Place,
    /// Only this series.
    series: Option<SeriesId>,
    /// The folder with the definitions that the platform runs with: says which series are no longer defined.
    #[arg(long, env = "ARIA_SERIES")]
    definitions: Option<PathBuf>,
    /// Shows every series, also where there are many and nothing is to be said of most.
    #[arg(long)]
    all: bool,
    /// Ends with exit code 1 where anything is late, stands still or is degraded: for monitors.
    #[arg(long)]
    check: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Series that are looked at side by side.
const AT_ONCE: usize = 16;
/// Series of which each is shown, whatever is to be said of it.
const FEW: usize = 20;
/// Letters of a remark that are shown; JSON has them all.
const MOST_LETTERS: usize = 1_000;

/// What the command says.
#[derive(Debug, Serialize)]
struct Report {
    /// What is to be said of the services and the broker.
    remarks: Vec<Remark>,
    series: Vec<OfSeries>,
}

/// The state of a series.
#[derive(Debug, Serialize)]
struct OfSeries {
    series: SeriesId,
    /// What the monitor waits for.
    phase: Phase,
    batches_received: u64,
    batches_taken_up: u64,
    batches_accepted: u64,
    batches_checked: u64,
    batches_without_end: u64,
    data_until: Option<Timestamp>,
    model: Option<String>,
    serving_since: Option<Timestamp>,
    /// Why a person holds the model in its place, where one does.
    pinned: Option<String>,
    /// Why the model before was put back by itself, where that was the newest change.
    put_back: Option<String>,
    last_retraining: Option<Timestamp>,
    retrainings_in_a_row_without_a_new_model: u32,
    dead_letters: u64,
    /// What is late, held or broken, the worst first; empty where all is well.
    remarks: Vec<Remark>,
}

impl Status {
    /// Runs the command.
    ///
    /// # Errors
    /// Where no platform runs, the series is not known, or with `--check` something needs a person.
    pub async fn run(self) -> anyhow::Result<()> {
        let definitions = self.definitions.as_ref().map(|folder| input::definitions(Some(folder))).transpose()?;
        let edges = self.place.connect().await?;
        let wanted = match &self.series {
            Some(series) => {
                must_be_known(&edges, series).await?;
                vec![series.clone()]
            }
            None => known_series(&edges).await?,
        };
        let letters = deadletters::by_series(&edges).await?;
        let view = look::View::new(edges, definitions, letters);
        let reports = stream::iter(&wanted).map(|series| view.report(series)).buffered(AT_ONCE);
        let reports = reports.map(unless_importing).try_filter_map(|seen| std::future::ready(Ok(seen)));
        let report = Report {
            remarks: services::remarks(view.edges(), view.now()).await?,
            series: reports.try_collect().await?,
        };
        if self.json {
            print_json(&report)?;
        } else {
            print(&report, &self.shown(&report));
        }
        if self.check { verdict(&report) } else { Ok(()) }
    }

    /// The series that are shown: of many only those of which something is to be said.
    fn shown<'a>(&self, report: &'a Report) -> Vec<&'a OfSeries> {
        let shows_all = self.all || self.series.is_some() || report.series.len() <= FEW;
        let needs_a_person = |series: &OfSeries| series.remarks.iter().any(|remark| remark.level > Level::Note);
        report.series.iter().filter(|series| shows_all || needs_a_person(series)).collect()
    }
}

/// Fails where anything needs a person.
fn verdict(report: &Report) -> anyhow::Result<()> {
    let all = report.remarks.iter().chain(report.series.iter().flat_map(|series| &series.remarks));
    match all.filter(|remark| remark.level > Level::Note).count() {
        0 => Ok(()),
        count => bail!("{count} remarks need a person"),
    }
}

fn print(report: &Report, shown: &[&OfSeries]) {
    report.remarks.iter().for_each(say_remark);
    if report.series.is_empty() {
        say!("no batch of any series has been taken in");
    }
    shown.iter().for_each(|series| print_series(series));
    let left_out = report.series.len() - shown.len();
    if left_out > 0 {
        say!("{left_out} further series with nothing to remark: --all shows them");
    }
}

fn print_series(report: &OfSeries) {
    let time = |time: Option<Timestamp>| time.map_or_else(|| "never".to_owned(), |t| t.to_string());
    let phase = match &report.phase {
        Phase::Idle => "waits for the next batch".to_owned(),
        Phase::Retraining { id, .. } => format!("waits for retraining {}", id.0),
        Phase::Forecast { sequence } => format!("waits for the forecast of accepted batch {sequence}"),
    };
    say!("{}  {phase}", report.series);
    say!(
        "  batches     {} received, {} accepted, {} checked, {} without an end",
        report.batches_received,
        report.batches_accepted,
        report.batches_checked,
        report.batches_without_end
    );
    say!("  data until  {}", time(report.data_until));
    match &report.model {
        Some(model) => say!("  model       {model}, since {}", time(report.serving_since)),
        None => say!("  model       none"),
    }
    let whys = [("pinned", &report.pinned), ("put back by itself", &report.put_back)];
    for (what, why) in whys.into_iter().filter_map(|(what, why)| Some((what, why.as_ref()?))) {
        say!("              {what}: {}", one_line(why, MOST_LETTERS));
    }
    say!(
        "  retraining  last asked for {}; {} in a row without a new model",
        time(report.last_retraining),
        report.retrainings_in_a_row_without_a_new_model
    );
    say!("  dead        {} letters", report.dead_letters);
    report.remarks.iter().for_each(say_remark);
}

/// A remark in a line, with a mark of how bad it is.
fn say_remark(remark: &Remark) {
    let mark = match remark.level {
        Level::Note => "-",
        Level::Warning => "!",
        Level::Trouble => "!!",
    };
    say!("  {mark} {}", one_line(&remark.to_string(), MOST_LETTERS));
}
