//! `aria forecast`: what was forecast, as CSV.

use std::path::PathBuf;

use anyhow::bail;
use aria_core::artifact::Ref;
use aria_core::event::Fact;
use aria_core::forecast::{Forecast as Values, Point};
use aria_core::issued::Issued;
use aria_core::series::SeriesId;
use aria_io::library;
use aria_io::runtime::Edges;
use clap::Args;
use serde_json::{Value, json};

use super::{must_be_known, print_json};
use crate::platform::Place;
use crate::{demo, outcome, outfile};

/// Prints the newest forecast of a series, or every one issued, in the columns of `aria backtest`.
#[derive(Args, Debug)]
pub struct Forecast {
    #[command(flatten)]
    place: Place,
    /// The series.
    series: SeriesId,
    /// Every forecast in place of the newest.
    #[arg(long)]
    all: bool,
    /// The file to write; without it the standard output.
    #[arg(long)]
    out: Option<PathBuf>,
    /// JSON in place of CSV, with all intervals.
    #[arg(long)]
    json: bool,
}

impl Forecast {
    /// Runs the command.
    ///
    /// # Errors
    /// Where no platform runs, there is no forecast, or the file cannot be written.
    pub async fn run(self) -> anyhow::Result<()> {
        if let Some(out) = &self.out {
            outfile::check(out)?;
        }
        let edges = self.place.connect().await?;
        must_be_known(&edges, &self.series).await?;
        let wanted = self.wanted(&edges).await?;
        if wanted.is_empty() {
            bail!("no forecast of `{0}` has been issued yet: `aria status {0}` says why", self.series);
        }
        let mut forecasts = Vec::new();
        for forecast in &wanted {
            forecasts.push(library::forecast(&edges.artifacts, forecast).await?);
        }
        match (&self.out, self.json) {
            (None, false) => say!("{}", outcome::to_csv(forecasts.iter().map(|(_, values)| values)).trim_end()),
            (None, true) => print_json(&forecasts.iter().map(to_json).collect::<Vec<_>>())?,
            (Some(out), json) => {
                let text = match json {
                    true => serde_json::to_string_pretty(&forecasts.iter().map(to_json).collect::<Vec<_>>())?,
                    false => outcome::to_csv(forecasts.iter().map(|(_, values)| values)),
                };
                outfile::write(out, &text)?;
                say!("{} forecasts written to {}", forecasts.len(), out.display());
            }
        }
        Ok(())
    }

    /// The names of the forecasts that are asked for.
    async fn wanted(&self, edges: &Edges) -> anyhow::Result<Vec<Ref>> {
        if !self.all {
            // Batches end in their order, so that the forecast issued last is the newest.
            let newest = edges.bus.newest_event("forecast.issued", &self.series).await?;
            return match newest.map(|recorded| recorded.event.fact) {
                Some(Fact::ForecastIssued(issued)) => Ok(vec![issued.forecast]),
                _ => Ok(Vec::new()),
            };
        }
        let tally = demo::tally(edges, &self.series).await?;
        Ok(tally.forecasts().into_iter().map(|issued| issued.forecast.clone()).collect())
    }
}

fn to_json((issued, forecast): &(Issued, Values)) -> Value {
    let point = |p: &Point| {
        json!({
            "target": p.target, "forecast": p.value, "interval_50": [p.lower_50, p.upper_50],
            "interval_80": [p.lower_80, p.upper_80], "interval_95": [p.lower_95, p.upper_95],
        })
    };
    let points: Vec<Value> = forecast.points.iter().map(point).collect();
    json!({"origin": forecast.origin, "points": points, "degraded": issued.degraded, "without": issued.without})
}
