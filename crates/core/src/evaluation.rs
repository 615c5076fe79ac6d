//! The contest before a promotion: challenger, champion and naive forecasts on the same held-out hours.
//!
//! Held out means from all of them: only hours that neither model was fitted on count. So hand in the champion's
//! candidate fit, not its serving one: both models are then as old against their own training as in service, and the
//! longest stretch is held out from both.

use std::cmp::Ordering;

use polars::prelude::Column;
use serde::{Deserialize, Serialize};

use crate::forecast::baseline::BASELINES;
use crate::forecast::values::{time_column, to_parquet};
use crate::forecast::{Ensemble, Inputs, Made, PredictError};
use crate::series::{Definition, SeriesId};
use crate::table::ParquetError;
use crate::time::{Cadence, HOUR, Timestamp};

/// Hours between two origins of a contest.
const ORIGIN_HOURS: i64 = 6;
/// Origins below which a verdict would be chance.
const FEWEST_ORIGINS: usize = 8;
/// The contender that is to be promoted.
const CHALLENGER: &str = "challenger";
/// The held-back fit of the model that serves.
const CHAMPION: &str = "champion";

/// The figures of a contest and what follows from them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The series.
    pub series: SeriesId,
    /// The first hour that may count.
    pub from: Timestamp,
    /// The end of the hours that may count.
    pub until: Timestamp,
    /// Origins that every contender forecast from.
    pub origins: u64,
    /// Hours that every contender was scored on, counted once for each origin.
    pub hours: u64,
    /// The contenders, the challenger first.
    pub contenders: Vec<Contender>,
    /// What follows.
    pub verdict: Verdict,
}

/// A contender's errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contender {
    /// Its name: `challenger`, `champion` or a naive forecast's.
    pub name: String,
    /// Mean absolute error, in the series' unit, which decides.
    pub mae: f64,
    /// Mean absolute percentage error, in %, over the hours whose actual value is not zero.
    pub mape: Option<f64>,
    /// Mean absolute error of the first, second, ... day of the forecasts.
    pub mae_by_day: Vec<Option<f64>>,
}

/// What follows from a contest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The challenger beat the champion or, where nothing serves yet, every naive forecast.
    Promote,
    /// It did not.
    Reject {
        /// Whom it did not beat, and by how much.
        reason: String,
    },
}

/// A contest with the forecasts it was decided on.
#[derive(Clone, Debug, PartialEq)]
pub struct Contest {
    /// The figures and the verdict.
    pub evaluation: Evaluation,
    /// Every forecast that was scored.
    pub predictions: Predictions,
}

/// Forecasts and actual values of a contest, hour by hour.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    names: Vec<&'static str>,
    rows: Vec<Row>,
}

/// One hour of one origin.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    origin: Timestamp,
    step: usize,
    target: Timestamp,
    actual: f64,
    /// Forecasts in the order of the names.
    forecasts: Vec<f64>,
}

/// Why there is no verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// The history has another cadence than the definition.
    #[error(
        "the series is defined with a value every {} seconds, the history has one every {}",
        .definition.seconds(),
        .history.seconds()
    )]
    Cadence {
        /// The definition's.
        definition: Cadence,
        /// The history's.
        history: Cadence,
    },
    /// The challenger knows hours that it would be judged on.
    #[error("the challenger was fitted on hours until {trained_until}, and the held-out hours begin at {from}")]
    NotHeldOut {
        /// The end of the challenger's training.
        trained_until: Timestamp,
        /// The first hour that was to count.
        from: Timestamp,
    },
    /// Too little is held out from both models.
    #[error(
        "{origins} origins between {from} and {until} can be compared, and a verdict needs {FEWEST_ORIGINS}: \
         the hours must be new to challenger and champion, measured, and enough for so many whole horizons"
    )]
    TooFewOrigins {
        /// Origins that every contender forecast from.
        origins: usize,
        /// The first hour that is held out from both models.
        from: Timestamp,
        /// The end of the held-out hours.
        until: Timestamp,
    },
}

/// The length of the shortest stretch of held-out hours that can bring a verdict, in seconds: whole horizons from the
/// fewest origins.
pub fn shortest_contest(horizon_hours: u32, cadence: Cadence) -> i64 {
    i64::from(horizon_hours) * HOUR + (FEWEST_ORIGINS as i64 - 1) * origin_distance(cadence)
}

/// Seconds between two origins of a contest.
fn origin_distance(cadence: Cadence) -> i64 {
    (ORIGIN_HOURS * HOUR).max(cadence.seconds())
}

/// Lets challenger, champion and the naive forecasts forecast the held-out hours `from..until` from the same origins,
/// every six hours and with whole horizons, and decides on the mean absolute error.
///
/// # Errors
/// Where too few hours are held out from both models, or a model cannot forecast them.
pub fn evaluate(
    definition: &Definition,
    inputs: &Inputs,
    challenger: &Ensemble,
    champion: Option<&Ensemble>,
    from: Timestamp,
    until: Timestamp,
) -> Result<Contest, EvaluationError> {
    if inputs.cadence() != definition.cadence {
        return Err(EvaluationError::Cadence { definition: definition.cadence, history: inputs.cadence() });
    }
    if challenger.trained_until() > from {
        return Err(EvaluationError::NotHeldOut { trained_until: challenger.trained_until(), from });
    }
    let from = champion.map_or(from, |champion| champion.trained_until().max(from));
    let steps = definition.horizon_steps();
    let field = Field { inputs, challenger, champion, steps };
    let predictions = field.predictions(from, until);
    let origins = predictions.origins();
    if origins < FEWEST_ORIGINS {
        return Err(EvaluationError::TooFewOrigins { origins, from, until });
    }
    let contenders = predictions.contenders(inputs.cadence());
    let verdict = verdict(&contenders, &definition.unit);
    let evaluation = Evaluation {
        series: definition.id.clone(),
        from,
        until,
        origins: origins as u64,
        hours: predictions.rows.len() as u64,
        contenders,
        verdict,
    };
    Ok(Contest { evaluation, predictions })
}

/// Who takes part, and on what.
struct Field<'a> {
    inputs: &'a Inputs,
    challenger: &'a Ensemble,
    champion: Option<&'a Ensemble>,
    steps: usize,
}

impl Field<'_> {
    fn names(&self) -> Vec<&'static str> {
        let champion = self.champion.map(|_| CHAMPION);
        std::iter::once(CHALLENGER).chain(champion).chain(BASELINES.map(|(name, _)| name)).collect()
    }

    fn predictions(&self, from: Timestamp, until: Timestamp) -> Predictions {
        let cadence = self.inputs.cadence().seconds();
        let horizon = cadence * self.steps as i64;
        let mut rows = Vec::new();
        let mut origin = from;
        while origin.since(until) + horizon <= 0 {
            // An origin from which one contender cannot forecast compares nobody.
            if let Some(forecasts) = self.forecasts(origin) {
                rows.extend(self.rows(origin, &forecasts));
            }
            origin = origin.plus(origin_distance(self.inputs.cadence()));
        }
        Predictions { names: self.names(), rows }
    }

    /// Every contender's forecast from an origin, in the order of the names; none where one of them has none.
    fn forecasts(&self, origin: Timestamp) -> Option<Vec<Vec<f64>>> {
        let full =
            |made: Result<Made, PredictError>| Some(made.ok()?.values).filter(|values| values.len() >= self.steps);
        let models = std::iter::once(self.challenger).chain(self.champion);
        let models = models.map(|model| full(model.predict(self.inputs, origin)));
        let naive = BASELINES.iter().map(|(_, baseline)| baseline(&self.inputs.own, origin, self.steps));
        models.chain(naive).collect()
    }

    fn rows(&self, origin: Timestamp, forecasts: &[Vec<f64>]) -> Vec<Row> {
        let row = |step: usize| {
            let target = origin.plus(step as i64 * self.inputs.cadence().seconds());
            let actual = self.inputs.own.at(target)?;
            Some(Row { origin, step, target, actual, forecasts: forecasts.iter().map(|f| f[step]).collect() })
        };
        (0..self.steps).filter_map(row).collect()
    }
}

impl Predictions {
    /// The table as Parquet: origin, step of the horizon from 0, target, actual value, and a column for each contender.
    /// The same contest always gives the same bytes.
    ///
    /// # Errors
    /// Where the table cannot be written.
    pub fn to_parquet(&self) -> Result<Vec<u8>, ParquetError> {
        let times = |of: fn(&Row) -> Timestamp| self.rows.iter().map(of).collect::<Vec<_>>();
        let mut columns = vec![
            time_column("origin_utc", &times(|row| row.origin))?,
            Column::new("step".into(), self.rows.iter().map(|row| row.step as i64).collect::<Vec<_>>()),
            time_column("target_utc", &times(|row| row.target))?,
            Column::new("actual".into(), self.rows.iter().map(|row| row.actual).collect::<Vec<_>>()),
        ];
        for (place, name) in self.names.iter().enumerate() {
            let values: Vec<f64> = self.rows.iter().map(|row| row.forecasts[place]).collect();
            columns.push(Column::new((*name).into(), values));
        }
        to_parquet(columns)
    }

    /// Rows of the table.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the table has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn origins(&self) -> usize {
        self.rows.chunk_by(|a, b| a.origin == b.origin).count()
    }

    fn contenders(&self, cadence: Cadence) -> Vec<Contender> {
        self.names.iter().enumerate().map(|(place, name)| self.contender(place, name, cadence)).collect()
    }

    fn contender(&self, place: usize, name: &str, cadence: Cadence) -> Contender {
        let error = |row: &Row| (row.forecasts[place] - row.actual).abs();
        let steps = self.rows.iter().map(|row| row.step + 1).max().unwrap_or(0);
        let day = |row: &Row| row.step / cadence.per_day();
        let of_day = |wanted| mean(self.rows.iter().filter(|row| day(row) == wanted).map(error));
        let percentages = self.rows.iter().filter(|row| row.actual != 0.0).map(|row| error(row) / row.actual.abs());
        Contender {
            name: name.to_owned(),
            mae: mean(self.rows.iter().map(error)).unwrap_or(f64::MAX),
            mape: mean(percentages).map(|share| 100.0 * share),
            mae_by_day: (0..steps.div_ceil(cadence.per_day())).map(of_day).collect(),
        }
    }
}

/// The challenger, which comes first, has to beat the champion or, where nothing serves yet, every naive forecast.
fn verdict(contenders: &[Contender], unit: &str) -> Verdict {
    let Some((challenger, others)) = contenders.split_first() else {
        return Verdict::Reject { reason: "there was no challenger".to_owned() };
    };
    // Naive forecasts do not serve: where a model does, losing to one of them is no reason to keep a worse model.
    let has_champion = others.iter().any(|other| other.name == CHAMPION);
    let rivals = others.iter().filter(|other| !has_champion || other.name == CHAMPION);
    // A NaN beats nobody.
    let unbeaten: Vec<String> = rivals
        .filter(|other| challenger.mae.partial_cmp(&other.mae) != Some(Ordering::Less))
        .map(|other| format!("{} with {:.2}", other.name, other.mae))
        .collect();
    if unbeaten.is_empty() {
        return Verdict::Promote;
    }
    let reason = format!("a mean error of {:.2} {unit} does not beat {}", challenger.mae, unbeaten.join(", "));
    Verdict::Reject { reason }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}

#[cfg(test)]
mod tests;
