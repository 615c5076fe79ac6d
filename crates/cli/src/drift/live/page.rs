//! The check of a batch as one HTML page: what a sketch can show of both distributions, the window, and every answer.

use aria_core::drift::columns::{Beside, Column, Judged};
use aria_core::drift::comparison::Cells;
use maud::{Markup, html};

use super::Drawn;
use super::report::{DAY_HEADS, Report, Summary, day_row};
use crate::drift::page::figures::{distributions, window};
use crate::drift::page::told;
use crate::drift::report::figure;
use crate::page::{NONE, document, table};

/// The page.
///
/// # Errors
/// Where a plot cannot be drawn.
pub fn html(report: &Report<'_>, drawn: &Drawn) -> anyhow::Result<String> {
    let mut sections = Vec::new();
    for (column, (_, summary)) in report.columns.iter().zip(&report.summary) {
        sections.push(section(column, summary, drawn)?);
    }
    let days: Vec<Vec<String>> = report.skill.by_day.iter().map(day_row).collect();
    let (from, until) = report.window;
    let history = &drawn.history;
    let contents = html! {
        dl {
            dt { "Series" } dd { (report.series) }
            dt { "Batch" } dd { (report.batch.ordinal) ", data until " (report.batch.origin) }
            dt { "Model" } dd { (report.model.as_deref().unwrap_or(NONE)) }
            dt { "Window" } dd { (from) " to " (until) }
            dt { "Diagnosis" } dd { (report.diagnosis_told()) }
            dt { "Columns drifted" } dd { (report.drifted) " of " (report.columns.len()) }
        }
        h2 { "What it comes to" }
        @for line in report.lines() { p { (line) } }
        @if !days.is_empty() { (table(&DAY_HEADS.map(str::to_owned), &days)) }
        (window("Values of the window and of the week before it", history, history.start(), history.values())?)
        @if report.columns.is_empty() { p { (report.nothing_compared()) "." } }
        @for section in &sections { (section) }
        (notes())
    };
    Ok(document(&format!("Drift of {}", report.series), &contents))
}

fn section(column: &Column, summary: &Summary, drawn: &Drawn) -> anyhow::Result<Markup> {
    let beside = drawn.beside.iter().flatten().find(|beside| beside.name == column.name);
    let plots = beside.map(|beside| plots(beside, drawn)).transpose()?;
    Ok(html! {
        h2 { (column.name) ": " (summary.severity) }
        p { (summary.reason) }
        @if let Some(plots) = plots { (plots) }
        (answers(&column.answers))
    })
}

fn plots(beside: &Beside, drawn: &Drawn) -> anyhow::Result<Markup> {
    let cells = Cells::Numbers { reference: &beside.reference, current: &beside.window };
    let history = &drawn.history;
    let before = history.values().len().saturating_sub(beside.window.len());
    let caption = format!("What season, week and day do not explain of {}", beside.name);
    Ok(html! {
        (distributions(&cells)?)
        (window(&caption, history, history.time(before), &beside.window)?)
    })
}

fn answers(answers: &[Judged]) -> Markup {
    let known = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), figure);
    let heads = ["Statistic", "Value", "p", "Threshold", "Drifted", "Why"];
    html! {
        div.wide {
            table {
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody {
                    @for answer in answers {
                        tr {
                            th scope="row" { (answer.statistic.name()) }
                            td { (known(answer.value)) }
                            td { (known(answer.p_value)) }
                            td { (known(answer.threshold)) }
                            td { (told(answer.drifted)) }
                            td.told { (answer.reason) }
                        }
                    }
                }
            }
        }
    }
}

/// How the figures are to be read.
fn notes() -> Markup {
    html! {
        h2 { "How to read it" }
        p.note {
            "The reference belongs to the model: a sketch of what season, week and day did not explain of its training data. \
             A statistic of values or changes has drifted beyond the mean and three deviations of windows of the training \
             data, each measured against those that share no value with it; a test has to be beyond chance as well. Days of \
             the horizon lay what was forecast beside what came: there a difference has to be large and beyond chance. p \
             counts as many independent values as the steps are worth and is adjusted for the columns of the check \
             (Benjamini and Hochberg)."
        }
    }
}
