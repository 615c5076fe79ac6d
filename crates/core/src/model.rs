//! A model as it is stored: the fit, the intervals, the reference it is watched with, and where all of it came from.

use serde::{Deserialize, Serialize};

use crate::CODE_VERSION;
use crate::artifact::Ref;
use crate::document::{self, Document};
use crate::drift::Reference;
use crate::drift::relation::{Companion, Relation};
use crate::event::{Cause, Retraining, RetrainingId};
use crate::forecast::{self, Calibration, Ensemble, FitError, Fitted, HalfWidths, Inputs, ModelError, Ridge};
use crate::series::{Definition, SeriesId};
use crate::skill::{self, Yardstick};
use crate::time::{DAY, HOUR, Timestamp};

/// A trained model with everything that serving and watching it needs.
///
/// The reference is part of the model, so promotion moves both at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// The series it forecasts.
    pub series: SeriesId,
    /// Where it came from.
    pub origin: Provenance,
    /// The fitted forecaster, with the fit that is evaluated and the one that serves.
    pub fitted: Fitted,
    /// What later data is compared with; none where the history is too short for one.
    pub reference: Option<Reference>,
    /// What its errors usually are beside naive ones; none where its own past is too short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yardstick: Option<Yardstick>,
    /// How the values stand to the other columns of their rows; none where there are none or too few days of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relation: Option<Relation>,
    /// The limits a reader of its forecasts must know.
    pub limits: Vec<String>,
}

/// Inputs, parameters and code of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The retraining that asked for it.
    pub retraining: RetrainingId,
    /// Why it was asked for.
    pub cause: Cause,
    /// The series' state it was trained on.
    pub snapshot: Ref,
    /// The definition with its parameters.
    pub definition: Ref,
    /// The first hour of its data.
    pub data_from: Timestamp,
    /// The first hour after its data.
    pub data_until: Timestamp,
    /// Steps in between that had no value.
    pub missing: u64,
    /// Version of the code that fitted it.
    pub code_version: String,
}

impl Document for Model {
    const NAME: &'static str = "model";
    const VERSION: u32 = 3;
    // The code that stored one took its calendar and its share of the usual week from itself.
    const NO_LONGER_READ: &'static str = "it does not say which features it forecasts with, so that its forecasts \
        would be wrong unseen; hand the series' history in anew under another name";

    fn earlier(version: u32, bytes: &[u8]) -> Result<Option<Self>, serde_json::Error> {
        if version != 2 {
            return Ok(None);
        }
        Model::try_from(document::body::<OfOneRidge>(bytes)?).map(Some).map_err(serde::de::Error::custom)
    }
}

/// A model of version 2: one regression, with half widths that nothing moved.
#[derive(Deserialize)]
struct OfOneRidge {
    series: SeriesId,
    origin: Provenance,
    fitted: FittedRidge,
    reference: Option<Reference>,
    limits: Vec<String>,
}

#[derive(Deserialize)]
struct FittedRidge {
    candidate: Ridge,
    serving: Ridge,
    holdout_start: Timestamp,
    trained_until: Timestamp,
    intervals: FixedIntervals,
}

#[derive(Deserialize)]
struct FixedIntervals {
    steps: Vec<HalfWidths>,
}

impl TryFrom<OfOneRidge> for Model {
    type Error = ModelError;

    fn try_from(model: OfOneRidge) -> Result<Self, ModelError> {
        let OfOneRidge { series, origin, fitted, reference, limits } = model;
        let FittedRidge { candidate, serving, holdout_start, trained_until, intervals } = fitted;
        let calibration = Calibration::of_half_widths(serving.cadence(), &intervals.steps, trained_until.plus(-DAY));
        calibration.fits(serving.cadence(), serving.horizon_steps())?;
        let (candidate, serving) = (Ensemble::of_one(candidate), Ensemble::of_one(serving));
        let left_out = Vec::new();
        let fitted = Fitted { candidate, serving, holdout_start, trained_until, calibration, left_out };
        Ok(Self { series, origin, fitted, reference, yardstick: None, relation: None, limits })
    }
}

/// The most cells of the table that a fit holds, one for each hour of history and step of the horizon: 256 MiB, and
/// with all that a fit holds beside it, as measured, close to six times as much. With the usual horizon of hours that
/// is 39 years of history, with quarter hours ten.
const MOST_CELLS: i64 = 1 << 25;

/// Where the history begins that a model is trained on: with the series, or as far before its end as memory allows. A
/// series with other inputs has a second table for the regressions that look at them, and half as much history in each.
pub fn data_from(definition: &Definition, first: Timestamp, end: Timestamp) -> Timestamp {
    let steps = i64::try_from(definition.horizon_steps().max(1)).unwrap_or(i64::MAX);
    let forecast = &definition.forecast;
    let has_others = !forecast.covariates.is_empty() || !forecast.neighbours.is_empty() || forecast.weather.is_some();
    let cells = if has_others { MOST_CELLS / 2 } else { MOST_CELLS };
    // Whole days, so that it is the start of a step of any cadence.
    let days = (cells / steps * HOUR / DAY).max(i64::from(forecast.history_days));
    first.max(end.plus(-days * DAY))
}

/// Trains what a retraining asks for: processes, splits in time order, fits, calibrates, learns what it is watched
/// with.
///
/// # Errors
/// Where the history cannot carry a model.
pub fn train(
    request: &Retraining,
    definition: (&Ref, &Definition),
    inputs: &Inputs,
    companions: &[Companion],
) -> Result<Model, FitError> {
    let (definition_ref, definition) = definition;
    let fitted = forecast::fit(definition, inputs)?;
    let history = &inputs.own;
    let mut limits: Vec<String> = fitted.left_out.iter().map(|why| format!("left out of the model: {why}")).collect();
    let reference = Reference::learn(history, definition);
    let reference = reference.map_err(|why| limits.push(format!("data drift is not watched: {why}"))).ok();
    let yardstick = learn_yardstick(definition, inputs);
    let yardstick = yardstick.map_err(|why| limits.push(format!("skill is not watched: {why}"))).ok();
    let relation = Relation::learn(history, companions, definition);
    let relation =
        relation.map_err(|why| limits.push(format!("the level given covariates is not watched: {why}"))).ok();
    let origin = Provenance {
        retraining: request.id.clone(),
        cause: request.cause,
        snapshot: request.snapshot.clone(),
        definition: definition_ref.clone(),
        data_from: history.start(),
        data_until: history.end(),
        missing: history.values().iter().filter(|v| v.is_nan()).count() as u64,
        code_version: CODE_VERSION.to_owned(),
    };
    Ok(Model { series: definition.id.clone(), origin, fitted, reference, yardstick, relation, limits })
}

/// What the errors of such a model usually are: from its past, which it forecasts as it would have then.
fn learn_yardstick(definition: &Definition, inputs: &Inputs) -> Result<Yardstick, String> {
    let made = forecast::backcast(definition, inputs)
        .map_err(|why| format!("the model's own past cannot be forecast without it: {why}"))?;
    let days = definition.forecast.horizon_hours / 24;
    let scores: Vec<skill::DayScore> = made
        .iter()
        .flat_map(|forecast| (1..=days).filter_map(|day| skill::score_day(forecast, &inputs.own, day)))
        .collect();
    Yardstick::learn(&scores, &definition.drift).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(cadence: &str) -> Definition {
        let text = format!(
            "id = \"it.ci_direct\"\nunit = \"g\"\ncadence = \"{cadence}\"\ntime_zone = \"Europe/Rome\"\n\
             [source]\ntime_column = \"t\"\nvalue_column = \"v\"\n"
        );
        Definition::from_toml(&text).unwrap()
    }

    #[test]
    fn a_model_of_one_regression_forecasts_what_it_did() {
        // The forecast is that of the regression alone; an interval is the mean of the stored ones next to it.
        let stored = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/model.v2.json")).unwrap();
        let model: Model = document::decode(&stored).unwrap();
        let raw: serde_json::Value = serde_json::from_slice(&stored).unwrap();
        let ridge: Ridge = serde_json::from_value(raw["body"]["fitted"]["serving"].clone()).unwrap();
        let day = |day: i64| 300.0 + (day % 7) as f64;
        let origin = model.fitted.trained_until;
        let inputs = Inputs::alone(crate::history::History::new(
            origin.plus(-60 * DAY),
            crate::time::Cadence::Day,
            (0..60).map(day).collect(),
        ));
        let forecast = forecast::issue(&model.fitted, &inputs, origin).unwrap().forecast;
        assert_eq!(forecast.values(), ridge.predict(&inputs, origin).unwrap());
        let half = |step: usize| raw["body"]["fitted"]["intervals"]["steps"][step]["half_80"].as_f64().unwrap();
        let width = forecast.points[2].upper_80 - forecast.points[2].value;
        assert!((width - (half(1) + half(2) + half(3)) / 3.0).abs() < 1e-9);
    }

    #[test]
    fn a_model_is_trained_on_all_history_until_its_table_would_be_too_large() {
        let (first, end): (Timestamp, Timestamp) = ("1960-01-01".parse().unwrap(), "2020-01-01".parse().unwrap());
        let recent: Timestamp = "1990-01-01".parse().unwrap();
        assert_eq!(data_from(&definition("1h"), recent, end), recent);
        // 2^25 cells of 384 quarter hours are 87,381 hours: 3,640 whole days; of 96 hours 14,563.
        assert_eq!(data_from(&definition("15min"), first, end), end.plus(-3_640 * DAY));
        assert_eq!(data_from(&definition("1h"), first, end), end.plus(-14_563 * DAY));
        assert_eq!(data_from(&definition("1d"), first, end), first);
        let mut beside = definition("1h");
        let series = "it.weather".parse().unwrap();
        beside.forecast.weather = Some(crate::series::Neighbour { series, delay_hours: 6 });
        assert_eq!(data_from(&beside, first, end), end.plus(-7_281 * DAY));
    }
}
