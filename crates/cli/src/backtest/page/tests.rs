//! What the page of a report holds, and what it never does.

use aria_core::forecast::{Forecast, Point};
use aria_core::history::History;
use aria_core::report::{About, Withheld};
use aria_core::series::{Definition, Quantity};
use aria_core::time::{Cadence, DAY, HOUR, Timestamp};

use super::*;

const UNIT: &str = "t<script>&/h";

fn start() -> Timestamp {
    "2022-01-01".parse().unwrap()
}

fn definition(quantity: Quantity) -> Definition {
    let text = "id = \"it.co2\"\nunit = \"t\"\ncadence = \"1h\"\ntime_zone = \"Europe/Rome\"\n\
        [source]\ntime_column = \"t\"\nvalue_column = \"v\"\n[forecast]\nhorizon_hours = 48\n";
    let mut definition = Definition::from_toml(text).unwrap();
    (definition.unit, definition.quantity) = (UNIT.to_owned(), quantity);
    definition
}

fn forecast(day: i64) -> Forecast {
    let origin = start().plus(day * DAY);
    let point = |hour: i64| Point {
        target: origin.plus(hour * HOUR),
        value: 102.0,
        lower_50: 101.0,
        upper_50: 103.0,
        lower_80: 99.0,
        upper_80: 105.0,
        lower_95: 97.0,
        upper_95: 107.0,
    };
    Forecast { origin, cadence: Cadence::Hour, points: (0..48).map(point).collect() }
}

/// The page of ten forecasts from the fortieth day on, of a series with so many measured days.
fn page(quantity: Quantity, measured_days: usize) -> String {
    let about = About {
        simulated: true,
        retraining: "never".to_owned(),
        models: 1,
        withheld: vec![Withheld { origin: start(), reason: "<b>none</b>".to_owned() }],
        reduced: Vec::new(),
        failed_fits: Vec::new(),
        left_out: Default::default(),
        rows_refused: 0,
    };
    let measured = History::new(start(), Cadence::Hour, vec![100.0; 24 * measured_days]);
    let forecasts: Vec<Forecast> = (40..50).map(forecast).collect();
    html(&Report::of(&definition(quantity), about, &forecasts, None, &measured)).unwrap()
}

#[test]
fn every_plot_is_there_with_its_legend() {
    let page = page(Quantity::Emission, 60);
    // By horizon, month and hour, coverage, the last weeks; and one whole forecast, for all have the same error.
    let captions = [
        "Error by horizon",
        "Error by month",
        "Error by local hour",
        "Coverage of",
        "Coverage by quarter",
        "A day ahead",
        "Newest",
    ];
    for caption in captions {
        assert!(page.contains(&format!("<figcaption>{caption}")), "no {caption}");
    }
    let plots = page.matches("<svg").count();
    assert!(plots >= captions.len() && plots == page.matches("<ul class=\"legend\">").count(), "{plots} plots");
}

#[test]
fn the_page_names_nothing_outside_itself_and_runs_nothing() {
    let page = page(Quantity::Emission, 60);
    for outside in ["http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link", "<img"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn what_comes_from_data_is_escaped() {
    let page = page(Quantity::Emission, 60);
    assert!(page.contains("t&lt;script&gt;&amp;/h") && page.contains("&lt;b&gt;none&lt;/b&gt;"));
    assert!(!page.contains("<b>") && page.contains("Simulated data"));
}

#[test]
fn an_emission_has_totals_and_an_intensity_does_not() {
    let emission = page(Quantity::Emission, 60);
    // Ten days of 102 a hour, and of 100: ten first days make 240 hours.
    assert!(emission.contains("<td>24\u{202f}480</td><td>24\u{202f}000</td><td>2.0 %</td>"), "{emission}");
    assert!(!page(Quantity::Intensity, 60).contains("Annual totals"));
}

#[test]
fn without_a_measured_value_figures_are_dashes() {
    let page = page(Quantity::Emission, 40);
    assert!(page.contains("<td>–</td>") && page.contains("nothing was measured"));
    for wrong in ["NaN", "inf", "null"] {
        assert!(!page.contains(wrong), "{wrong}");
    }
}

#[test]
fn a_share_is_told_in_per_cent() {
    assert_eq!((share(Some(0.5)), share(None)), ("50.0 %".into(), "–".into()));
}
