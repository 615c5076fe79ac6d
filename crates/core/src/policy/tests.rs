//! What is asked for, what waits and why, one rule at a time.

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
    assert_eq!(waits(&Past { failures: 2, ..past() }, &alarmed()), "the next retraining may be asked for in 25 days");
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
fn no_first_model_is_trained_on_broken_data() {
    let basis = Basis { broken: Some("a stuck meter".into()), ..quiet() };
    let reason = "no first model is trained on broken data: a stuck meter".to_owned();
    assert_eq!(decided(&Past::default(), &basis), Decision::Wait { reason });
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
