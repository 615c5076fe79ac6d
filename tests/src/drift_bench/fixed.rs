//! Fixed thresholds as tools have them out of the box: what Aria's monitor is measured beside.

use aria_core::drift::adwin::{self, Adwin};
use aria_core::drift::page_hinkley::{self, PageHinkley};
use aria_core::drift::psi::Bins;
use aria_core::drift::{Sample, ks, wasserstein};
use aria_core::time::{DAY, Timestamp};

use super::world::World;

/// A rule with its usual threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A week's values against the reference year's: normed Wasserstein distance of at least 0.1.
    Wasserstein,
    /// Kolmogorov-Smirnov with p below 0.05.
    KolmogorovSmirnov,
    /// A stability index of at least 0.2.
    Psi,
    /// ADWIN on the hourly errors of first days.
    Adwin,
    /// Page-Hinkley on the same.
    PageHinkley,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Wasserstein, Self::KolmogorovSmirnov, Self::Psi, Self::Adwin, Self::PageHinkley];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wasserstein => "normed Wasserstein 0.1, raw",
            Self::KolmogorovSmirnov => "Kolmogorov-Smirnov 0.05, raw",
            Self::Psi => "PSI 0.2, raw",
            Self::Adwin => "ADWIN on hourly errors",
            Self::PageHinkley => "Page-Hinkley on hourly errors",
        }
    }
}

/// Weeks in which each rule alarms, and weeks in all.
pub fn weeks(world: &World, errors: &[(Timestamp, f64)], from: Timestamp, to: Timestamp) -> (Vec<(Rule, u64)>, u64) {
    let starts: Vec<Timestamp> =
        (0..).map(|week| from.plus(7 * week * DAY)).take_while(|start| start.plus(7 * DAY) <= to).collect();
    let alarmed = |rule: Rule| {
        let found = alarms(world, errors, rule, from, to);
        let within = |start: &&Timestamp| found.iter().any(|at| **start <= *at && *at < start.plus(7 * DAY));
        (rule, starts.iter().filter(within).count() as u64)
    };
    (Rule::ALL.map(alarmed).into(), starts.len() as u64)
}

/// Days from a change until each rule alarms.
pub fn seen(world: &World, errors: &[(Timestamp, f64)], from: Timestamp, days: i64) -> Vec<(Rule, Option<i64>)> {
    let first = |rule: Rule| {
        let found = alarms(world, errors, rule, from, from.plus(days * DAY));
        (rule, found.first().map(|at| at.since(from) / DAY + 1))
    };
    Rule::ALL.map(first).into()
}

/// When a rule alarms: a weekly one with the last hour of its week, one of a stream with the hour.
fn alarms(world: &World, errors: &[(Timestamp, f64)], rule: Rule, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    match rule {
        Rule::Wasserstein | Rule::KolmogorovSmirnov | Rule::Psi => of_weeks(world, rule, from, to),
        Rule::Adwin => {
            let mut adwin = Adwin::new(adwin::Settings::default()).ok();
            of_stream(errors, from, to, |error| matches!(adwin.as_mut().map(|a| a.update(error)), Some(Ok(Some(_)))))
        }
        Rule::PageHinkley => {
            let mut test = PageHinkley::new(page_hinkley::Settings::default()).ok();
            of_stream(errors, from, to, |error| matches!(test.as_mut().map(|t| t.update(error)), Some(Ok(Some(_)))))
        }
    }
}

fn of_weeks(world: &World, rule: Rule, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let known = |from: Timestamp, to: Timestamp| {
        let values = world.own.between(from, to).values().iter().copied().filter(|v| v.is_finite()).collect();
        Sample::new(values).ok()
    };
    let begin = world.own.start();
    let Some(reference) = known(begin, begin.plus(365 * DAY)) else { return Vec::new() };
    let bins = Bins::deciles(&reference);
    let alarmed = |week: &Sample| match rule {
        Rule::Wasserstein => wasserstein::normed(&reference, week).is_some_and(|distance| distance >= 0.1),
        Rule::KolmogorovSmirnov => {
            ks::p_value(ks::distance(&reference, week), reference.len() as f64, week.len() as f64) < 0.05
        }
        _ => bins.index(week) >= 0.2,
    };
    let weeks = (1..).map(|week| from.plus(7 * week * DAY)).take_while(|end| *end <= to);
    let alarmed = |end: &Timestamp| known(end.plus(-7 * DAY), *end).is_some_and(|week| alarmed(&week));
    weeks.filter(alarmed).map(|end| end.plus(-1)).collect()
}

fn of_stream(
    errors: &[(Timestamp, f64)],
    from: Timestamp,
    to: Timestamp,
    mut detects: impl FnMut(f64) -> bool,
) -> Vec<Timestamp> {
    let mut found = Vec::new();
    for (at, error) in errors {
        if detects(*error) && *at >= from && *at < to {
            found.push(*at);
        }
    }
    found
}
