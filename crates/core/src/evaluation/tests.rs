//! The verdict over contenders whose errors are given.

use super::*;

fn contender(name: &str, mae: f64) -> Contender {
    Contender { name: name.to_owned(), mae, mape: None, mae_by_day: Vec::new() }
}

fn judged(contenders: &[(&str, f64)]) -> Verdict {
    let contenders: Vec<Contender> = contenders.iter().map(|(name, mae)| contender(name, *mae)).collect();
    verdict(&contenders, "gCO2eq/kWh")
}

#[test]
fn a_challenger_that_is_no_better_than_the_champion_does_not_take_over() {
    assert!(matches!(judged(&[(CHALLENGER, 10.0), (CHAMPION, 10.0)]), Verdict::Reject { .. }));
    assert_eq!(judged(&[(CHALLENGER, 9.9), (CHAMPION, 10.0)]), Verdict::Promote);
}

#[test]
fn a_first_model_has_to_beat_every_naive_forecast() {
    let Verdict::Reject { reason } = judged(&[(CHALLENGER, 10.0), ("previous_day", 12.0), ("usual_week", 9.5)]) else {
        panic!("it took over");
    };
    assert_eq!(reason, "a mean error of 10.00 gCO2eq/kWh does not beat usual_week with 9.50");
}

#[test]
fn a_worse_champion_is_not_kept_because_a_naive_forecast_was_better_than_both() {
    let verdict = judged(&[(CHALLENGER, 10.0), (CHAMPION, 11.0), ("usual_week", 9.5)]);
    assert_eq!(verdict, Verdict::Promote);
}

#[test]
fn an_error_that_is_no_number_beats_nobody() {
    assert!(matches!(judged(&[(CHALLENGER, f64::NAN), (CHAMPION, 10.0)]), Verdict::Reject { .. }));
}
