//! The candidates of a forecast behind one interface: fitting gives members, and only a member forecasts.

use serde::{Deserialize, Serialize};

use super::baseline::{moved_week, repeated_days};
use super::error::{FitError, PredictError};
use super::inputs::Inputs;
use super::ridge::{Fitting, Ridge, newest_month};
use crate::series::Definition;
use crate::time::{Cadence, Timestamp};

/// A way of forecasting that a model may be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Candidate {
    /// The last day, repeated: the seasonal naive forecast of the day.
    PreviousDay,
    /// The last week, repeated: the seasonal naive forecast of the week.
    PreviousWeek,
    /// The last day's level with the usual shape of the week, the mean of the last four.
    UsualWeek,
    /// A ridge regression for each step of the horizon, on lags and calendar.
    Ridge,
    /// A ridge regression of the next step, from which the horizon follows step by step.
    Recursive,
    /// As `ridge`, with the past of the covariates.
    RidgeCovariates,
}

/// A fitted candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Member {
    /// See [`Candidate::PreviousDay`].
    PreviousDay(Repeat),
    /// See [`Candidate::PreviousWeek`].
    PreviousWeek(Repeat),
    /// See [`Candidate::UsualWeek`].
    UsualWeek(Repeat),
    /// See [`Candidate::Ridge`].
    Ridge(Ridge),
    /// See [`Candidate::Recursive`].
    Recursive(Recursive),
    /// See [`Candidate::RidgeCovariates`].
    RidgeCovariates(Ridge),
}

/// What a forecast that is fitted to nothing has to know.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repeat {
    cadence: Cadence,
    steps: usize,
}

/// A model of the next step, and how often it is applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recursive {
    next: Ridge,
    steps: usize,
}

impl Candidate {
    /// Every candidate.
    pub const ALL: [Self; 6] =
        [Self::PreviousDay, Self::PreviousWeek, Self::UsualWeek, Self::Ridge, Self::Recursive, Self::RidgeCovariates];

    /// Its name in definitions and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreviousDay => "previous_day",
            Self::PreviousWeek => "previous_week",
            Self::UsualWeek => "usual_week",
            Self::Ridge => "ridge",
            Self::Recursive => "recursive",
            Self::RidgeCovariates => "ridge_covariates",
        }
    }

    /// Whether it can forecast at a cadence: step by step through quarter hours, errors grow faster than they are learnt.
    pub fn fits(self, cadence: Cadence) -> bool {
        self != Self::Recursive || cadence != Cadence::QuarterHour
    }

    /// The members that it gives at each cut, fitted on nothing at or after it.
    ///
    /// # Errors
    /// Where the history or a covariate cannot carry it.
    pub(super) fn fit(
        self,
        definition: &Definition,
        inputs: &Inputs,
        own: &Fitting<'_>,
        cuts: &[Timestamp],
    ) -> Result<Vec<Member>, FitError> {
        let steps = definition.horizon_steps();
        let repeat = Repeat { cadence: definition.cadence, steps };
        let each = |member: Member| Ok(vec![member; cuts.len()]);
        match self {
            Self::PreviousDay => each(Member::PreviousDay(repeat)),
            Self::PreviousWeek => each(Member::PreviousWeek(repeat)),
            Self::UsualWeek => each(Member::UsualWeek(repeat)),
            Self::Ridge => Ok(own.direct()?.into_iter().map(Member::Ridge).collect()),
            Self::Recursive => {
                let members = own.one_step()?.into_iter().map(|next| Member::Recursive(Recursive { next, steps }));
                Ok(members.collect())
            }
            Self::RidgeCovariates => {
                let names: Vec<&str> = inputs.covariates.iter().map(|covariate| covariate.name.as_str()).collect();
                let fitting = Fitting::new(definition, inputs, &names, cuts)?;
                Ok(fitting.direct()?.into_iter().map(Member::RidgeCovariates).collect())
            }
        }
    }
}

impl Member {
    /// The candidate that it was fitted as.
    pub fn candidate(&self) -> Candidate {
        match self {
            Self::PreviousDay(_) => Candidate::PreviousDay,
            Self::PreviousWeek(_) => Candidate::PreviousWeek,
            Self::UsualWeek(_) => Candidate::UsualWeek,
            Self::Ridge(_) => Candidate::Ridge,
            Self::Recursive(_) => Candidate::Recursive,
            Self::RidgeCovariates(_) => Candidate::RidgeCovariates,
        }
    }

    /// Steps that it forecasts.
    pub(super) fn steps(&self) -> usize {
        match self {
            Self::PreviousDay(repeat) | Self::PreviousWeek(repeat) | Self::UsualWeek(repeat) => repeat.steps,
            Self::Ridge(ridge) | Self::RidgeCovariates(ridge) => ridge.horizon_steps(),
            Self::Recursive(recursive) => recursive.steps,
        }
    }

    /// Forecasts the steps from `origin` on, from nothing at or after it.
    ///
    /// # Errors
    /// Where the newest weeks cannot be forecast from, or a covariate is missing.
    pub fn predict(&self, inputs: &Inputs, origin: Timestamp) -> Result<Vec<f64>, PredictError> {
        match self {
            Self::PreviousDay(repeat) => repeat.days(inputs, origin, 1),
            Self::PreviousWeek(repeat) => repeat.days(inputs, origin, 7),
            Self::UsualWeek(repeat) => {
                let month = newest_month(&inputs.own, repeat.cadence, origin)?;
                Ok(moved_week(&month, repeat.cadence, repeat.steps, 1.0))
            }
            Self::Ridge(ridge) | Self::RidgeCovariates(ridge) => ridge.predict(inputs, origin),
            Self::Recursive(recursive) => recursive.next.predict_recursively(inputs, origin, recursive.steps),
        }
    }
}

impl Repeat {
    fn days(self, inputs: &Inputs, origin: Timestamp, days: usize) -> Result<Vec<f64>, PredictError> {
        let month = newest_month(&inputs.own, self.cadence, origin)?;
        Ok(repeated_days(&month, self.cadence, self.steps, days))
    }
}
