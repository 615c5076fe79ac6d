//! The candidates of a forecast behind one interface: fitting gives members, and only a member forecasts.

use serde::{Deserialize, Serialize};

use super::baseline::{mean, moved_week, repeated_days};
use super::decomposition::Decomposition;
use super::error::{FitError, PredictError};
use super::explain::{Input, Terms};
use super::inputs::Inputs;
use super::memory::{self, Memory};
use super::ridge::{Fitting, Pooled, Ridge, With, newest_month};
use super::trees::Trees;
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
    /// As `ridge`, with the weather forecasts.
    RidgeWeather,
    /// As `ridge`, with the past of the covariates and the weather forecasts.
    RidgeAll,
    /// The newest weeks taken apart into seasons, repeated, and a level that returns to where it usually
    /// stands.
    Decomposition,
    /// Gradient-boosted regression trees, one model for all steps.
    BoostedTrees,
    /// A ridge regression for each day of the horizon, pooled over its steps.
    Pooled,
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
    /// See [`Candidate::RidgeWeather`].
    RidgeWeather(Ridge),
    /// See [`Candidate::RidgeAll`].
    RidgeAll(Ridge),
    /// See [`Candidate::Decomposition`].
    Decomposition(Decomposition),
    /// See [`Candidate::BoostedTrees`].
    BoostedTrees(Trees),
    /// See [`Candidate::Pooled`].
    Pooled(Pooled),
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
    pub const ALL: [Self; 11] = [
        Self::PreviousDay,
        Self::PreviousWeek,
        Self::UsualWeek,
        Self::Ridge,
        Self::Recursive,
        Self::RidgeCovariates,
        Self::RidgeWeather,
        Self::RidgeAll,
        Self::Decomposition,
        Self::BoostedTrees,
        Self::Pooled,
    ];

    /// Its name in definitions and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreviousDay => "previous_day",
            Self::PreviousWeek => "previous_week",
            Self::UsualWeek => "usual_week",
            Self::Ridge => "ridge",
            Self::Recursive => "recursive",
            Self::RidgeCovariates => "ridge_covariates",
            Self::RidgeWeather => "ridge_weather",
            Self::RidgeAll => "ridge_all",
            Self::Decomposition => "decomposition",
            Self::BoostedTrees => "boosted_trees",
            Self::Pooled => "pooled",
        }
    }

    /// Whether it can forecast at a cadence: a recursive model is learnt from every hour, and a weather forecast tells
    /// hours.
    pub fn fits(self, cadence: Cadence) -> bool {
        match self {
            Self::Recursive => cadence != Cadence::QuarterHour,
            Self::RidgeWeather | Self::RidgeAll => cadence != Cadence::Day,
            Self::PreviousDay | Self::PreviousWeek | Self::UsualWeek | Self::Decomposition => true,
            Self::Ridge | Self::RidgeCovariates | Self::BoostedTrees | Self::Pooled => true,
        }
    }

    /// What a model of these inputs is made of: what the definition names, or else the regressions that the inputs
    /// allow and the decomposition: what had the least error on Italy's 2021 and 2022.
    pub(super) fn chosen(definition: &Definition, inputs: &Inputs) -> Vec<Self> {
        if !definition.forecast.candidates.is_empty() {
            return definition.forecast.candidates.clone();
        }
        let (covariates, weather) = (!inputs.covariates.is_empty(), inputs.weather.is_some());
        let with = [
            covariates.then_some(Self::RidgeCovariates),
            weather.then_some(Self::RidgeWeather),
            (covariates && weather).then_some(Self::RidgeAll),
        ];
        let usual = [Self::Ridge, Self::Recursive, Self::Decomposition];
        let all = usual.into_iter().chain(with.into_iter().flatten());
        all.filter(|candidate| candidate.fits(definition.cadence)).collect()
    }

    /// Whether it looks at more than the series itself.
    pub fn sees_others(self) -> bool {
        matches!(self, Self::RidgeCovariates | Self::RidgeWeather | Self::RidgeAll)
    }

    /// Whether it looks at covariates.
    pub(super) fn sees_covariates(self) -> bool {
        matches!(self, Self::RidgeCovariates | Self::RidgeAll)
    }

    /// Whether it looks at weather forecasts.
    pub(crate) fn sees_weather(self) -> bool {
        matches!(self, Self::RidgeWeather | Self::RidgeAll)
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
        let memories =
            Memory::competing(definition, &inputs.own, cuts.first().copied().unwrap_or_else(|| inputs.end()));
        let direct = |fitting: &Fitting<'_>| -> Result<Vec<Ridge>, FitError> {
            Ok(memory::choose(fitting.direct(&memories)?, cuts, inputs))
        };
        if matches!(self, Self::RidgeCovariates | Self::RidgeAll) && inputs.covariates.is_empty() {
            return Err(FitError::NoCovariate { candidate: self.name() });
        }
        match self {
            Self::PreviousDay => each(Member::PreviousDay(repeat)),
            Self::PreviousWeek => each(Member::PreviousWeek(repeat)),
            Self::UsualWeek => each(Member::UsualWeek(repeat)),
            Self::Decomposition => each(Member::Decomposition(Decomposition::new(definition.cadence, steps))),
            Self::Pooled => Ok(own.pooled()?.into_iter().map(Member::Pooled).collect()),
            Self::BoostedTrees => {
                Ok(Trees::fit(definition, inputs, cuts)?.into_iter().map(Member::BoostedTrees).collect())
            }
            Self::Ridge => Ok(direct(own)?.into_iter().map(Member::Ridge).collect()),
            Self::Recursive => {
                let members = own.one_step()?.into_iter().map(|next| Member::Recursive(Recursive { next, steps }));
                Ok(members.collect())
            }
            Self::RidgeCovariates => {
                let fitting = Fitting::new(definition, inputs, With { covariates: true, weather: false }, cuts)?;
                Ok(direct(&fitting)?.into_iter().map(Member::RidgeCovariates).collect())
            }
            Self::RidgeWeather => {
                let fitting = Fitting::new(definition, inputs, With { covariates: false, weather: true }, cuts)?;
                Ok(direct(&fitting)?.into_iter().map(Member::RidgeWeather).collect())
            }
            Self::RidgeAll => {
                let fitting = Fitting::new(definition, inputs, With { covariates: true, weather: true }, cuts)?;
                Ok(direct(&fitting)?.into_iter().map(Member::RidgeAll).collect())
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
            Self::RidgeWeather(_) => Candidate::RidgeWeather,
            Self::RidgeAll(_) => Candidate::RidgeAll,
            Self::Decomposition(_) => Candidate::Decomposition,
            Self::BoostedTrees(_) => Candidate::BoostedTrees,
            Self::Pooled(_) => Candidate::Pooled,
        }
    }

    /// What each day of the horizon was learnt from; empty where a member is not learnt by days.
    pub(super) fn memories(&self) -> &[Memory] {
        match self {
            Self::Ridge(ridge) | Self::RidgeCovariates(ridge) | Self::RidgeWeather(ridge) | Self::RidgeAll(ridge) => {
                ridge.memories()
            }
            Self::PreviousDay(_) | Self::PreviousWeek(_) | Self::UsualWeek(_) | Self::Recursive(_) => &[],
            Self::Decomposition(_) | Self::BoostedTrees(_) | Self::Pooled(_) => &[],
        }
    }

    /// Steps that it forecasts.
    pub(super) fn steps(&self) -> usize {
        match self {
            Self::PreviousDay(repeat) | Self::PreviousWeek(repeat) | Self::UsualWeek(repeat) => repeat.steps,
            Self::Ridge(ridge) | Self::RidgeCovariates(ridge) | Self::RidgeWeather(ridge) | Self::RidgeAll(ridge) => {
                ridge.horizon_steps()
            }
            Self::Recursive(recursive) => recursive.steps,
            Self::Decomposition(decomposition) => decomposition.steps(),
            Self::BoostedTrees(trees) => trees.steps(),
            Self::Pooled(pooled) => pooled.steps(),
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
            Self::Ridge(ridge) | Self::RidgeCovariates(ridge) | Self::RidgeWeather(ridge) | Self::RidgeAll(ridge) => {
                ridge.predict(inputs, origin)
            }
            Self::Recursive(recursive) => recursive.next.predict_recursively(inputs, origin, recursive.steps),
            Self::Decomposition(decomposition) => decomposition.predict(inputs, origin),
            Self::BoostedTrees(trees) => trees.predict(inputs, origin),
            Self::Pooled(pooled) => pooled.predict(inputs, origin),
        }
    }
}

impl Member {
    /// The parts of the forecast of every step, beside the mean of the last four weeks.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub(super) fn explain(&self, inputs: &Inputs, origin: Timestamp) -> Result<Vec<Terms>, PredictError> {
        match self {
            Self::PreviousDay(repeat) => repeat.explain_days(inputs, origin, 1, &Input::LastDay),
            Self::PreviousWeek(repeat) => repeat.explain_days(inputs, origin, 7, &Input::Earlier),
            Self::UsualWeek(repeat) => {
                let month = newest_month(&inputs.own, repeat.cadence, origin)?;
                let (base, level) = (mean(&month), moved_week(&month, repeat.cadence, 1, 0.0).into_iter().sum::<f64>());
                let explain = |value: f64| {
                    let mut parts = Terms::default();
                    parts.put(Input::Level, level - base);
                    parts.put(Input::UsualShape, value - level);
                    parts
                };
                Ok(moved_week(&month, repeat.cadence, repeat.steps, 1.0).into_iter().map(explain).collect())
            }
            Self::Ridge(ridge) | Self::RidgeCovariates(ridge) | Self::RidgeWeather(ridge) | Self::RidgeAll(ridge) => {
                ridge.explain(inputs, origin)
            }
            Self::Recursive(recursive) => recursive.next.explain_recursively(inputs, origin, recursive.steps),
            Self::Decomposition(decomposition) => decomposition.explain(inputs, origin),
            Self::BoostedTrees(trees) => trees.explain(inputs, origin),
            Self::Pooled(pooled) => pooled.explain(inputs, origin),
        }
    }
}

impl Repeat {
    fn explain_days(
        self,
        inputs: &Inputs,
        origin: Timestamp,
        days: usize,
        input: &Input,
    ) -> Result<Vec<Terms>, PredictError> {
        let base = mean(&newest_month(&inputs.own, self.cadence, origin)?);
        let explain = |value: f64| {
            let mut parts = Terms::default();
            parts.put(input.clone(), value - base);
            parts
        };
        Ok(self.days(inputs, origin, days)?.into_iter().map(explain).collect())
    }

    fn days(self, inputs: &Inputs, origin: Timestamp, days: usize) -> Result<Vec<f64>, PredictError> {
        let month = newest_month(&inputs.own, self.cadence, origin)?;
        Ok(repeated_days(&month, self.cadence, self.steps, days))
    }
}
