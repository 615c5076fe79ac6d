//! What the answers of a check come to, and whether the data can be trained on.

use super::Inputs;
use crate::drift::{Answer, Finding};
use crate::monitor::report::Diagnosis;
use crate::policy::Basis;
use crate::series::Quantity;
use crate::skill::Skill;

/// What the answers come to: the worst that is sure, bad data before all else.
pub(super) fn diagnosis<'a>(
    basis: &Basis,
    distributions: impl IntoIterator<Item = &'a Finding>,
    skill: &Skill,
) -> Diagnosis {
    let drifted = |finding: &Finding| finding.answer == Answer::Drifted;
    if basis.broken.is_some() {
        Diagnosis::DataBroken
    } else if basis.skill_alarm.is_some() {
        Diagnosis::ModelWorse
    } else if skill.is_harder() {
        Diagnosis::WorldHarder
    } else if distributions.into_iter().any(drifted) {
        Diagnosis::InputChanged
    } else {
        match skill.answer {
            Answer::InsufficientData => Diagnosis::InsufficientData,
            Answer::Stable | Answer::Drifted => Diagnosis::Steady,
        }
    }
}

/// The share of refused rows in a batch from which nothing is trained on it.
const REFUSED_SHARE: f64 = 0.1;

/// Why the data cannot be trained on, where it cannot.
pub(super) fn broken(inputs: &Inputs<'_>, relation: Option<&Finding>) -> Option<String> {
    let (rows, refused) = inputs.rows;
    // A first model needs days that were measured, and has them or not, whatever was refused beside them.
    if inputs.model.is_some() && refused as f64 > REFUSED_SHARE * (rows + refused) as f64 {
        return Some(format!("{refused} of {} rows of the batch were refused", rows + refused));
    }
    if let Some(stuck) = stuck(inputs) {
        return Some(stuck);
    }
    relation
        .filter(|finding| finding.answer == Answer::Drifted)
        .map(|finding| format!("{}: see whether the feed is right, then ask with `aria retrain`", finding.reason))
}

/// That the newest values stand still, as those of a feed that hands in a row at a time, in which the contract sees
/// none.
fn stuck(inputs: &Inputs<'_>) -> Option<String> {
    if inputs.definition.quantity == Quantity::Weather {
        return None;
    }
    let history = inputs.history;
    let newest = history.values().last().copied().filter(|value| value.is_finite())?;
    let same = history.values().iter().rev().take_while(|value| **value == newest).count();
    let before = &history.values()[..history.values().len() - same];
    let still = before.chunk_by(|a, b| a == b).map(<[f64]>::len).max()?;
    let fewest = inputs.definition.contract.fewest_stuck(history.cadence(), still)?;
    (same >= fewest).then(|| {
        let since = history.end().plus(-(same as i64) * history.cadence().seconds());
        format!("the newest {same} values are all {newest}, since {since}, as from a stuck meter")
    })
}
