//! What looks at several columns, or at two loss series, against NannyML, scikit-learn, statsmodels and scipy:
//! `tests/oracles/multivariate.py`.

use serde::Deserialize;

use super::{all_close, close};
use crate::accuracy;
use crate::drift::classifier::{self, Settings};
use crate::drift::logistic::Logistic;
use crate::drift::pca::{Components, ReconstructionError};
use crate::drift::rows::{Rows, scales};

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/oracles/multivariate.json");

#[derive(Deserialize)]
struct Table {
    pca: Vec<PcaCase>,
    classifier: Vec<ClassifierCase>,
    auc_p_value: Vec<AucCase>,
    accuracy: Vec<AccuracyCase>,
}

#[derive(Deserialize)]
struct PcaCase {
    name: String,
    share: f64,
    reference: Vec<Vec<f64>>,
    current: Vec<Vec<f64>>,
    components: usize,
    explained: f64,
    error_of_reference: (f64, f64),
    error_of_current: (f64, f64),
}

#[derive(Deserialize)]
struct ClassifierCase {
    name: String,
    reference: Vec<Vec<f64>>,
    current: Vec<Vec<f64>>,
    folds: usize,
    penalty: f64,
    areas: Vec<f64>,
    auc: f64,
    weights: Vec<f64>,
}

#[derive(Deserialize)]
struct AucCase {
    reference: f64,
    current: f64,
    auc: f64,
    p: f64,
}

#[derive(Deserialize)]
struct AccuracyCase {
    name: String,
    champion: Vec<f64>,
    challenger: Vec<f64>,
    lags: usize,
    confidence: f64,
    gain: f64,
    standard_error: f64,
    statistic: f64,
    relative_gain: f64,
    relative_gain_at_least: f64,
    p_better: f64,
    p_different: f64,
}

fn table() -> Table {
    super::table(TABLE)
}

fn rows(columns: &[Vec<f64>]) -> Rows {
    Rows::new(&columns.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap()
}

#[test]
fn the_reconstruction_error_is_nannymls() {
    let check = |found: ReconstructionError, expected: (f64, f64), name: &str| {
        close(found.mean, expected.0, 1e-9, name);
        close(found.deviation, expected.1, 1e-9, name);
    };
    for case in table().pca {
        let fitted = Components::fit(&rows(&case.reference), case.share).unwrap();
        assert_eq!(fitted.count(), case.components, "{}", case.name);
        close(fitted.explained(), case.explained, 1e-9, &case.name);
        check(fitted.reference(), case.error_of_reference, &case.name);
        check(fitted.error(&rows(&case.current)).unwrap(), case.error_of_current, &case.name);
    }
}

#[test]
fn the_domain_classifiers_areas_are_scikit_learns_on_the_same_blocks() {
    for case in table().classifier {
        let settings = Settings { folds: case.folds, penalty: case.penalty };
        let found = classifier::compare(&rows(&case.reference), &rows(&case.current), settings).unwrap();
        close(found.auc, case.auc, 1e-9, &case.name);
        all_close(&found.folds, &case.areas, 1e-9, &case.name);
    }
}

#[test]
fn the_regressions_weights_are_scikit_learns() {
    for case in table().classifier {
        let (reference, current) = (rows(&case.reference), rows(&case.current));
        let both: Vec<&[f64]> = reference.iter().chain(current.iter()).collect();
        let scales = scales(&both, reference.columns());
        let standardised: Vec<Vec<f64>> = both.iter().map(|row| classifier::standardise(row, &scales)).collect();
        let labels: Vec<bool> = (0..both.len()).map(|place| place >= reference.len()).collect();
        let fitted = Logistic::fit(&standardised, &labels, case.penalty).unwrap();
        all_close(fitted.weights(), &case.weights, 1e-9, &case.name);
    }
}

#[test]
fn the_chance_of_an_area_is_mann_and_whitneys() {
    for case in table().auc_p_value {
        let p = classifier::p_value(case.auc, case.reference, case.current).unwrap();
        assert!((p / case.p - 1.0).abs() < 1e-9, "{p} instead of {}", case.p);
    }
}

#[test]
fn the_comparison_of_forecasts_is_that_of_a_regression_on_a_constant() {
    for case in table().accuracy {
        let found = accuracy::compare(&case.champion, &case.challenger, case.lags, case.confidence).unwrap();
        let pairs = [
            (found.gain, case.gain),
            (found.standard_error, case.standard_error),
            (found.statistic, case.statistic),
            (found.relative_gain, case.relative_gain),
            (found.relative_gain_at_least, case.relative_gain_at_least),
            (found.p_better, case.p_better),
            (found.p_different, case.p_different),
        ];
        pairs.into_iter().for_each(|(found, expected)| close(found, expected, 1e-9, &case.name));
    }
}
