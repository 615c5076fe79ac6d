//! What a card says, of models that are quick to fit.

use super::*;
use crate::backtest::{self, Plan, Refit};
use crate::forecast::tests::{definition, simulated, start};
use crate::forecast::{Inputs, fit};
use crate::report::{About, Report};
use crate::time::{DAY, HOUR};

fn card<'a>(definition: &'a Definition, fitted: &'a Fitted, trained_on: &'a History, known: Known) -> Card<'a> {
    let (source, limits) = ("a snapshot", &[][..]);
    let history = Vec::new();
    Card { definition, fitted, trained_on, source, simulated: None, history, limits, watched: None, known }
}

/// A model of days with the card of its training.
fn of_days(change: impl Fn(&mut Definition)) -> (Fitted, String) {
    let mut definition = definition("1d", 48);
    change(&mut definition);
    let inputs = Inputs::alone(simulated(Cadence::Day, 120, 1));
    let fitted = fit(&definition, &inputs).unwrap();
    let known = Known::of_training(&definition, &fitted, &inputs.own);
    let text = card(&definition, &fitted, &inputs.own, known).to_markdown();
    (fitted, text)
}

#[test]
fn a_card_has_every_part_and_the_shares_of_its_model() {
    let (fitted, text) = of_days(|_| {});
    let parts = [
        "What it is for",
        "Data",
        "Members and what they look at",
        "Errors out of sample",
        "Intervals",
        "What it cannot",
    ];
    for part in parts {
        assert!(text.contains(&format!("\n## {part}")), "no {part}: {text}");
    }
    for (candidate, by_day) in fitted.serving.shares() {
        let shares: Vec<String> = by_day.iter().map(|part| format!("{:.1} %", 100.0 * part)).collect();
        assert!(text.contains(&format!("| `{}` | {} |", candidate.name(), shares.join(" | "))), "{text}");
    }
    assert!(text.contains("| Span | 2021-01-01T00:00:00Z to 2021-05-01T00:00:00Z |"), "{text}");
    assert!(text.contains("120 days of history are less than a year"), "{text}");
    assert!(text.contains("It sees no weather forecast") && !text.contains("NaN"), "{text}");
    assert!(text.contains("values 1 to 14, 21, 28 steps back"), "{text}");
}

#[test]
fn errors_of_training_are_those_of_its_rolling_origins() {
    let (fitted, text) = of_days(|_| {});
    let of_first_day: Vec<f64> = fitted.calibration.errors().filter_map(|(_, errors)| errors[0]).collect();
    let mae = of_first_day.iter().map(|error| error.abs()).sum::<f64>() / of_first_day.len() as f64;
    assert!(text.contains(&format!("| 1 | {} | {} |", of_first_day.len(), figure(Some(mae)))), "{text}");
    // A series of days has no hours of the day.
    assert!(!text.contains("| Local hour |") && text.contains("| Mar-May |"), "{text}");
}

#[test]
fn errors_of_a_backtest_are_those_of_its_report() {
    let definition = definition("1h", 24);
    let inputs = Inputs::alone(simulated(Cadence::Hour, 75, 2));
    let day = |days: i64| start().plus(days * DAY);
    let run = backtest::run(&definition, &inputs, Plan { from: day(65), to: day(72), refit: Refit::Never });
    let about = About {
        simulated: true,
        retraining: "never".to_owned(),
        models: 1,
        withheld: Vec::new(),
        reduced: Vec::new(),
        failed_fits: Vec::new(),
        left_out: Default::default(),
        rows_refused: 0,
    };
    let fitted = &run.models[0].1;
    let report = Report::of(&definition, about, &run.forecasts, Some(&fitted.serving), &inputs.own);
    let trained_on = inputs.own.before(fitted.trained_until);
    let text = card(&definition, fitted, &trained_on, Known::of_report(&report)).to_markdown();
    let first = &report.errors.by_hour[0].figures.issued;
    assert!(text.contains(&format!("| 00 | 8 | {} |", figure(first.mae))), "{text}");
    assert!(text.contains("the 8 forecasts of the backtest from 2021-03-07T00:00:00Z"), "{text}");
    let covered = share(report.calibration.overall.levels[1].covered);
    assert!(text.contains("Over 192 steps") && text.contains(&covered), "{text}");
}

#[test]
fn what_was_left_out_is_said_once_with_its_reason() {
    let inputs = Inputs::alone(simulated(Cadence::Day, 120, 1));
    let mut definition = definition("1d", 48);
    definition.forecast.candidates = vec![Candidate::Ridge, Candidate::RidgeCovariates];
    let fitted = fit(&definition, &inputs).unwrap();
    let limits = [format!("forecasts without {}", fitted.left_out[0]), "data drift is not watched: young".to_owned()];
    let known = Known::of_training(&definition, &fitted, &inputs.own);
    let text = Card { limits: &limits, ..card(&definition, &fitted, &inputs.own, known) }.to_markdown();
    assert_eq!(text.matches("ridge\\_covariates: ").count(), 1, "{text}");
    assert!(text.contains("- Of this model: data drift is not watched: young."), "{text}");
}

#[test]
fn a_unit_cannot_break_out_of_its_place() {
    let (_, text) = of_days(|definition| definition.unit = "g|<script>\n# x".to_owned());
    assert!(text.contains("g\\|\\<script\\> \\# x") && !text.contains("<script>") && !text.contains("\n# x"), "{text}");
}

#[test]
fn gaps_are_counted_and_the_longest_is_named() {
    let nan = f64::NAN;
    let history = History::new(start(), Cadence::Hour, vec![nan, 1.0, nan, nan, 1.0, nan, nan]);
    let longest = Some((start().plus(2 * HOUR), 2));
    assert_eq!(Gaps::of(&history), Gaps { count: 3, steps: 5, longest });
    assert_eq!(Gaps::of(&History::new(start(), Cadence::Hour, vec![1.0])), Gaps::default());
}

#[test]
fn numbers_that_follow_one_another_are_a_range() {
    assert_eq!(listed(&[1, 2, 3, 7, 9, 10]), "1 to 3, 7, 9 to 10");
}

#[test]
fn a_model_without_errors_of_its_training_says_so() {
    let stored = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/model.v2.json")).unwrap();
    let model: crate::model::Model = crate::document::decode(&stored).unwrap();
    let (definition, history) = (definition("1d", 96), simulated(Cadence::Day, 120, 1));
    let known = Known::of_training(&definition, &model.fitted, &history);
    let text = card(&definition, &model.fitted, &history, known).to_markdown();
    assert!(text.contains("None are known: the model does not hold the errors of its training."), "{text}");
}

#[test]
fn a_card_says_what_a_model_is_watched_with_and_what_it_is_not() {
    let definition = definition("1d", 48);
    let inputs = Inputs::alone(simulated(Cadence::Day, 120, 1));
    let fitted = fit(&definition, &inputs).unwrap();
    let known = Known::of_training(&definition, &fitted, &inputs.own);
    let alarms = vec!["2021-03-04".parse().unwrap()];
    let watched = Budget {
        skill: None,
        relation: Some(crate::budget::OfRelation { would_have_alarmed: alarms }),
        data: None,
        not_watched: vec!["skill is not watched: too short".to_owned()],
    };
    let limits = watched.not_watched.clone();
    let card = Card { limits: &limits, watched: Some(watched), ..card(&definition, &fitted, &inputs.own, known) };
    let text = card.to_markdown();
    assert!(text.contains("## What it is watched with"), "{text}");
    assert!(text.contains("- level given covariates, watched: on its own past it would have alarmed on 2021-03-04."));
    assert!(text.contains("- Not: skill is not watched: too short."), "{text}");
    assert_eq!(text.matches("skill is not watched").count(), 1, "{text}");
}
