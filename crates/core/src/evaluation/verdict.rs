//! What follows from the figures of a contest.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::CHAMPION;
use super::comparison::{Compared, Slice};
use super::predictions::Contender;

/// What follows from a contest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The challenger beat the champion or, where nothing serves yet, every naive forecast.
    Promote,
    /// It did not.
    Reject {
        /// Whom it did not beat, and by how much.
        reason: String,
    },
}

/// The challenger, which comes first, has to have a lower mean error than the champion and not to be worse on any part
/// of the hours by more than chance; where nothing serves yet, it has to beat every naive forecast.
///
/// That the lower error is more than chance is not asked for: in three weeks hardly any refresh could show it, and a
/// model that ages has to be replaced by one that does not look worse. How sure it is, is told all the same.
pub(super) fn verdict(contenders: &[Contender], compared: &[Compared], unit: &str) -> Verdict {
    let Some((challenger, others)) = contenders.split_first() else {
        return Verdict::Reject { reason: "there was no challenger".to_owned() };
    };
    // Naive forecasts do not serve: where a model does, losing to one of them is no reason to keep a worse model.
    let has_champion = others.iter().any(|other| other.name == CHAMPION);
    let rivals = || others.iter().filter(|other| !has_champion || other.name == CHAMPION);
    let named = |other: &Contender| format!("{} with {:.2}", other.name, other.mae);
    let sure = compared.iter().find(|part| part.slice == Slice::All).and_then(Compared::in_words);
    let sure = sure.map(|sure| format!(" ({sure})")).unwrap_or_default();
    // A NaN beats nobody.
    let unbeaten: Vec<String> =
        rivals().filter(|other| challenger.mae.partial_cmp(&other.mae) != Some(Ordering::Less)).map(named).collect();
    if !unbeaten.is_empty() {
        let reason =
            format!("a mean error of {:.2} {unit} does not beat {}{sure}", challenger.mae, unbeaten.join(", "));
        return Verdict::Reject { reason };
    }
    let usual = others.iter().find(|other| other.name == CHAMPION).map_or(0.0, |champion| champion.mae);
    let worse: Vec<String> = compared.iter().filter_map(|part| part.worse_in_words(usual)).collect();
    if worse.is_empty() {
        return Verdict::Promote;
    }
    let beaten: Vec<String> = rivals().map(named).collect();
    let (all, parts) = (beaten.join(", "), worse.join("; "));
    let reason = format!("a mean error of {:.2} {unit} beats {all}{sure}, but it is worse on {parts}", challenger.mae);
    Verdict::Reject { reason }
}
