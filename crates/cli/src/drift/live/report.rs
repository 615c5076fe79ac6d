//! The check of a batch: one document for machines, tables and lines for people.

use std::fmt::Write as _;

use aria_core::budget::Budget;
use aria_core::drift::columns::{Column, Judged};
use aria_core::drift::comparison::{Severity, Statistic};
use aria_core::drift::{Answer, Finding};
use aria_core::monitor::{self, Diagnosis, Expected};
use aria_core::policy::{Basis, Decision};
use aria_core::skill::{OfDay, Skill};
use aria_core::time::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::drift::report::{STATISTICS, aligned, figure};
use crate::output::one_line;

/// The report, in a shape with a version: fields may be added under the same one. `columns` and `summary` are those of
/// a comparison of files, with a threshold to each statistic.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    version: u32,
    /// The series.
    pub series: &'a str,
    /// The batch.
    pub batch: Batch,
    /// The key of the model whose reference was compared with.
    pub model: Option<String>,
    /// The window's first step and the first after it.
    pub window: (Timestamp, Timestamp),
    /// What all of it comes to.
    pub diagnosis: Option<Diagnosis>,
    /// Columns that have drifted.
    pub drifted: usize,
    /// The answers of every statistic, by column.
    #[serde(serialize_with = "by_column")]
    pub columns: &'a [Column],
    /// What they come to, by column.
    #[serde(serialize_with = "by_name")]
    pub summary: Vec<(&'a str, Summary)>,
    data: &'a [Finding],
    prediction: &'a [Finding],
    /// Whether the level fits the other columns of the rows.
    pub relation: Option<&'a Finding>,
    /// Whether the model has become worse.
    pub skill: &'a Skill,
    expected: &'a [Expected],
    /// What the policy looked at.
    pub basis: Option<&'a Basis>,
    /// What it decided.
    pub decision: Option<&'a Decision>,
    /// What the model is watched with; none where none serves.
    pub budget: Option<Budget>,
    remark: Option<&'a str>,
    code_version: &'a str,
}

/// The batch that was checked.
#[derive(Debug, Serialize)]
pub struct Batch {
    /// Its number among those that were received.
    pub ordinal: u64,
    sequence: u64,
    /// The end of its data.
    pub origin: Timestamp,
    snapshot: String,
}

/// A column in one judgement.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// How much it has changed.
    pub severity: Severity,
    /// Why.
    pub reason: String,
}

/// What one statistic says, without its name.
#[derive(Serialize)]
struct Told<'a> {
    value: Option<f64>,
    p_value: Option<f64>,
    threshold: Option<f64>,
    drifted: Option<bool>,
    reason: &'a str,
}

struct ByStatistic<'a>(&'a [Judged]);

impl Serialize for ByStatistic<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|answer| {
            let Judged { statistic, value, p_value, threshold, drifted, reason } = answer;
            let told = Told { value: *value, p_value: *p_value, threshold: *threshold, drifted: *drifted, reason };
            (statistic.name(), told)
        }))
    }
}

fn by_column<S: Serializer>(columns: &&[Column], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(columns.len()))?;
    for column in *columns {
        map.serialize_entry(&column.name, &ByStatistic(&column.answers))?;
    }
    map.end()
}

fn by_name<S: Serializer>(summary: &[(&str, Summary)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(summary.iter().map(|(name, of)| (name, of)))
}

/// The most letters of a reason that are shown.
const LONGEST_REASON: usize = 2_000;

impl<'a> Report<'a> {
    /// The report of a stored check.
    pub fn new(checked: &'a monitor::Report, budget: Option<Budget>) -> Self {
        let batch = &checked.batch;
        let summary: Vec<(&str, Summary)> =
            checked.columns.iter().map(|column| (column.name.as_str(), Summary::of(column))).collect();
        Self {
            version: 2,
            series: checked.series.as_str(),
            batch: Batch {
                ordinal: batch.ordinal,
                sequence: batch.sequence,
                origin: batch.origin,
                snapshot: batch.snapshot.key(),
            },
            model: checked.model.as_ref().map(|model| model.key()),
            window: checked.window,
            diagnosis: checked.diagnosis,
            drifted: summary.iter().filter(|(_, of)| of.severity == Severity::Drifted).count(),
            columns: &checked.columns,
            summary,
            data: &checked.data,
            prediction: &checked.prediction,
            relation: checked.relation.as_ref(),
            skill: &checked.skill,
            expected: &checked.expected,
            basis: checked.basis.as_ref(),
            decision: checked.decision.as_ref(),
            budget,
            remark: checked.remark.as_deref(),
            code_version: &checked.code_version,
        }
    }

    /// The report as a person reads it.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let (from, until) = self.window;
        writeln!(text, "{}, batch {}: {}", self.series, self.batch.ordinal, self.diagnosis_told())?;
        writeln!(text, "window {from} to {until}, {}", self.model.as_deref().unwrap_or("no model serves"))?;
        if let Some(remark) = self.remark {
            writeln!(text, "{}", one_line(remark, LONGEST_REASON))?;
        }
        writeln!(text)?;
        self.write_columns(text)?;
        for line in self.lines() {
            writeln!(text, "\n{}", one_line(&line, LONGEST_REASON))?;
        }
        let rows: Vec<Vec<String>> = std::iter::once(DAY_HEADS.map(str::to_owned).to_vec())
            .chain(self.skill.by_day.iter().map(day_row))
            .collect();
        if rows.len() > 1 {
            writeln!(text, "\n{}", aligned(&rows, 1))?;
        }
        Ok(())
    }

    fn write_columns(&self, text: &mut String) -> std::fmt::Result {
        if self.columns.is_empty() {
            return writeln!(text, "{}", self.nothing_compared());
        }
        writeln!(text, "{} of {} columns drifted\n", self.drifted, self.columns.len())?;
        let heads = ["column", "severity"].iter().chain(&STATISTICS).map(|head| (*head).to_owned()).collect();
        let row = |(column, (_, summary)): (&Column, &(&str, Summary))| {
            let mut row = vec![column.name.clone(), summary.severity.to_string()];
            row.extend(column.answers.iter().map(cell));
            row
        };
        let rows: Vec<Vec<String>> =
            std::iter::once(heads).chain(self.columns.iter().zip(&self.summary).map(row)).collect();
        writeln!(text, "{}", aligned(&rows, 2))?;
        writeln!(text, "\n! behind a value: it has drifted; ?: that cannot be told.")?;
        for (name, summary) in self.summary.iter().filter(|(_, of)| of.severity != Severity::Stable) {
            // Insufficient data are called so by their reason.
            let severity = match summary.severity {
                Severity::InsufficientData => String::new(),
                severity => format!(", {severity}"),
            };
            writeln!(text, "\n{name}{severity}: {}", one_line(&summary.reason, LONGEST_REASON))?;
        }
        Ok(())
    }

    /// Why there is no column.
    pub fn nothing_compared(&self) -> &'static str {
        match self.model {
            None => "no model served, so that there was nothing to compare with",
            Some(_) => "the check was made by code that did not compare by column: the next batch's will",
        }
    }

    /// What the check comes to, in words.
    pub fn diagnosis_told(&self) -> &'static str {
        match self.diagnosis {
            None => "no diagnosis",
            Some(Diagnosis::Steady) => "steady",
            Some(Diagnosis::InsufficientData) => "insufficient data",
            Some(Diagnosis::DataBroken) => "the data is broken",
            Some(Diagnosis::InputChanged) => "the input or the prediction has changed, the model copes",
            Some(Diagnosis::WorldHarder) => "the world is harder to forecast, the model is as ever",
            Some(Diagnosis::ModelWorse) => "the model has become worse",
        }
    }

    /// Everything but the columns in a line each: skill, relation, decision, what it rests on, budget.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("skill, {}: {}", answer(self.skill.answer), self.skill.reason)];
        if let Some(relation) = self.relation {
            lines.push(format!("level given covariates, {}: {}", answer(relation.answer), relation.reason));
        }
        let decided = self.decision.map(decided);
        let basis = self.basis.map(|basis| rests_on(basis, decided.as_deref().unwrap_or_default()));
        lines.extend(decided.map(|decided| format!("decided: {decided}")));
        lines.extend(basis.map(|basis| format!("on the basis of: {basis}")));
        if let Some(budget) = &self.budget {
            lines.extend(budget.lines());
            lines.extend(budget.not_watched.iter().cloned());
        }
        lines
    }
}

impl Summary {
    fn of(column: &Column) -> Self {
        let drifted: Vec<&Judged> = column.answers.iter().filter(|answer| answer.drifted == Some(true)).collect();
        let told = |answer: &&Judged| format!("{}: {}", answer.statistic.name(), answer.reason);
        let first = |of: fn(&Judged) -> bool| column.answers.iter().find(|answer| of(answer)).map(|a| told(&a));
        if !drifted.is_empty() {
            return Self {
                severity: Severity::Drifted,
                reason: drifted.iter().map(told).collect::<Vec<_>>().join("; "),
            };
        }
        let is_known = column.answers.iter().any(|answer| answer.drifted.is_some());
        let (severity, reason) = match is_known {
            true => (Severity::Stable, first(|a| a.statistic == Statistic::WassersteinNormed && a.drifted.is_some())),
            false => (Severity::InsufficientData, column.answers.first().map(|answer| answer.reason.clone())),
        };
        Self { severity, reason: reason.unwrap_or_else(|| "no statistic lies beyond its bound".to_owned()) }
    }
}

/// Headings of the table of days of the horizon.
pub const DAY_HEADS: [&str; 6] = ["day", "days", "error", "of naive", "bias", "in 80 %"];

/// A row of the table of days of the horizon.
pub fn day_row(of: &OfDay) -> Vec<String> {
    let known = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), figure);
    let coverage = of.coverage_80.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", 100.0 * share));
    vec![of.day.to_string(), of.days.to_string(), figure(of.mae), known(of.ratio), figure(of.bias), coverage]
}

fn cell(answer: &Judged) -> String {
    match (answer.value, answer.drifted) {
        (None, _) => "-".to_owned(),
        (Some(value), Some(true)) => figure(value) + "!",
        (Some(value), Some(false)) => figure(value),
        (Some(value), None) => figure(value) + "?",
    }
}

fn answer(answer: Answer) -> &'static str {
    match answer {
        Answer::Stable => "stable",
        Answer::Drifted => "drifted",
        Answer::InsufficientData => "insufficient data",
    }
}

fn decided(decision: &Decision) -> String {
    match decision {
        Decision::Proceed { degraded, deferred } => {
            let told = degraded.as_ref().map(|why| format!(", as a degraded one: {why}")).unwrap_or_default();
            let deferred = deferred.as_ref().map(|(trigger, why)| {
                let why = if degraded.as_ref() == Some(why) { "for the same reason" } else { why };
                format!("; due and waiting: {} ({}), {why}", trigger.cause.as_str(), trigger.evidence)
            });
            format!("forecast with the serving model{told}{}", deferred.unwrap_or_default())
        }
        Decision::Retrain(trigger) => format!("train anew, {}: {}", trigger.cause.as_str(), trigger.evidence),
        Decision::Wait { reason } => format!("wait: {reason}"),
    }
}

/// What the decision rests on; a reason that the decision tells is not told again.
fn rests_on(basis: &Basis, decided: &str) -> String {
    let news = if basis.brings_news { "the batch brings news" } else { "the batch is a back-fill" };
    let mut parts = vec![news.to_owned(), format!("{} measured days since a retraining was asked for", basis.new_days)];
    let named = [("broken data", &basis.broken), ("skill", &basis.skill_alarm), ("drift", &basis.drift_alarm)];
    parts.extend(named.iter().map(|(of, why)| match why {
        Some(why) if decided.contains(why) => format!("{of}, as above"),
        Some(why) => format!("{of}: {why}"),
        None => format!("no alarm of {of}"),
    }));
    parts.join("; ")
}

#[cfg(test)]
mod tests;
