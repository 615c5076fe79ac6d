//! Two tables laid side by side, column by column: every statistic that needs neither a model nor a calendar, an
//! answer to each, and one judgement of each column.
//!
//! A column has drifted where the difference is both beyond chance and large. Each alone misleads: among a million rows
//! the smallest difference is beyond chance, and a day of rows looks far from a year of them where nothing has changed.
//! Rows are taken to be in order of time: values that follow each other closely count for fewer independent ones. What
//! [`super::data`] compares beside that, values without their season and changes from step to step, needs a series.

mod chance;
mod measured;
pub(super) mod pair;
mod side;
mod statistic;
mod summary;

use rayon::prelude::*;
use serde::{Serialize, Serializer};

use self::measured::Measured;
use self::pair::{Evidence, Figure};
pub use self::side::{FEWEST_VALUES, Side};
pub use self::statistic::Statistic;
pub use self::summary::{Severity, Summary};
use super::discovery;
use crate::numbers::Text;

/// The level below which an adjusted p-value is beyond chance, that of a series unless its definition says otherwise.
pub const SIGNIFICANCE: f64 = 0.01;

/// A column as both tables have it.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// Its name.
    pub name: &'a str,
    /// What stands in it.
    pub cells: Cells<'a>,
}

/// What stands in the rows of a column in both tables.
#[derive(Clone, Copy, Debug)]
pub enum Cells<'a> {
    /// Numbers: NaN where a value is missing, infinite where it is infinite.
    Numbers {
        /// The values to compare with.
        reference: &'a [f64],
        /// The values that may have drifted.
        current: &'a [f64],
    },
    /// Texts, compared as categories.
    Text {
        /// The texts to compare with.
        reference: &'a Text,
        /// The texts that may have drifted.
        current: &'a Text,
    },
}

/// A column and all that was found of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// The column.
    pub column: String,
    /// An answer for each statistic.
    pub answers: Answers,
    /// What they come to.
    pub summary: Summary,
}

/// The answer of every statistic, in the order of [`Statistic::ALL`]; in a document an object with their names.
#[derive(Clone, Debug, PartialEq)]
pub struct Answers(Vec<Answer>);

/// What one statistic says of a column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The statistic; none where it is not defined.
    pub value: Option<f64>,
    /// Its p-value as its definition has it, were all rows independent; none where it has none.
    pub p_value: Option<f64>,
    /// Whether the difference is both large and beyond chance; none where that cannot be told.
    pub drifted: Option<bool>,
    /// Why, in numbers.
    pub reason: String,
}

impl Answers {
    /// Each statistic with its answer.
    pub fn iter(&self) -> impl Iterator<Item = (Statistic, &Answer)> {
        Statistic::ALL.into_iter().zip(&self.0)
    }

    /// The answer of a statistic.
    pub fn get(&self, statistic: Statistic) -> Option<&Answer> {
        self.iter().find(|(of, _)| *of == statistic).map(|(_, answer)| answer)
    }
}

impl Serialize for Answers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(statistic, answer)| (statistic.name(), answer)))
    }
}

/// Compares columns, each with its answers, in their order. The p-values of each statistic are adjusted for all columns
/// that it can tell something of. Where `barred` says why these tables cannot be compared, every answer is none.
pub fn compare(columns: &[Column<'_>], barred: Option<&str>) -> Vec<Compared> {
    let measured: Vec<Measured> = columns.par_iter().map(|column| Measured::of(&column.cells, barred)).collect();
    let judged: Vec<Vec<(Answer, Option<f64>)>> = Statistic::ALL.iter().map(|of| judge(*of, &measured)).collect();
    let one = |(place, (column, measured)): (usize, (&Column<'_>, Measured))| {
        let of_column = || judged.iter().filter_map(|of| of.get(place));
        let answers = Answers(of_column().map(|(answer, _)| answer.clone()).collect());
        let adjusted: Vec<Option<f64>> = of_column().map(|(_, adjusted)| *adjusted).collect();
        let summary = Summary::of(measured, &answers, &adjusted);
        Compared { column: column.name.to_owned(), answers, summary }
    };
    columns.iter().zip(measured).enumerate().map(one).collect()
}

/// The answers of one statistic over all columns, each with its adjusted p-value.
fn judge(statistic: Statistic, columns: &[Measured]) -> Vec<(Answer, Option<f64>)> {
    let of = |column: &Measured| column.figures.get(statistic as usize).cloned().unwrap_or_default();
    let figures: Vec<Figure> = columns.iter().map(of).collect();
    let told: Vec<f64> = figures.iter().filter_map(|figure| Some(figure.evidence.as_ref().ok()?.p_value)).collect();
    let tests = told.len();
    let mut adjusted = discovery::adjusted(&told).into_iter();
    let answer = |figure: Figure| {
        let (value, p_value) = (figure.value, figure.p_value);
        match figure.evidence {
            Err(reason) => (Answer { value, p_value, drifted: None, reason }, None),
            Ok(evidence) => {
                let adjusted = adjusted.next().unwrap_or(1.0);
                let (drifted, reason) = verdict(&evidence, adjusted, tests);
                (Answer { value, p_value, drifted, reason }, Some(adjusted))
            }
        }
    };
    figures.into_iter().map(answer).collect()
}

/// Whether evidence amounts to drift, and why.
fn verdict(evidence: &Evidence, adjusted: f64, tests: usize) -> (Option<bool>, String) {
    let (large, beyond) = (evidence.effect > evidence.least, adjusted < SIGNIFICANCE);
    let Evidence { what, effect, least, of, sizes: (reference, current), .. } = evidence;
    let is_large = if large { "large, above" } else { "not large, at most" };
    let is_beyond = if beyond { "beyond chance, below" } else { "within chance, not below" };
    let reason = format!(
        "{what} {} is {is_large} {}; p {adjusted:.2e}{of} is {is_beyond} {SIGNIFICANCE}; n_eff {reference:.0} and \
         {current:.0}, columns tested: {tests}",
        shown(*effect),
        shown(*least),
    );
    let drifted = large && beyond;
    match &evidence.reserve {
        None => (Some(drifted), reason),
        Some(reserve) if drifted => (Some(true), format!("{reason}; {reserve}")),
        // What was left out may be what changed.
        Some(reserve) => (None, format!("{reserve}; the rest tells nothing: {reason}")),
    }
}

/// A number in a reason, with the digits that tell something.
pub(super) fn shown(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if (1e-3..1e5).contains(&size) => {
            let text = format!("{value:.4}");
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => format!("{value:.2e}"),
    }
}

#[cfg(test)]
mod tests;
