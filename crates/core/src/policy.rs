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
            // That the data is broken is told once.
            let told = |why: String| if reason.ends_with(&why) { reason.clone() } else { format!("{why}; {reason}") };
            let degraded = degraded.map(told);
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
    if !basis.brings_news {
        return Some("the batch brought no newer hours".to_owned());
    }
    if past.pinned {
        return Some("a person holds the serving model in its place".to_owned());
    }
    if let Some(why) = &basis.broken {
        return Some(format!("the data is broken and nothing is trained on it: {why}"));
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
mod tests {
    use super::*;

    const NOW: &str = "2022-06-01";

    fn day(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn past() -> Past {
        let asked = day("2022-05-01");
        Past { serving_since: Some(asked), asked: vec![asked], last_asked: Some(asked), ..Past::default() }
    }

    fn quiet() -> Basis {
        Basis { history_days: 500, history_needed: 60, new_days: 31, brings_news: true, ..Basis::default() }
    }

    fn alarmed() -> Basis {
        Basis { skill_alarm: Some("skill fell".into()), ..quiet() }
    }

    fn decided(past: &Past, basis: &Basis) -> Decision {
        decide(&Policy::default(), past, basis, day(NOW))
    }

    /// Why a retraining that is due waits.
    fn waits(past: &Past, basis: &Basis) -> String {
        let Decision::Proceed { deferred: Some((_, why)), .. } = decided(past, basis) else { panic!("not deferred") };
        why
    }

    fn fell() -> Trigger {
        Trigger { cause: Cause::SkillFell, evidence: "skill fell".into() }
    }

    #[test]
    fn drift_below_threshold_requests_nothing() {
        assert_eq!(decided(&past(), &quiet()), Decision::Proceed { degraded: None, deferred: None });
    }

    #[test]
    fn fallen_skill_asks_for_a_retraining() {
        assert_eq!(decided(&past(), &alarmed()), Decision::Retrain(fell()));
    }

    #[test]
    fn an_alarm_within_the_cooldown_is_deferred_and_the_forecast_says_so() {
        let past = Past { last_asked: Some(day("2022-05-25")), ..past() };
        let Decision::Proceed { degraded: Some(why), deferred } = decided(&past, &alarmed()) else { panic!("asked") };
        // Fourteen days of cooldown less the seven since 25 May.
        assert_eq!(why, "skill fell; the next retraining may be asked for in 7 days");
        assert_eq!(deferred.unwrap().0, fell());
    }

    #[test]
    fn what_was_deferred_is_asked_for_when_the_pause_ends_though_the_alarm_is_over() {
        let past = Past { deferred: Some(fell()), ..past() };
        assert_eq!(decided(&past, &quiet()), Decision::Retrain(fell()));
    }

    #[test]
    fn a_failed_retraining_doubles_the_pause() {
        // 31 days have passed since 1 May: enough for 14 and 28 days, too little for 56.
        assert!(matches!(decided(&Past { failures: 1, ..past() }, &alarmed()), Decision::Retrain(_)));
        assert_eq!(
            waits(&Past { failures: 2, ..past() }, &alarmed()),
            "the next retraining may be asked for in 25 days"
        );
    }

    #[test]
    fn after_too_many_failures_a_person_must_ask() {
        let past = Past { failures: 8, last_asked: Some(day("2020-01-01")), ..past() };
        assert!(waits(&past, &alarmed()).contains("a person must ask"));
    }

    #[test]
    fn a_year_has_no_more_retrainings_than_its_budget() {
        let asked = |first: &str| (0..10).map(|month| day(first).plus(month * 20 * DAY)).collect::<Vec<_>>();
        let past = |first| Past { asked: asked(first), ..past() };
        assert!(waits(&past("2021-06-03"), &alarmed()).starts_with("10 retrainings were asked for within a year"));
        // The first of the ten lies a year and a day back.
        assert_eq!(decided(&past("2021-05-31"), &alarmed()), Decision::Retrain(fell()));
    }

    #[test]
    fn too_few_new_days_defer_a_retraining() {
        let basis = Basis { new_days: 6, ..alarmed() };
        assert_eq!(waits(&past(), &basis), "6 of 7 measured days have come since the last retraining was asked for");
    }

    #[test]
    fn a_back_fill_asks_for_nothing_and_leaves_nothing_behind_to_ask_for() {
        let basis = Basis { brings_news: false, ..alarmed() };
        let told = Decision::Proceed { degraded: Some("skill fell".into()), deferred: None };
        assert_eq!(decided(&past(), &basis), told);
        // What was due before stays due.
        let due = Past { deferred: Some(fell()), ..past() };
        assert_eq!(waits(&due, &basis), "the batch brought no newer hours");
    }

    #[test]
    fn broken_data_is_never_trained_on() {
        let basis = Basis { broken: Some("a stuck meter".into()), ..alarmed() };
        let why = "the data is broken and nothing is trained on it: a stuck meter";
        assert_eq!(waits(&past(), &basis), why);
        let Decision::Proceed { degraded, .. } = decided(&past(), &basis) else { panic!("asked") };
        assert_eq!(degraded.as_deref(), Some(why));
        // Nothing is due, and whoever uses the forecast is told.
        let told = Decision::Proceed { degraded: Some("a stuck meter".into()), deferred: None };
        assert_eq!(decided(&past(), &Basis { skill_alarm: None, ..basis }), told);
    }

    #[test]
    fn a_pinned_model_stays_whatever_is_due() {
        let past = Past { pinned: true, ..past() };
        assert_eq!(waits(&past, &alarmed()), "a person holds the serving model in its place");
    }

    #[test]
    fn where_only_age_may_ask_an_alarm_is_told_and_asks_for_nothing() {
        let policy = Policy { triggers: Triggers::Age, ..Policy::default() };
        let told = Decision::Proceed { degraded: Some("skill fell".into()), deferred: None };
        assert_eq!(decide(&policy, &past(), &alarmed(), day(NOW)), told);
        let long_ago = Some(day("2022-03-03"));
        let old = Past { serving_since: long_ago, last_asked: long_ago, ..past() };
        let asked = decide(&policy, &old, &alarmed(), day(NOW));
        assert!(matches!(asked, Decision::Retrain(Trigger { cause: Cause::Scheduled, .. })));
    }

    #[test]
    fn a_model_is_refreshed_at_its_age_and_not_again_right_after_it_was_tried() {
        let long_ago = Some(day("2022-03-03"));
        // 3 March to 1 June is 90 days.
        let old = Past { serving_since: long_ago, last_asked: long_ago, ..past() };
        assert!(matches!(decided(&old, &quiet()), Decision::Retrain(Trigger { cause: Cause::Scheduled, .. })));
        let tried = Past { serving_since: long_ago, failures: 1, ..past() };
        assert_eq!(decided(&tried, &quiet()), Decision::Proceed { degraded: None, deferred: None });
    }

    #[test]
    fn the_first_model_waits_for_its_history() {
        let young = Basis { history_days: 59, ..quiet() };
        assert!(matches!(decided(&Past::default(), &young), Decision::Wait { .. }));
        let old = Basis { history_days: 60, ..young };
        let asked = decided(&Past::default(), &old);
        assert!(matches!(asked, Decision::Retrain(Trigger { cause: Cause::FirstModel, .. })));
    }

    #[test]
    fn a_first_model_is_tried_again_after_each_cooldown() {
        let rejected = Past { failures: 9, last_asked: Some(day("2022-05-18")), ..Past::default() };
        // 18 May to 1 June is 14 days, the cooldown.
        assert!(matches!(decided(&rejected, &quiet()), Decision::Retrain(_)));
        let early = Past { last_asked: Some(day("2022-05-19")), ..rejected };
        assert!(matches!(decided(&early, &quiet()), Decision::Wait { .. }));
    }

    #[test]
    fn where_nothing_may_ask_the_first_model_is_kept_and_its_forecasts_say_that_it_drifted() {
        let policy = Policy { triggers: Triggers::Nothing, ..Policy::default() };
        let old = Past { serving_since: Some(day("2020-01-01")), ..past() };
        let told = Decision::Proceed { degraded: Some("skill fell".into()), deferred: None };
        assert_eq!(decide(&policy, &old, &alarmed(), day(NOW)), told);
    }
}
