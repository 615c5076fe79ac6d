//! The plots of a column: both distributions over each other, and both series over the rows or the time.

use aria_core::drift::Sample;
use aria_core::drift::comparison::Cells;
use aria_core::drift::table::Table;
use aria_core::history::History;
use aria_core::numbers::Text;
use aria_core::time::{DAY, Timestamp};
use maud::{Markup, html};
use plotters::style::RGBColor;

use crate::drift::time::Times;
use crate::page::{drawn, name_at};
use crate::plot::{BLUE, Line, ORANGE, Plot};

/// Points of a distribution's line.
const QUANTILES: usize = 200;
/// Points of a series' line.
const POINTS: usize = 400;
/// Categories that are drawn, the most frequent ones, and letters of their names.
const CATEGORIES: (usize, usize) = (12, 14);

const REFERENCE: (&str, RGBColor) = ("reference", BLUE);
const CURRENT: (&str, RGBColor) = ("current", ORANGE);

/// Both distributions: of numbers the share of values up to each, of text the share of each category.
pub fn distributions(cells: &Cells<'_>) -> anyhow::Result<Markup> {
    match *cells {
        Cells::Numbers { reference, current } => of_numbers(reference, current),
        Cells::Text { reference, current } => of_text(reference, current),
    }
}

fn of_numbers(reference: &[f64], current: &[f64]) -> anyhow::Result<Markup> {
    let points = |values: &[f64]| {
        let sample = Sample::new(values.iter().copied().filter(|v| v.is_finite()).collect()).ok();
        let share = |i: usize| i as f64 / QUANTILES as f64;
        let point = |sample: &Sample| (0..=QUANTILES).map(|i| (sample.quantile(share(i)), Some(share(i)))).collect();
        sample.as_ref().map(point).unwrap_or_default()
    };
    let plot = Plot {
        x: "value",
        y: "share of values up to it".to_owned(),
        x_name: &short,
        x_names: 10,
        from_zero: true,
        band: Vec::new(),
        lines: vec![line(REFERENCE, points(reference)), line(CURRENT, points(current))],
    };
    drawn("Distributions", &plot, "")
}

fn of_text(reference: &Text, current: &Text) -> anyhow::Result<Markup> {
    let (names, table) = Table::of_categories(reference.counts(), current.counts());
    let mut categories: Vec<(&str, (f64, f64))> = names.into_iter().zip(table.shares()).collect();
    categories.sort_by(|(_, a), (_, b)| (b.0 + b.1).total_cmp(&(a.0 + a.1)));
    categories.truncate(CATEGORIES.0);
    let names: Vec<String> = categories.iter().map(|(name, _)| name.chars().take(CATEGORIES.1).collect()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let points = |share: fn(&(f64, f64)) -> f64| {
        categories.iter().enumerate().map(|(place, (_, shares))| (place as f64, Some(share(shares)))).collect()
    };
    let plot = Plot {
        x: "category, the most frequent first",
        y: "share of rows".to_owned(),
        x_name: &|place| name_at(&names, place).to_owned(),
        x_names: names.len().clamp(2, CATEGORIES.0 + 1),
        from_zero: true,
        band: Vec::new(),
        lines: vec![line(REFERENCE, points(|shares| shares.0)), line(CURRENT, points(|shares| shares.1))],
    };
    drawn("Shares of categories", &plot, "")
}

/// Both series, by their times where both files have some, else by rows with the current ones behind the others.
pub fn series(cells: &Cells<'_>, times: Option<&Times<'_>>) -> anyhow::Result<Markup> {
    let Cells::Numbers { reference, current } = *cells else { return Ok(html! {}) };
    let dated = times.and_then(|times| {
        let first = times.reference.iter().chain(&times.current).flatten().min()?;
        Some((times, *first))
    });
    let day = |first: Timestamp| move |time: &Option<Timestamp>| time.map(|t| t.since(first) as f64 / DAY as f64);
    let behind = reference.len() as f64;
    let rows = |values: &[f64], from: f64| -> Vec<Option<f64>> {
        (0..values.len()).map(|row| Some(row as f64 + from)).collect()
    };
    let (before, after) = match dated {
        Some((times, first)) => {
            (times.reference.iter().map(day(first)).collect(), times.current.iter().map(day(first)).collect())
        }
        None => (rows(reference, 0.0), rows(current, behind)),
    };
    let date = |place: f64| match dated {
        Some((_, first)) => first.plus((place * DAY as f64).round() as i64).utc().date().to_string(),
        None => format!("{place:.0}"),
    };
    let plot = Plot {
        x: if dated.is_some() { "day (UTC)" } else { "row, the current ones behind the reference's" },
        y: "value".to_owned(),
        x_name: &date,
        x_names: 8,
        from_zero: false,
        band: Vec::new(),
        lines: vec![line(REFERENCE, thinned(&before, reference)), line(CURRENT, thinned(&after, current))],
    };
    drawn("Series", &plot, "")
}

/// Values from a time on, at the cadence of a series.
pub fn window(caption: &str, of: &History, start: Timestamp, values: &[f64]) -> anyhow::Result<Markup> {
    let step = of.cadence().seconds() as f64 / DAY as f64;
    let places: Vec<Option<f64>> = (0..values.len()).map(|place| Some(place as f64 * step)).collect();
    let date = |place: f64| start.plus((place * DAY as f64).round() as i64).utc().date().to_string();
    let plot = Plot {
        x: "day (UTC)",
        y: "value".to_owned(),
        x_name: &date,
        x_names: 8,
        from_zero: false,
        band: Vec::new(),
        lines: vec![line(CURRENT, thinned(&places, values))],
    };
    drawn(caption, &plot, "")
}

/// At most so many points as can be told apart: means of neighbours, with gaps where none has a value.
fn thinned(places: &[Option<f64>], values: &[f64]) -> Vec<(f64, Option<f64>)> {
    let neighbours = values.len().div_ceil(POINTS).max(1);
    let point = |(places, values): (&[Option<f64>], &[f64])| {
        let place = places.iter().flatten().next()?;
        let known: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        Some((*place, (!known.is_empty()).then_some(mean)))
    };
    places.chunks(neighbours).zip(values.chunks(neighbours)).filter_map(point).collect()
}

fn line((name, colour): (&str, RGBColor), points: Vec<(f64, Option<f64>)>) -> Line {
    Line { name: name.to_owned(), colour, strong: false, points }
}

/// A number on an axis.
fn short(value: f64) -> String {
    crate::plot::axis_number(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_rows_are_thinned_to_means_and_a_gap_stays_one() {
        let values: Vec<f64> = (0..1_000).map(|i| if i < 6 { f64::NAN } else { f64::from(i) }).collect();
        let places: Vec<Option<f64>> = (0..1_000).map(|i| Some(f64::from(i))).collect();
        let points = thinned(&places, &values);
        // Three rows each.
        assert_eq!(points[..3], [(0.0, None), (3.0, None), (6.0, Some(7.0))]);
        assert_eq!(points.len(), 334);
    }
}
