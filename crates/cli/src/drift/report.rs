//! The report of `aria drift`: one document for machines, one table for people.

use std::fmt::Write as _;
use std::path::Path;

use aria_core::drift::comparison::{Answers, Compared, SIGNIFICANCE, Severity, Summary};
use serde::{Serialize, Serializer};

use super::file::Files;
use super::pick::{self, LeftOut};
use super::time::Windows;
use crate::output::{one_line, path};

/// The report, in a shape with a version: fields may be added under the same one.
#[derive(Debug, Serialize)]
pub struct Report {
    version: u32,
    /// The file to compare with.
    pub reference: String,
    /// The file that may have drifted.
    pub current: String,
    significance: f64,
    /// Columns that have drifted.
    pub drifted: usize,
    /// The time that the files cover, where both have a column of times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Windows>,
    /// The answers of every statistic, by column.
    #[serde(serialize_with = "by_column")]
    pub columns: Vec<(String, Answers)>,
    /// What they come to, by column.
    #[serde(serialize_with = "by_column")]
    pub summary: Vec<(String, Summary)>,
    /// What was not compared.
    pub left_out: Vec<LeftOut>,
    /// What could not be checked.
    pub notes: Vec<String>,
}

/// An object with a member for each column, in their order.
fn by_column<T: Serialize, S: Serializer>(columns: &[(String, T)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(columns.iter().map(|(name, of)| (name, of)))
}

/// The most letters of a reason that are shown: it may name categories of a file.
const LONGEST_REASON: usize = 2_000;

const FIRST: [&str; 2] = ["column", "severity"];
/// What the statistics are called in a table.
pub const STATISTICS: [&str; 10] =
    ["ks", "wasserstein", "normed", "js", "hellinger", "psi", "chi2", "cvm", "ad", "energy"];
const LAST: [&str; 4] = ["p adj", "missing", "rows", "n_eff"];

impl Report {
    /// The report of these comparisons, without a note.
    pub fn new(files: &Files<'_>, compared: Vec<Compared>, left_out: Vec<LeftOut>, time: Option<Windows>) -> Self {
        let drifted = compared.iter().filter(|c| c.summary.severity == Severity::Drifted).count();
        let (reference, current) = (files.reference.display().to_string(), files.current.display().to_string());
        let part = |compared: Compared| {
            let Compared { column, answers, summary } = compared;
            ((column.clone(), answers), (column, summary))
        };
        let (columns, summary) = compared.into_iter().map(part).unzip();
        let (significance, notes) = (SIGNIFICANCE, Vec::new());
        Self { version: 2, reference, current, significance, drifted, time, columns, summary, left_out, notes }
    }

    /// The report with what could not be checked.
    pub fn with_notes(self, notes: Vec<String>) -> Self {
        Self { notes, ..self }
    }

    /// The report as a person reads it: a table, then why for each column that is not stable.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let name = |file: &str| path(Path::new(file));
        writeln!(text, "{} against {}", name(&self.current), name(&self.reference))?;
        let compared = self.columns.len();
        writeln!(text, "{} of {compared} columns drifted, {} not compared\n", self.drifted, self.left_out.len())?;
        let headings: Vec<String> = FIRST.iter().chain(&STATISTICS).chain(&LAST).map(|h| (*h).to_owned()).collect();
        let columns = self.columns.iter().zip(&self.summary);
        let rows = columns.map(|((name, answers), (_, summary))| row(name, answers, summary));
        let rows: Vec<Vec<String>> = std::iter::once(headings).chain(rows).collect();
        writeln!(text, "{}", aligned(&rows, FIRST.len()))?;
        writeln!(text, "\n! behind a value: it has drifted; ?: that cannot be told. Pairs are reference / current.")?;
        writeln!(
            text,
            "p adj: of ks, of text of chi2, for n_eff independent values, adjusted for the number of columns."
        )?;
        for (column, summary) in self.summary.iter().filter(|(_, s)| s.severity != Severity::Stable) {
            // Insufficient data are called so by their reason.
            let severity = match summary.severity {
                Severity::InsufficientData => String::new(),
                severity => format!(", {severity}"),
            };
            writeln!(text, "\n{}{severity}: {}", pick::name(column), one_line(&summary.reason, LONGEST_REASON))?;
        }
        Ok(())
    }
}

fn row(name: &str, answers: &Answers, summary: &Summary) -> Vec<String> {
    let (reference, current) = (&summary.reference, &summary.current);
    let mut row = vec![pick::name(name), summary.severity.to_string()];
    for (statistic, answer) in answers.iter() {
        row.push(match (answer.value, answer.drifted) {
            (None, _) => "-".to_owned(),
            (Some(value), Some(true)) => figure(value) + "!",
            (Some(value), Some(false)) => figure(value),
            (Some(value), None) => figure(value) + "?",
        });
        debug_assert!(row.len() == FIRST.len() + statistic as usize + 1, "a value under another's heading");
    }
    row.extend([
        summary.p_value_adjusted.map_or_else(|| "-".to_owned(), figure),
        format!("{:.1} % / {:.1} %", 100.0 * reference.missing_share, 100.0 * current.missing_share),
        format!("{} / {}", reference.rows, current.rows),
        format!("{:.0} / {:.0}", reference.effective_size, current.effective_size),
    ]);
    row
}

/// A number in at most ten characters, four digits of it telling.
pub fn figure(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if (1e-3..1e5).contains(&size) => format!("{value:.4}"),
        _ => format!("{value:.2e}"),
    }
}

/// Rows in straight columns: so many names to the left, numbers to the right.
pub fn aligned(rows: &[Vec<String>], names: usize) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for cells in rows {
        widths.resize(widths.len().max(cells.len()), 0);
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }
    rows.iter().map(|cells| line(cells, &widths, names)).collect::<Vec<_>>().join("\n")
}

fn line(cells: &[String], widths: &[usize], names: usize) -> String {
    let mut line = String::new();
    for (place, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let padding = " ".repeat(width - cell.chars().count());
        let (before, after) = if place < names { ("", padding.as_str()) } else { (padding.as_str(), "") };
        let gap = if place == 0 { "" } else { "  " };
        line.push_str(&[gap, before, cell, after].concat());
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use aria_core::drift::comparison::{Cells, Column, compare};

    use super::*;

    fn report() -> Report {
        let spread = |level: f64| (0..500).map(|i| level + f64::from(i * 379 % 1_000) / 100.0).collect::<Vec<_>>();
        let (before, after) = (spread(0.0), spread(5.0));
        let column = |name, current| Column { name, cells: Cells::Numbers { reference: &before, current } };
        let compared = compare(&[column("moved", &after), column("a longer name", &before)], None);
        let files = Files { reference: Path::new("old.csv"), current: Path::new("new.csv") };
        let left_out = vec![LeftOut::new("old", "it is not there".to_owned())];
        Report::new(&files, compared, left_out, None)
    }

    #[test]
    fn the_table_stands_in_straight_columns_and_gives_a_reason_for_what_is_not_stable() {
        let text = report().to_text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..2], ["new.csv against old.csv", "1 of 2 columns drifted, 1 not compared"]);
        assert_eq!(lines[3].len(), lines[4].len(), "{text}");
        assert_eq!(lines[4].len(), lines[5].len(), "{text}");
        assert!(lines[4].matches('!').count() == 10 && !lines[5].contains('!'), "{text}");
        assert!(lines.iter().any(|line| line.starts_with("moved, drifted: wasserstein_normed")), "{text}");
        assert!(!text.contains("a longer name, stable"), "{text}");
    }

    #[test]
    fn the_document_has_ten_statistics_for_each_column_in_the_columns_order() {
        let text = serde_json::to_string(&report()).unwrap();
        assert!(text.find("\"moved\"") < text.find("\"a longer name\""), "{text}");
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&document["version"], &document["drifted"]), (&2.into(), &1.into()));
        let moved = document["columns"]["moved"].as_object().unwrap();
        assert_eq!(moved.len(), 10);
        for (name, answer) in moved {
            assert!(answer["value"].is_f64() && answer["reason"].is_string(), "{name}");
            assert_eq!(answer["drifted"], true, "{name}");
            assert_eq!(answer.as_object().unwrap().len(), 4, "{name}");
        }
        assert_eq!(document["summary"]["moved"]["severity"], "drifted");
        assert_eq!(document["left_out"][0]["column"], "old");
    }

    #[test]
    fn figures_are_short_however_large_or_small_they_are() {
        let shown = [0.0, 0.5, -12.34567, 1e-9, 123_456.7].map(figure);
        assert_eq!(shown, ["0", "0.5000", "-12.3457", "1.00e-9", "1.23e5"]);
    }
}
