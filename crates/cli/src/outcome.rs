//! The outcome of a run: its events told as a summary, its forecasts as a file, its errors beside the naive ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use aria_core::artifact::Ref;
use aria_core::forecast::{self, CSV_HEADER, Fitted, Forecast, Inputs, Issuer, baseline};
use aria_core::history::History;
use aria_core::model::Model;
use aria_core::score::{self, Score};
use aria_core::summary::Tally;
use aria_core::time::{DAY, Timestamp};
use aria_io::artifacts::Artifacts;
use aria_io::library::{self, Series};
use serde::Serialize;

/// What a run came to, as `summary.json` holds it.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The series.
    pub series: String,
    /// Whether the data was made by the simulator.
    pub simulated: bool,
    /// Counts and retrainings.
    #[serde(flatten)]
    pub tally: Tally,
    /// How long a batch took from its receipt to its end; none offline.
    pub latency_ms: Option<Latency>,
    /// Errors by the year of the forecast's origin.
    pub errors: Vec<Year>,
}

/// How long a batch took from its receipt to its end, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Latency {
    /// Half of the batches took no longer.
    pub p50: f64,
    /// All but one in a hundred took no longer.
    pub p99: f64,
}

/// Errors of one year, for the same origins: those from which every forecaster has a forecast.
#[derive(Clone, Debug, Serialize)]
pub struct Year {
    /// The year.
    pub year: i16,
    /// Origins that are left out, since the first model or a naive forecast has none there.
    pub left_out: u64,
    /// What was issued.
    pub issued: Score,
    /// What the first model would have forecast, had it been kept for ever.
    pub first_model_kept: Option<Score>,
    /// The naive forecasts, by name.
    pub naive: BTreeMap<&'static str, Score>,
}

/// The name of the first model among the forecasters of a year.
const FIRST_MODEL: &str = "first_model";

/// The forecasts of a run with the actual values they are scored against.
pub struct Outcome {
    /// The issued forecasts in the order of their batches.
    pub forecasts: Vec<Forecast>,
    /// Origins of forecasts that were made without some of their inputs, where that is stored with them.
    pub reduced: Vec<Timestamp>,
    /// The newest model that took over, where models are stored.
    pub newest_model: Option<Model>,
    inputs: Inputs,
    first_model: Option<Fitted>,
}

impl Outcome {
    /// The forecasts of a run, what they were made from and are scored against, and the first model that served.
    pub fn new(forecasts: Vec<Forecast>, inputs: Inputs, first_model: Option<&Fitted>) -> Self {
        Self { forecasts, reduced: Vec::new(), newest_model: None, inputs, first_model: first_model.cloned() }
    }

    /// The values that the forecasts are scored against.
    pub fn actuals(&self) -> &History {
        &self.inputs.own
    }

    /// Loads what a run issued, and the series as it is in the end.
    ///
    /// # Errors
    /// Where an artifact cannot be had.
    pub async fn load(artifacts: &Artifacts, tally: &Tally, newest: &Ref) -> anyhow::Result<Self> {
        let (mut forecasts, mut reduced) = (Vec::new(), Vec::new());
        for issued in tally.forecasts() {
            let (document, forecast) = library::forecast(artifacts, &issued.forecast).await?;
            if !document.without.is_empty() {
                reduced.push(forecast.origin);
            }
            forecasts.push(forecast);
        }
        let series = Series::open(artifacts, newest).await?;
        let inputs = series.inputs(artifacts, series.manifest.first, series.manifest.end).await?;
        let first_model = stored(artifacts, tally.first_model()).await?.map(|model| model.fitted);
        let newest_model = stored(artifacts, tally.newest_model()).await?;
        Ok(Self { forecasts, reduced, newest_model, inputs, first_model })
    }

    /// Errors by the year of the origin, beside the first model's and the naive forecasts'.
    pub fn errors(&self) -> Vec<Year> {
        let mut by_year: BTreeMap<i16, Vec<&Forecast>> = BTreeMap::new();
        for forecast in &self.forecasts {
            by_year.entry(forecast.origin.utc().year()).or_default().push(forecast);
        }
        let kept = self.first_model.as_ref().map(|model| self.kept(model));
        by_year.into_iter().map(|(year, forecasts)| self.year(year, &forecasts, kept.as_ref())).collect()
    }

    /// What a model would have forecast from every origin, as the services would with it.
    fn kept(&self, model: &Fitted) -> BTreeMap<Timestamp, Vec<f64>> {
        let origins: BTreeSet<Timestamp> = self.forecasts.iter().map(|forecast| forecast.origin).collect();
        let mut issuer = Issuer::new(model);
        let forecast = |origin| Some((origin, issuer.issue(&self.inputs, origin).ok()?.forecast.values()));
        origins.into_iter().filter_map(forecast).collect()
    }

    fn year(&self, year: i16, forecasts: &[&Forecast], kept: Option<&BTreeMap<Timestamp, Vec<f64>>>) -> Year {
        let mut issued = score::Tally::default();
        let mut others: BTreeMap<&'static str, score::Tally> = BTreeMap::new();
        let mut left_out = 0;
        for forecast in forecasts {
            let Some(rivals) = self.rivals(forecast, kept) else {
                left_out += 1;
                continue;
            };
            issued.add(forecast, self.actuals());
            for (name, values) in rivals {
                others.entry(name).or_default().add_values(forecast.origin, &values, self.actuals());
            }
        }
        let first_model_kept = others.remove(FIRST_MODEL).map(|tally| tally.score());
        let naive = others.into_iter().map(|(name, tally)| (name, tally.score())).collect();
        Year { year, left_out, issued: issued.score(), first_model_kept, naive }
    }

    /// What the others would have forecast from the same origin, by name; none where one of them has no forecast.
    fn rivals(
        &self,
        forecast: &Forecast,
        kept: Option<&BTreeMap<Timestamp, Vec<f64>>>,
    ) -> Option<Vec<(&'static str, Vec<f64>)>> {
        let (origin, steps) = (forecast.origin, forecast.points.len());
        let known = self.actuals().between(origin.plus(-forecast::NEEDED_DAYS * DAY), origin);
        let mut rivals = baseline::all(&known, origin, steps)?;
        if let Some(kept) = kept {
            rivals.push((FIRST_MODEL, kept.get(&origin)?.clone()));
        }
        Some(rivals)
    }
}

async fn stored(artifacts: &Artifacts, model: Option<&Ref>) -> anyhow::Result<Option<Model>> {
    match model {
        Some(model) => Ok(Some(artifacts.get_document(model).await?)),
        None => Ok(None),
    }
}

/// Forecasts as CSV in the columns of `aria backtest`.
pub fn to_csv<'a>(forecasts: impl IntoIterator<Item = &'a Forecast>) -> String {
    let mut text = format!("{CSV_HEADER}\n");
    for row in forecasts.into_iter().flat_map(Forecast::csv_rows) {
        text.push_str(&row);
        text.push('\n');
    }
    text
}

/// The summary as a person reads it.
pub fn to_text(summary: &Summary) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_summary(&mut text, summary);
    text
}

fn write_summary(text: &mut String, summary: &Summary) -> std::fmt::Result {
    let tally = &summary.tally;
    let simulated = if summary.simulated { " (simulated)" } else { "" };
    writeln!(text, "\n{}{simulated}", summary.series)?;
    writeln!(
        text,
        "  {} batches: {} forecasts issued, {} withheld, {} rejected; each ended once: {}",
        tally.batches,
        tally.issued,
        tally.withheld,
        tally.rejected,
        if tally.ended_once == tally.batches { "yes" } else { "NO" }
    )?;
    writeln!(text, "  {} drift checks, {} rows quarantined", tally.drift_checks, tally.rows_quarantined)?;
    if let Some(latency) = summary.latency_ms {
        writeln!(text, "  time per batch: p50 {:.0} ms, p99 {:.0} ms", latency.p50, latency.p99)?;
    }
    writeln!(
        text,
        "  {} retrainings: {} promoted, {} rejected",
        tally.retrainings.len(),
        tally.promotions,
        tally.rejections
    )?;
    for ended in &tally.retrainings {
        let when = ended.when.to_string();
        let day = when.get(..10).unwrap_or(&when);
        writeln!(text, "    {day}  {:<12} {:<9} {}", ended.cause.as_str(), ended.outcome, ended.reason)?;
    }
    write_errors(text, &summary.errors)
}

/// Errors by year, beside the naive ones.
pub fn write_errors(text: &mut String, years: &[Year]) -> std::fmt::Result {
    writeln!(text, "  error (mean absolute percentage, day 1 / whole horizon)")?;
    for year in years.iter().filter(|year| year.issued.origins > 0) {
        write!(text, "    {}  issued {}", year.year, figures(&year.issued))?;
        if let Some(first) = &year.first_model_kept {
            write!(text, "   first model kept {}", figures(first))?;
        }
        for (name, score) in &year.naive {
            write!(text, "   {name} {}", figures(score))?;
        }
        if year.left_out > 0 {
            write!(text, "   ({} origins left out: not everyone has a forecast there)", year.left_out)?;
        }
        writeln!(text)?;
    }
    Ok(())
}

fn figures(score: &Score) -> String {
    let percent = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.2}"));
    format!("{} / {}", percent(score.mape_by_day.first().copied().flatten()), percent(score.mape))
}
