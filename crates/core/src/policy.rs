//! Whether a model is to be trained anew: one function over what is known, on the data's time.

use crate::event::Cause;
use crate::series::{Policy, Triggers};
use crate::time::{DAY, Timestamp};

/// What the policy looks at.
#[derive(Clone, Debug, PartialEq)]
pub struct Situation {
    /// When the serving model took over; none where nothing serves.
    pub serving_since: Option<Timestamp>,
    /// When the last retraining was asked for.
    pub last_asked: Option<Timestamp>,
    /// Retrainings in a row that brought no new model.
    pub failures: u32,
    /// Days of the newest history that were measured; looked at only where nothing serves.
    pub history_days: u32,
    /// Days of history before the first model.
    pub history_needed: u32,
    /// Whether the batch brought newer hours; a back-fill alone never asks for a retraining.
    pub brings_news: bool,
    /// The skill alarm's words, where it is raised.
    pub skill_alarm: Option<String>,
    /// The drift diagnosis in words, where there is one and the skill is falling.
    pub drift_alarm: Option<String>,
}

/// What is to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Forecast with the serving model.
    Proceed {
        /// Why it is known to be drifted, where it is.
        degraded: Option<String>,
    },
    /// Ask for a retraining.
    Retrain {
        /// Why.
        cause: Cause,
        /// The evidence in words.
        evidence: String,
    },
    /// Nothing can be forecast yet.
    Wait {
        /// What is missing.
        reason: String,
    },
}

/// Decides what follows from a drift check.
pub fn decide(policy: &Policy, situation: &Situation, now: Timestamp) -> Decision {
    match situation.serving_since {
        None => without_model(policy, situation, now),
        Some(since) => with_model(policy, situation, since, now),
    }
}

fn without_model(policy: &Policy, situation: &Situation, now: Timestamp) -> Decision {
    let (known, needed) = (situation.history_days, situation.history_needed);
    if known < needed {
        return Decision::Wait {
            reason: format!("{known} of the {needed} days of history for a first model are there"),
        };
    }
    // A longer history is new evidence by itself, so the pause does not grow, and without a model there is no forecast.
    match deferral(policy, &Situation { failures: 0, ..situation.clone() }, now) {
        Some(reason) => Decision::Wait { reason: format!("no model has been promoted; {reason}") },
        None => Decision::Retrain {
            cause: Cause::FirstModel,
            evidence: format!("{known} days of history, {needed} needed"),
        },
    }
}

fn with_model(policy: &Policy, situation: &Situation, since: Timestamp, now: Timestamp) -> Decision {
    // A drifted model is known to be one whatever may ask for a retraining.
    let alarm = alarm(situation);
    let degraded = alarm.as_ref().map(|(_, evidence)| evidence.clone());
    let due = match policy.triggers {
        Triggers::Drift => alarm.or_else(|| aged(policy, since, now)),
        Triggers::Age => aged(policy, since, now),
        Triggers::Nothing => None,
    };
    let Some((cause, evidence)) = due.filter(|_| situation.brings_news) else {
        return Decision::Proceed { degraded };
    };
    match deferral(policy, situation, now) {
        Some(reason) => Decision::Proceed { degraded: degraded.map(|why| format!("{why}; {reason}")) },
        None => Decision::Retrain { cause, evidence },
    }
}

fn alarm(situation: &Situation) -> Option<(Cause, String)> {
    let skill = situation.skill_alarm.clone().map(|why| (Cause::SkillFell, why));
    skill.or_else(|| situation.drift_alarm.clone().map(|why| (Cause::Drifted, why)))
}

fn aged(policy: &Policy, since: Timestamp, now: Timestamp) -> Option<(Cause, String)> {
    let age = now.since(since) / DAY;
    let limit = i64::from(policy.refresh_days);
    (age >= limit).then(|| (Cause::Scheduled, format!("the model has served {age} days, {limit} are allowed")))
}

/// Why a retraining that is due has to wait, where it has to.
///
/// The pause doubles with each retraining in a row that brought no new model, up to eight times the cooldown.
fn deferral(policy: &Policy, situation: &Situation, now: Timestamp) -> Option<String> {
    let failures = situation.failures;
    if failures >= policy.give_up_after {
        return Some(format!(
            "{failures} retrainings in a row brought no better model: a person must ask for the next"
        ));
    }
    let pause = i64::from(policy.cooldown_days) << failures.min(3);
    let waited = now.since(situation.last_asked?) / DAY;
    (waited < pause).then(|| format!("the next retraining may be asked for in {} days", pause - waited))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2022-06-01";

    fn day(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn quiet() -> Situation {
        Situation {
            serving_since: Some(day("2022-05-01")),
            last_asked: Some(day("2022-05-01")),
            failures: 0,
            history_days: 500,
            history_needed: 60,
            brings_news: true,
            skill_alarm: None,
            drift_alarm: None,
        }
    }

    fn alarmed() -> Situation {
        Situation { skill_alarm: Some("skill fell".into()), ..quiet() }
    }

    fn decided(situation: &Situation) -> Decision {
        decide(&Policy::default(), situation, day(NOW))
    }

    #[test]
    fn drift_below_threshold_requests_nothing() {
        assert_eq!(decided(&quiet()), Decision::Proceed { degraded: None });
    }

    #[test]
    fn fallen_skill_asks_for_a_retraining() {
        let asked = Decision::Retrain { cause: Cause::SkillFell, evidence: "skill fell".into() };
        assert_eq!(decided(&alarmed()), asked);
    }

    #[test]
    fn an_alarm_within_the_cooldown_is_deferred_and_the_forecast_says_so() {
        let situation = Situation { last_asked: Some(day("2022-05-25")), ..alarmed() };
        let Decision::Proceed { degraded: Some(why) } = decided(&situation) else { panic!("not deferred") };
        // Fourteen days of cooldown less the seven since 25 May.
        assert_eq!(why, "skill fell; the next retraining may be asked for in 7 days");
    }

    #[test]
    fn a_failed_retraining_doubles_the_pause() {
        // 31 days have passed since 1 May: enough for 14 and 28 days, too little for 56.
        assert!(matches!(decided(&Situation { failures: 1, ..alarmed() }), Decision::Retrain { .. }));
        assert!(matches!(decided(&Situation { failures: 2, ..alarmed() }), Decision::Proceed { degraded: Some(_) }));
    }

    #[test]
    fn after_too_many_failures_a_person_must_ask() {
        let long_ago = Situation { failures: 8, last_asked: Some(day("2020-01-01")), ..alarmed() };
        let Decision::Proceed { degraded: Some(why) } = decided(&long_ago) else { panic!("asked again") };
        assert!(why.contains("a person must ask"));
    }

    #[test]
    fn a_back_fill_asks_for_nothing() {
        let situation = Situation { brings_news: false, ..alarmed() };
        assert_eq!(decided(&situation), Decision::Proceed { degraded: Some("skill fell".into()) });
    }

    #[test]
    fn where_only_age_may_ask_an_alarm_is_told_and_asks_for_nothing() {
        let policy = Policy { triggers: Triggers::Age, ..Policy::default() };
        let told = Decision::Proceed { degraded: Some("skill fell".into()) };
        assert_eq!(decide(&policy, &alarmed(), day(NOW)), told);
        let old = Situation { serving_since: Some(day("2022-03-03")), ..alarmed() };
        assert!(matches!(decide(&policy, &old, day(NOW)), Decision::Retrain { cause: Cause::Scheduled, .. }));
    }

    #[test]
    fn a_model_is_refreshed_at_its_age() {
        let situation = Situation { serving_since: Some(day("2022-03-03")), ..quiet() };
        // 3 March to 1 June is 90 days.
        assert!(matches!(decided(&situation), Decision::Retrain { cause: Cause::Scheduled, .. }));
    }

    #[test]
    fn the_first_model_waits_for_its_history() {
        let young = Situation { serving_since: None, last_asked: None, history_days: 59, ..quiet() };
        assert!(matches!(decided(&young), Decision::Wait { .. }));
        let old = Situation { history_days: 60, ..young };
        assert!(matches!(decided(&old), Decision::Retrain { cause: Cause::FirstModel, .. }));
    }

    #[test]
    fn a_first_model_is_tried_again_after_each_cooldown() {
        let rejected = Situation { serving_since: None, failures: 9, last_asked: Some(day("2022-05-18")), ..quiet() };
        // 18 May to 1 June is 14 days, the cooldown.
        assert!(matches!(decided(&rejected), Decision::Retrain { cause: Cause::FirstModel, .. }));
        let early = Situation { last_asked: Some(day("2022-05-19")), ..rejected };
        assert!(matches!(decided(&early), Decision::Wait { .. }));
    }

    #[test]
    fn where_nothing_may_ask_the_first_model_is_kept_and_its_forecasts_say_that_it_drifted() {
        let policy = Policy { triggers: Triggers::Nothing, ..Policy::default() };
        let old = Situation { serving_since: Some(day("2020-01-01")), ..alarmed() };
        assert_eq!(decide(&policy, &old, day(NOW)), Decision::Proceed { degraded: Some("skill fell".into()) });
    }
}
