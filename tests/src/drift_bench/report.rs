//! The measurements as a page, with what was wanted beside them.

use std::collections::BTreeMap;
use std::fmt::{Result, Write as _};

use super::change::{Change, Refused};
use super::fixed::Rule;
use super::policy::Row;
use super::{Measured, Seen, WITHIN_DAYS};

/// Years that come day by day.
const YEARS: f64 = 2.0;

/// The page, in Markdown.
pub fn markdown(covariates: &[&str], measured: &[Measured]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, covariates, measured);
    text
}

fn write(text: &mut String, covariates: &[&str], measured: &[Measured]) -> Result {
    writeln!(text, "\n## Covariates watched: {}\n", covariates.join(", "))?;
    writeln!(text, "Seen within {WITHIN_DAYS} days of {} changes of each kind: share, median days.\n", each(measured))?;
    write!(text, "| rule | alarms a year and series, nothing put in |")?;
    Change::ALL.iter().try_for_each(|change| write!(text, " {} |", change.name()))?;
    writeln!(text, "\n| --- | --- |{}", " --- |".repeat(Change::ALL.len()))?;
    let series = measured.len() as f64;
    let alarms = measured.iter().map(|m| m.alarms.len()).sum::<usize>() as f64 / YEARS / series;
    write!(text, "| **Aria** | {alarms:.2} |")?;
    for change in Change::ALL {
        write!(text, " {} |", share(measured, change, |seen| seen.aria))?;
    }
    writeln!(text)?;
    for rule in Rule::ALL {
        let of_rule = |m: &Measured| m.weeks.0.iter().filter(|(r, _)| *r == rule).map(|(_, weeks)| *weeks).sum::<u64>();
        let weeks = measured.iter().map(of_rule).sum::<u64>() as f64 / YEARS / series;
        write!(text, "| {} | {weeks:.1} |", rule.name())?;
        for change in Change::ALL {
            let days = |seen: &Seen| seen.fixed.iter().find(|(r, _)| *r == rule).and_then(|(_, days)| *days);
            write!(text, " {} |", share(measured, change, days))?;
        }
        writeln!(text)?;
    }
    text.push_str("\nA rule that alarms in most weeks anyway sees every change, and says nothing by it.\n");
    write_series(text, measured)?;
    write_refused(text, measured)?;
    write_wanted(text, measured)
}

fn each(measured: &[Measured]) -> usize {
    measured.iter().map(|m| m.seen.iter().filter(|seen| seen.change == Change::Level).count()).sum()
}

fn days_of(measured: &[Measured], change: Change, days: impl Fn(&Seen) -> Option<i64>) -> Vec<Option<i64>> {
    measured.iter().flat_map(|m| &m.seen).filter(|seen| seen.change == change).map(days).collect()
}

fn seen_and_median(days: &[Option<i64>]) -> (f64, Option<i64>) {
    let mut seen: Vec<i64> = days.iter().copied().flatten().collect();
    seen.sort_unstable();
    (seen.len() as f64 / days.len().max(1) as f64, seen.get(seen.len().saturating_sub(1) / 2).copied())
}

fn share(measured: &[Measured], change: Change, days: impl Fn(&Seen) -> Option<i64>) -> String {
    let (share, median) = seen_and_median(&days_of(measured, change, days));
    match median {
        Some(median) => format!("{:.0} %, {median} d", 100.0 * share),
        None => "0 %".to_owned(),
    }
}

fn write_series(text: &mut String, measured: &[Measured]) -> Result {
    text.push_str("\n| series | alarms in 2022 and 2023 | retrainings, promoted | worse model | level |\n");
    text.push_str("| --- | --- | --- | --- | --- |\n");
    for one in measured {
        let alarms: Vec<String> =
            one.alarms.iter().map(|(at, by)| format!("{} ({by})", &at.to_string()[..10])).collect();
        let of = |change| share(std::slice::from_ref(one), change, |seen| seen.aria);
        let (asked, promoted) = one.retrainings;
        let alarms = if alarms.is_empty() { "none".to_owned() } else { alarms.join(", ") };
        let (worse, level) = (of(Change::WorseModel), of(Change::Level));
        writeln!(text, "| {} | {alarms} | {asked}, {promoted} | {worse} | {level} |", one.series)?;
    }
    Ok(())
}

fn write_refused(text: &mut String, measured: &[Measured]) -> Result {
    text.push_str(
        "\n| a meter's fault | days put in | wrong rows | of them in the series |\n| --- | --- | --- | --- |\n",
    );
    let mut faults: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for Refused { fault, rows } in measured.iter().flat_map(|m| &m.refused) {
        let (days, wrong, reached) = faults.entry(fault).or_default();
        (*days, *wrong, *reached) = (*days + 1, *wrong + rows.0, *reached + rows.1);
    }
    for (fault, (days, wrong, reached)) in faults {
        writeln!(text, "| {fault} | {days} | {wrong} | {reached} |")?;
    }
    Ok(())
}

fn write_wanted(text: &mut String, measured: &[Measured]) -> Result {
    text.push_str("\n| wanted | measured | |\n| --- | --- | --- |\n");
    let most = measured.iter().map(|m| m.alarms.len() as f64 / YEARS).fold(0.0, f64::max);
    writeln!(text, "| at most 1 alarm a year in each series | {most:.1} in the worst | {} |", met(most <= 1.0))?;
    for change in [Change::WorseModel, Change::Level] {
        let (share, median) = seen_and_median(&days_of(measured, change, |seen| seen.aria));
        let verdict = met(share >= 0.9 && median.is_some_and(|median| median <= 7));
        let median = median.map_or_else(|| "never".to_owned(), |days| format!("{days} days"));
        let name = change.name();
        writeln!(text, "| {name}: 90 % seen, median within 7 days | {:.1} %, {median} | {verdict} |", 100.0 * share)?;
    }
    Ok(())
}

fn met(yes: bool) -> &'static str {
    if yes { "met" } else { "missed" }
}

/// The table of ways to retrain, in Markdown.
pub fn policies(rows: &[Row]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_policies(&mut text, rows);
    text
}

fn write_policies(text: &mut String, rows: &[Row]) -> Result {
    text.push_str("\n## Retraining, Italy\n\nMean absolute percentage error, day 1 / 96 h.\n\n");
    text.push_str("| retrained | trainings in two years | 2022 | 2023 | both, beside every day |\n");
    text.push_str("| --- | --- | --- | --- | --- |\n");
    let of =
        |row: &Row, year: usize| [row.years[year].mape_by_day[0], row.years[year].mape].map(Option::unwrap_or_default);
    let both = |row: &Row| [0, 1].map(|span| of(row, 0)[span] + of(row, 1)[span]);
    let daily = rows.iter().find(|row| row.name == "every day").map(both);
    for row in rows {
        let beside = daily.map(|daily| {
            let [first, whole] = both(row);
            format!("{:+.1} / {:+.1} %", 100.0 * (first / daily[0] - 1.0), 100.0 * (whole / daily[1] - 1.0))
        });
        let [first, second] = [of(row, 0), of(row, 1)];
        let years = format!("{:.2} / {:.2} % | {:.2} / {:.2} %", first[0], first[1], second[0], second[1]);
        let beside = beside.unwrap_or_else(|| "not measured".to_owned());
        writeln!(text, "| {} | {} | {years} | {beside} |", row.name, row.trainings)?;
        for (at, by) in &row.alarms {
            writeln!(text, "| | alarm of {} by {by} | | | |", &at.to_string()[..10])?;
        }
    }
    Ok(())
}
