//! What the report of a check says, of checks with known answers.

use aria_core::drift::comparison::Statistic;

use super::*;

/// A stored check of earlier code: without columns.
fn stored() -> monitor::Report {
    let bytes = include_bytes!("../../../../../core/golden/report.v1.json");
    aria_core::document::decode(bytes).unwrap()
}

fn judged(drifted: Option<bool>) -> Vec<Judged> {
    let answer = |statistic: Statistic| Judged {
        statistic,
        value: drifted.map(|_| 0.5),
        p_value: None,
        threshold: Some(0.25),
        drifted,
        reason: match drifted {
            Some(_) => format!("because of {}", statistic.name()),
            None => "insufficient data: too few".to_owned(),
        },
    };
    Statistic::ALL.map(answer).into()
}

fn with_columns() -> monitor::Report {
    let column = |name: &str, drifted| Column { name: name.to_owned(), answers: judged(drifted) };
    let columns = vec![column("value", Some(true)), column("changes", Some(false)), column("forecast_day_1", None)];
    monitor::Report { columns, ..stored() }
}

#[test]
fn columns_have_the_shape_of_a_comparison_of_files_and_a_threshold_each() {
    let checked = with_columns();
    let document = serde_json::to_value(Report::new(&checked, None)).unwrap();
    let answer = document["columns"]["value"]["ks"].as_object().unwrap();
    let members: Vec<&str> = answer.keys().map(String::as_str).collect();
    assert_eq!(members.len(), 5, "{members:?}");
    assert_eq!((&answer["threshold"], &answer["drifted"]), (&0.25.into(), &true.into()));
    assert_eq!(document["columns"]["changes"].as_object().unwrap().len(), 10);
    let severity = |name: &str| document["summary"][name]["severity"].clone();
    assert_eq!(
        [severity("value"), severity("changes"), severity("forecast_day_1")],
        ["drifted", "stable", "insufficient_data"]
    );
    assert_eq!(document["drifted"], 1);
    assert_eq!(document["batch"]["ordinal"], 125);
}

#[test]
fn a_text_names_what_drifted_and_marks_it_in_the_table() {
    let text = Report::new(&with_columns(), None).to_text();
    assert!(text.contains("1 of 3 columns drifted"), "{text}");
    let value = text.lines().find(|line| line.starts_with("value ")).unwrap();
    assert_eq!(value.matches("0.5000!").count(), 10, "{text}");
    assert!(text.contains("\nvalue, drifted: ks: because of ks; "), "{text}");
    assert!(text.contains("\nforecast_day_1: insufficient data: too few\n"), "{text}");
    assert!(!text.contains("\nchanges, stable"), "{text}");
}

#[test]
fn a_check_of_earlier_code_says_that_it_has_no_columns() {
    let checked = stored();
    let text = Report::new(&checked, None).to_text();
    assert!(text.contains("the check was made by code that did not compare by column"), "{text}");
    assert!(text.contains("skill, insufficient data: 14 scored days"), "{text}");
    let unwatched = monitor::Report { model: None, ..checked };
    assert!(Report::new(&unwatched, None).to_text().contains("no model served, so that"));
}

#[test]
fn what_waits_and_why_is_told_with_the_decision() {
    let trigger = aria_core::policy::Trigger { cause: aria_core::event::Cause::SkillFell, evidence: "worse".into() };
    let decision = Decision::Proceed { degraded: Some("old".into()), deferred: Some((trigger, "a pause".into())) };
    let told = decided(&decision);
    assert_eq!(
        told,
        "forecast with the serving model, as a degraded one: old; due and waiting: skill_fell (worse), a pause"
    );
    // What is told is not told again.
    let Decision::Proceed { deferred, .. } = decision else { panic!("another decision") };
    let told = decided(&Decision::Proceed { degraded: Some("a pause".into()), deferred });
    assert!(told.ends_with("as a degraded one: a pause; due and waiting: skill_fell (worse), for the same reason"));
    let basis = Basis { broken: Some("a pause".into()), brings_news: true, ..Basis::default() };
    assert!(
        rests_on(&basis, &told).contains("broken data, as above; no alarm of skill"),
        "{}",
        rests_on(&basis, &told)
    );
}
