//! Columns that look like times where none are used, so that a check that was not made is told. It reads no times.

use aria_core::numbers::Text;

use super::times;
use crate::drift::file::Table;
use crate::drift::pick;

/// Texts of a column that are looked at, and in how many of them one may look like something else.
const LOOKED_AT: usize = 100;
const TO_AN_EXCEPTION: usize = 20;
/// Seconds since 1970 that are taken for times, those of the years 1985 to 2128.
const EPOCH_SECONDS: (f64, f64) = (5e8, 5e9);
/// How many of a unit are a second.
const UNITS: [f64; 4] = [1.0, 1e3, 1e6, 1e9];
/// The years of a date.
const YEARS: std::ops::Range<u32> = 1900..2200;

/// Says that no times are used though a file seems to have some, and that whole weeks are not checked therefore;
/// nothing where no column looks like times.
pub fn note(reference: &Table, current: &Table) -> Option<String> {
    let told = |table, of| seeming(table).map(|column| format!("`{}` of the {of}", pick::name(column)));
    let columns: Vec<String> =
        [told(reference, "reference"), told(current, "current file")].into_iter().flatten().collect();
    (!columns.is_empty()).then(|| {
        format!(
            "no column holds times in both files, though {} may be meant so: that each covers a whole week was not \
             checked; give both a column of one name with times such as 2023-03-26T01:00:00Z",
            columns.join(" and "),
        )
    })
}

/// The first column of a table that looks like times.
fn seeming(table: &Table) -> Option<&str> {
    let is_seeming = |name: &str, numbers: Option<&[f64]>| match (table.texts.get(name), numbers) {
        (Some(text), _) => times(text).is_some() || is_dated(text),
        (None, Some(values)) => is_epoch(values),
        (None, None) => false,
    };
    let columns = &table.numbers.columns;
    let found = columns.iter().find(|column| is_seeming(&column.name, column.values.as_deref().ok()));
    found.map(|column| column.name.as_str())
}

/// Whether nearly all of the first texts look like dates of whatever form.
fn is_dated(text: &Text) -> bool {
    let names: Vec<&String> = text.names().iter().take(LOOKED_AT).collect();
    let others = names.iter().filter(|name| !is_date(name)).count();
    !names.is_empty() && others * TO_AN_EXCEPTION <= names.len()
}

/// Whether a text begins with a digit and has a year in it, also one that month and day follow without a mark.
fn is_date(text: &str) -> bool {
    let is_long = |part: &&str| part.len() == 4 || part.len() >= 8;
    let mut parts = text.split(|letter: char| !letter.is_ascii_digit());
    let is_year =
        |part: &str| part.get(..4).and_then(|year| year.parse().ok()).is_some_and(|year| YEARS.contains(&year));
    let numbers = text.chars().filter(char::is_ascii_digit).count();
    text.starts_with(|letter: char| letter.is_ascii_digit()) && numbers > 4 && parts.any(|p| is_long(&p) && is_year(p))
}

/// Whether whole numbers that never fall lie where seconds since 1970 do.
fn is_epoch(values: &[f64]) -> bool {
    let known: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    let (Some(first), Some(last)) = (known.first(), known.last()) else { return false };
    let (from, until) = EPOCH_SECONDS;
    let is_within = UNITS.iter().any(|unit| *first >= from * unit && *last <= until * unit);
    is_within && first < last && known.is_sorted() && known.iter().all(|value| value.fract() == 0.0)
}

#[cfg(test)]
mod tests {
    use aria_core::numbers::Format;

    use super::*;

    fn table(header: &str, cells: &[&str]) -> Table {
        let rows: Vec<String> = cells.iter().enumerate().map(|(row, cell)| format!("{cell},{row}")).collect();
        Table::of(Format::Csv, format!("{header},load\n{}\n", rows.join("\n")).as_bytes()).unwrap()
    }

    #[test]
    fn times_of_other_forms_are_seen_and_other_columns_are_not() {
        for cells in [
            ["2023-01-02T00:00:00Z", "2023-01-02T01:00:00Z"],
            ["02/01/2023 00:00", "02/01/2023 01:00"],
            ["2-Jan-2023", "3-Jan-2023"],
            ["20230102_0000", "20230102_0100"],
            ["2023-01-02 00:00:00 UTC", "2023-01-02 01:00:00 UTC"],
            ["1672617600", "1672621200"],
            ["1672617600000", "1672621200000"],
        ] {
            assert_eq!(seeming(&table("when", &cells)), Some("when"), "{cells:?}");
        }
        for cells in [["wind", "solar"], ["10.0.0.1", "10.0.0.2"], ["1.5", "2.5"], ["7", "9"], ["", ""]] {
            assert_eq!(seeming(&table("when", &cells)), None, "{cells:?}");
        }
    }

    #[test]
    fn numbers_that_fall_are_no_seconds() {
        assert_eq!(seeming(&table("people", &["1672621200", "1672617600"])), None);
    }

    #[test]
    fn the_note_names_the_columns_of_both_files_and_what_was_not_checked() {
        let (one, other) = (table("time", &["2023-01-02", "2023-01-03"]), table("date", &["2/1/2023", "3/1/2023"]));
        let told = note(&one, &other).unwrap();
        assert!(told.contains("`time` of the reference and `date` of the current file may be meant so"), "{told}");
        assert!(told.contains("a whole week was not checked"), "{told}");
        let plain = table("kind", &["wind", "solar"]);
        assert!(note(&plain, &one).unwrap().contains("though `time` of the current file may"));
        assert_eq!(note(&plain, &plain), None);
    }
}
