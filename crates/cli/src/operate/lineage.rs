//! `aria lineage`: the way from a forecast back to the raw bytes, every artifact on it read and verified.

mod find;
mod tree;

use anyhow::bail;
use aria_core::artifact::Ref;
use aria_core::event::Fact;
use aria_core::issued::Issued;
use aria_core::model::Model;
use aria_core::registry::Registry;
use aria_core::series::SeriesId;
use aria_core::snapshot::Manifest;
use aria_core::time::Timestamp;
use aria_io::bus::Filter;
use aria_io::runtime::Edges;
use aria_io::stores::Held;
use clap::Args;

use super::{ancestry, print_json, recorded};
use crate::platform::Place;
use tree::Node;

/// Shows what a forecast was made from, back to the raw bytes.
#[derive(Args, Debug)]
pub struct Lineage {
    #[command(flatten)]
    place: Place,
    /// The forecast's key, as `aria events` shows it.
    #[arg(value_name = "FORECAST_KEY", required_unless_present = "series")]
    forecast: Option<String>,
    /// The newest forecast of this series.
    #[arg(long, conflicts_with = "forecast")]
    series: Option<SeriesId>,
    /// The forecast of the series from this origin.
    #[arg(long, requires = "series")]
    origin: Option<Timestamp>,
    /// Names every raw file, segment and batch; otherwise how many, the first and the last.
    #[arg(long)]
    all: bool,
    /// Does not read what need not be read to find the way.
    #[arg(long)]
    fast: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Lineage {
    /// Runs the command.
    ///
    /// # Errors
    /// Where there is no such forecast, or an artifact on the way is missing or damaged.
    pub async fn run(self) -> anyhow::Result<()> {
        let edges = self.place.connect().await?;
        let name = match (&self.forecast, &self.series) {
            (Some(key), _) => find::by_key(&edges, key).await?,
            (None, Some(series)) => find::of_series(&edges, series, self.origin).await?,
            (None, None) => bail!("name a forecast or a series"),
        };
        let mut root = self.forecast(&edges, &name).await?;
        if !self.fast {
            root.verify(&edges.artifacts).await;
        }
        if self.json {
            print_json(&root.to_json(self.all))?;
        } else {
            root.print(self.all);
        }
        match root.faults() {
            0 => Ok(()),
            faults => bail!("{faults} artifacts of the forecast's lineage are missing or damaged"),
        }
    }

    async fn forecast(&self, edges: &Edges, name: &Ref) -> anyhow::Result<Node> {
        let issued: Issued = edges.artifacts.get_document(name).await?;
        let degraded = issued.degraded.as_ref().map(|why| format!(", degraded: {why}")).unwrap_or_default();
        let note = format!("from {}, code {}{degraded}", issued.origin, issued.code_version);
        let mut node = Node::artifact("forecast", name).note(note);
        node.add(Node::artifact("values", &issued.values));
        node.add(model(edges, &issued.model).await?);
        node.add(snapshot(edges, "made from", &issued.snapshot).await?);
        Ok(node)
    }
}

async fn model(edges: &Edges, name: &Ref) -> anyhow::Result<Node> {
    let model: Model = edges.artifacts.get_document(name).await?;
    let from = &model.origin;
    let (start, end) = (from.data_from, from.data_until);
    let mut node =
        Node::artifact("model", name).note(format!("fitted on {start} to {end}, code {}", from.code_version));
    let evidence = evidence(edges, &model).await?;
    node.add(Node::words("retraining", format!("{} ({}): {evidence}", from.retraining.0, from.cause.as_str())));
    let registry: Held<Registry> = edges.stores().registry.load(&model.series).await?;
    if let Some(evaluation) = registry.document.outcome(&from.retraining).and_then(|v| v.evaluation.as_ref()) {
        node.add(Node::artifact("evaluation", evaluation));
    }
    node.add(Node::artifact("definition", &from.definition));
    node.add(snapshot(edges, "trained on", &from.snapshot).await?);
    Ok(node)
}

async fn evidence(edges: &Edges, model: &Model) -> anyhow::Result<String> {
    let filter = Filter::all().facts(["retraining.requested"]).series(&model.series);
    let asked = recorded(edges, &filter).await?.into_iter().find_map(|r| match r.event.fact {
        Fact::RetrainingRequested(asked) if asked.id == model.origin.retraining => Some(asked.evidence),
        _ => None,
    });
    Ok(asked.unwrap_or_else(|| "its request is no longer in the log".to_owned()))
}

async fn snapshot(edges: &Edges, role: &str, name: &Ref) -> anyhow::Result<Node> {
    let manifest: Manifest = edges.artifacts.get_document(name).await?;
    let ancestry = ancestry::of(edges, name, &manifest).await?;
    let (rows, sequence, end) = (manifest.rows, manifest.sequence, manifest.end);
    let note = format!("{rows} rows of {sequence} accepted batches, {} to {end}", manifest.first);
    let mut node = Node::artifact(role, name).note(note);
    node.add(Node::artifact("definition", &manifest.definition));
    node.many("segment", manifest.segments.iter().map(|s| (s.month.to_string(), &s.table)));
    node.many("tail batch", manifest.tail.iter().map(|b| (format!("batch {}", b.ordinal), &b.table)));
    node.many("raw bytes", ancestry.raw.iter().map(|(ordinal, raw)| (format!("batch {ordinal}"), raw)));
    node.many("made beside", manifest.companions.iter().map(|c| (c.series.to_string(), &c.snapshot)));
    let found = ancestry.raw.len() as u64;
    if found < ancestry.expected {
        let lost = ancestry.expected - found;
        node.add(Node::words("raw bytes", format!("{lost} batches are named by no snapshot or event that is kept")));
    }
    Ok(node)
}
