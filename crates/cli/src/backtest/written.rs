//! What a backtest writes beside its forecasts: a report as page and figures, and the card of its newest model.

use std::path::Path;

use anyhow::{Context, bail};
use aria_core::CODE_VERSION;
use aria_core::artifact::Sha256Hex;
use aria_core::budget::Budget;
use aria_core::card::{Card, Known};
use aria_core::forecast::Fitted;
use aria_core::report::{About, Report, Withheld};
use aria_core::series::Definition;
use aria_core::time::Timestamp;

use super::{Backtest, Retrain, page};
use crate::outcome::{Outcome, Summary};
use crate::outfile;

impl Backtest {
    /// Finds out before the work whether every file can be written, and that none is written over another.
    pub(super) fn check_files(&self) -> anyhow::Result<()> {
        if self.explain.is_some() && matches!(self.retrain, Retrain::Policy) {
            bail!("--explain goes with --retrain never or 30d");
        }
        let mut files: Vec<&Path> = Vec::new();
        for (option, file) in [
            ("--out", Some(&self.out)),
            ("--explain", self.explain.as_ref()),
            ("--report", self.report.as_ref()),
            ("--report-json", self.report_json.as_ref()),
            ("--card", self.card.as_ref()),
        ] {
            let Some(file) = file else { continue };
            outfile::check(file)?;
            if outfile::is_same(&self.input, file) {
                bail!("{option} names the history itself, {}: name another file", self.input.display());
            }
            if let Some(other) = self.other_inputs().find(|other| outfile::is_same(other, file)) {
                bail!("{option} names {}, which the run reads: name another file", other.display());
            }
            if files.iter().any(|other| other == file || outfile::is_same(other, file)) {
                bail!("{option} names {}, which is another file of this run: name another", file.display());
            }
            files.push(file);
        }
        Ok(())
    }

    /// Reports what the platform forecast.
    pub(super) fn report_platform(
        &self,
        definition: &Definition,
        summary: &Summary,
        outcome: &Outcome,
    ) -> anyhow::Result<()> {
        if !self.is_reported() {
            return Ok(());
        }
        let newest = outcome.newest_model.as_ref();
        let serving = newest.map(|model| &model.fitted.serving);
        let about = self.about(summary, outcome);
        let report = Report::of(definition, about, &outcome.forecasts, serving, outcome.actuals());
        self.write_report(&report)?;
        let Some(file) = &self.card else { return Ok(()) };
        let model = newest.context("there is no card: no model took over in this run")?;
        let from = &model.origin;
        let card = Card {
            definition,
            fitted: &model.fitted,
            trained_on: &outcome.actuals().between(from.data_from, from.data_until),
            source: &format!("snapshot {}", from.snapshot.key()),
            simulated: Some(summary.simulated),
            history: vec![format!("Trained as {} by code {}.", from.cause.as_str(), from.code_version)],
            limits: &model.limits,
            watched: Some(Budget::of(model)),
            known: Known::of_report(&report),
        };
        outfile::write(file, &card.to_markdown())
    }

    /// Reports what models forecast that were fitted by a calendar.
    pub(super) fn report_rolled(
        &self,
        definition: &Definition,
        history: &[u8],
        newest: &Fitted,
        about: &About,
        outcome: &Outcome,
    ) -> anyhow::Result<()> {
        if !self.is_reported() {
            return Ok(());
        }
        let report =
            Report::of(definition, about.clone(), &outcome.forecasts, Some(&newest.serving), outcome.actuals());
        self.write_report(&report)?;
        let Some(file) = &self.card else { return Ok(()) };
        let card = Card {
            definition,
            fitted: newest,
            trained_on: &outcome.actuals().before(newest.trained_until),
            source: &format!("a file with SHA-256 {}", Sha256Hex::of(history)),
            simulated: Some(about.simulated),
            history: vec![format!("Fitted {}, by code {CODE_VERSION}.", about.retraining)],
            limits: &[],
            watched: None,
            known: Known::of_report(&report),
        };
        outfile::write(file, &card.to_markdown())
    }

    fn is_reported(&self) -> bool {
        self.report.is_some() || self.report_json.is_some() || self.card.is_some()
    }

    fn write_report(&self, report: &Report) -> anyhow::Result<()> {
        if let Some(file) = &self.report {
            outfile::write(file, &page::html(report)?)?;
        }
        if let Some(file) = &self.report_json {
            outfile::write(file, &(serde_json::to_string_pretty(report)? + "\n"))?;
        }
        Ok(())
    }

    /// How the platform was run.
    fn about(&self, summary: &Summary, outcome: &Outcome) -> About {
        let withheld = summary.tally.withheld_because().iter().filter(|(time, _)| self.is_in_span(*time));
        About {
            simulated: summary.simulated,
            retraining: self.retrain.spelled().to_owned(),
            models: summary.tally.promotions,
            withheld: withheld.map(|(origin, reason)| Withheld { origin: *origin, reason: reason.clone() }).collect(),
            reduced: told(outcome.reduced.iter().filter(|(origin, _)| self.is_in_span(*origin)).cloned()),
            failed_fits: Vec::new(),
            left_out: outcome.newest_model.iter().flat_map(|model| model.fitted.left_out.clone()).collect(),
            rows_refused: summary.tally.rows_quarantined,
        }
    }
}

/// Origins with a reason each.
pub(super) fn told(all: impl IntoIterator<Item = (Timestamp, String)>) -> Vec<Withheld> {
    all.into_iter().map(|(origin, reason)| Withheld { origin, reason }).collect()
}
