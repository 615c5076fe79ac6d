//! The tables of a report.

use aria_core::report::{Compared, Coverage, Group, Share, Totals};
use maud::{Markup, html};

use super::{forecasters, percent, share, spelled};
use crate::page::{NONE, figure, table, thousands};

/// Every forecaster over all steps.
pub fn overall(compared: &Compared, unit: &str) -> Markup {
    let heads = [
        "Forecaster".to_owned(),
        "Steps".to_owned(),
        format!("MAE, {unit}"),
        "MAPE".to_owned(),
        format!("Bias, {unit}"),
        "Skill of the forecast against it".to_owned(),
    ];
    let row = |(name, figures): (String, aria_core::report::Figures)| {
        let skill = compared.skill.iter().find(|(naive, _)| spelled(naive) == name).map(|(_, skill)| *skill);
        let skill = skill.map_or(String::new(), share);
        vec![name, count(figures.steps), figure(figures.mae), percent(figures.mape), figure(figures.bias), skill]
    };
    table(&heads, &forecasters(compared).into_iter().map(row).collect::<Vec<_>>())
}

/// Errors of groups of steps.
pub fn errors(of: &str, groups: &[Group<Compared>], unit: &str) -> Markup {
    let mut heads = vec![of.to_owned(), "Steps".to_owned(), format!("MAE, {unit}")];
    heads.extend(["MAPE".to_owned(), format!("Bias, {unit}")]);
    let naive: Vec<&str> =
        groups.first().map(|group| group.figures.naive.keys().copied().collect()).unwrap_or_default();
    heads.extend(naive.iter().map(|name| format!("MAE of {}", spelled(name))));
    heads.extend(naive.iter().map(|name| format!("Skill against {}", spelled(name))));
    let row = |group: &Group<Compared>| {
        let issued = &group.figures.issued;
        let mut row = vec![group.name.clone(), count(issued.steps), figure(issued.mae), percent(issued.mape)];
        row.push(figure(issued.bias));
        row.extend(group.figures.naive.values().map(|naive| figure(naive.mae)));
        row.extend(group.figures.skill.values().map(|skill| share(*skill)));
        row
    };
    table(&heads, &groups.iter().map(row).collect::<Vec<_>>())
}

/// How often the intervals of groups of steps held.
pub fn coverage(of: &str, groups: &[Group<Coverage>], unit: &str) -> Markup {
    let mut heads = vec![of.to_owned(), "Steps".to_owned()];
    let levels = ["50 %", "80 %", "95 %"];
    heads.extend(levels.map(|level| format!("{level} interval covers")));
    heads.extend(levels.map(|level| format!("Width of {level}, {unit}")));
    let row = |group: &Group<Coverage>| {
        let mut row = vec![group.name.clone(), count(group.figures.steps)];
        row.extend(group.figures.levels.iter().map(|level| share(level.covered)));
        row.extend(group.figures.levels.iter().map(|level| figure(level.mean_width)));
        row
    };
    table(&heads, &groups.iter().map(row).collect::<Vec<_>>())
}

/// What each member has for its share.
pub fn shares(members: &[Share]) -> Markup {
    let days = members.iter().map(|share| share.by_day.len()).max().unwrap_or(0);
    let mut heads = vec!["Member".to_owned()];
    heads.extend((1..=days).map(|day| format!("Day {day}")));
    let row = |member: &Share| {
        let shares = member.by_day.iter().map(|part| share(Some(*part)));
        std::iter::once(member.member.to_owned()).chain(shares).collect()
    };
    table(&heads, &members.iter().map(row).collect::<Vec<Vec<String>>>())
}

/// The totals of each year.
pub fn totals(totals: &Totals) -> Markup {
    let unit = &totals.unit;
    let heads = [
        "Year, local time".to_owned(),
        "Steps summed up".to_owned(),
        format!("Forecast a day ahead, {unit}"),
        format!("Measured, {unit}"),
        "Difference".to_owned(),
    ];
    let row = |total: &aria_core::report::Total| {
        let apart = (total.measured != 0.0).then(|| 100.0 * (total.forecast - total.measured) / total.measured);
        let steps = format!("{} of {}", count(total.steps), count(total.of_steps));
        let (forecast, measured) = (figure(Some(total.forecast)), figure(Some(total.measured)));
        vec![total.year.to_string(), steps, forecast, measured, percent(apart)]
    };
    let rows: Vec<Vec<String>> = totals.years.iter().map(row).collect();
    html! {
        @if rows.is_empty() {
            p { "No step was both forecast and measured." }
        } @else {
            (table(&heads, &rows))
        }
        p.note {
            "Each step's rate per hour times its hours, over the steps that were forecast on the first day of a horizon \
             and measured: both sums are of the same steps, and of the whole year only where all of its steps are there."
        }
    }
}

fn count(steps: u64) -> String {
    if steps == 0 { NONE.to_owned() } else { thousands(steps as f64) }
}
