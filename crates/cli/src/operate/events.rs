//! `aria events`: the log, or the chain of one batch.

use anyhow::bail;
use aria_core::series::SeriesId;
use aria_io::bus::{Filter, Recorded, Start};
use aria_io::contracts::FACT_NAMES;
use aria_io::runtime::Edges;
use clap::Args;
use serde_json::{Value, json};

use super::{chain, must_be_known, print_json, recorded, told};
use crate::platform::Place;

/// Shows the events of all series or of one, or everything that came of one batch.
#[derive(Args, Debug)]
pub struct Events {
    #[command(flatten)]
    place: Place,
    /// Only events of this series.
    series: Option<SeriesId>,
    /// Everything that came of the batch with this ordinal, as a tree.
    #[arg(long, value_name = "ORDINAL", requires = "series", conflicts_with_all = ["fact", "follow"])]
    batch: Option<u64>,
    /// Only this fact, such as forecast.issued; may be given several times.
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(FACT_NAMES))]
    fact: Vec<String>,
    /// Goes on with events as they come.
    #[arg(long)]
    follow: bool,
    /// One JSON object a line; a list for a batch.
    #[arg(long)]
    json: bool,
}

impl Events {
    /// Runs the command.
    ///
    /// # Errors
    /// Where no platform runs or there is no such batch.
    pub async fn run(self) -> anyhow::Result<()> {
        let edges = self.place.connect().await?;
        if let (Some(series), Some(ordinal)) = (&self.series, self.batch) {
            return self.chain(&edges, series, ordinal).await;
        }
        let mut filter = Filter::all().facts(self.fact.iter().map(String::as_str));
        if let Some(series) = &self.series {
            must_be_known(&edges, series).await?;
            filter = filter.series(series);
        }
        let mut events = match self.follow {
            true => edges.bus.events(&filter, Start::First).await?,
            false => edges.bus.recorded_events(&filter, Start::First).await?,
        };
        while let Some(next) = events.next_readable().await {
            self.print(&next?);
        }
        Ok(())
    }

    async fn chain(&self, edges: &Edges, series: &SeriesId, ordinal: u64) -> anyhow::Result<()> {
        let events = recorded(edges, &Filter::all().series(series)).await?;
        let chain = chain::of_batch(&events, ordinal);
        if chain.is_empty() {
            bail!("no batch {ordinal} of `{series}` was received: `aria status {series}` says how many were");
        }
        if self.json {
            let with_depth = |link: &chain::Link<'_>| {
                let mut value = told::json(link.recorded);
                if let Value::Object(fields) = &mut value {
                    fields.insert("depth".to_owned(), json!(link.depth));
                }
                value
            };
            return print_json(&chain.iter().map(with_depth).collect::<Vec<_>>());
        }
        for link in &chain {
            say!("{}{}", "  ".repeat(link.depth), told::line(link.recorded));
        }
        let ended = chain.iter().filter(|link| link.recorded.event.fact.is_terminal()).count();
        if ended == 0 {
            say!("batch {ordinal} has not ended yet");
        }
        Ok(())
    }

    fn print(&self, recorded: &Recorded) {
        if self.json {
            say!("{}", told::json(recorded));
        } else if self.series.is_some() {
            say!("{:>6}  {}", recorded.sequence, told::line(recorded));
        } else {
            say!("{:>6}  {:<16} {}", recorded.sequence, recorded.event.series.as_str(), told::line(recorded));
        }
    }
}
