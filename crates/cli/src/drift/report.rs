//! The report of `aria drift`: one document for machines, one table for people.

use std::fmt::Write as _;
use std::path::Path;

use aria_core::drift::comparison::{Comparison, SIGNIFICANCE, Severity};
use serde::Serialize;

use super::Files;
use super::pick::{self, LeftOut};
use crate::output::path;

/// The report, in a shape with a version: fields may be added under the same one.
#[derive(Debug, Serialize)]
pub struct Report {
    version: u32,
    reference: String,
    current: String,
    significance: f64,
    drifted: usize,
    columns: Vec<Comparison>,
    /// What was not compared.
    pub left_out: Vec<LeftOut>,
}

const HEADINGS: [&str; 11] =
    ["column", "severity", "ks", "p", "p adj", "wasserstein", "normed", "psi", "missing", "rows", "worth"];

impl Report {
    /// The report of these comparisons.
    pub fn new(files: &Files<'_>, columns: Vec<Comparison>, left_out: Vec<LeftOut>) -> Self {
        let drifted = columns.iter().filter(|c| c.severity == Severity::Drifted).count();
        let (reference, current) = (files.reference.display().to_string(), files.current.display().to_string());
        Self { version: 1, reference, current, significance: SIGNIFICANCE, drifted, columns, left_out }
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
        let rows: Vec<[String; HEADINGS.len()]> = self.columns.iter().map(row).collect();
        let headings = HEADINGS.map(str::to_owned);
        let mut widths = [0; HEADINGS.len()];
        for cells in rows.iter().chain([&headings]) {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for cells in [&headings].into_iter().chain(&rows) {
            writeln!(text, "{}", line(cells, &widths))?;
        }
        writeln!(text, "\nPairs are reference / current. p: for independent rows; p adj: for as many independent")?;
        writeln!(text, "values as the rows are worth, adjusted for the number of columns.")?;
        for column in self.columns.iter().filter(|c| c.severity != Severity::Stable) {
            writeln!(text, "\n{}, {}: {}", pick::name(&column.column), column.severity, column.reason)?;
        }
        Ok(())
    }
}

fn row(column: &Comparison) -> [String; HEADINGS.len()] {
    let (reference, current) = (&column.reference, &column.current);
    let known = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), figure);
    [
        pick::name(&column.column),
        column.severity.to_string(),
        figure(column.ks_distance),
        figure(column.ks_p_value),
        known(column.ks_p_value_adjusted),
        known(column.wasserstein),
        known(column.wasserstein_normed),
        figure(column.psi),
        format!("{:.1} % / {:.1} %", 100.0 * reference.missing_share, 100.0 * current.missing_share),
        format!("{} / {}", reference.rows, current.rows),
        format!("{:.0} / {:.0}", reference.effective_size, current.effective_size),
    ]
}

/// A number in at most ten characters, four digits of it telling.
fn figure(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if (1e-3..1e5).contains(&size) => format!("{value:.4}"),
        _ => format!("{value:.2e}"),
    }
}

/// Names to the left, numbers to the right.
fn line(cells: &[String; HEADINGS.len()], widths: &[usize; HEADINGS.len()]) -> String {
    let mut line = String::new();
    for (place, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let padding = " ".repeat(width - cell.chars().count());
        let (before, after) = if place < 2 { ("", padding.as_str()) } else { (padding.as_str(), "") };
        let gap = if place == 0 { "" } else { "  " };
        line.push_str(&[gap, before, cell, after].concat());
    }
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use aria_core::drift::comparison::{Column, compare};

    use super::*;

    fn report() -> Report {
        let spread = |level: f64| (0..500).map(|i| level + f64::from(i * 379 % 1_000) / 100.0).collect::<Vec<_>>();
        let (before, after) = (spread(0.0), spread(5.0));
        let column = |name, current| Column { name, reference: &before, current };
        let compared = compare(&[column("moved", &after), column("a longer name", &before)]);
        let files = Files { reference: Path::new("old.csv"), current: Path::new("new.csv") };
        let left_out = vec![LeftOut::new("day", "it is text".to_owned())];
        Report::new(&files, compared.into_iter().map(Result::unwrap).collect(), left_out)
    }

    #[test]
    fn the_table_stands_in_straight_columns_and_gives_a_reason_for_what_is_not_stable() {
        let text = report().to_text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..2], ["new.csv against old.csv", "1 of 2 columns drifted, 1 not compared"]);
        let ends: Vec<Option<usize>> = lines[3..6].iter().map(|line| line.find("drifted").or(line.find("s"))).collect();
        assert_eq!(ends[0], ends[1], "{text}");
        assert_eq!(lines[3].len(), lines[4].len(), "{text}");
        assert_eq!(lines[4].len(), lines[5].len(), "{text}");
        assert!(lines.iter().any(|line| line.starts_with("moved, drifted: it moved by")), "{text}");
        assert!(!text.contains("a longer name, stable"), "{text}");
    }

    #[test]
    fn the_document_has_a_version_and_every_statistic_of_a_column() {
        let document = serde_json::to_value(report()).unwrap();
        assert_eq!((&document["version"], &document["drifted"]), (&1.into(), &1.into()));
        let column = &document["columns"][0];
        assert_eq!((&column["column"], &column["severity"]), (&"moved".into(), &"drifted".into()));
        let numbers = ["ks_distance", "ks_p_value", "ks_p_value_dependent", "ks_p_value_adjusted", "wasserstein"];
        for name in numbers.into_iter().chain(["wasserstein_normed", "psi"]) {
            assert!(column[name].is_f64(), "{name}");
        }
        assert_eq!(column["current"]["missing_share"], 0.0);
        assert_eq!(document["left_out"][0]["column"], "day");
    }

    #[test]
    fn figures_are_short_however_large_or_small_they_are() {
        let shown = [0.0, 0.5, -12.34567, 1e-9, 123_456.7].map(figure);
        assert_eq!(shown, ["0", "0.5000", "-12.3457", "1.00e-9", "1.23e5"]);
    }
}
