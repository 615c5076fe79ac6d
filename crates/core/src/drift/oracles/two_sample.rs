//! Every two-sample statistic against what scipy, NannyML and Evidently computed of the same inputs, ordinary and
//! degenerate. tests/oracles/README.md says how the table is made anew.

use serde::Deserialize;

use super::super::table::Table;
use super::super::{Sample, psi};
use super::super::{
    anderson_darling, chi_squared, cramer_von_mises, energy, hellinger, histogram, jensen_shannon, ks, wasserstein,
};

const TABLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/oracles/two_sample.json"));
/// How far an answer may be from the oracle's, relative to it.
const TOLERANCE: f64 = 1e-9;
/// Values that are told apart in a test of shares, beyond which bins are taken.
const FEW: usize = 20;

#[derive(Deserialize)]
struct Oracles {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Case {
    /// Samples as they stand.
    Numbers { name: String, reference: Vec<f64>, current: Vec<f64>, oracle: Answers },
    /// Samples of a congruential generator: how many values, its start and what is added to each.
    Made { name: String, reference: (u64, u64, f64), current: (u64, u64, f64), oracle: Answers },
    /// Categories.
    Text { name: String, reference: Vec<String>, current: Vec<String>, oracle: Answers },
}

/// Statistic and p-value.
type Pair = (f64, f64);

#[derive(Deserialize)]
struct Answers {
    ks: Option<Pair>,
    ks_exact: Option<f64>,
    ks_asymptotic: Option<f64>,
    wasserstein: Option<f64>,
    wasserstein_normed: Option<f64>,
    wasserstein_normed_evidently: Option<f64>,
    jensen_shannon: Option<f64>,
    hellinger: Option<f64>,
    psi: f64,
    chi_squared: Pair,
    cramer_von_mises: Option<Pair>,
    anderson_darling: Option<Pair>,
    energy: Option<f64>,
}

/// What differs, so that one run shows all of it.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn check(&mut self, what: String, found: Option<f64>, expected: Option<f64>, absolute: f64) {
        let agrees = match (found, expected) {
            (Some(found), Some(expected)) => (found - expected).abs() <= TOLERANCE * expected.abs() + absolute,
            (None, None) => true,
            _ => false,
        };
        if !agrees {
            self.0.push(format!("{what}: {found:?} instead of {expected:?}"));
        }
    }

    /// A root: the oracle takes it of a difference that rounding leaves 1e-16 of where it should leave nothing.
    fn check_root(&mut self, what: String, found: f64, expected: Option<f64>) {
        // scipy's root of a difference that rounding left below zero is no number, and the distance is none.
        self.check(what, Some(found * found), Some(expected.map_or(0.0, |root| root * root)), 1e-15);
    }

    fn numbers(&mut self, name: &str, reference: Vec<f64>, current: Vec<f64>, oracle: &Answers) {
        let (a, b) = (Sample::new(reference).unwrap(), Sample::new(current).unwrap());
        let (n, m) = (a.len(), b.len());
        let of = |statistic: &str| format!("{name}, {statistic}");
        let distance = ks::distance(&a, &b);
        self.check(of("ks"), Some(distance), oracle.ks.map(|ks| ks.0), 1e-16);
        self.check(of("ks p"), Some(ks::p_value_auto(distance, n, m)), oracle.ks.map(|ks| ks.1), 0.0);
        if oracle.ks_exact.is_some() {
            self.check(of("ks exact p"), Some(ks::p_value_exact(distance, n, m)), oracle.ks_exact, 0.0);
        }
        if oracle.ks_asymptotic.is_some() {
            let asymptotic = ks::p_value(distance, n as f64, m as f64);
            self.check(of("ks asymptotic p"), Some(asymptotic), oracle.ks_asymptotic, 0.0);
        }
        self.check(of("wasserstein"), Some(wasserstein::distance(&a, &b)), oracle.wasserstein, 0.0);
        let normed = wasserstein::normed(&a, &b);
        self.check(of("wasserstein normed"), normed, oracle.wasserstein_normed, 0.0);
        if let Some(evidently) = oracle.wasserstein_normed_evidently {
            self.check(of("wasserstein normed, Evidently"), normed, Some(evidently), 0.0);
        }
        self.check(of("energy"), Some(energy::distance(&a, &b)), oracle.energy, 0.0);
        self.tests(name, &a, &b, oracle);
        let deciles = psi::Bins::deciles(&a);
        self.check(of("psi"), Some(deciles.index(&b)), Some(oracle.psi), 1e-15);
        self.distances(name, &histogram::Bins::doane(&a).against(&b), oracle);
        let by_value = Table::of_values(&a, &b, FEW).map(|(_, table)| table);
        self.shares(name, &by_value.unwrap_or_else(|| deciles.table(&a, &b)), oracle);
    }

    fn tests(&mut self, name: &str, a: &Sample, b: &Sample, oracle: &Answers) {
        let of = |statistic: &str| format!("{name}, {statistic}");
        // scipy takes the statistic as the difference of two numbers of this size.
        let rounding = 1e-15 * (a.len() * b.len()) as f64 / (a.len() + b.len()) as f64;
        let test = cramer_von_mises::test(a, b);
        let expected = oracle.cramer_von_mises;
        self.check(of("cramer von mises"), test.map(|t| t.statistic), expected.map(|p| p.0), rounding);
        // scipy takes it from one, so that a small one has the rounding of one.
        self.check(of("cramer von mises p"), test.map(|t| t.p_value()), expected.map(|p| p.1), 1e-14);
        let test = anderson_darling::test(a, b);
        let expected = oracle.anderson_darling;
        self.check(of("anderson darling"), test.map(|t| t.statistic), expected.map(|p| p.0), 0.0);
        self.check(of("anderson darling p"), test.map(|t| t.p_value()), expected.map(|p| p.1), 0.0);
    }

    fn distances(&mut self, name: &str, table: &Table, oracle: &Answers) {
        self.check_root(format!("{name}, jensen shannon"), jensen_shannon::distance(table), oracle.jensen_shannon);
        self.check_root(format!("{name}, hellinger"), hellinger::distance(table), oracle.hellinger);
    }

    fn shares(&mut self, name: &str, table: &Table, oracle: &Answers) {
        let test = chi_squared::test(table);
        let of = |statistic: &str| format!("{name}, {statistic}");
        self.check(of("chi squared"), test.map(|t| t.statistic), Some(oracle.chi_squared.0), 1e-15);
        self.check(of("chi squared p"), test.map(|t| t.p_value()), Some(oracle.chi_squared.1), 0.0);
    }

    fn texts(&mut self, name: &str, reference: &[String], current: &[String], oracle: &Answers) {
        let (_, table) = Table::of_categories(
            reference.iter().map(|name| (name.as_str(), 1)),
            current.iter().map(|name| (name.as_str(), 1)),
        );
        self.check(format!("{name}, psi"), Some(psi::index(&table)), Some(oracle.psi), 1e-15);
        self.distances(name, &table, oracle);
        self.shares(name, &table, oracle);
    }
}

/// The values that the table's generator makes: squares of a congruential generator's shares.
fn made((rows, start, shift): (u64, u64, f64)) -> Vec<f64> {
    let mut state = 12_345 * start;
    let mut next = || {
        state = (1_103_515_245 * state + 12_345) % (1 << 31);
        (state as f64 / (1_u64 << 31) as f64).powi(2) + shift
    };
    (0..rows).map(|_| next()).collect()
}

#[test]
fn every_statistic_and_p_value_agrees_with_its_oracle_to_nine_digits() {
    let oracles: Oracles = serde_json::from_str(TABLE).unwrap();
    assert!(oracles.cases.len() > 40);
    let mut differences = Differences::default();
    for case in oracles.cases {
        match case {
            Case::Numbers { name, reference, current, oracle } => {
                differences.numbers(&name, reference, current, &oracle);
            }
            Case::Made { name, reference, current, oracle } => {
                differences.numbers(&name, made(reference), made(current), &oracle);
            }
            Case::Text { name, reference, current, oracle } => differences.texts(&name, &reference, &current, &oracle),
        }
    }
    assert!(differences.0.is_empty(), "{}", differences.0.join("\n"));
}
