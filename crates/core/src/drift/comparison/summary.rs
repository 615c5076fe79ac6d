//! What the statistics of a column come to: one judgement, which missing values are part of.

use std::fmt;

use serde::Serialize;

use super::super::season::MISSING_SHARE;
use super::measured::Measured;
use super::{Answers, SIGNIFICANCE, Side, Statistic, shown};

/// How much a column has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The difference is within what chance gives.
    Stable,
    /// The difference is beyond chance, and too small to matter.
    Slight,
    /// The difference is beyond chance and large, or values have gone missing or come back.
    Drifted,
    /// Nothing can be told, of missing values neither.
    InsufficientData,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Stable => "stable",
            Self::Slight => "slight",
            Self::Drifted => "drifted",
            Self::InsufficientData => "insufficient data",
        })
    }
}

/// A column in one judgement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// How much it has changed: by normed Wasserstein and the stability index, of text by the index alone.
    pub severity: Severity,
    /// Why, in numbers.
    pub reason: String,
    /// The p-value of the Kolmogorov-Smirnov distance, of text of the chi-squared test, for as many independent
    /// values as the rows are worth and adjusted for the number of columns; none where nothing can be told.
    pub p_value_adjusted: Option<f64>,
    /// What the reference has of it.
    pub reference: Side,
    /// What the current table has of it.
    pub current: Side,
}

impl Summary {
    /// What these answers come to, with the adjusted p-value of each.
    pub(super) fn of(measured: Measured, answers: &Answers, adjusted: &[Option<f64>]) -> Self {
        let Measured { reference, current, is_text, .. } = measured;
        let (deciding, chance): (&[Statistic], _) = match is_text {
            true => (&[Statistic::Psi], Statistic::ChiSquared),
            false => (&[Statistic::WassersteinNormed, Statistic::Psi], Statistic::Ks),
        };
        let p_value_adjusted = adjusted.get(chance as usize).copied().flatten();
        let (severity, reason) = judge(deciding, p_value_adjusted, answers);
        let (severity, reason) = with_missing(severity, reason, &reference, &current);
        Self { severity, reason, p_value_adjusted, reference, current }
    }
}

fn judge(deciding: &[Statistic], p_value: Option<f64>, answers: &Answers) -> (Severity, String) {
    let of = |statistic: &Statistic| answers.get(*statistic).map(|answer| (*statistic, answer));
    let told: Vec<_> = deciding.iter().filter_map(of).collect();
    if told.iter().all(|(_, answer)| answer.drifted.is_none()) {
        let reason = told.first().map(|(_, answer)| answer.reason.clone()).unwrap_or_default();
        return (Severity::InsufficientData, reason);
    }
    let has_drifted = told.iter().any(|(_, answer)| answer.drifted == Some(true));
    let severity = match (has_drifted, p_value.is_some_and(|p| p < SIGNIFICANCE)) {
        (true, _) => Severity::Drifted,
        (false, true) => Severity::Slight,
        (false, false) => Severity::Stable,
    };
    let part = |(statistic, answer): &(Statistic, &super::Answer)| {
        format!("{} {}: {}", statistic.name(), answer.value.map_or("-".to_owned(), shown), answer.reason)
    };
    (severity, told.iter().map(part).collect::<Vec<_>>().join("; "))
}

/// Missing values are judged by themselves: what is left may look as before.
fn with_missing(severity: Severity, reason: String, reference: &Side, current: &Side) -> (Severity, String) {
    let (before, after) = (reference.missing_share, current.missing_share);
    if reference.rows == 0 || current.rows == 0 || (after - before).abs() <= MISSING_SHARE {
        return (severity, reason);
    }
    let missing = format!(
        "{:.1} % of its rows have no value, {:.1} % of the reference's, more than {:.0} points apart",
        100.0 * after,
        100.0 * before,
        100.0 * MISSING_SHARE,
    );
    match severity {
        Severity::Stable | Severity::Slight | Severity::Drifted => (Severity::Drifted, format!("{missing}; {reason}")),
        // Where nothing can be told of a table, the cells that it lacks tell nothing either.
        Severity::InsufficientData => (Severity::InsufficientData, format!("{reason}; {missing}")),
    }
}
