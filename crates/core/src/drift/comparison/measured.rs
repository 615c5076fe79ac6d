//! Every statistic of one column, and what there is to judge it by; not yet compared with the other columns.

use super::super::finding::FEWEST_INDEPENDENT;
use super::super::histogram;
use super::super::psi::{self, Bins};
use super::super::sample::Sample;
use super::super::table::Table;
use super::super::{
    anderson_darling, chi_squared, cramer_von_mises, energy, hellinger, jensen_shannon, ks, wasserstein,
};
use super::chance::{self, Chance};
use super::{Cells, FEWEST_VALUES, Side, Statistic};
use crate::numbers::Text;

/// Different numbers up to which each is a category of its own in the test of shares.
const FEW_VALUES: usize = 20;
/// Different texts up to which a column is one of categories, however few rows it has.
const FEW_TEXTS: usize = 20;
/// Rows that each text must have on average where there are more.
const ROWS_PER_TEXT: usize = 10;
/// The most categories that a reason names, and the most letters of each.
const NAMED: (usize, usize) = (5, 40);

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

/// One statistic of a column.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    /// The statistic, where it is defined.
    pub value: Option<f64>,
    /// Its p-value by definition, where it has one.
    pub p_value: Option<f64>,
    /// What it is judged by, or why it cannot be.
    pub evidence: Result<Evidence, String>,
}

/// What a statistic is judged by.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    /// What the effect is called.
    pub what: &'static str,
    /// How large the difference is, whatever the sizes.
    pub effect: f64,
    /// The greatest that is too small to matter.
    pub least: f64,
    /// The probability of the difference for as many independent values as the rows are worth.
    pub p_value: f64,
    /// Whose probability it is, where not the statistic's own.
    pub of: &'static str,
    /// The independent values of the reference and of the current table.
    pub sizes: (f64, f64),
    /// What had to be left out for the probability to hold.
    pub reserve: Option<String>,
}

impl Default for Figure {
    fn default() -> Self {
        Self { value: None, p_value: None, evidence: Err(String::new()) }
    }
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
            let insufficient = insufficient(&reference, &current, before.is_constant());
            Statistic::ALL.into_iter().map(|of| pair.figure(of)).map(|f| withheld(f, insufficient.as_ref())).collect()
        }
        _ => nothing(insufficient(&reference, &current, false)),
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
fn insufficient(reference: &Side, current: &Side, is_constant: bool) -> Option<String> {
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
    if is_constant {
        return Some(format!(
            "insufficient data: all {} values of the reference are the same, so that nothing says how far is far",
            reference.known()
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

/// Two samples, with what several statistics need of them.
struct Pair<'a> {
    reference: &'a Sample,
    current: &'a Sample,
    /// The independent values that they are worth.
    sizes: (f64, f64),
    deviation: f64,
    ks_distance: f64,
    /// The probability of that distance for the independent values.
    ks_p_value: f64,
    histogram: Table,
    deciles: Bins,
}

impl<'a> Pair<'a> {
    fn of(reference: &'a Sample, current: &'a Sample, sizes: (f64, f64)) -> Self {
        let ks_distance = ks::distance(reference, current);
        Self {
            reference,
            current,
            sizes,
            deviation: reference.deviation(),
            ks_distance,
            ks_p_value: ks::p_value(ks_distance, sizes.0, sizes.1),
            histogram: histogram::Bins::doane(reference).against(current),
            deciles: Bins::deciles(reference),
        }
    }

    fn figure(&self, statistic: Statistic) -> Figure {
        let (reference, current) = (self.reference, self.current);
        match statistic {
            Statistic::Ks => {
                let p_value = ks::p_value_auto(self.ks_distance, reference.len(), current.len());
                let evidence = self.evidence(statistic, "the distance", self.ks_distance, self.ks_p_value, "");
                Figure { value: Some(self.ks_distance), p_value: Some(p_value), evidence: Ok(evidence) }
            }
            Statistic::Wasserstein => self.distance(statistic, Some(wasserstein::distance(reference, current))),
            Statistic::WassersteinNormed => self.distance(statistic, wasserstein::normed(reference, current)),
            Statistic::JensenShannon => self.distance(statistic, Some(jensen_shannon::distance(&self.histogram))),
            Statistic::Hellinger => self.distance(statistic, Some(hellinger::distance(&self.histogram))),
            Statistic::Psi => self.distance(statistic, Some(self.deciles.index(current))),
            Statistic::ChiSquared => self.chi_squared(),
            Statistic::CramerVonMises => {
                let Some(test) = cramer_von_mises::test(reference, current) else { return undefined() };
                let p_value = test.p_value_of_sizes(self.sizes.0, self.sizes.1);
                let evidence = self.evidence(statistic, ROOT, test.mean_square().sqrt(), p_value, "");
                Figure { value: Some(test.statistic), p_value: Some(test.p_value()), evidence: Ok(evidence) }
            }
            Statistic::AndersonDarling => {
                let Some(test) = anderson_darling::test(reference, current) else { return undefined() };
                let p_value = test.p_value_of_sizes(self.sizes.0, self.sizes.1);
                let evidence = self.evidence(statistic, WEIGHTED_ROOT, test.mean_square().sqrt(), p_value, "");
                Figure { value: Some(test.statistic), p_value: Some(test.p_value()), evidence: Ok(evidence) }
            }
            Statistic::Energy => self.distance(statistic, Some(energy::distance(reference, current))),
        }
    }

    /// A distance that has no probability of its own.
    fn distance(&self, statistic: Statistic, value: Option<f64>) -> Figure {
        let Some(value) = value.filter(|value| value.is_finite()) else { return undefined() };
        let what = if statistic == Statistic::Psi { "the index" } else { "the distance" };
        let evidence = self.evidence(statistic, what, value, self.ks_p_value, OF_KS);
        Figure { value: Some(value), p_value: None, evidence: Ok(evidence) }
    }

    fn chi_squared(&self) -> Figure {
        let values = Table::of_values(self.reference, self.current, FEW_VALUES);
        let table = match &values {
            Some((_, table)) => table.clone(),
            None => self.deciles.table(self.reference, self.current),
        };
        let Some(test) = chi_squared::test(&table) else { return undefined() };
        let chance = match &values {
            Some((values, _)) => {
                let names: Vec<String> = values.iter().map(ToString::to_string).collect();
                sound(&table, &names, self.sizes)
            }
            None => chance::of_bins(&table, self.sizes).map(|chance| (chance, None)).ok_or_else(|| {
                format!("insufficient data: n_eff {:.0} and {:.0} are too few for two bins", self.sizes.0, self.sizes.1)
            }),
        };
        let evidence = chance.map(|(chance, reserve)| Evidence {
            reserve,
            ..self.evidence(Statistic::ChiSquared, SHARES, chance.effect, chance.p_value, "")
        });
        Figure { value: Some(test.statistic), p_value: Some(test.p_value()), evidence }
    }

    fn evidence(
        &self,
        statistic: Statistic,
        what: &'static str,
        effect: f64,
        p_value: f64,
        of: &'static str,
    ) -> Evidence {
        let least = statistic.least_effect(self.deviation);
        Evidence { what, effect, least, p_value, of, sizes: self.sizes, reserve: None }
    }
}

const ROOT: &str = "the root mean square distance of the distributions";
const WEIGHTED_ROOT: &str = "the weighted root mean square distance of the distributions";
const SHARES: &str = "the root mean square distance of the shares";
const OF_KS: &str = " of the Kolmogorov-Smirnov distance";
const OF_SHARES: &str = " of the chi-squared test";

fn undefined() -> Figure {
    let reason = "insufficient data: it is not defined for so few values, or lies beyond the range of numbers";
    Figure { evidence: Err(reason.to_owned()), ..Figure::default() }
}

/// The test of categories, with what was left out of it; or why there is none.
fn sound(table: &Table, names: &[String], sizes: (f64, f64)) -> Result<(Chance, Option<String>), String> {
    let told = |places: &[usize]| {
        let name = |place: &usize| names.get(*place).map(|name| format!("`{}`", cut(name)));
        let listed: Vec<String> = places.iter().filter_map(name).take(NAMED.0).collect();
        let more = places.len() - listed.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!(
            "insufficient data: of n_eff {:.0} and {:.0} too few are expected in {}{more} for the test to hold (Cochran: \
             at least 1 everywhere and 5 in four of five)",
            sizes.0,
            sizes.1,
            listed.join(", "),
        )
    };
    match chance::of_categories(table, sizes) {
        Ok(chance) if chance.left_out.is_empty() => Ok((chance, None)),
        Ok(chance) => {
            let reserve = told(&chance.left_out);
            Ok((chance, Some(reserve)))
        }
        Err(places) if places.is_empty() => Err("insufficient data: there is one category only".to_owned()),
        Err(places) => Err(told(&places)),
    }
}

fn cut(name: &str) -> String {
    let mut letters = name.chars();
    let short: String = letters.by_ref().take(NAMED.1).collect();
    if letters.next().is_some() { short + "…" } else { short }
}

fn of_texts(before: &Text, after: &Text) -> Measured {
    let (reference, current) = (Side::of_text(before), Side::of_text(after));
    let sizes = sizes(&reference, &current);
    let figures = match uncategorical(before, after).or_else(|| {
        (reference.known().min(current.known()) == 0)
            .then(|| insufficient(&reference, &current, false).unwrap_or_default())
    }) {
        Some(reason) => nothing(Some(reason)),
        None => {
            let (names, table) = Table::of_categories(before.counts(), after.counts());
            let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            let insufficient = insufficient(&reference, &current, before.names().len() == 1);
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
        _ => {
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
