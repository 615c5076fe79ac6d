//! A history forecast from each of its days, as if it were that day: models are fitted on what was known then, and
//! serve until the next is due.
//!
//! Nothing decides here whether a new model takes over; that is for the services, which `aria backtest --retrain
//! policy` runs.

use rayon::prelude::*;

use crate::forecast::{self, Explanation, FitError, Fitted, Forecast, Inputs, Issue, Issuer, PredictError};
use crate::series::Definition;
use crate::time::{DAY, Timestamp};

/// What is to be forecast, and with which models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The first origin; every later one follows a day after the one before.
    pub from: Timestamp,
    /// The last time at which an origin may lie.
    pub to: Timestamp,
    /// When a model is replaced.
    pub refit: Refit,
}

/// When a model is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refit {
    /// Never: the first that can be fitted is kept.
    Never,
    /// After so many days, by one that is fitted on all that is known then.
    Every {
        /// The days, at least 1.
        days: u32,
    },
}

/// A history forecast day by day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Backtest {
    /// The forecasts in the order of their origins.
    pub forecasts: Vec<Forecast>,
    /// Forecasts that were made without some of their inputs.
    pub reduced: u64,
    /// Origins without a forecast, and why.
    pub withheld: Vec<(Timestamp, String)>,
    /// The models, each with the first origin that it was fitted for.
    pub models: Vec<(Timestamp, Fitted)>,
    /// Origins at which a fit was due and failed, and why: the model before it went on.
    pub failed: Vec<(Timestamp, String)>,
}

/// Forecasts a history as planned. The same history and plan always give the same forecasts.
pub fn run(definition: &Definition, inputs: &Inputs, plan: Plan) -> Backtest {
    let origins: Vec<Timestamp> =
        (0..=plan.to.since(plan.from).div_euclid(DAY)).map(|day| plan.from.plus(day * DAY)).collect();
    let fit = |origin: &Timestamp| forecast::fit(definition, &inputs.before(*origin));
    let mut backtest = Backtest::default();
    for origin in &origins {
        match fit(origin) {
            Ok(model) => {
                backtest.models.push((*origin, model));
                break;
            }
            Err(why) => backtest.withheld.push((*origin, why.to_string())),
        }
    }
    let later = &origins[backtest.withheld.len()..];
    if let Refit::Every { days } = plan.refit {
        let due: Vec<Timestamp> = later.iter().copied().step_by(days.max(1) as usize).skip(1).collect();
        let fitted: Vec<Result<Fitted, FitError>> = due.par_iter().map(fit).collect();
        for (origin, model) in due.into_iter().zip(fitted) {
            match model {
                Ok(model) => backtest.models.push((origin, model)),
                Err(why) => backtest.failed.push((origin, why.to_string())),
            }
        }
    }
    let issue_all = |(model, origins): (&Fitted, Vec<Timestamp>)| {
        let mut issuer = Issuer::new(model);
        origins.into_iter().map(|origin| (origin, issuer.issue(inputs, origin))).collect()
    };
    let issued: Vec<Vec<(Timestamp, Result<Issue, PredictError>)>> =
        backtest.served(&origins).into_par_iter().map(issue_all).collect();
    for (origin, issued) in issued.into_iter().flatten() {
        match issued {
            Ok(issue) => {
                backtest.reduced += u64::from(!issue.without.is_empty());
                backtest.forecasts.push(issue.forecast);
            }
            Err(why) => backtest.withheld.push((origin, why.to_string())),
        }
    }
    backtest
}

impl Backtest {
    /// Takes every forecast apart by what moved it, in the order of their origins.
    pub fn explain(&self, inputs: &Inputs) -> Vec<Explanation> {
        let origins: Vec<Timestamp> = self.forecasts.iter().map(|forecast| forecast.origin).collect();
        let explain_all = |(model, origins): (&Fitted, Vec<Timestamp>)| {
            let mut issuer = Issuer::new(model);
            origins.into_iter().filter_map(|origin| issuer.explain(inputs, origin).ok()).collect::<Vec<Explanation>>()
        };
        self.served(&origins).into_par_iter().flat_map_iter(explain_all).collect()
    }

    /// The models, each with those of the origins that it serves.
    fn served(&self, origins: &[Timestamp]) -> Vec<(&Fitted, Vec<Timestamp>)> {
        let until = |place: usize| self.models.get(place + 1).map(|(next, _)| *next);
        let its = |place: usize, from: Timestamp| {
            let is_its = |origin: &Timestamp| *origin >= from && until(place).is_none_or(|until| *origin < until);
            origins.iter().copied().filter(is_its).collect()
        };
        self.models.iter().enumerate().map(|(place, (from, model))| (model, its(place, *from))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forecast::tests::{definition, simulated, start};
    use crate::history::History;
    use crate::time::Cadence;

    fn day(days: i64) -> Timestamp {
        start().plus(days * DAY)
    }

    fn inputs() -> Inputs {
        Inputs::alone(simulated(Cadence::Day, 140, 1))
    }

    #[test]
    fn models_are_replaced_when_they_are_due_and_serve_until_then() {
        let (definition, inputs) = (definition("1d", 48), inputs());
        let plan = Plan { from: day(58), to: day(130), refit: Refit::Every { days: 30 } };
        let run = run(&definition, &inputs, plan);
        let starts: Vec<Timestamp> = run.models.iter().map(|(origin, _)| *origin).collect();
        assert_eq!(starts, [60, 90, 120].map(day));
        assert!(run.models.iter().all(|(origin, model)| model.trained_until == *origin));
        let withheld: Vec<Timestamp> = run.withheld.iter().map(|(origin, _)| *origin).collect();
        assert_eq!(withheld, [58, 59].map(day));
        assert_eq!(run.withheld[0].1, "there are 58 days of history, and a model needs 60");
        assert_eq!(run.forecasts.len(), 71);
        assert_eq!(run.forecasts[29], forecast::issue(&run.models[0].1, &inputs, day(89)).unwrap().forecast);
        assert_eq!(run.forecasts[30], forecast::issue(&run.models[1].1, &inputs, day(90)).unwrap().forecast);
    }

    #[test]
    fn nothing_at_or_after_an_origin_changes_its_forecast() {
        let (definition, inputs) = (definition("1d", 48), inputs());
        let run_on = |inputs: &Inputs| {
            run(&definition, inputs, Plan { from: day(80), to: day(111), refit: Refit::Every { days: 30 } })
        };
        let mut values = inputs.own.values().to_vec();
        values[111..].fill(1e6);
        let changed = Inputs::alone(History::new(start(), Cadence::Day, values));
        assert_eq!(run_on(&inputs).forecasts, run_on(&changed).forecasts);
    }

    #[test]
    fn a_fit_that_fails_is_told_and_the_model_before_it_goes_on() {
        // From day 80 on nothing was measured for six weeks: the fit that is due on day 110 has no errors to learn
        // from.
        let mut values = simulated(Cadence::Day, 140, 1).values().to_vec();
        values[80..122].fill(f64::NAN);
        let inputs = Inputs::alone(History::new(start(), Cadence::Day, values));
        let plan = Plan { from: day(80), to: day(139), refit: Refit::Every { days: 30 } };
        let run = run(&definition("1d", 48), &inputs, plan);
        assert_eq!(run.models.len(), 1, "{:?}", run.failed);
        assert_eq!(run.failed.len(), 1);
        assert!(
            run.failed[0].0 == day(110) && run.failed[0].1.contains("raise forecast.holdout_days"),
            "{:?}",
            run.failed
        );
    }

    #[test]
    fn without_a_refit_the_first_model_is_kept() {
        let plan = Plan { from: day(70), to: day(130), refit: Refit::Never };
        let run = run(&definition("1d", 48), &inputs(), plan);
        assert_eq!((run.models.len(), run.models[0].0, run.forecasts.len()), (1, day(70), 61));
    }

    #[test]
    fn a_model_that_is_kept_for_long_forecasts_as_whoever_starts_it_anew() {
        let inputs = Inputs::alone(simulated(Cadence::Day, 400, 1));
        let run = run(&definition("1d", 48), &inputs, Plan { from: day(70), to: day(399), refit: Refit::Never });
        let model = &run.models[0].1;
        for days in [70, 219, 220, 294, 295, 296, 370, 399] {
            let known = inputs.own.between(forecast::reads_from(model, day(days)), day(days));
            let anew = forecast::issue(model, &Inputs::alone(known), day(days)).unwrap().forecast;
            assert_eq!(run.forecasts[days as usize - 70], anew, "day {days}");
        }
    }

    #[test]
    fn each_forecast_is_explained_by_the_model_that_made_it() {
        let (definition, inputs) = (definition("1d", 48), inputs());
        let run = run(&definition, &inputs, Plan { from: day(80), to: day(125), refit: Refit::Every { days: 30 } });
        let explanations = run.explain(&inputs);
        assert_eq!(explanations.len(), run.forecasts.len());
        for (forecast, explanation) in run.forecasts.iter().zip(&explanations) {
            assert_eq!(forecast.origin, explanation.origin);
            let apart =
                forecast.values().iter().zip(explanation.values()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(apart < 1e-6, "{apart} apart at {}", forecast.origin);
        }
    }
}
