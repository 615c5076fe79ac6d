//! A backtest whose models are refitted by a calendar: no services, no contest, the same fits and forecasts.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context, bail};
use aria_core::backtest::{self, Plan, Refit};
use aria_core::contract;
use aria_core::forecast::{Covariate, Explanation, Inputs};
use aria_core::history::History;
use aria_core::report::{About, Withheld};
use aria_core::series::Definition;
use aria_core::time::{Cadence, DAY, HOUR, Timestamp};
use serde::Serialize;

use super::{Backtest, Retrain};
use crate::outcome::{self, Outcome, Year};
use crate::output::path;
use crate::{input, outfile};

/// What such a backtest came to.
#[derive(Clone, Debug, Serialize)]
struct Summary {
    /// The series.
    series: String,
    /// Whether the data was made by the simulator.
    simulated: bool,
    /// Rows that the contract refused.
    rows_refused: u64,
    /// The first origin of each model.
    models: Vec<Timestamp>,
    /// Forecasts that were made.
    issued: u64,
    /// Forecasts that were made without some of their inputs.
    reduced: u64,
    /// Origins without a forecast, and why.
    withheld: Vec<Withheld>,
    /// Origins at which a fit was due and failed, and why; the model before it went on.
    failed_fits: Vec<Withheld>,
    /// What models had to do without, and why, each once.
    left_out: BTreeSet<String>,
    /// Errors by the year of the forecast's origin.
    errors: Vec<Year>,
}

impl Backtest {
    /// Runs the backtest, writes its forecasts and prints its summary.
    pub(super) fn roll(&self, definition: &Definition, bytes: &[u8], refit: Refit) -> anyhow::Result<()> {
        let format = input::format_of(&self.input, bytes)?;
        let checked = contract::check(definition, format, bytes, None, Timestamp::LAST)
            .with_context(|| format!("{} breaks the contract", path(&self.input)))?;
        let mut inputs = Inputs::of_table(definition, &checked.table)?;
        self.check_covariates(&inputs)?;
        self.read_others(definition, &mut inputs)?;
        let plan = self.plan(&inputs.own, refit)?;
        let run = backtest::run(definition, &inputs, plan);
        if run.forecasts.is_empty() {
            let why = run.withheld.first().map_or("there is no origin", |(_, why)| why);
            bail!("no forecast begins in {}: {why}", input::span(self.from, self.to));
        }
        if let Some(file) = &self.explain {
            outfile::write(file, &to_csv(&run.explain(&inputs), definition.cadence))?;
        }
        let first_model = run.models.first().map(|(_, model)| model);
        let outcome = Outcome::new(run.forecasts, inputs, first_model);
        outfile::write(&self.out, &outcome::to_csv(&outcome.forecasts))?;
        let told = |all: Vec<(Timestamp, String)>| {
            all.into_iter().map(|(origin, reason)| Withheld { origin, reason }).collect()
        };
        let summary = Summary {
            series: definition.id.to_string(),
            simulated: input::is_simulated(bytes),
            rows_refused: checked.rows_refused,
            models: run.models.iter().map(|(origin, _)| *origin).collect(),
            issued: outcome.forecasts.len() as u64,
            reduced: run.reduced,
            withheld: told(run.withheld),
            failed_fits: told(run.failed),
            left_out: run.models.iter().flat_map(|(_, model)| model.left_out.clone()).collect(),
            errors: outcome.errors(),
        };
        if let Some((_, newest)) = run.models.last() {
            self.report_rolled(definition, bytes, newest, &summary.about(self.retrain), &outcome)?;
        }
        if self.json {
            say!("{}", serde_json::to_string_pretty(&summary)?);
        } else {
            say!("{}", summary.to_text());
        }
        Ok(())
    }

    /// A covariate without a single value is a column that was mistyped.
    fn check_covariates(&self, inputs: &Inputs) -> anyhow::Result<()> {
        let empty = |covariate: &&Covariate| covariate.history.values().iter().all(|value| !value.is_finite());
        match inputs.covariates.iter().find(empty) {
            Some(Covariate { name, .. }) => {
                bail!("{} has no value in a column `{name}`: name columns of it", path(&self.input))
            }
            None => Ok(()),
        }
    }

    /// Origins at midnight UTC, in the span that was asked for or in the whole history.
    fn plan(&self, own: &History, refit: Refit) -> anyhow::Result<Plan> {
        // Before the history begins there is nothing to forecast from, and nothing to tell.
        let first = self.from.map_or(own.start(), |from| from.max(own.start()));
        let from = first.plus((-first.seconds()).rem_euclid(DAY));
        let to = self.to.unwrap_or_else(|| own.end()).min(own.end());
        if from > to || to <= own.start() {
            bail!(
                "no day of {} lies in {}: it holds {} to {}",
                path(&self.input),
                input::span(self.from, self.to),
                own.start(),
                own.end()
            );
        }
        Ok(Plan { from, to, refit })
    }
}

/// What moved each forecast, one line for each step and input.
fn to_csv(explanations: &[Explanation], cadence: Cadence) -> String {
    let mut text = "origin_utc,horizon_h,target_utc,input,adds\n".to_owned();
    for explanation in explanations {
        let origin = explanation.origin;
        let steps = explanation.parts.values().next().map_or(0, Vec::len);
        for step in 0..steps {
            let target = origin.plus(step as i64 * cadence.seconds());
            let hours = target.since(origin) as f64 / HOUR as f64;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{origin},{hours},{target},base,{}", explanation.base);
            for (input, adds) in &explanation.parts {
                let _ = writeln!(text, "{origin},{hours},{target},{input},{}", adds[step]);
            }
        }
    }
    text
}

impl Summary {
    /// How the backtest was run.
    fn about(&self, retrain: Retrain) -> About {
        About {
            simulated: self.simulated,
            retraining: retrain.spelled().to_owned(),
            models: self.models.len() as u64,
            withheld: self.withheld.clone(),
            reduced: self.reduced,
            rows_refused: self.rows_refused,
        }
    }

    fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let simulated = if self.simulated { " (simulated)" } else { "" };
        writeln!(text, "\n{}{simulated}", self.series)?;
        let (issued, withheld) = (self.issued, self.withheld.len());
        writeln!(text, "  {issued} forecasts issued, {withheld} withheld, {} rows refused", self.rows_refused)?;
        if self.reduced > 0 {
            writeln!(text, "  {} forecasts made without some of their inputs", self.reduced)?;
        }
        let span = self.models.first().zip(self.models.last());
        let (first, last) = span.map_or_else(Default::default, |(first, last)| (first.to_string(), last.to_string()));
        writeln!(text, "  {} models, the first fitted for {first}, the last for {last}", self.models.len())?;
        for held in self.withheld.iter().take(3) {
            writeln!(text, "    no forecast from {}: {}", held.origin, held.reason)?;
        }
        if withheld > 3 {
            writeln!(text, "    and {} more, all of which --json lists", withheld - 3)?;
        }
        for Withheld { origin, reason } in &self.failed_fits {
            writeln!(text, "    no model was fitted for {origin}, the one before it went on: {reason}")?;
        }
        for why in &self.left_out {
            writeln!(text, "    left out of models: {why}")?;
        }
        outcome::write_errors(text, &self.errors)
    }
}
