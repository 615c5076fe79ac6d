//! The report of `aria drift` as one HTML page: of every column both distributions, both series, and every answer.

pub mod figures;

use aria_core::drift::comparison::{Answers, Cells, SIGNIFICANCE, Summary};
use maud::{Markup, html};

use self::figures::{distributions, series};
use super::pick::{self, Named};
use super::report::{Report, figure};
use super::time::Times;
use crate::page::{NONE, document, folded};

/// The page.
///
/// # Errors
/// Where a plot cannot be drawn.
pub fn html(report: &Report, columns: &[Named<'_>], times: Option<&Times<'_>>) -> anyhow::Result<String> {
    let all = report.columns.iter().zip(&report.summary).zip(columns);
    let mut sections = Vec::new();
    for (((name, answers), (_, summary)), named) in all {
        sections.push(section(name, answers, summary, named, times)?);
    }
    let contents = html! {
        dl {
            dt { "Reference" } dd { (report.reference) }
            dt { "Current" } dd { (report.current) }
            dt { "Columns compared" } dd { (report.columns.len()) }
            dt { "Drifted" } dd { (report.drifted) }
            dt { "Not compared" } dd { (report.left_out.len()) }
        }
        @if !report.left_out.is_empty() {
            (folded("What is not compared", &html! {
                ul { @for left in &report.left_out { li { (left) } } }
            }))
        }
        @for note in &report.notes { p { (note) } }
        @for section in &sections { (section) }
        (notes())
    };
    Ok(document("Drift between two files", &contents))
}

fn section(
    name: &str,
    answers: &Answers,
    summary: &Summary,
    named: &Named<'_>,
    times: Option<&Times<'_>>,
) -> anyhow::Result<Markup> {
    let (reference, current) = (&summary.reference, &summary.current);
    // Shares of a text without categories, such as of names, show nothing.
    let is_drawn =
        matches!(named.cells, Cells::Numbers { .. }) || answers.iter().any(|(_, answer)| answer.value.is_some());
    let plot = if is_drawn {
        distributions(&named.cells)?
    } else {
        html! {}
    };
    Ok(html! {
        h2 { (pick::name(name)) ": " (summary.severity) }
        p { (summary.reason) }
        (plot)
        (series(&named.cells, times)?)
        (table(answers))
        p.note {
            "Rows " (reference.rows) " and " (current.rows) ", without a value "
            (format!("{:.1} % and {:.1} %", 100.0 * reference.missing_share, 100.0 * current.missing_share))
            ", independent values that the rows are worth (n_eff) "
            (format!("{:.0} and {:.0}", reference.effective_size, current.effective_size)) "."
        }
    })
}

fn table(answers: &Answers) -> Markup {
    let known = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), figure);
    html! {
        div.wide {
            table {
                thead { tr { @for head in ["Statistic", "Value", "p", "Drifted", "Why"] { th scope="col" { (head) } } } }
                tbody {
                    @for (statistic, answer) in answers.iter() {
                        tr {
                            th scope="row" { (statistic.name()) }
                            td { (known(answer.value)) }
                            td { (known(answer.p_value)) }
                            td { (told(answer.drifted)) }
                            td.told { (answer.reason) }
                        }
                    }
                }
            }
        }
    }
}

/// An answer in words.
pub fn told(drifted: Option<bool>) -> &'static str {
    match drifted {
        Some(true) => "yes",
        Some(false) => "no",
        None => "cannot be told",
    }
}

/// How the figures are to be read.
fn notes() -> Markup {
    html! {
        h2 { "How to read it" }
        p.note {
            "p is the statistic's own, as if every row were independent. The answer is another: a column has drifted where \
             the difference is large and beyond chance, the latter with the p-value of as many independent values as the \
             rows are worth, adjusted for the number of columns (Benjamini and Hochberg), below " (SIGNIFICANCE) ". A \
             distance that has no p-value of its own is judged by that of the Kolmogorov-Smirnov distance, of text by that \
             of the chi-squared test. The p-value of Anderson and Darling is clipped to 0.001 and 0.25. Lines of series are \
             means of neighbouring rows where there are many."
        }
    }
}

#[cfg(test)]
mod tests;
