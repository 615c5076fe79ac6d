//! The times of two files, where both have a column of them, and whether they cover what a comparison needs.

use aria_core::drift::week::{self, FEWEST_DAYS, FEWEST_PLACES_IN_TEN, Window};
use aria_core::numbers::Text;
use aria_core::time::{DAY, Timestamp};
use serde::Serialize;

use super::file::Table;
use super::pick;

/// The times of the rows of both files; none where a row has none.
pub struct Times<'a> {
    column: &'a str,
    /// Of the reference.
    pub reference: Vec<Option<Timestamp>>,
    /// Of the current file.
    pub current: Vec<Option<Timestamp>>,
}

/// What both files cover.
#[derive(Clone, Debug, Serialize)]
pub struct Windows {
    column: String,
    reference: Option<Window>,
    current: Option<Window>,
}

impl<'a> Times<'a> {
    /// The first column of the reference that holds nothing but times in both files.
    pub fn of(reference: &'a Table, current: &Table) -> Option<Self> {
        reference.numbers.columns.iter().find_map(|column| {
            let (before, after) = (reference.texts.get(&column.name)?, current.texts.get(&column.name)?);
            Some(Self { column: &column.name, reference: times(before)?, current: times(after)? })
        })
    }

    /// What both files cover.
    pub fn windows(&self) -> Windows {
        let of = |times: &[Option<Timestamp>]| Window::of(&times.iter().copied().flatten().collect::<Vec<_>>());
        Windows { column: self.column.to_owned(), reference: of(&self.reference), current: of(&self.current) }
    }

    /// Why the files cannot be compared: one of them covers less than a whole week, and hours of the week differ by
    /// themselves.
    pub fn bar(&self) -> Option<String> {
        let windows = self.windows();
        [(windows.reference, "reference"), (windows.current, "current file")].into_iter().find_map(|(window, of)| {
            let covered = match window {
                Some(window) if window.covers_a_week() => return None,
                Some(window) => {
                    let days = window.covered_seconds() as f64 / DAY as f64;
                    format!(
                        "{days:.2} days in {} steps, {} missing between them, at {} of {} places of the week",
                        window.steps, window.missing_steps, window.covered_places, window.places_of_week,
                    )
                }
                None => "a single time".to_owned(),
            };
            Some(format!(
                "insufficient data: by the times in `{}` the {of} covers {covered}; less than {FEWEST_DAYS} whole days, \
                 or than {FEWEST_PLACES_IN_TEN} in 10 of the week's places, compare other hours of the week",
                pick::name(self.column),
            ))
        })
    }
}

/// The times of a column, if all that stands in it are times.
fn times(text: &Text) -> Option<Vec<Option<Timestamp>>> {
    if text.names().is_empty() {
        return None;
    }
    let known: Option<Vec<Timestamp>> = text.names().iter().map(|name| week::time(name)).collect();
    let known = known?;
    Some(text.rows().iter().map(|row| known.get((*row)? as usize).copied()).collect())
}

#[cfg(test)]
mod tests {
    use aria_core::numbers::Format;

    use super::*;

    fn table(header: &str, rows: impl Iterator<Item = String>) -> Table {
        let text = std::iter::once(header.to_owned()).chain(rows).collect::<Vec<_>>().join("\n");
        Table::of(Format::Csv, text.as_bytes()).unwrap()
    }

    fn hours(count: i64) -> Table {
        let start: Timestamp = "2023-01-02T00:00:00Z".parse().unwrap();
        table("when,load,kind", (0..count).map(|hour| format!("{},{hour},a", start.plus(hour * 3_600))))
    }

    #[test]
    fn a_week_against_a_week_may_be_compared_and_a_day_may_not() {
        let (week, day) = (hours(168), hours(24));
        assert_eq!(Times::of(&week, &week).unwrap().bar(), None);
        let bar = Times::of(&week, &day).unwrap().bar().unwrap();
        assert!(bar.contains("in `when` the current file covers 1.00 days in 24 steps, 0 missing"), "{bar}");
        assert!(Times::of(&day, &week).unwrap().bar().unwrap().contains("the reference covers 1.00 days"));
    }

    #[test]
    fn nights_of_two_months_bar_a_comparison_with_whole_weeks() {
        let start: Timestamp = "2023-01-02T00:00:00Z".parse().unwrap();
        let nights = (0..60 * 24).filter(|hour| hour % 24 < 6);
        let nights = table("when,load,kind", nights.map(|hour| format!("{},{hour},a", start.plus(hour * 3_600))));
        let bar = Times::of(&hours(336), &nights).unwrap().bar().unwrap();
        assert!(bar.contains("the current file covers 15.00 days") && bar.contains("at 42 of 168 places"), "{bar}");
    }

    #[test]
    fn a_column_that_is_not_all_times_bars_nothing() {
        let (week, other) =
            (hours(168), table("when,load", ["2023-01-01T00:00:00Z,1", "later,2"].map(str::to_owned).into_iter()));
        assert!(Times::of(&week, &other).is_none());
    }
}
