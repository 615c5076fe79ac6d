//! `aria status`: what each series is doing, and what is late or held and why.

mod remarks;

use aria_core::head::Head;
use aria_core::monitor::{Phase, State};
use aria_core::registry::Registry;
use aria_core::series::SeriesId;
use aria_core::time::Timestamp;
use aria_io::bus::Filter;
use aria_io::runtime::Edges;
use aria_io::stores::Held;
use clap::Args;
use serde::Serialize;

use super::{deadletters, known_series, must_be_known, print_json, recorded, unless_importing};
use crate::platform::Place;
use remarks::Log;

/// Says what every series, or one, is doing, and what is late or held and why.
#[derive(Args, Debug)]
pub struct Status {
    #[command(flatten)]
    place: Place,
    /// Only this series.
    series: Option<SeriesId>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// The state of a series.
#[derive(Debug, Serialize)]
struct Report {
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
    last_retraining: Option<Timestamp>,
    retrainings_in_a_row_without_a_new_model: u32,
    dead_letters: u64,
    /// What is late, held or broken, in words; empty where all is well.
    remarks: Vec<String>,
}

impl Status {
    /// Runs the command.
    ///
    /// # Errors
    /// Where no platform runs or the series is not known.
    pub async fn run(self) -> anyhow::Result<()> {
        let edges = self.place.connect().await?;
        let wanted = match &self.series {
            Some(series) => {
                must_be_known(&edges, series).await?;
                vec![series.clone()]
            }
            None => known_series(&edges).await?,
        };
        let mut reports = Vec::new();
        for series in &wanted {
            reports.extend(unless_importing(report(&edges, series).await)?);
        }
        if self.json {
            return print_json(&reports);
        }
        if reports.is_empty() {
            say!("no batch of any series has been taken in");
        }
        for report in &reports {
            print(report);
        }
        Ok(())
    }
}

async fn report(edges: &Edges, series: &SeriesId) -> anyhow::Result<Report> {
    let stores = edges.stores();
    // The log is read first: what it holds and the cells do not yet show is on its way, not the other way round.
    let log = Log::of(&recorded(edges, &Filter::all().series(series)).await?);
    let head: Held<Head> = stores.heads.load(series).await?;
    let state: Held<State> = stores.monitors.load(series).await?;
    let registry: Held<Registry> = stores.registry.load(series).await?;
    let (head, state) = (head.document, state.document);
    let dead_letters = deadletters::count(edges, series).await?;
    let remarks = remarks::of(&log, &head, &state, &registry.document, dead_letters);
    Ok(Report {
        series: series.clone(),
        batches_received: log.received(),
        batches_taken_up: head.ordinal,
        batches_accepted: head.sequence,
        batches_checked: state.sequence,
        batches_without_end: log.without_end(),
        data_until: head.end,
        model: state.serving.as_ref().map(|s| s.model.key()),
        serving_since: state.serving.as_ref().map(|s| s.since),
        last_retraining: state.last_asked,
        retrainings_in_a_row_without_a_new_model: state.failures,
        phase: state.phase,
        dead_letters,
        remarks,
    })
}

fn print(report: &Report) {
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
    say!(
        "  retraining  last asked for {}; {} in a row without a new model",
        time(report.last_retraining),
        report.retrainings_in_a_row_without_a_new_model
    );
    say!("  dead        {} letters", report.dead_letters);
    for remark in &report.remarks {
        say!("  ! {remark}");
    }
}
