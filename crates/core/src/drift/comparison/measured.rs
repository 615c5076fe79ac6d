//! Every statistic of one column, and what there is to judge it by; not yet compared with the other columns.

use super::super::finding::FEWEST_INDEPENDENT;
use super::super::table::Table;
use super::super::{chi_squared, hellinger, jensen_shannon, psi};
use super::chance::{Chance, sound};
use super::pair::{Evidence, Figure, Pair, SHARES, undefined};
use super::{Cells, FEWEST_VALUES, Side, Statistic};
use crate::numbers::Text;

const OF_SHARES: &str = " of the chi-squared test";
/// Different texts up to which a column is one of categories, however few rows it has.
const FEW_TEXTS: usize = 20;
/// Rows that each text must have on average where there are more.
const ROWS_PER_TEXT: usize = 10;

/// What was measured of a column.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    /// Of each statistic in the order of [`Statistic::ALL`].
    pub figures: Vec<Figure>,
    /// What the reference has of it.
    pub reference: Side,
    /// What the current table has of it.
    pub current: Side,
    /// Whether it is text.
    pub is_text: bool,
}

impl Measured {
    /// Measures a column; `barred` is why nothing may be told of it, if so.
    pub fn of(cells: &Cells<'_>, barred: Option<&str>) -> Self {
        let mut measured = match *cells {
            Cells::Numbers { reference, current } => of_numbers(reference, current),
            Cells::Text { reference, current } => of_texts(reference, current),
        };
        if let Some(reason) = barred {
            for figure in &mut measured.figures {
                figure.evidence = Err(reason.to_owned());
            }
        }
        measured
    }
}

fn of_numbers(reference: &[f64], current: &[f64]) -> Measured {
    let ((reference, before), (current, after)) = (Side::of_numbers(reference), Side::of_numbers(current));
    let figures = match (&before, &after) {
        (Some(before), Some(after)) => {
            let pair = Pair::of(before, after, sizes(&reference, &current));
            let insufficient = insufficient(&reference, &current);
            Statistic::ALL.into_iter().map(|of| pair.figure(of)).map(|f| withheld(f, insufficient.as_ref())).collect()
        }
        _ => nothing(insufficient(&reference, &current)),
    };
    Measured { figures, reference, current, is_text: false }
}

fn sizes(reference: &Side, current: &Side) -> (f64, f64) {
    (reference.effective_size, current.effective_size)
}

/// The figure without a judgement where there is a reason against any.
fn withheld(figure: Figure, insufficient: Option<&String>) -> Figure {
    match insufficient {
        Some(reason) => Figure { evidence: Err(reason.clone()), ..figure },
        None => figure,
    }
}

/// No figure at all.
fn nothing(reason: Option<String>) -> Vec<Figure> {
    let reason = reason.unwrap_or_default();
    Statistic::ALL.iter().map(|_| Figure { evidence: Err(reason.clone()), ..Figure::default() }).collect()
}

/// Why nothing can be told of a column whatever its statistics are.
fn insufficient(reference: &Side, current: &Side) -> Option<String> {
    for (side, of) in [(reference, "reference"), (current, "current table")] {
        let (known, rows) = (side.known(), side.rows);
        if rows == 0 {
            return Some(format!("insufficient data: the {of} has no row"));
        }
        if known == 0 {
            return Some(format!("insufficient data: the {of} has no finite value of it in {rows} rows"));
        }
        if known < FEWEST_VALUES {
            return Some(format!(
                "insufficient data: the {of} has {known} finite values of it in {rows} rows, and {FEWEST_VALUES} are the \
                 fewest that can be compared"
            ));
        }
    }
    if reference.is_constant {
        return Some(format!(
            "insufficient data: all {} values of the reference are the same, so that nothing says how far is far",
            reference.known()
        ));
    }
    // A flag or a category that is always the same has changed; a quantity that is has stopped being measured.
    if current.is_constant && reference.is_quantity {
        return Some(format!(
            "insufficient data: all {} values of the current table are the same, as from a stuck meter",
            current.known()
        ));
    }
    let (before, after) = sizes(reference, current);
    (before.min(after) < FEWEST_INDEPENDENT).then(|| {
        format!(
            "insufficient data: its values follow each other so closely that they are worth {before:.1} independent ones \
             in the reference and {after:.1} in the current table (n_eff), and {FEWEST_INDEPENDENT} are needed"
        )
    })
}

fn of_texts(before: &Text, after: &Text) -> Measured {
    let (reference, current) = (Side::of_text(before), Side::of_text(after));
    let sizes = sizes(&reference, &current);
    let figures = match uncategorical(before, after).or_else(|| {
        (reference.known().min(current.known()) == 0).then(|| insufficient(&reference, &current).unwrap_or_default())
    }) {
        Some(reason) => nothing(Some(reason)),
        None => {
            let (names, table) = Table::of_categories(before.counts(), after.counts());
            let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            let insufficient = insufficient(&reference, &current);
            let chance = sound(&table, &names, sizes);
            let figure = |of| withheld(of_categories(of, &table, &chance, sizes), insufficient.as_ref());
            Statistic::ALL.into_iter().map(figure).collect()
        }
    };
    Measured { figures, reference, current, is_text: true }
}

/// Why a column of text is none of categories, if so.
fn uncategorical(before: &Text, after: &Text) -> Option<String> {
    [(before, "reference"), (after, "current table")].into_iter().find_map(|(text, of)| {
        let (names, known) = (text.names().len(), text.rows().iter().flatten().count());
        let is_unique = known >= FEWEST_VALUES && 2 * names > known && names > 2;
        let is_many = names > FEW_TEXTS && ROWS_PER_TEXT * names > known;
        (is_unique || is_many).then(|| {
            format!("insufficient data: it is text, and {names} different ones in {known} rows of the {of} are no categories")
        })
    })
}

/// One statistic of categories.
fn of_categories(
    statistic: Statistic,
    table: &Table,
    chance: &Result<(Chance, Option<String>), String>,
    sizes: (f64, f64),
) -> Figure {
    let (value, p_value, what) = match statistic {
        Statistic::JensenShannon => (jensen_shannon::distance(table), None, "the distance"),
        Statistic::Hellinger => (hellinger::distance(table), None, "the distance"),
        Statistic::Psi => (psi::index(table), None, "the index"),
        Statistic::ChiSquared => match chi_squared::test(table) {
            Some(test) => (test.statistic, Some(test.p_value()), SHARES),
            None => return undefined(),
        },
        Statistic::Ks
        | Statistic::Wasserstein
        | Statistic::WassersteinNormed
        | Statistic::CramerVonMises
        | Statistic::AndersonDarling
        | Statistic::Energy => {
            let reason = "it is text, and this statistic is of numbers".to_owned();
            return Figure { evidence: Err(reason), ..Figure::default() };
        }
    };
    let evidence = chance.clone().map(|(chance, reserve)| {
        let is_test = statistic == Statistic::ChiSquared;
        let (effect, of) = if is_test { (chance.effect, "") } else { (value, OF_SHARES) };
        let least = statistic.least_effect(f64::NAN);
        Evidence { what, effect, least, p_value: chance.p_value, of, sizes, reserve }
    });
    Figure { value: Some(value), p_value, evidence }
}
