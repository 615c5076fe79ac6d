//! Verdicts over contenders whose errors are given, and contests on simulated hours.

use super::*;
use crate::forecast::tests::{definition, simulated, start};
use crate::forecast::{FitError, Fitted};
use crate::history::History;
use crate::time::DAY;

const DAYS: usize = 120;

fn held_out() -> (Timestamp, Timestamp) {
    (start().plus((DAYS as i64 - 21) * DAY), start().plus(DAYS as i64 * DAY))
}

fn hourly() -> (Definition, History, Fitted) {
    let (definition, history) = (definition("1h", 24), simulated(Cadence::Hour, DAYS, 1));
    let fitted = fit(&definition, &history).unwrap();
    (definition, history, fitted)
}

fn fit(definition: &Definition, history: &History) -> Result<Fitted, FitError> {
    crate::forecast::fit(definition, &Inputs::alone(history.clone()))
}

fn evaluate(
    definition: &Definition,
    history: &History,
    challenger: &Ensemble,
    champion: Option<&Ensemble>,
    from: Timestamp,
    until: Timestamp,
) -> Result<Contest, EvaluationError> {
    super::evaluate(definition, &Inputs::alone(history.clone()), challenger, champion, from, until)
}

/// A model that learned from the same hours in the wrong order.
fn confused(definition: &Definition, history: &History) -> Ensemble {
    let mut values = history.values().to_vec();
    values.chunks_mut(17).for_each(<[f64]>::reverse);
    let shuffled = History::new(history.start(), history.cadence(), values);
    fit(definition, &shuffled).unwrap().candidate
}

fn mae(evaluation: &Evaluation, name: &str) -> f64 {
    evaluation.contenders.iter().find(|c| c.name == name).unwrap().mae
}

#[test]
fn a_better_challenger_is_promoted_and_a_worse_one_is_rejected() {
    let (definition, history, good) = hourly();
    let (from, until) = held_out();
    let bad = confused(&definition, &history);
    let better = evaluate(&definition, &history, &good.candidate, Some(&bad), from, until).unwrap().evaluation;
    assert_eq!(better.verdict, Verdict::Promote, "{:?}", better.contenders);
    let worse = evaluate(&definition, &history, &bad, Some(&good.candidate), from, until).unwrap().evaluation;
    let Verdict::Reject { reason } = &worse.verdict else { panic!("promoted: {:?}", worse.contenders) };
    let expected =
        format!("{:.2} gCO2eq/kWh does not beat champion with {:.2}", mae(&worse, CHALLENGER), mae(&worse, CHAMPION));
    assert!(reason.contains(&expected), "{reason}");
}

#[test]
fn the_document_tells_how_sure_it_is_on_every_day_and_part_of_the_calendar() {
    let (definition, history, good) = hourly();
    let (from, until) = held_out();
    let bad = confused(&definition, &history);
    let found = evaluate(&definition, &history, &good.candidate, Some(&bad), from, until).unwrap().evaluation;
    let all = &found.compared[0];
    assert_eq!((all.slice, all.origins), (Slice::All, 81));
    assert!((all.challenger.unwrap() - mae(&found, CHALLENGER)).abs() < 1e-9);
    let Told::Test { test, p_worse } = &all.told else { panic!("{:?}", all.told) };
    // Origins every six hours, a day of each: three that follow share hours with one.
    assert_eq!((test.lags, test.origins), (3, 81));
    assert!(test.p_better < 0.05 && *p_worse > 0.95, "{test:?}");
    let slices: Vec<String> = found.compared.iter().map(|part| part.slice.to_string()).collect();
    assert_eq!(slices[..4], ["all hours", "day 1", "working days", "days off"]);
    let first = evaluate(&definition, &history, &good.candidate, None, from, until).unwrap().evaluation;
    assert!(first.compared.is_empty());
}

#[test]
fn an_equal_challenger_is_rejected() {
    let (definition, history, good) = hourly();
    let (from, until) = held_out();
    let same = evaluate(&definition, &history, &good.candidate, Some(&good.candidate), from, until).unwrap();
    assert!(matches!(same.evaluation.verdict, Verdict::Reject { .. }));
}

fn contender(name: &str, mae: f64) -> Contender {
    Contender { name: name.to_owned(), mae, mape: None, mae_by_day: Vec::new() }
}

fn judged(contenders: &[(&str, f64)]) -> Verdict {
    let contenders: Vec<Contender> = contenders.iter().map(|(name, mae)| contender(name, *mae)).collect();
    super::verdict::verdict(&contenders, &[], "gCO2eq/kWh")
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

#[test]
fn the_figures_of_a_naive_forecast_are_those_made_by_hand() {
    // The previous day over origins every six hours for 21 days less the horizon of a day: 81 origins.
    let (definition, history, good) = hourly();
    let (from, until) = held_out();
    let contest = evaluate(&definition, &history, &good.candidate, None, from, until).unwrap();
    let mut errors = Vec::new();
    for origin in (0..81).map(|i| 99 * 24 + 6 * i) {
        errors.extend((0..24).map(|h| (history.values()[origin + h] - history.values()[origin + h - 24]).abs()));
    }
    let expected = errors.iter().sum::<f64>() / errors.len() as f64;
    assert_eq!((contest.evaluation.origins, contest.evaluation.hours), (81, 81 * 24));
    assert!((mae(&contest.evaluation, "previous_day") - expected).abs() < 1e-9);
}

#[test]
fn an_hour_that_was_not_measured_counts_for_nobody() {
    let (definition, history, good) = hourly();
    let (from, until) = held_out();
    let mut values = history.values().to_vec();
    // The last hour is the last target of the last origin alone.
    values[DAYS * 24 - 1] = f64::NAN;
    let gap = History::new(start(), Cadence::Hour, values);
    let contest = evaluate(&definition, &gap, &good.candidate, None, from, until).unwrap();
    assert_eq!((contest.evaluation.origins, contest.evaluation.hours), (81, 81 * 24 - 1));
}

#[test]
fn hours_that_the_champion_knows_do_not_count() {
    let (definition, history, good) = hourly();
    let (from, until) = held_out();
    let middle = start().plus(110 * DAY);
    let champion = fit(&definition, &history.before(middle)).unwrap().serving;
    let contest = evaluate(&definition, &history, &good.candidate, Some(&champion), from, until).unwrap();
    // Ten days less one, four origins a day and the one at the end.
    assert_eq!((contest.evaluation.from, contest.evaluation.origins), (middle, 37));
}

#[test]
fn a_contest_without_hours_new_to_both_has_a_stated_reason_and_no_verdict() {
    let (definition, history, good) = hourly();
    let (from, until) = held_out();
    let refused = evaluate(&definition, &history, &good.candidate, Some(&good.serving), from, until).unwrap_err();
    assert_eq!(refused, EvaluationError::TooFewOrigins { origins: 0, from: until, until });
}

#[test]
fn a_challenger_that_knows_the_held_out_hours_is_refused() {
    let (definition, history, good) = hourly();
    let (from, until) = held_out();
    let refused = evaluate(&definition, &history, &good.serving, None, from, until).unwrap_err();
    assert_eq!(refused, EvaluationError::NotHeldOut { trained_until: until, from });
}

#[test]
fn the_document_and_the_table_are_the_same_for_the_same_contest() {
    let (definition, history, good) = hourly();
    let (from, until) = held_out();
    let contests = [(); 2].map(|()| evaluate(&definition, &history, &good.candidate, None, from, until).unwrap());
    let [first, second] =
        contests.map(|c| (serde_json::to_vec(&c.evaluation).unwrap(), c.predictions.to_parquet().unwrap(), c));
    assert_eq!((&first.0, &first.1), (&second.0, &second.1));
    assert_eq!(serde_json::from_slice::<Evaluation>(&first.0).unwrap(), first.2.evaluation);
}

#[test]
fn the_table_has_a_row_for_each_hour_and_a_column_for_each_contender() {
    use polars_io::SerReader;
    let (definition, history, good) = hourly();
    let (from, until) = held_out();
    let contest = evaluate(&definition, &history, &good.candidate, None, from, until).unwrap();
    let bytes = std::io::Cursor::new(contest.predictions.to_parquet().unwrap());
    let table = polars_io::prelude::ParquetReader::new(bytes).finish().unwrap();
    assert_eq!(table.height(), contest.predictions.len());
    let names: Vec<&str> = table.get_column_names().into_iter().map(|name| name.as_str()).collect();
    let contenders = ["challenger", "previous_day", "previous_week", "usual_week"];
    assert_eq!(names, ["origin_utc", "step", "target_utc", "actual"].into_iter().chain(contenders).collect::<Vec<_>>());
}
