//! The plots of a report, each with its caption and legend.

use aria_core::report::{Calibration, Compared, Coverage, Group, Step, Whole};
use aria_core::time::{DAY, HOUR, Timestamp};
use maud::{Markup, html};
use plotters::style::RGBColor;

use super::{described, forecasters, percent};
use crate::page::{self, figure};
use crate::plot::{BLUE, GREEN, INK, Line, ORANGE, PURPLE, Plot, VERMILION};

/// Of the forecast and the naive ones, in the order of their names.
const FORECASTERS: [RGBColor; 4] = [BLUE, ORANGE, GREEN, PURPLE];
/// Of days of the horizon, over and over.
const DAYS: [RGBColor; 4] = [BLUE, ORANGE, GREEN, PURPLE];
/// A group with this part of the steps of the largest holds a few only.
const FEW: u64 = 10;
const WANTED: &str = "as wanted";
const BAND: &str = "80 % interval";

/// Errors by step of the horizon.
pub fn by_step(groups: &[Group<Compared>], unit: &str) -> anyhow::Result<Markup> {
    let places: Vec<f64> = groups.iter().map(|group| group.name.parse().unwrap_or(0.0)).collect();
    let plot = Plot {
        x: "hours from the origin to the start of the step",
        y: format!("MAE, {unit}"),
        x_name: &|place| format!("{place:.0}"),
        x_names: 12,
        from_zero: true,
        band: Vec::new(),
        lines: error_lines(groups, &places),
    };
    shown("Error by horizon, beside the naive forecasts", &plot)
}

/// Errors by groups that have names.
pub fn by_group(x: &str, caption: &str, groups: &[Group<Compared>], unit: &str) -> anyhow::Result<Markup> {
    let groups = &plotted(groups, |of| of.issued.steps);
    let places: Vec<f64> = (0..groups.len()).map(|place| place as f64).collect();
    let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    let plot = Plot {
        x,
        y: format!("MAE, {unit}"),
        x_name: &|place| page::name_at(&names, place).to_owned(),
        x_names: groups.len().clamp(2, 13),
        from_zero: true,
        band: Vec::new(),
        lines: error_lines(groups, &places),
    };
    shown(caption, &plot)
}

/// The groups without those that hold a few steps only, as of a month in which the last forecast ends: the table has
/// them, and in a plot a few hours would look like as many as any.
fn plotted<T: Clone>(groups: &[Group<T>], steps: impl Fn(&T) -> u64) -> Vec<Group<T>> {
    let most = groups.iter().map(|group| steps(&group.figures)).max().unwrap_or(0);
    groups.iter().filter(|group| FEW * steps(&group.figures) >= most).cloned().collect()
}

/// The shares that intervals covered in each quarter, beside those that they were to cover.
pub fn by_quarter(groups: &[Group<Coverage>]) -> anyhow::Result<Markup> {
    let groups = &plotted(groups, |of| of.steps);
    let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
    let places = || (0..groups.len()).map(|place| place as f64);
    let mut lines = Vec::new();
    for (level, (nominal, colour)) in [(50.0, GREEN), (80.0, BLUE), (95.0, ORANGE)].into_iter().enumerate() {
        let wanted = places().map(|place| (place, Some(nominal))).collect();
        lines.push(Line { name: WANTED.to_owned(), colour: INK, strong: false, points: wanted });
        let covered = groups.iter().map(|group| group.figures.levels[level].covered.map(|share| 100.0 * share));
        let points = places().zip(covered).collect();
        lines.push(Line { name: format!("{nominal} % interval"), colour, strong: true, points });
    }
    let plot = Plot {
        x: "quarter",
        y: "share covered, %".to_owned(),
        x_name: &|place| page::name_at(&names, place).to_owned(),
        x_names: groups.len().clamp(2, 13),
        from_zero: false,
        band: Vec::new(),
        lines,
    };
    shown("Coverage by quarter", &plot)
}

/// The share that intervals were to cover, against the one that they did.
pub fn calibration(calibration: &Calibration) -> anyhow::Result<Markup> {
    let line = |name: String, colour, strong, coverage: &Coverage| {
        let point =
            |level: &aria_core::report::Level| (100.0 * level.nominal, level.covered.map(|share| 100.0 * share));
        Line { name, colour, strong, points: coverage.levels.iter().map(point).collect() }
    };
    let exact = [50.0, 80.0, 95.0].map(|share| (share, Some(share))).to_vec();
    let mut lines = vec![Line { name: WANTED.to_owned(), colour: INK, strong: false, points: exact }];
    for (place, day) in calibration.by_day.iter().enumerate() {
        lines.push(line(format!("day {}", day.name), DAYS[place % DAYS.len()], false, &day.figures));
    }
    lines.push(line("all steps".to_owned(), VERMILION, true, &calibration.overall));
    let plot = Plot {
        x: "share that the interval is to cover, %",
        y: "share covered, %".to_owned(),
        x_name: &|place| format!("{place:.0}"),
        x_names: 10,
        from_zero: false,
        band: Vec::new(),
        lines,
    };
    shown("Coverage of the 50, 80 and 95 % intervals", &plot)
}

/// The last weeks of forecasts of the first day.
pub fn day_ahead(steps: &[Step], unit: &str) -> anyhow::Result<Markup> {
    let Some(first) = steps.first().map(|step| step.target.day_start()) else {
        return Ok(html! { p { "There is no forecast." } });
    };
    let date = |place: f64| {
        let time: Timestamp = first.plus((place * DAY as f64).round() as i64);
        time.utc().date().to_string()
    };
    let place = |step: &Step| step.target.since(first) as f64 / DAY as f64;
    let plot = of_steps(steps, &place, "day (UTC)", &date, 9, unit);
    shown("A day ahead: the last four weeks, each step by the newest forecast before its day", &plot)
}

/// A forecast as a whole.
pub fn whole(one: &Whole, unit: &str) -> anyhow::Result<Markup> {
    let hours = |place: f64| format!("{place:.0}");
    let place = |step: &Step| step.target.since(one.origin) as f64 / HOUR as f64;
    let plot = of_steps(&one.steps, &place, "hours from the origin", &hours, 12, unit);
    let errors = format!(" (MAE {}, MAPE {})", figure(one.figures.mae), percent(one.figures.mape));
    shown(&(described(one) + &errors), &plot)
}

/// Steps with their band, as forecast and as measured.
fn of_steps<'a>(
    steps: &[Step],
    place: &dyn Fn(&Step) -> f64,
    x: &'a str,
    x_name: &'a dyn Fn(f64) -> String,
    x_names: usize,
    unit: &str,
) -> Plot<'a> {
    let line = |name: &str, colour, strong, value: fn(&Step) -> Option<f64>| {
        let points = steps.iter().map(|step| (place(step), value(step))).collect();
        Line { name: name.to_owned(), colour, strong, points }
    };
    Plot {
        x,
        y: unit.to_owned(),
        x_name,
        x_names,
        from_zero: false,
        band: steps.iter().map(|step| (place(step), step.lower_80.zip(step.upper_80))).collect(),
        lines: vec![
            line("measured", INK, false, |step| step.measured),
            line("forecast", BLUE, false, |step| step.forecast),
        ],
    }
}

/// The mean absolute errors of every forecaster, the forecast on top.
fn error_lines(groups: &[Group<Compared>], places: &[f64]) -> Vec<Line> {
    let names = groups.first().map(|group| forecasters(&group.figures)).unwrap_or_default();
    let line = |(of, (name, _)): (usize, (String, _))| {
        let point = |(group, place): (&Group<Compared>, &f64)| {
            (*place, forecasters(&group.figures).get(of).and_then(|(_, figures)| figures.mae))
        };
        let points = groups.iter().zip(places).map(point).collect();
        Line { name, colour: FORECASTERS[of % FORECASTERS.len()], strong: of == 0, points }
    };
    names.into_iter().enumerate().rev().map(line).collect()
}

fn shown(caption: &str, plot: &Plot<'_>) -> anyhow::Result<Markup> {
    page::drawn(caption, plot, BAND)
}
