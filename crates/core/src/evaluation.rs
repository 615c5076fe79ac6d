//! The contest before a promotion: challenger, champion and naive forecasts on the same held-out hours.
//!
//! Held out means from all of them: only hours that neither model was fitted on count. So hand in the champion's
//! candidate fit, not its serving one: both models are then as old against their own training as in service, and the
//! longest stretch is held out from both.

mod comparison;
mod predictions;
mod verdict;

use serde::{Deserialize, Serialize};

pub use self::comparison::{Compared, Season, Slice, Told};
pub use self::predictions::{Contender, Predictions};
pub use self::verdict::Verdict;

use self::predictions::Row;
use crate::forecast::baseline::BASELINES;
use crate::forecast::{Ensemble, Inputs, Made, PredictError};
use crate::series::{Definition, SeriesId};
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
    /// How the challenger stands to the champion on all hours and on parts of them; nothing where nothing serves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compared: Vec<Compared>,
    /// What follows.
    pub verdict: Verdict,
}

/// A contest with the forecasts it was decided on.
#[derive(Clone, Debug, PartialEq)]
pub struct Contest {
    /// The figures and the verdict.
    pub evaluation: Evaluation,
    /// Every forecast that was scored.
    pub predictions: Predictions,
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
/// every six hours and with whole horizons, and decides on the mean absolute error: over all of them, and whether it is
/// clearly larger on a day of the horizon or a part of the calendar.
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
    let compared = champion.map(|_| comparison::compare(definition, &predictions)).unwrap_or_default();
    let verdict = verdict::verdict(&contenders, &compared, &definition.unit);
    let evaluation = Evaluation {
        series: definition.id.clone(),
        from,
        until,
        origins: origins as u64,
        hours: predictions.rows.len() as u64,
        contenders,
        compared,
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

#[cfg(test)]
mod tests;
