//! `aria models`: every challenger of a series, what became of it, and which model serves.

use aria_core::registry::{LONGEST_REASON, Mover, Registry, Version};
use aria_core::series::SeriesId;
use aria_io::stores::Held;
use clap::Args;
use serde_json::json;

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
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

impl Models {
    /// Runs the command.
    ///
    /// # Errors
    /// Where no platform runs or the series is not known.
    pub async fn run(self) -> anyhow::Result<()> {
        let edges = self.place.connect().await?;
        must_be_known(&edges, &self.series).await?;
        let held: Held<Registry> = edges.stores().registry.load(&self.series).await?;
        let registry = held.document;
        if self.json {
            return print_json(&json!({
                "series": self.series, "serving": registry.champion.as_ref().map(|m| m.key()),
                "versions": registry.versions, "moves": registry.moves, "count": registry.count,
            }));
        }
        if registry.versions.is_empty() {
            say!("no model of {} has been trained yet: `aria status {0}` says why", self.series);
        }
        let serving = newest_serving(&registry);
        for version in &registry.versions {
            say!("{}", line(version, serving == Some(version.number)));
        }
        for moved in &registry.moves {
            if let Mover::Hand { reason } = &moved.by {
                let reason = one_line(reason, LONGEST_REASON);
                say!("      {}  {} put back by hand: {reason}", moved.at, moved.to.sha256.short());
            }
        }
        Ok(())
    }
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
    use aria_core::artifact::{Format, Kind, Ref};
    use aria_core::event::{Cause, RetrainingId};

    use super::*;

    #[test]
    fn a_reason_with_a_line_break_makes_no_line_of_its_own() {
        let version = Version {
            number: 1,
            model: Ref::of(Kind::Model, &"it.ci_direct".parse().unwrap(), Format::Json, b"a"),
            retraining: RetrainingId("a".to_owned()),
            cause: Cause::ByHand,
            at: "2021-03-01".parse().unwrap(),
            evaluation: None,
            rejected: Some("worse\n   2  2021-03-02 promoted serves".to_owned()),
        };
        let told = line(&version, false);
        assert!(!told.contains('\n') && told.contains("worse\\n   2"), "{told}");
    }
}
