//! The report of a backtest as one HTML page that needs nothing beside itself: no script, no font, no network.

mod figures;
mod tables;

use aria_core::report::{Compared, Group, Report, Whole, Withheld};
use maud::{Markup, html};

use self::figures::{by_group, by_quarter, by_step, calibration, day_ahead, whole};
use self::tables::{coverage, errors, overall, shares, totals};
use crate::page::{NONE, document, folded};

/// Origins without a forecast that are listed.
const LISTED: usize = 10;

/// The page.
///
/// # Errors
/// Where a plot cannot be drawn.
pub fn html(report: &Report) -> anyhow::Result<String> {
    let contents = html! {
        @if report.about.simulated {
            p.simulated { "Simulated data: nothing here was measured" }
        }
        (about(report))
        (sections(report)?)
    };
    Ok(document(&format!("Backtest of {}", report.series), &contents))
}

fn sections(report: &Report) -> anyhow::Result<Markup> {
    let unit = report.unit.as_str();
    Ok(html! {
        h2 { "Errors" }
        (overall(&report.errors.overall, unit))
        @if report.errors.left_out > 0 {
            p.note { (report.errors.left_out) " measured steps are left out: a naive forecast has no value there." }
        }
        h3 { "By horizon" }
        (by_step(&report.errors.by_step, unit)?)
        (errors("Day of the horizon", &report.errors.by_day, unit))
        (folded("Every step of the horizon", &errors("Hours ahead", &report.errors.by_step, unit)))
        h3 { "By month" }
        (by_group("Month", "Error by month", &report.errors.by_month, unit)?)
        (folded("Every month", &errors("Month", &report.errors.by_month, unit)))
        h3 { "By season" }
        (errors("Months", &report.errors.by_season, unit))
        @if !report.errors.by_hour.is_empty() {
            h3 { "By local hour" }
            (by_group("Local hour", "Error by local hour", &report.errors.by_hour, unit)?)
            (folded("Every hour", &errors("Hour", &report.errors.by_hour, unit)))
        }
        h2 { "Intervals" }
        (calibration(&report.calibration)?)
        (by_quarter(&report.calibration.by_quarter)?)
        (coverage("All", std::slice::from_ref(&overall_group(report)), unit))
        (coverage("Day of the horizon", &report.calibration.by_day, unit))
        (coverage("Quarter", &report.calibration.by_quarter, unit))
        h2 { "Forecast and measured" }
        (day_ahead(&report.beside.day_ahead, unit)?)
        @for one in &report.beside.whole { (whole(one, unit)?) }
        @if !report.members.is_empty() {
            h2 { "Members of the newest model" }
            (shares(&report.members))
        }
        @if let Some(all) = &report.totals {
            h2 { "Annual totals" }
            (totals(all))
        }
        (notes())
    })
}

fn overall_group(report: &Report) -> Group<aria_core::report::Coverage> {
    Group { name: "all steps".to_owned(), figures: report.calibration.overall.clone() }
}

/// What was forecast, and how.
fn about(report: &Report) -> Markup {
    let about = &report.about;
    let span = report.origins.map_or(NONE.to_owned(), |(first, last)| format!("{first} to {last}"));
    let members: Vec<&str> = report.members.iter().map(|share| share.member).collect();
    let covariates = report.covariates.iter().map(|of| delayed(&of.column, of.delay_hours));
    let others = report.neighbours.iter().chain(&report.weather);
    let inputs: Vec<String> = covariates.chain(others.map(|of| delayed(of.series.as_str(), of.delay_hours))).collect();
    let or_none = |list: String| if list.is_empty() { "none".to_owned() } else { list };
    let rows = [
        ("Series", report.series.to_string()),
        ("Unit", format!("{} ({})", report.unit, if report.totals.is_some() { "an emission" } else { "an intensity" })),
        ("Step", report.cadence.spelled().to_owned()),
        ("Local time", report.time_zone.clone()),
        ("Origins", span),
        ("Horizon", format!("{} hours", report.horizon_hours)),
        ("Models trained", about.retraining.clone()),
        ("Models that served", about.models.to_string()),
        ("Members of the newest", or_none(members.join(", "))),
        ("Other inputs", or_none(inputs.join(", "))),
        ("Left out of models", or_none(about.left_out.iter().cloned().collect::<Vec<_>>().join("; "))),
        ("Forecasts", report.issued.to_string()),
        ("Made without some inputs", about.reduced.len().to_string()),
        ("Withheld", about.withheld.len().to_string()),
        ("Rows refused", about.rows_refused.to_string()),
    ];
    let lists = [
        ("Origins without a forecast", &about.withheld),
        ("Forecasts made without some inputs", &about.reduced),
        ("Fits that failed, so that the model before went on", &about.failed_fits),
    ];
    html! {
        dl { @for (name, value) in &rows { dt { (name) } dd { (value) } } }
        @for (title, all) in lists {
            @if !all.is_empty() { (folded(title, &listed(all))) }
        }
    }
}

fn listed(all: &[Withheld]) -> Markup {
    let more = all.len().saturating_sub(LISTED);
    html! {
        ul {
            @for held in all.iter().take(LISTED) { li { (held.origin) ": " (held.reason) } }
            @if more > 0 { li { "and " (more) " more" } }
        }
    }
}

fn delayed(name: &str, hours: u32) -> String {
    format!("{name} (known after {hours} h)")
}

/// How the figures are to be read.
fn notes() -> Markup {
    html! {
        h2 { "How to read it" }
        p.note {
            "Every step of a forecast whose value was measured counts once. Error is forecast less measured; MAE is the \
             mean of its size, MAPE the mean of its size in per cent of the measured value, which a value of zero does \
             not have, and bias its mean. Skill is the share by which the MAE is smaller than a naive forecast's over \
             the same steps: 0 is as good, below 0 is worse. The naive forecasts repeat the previous day, the previous \
             week, and the usual week at the level of the last day. Months, seasons and hours are those of the step in \
             local time. A dash stands where nothing was measured to compute a figure from."
        }
    }
}

/// A naive forecast's name for people.
fn spelled(name: &str) -> String {
    name.replace('_', " ")
}

fn percent(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map_or(NONE.to_owned(), |value| format!("{value:.1} %"))
}

fn share(value: Option<f64>) -> String {
    percent(value.map(|value| 100.0 * value))
}

/// Errors of the forecasts and of each naive one, by name.
fn forecasters(compared: &Compared) -> Vec<(String, aria_core::report::Figures)> {
    let naive = compared.naive.iter().map(|(name, figures)| (spelled(name), *figures));
    std::iter::once(("forecast".to_owned(), compared.issued)).chain(naive).collect()
}

fn described(one: &Whole) -> String {
    format!("{}: the forecast from {}", one.why, one.origin)
}

#[cfg(test)]
mod tests;
