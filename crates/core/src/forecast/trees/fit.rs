//! From a history to trees: a row for some steps of one origin a day, and one run of boosting for each cut.

use forust_ml::objective::ObjectiveType;
use forust_ml::sampler::SampleMethod;
use forust_ml::{GradientBooster, Matrix};
use rayon::prelude::*;

use super::super::calendar::Calendar;
use super::super::error::{FitError, ModelError};
use super::super::inputs::Inputs;
use super::super::ridge::newest_month;
use super::features::{INPUTS, SEASON, Seen, VERSION};
use super::{Node, Split, Tree, Trees};
use crate::history::History;
use crate::series::Definition;
use crate::time::{DAY, Timestamp};

/// The newest origins that are learnt from: four years.
const MOST_ORIGINS: usize = 1_461;
/// Rows that an origin has for each day of its horizon, where the cadence allows: neighbouring steps tell the same.
const ROWS_A_DAY: usize = 8;
/// The fewest rows that trees are grown on, twice what a leaf has to hold.
const FEWEST_ROWS: usize = 2 * LEAF_ROWS;
const LEAF_ROWS: usize = 20;
/// The fewest days that a season is learnt from.
const SEASON_DAYS: i64 = 365;

/// One step of the past as it would have been seen then.
struct Row {
    /// The end of its step: from then on it is known.
    known: Timestamp,
    features: Vec<f64>,
    /// The value less the level.
    left: f64,
}

impl Trees {
    /// Trees for each cut, grown on nothing at or after it. Origins stand at the time of day at which the history ends.
    ///
    /// # Errors
    /// Where there are too few rows, or the values are too large for the trees' arithmetic.
    pub(in super::super) fn fit(
        definition: &Definition,
        inputs: &Inputs,
        cuts: &[Timestamp],
    ) -> Result<Vec<Self>, FitError> {
        let rows = rows(definition, &inputs.own);
        // Each run of boosting has a thread of its own: the trees do not depend on how many there are.
        cuts.par_iter().map(|cut| grow(definition, &rows, *cut)).collect()
    }
}

fn rows(definition: &Definition, history: &History) -> Vec<Row> {
    let (cadence, steps) = (definition.cadence, definition.horizon_steps());
    let calendar = Calendar::new(definition.zone(), cadence);
    let stride = (cadence.per_day() / ROWS_A_DAY).max(1);
    let rows_of = |day: usize| {
        let origin = history.end().plus(-(day as i64 + 1) * DAY);
        // With the newest value measured, every gap was closed before the origin, as a forecast would have seen it.
        let is_measured = history.at(origin.plus(-cadence.seconds())).is_some();
        let Some(month) = newest_month(history, cadence, origin).ok().filter(|_| is_measured) else {
            return Vec::new();
        };
        let seen = Seen::new(month, cadence);
        // Which steps it has differs from day to day, so that all have their turn.
        let row = |step: usize| {
            let target = origin.plus(step as i64 * cadence.seconds());
            let left = history.at(target)? - seen.level();
            Some(Row { known: target.plus(cadence.seconds()), features: seen.features(&calendar, origin, step), left })
        };
        (day % stride..steps).step_by(stride).filter_map(row).collect()
    };
    let days = (history.end().since(history.start()) / DAY).unsigned_abs() as usize;
    let by_origin: Vec<Vec<Row>> = (0..days.min(MOST_ORIGINS)).into_par_iter().rev().map(rows_of).collect();
    by_origin.into_iter().flatten().collect()
}

fn grow(definition: &Definition, rows: &[Row], cut: Timestamp) -> Result<Trees, FitError> {
    let rows: Vec<&Row> = rows.iter().filter(|row| row.known <= cut).collect();
    if rows.len() < FEWEST_ROWS {
        return Err(FitError::TooFewRows { step: 0, rows: rows.len(), needed: FEWEST_ROWS });
    }
    let asked = asked(&rows, cut);
    let values: Vec<f64> = asked.iter().flat_map(|feature| rows.iter().map(|row| row.features[*feature])).collect();
    let left: Vec<f64> = rows.iter().map(|row| row.left).collect();
    let half_life = definition.forecast.half_life_days * DAY as f64;
    let weights: Vec<f64> = rows.iter().map(|row| 0.5_f64.powf(cut.since(row.known) as f64 / half_life)).collect();
    let mut booster = booster();
    booster.fit(&Matrix::new(&values, rows.len(), asked.len()), &left, &weights, None)?;
    let copy = |tree: &forust_ml::tree::Tree| -> Result<Tree, ModelError> {
        let nodes = tree.nodes.iter().map(|node| Node {
            value: node.weight_value,
            split: (!node.is_leaf).then(|| Split {
                feature: asked[node.split_feature],
                below: node.split_value,
                left: node.left_child,
                right: node.right_child,
            }),
        });
        Tree::try_from(nodes.collect::<Vec<Node>>())
    };
    let trees = booster.trees.iter().map(copy).collect::<Result<_, _>>().map_err(FitError::Grown)?;
    Ok(Trees {
        cadence: definition.cadence,
        steps: definition.horizon_steps(),
        time_zone: definition.time_zone.clone(),
        tree_features: VERSION,
        start: booster.base_score,
        trees,
    })
}

/// The features that may be asked for: those that vary, and the season where a whole one is known.
fn asked(rows: &[&Row], cut: Timestamp) -> Vec<usize> {
    let has_season = rows.first().is_some_and(|row| cut.since(row.known) >= SEASON_DAYS * DAY);
    let varies = |feature: &usize| rows.windows(2).any(|pair| pair[0].features[*feature] != pair[1].features[*feature]);
    (0..INPUTS.len()).filter(|feature| *feature != SEASON || has_season).filter(varies).collect()
}

/// Settings chosen on Italy's 2021 and 2022; half or double of each changes little. The seed is fixed.
fn booster() -> GradientBooster {
    GradientBooster::default()
        .set_objective_type(ObjectiveType::SquaredLoss)
        .set_iterations(100)
        .set_learning_rate(0.1)
        .set_max_depth(5)
        .set_l2(100.0)
        .set_min_leaf_weight(LEAF_ROWS as f32)
        .set_nbins(64)
        .set_colsample_bytree(0.5)
        .set_sample_method(SampleMethod::Random)
        .set_subsample(0.5)
        .set_seed(1)
        .set_parallel(false)
}
