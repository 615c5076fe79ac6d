//! `aria models`: every challenger of a series, what became of it, which model serves, and the card of one.

use anyhow::{Context, bail};
use aria_core::artifact::Ref;
use aria_core::budget::Budget;
use aria_core::card::{Card, Known};
use aria_core::model::Model;
use aria_core::registry::{LONGEST_REASON, Move, Mover, Registry, Version};
use aria_core::series::{Definition, SeriesId};
use aria_io::library;
use aria_io::runtime::Edges;
use aria_io::stores::Held;
use clap::Args;
use serde_json::json;

use super::rollback::digest;
use super::{must_be_known, print_json};
use crate::output::one_line;
use crate::platform::Place;

/// Lists the models of a series with their causes and outcomes.
#[derive(Args, Debug)]
pub struct Models {
    #[command(flatten)]
    place: Place,
    /// The series.
    series: SeriesId,
    /// Prints the card of the serving model in Markdown: data, features, errors out of sample, what it cannot know.
    #[arg(long, conflicts_with = "json")]
    card: bool,
    /// The beginning of the digest of another model, whose card is printed.
    #[arg(long, value_name = "DIGEST", requires = "card", value_parser = digest)]
    model: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Models {
    /// Runs the command.
    ///
    /// # Errors
    /// Where no platform runs, the series is not known, or there is no such model or it cannot be read.
    pub async fn run(self) -> anyhow::Result<()> {
        let edges = self.place.connect().await?;
        must_be_known(&edges, &self.series).await?;
        let held: Held<Registry> = edges.stores().registry.load(&self.series).await?;
        let registry = held.document;
        if self.card {
            return self.print_card(&edges, &registry).await;
        }
        if self.json {
            return print_json(&json!({
                "series": self.series, "serving": registry.champion.as_ref().map(|m| m.key()),
                "versions": registry.versions, "moves": registry.moves, "count": registry.count,
                "pin": registry.pin, "looked": registry.looked,
            }));
        }
        if registry.versions.is_empty() {
            say!("no model of {} has been trained yet: `aria status {0}` says why", self.series);
        }
        let serving = newest_serving(&registry);
        for version in &registry.versions {
            say!("{}", line(version, serving == Some(version.number)));
        }
        registry.moves.iter().filter_map(told).for_each(|line| say!("      {line}"));
        if let Some(looked) = &registry.looked {
            say!("      {}  newest on probation: {}", looked.at, one_line(&looked.reason, LONGEST_REASON));
        }
        if let Some(pin) = &registry.pin {
            say!("      pinned since {}: {}", pin.since, one_line(&pin.reason, LONGEST_REASON));
        }
        Ok(())
    }
}

impl Models {
    async fn print_card(&self, edges: &Edges, registry: &Registry) -> anyhow::Result<()> {
        let name = self.named(registry)?;
        let model: Model = edges.artifacts.get_document(name).await?;
        let from = &model.origin;
        let definition: Definition = edges.artifacts.get_document(&from.definition).await?;
        let series = library::Series::open(&edges.artifacts, &from.snapshot).await?;
        let trained_on = series.history(&edges.artifacts, from.data_from, from.data_until).await?;
        let mut history =
            vec![format!("Model {}, trained as {} by code {}.", name.key(), from.cause.as_str(), from.code_version)];
        let serving = newest_serving(registry);
        let versions = registry.versions.iter().filter(|version| &version.model == name);
        history.extend(versions.map(|version| became(version, serving == Some(version.number))));
        let card = Card {
            definition: &definition,
            fitted: &model.fitted,
            trained_on: &trained_on,
            source: &format!("snapshot {}", from.snapshot.key()),
            simulated: None,
            history,
            limits: &model.limits,
            watched: Some(Budget::of(&model)),
            known: Known::of_training(&definition, &model.fitted, &trained_on),
        };
        say!("{}", card.to_markdown());
        Ok(())
    }

    /// The model whose card is asked for.
    fn named<'a>(&self, registry: &'a Registry) -> anyhow::Result<&'a Ref> {
        let Some(digest) = &self.model else {
            return registry.champion.as_ref().with_context(|| format!("no model of {} serves yet", self.series));
        };
        let mut found: Vec<&Ref> = registry.versions.iter().map(|version| &version.model).collect();
        found.retain(|model| model.sha256.as_str().starts_with(digest.as_str()));
        found.dedup();
        match found.as_slice() {
            [one] => Ok(one),
            [] => bail!("no model of {} begins with `{digest}`: name one of `aria models {0}`", self.series),
            [..] => bail!("{} models of {} begin with `{digest}`: give more digits", found.len(), self.series),
        }
    }
}

/// A change of the serving model that no version tells of, in a line.
fn told(moved: &Move) -> Option<String> {
    let what = match &moved.by {
        Mover::Evaluation { .. } => return None,
        Mover::Hand { .. } => "put back by hand",
        Mover::Pin { .. } => "pinned",
        Mover::Unpin { .. } => "no longer pinned",
        Mover::Probation { .. } => "put back by itself",
    };
    let reason = one_line(moved.by.reason().unwrap_or_default(), LONGEST_REASON);
    Some(format!("{}  {} {what}: {reason}", moved.at, moved.to.sha256.short()))
}

/// What became of a version, in a sentence.
fn became(version: &Version, serves: bool) -> String {
    let outcome = match &version.rejected {
        None if serves => "promoted, and serves".to_owned(),
        None => "promoted, and served".to_owned(),
        Some(reason) => format!("rejected: {reason}"),
    };
    format!("Version {} of {}: {outcome}.", version.number, version.at)
}

/// The number of the version that serves; the same bytes may have been trained more than once.
fn newest_serving(registry: &Registry) -> Option<u64> {
    let serves = |v: &&Version| v.rejected.is_none() && Some(&v.model) == registry.champion.as_ref();
    registry.versions.iter().rev().find(serves).map(|v| v.number)
}

fn line(version: &Version, serves: bool) -> String {
    let mark = if serves { "serves" } else { "" };
    let (outcome, reason) = match &version.rejected {
        None => ("promoted", String::new()),
        Some(reason) => ("rejected", format!("  {}", one_line(reason, LONGEST_REASON))),
    };
    let (number, cause, digest) = (version.number, version.cause.as_str(), version.model.sha256.short());
    format!("{number:>4}  {}  {digest}  {cause:<12} {outcome:<9} {mark:<6}{reason}", version.at)
}

#[cfg(test)]
mod tests {
    use aria_core::artifact::{Format, Kind};
    use aria_core::event::{Cause, RetrainingId};

    use super::*;

    fn version(bytes: &[u8], rejected: Option<&str>) -> Version {
        Version {
            number: 1,
            model: Ref::of(Kind::Model, &"it.ci_direct".parse().unwrap(), Format::Json, bytes),
            retraining: RetrainingId("a".to_owned()),
            cause: Cause::ByHand,
            at: "2021-03-01".parse().unwrap(),
            evaluation: None,
            rejected: rejected.map(str::to_owned),
            serving: None,
        }
    }

    #[test]
    fn a_card_is_of_the_serving_model_or_of_the_one_that_is_named() {
        #[derive(clap::Parser)]
        struct Command {
            #[command(flatten)]
            models: Models,
        }
        let registry = Registry::default().with(version(b"a", None)).with(version(b"b", Some("worse")));
        let named = |args: &[&str]| {
            let command =
                <Command as clap::Parser>::try_parse_from([&["models", "it.ci_direct", "--card"], args].concat());
            let found = command.unwrap().models.named(&registry).cloned();
            found.map_err(|why| why.to_string())
        };
        let [first, second] = [0, 1].map(|place: usize| registry.versions[place].model.clone());
        assert_eq!(named(&[]), Ok(first.clone()));
        assert_eq!(named(&["--model", second.sha256.short()]), Ok(second));
        assert!(named(&["--model", "000000"]).unwrap_err().contains("no model of it.ci_direct begins with `000000`"));
        assert_eq!(became(&registry.versions[1], false), "Version 2 of 2021-03-01T00:00:00Z: rejected: worse.");
    }

    #[test]
    fn a_reason_with_a_line_break_makes_no_line_of_its_own() {
        let version = version(b"a", Some("worse\n   2  2021-03-02 promoted serves"));
        let told = line(&version, false);
        assert!(!told.contains('\n') && told.contains("worse\\n   2"), "{told}");
    }
}
