//! `aria backtest`: a history run through the platform offline, or forecast by models that are refitted by a calendar,
//! and scored.

mod others;
mod page;
mod rolled;
mod written;

use std::path::PathBuf;

use anyhow::bail;
use aria_core::backtest::Refit;
use aria_core::forecast::{Candidate, Forecast};
use aria_core::replay::{self, Batch};
use aria_core::series::{Definition, Lookback, Quantity};
use aria_core::time::{DAY, HOUR, Timestamp};
use clap::{Args, ValueEnum};

use self::others::{NeighbourFile, WeatherFile};
use crate::outcome::{self, Outcome, Summary};
use crate::{input, outfile};

/// Runs a history through the platform offline: issues at 00:00 UTC daily.
#[derive(Args, Debug)]
pub struct Backtest {
    /// The history: CSV, NDJSON or Parquet.
    #[arg(long)]
    input: PathBuf,
    /// The column with the values, where it is not the definition's.
    #[arg(long)]
    column: Option<String>,
    /// The series whose definition is used.
    #[arg(long, default_value = "it.ci_direct")]
    series: String,
    /// A definition to use in place of a known one.
    #[arg(long)]
    definition: Option<PathBuf>,
    /// The first origin that is written.
    #[arg(long)]
    from: Option<Timestamp>,
    /// The last origin that is written.
    #[arg(long)]
    to: Option<Timestamp>,
    /// Hours forecast from each origin: 24 to 336.
    #[arg(long, value_parser = clap::value_parser!(u32).range(24..=336))]
    horizon: Option<u32>,
    /// When models are trained anew.
    #[arg(long, value_enum, default_value_t = Retrain::Policy)]
    retrain: Retrain,
    /// What models are made of, in place of the definition's: ridge, recursive, usual_week, previous_day,
    /// previous_week, decomposition, boosted_trees, pooled, with --covariates or --neighbours ridge_covariates, with
    /// --weather ridge_weather, with both ridge_all. Without it: ridge, recursive, decomposition and what the inputs
    /// allow.
    #[arg(long, value_delimiter = ',', value_parser = candidate)]
    candidates: Vec<Candidate>,
    /// Columns of the history whose past helps to forecast; `column@2` for one that is known two hours late.
    #[arg(long, value_delimiter = ',', value_parser = lookback)]
    covariates: Vec<Lookback>,
    /// Other series whose past helps to forecast, each from a file, the option once for each: `fr.ci_direct=fr.csv`, or
    /// `fr.ci_direct=fr.csv:column@2` for another column, known two hours late.
    #[arg(long, value_parser = others::neighbour)]
    neighbours: Vec<NeighbourFile>,
    /// Weather forecasts, a row for each run, and the hours after its issue at which one is known: `runs.csv@6`.
    /// Columns: issued_utc, then wind_ms_0,sun_wm2_0,temperature_k_0,dew_point_k_0,rain_mm_0 and those of the hours
    /// after.
    #[arg(long, value_parser = others::weather)]
    weather: Option<WeatherFile>,
    /// The file that the forecasts are written to.
    #[arg(long)]
    out: PathBuf,
    /// A file for what moved each forecast: columns origin_utc,horizon_h,target_utc,input,adds, which with the input
    /// `base` sum up to the forecast. With --retrain never or 30d.
    #[arg(long)]
    explain: Option<PathBuf>,
    /// A file for a report: one HTML page with plots of errors, intervals and forecasts beside the measured values.
    #[arg(long)]
    report: Option<PathBuf>,
    /// A file for the figures of the report as JSON.
    #[arg(long)]
    report_json: Option<PathBuf>,
    /// A file for the card of the newest model, in Markdown: its data and features, errors of the backtest, what it
    /// cannot know.
    #[arg(long)]
    card: Option<PathBuf>,
    /// Prints the summary as JSON.
    #[arg(long)]
    json: bool,
}

/// When models are trained anew.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Retrain {
    /// Never: the model of the first origin is kept.
    Never,
    /// Every day from the first origin on, each taking over at once: what no policy can be much better than.
    #[value(name = "1d")]
    Daily,
    /// Every 30 days from the first origin on, each taking over at once.
    #[value(name = "30d")]
    Monthly,
    /// As the definition's policy decides, and only what beats the serving model takes over: the platform itself.
    Policy,
}

impl Retrain {
    fn spelled(self) -> &'static str {
        match self {
            Self::Never => "once, for the first origin with enough before it",
            Self::Daily => "every day",
            Self::Monthly => "every 30 days",
            Self::Policy => "as the definition's policy decides",
        }
    }
}

impl Backtest {
    /// Runs the command.
    ///
    /// # Errors
    /// Where the input or the span cannot be used, or the output cannot be written.
    pub async fn run(self) -> anyhow::Result<()> {
        let definition = self.definition()?;
        self.check_files()?;
        let bytes = input::read(&self.input, definition.contract.upload_bytes)?;
        match self.retrain {
            Retrain::Never => return self.roll(&definition, &bytes, Refit::Never),
            Retrain::Daily => return self.roll(&definition, &bytes, Refit::Every { days: 1 }),
            Retrain::Monthly => return self.roll(&definition, &bytes, Refit::Every { days: 30 }),
            Retrain::Policy => {}
        }
        let batches = self.batches(&bytes, &definition)?;
        let (mut platform, others) = self.platform(&definition)?;
        let mut others = others.into_iter().peekable();
        let mut newest = None;
        for batch in batches {
            while let Some((series, other)) = others.next_if(|(_, other)| other.as_of <= batch.as_of) {
                let as_of = other.as_of;
                if let Some(reason) = platform.run_neighbour(&series, other).await? {
                    note!("the batch of `{series}` of {as_of} was rejected: {reason}");
                }
            }
            newest = platform.run(batch).await?.or(newest);
        }
        let Some(newest) = newest else {
            let reason = platform.first_rejection().unwrap_or("it has none");
            bail!("no batch of {} was accepted; the first: {reason}", self.input.display())
        };
        let mut outcome = Outcome::load(&platform.stores().artifacts, platform.tally(), &newest).await?;
        self.keep_span(&mut outcome.forecasts)?;
        outfile::write(&self.out, &outcome::to_csv(&outcome.forecasts))?;
        let summary = Summary {
            series: definition.id.to_string(),
            simulated: input::is_simulated(&bytes),
            tally: platform.tally().clone(),
            latency_ms: None,
            errors: outcome.errors(),
        };
        self.report_platform(&definition, &summary, &outcome)?;
        if self.json {
            say!("{}", serde_json::to_string_pretty(&summary)?);
        } else {
            say!("{}", outcome::to_text(&summary));
        }
        Ok(())
    }

    fn is_in_span(&self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| time >= from) && self.to.is_none_or(|to| time <= to)
    }

    /// The batches up to the last hour that a forecast of the span is scored with. Those before the span, and what
    /// comes as a back-fill, stay: the span says what is written, and its forecasts are those of the whole history.
    fn batches(&self, bytes: &[u8], definition: &Definition) -> anyhow::Result<Vec<Batch>> {
        let format = input::format_of(&self.input, bytes)?;
        let mut batches = replay::split(bytes, format, definition, 1)?;
        // A batch's forecast begins within its day, at the end of the day where that is whole.
        let is_wanted = |b: &Batch| {
            self.from.is_none_or(|from| b.as_of >= from) && self.to.is_none_or(|to| b.as_of.plus(-DAY) < to)
        };
        if !batches.iter().any(is_wanted) {
            return Err(input::no_day(&self.input, &batches, &input::span(self.from, self.to)));
        }
        if let Some(to) = self.to {
            // Hours after the last origin serve only as actual values to score with.
            let horizon = i64::from(definition.forecast.horizon_hours) * HOUR;
            batches.retain(|b| b.as_of <= to.plus(horizon));
        }
        Ok(batches)
    }

    /// Leaves the forecasts whose origins lie in the span.
    fn keep_span(&self, forecasts: &mut Vec<Forecast>) -> anyhow::Result<()> {
        let issued = forecasts.len();
        forecasts.retain(|forecast| self.is_in_span(forecast.origin));
        if forecasts.is_empty() && (self.from.is_some() || self.to.is_some()) {
            bail!("no forecast begins in {}, of {issued} issued", input::span(self.from, self.to));
        }
        Ok(())
    }

    fn definition(&self) -> anyhow::Result<Definition> {
        let mut definition = input::definition(&self.series, self.definition.as_deref())?;
        if let Some(column) = &self.column {
            definition.source.covariates.retain(|c| c != column);
            definition.source.value_column.clone_from(column);
        }
        if let Some(hours) = self.horizon {
            definition.forecast.horizon_hours = hours;
        }
        if !self.candidates.is_empty() {
            definition.forecast.candidates.clone_from(&self.candidates);
        }
        for lookback in &self.covariates {
            if !definition.source.covariates.contains(&lookback.column) {
                definition.source.covariates.push(lookback.column.clone());
            }
        }
        if !self.covariates.is_empty() {
            definition.forecast.covariates.clone_from(&self.covariates);
        }
        self.add_others(&mut definition)?;
        if definition.quantity == Quantity::Weather {
            bail!("`{}` holds weather forecasts: hand its file in with --weather, beside a series", definition.id);
        }
        let faults = definition.faults();
        if let Some(fault) = faults.first() {
            bail!("{}: {}", fault.field, fault.problem);
        }
        Ok(definition)
    }
}

fn candidate(name: &str) -> Result<Candidate, String> {
    let known = Candidate::ALL.into_iter().find(|candidate| candidate.name() == name);
    known.ok_or_else(|| format!("no candidate is called `{name}`: {}", Candidate::ALL.map(Candidate::name).join(", ")))
}

fn lookback(text: &str) -> Result<Lookback, String> {
    let (column, delay) = text.rsplit_once('@').unwrap_or((text, "0"));
    let delay_hours = delay.parse().map_err(|_| format!("`{delay}` is no number of hours: write {column}@2"))?;
    Ok(Lookback { column: column.to_owned(), delay_hours })
}
