//! The columns of a live check with every statistic that two files are compared with: the values without their season,
//! their changes from step to step, and for each day of the horizon what was forecast beside what came.
//!
//! The first two are compared with the reference that belongs to the model. A statistic of them has drifted where it
//! lies beyond what the reference's own windows showed and, where it is a test, beyond chance as well. Days of the
//! horizon have no such windows: there a difference has to be large and beyond chance, as between two files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::comparison::pair::{Evidence, Figure, Pair};
use super::comparison::{Statistic, shown};
use super::dependence::{effective_size, lag_one};
use super::discovery;
use super::distribution::Distribution;
use super::finding::{self, FEWEST_INDEPENDENT, Met};
use super::reference::{self, Reference};
use super::sample::Sample;
use crate::history::History;
use crate::series::Definition;

/// The name of the values without their season.
pub const VALUE: &str = "value";
/// The name of their changes from step to step.
pub const CHANGES: &str = "changes";
/// What the name of a day of the horizon begins with; its number follows.
pub const FORECAST_DAY: &str = "forecast_day_";

/// What is said of a statistic that earlier code kept nothing for.
const TOO_OLD: &str = "insufficient data: the model was trained before references were kept for this statistic: train \
    anew";

/// A column of a live check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name: [`VALUE`], [`CHANGES`], or [`FORECAST_DAY`] and a number from 1.
    pub name: String,
    /// An answer for each statistic, in the order of [`Statistic::ALL`].
    pub answers: Vec<Judged>,
}

/// What one statistic says of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The statistic.
    pub statistic: Statistic,
    /// Its value; none where it is not defined.
    pub value: Option<f64>,
    /// The probability of at least this difference without drift, for as many independent values as there are and
    /// adjusted for the columns of the check; none of a statistic that is no test.
    pub p_value: Option<f64>,
    /// The value up to which it is none.
    pub threshold: Option<f64>,
    /// Whether it has drifted; none where that cannot be told.
    pub drifted: Option<bool>,
    /// Why, in numbers.
    pub reason: String,
}

/// A reference beside a window, to be drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Beside {
    /// The column.
    pub name: &'static str,
    /// The sample that stands for the reference.
    pub reference: Vec<f64>,
    /// What the window has, in the order of time; NaN where there is no value.
    pub window: Vec<f64>,
}

/// Compares the newest window of a history with the reference, and forecasts with what came of them: `days` has the
/// pairs of each day of the horizon.
pub fn columns(
    reference: Result<&Reference, &str>,
    history: &History,
    days: &[Vec<Met>],
    definition: &Definition,
) -> Vec<Column> {
    let significance = definition.drift.significance;
    let mut measured = of_reference(reference, history, definition);
    measured.extend((1..).zip(days).map(|(day, pairs)| of_day(day, pairs, significance)));
    judged(measured, significance)
}

/// The columns of the reference beside the newest window of a history.
///
/// # Errors
/// Where they cannot be compared; says why.
pub fn beside(reference: &Reference, history: &History, definition: &Definition) -> Result<[Beside; 2], String> {
    let residual = finding::left_of_window(reference, history, definition).map_err(|why| why.to_string())?;
    let of = |name, distribution: &Distribution, window| Beside {
        name,
        reference: distribution.quantiles.sorted().to_vec(),
        window,
    };
    let changes = reference::changes_of(&residual).collect();
    Ok([of(VALUE, &reference.values, residual), of(CHANGES, &reference.changes, changes)])
}

/// A column that is not compared with the others yet.
struct Measured {
    name: String,
    /// Of each statistic in the order of [`Statistic::ALL`].
    figures: Vec<Figure>,
    bounds: Bounds,
}

/// Where a statistic's drift begins.
enum Bounds {
    /// Beyond what this many windows of the reference showed.
    Windows(u64, BTreeMap<Statistic, f64>),
    /// Beyond what is too small to matter.
    Least,
}

/// The values and the changes.
fn of_reference(reference: Result<&Reference, &str>, history: &History, definition: &Definition) -> Vec<Measured> {
    let barred = |name: &str, reason: &str| {
        let reason = format!("insufficient data: {reason}");
        let figure = |_| Figure { evidence: Err(reason.clone()), ..Figure::default() };
        Measured { name: name.to_owned(), figures: Statistic::ALL.map(figure).into(), bounds: Bounds::Least }
    };
    let windowed = reference.map_err(str::to_owned).and_then(|reference| {
        let residual = finding::left_of_window(reference, history, definition).map_err(|why| why.to_string())?;
        Ok((reference, residual))
    });
    let (reference, residual) = match windowed {
        Ok(windowed) => windowed,
        Err(reason) => return [VALUE, CHANGES].map(|name| barred(name, &reason)).into(),
    };
    let changes: Vec<f64> = reference::changes_of(&residual).collect();
    let channels = [(VALUE, &reference.values, &residual), (CHANGES, &reference.changes, &changes)];
    let measured = channels.map(|(name, distribution, values)| match reference::known(values) {
        Ok(sample) => of_channel(name, distribution, (values, &sample), reference.windows),
        Err(why) => barred(name, &why.to_string()),
    });
    measured.into()
}

/// A channel of the reference beside the window, in the order of time and as a sample.
fn of_channel(name: &str, distribution: &Distribution, window: (&[f64], &Sample), windows: u64) -> Measured {
    let (values, sample) = window;
    let worth = effective_size(sample.len(), lag_one(values).unwrap_or_default());
    let name = name.to_owned();
    let (Some(further), Some(pair)) = (&distribution.further, distribution.pair(sample, worth)) else {
        let (figures, thresholds) = of_earlier(distribution, sample);
        return Measured { name, figures, bounds: Bounds::Windows(windows, thresholds) };
    };
    let few = || {
        format!(
            "insufficient data: its values follow each other so closely that they are worth {:.1} independent ones in the \
             reference and {worth:.1} in the window (n_eff), and {FEWEST_INDEPENDENT} are needed",
            further.effective_size,
        )
    };
    let is_few = further.effective_size.min(worth) < FEWEST_INDEPENDENT;
    let figure = |of| {
        let figure = pair.figure(of);
        match figure.evidence.as_ref().is_ok_and(Evidence::is_own) && is_few {
            true => Figure { evidence: Err(few()), ..figure },
            false => figure,
        }
    };
    let figures = Statistic::ALL.map(figure).into();
    Measured { name, figures, bounds: Bounds::Windows(windows, further.thresholds.clone()) }
}

/// The two statistics that earlier code kept thresholds for.
fn of_earlier(distribution: &Distribution, sample: &Sample) -> (Vec<Figure>, BTreeMap<Statistic, f64>) {
    let (scores, threshold) = (distribution.score(sample), distribution.threshold);
    let old = [
        (Statistic::WassersteinNormed, "the distance", scores.wasserstein, threshold.wasserstein),
        (Statistic::Psi, "the index", scores.psi, threshold.psi),
    ];
    let figure = |of| match old.iter().find(|(statistic, _, value, _)| *statistic == of && value.is_finite()) {
        Some((_, what, value, _)) => {
            let sizes = (f64::NAN, f64::NAN);
            let evidence =
                Evidence { what, effect: *value, least: 0.0, p_value: 1.0, of: "none", sizes, reserve: None };
            Figure { value: Some(*value), p_value: None, evidence: Ok(evidence) }
        }
        None => Figure { evidence: Err(TOO_OLD.to_owned()), ..Figure::default() },
    };
    (Statistic::ALL.map(figure).into(), old.into_iter().map(|(of, _, _, threshold)| (of, threshold)).collect())
}

/// A day of the horizon: what was forecast against what came, of a week at least.
fn of_day(day: usize, pairs: &[Met], significance: f64) -> Measured {
    let name = format!("{FORECAST_DAY}{day}");
    let paired = finding::refuse_part_of_a_week(pairs).and_then(|()| finding::paired(pairs, significance));
    let figures = match paired {
        Ok(paired) => {
            let sizes = (paired.worth, paired.worth);
            let pair = Pair::of_dependent(&paired.actuals, &paired.forecasts, sizes);
            Statistic::ALL.map(|of| pair.figure(of)).into()
        }
        Err(reason) => {
            let reason = format!("insufficient data: {reason}");
            Statistic::ALL.map(|_| Figure { evidence: Err(reason.clone()), ..Figure::default() }).into()
        }
    };
    Measured { name, figures, bounds: Bounds::Least }
}

/// Judges every statistic over all columns together.
fn judged(measured: Vec<Measured>, significance: f64) -> Vec<Column> {
    let mut adjusted: Vec<(usize, std::vec::IntoIter<f64>)> = Vec::new();
    for place in 0..Statistic::ALL.len() {
        let of = |column: &Measured| Some(column.figures.get(place)?.evidence.as_ref().ok()?.p_value);
        let told: Vec<f64> = measured.iter().filter_map(of).collect();
        adjusted.push((told.len(), discovery::adjusted(&told).into_iter()));
    }
    let column = |Measured { name, figures, bounds }: Measured| {
        let each = Statistic::ALL.into_iter().zip(figures).zip(&mut adjusted);
        let answer =
            |((statistic, figure), (tests, adjusted)): ((_, Figure), &mut (usize, std::vec::IntoIter<f64>))| {
                let Figure { value, evidence, .. } = figure;
                match evidence {
                    Err(reason) => Judged { statistic, value, p_value: None, threshold: None, drifted: None, reason },
                    Ok(evidence) => {
                        let chance = Chance { adjusted: adjusted.next().unwrap_or(1.0), significance, tests: *tests };
                        judge(statistic, value, &evidence, &bounds, &chance)
                    }
                }
            };
        let answers = each.map(answer).collect();
        Column { name, answers }
    };
    measured.into_iter().map(column).collect()
}

/// What chance says.
struct Chance {
    adjusted: f64,
    significance: f64,
    tests: usize,
}

impl Chance {
    fn is_beyond(&self) -> bool {
        self.adjusted < self.significance
    }

    fn told(&self, evidence: &Evidence) -> String {
        let is_beyond = if self.is_beyond() { "beyond chance, below" } else { "within chance, not below" };
        let (of, sizes) = (evidence.of, evidence.sizes);
        format!(
            "p {:.2e}{of} is {is_beyond} {}; n_eff {:.0} and {:.0}, columns tested: {}",
            self.adjusted, self.significance, sizes.0, sizes.1, self.tests
        )
    }
}

fn judge(statistic: Statistic, value: Option<f64>, evidence: &Evidence, bounds: &Bounds, chance: &Chance) -> Judged {
    let p_value = evidence.is_own().then_some(chance.adjusted);
    let (threshold, drifted, reason) = match bounds {
        Bounds::Windows(windows, thresholds) => {
            let source = format!("the mean and 3 deviations of {windows} windows of training data");
            match (value, thresholds.get(&statistic)) {
                (Some(value), Some(threshold)) => {
                    let (far, side) = (value > *threshold, if value > *threshold { "beyond" } else { "within" });
                    let reason = format!("{} is {side} {}, {source}", shown(value), shown(*threshold));
                    let (by_chance, told) = match evidence.is_own() {
                        true => (chance.is_beyond(), format!("; {}", chance.told(evidence))),
                        false => (true, String::new()),
                    };
                    (Some(*threshold), Some(far && by_chance), reason + &told)
                }
                _ => (None, None, format!("insufficient data: {source} are not known of it: train anew")),
            }
        }
        Bounds::Least => {
            let Evidence { what, effect, least, .. } = evidence;
            let large = effect > least;
            let is_large = if large { "large, above" } else { "not large, at most" };
            let told = chance.told(evidence);
            let reason = format!("{what} {} is {is_large} {}; {told}", shown(*effect), shown(*least));
            (evidence.is_of_effect().then_some(*least), Some(large && chance.is_beyond()), reason)
        }
    };
    match &evidence.reserve {
        None => Judged { statistic, value, p_value, threshold, drifted, reason },
        // What was left out may be what changed.
        Some(reserve) => {
            let drifted = drifted.filter(|drifted| *drifted);
            Judged { statistic, value, p_value, threshold, drifted, reason: format!("{reserve}; {reason}") }
        }
    }
}

#[cfg(test)]
mod tests;
