//! The streaming detectors against river, online-cp and textbook formulas: `tests/oracles/streams.py`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{all_close, close};
use crate::drift::adwin::{self, Adwin};
use crate::drift::cusum::{self, Cusum};
use crate::drift::kswin::{self, Kswin};
use crate::drift::martingale::{self, Detector, SimpleJumper};
use crate::drift::page_hinkley::{self, PageHinkley};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/oracles/streams.json");

#[derive(Deserialize)]
struct Table {
    streams: BTreeMap<String, Vec<f64>>,
    adwin: Vec<Case<adwin::Settings>>,
    page_hinkley: Vec<Case<page_hinkley::Settings>>,
    cusum: Vec<Case<cusum::Settings>>,
    kswin_draws: BTreeMap<String, Vec<String>>,
    kswin: Vec<KswinCase>,
    martingale: Vec<MartingaleCase>,
    p_value: Vec<PValueCase>,
}

/// A stream, and the states after every so many values: their place, then what the detector shows.
#[derive(Deserialize)]
#[serde(bound = "S: DeserializeOwned")]
struct Case<S> {
    stream: String,
    #[serde(default = "one")]
    scale: f64,
    settings: S,
    detections: Vec<usize>,
    states: Vec<Vec<f64>>,
    sums: Vec<f64>,
}

#[derive(Deserialize)]
struct KswinCase {
    stream: String,
    settings: kswin::Settings,
    draws: String,
    detections: Vec<usize>,
    p_values: Vec<f64>,
}

#[derive(Deserialize)]
struct MartingaleCase {
    name: String,
    rate: f64,
    p_values: Vec<f64>,
    log_capital: Vec<(usize, f64)>,
    log_growth: Vec<(usize, f64)>,
    threshold: f64,
    alarms: Vec<usize>,
}

#[derive(Deserialize)]
struct PValueCase {
    past: Vec<f64>,
    score: f64,
    tau: f64,
    expected: f64,
}

fn one() -> f64 {
    1.0
}

fn table() -> Table {
    super::table(TABLE)
}

/// Runs a case; `step` takes a value and gives whether it was a detection, and the state after it.
fn check<S>(table: &Table, case: &Case<S>, mut step: impl FnMut(f64) -> (bool, Vec<f64>)) {
    let name = format!("{} times {}", case.stream, case.scale);
    let mut states = case.states.iter();
    let mut next = states.next();
    let mut sums = vec![0.0; case.sums.len()];
    let mut detections = Vec::new();
    for (place, value) in table.streams[&case.stream].iter().enumerate() {
        let (detected, state) = step(value * case.scale);
        if detected {
            detections.push(place);
        }
        sums.iter_mut().zip(&state).for_each(|(sum, shown)| *sum += shown);
        if let Some(expected) = next.filter(|expected| expected[0] == place as f64) {
            all_close(&state, &expected[1..], 1e-9, &format!("{name} at {place}"));
            next = states.next();
        }
    }
    assert_eq!(detections, case.detections, "{name}");
    assert!(next.is_none(), "{name}: {next:?} was not reached");
    all_close(&sums, &case.sums, 1e-9, &format!("{name}, sum of all states"));
}

#[test]
fn adwin_is_rivers_at_every_value() {
    let table = table();
    for case in &table.adwin {
        let mut adwin = Adwin::new(case.settings).unwrap();
        check(&table, case, |value| {
            let detected = adwin.update(value).unwrap().is_some();
            let width = adwin.width() as f64;
            // river's variance is that of the window times its width.
            (detected, vec![width, adwin.variance() * width, adwin.mean()])
        });
    }
}

#[test]
fn page_hinkley_is_rivers_at_every_value() {
    let table = table();
    for case in &table.page_hinkley {
        let mut test = PageHinkley::new(case.settings).unwrap();
        check(&table, case, |value| (test.update(value).unwrap().is_some(), vec![test.statistic()]));
    }
}

#[test]
fn cusum_is_the_greatest_sum_over_the_last_values() {
    let table = table();
    for case in &table.cusum {
        let mut chart = Cusum::new(case.settings).unwrap();
        check(&table, case, |value| {
            let detected = chart.update(value).unwrap().is_some();
            let (above, below) = chart.sums();
            (detected, vec![above, below])
        });
    }
}

#[test]
fn kswin_detects_what_rivers_does_with_the_values_that_river_drew() {
    let table = table();
    for case in &table.kswin {
        let mut test = Kswin::new(case.settings, 0).unwrap();
        // River seeds anew after a detection, so that its draws begin again.
        let mut draws = table.kswin_draws[&case.draws].iter();
        let (mut detections, mut p_values) = (Vec::new(), Vec::new());
        for (place, value) in table.streams[&case.stream].iter().enumerate() {
            let drawn = |_, _| draws.next().unwrap().bytes().map(|b| usize::from(b) - 35).collect();
            if let Some(shift) = test.update_drawing(*value, drawn).unwrap() {
                detections.push(place);
                p_values.push(shift.p_value);
                draws = table.kswin_draws[&case.draws].iter();
            }
        }
        assert_eq!(detections, case.detections, "{}", case.stream);
        all_close(&p_values, &case.p_values, 1e-9, &case.stream);
    }
}

#[test]
fn kswin_with_its_own_draws_finds_the_change_of_rivers_example_about_where_river_does() {
    let table = table();
    for seed in 0..5 {
        let mut test = Kswin::new(kswin::Settings { alpha: 1e-4, ..kswin::Settings::default() }, seed).unwrap();
        let values = table.streams["docs"].iter().enumerate();
        let found: Vec<usize> = values.filter_map(|(i, v)| test.update(*v).unwrap().map(|_| i)).collect();
        assert!(matches!(found[..], [place] if (1010..1025).contains(&place)), "{found:?}");
    }
}

#[test]
fn the_simple_jumper_is_online_cps() {
    for case in table().martingale {
        let mut jumper = SimpleJumper::new(case.rate).unwrap();
        let logs: Vec<f64> = case.p_values.iter().map(|p| jumper.update(*p).unwrap()).collect();
        for (place, expected) in case.log_capital {
            close(logs[place], expected, 1e-12, &format!("{} at {place}", case.name));
        }
    }
}

#[test]
fn the_growth_of_the_capital_is_online_cps_and_starts_again_after_an_alarm() {
    for case in table().martingale {
        let mut endless = Detector::new(case.rate, f64::MAX).unwrap();
        let mut detector = Detector::new(case.rate, case.threshold).unwrap();
        let mut growth = Vec::new();
        let mut alarms = Vec::new();
        for (place, p) in case.p_values.iter().enumerate() {
            endless.update(*p).unwrap();
            growth.push(endless.log_growth());
            if detector.update(*p).unwrap().is_some() {
                alarms.push(place);
            }
        }
        for (place, expected) in case.log_growth {
            close(growth[place], expected, 1e-12, &format!("{} at {place}", case.name));
        }
        assert_eq!(alarms, case.alarms, "{}", case.name);
    }
}

#[test]
fn conformal_p_values_are_counted_as_the_book_counts() {
    for case in table().p_value {
        close(martingale::p_value(&case.past, case.score, case.tau).unwrap(), case.expected, 1e-12, "p-value");
    }
}
