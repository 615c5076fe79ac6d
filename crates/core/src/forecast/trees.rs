//! Gradient-boosted regression trees (Friedman 2001): one model for all steps, the step being one of its features.
//!
//! Trees cannot forecast a value that they have not seen, so what they learn is free of the level: how far a value lies
//! from the mean of the day before the origin. The trees are grown by forust and copied out of it: what is stored is
//! checked when it is read, and a step down a tree always leads to a later node.

mod features;
mod fit;

use serde::{Deserialize, Serialize};

use self::features::{INPUTS, Seen, VERSION};
use super::baseline::mean;
use super::calendar::Calendar;
use super::error::{ModelError, PredictError};
use super::explain::{Input, Terms};
use super::inputs::Inputs;
use super::ridge::newest_month;
use crate::time::{Cadence, Timestamp};

/// Fitted trees, their values in the series' own unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Trees {
    cadence: Cadence,
    steps: usize,
    time_zone: String,
    /// Which features the trees ask for.
    tree_features: u32,
    /// What is added to the level before any tree is asked.
    start: f64,
    trees: Vec<Tree>,
}

#[derive(Deserialize)]
struct Parts {
    cadence: Cadence,
    steps: usize,
    time_zone: String,
    tree_features: u32,
    start: f64,
    trees: Vec<Tree>,
}

/// A tree; the first node is its root.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Node>")]
struct Tree(Vec<Node>);

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Node {
    /// What the tree would add if it ended here.
    value: f32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    split: Option<Split>,
}

/// Where the way goes on: to the left where a feature lies below a value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Split {
    feature: usize,
    below: f64,
    left: usize,
    right: usize,
}

impl Trees {
    /// Steps that they forecast.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// Forecasts the steps from `origin` on, from the four weeks before it.
    ///
    /// # Errors
    /// Where the newest weeks are not there, too old or too thin, or the history has another cadence.
    pub(super) fn predict(&self, inputs: &Inputs, origin: Timestamp) -> Result<Vec<f64>, PredictError> {
        let seen = self.seen(inputs, origin)?;
        let calendar = self.calendar();
        let forecast = |step: usize| {
            let features = seen.features(&calendar, origin, step);
            let added: f64 = self.trees.iter().map(|tree| tree.value(&features)).sum();
            let value = seen.level() + self.start + added;
            if value.is_finite() { Ok(value) } else { Err(PredictError::NotFinite { origin, step }) }
        };
        (0..self.steps).map(forecast).collect()
    }

    /// The parts of the forecast of every step, beside the mean of the last four weeks: each step down a tree adds the
    /// difference of its two nodes to the input that it asked for, as Saabas 2014 does for forests. What the roots add
    /// is what the model adds always.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub(super) fn explain(&self, inputs: &Inputs, origin: Timestamp) -> Result<Vec<Terms>, PredictError> {
        let seen = self.seen(inputs, origin)?;
        let calendar = self.calendar();
        let explain = |step: usize| {
            let features = seen.features(&calendar, origin, step);
            let mut parts = Terms::default();
            parts.put(Input::Level, seen.level() - mean(seen.month()));
            parts.put(Input::DayAndWeek, self.start);
            self.trees.iter().for_each(|tree| tree.explain(&features, &mut parts));
            parts
        };
        Ok((0..self.steps).map(explain).collect())
    }

    fn seen(&self, inputs: &Inputs, origin: Timestamp) -> Result<Seen, PredictError> {
        Ok(Seen::new(newest_month(&inputs.own, self.cadence, origin)?, self.cadence))
    }

    fn calendar(&self) -> Calendar {
        Calendar::of_model(&self.time_zone, self.cadence)
    }
}

impl Tree {
    fn value(&self, features: &[f64]) -> f64 {
        self.way(features).last().map_or(0.0, |(node, _)| f64::from(node.value))
    }

    fn explain(&self, features: &[f64], parts: &mut Terms) {
        let mut before = 0.0;
        for (node, asked) in self.way(features) {
            let value = f64::from(node.value);
            parts.put(asked.map_or(Input::DayAndWeek, |feature| INPUTS[feature].clone()), value - before);
            before = value;
        }
    }

    /// The nodes from the root to a leaf, each with the feature that led to it.
    fn way<'a>(&'a self, features: &'a [f64]) -> impl Iterator<Item = (Node, Option<usize>)> + 'a {
        let root = self.0.first().map(|root| (*root, None));
        std::iter::successors(root, |(node, _)| {
            let Split { feature, below, left, right } = node.split?;
            let next = if features[feature] < below { left } else { right };
            Some((self.0[next], Some(feature)))
        })
    }
}

impl TryFrom<Vec<Node>> for Tree {
    type Error = ModelError;

    fn try_from(nodes: Vec<Node>) -> Result<Self, ModelError> {
        let leads_on = |(place, node): (usize, &Node)| {
            let later = place + 1..nodes.len();
            let splits = |split: Split| {
                let Split { feature, below, left, right } = split;
                feature < INPUTS.len() && below.is_finite() && later.contains(&left) && later.contains(&right)
            };
            node.value.is_finite() && node.split.is_none_or(splits)
        };
        if nodes.is_empty() {
            return Err(ModelError::Tree { node: 0 });
        }
        match nodes.iter().enumerate().position(|numbered| !leads_on(numbered)) {
            Some(node) => Err(ModelError::Tree { node }),
            None => Ok(Self(nodes)),
        }
    }
}

impl TryFrom<Parts> for Trees {
    type Error = ModelError;

    fn try_from(parts: Parts) -> Result<Self, ModelError> {
        let Parts { cadence, steps, time_zone, tree_features, start, trees } = parts;
        if tree_features != VERSION {
            return Err(ModelError::TreeFeatures { found: tree_features, made: VERSION });
        }
        if jiff::tz::TimeZone::get(&time_zone).is_err() {
            return Err(ModelError::TimeZone { time_zone });
        }
        Ok(Self { cadence, steps, time_zone, tree_features, start, trees })
    }
}

#[cfg(test)]
mod tests;
