//! The chi-squared test as far as it may be trusted: of classes that are expected often enough, for as many independent
//! values as the rows are worth.

use super::super::chi_squared;
use super::super::table::{Class, Table};

/// The expected count that Cochran (1954), "Some methods for strengthening the common χ² tests", wants of most cells.
const ENOUGH: f64 = 5.0;
/// The expected count that he wants of every cell.
const LEAST: f64 = 1.0;
/// The share of cells that may be expected less often than [`ENOUGH`].
const FEW: f64 = 0.2;
/// The most categories that a reason names, and the most letters of each.
const NAMED: (usize, usize) = (5, 40);

/// What the test says, and of which classes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Chance {
    /// The probability for as many independent values.
    pub p_value: f64,
    /// The statistic without the sizes of the samples: a root mean square.
    pub effect: f64,
    /// Places of the classes that were left out, because they are expected too seldom.
    pub left_out: Vec<usize>,
}

/// The test of bins, neighbours laid together where they are expected too seldom; none where all become one.
pub(super) fn of_bins(table: &Table, sizes: (f64, f64)) -> Option<Chance> {
    let counts = expected(table, sizes);
    if is_sound(&counts) {
        return tested(table, sizes, Vec::new());
    }
    let mut merged: Vec<Class> = Vec::new();
    let mut open = (Class::default(), 0.0);
    for (class, expected) in table.classes().iter().zip(counts) {
        open = (joined(open.0, *class), open.1 + expected);
        if open.1 >= ENOUGH {
            merged.push(open.0);
            open = (Class::default(), 0.0);
        }
    }
    if let Some(last) = merged.last_mut() {
        *last = joined(*last, open.0);
    }
    tested(&Table::new(merged), sizes, Vec::new())
}

/// The test of categories, those that are expected too seldom left out; the places of those alone where nothing is left
/// to test.
pub(super) fn of_categories(table: &Table, sizes: (f64, f64)) -> Result<Chance, Vec<usize>> {
    let counts = expected(table, sizes);
    let left_out: Vec<usize> = match is_sound(&counts) {
        true => Vec::new(),
        false => (0..counts.len()).filter(|place| counts[*place] < ENOUGH).collect(),
    };
    let kept = table.classes().iter().enumerate().filter(|(place, _)| !left_out.contains(place));
    tested(&Table::new(kept.map(|(_, class)| *class)), sizes, left_out.clone()).ok_or(left_out)
}

/// The test of categories, with what was left out of it; or why there is none.
pub(super) fn sound(table: &Table, names: &[String], sizes: (f64, f64)) -> Result<(Chance, Option<String>), String> {
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
    match of_categories(table, sizes) {
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

fn tested(table: &Table, sizes: (f64, f64), left_out: Vec<usize>) -> Option<Chance> {
    let test = chi_squared::test(table).filter(|test| test.degrees > 0)?;
    let (n, m) = table.sizes();
    let mean_square = test.statistic * (n + m) as f64 / (n as f64 * m as f64);
    let statistic = mean_square * sizes.0 * sizes.1 / (sizes.0 + sizes.1);
    Some(Chance { p_value: chi_squared::survival(statistic, test.degrees), effect: mean_square.sqrt(), left_out })
}

/// The count of each class that is expected of the smaller side, were there as many values as the rows are worth.
fn expected(table: &Table, sizes: (f64, f64)) -> Vec<f64> {
    let (n, m) = table.sizes();
    let share = |class: &Class| (class.reference + class.current) as f64 / (n + m) as f64;
    table.classes().iter().map(|class| share(class) * sizes.0.min(sizes.1)).collect()
}

fn is_sound(expected: &[f64]) -> bool {
    let seldom = expected.iter().filter(|count| **count < ENOUGH).count() as f64;
    expected.iter().all(|count| *count >= LEAST) && seldom <= FEW * expected.len() as f64
}

fn joined(one: Class, other: Class) -> Class {
    Class { reference: one.reference + other.reference, current: one.current + other.current }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(counts: &[(u64, u64)]) -> Table {
        Table::new(counts.iter().map(|&(reference, current)| Class { reference, current }))
    }

    #[test]
    fn a_category_that_is_expected_too_seldom_is_left_out_by_its_place() {
        let found = of_categories(&table(&[(50, 45), (0, 1), (50, 55)]), (100.0, 101.0)).unwrap();
        assert_eq!(found.left_out, [1]);
        assert!(found.p_value > 0.1);
        assert_eq!(of_categories(&table(&[(50, 50), (0, 1)]), (50.0, 51.0)), Err(vec![1]));
    }

    #[test]
    fn bins_that_are_expected_too_seldom_are_laid_together() {
        // Ten bins of three of thirty each: pairs are expected six times, and the last two lie in the fifth.
        let found = of_bins(&table(&[(3, 3); 10]), (30.0, 30.0)).unwrap();
        assert_eq!((found.p_value, found.effect), (1.0, 0.0));
        assert_eq!(of_bins(&table(&[(3, 3); 2]), (6.0, 6.0)), None);
    }

    #[test]
    fn rows_worth_half_as_many_values_are_half_the_evidence() {
        let moved = table(&[(60, 40), (40, 60)]);
        let (all, half) = (of_bins(&moved, (100.0, 100.0)).unwrap(), of_bins(&moved, (50.0, 50.0)).unwrap());
        assert_eq!(all.effect, half.effect);
        // χ² is 8, and 4 for half of it: scipy 1.14.1, chi2.sf.
        assert!((all.p_value / 0.004677734981047266 - 1.0).abs() < 1e-9);
        assert!((half.p_value / 0.04550026389635842 - 1.0).abs() < 1e-9);
    }
}
