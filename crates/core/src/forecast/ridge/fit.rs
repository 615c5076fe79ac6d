//! From histories to weights: one pass over the rows, solved at each of the cuts that are asked for.

use std::collections::BTreeMap;
use std::ops::Range;

use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;

use super::super::calendar::{self, Calendar, Describes};
use super::super::error::FitError;
use super::super::inputs::{Covariate, Inputs};
use super::super::lags::{self, covariate_lags};
use super::super::memory::{self, Memory};
use super::super::weather;
use super::design::{Design, Rows, Scale};
use super::normal::{Normal, Shared};
use super::solve::{solve, solve_fast};
use super::{Lagged, Ridge, SHAPE_SHARE, Weights};
use crate::history::History;
use crate::series::Definition;
use crate::time::{Cadence, DAY, Timestamp};

/// The rows of a history, ready to be fitted at several cuts: a model knows no hour at or after its cut.
pub(in super::super) struct Fitting<'a> {
    pub(super) recipe: Recipe<'a>,
    pub(super) design: Design<'a>,
    pub(super) cuts: Vec<Cut>,
    covariates: Vec<Lagged>,
    /// The first step after the last.
    end: Timestamp,
}

/// What a model looks at beside the series' own past.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct With {
    /// The past of the covariates.
    pub covariates: bool,
    /// The weather forecasts.
    pub weather: bool,
}

/// The end of the hours that a model is fitted on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    at: Timestamp,
    /// The first place whose target is not known.
    pub place: usize,
    /// Targets before it that were measured.
    pub seen: usize,
}

impl<'a> Fitting<'a> {
    /// The rows of a series with some of its inputs. The cuts rise, and the last is at most the end.
    ///
    /// # Errors
    /// Where the history is of another cadence, too short, constant or without a value, or a covariate is.
    pub fn new(
        definition: &'a Definition,
        inputs: &'a Inputs,
        with: With,
        cuts: &[Timestamp],
    ) -> Result<Self, FitError> {
        debug_assert!(cuts.is_sorted(), "cuts rise");
        let history = &inputs.own;
        check(definition, history)?;
        let first = cuts.first().copied().unwrap_or_else(|| history.end());
        let scale = scale(history, first)?;
        let calendar = Calendar::new(definition.zone(), history.cadence());
        let places: Vec<usize> = cuts.iter().map(|cut| history.between(history.start(), *cut).values().len()).collect();
        let rows = Rows {
            steps: definition.horizon_steps(),
            half_life_days: definition.forecast.half_life_days,
            cuts: &places,
        };
        let mut design = Design::new(history, &calendar, scale, rows);
        let mut seen = Vec::new();
        let covariates: &[Covariate] = if with.covariates { &inputs.covariates } else { &[] };
        for covariate in covariates {
            seen.push(design.add(history, covariate, first, &places)?);
        }
        if with.weather {
            let refused = FitError::Weather { problem: "is not there" };
            let weather = inputs.weather.as_ref().ok_or(refused)?;
            design.look_at(history, weather, calendar.wave_places(), first);
        }
        design.weigh();
        let weather = if with.weather { weather::FEATURES } else { 0 };
        let (describes, cadence) = (calendar.describes(), history.cadence());
        let recipe = Recipe { definition, scale, seen, weather, describes, cadence };
        let cut = |(at, place): (&Timestamp, &usize)| {
            let place = place.saturating_sub(design.first);
            Cut { at: *at, place, seen: design.seen(place) }
        };
        let cuts = cuts.iter().zip(&places).map(cut).collect();
        let lags = covariate_lags(history.cadence());
        let covariates =
            covariates.iter().map(|covariate| Lagged { name: covariate.name.clone(), lags: lags.clone() }).collect();
        Ok(Self { recipe, design, cuts, covariates, end: history.end() })
    }

    /// A model of every step of the horizon for each cut, by memory, the first of which is the rule; another that
    /// cannot be fitted is left out.
    ///
    /// # Errors
    /// Where gaps leave too few rows, or the equations have no solution.
    pub fn direct(&self, memories: &[Memory]) -> Result<Vec<Vec<Ridge>>, FitError> {
        let per_day = self.recipe.cadence.per_day();
        let blocks = if memories.len() > 1 { self.blocks() } else { self.spans().collect() };
        let sums: Vec<Shared<'_>> =
            blocks.iter().map(|block| Shared::over(&self.design, block.clone(), per_day)).collect();
        let steps = self.recipe.definition.horizon_steps();
        let at_step = |step: usize| {
            let blocks: Vec<(Range<usize>, Normal)> =
                blocks.iter().cloned().zip(sums.iter().map(|sum| sum.horizon(step))).collect();
            memories.iter().map(|memory| self.at_cuts(step, *memory, &blocks)).collect::<Vec<_>>()
        };
        let by_step: Vec<Vec<Result<Vec<Weights>, FitError>>> = (0..steps).into_par_iter().map(at_step).collect();
        let mut by_memory: Vec<Vec<Vec<Weights>>> = vec![Vec::new(); memories.len()];
        let mut refused = BTreeMap::new();
        for (place, weights) in by_step.into_iter().flat_map(|by_memory| by_memory.into_iter().enumerate()) {
            match weights {
                Ok(weights) => by_memory[place].push(weights),
                Err(why) => drop(refused.entry(place).or_insert(why)),
            }
        }
        // One that competes in vain, since its window is a gap, is out of the competition; the rule must hold.
        if let Some(why) = refused.remove(&0) {
            return Err(why);
        }
        let model = |by_step: &[Vec<Weights>], memory: Memory, (place, cut): (usize, &Cut)| {
            let weights = by_step.iter().map(|by_cut| by_cut[place].clone()).collect();
            let days = vec![memory; steps.div_ceil(per_day)];
            self.recipe.model(cut.at, &self.covariates, SHAPE_SHARE, (days, weights))
        };
        let fitted = memories.iter().zip(&by_memory).enumerate().filter(|(place, _)| !refused.contains_key(place));
        let of_memory = |(_, (memory, by_step)): (usize, (&Memory, &Vec<Vec<Weights>>))| {
            self.cuts.iter().enumerate().map(|cut| model(by_step, *memory, cut)).collect()
        };
        Ok(fitted.map(of_memory).collect())
    }

    /// The weights of one step at each cut, from the equations of blocks of rows that weigh as this memory has it.
    fn at_cuts(
        &self,
        step: usize,
        memory: Memory,
        blocks: &[(Range<usize>, Normal)],
    ) -> Result<Vec<Weights>, FitError> {
        let first = memory.since.map_or(0, |since| self.place(since));
        let mut known: Option<Normal> = None;
        let mut left = blocks.iter().peekable();
        let mut weights = Vec::new();
        for cut in &self.cuts {
            while let Some((block, normal)) = left.next_if(|(block, _)| block.end <= cut.place) {
                if block.start >= first {
                    // Rows weigh as the rule has it; within a block another memory differs by one factor.
                    let middle = self.age_days((block.start + block.end) / 2);
                    with(&mut known, normal, memory.beside(self.rule(), middle));
                }
            }
            let needed = self.recipe.needed_rows();
            let sum = known.as_ref().ok_or(FitError::TooFewRows { step, rows: 0, needed })?;
            let seen = cut.seen.saturating_sub(self.design.seen(first));
            let scale = memory.weight(self.age_days(cut.place));
            weights.push(self.recipe.weights(step, sum, seen, scale, Solver::Fast)?);
        }
        Ok(weights)
    }

    /// The spans between cuts, the first of which is parted so that memories can weigh its parts: as many parts as a
    /// window has, and before them each as long as all that follow, so that decades are a few.
    fn blocks(&self) -> Vec<Range<usize>> {
        let per_day = self.recipe.cadence.per_day();
        let mut spans = self.spans();
        let Range { start, end: first_cut } = spans.next().unwrap_or_default();
        let mut blocks = Vec::new();
        let mut end = first_cut;
        while end > start {
            let parted = blocks.len() as i64;
            let days = if parted < memory::WINDOW_BLOCKS {
                memory::BLOCK_DAYS
            } else {
                (first_cut - end) as i64 / per_day as i64
            };
            let begin = end.saturating_sub(days as usize * per_day).max(start);
            blocks.push(begin..end);
            end = begin;
        }
        blocks.reverse();
        blocks.extend(spans);
        blocks
    }

    /// The memory that the rows' weights are of.
    fn rule(&self) -> Memory {
        Memory { half_life_days: self.recipe.definition.forecast.half_life_days, since: None }
    }

    /// The place of a time, 0 where it lies before the first origin.
    fn place(&self, time: Timestamp) -> usize {
        let steps = (self.end.since(time) / self.recipe.cadence.seconds()).max(0) as usize;
        self.design.weighing.end.saturating_sub(steps)
    }

    fn age_days(&self, place: usize) -> f64 {
        (self.design.weighing.end - place) as f64 / self.recipe.cadence.per_day() as f64
    }

    /// A model of the first step for each cut, in which origins of every time of day count alike. It starts from the
    /// last day's level alone: a share of weeks-old shape that is in the guess at every step would pile up along the
    /// horizon.
    ///
    /// # Errors
    /// As [`Self::direct`].
    pub fn one_step(&self) -> Result<Vec<Ridge>, FitError> {
        let mut known: Option<Normal> = None;
        let mut models = Vec::new();
        for (span, cut) in self.spans().zip(&self.cuts) {
            let sum = with(&mut known, &Normal::of_first_step(&self.design, span), 1.0);
            let scale = self.design.weighing.age(cut.place);
            let weights = self.recipe.weights(0, sum, cut.seen, scale, Solver::Linfa)?;
            models.push(self.recipe.model(cut.at, &self.covariates, 0.0, (Vec::new(), vec![weights])));
        }
        Ok(models)
    }

    /// The places from each cut to the next.
    pub(super) fn spans(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let starts = std::iter::once(0).chain(self.cuts.iter().map(|cut| cut.place));
        starts.zip(self.cuts.iter().map(|cut| cut.place)).map(|(from, until)| from..until)
    }
}

/// The equations known so far with those of more rows, times a factor.
pub(super) fn with<'a>(known: &'a mut Option<Normal>, more: &Normal, factor: f64) -> &'a Normal {
    let known = known.get_or_insert_with(|| Normal::none(more.moments.len()));
    known.add(more, factor);
    known
}

/// Who solves the equations: the answers are the same.
#[derive(Clone, Copy, Debug)]
enum Solver {
    Linfa,
    Fast,
}

fn check(definition: &Definition, history: &History) -> Result<(), FitError> {
    if history.cadence() != definition.cadence {
        return Err(FitError::Cadence { definition: definition.cadence, history: history.cadence() });
    }
    let (days, needed) = (history.measured_days(), definition.forecast.history_days);
    if days < needed {
        return Err(FitError::TooShort { days, needed });
    }
    Ok(())
}

/// The scale of the values before `cut`: what comes later must not shape the model that is evaluated on it.
pub(super) fn scale(history: &History, cut: Timestamp) -> Result<Scale, FitError> {
    let known = history.before(cut);
    let scale = Scale::of(known.values()).ok_or(FitError::Unmeasured { cut })?;
    if !scale.varies() {
        return Err(FitError::Constant { value: scale.mean.to_string() });
    }
    Ok(scale)
}

/// How normal equations become weights.
pub(super) struct Recipe<'a> {
    pub definition: &'a Definition,
    pub scale: Scale,
    /// The scales of the covariates.
    pub seen: Vec<Scale>,
    /// The number of weather features.
    pub weather: usize,
    pub describes: Vec<Describes>,
    pub cadence: Cadence,
}

impl Recipe<'_> {
    /// The weights of one horizon step, in the series' unit, from rows with that many measured targets among them. The
    /// rows weigh less by a factor than in a history that ends with them, and so does what stands against them.
    fn weights(
        &self,
        step: usize,
        normal: &Normal,
        targets: usize,
        factor: f64,
        solver: Solver,
    ) -> Result<Weights, FitError> {
        let needed = self.needed_rows();
        if normal.rows < needed {
            return Err(FitError::TooFewRows { step, rows: normal.rows, needed });
        }
        let lags = normal.gram.nrows() - self.describes.len() - self.weather;
        let mut gram = normal.gram.clone();
        // The diagonal of the feature that is always 1 is the weight of all rows.
        let caution = self.caution(gram[[lags, lags]], targets);
        hold_level(&mut gram, lags::lags(self.cadence).len(), caution);
        let penalty = self.penalty(lags, targets, factor, caution);
        let solved = match solver {
            Solver::Linfa => solve(gram, normal.moments.clone(), &penalty),
            Solver::Fast => solve_fast(gram, &normal.moments, &penalty),
        };
        let mut lag_weights = solved.map_err(|source| FitError::Solve { step, source })?.to_vec();
        let mut calendar = lag_weights.split_off(lags);
        let weather = calendar.split_off(self.describes.len());
        Ok(self.in_unit(Weights { lags: lag_weights, calendar, weather }))
    }

    /// The fewest rows that a step is learnt from.
    fn needed_rows(&self) -> usize {
        2 * self.cadence.per_day()
    }

    /// How many rows' weight stands against what less than a year cannot show: nothing once it is a year.
    ///
    /// Within a year nobody can tell a season from a trend, nor whether a level returns to the mean: a model that is
    /// left to learn it from a winter expects winter's level in May.
    pub(super) fn caution(&self, weight: f64, targets: usize) -> f64 {
        weight * (self.scarcity(targets).powi(2) - 1.0)
    }

    /// A year over what was measured, at least 1: years in which nothing was measured teach no season.
    pub(super) fn scarcity(&self, targets: usize) -> f64 {
        let years = targets as f64 * self.cadence.seconds() as f64 / (365.25 * DAY as f64);
        1.0 / years.clamp(1e-3, 1.0)
    }

    /// The penalty on each weight: the less history, the stronger, and strongest on the season.
    fn penalty(&self, lags: usize, targets: usize, factor: f64, caution: f64) -> Array1<f64> {
        let penalty = factor * self.definition.forecast.penalty * self.scarcity(targets);
        let of_calendar = self.describes.iter().map(|describes| match describes {
            Describes::Level => 0.0,
            Describes::Week => penalty,
            Describes::Season => penalty + caution,
        });
        let of_weather = std::iter::repeat_n(penalty, self.weather);
        std::iter::repeat_n(penalty, lags).chain(of_calendar).chain(of_weather).collect()
    }

    /// Turns weights on scaled values into weights on the values themselves; the locations go into the intercept.
    fn in_unit(&self, weights: Weights) -> Weights {
        let Weights { mut lags, mut calendar, mut weather } = weights;
        calendar.iter_mut().chain(&mut weather).for_each(|weight| *weight *= self.scale.deviation);
        let (own, others) = lags.split_at_mut(lags::lags(self.cadence).len());
        let mut location = self.scale.mean * own.iter().sum::<f64>();
        let each = covariate_lags(self.cadence).len();
        for (weights, scale) in others.chunks_mut(each).zip(&self.seen) {
            weights.iter_mut().for_each(|weight| *weight *= self.scale.deviation / scale.deviation);
            location += scale.mean * weights.iter().sum::<f64>();
        }
        if let Some(intercept) = calendar.first_mut() {
            *intercept -= location;
        }
        Weights { lags, calendar, weather }
    }

    fn model(
        &self,
        trained_until: Timestamp,
        covariates: &[Lagged],
        shape_share: f64,
        (memories, steps): (Vec<Memory>, Vec<Weights>),
    ) -> Ridge {
        Ridge {
            cadence: self.cadence,
            time_zone: self.definition.time_zone.clone(),
            minimum: self.definition.contract.minimum,
            maximum: self.definition.contract.maximum,
            trained_until,
            calendar_features: calendar::FEATURES,
            shape_share,
            lags: lags::lags(self.cadence),
            covariates: covariates.to_vec(),
            weather_features: (self.weather > 0).then_some(weather::VERSION),
            memories,
            steps,
        }
    }
}

/// Adds rows of this weight whose lags are all off the mean by the same and that leave nothing to explain: they say
/// that a level stays where it is.
fn hold_level(gram: &mut Array2<f64>, lags: usize, weight: f64) {
    let mut own = gram.slice_axis_mut(Axis(0), (..lags).into());
    own.slice_axis_mut(Axis(1), (..lags).into()).mapv_inplace(|value| value + weight);
}
