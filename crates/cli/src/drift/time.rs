//! The times of two files, where both have a column of them, and whether they cover what a comparison needs.

mod seeming;

use aria_core::drift::week::{self, FEWEST_DAYS, FEWEST_PLACES_IN_TEN, Window};
use aria_core::numbers::Text;
use aria_core::time::{DAY, Timestamp};
use serde::Serialize;

use super::file::Table;
use super::pick;

pub use self::seeming::note;

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
    /// The column of times that both files have and that covers the most: up to a week of time, and of those the one
    /// with the most times. So a date beside the hours, or the one day of an export, is not what is looked at.
    pub fn of(reference: &'a Table, current: &Table) -> Option<Self> {
        let mut most: Option<((i64, usize), Self)> = None;
        for column in &reference.numbers.columns {
            let Some(times) = Self::in_column(&column.name, reference, current) else { continue };
            let reach = times.reach();
            if most.as_ref().is_none_or(|(most, _)| reach > *most) {
                most = Some((reach, times));
            }
        }
        most.map(|(_, times)| times)
    }

    fn in_column(column: &'a str, reference: &Table, current: &Table) -> Option<Self> {
        let (before, after) = (reference.texts.get(column)?, current.texts.get(column)?);
        Some(Self { column, reference: times(before)?, current: times(after)? })
    }

    /// The seconds that both files cover, a week at most, and the different times that both have.
    fn reach(&self) -> (i64, usize) {
        let Windows { reference, current, .. } = self.windows();
        match (reference, current) {
            (Some(one), Some(other)) => {
                let seconds = one.covered_seconds().min(other.covered_seconds());
                (seconds.min(FEWEST_DAYS * DAY), one.steps.min(other.steps))
            }
            _ => (0, 0),
        }
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

/// Of so many texts one may be no time: that row has none.
const TIMES_TO_A_FAULT: u64 = 20;

/// The times of a column, if nearly all that stands in it are times.
fn times(text: &Text) -> Option<Vec<Option<Timestamp>>> {
    let known = text.rows().iter().flatten().count() as u64;
    let (mut faults, mut times) = (0, Vec::with_capacity(text.names().len()));
    for (name, rows) in text.counts() {
        let time = week::time(name);
        faults += if time.is_none() { rows } else { 0 };
        if faults * TIMES_TO_A_FAULT > known {
            return None;
        }
        times.push(time);
    }
    if known == 0 {
        return None;
    }
    Some(text.rows().iter().map(|row| times.get((*row)? as usize).copied().flatten()).collect())
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

    /// Hours of which the last ones are no times.
    fn with_faults(count: i64, faults: i64) -> Table {
        let start: Timestamp = "2023-01-02T00:00:00Z".parse().unwrap();
        let when = |hour| if hour < count - faults { start.plus(hour * 3_600).to_string() } else { "later".to_owned() };
        table("when,load,kind", (0..count).map(|hour| format!("{},{hour},a", when(hour))))
    }

    #[test]
    fn one_text_in_twenty_may_be_no_time() {
        let (week, few, many) = (hours(168), with_faults(60, 3), with_faults(60, 4));
        let times = Times::of(&week, &few).unwrap();
        assert_eq!(times.current.iter().flatten().count(), 57);
        assert!(times.bar().unwrap().contains("2.38 days in 57 steps"));
        assert!(Times::of(&week, &many).is_none());
    }

    #[test]
    fn the_column_is_used_whose_times_cover_the_most_wherever_it_stands() {
        let start: Timestamp = "2023-01-02T00:00:00Z".parse().unwrap();
        let row = |hour: i64| {
            let time = start.plus(hour * 3_600);
            // The day of an export, the second of it, the day of each hour, and the hour.
            format!("2024-01-01,{},{},{time},{hour}", start.plus(hour), time.utc().date())
        };
        let of = |count| table("exported,written,day,hour,load", (0..count).map(row));
        for count in [72, 336] {
            assert_eq!(Times::of(&of(336), &of(count)).unwrap().column, "hour");
        }
    }
}
