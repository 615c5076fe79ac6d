//! Whether a model is to be trained anew: one function of the policy, what was decided before, what the check found and
//! the data's time.

use serde::{Deserialize, Serialize};

use crate::event::Cause;
use crate::series::{Policy, Triggers};
use crate::time::{DAY, Timestamp};

/// What was decided before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// When the serving model took over; none where nothing serves.
    pub serving_since: Option<Timestamp>,
    /// Whether a person holds the serving model in its place.
    pub pinned: bool,
    /// When retrainings were asked for, the newest last: those of a year, but for those by a person.
    pub asked: Vec<Timestamp>,
    /// When the last retraining was asked for, by whomever.
    pub last_asked: Option<Timestamp>,
    /// Retrainings in a row that brought no new model.
    pub failures: u32,
    /// What was due and had to wait.
    pub deferred: Option<Trigger>,
}

/// What the check found that matters here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Basis {
    /// Days of the newest history that were measured; looked at only where nothing serves.
    pub history_days: u32,
    /// Days of history before the first model.
    pub history_needed: u32,
    /// Measured days since the last retraining was asked for.
    pub new_days: u32,
    /// Whether the batch brought newer hours; a back-fill alone never asks for a retraining.
    pub brings_news: bool,
    /// Why the data cannot be trained on, where it cannot: it is broken, not drifted.
    pub broken: Option<String>,
    /// The skill alarm's words, where it is raised.
    pub skill_alarm: Option<String>,
    /// The drift diagnosis in words, where there is one and the skill is falling.
    pub drift_alarm: Option<String>,
}

/// What asks for a retraining.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// Why.
    pub cause: Cause,
    /// The evidence in words.
    pub evidence: String,
}

/// What is to happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Forecast with the serving model.
    Proceed {
        /// Why it is known to be drifted, where it is.
        degraded: Option<String>,
        /// What is due and has to wait, and why.
        deferred: Option<(Trigger, String)>,
    },
    /// Ask for a retraining.
    Retrain(Trigger),
    /// Nothing can be forecast yet.
    Wait {
        /// What is missing.
        reason: String,
    },
}

/// Decides what follows from a drift check.
pub fn decide(policy: &Policy, past: &Past, basis: &Basis, now: Timestamp) -> Decision {
    match past.serving_since {
        None => without_model(policy, past, basis, now),
        Some(since) => with_model(policy, past, basis, since, now),
    }
}

fn without_model(policy: &Policy, past: &Past, basis: &Basis, now: Timestamp) -> Decision {
    let (known, needed) = (basis.history_days, basis.history_needed);
    if known < needed {
        return Decision::Wait {
            reason: format!("{known} of the {needed} days of history for a first model are there"),
        };
    }
    if let Some(why) = &basis.broken {
        return Decision::Wait { reason: format!("no first model is trained on broken data: {why}") };
    }
    // A longer history is new evidence by itself, so the pause does not grow, and without a model there is no forecast.
    match pause(policy, &Past { failures: 0, ..past.clone() }, now) {
        Some(reason) => Decision::Wait { reason: format!("no model has been promoted; {reason}") },
        None => Decision::Retrain(Trigger {
            cause: Cause::FirstModel,
            evidence: format!("{known} days of history, {needed} needed"),
        }),
    }
}

fn with_model(policy: &Policy, past: &Past, basis: &Basis, since: Timestamp, now: Timestamp) -> Decision {
    // A drifted model, or one that forecasts from broken data, is known to be one whatever may ask for a retraining.
    let alarm = alarm(basis);
    let degraded = basis.broken.clone().or_else(|| alarm.as_ref().map(|alarm| alarm.evidence.clone()));
    let allowed = |trigger: &Trigger| match policy.triggers {
        Triggers::Drift => true,
        Triggers::Age => trigger.cause == Cause::Scheduled,
        Triggers::Nothing => false,
    };
    // A back-fill alone asks for nothing, also not later.
    let due = alarm.filter(|_| basis.brings_news).or_else(|| past.deferred.clone()).filter(allowed);
    let due = due.or_else(|| aged(policy, past, since, now).filter(allowed));
    let Some(trigger) = due else { return Decision::Proceed { degraded, deferred: None } };
    match deferral(policy, past, basis, now) {
        Some(reason) => {
            let degraded = match &basis.broken {
                // The reason to wait is this, and tells it.
                Some(_) => Some(reason.clone()),
                None => degraded.map(|why| format!("{why}; {reason}")),
            };
            Decision::Proceed { degraded, deferred: Some((trigger, reason)) }
        }
        None => Decision::Retrain(trigger),
    }
}

fn alarm(basis: &Basis) -> Option<Trigger> {
    let skill = basis.skill_alarm.clone().map(|evidence| Trigger { cause: Cause::SkillFell, evidence });
    skill.or_else(|| basis.drift_alarm.clone().map(|evidence| Trigger { cause: Cause::Drifted, evidence }))
}

/// A model is refreshed once for each age: what was rejected since has been refreshed as well as it could be.
fn aged(policy: &Policy, past: &Past, since: Timestamp, now: Timestamp) -> Option<Trigger> {
    let (age, limit) = (now.since(since) / DAY, i64::from(policy.refresh_days));
    let last = past.last_asked.map_or(age, |asked| now.since(asked) / DAY);
    let evidence =
        format!("the model has served {age} days and was last to be replaced {last} days ago, {limit} are allowed");
    (age.min(last) >= limit).then_some(Trigger { cause: Cause::Scheduled, evidence })
}

/// Why a retraining that is due has to wait, where it has to.
fn deferral(policy: &Policy, past: &Past, basis: &Basis, now: Timestamp) -> Option<String> {
    if let Some(why) = &basis.broken {
        return Some(format!("the data is broken and nothing is trained on it: {why}"));
    }
    if !basis.brings_news {
        return Some("the batch brought no newer hours".to_owned());
    }
    if past.pinned {
        return Some("a person holds the serving model in its place".to_owned());
    }
    let failures = past.failures;
    if failures >= policy.give_up_after {
        return Some(format!(
            "{failures} retrainings in a row brought no better model: a person must ask for the next"
        ));
    }
    if let Some(reason) = pause(policy, past, now) {
        return Some(reason);
    }
    if basis.new_days < policy.new_days {
        let (known, needed) = (basis.new_days, policy.new_days);
        return Some(format!("{known} of {needed} measured days have come since the last retraining was asked for"));
    }
    spent(policy, past, now)
}

/// The pause doubles with each retraining in a row that brought no new model, up to eight times the cooldown.
fn pause(policy: &Policy, past: &Past, now: Timestamp) -> Option<String> {
    let pause = i64::from(policy.cooldown_days) << past.failures.min(3);
    let waited = now.since(past.last_asked?) / DAY;
    (waited < pause).then(|| format!("the next retraining may be asked for in {} days", pause - waited))
}

/// Days of the year that the budget is for.
pub const YEAR_DAYS: i64 = 365;

fn spent(policy: &Policy, past: &Past, now: Timestamp) -> Option<String> {
    let within = past.asked.iter().filter(|asked| now.since(**asked) < YEAR_DAYS * DAY).count();
    let allowed = policy.retrainings_a_year;
    (within >= allowed as usize)
        .then(|| format!("{within} retrainings were asked for within a year, {allowed} are allowed: a person may ask"))
}

#[cfg(test)]
mod tests;
