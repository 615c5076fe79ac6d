//! Which columns of two files are laid side by side, and why the others are not.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use anyhow::bail;
use aria_core::drift::comparison::{Cells, Column};
use aria_core::numbers::{Numbers, Text};
use serde::Serialize;

use super::file::{Files, Table};
use crate::output::{one_line, path};

/// The next step after a column that cannot be compared.
pub const NEXT: &str = "correct the file, or name other columns with --column";

/// The most names that a message lists.
const LISTED: usize = 40;
/// The most letters of a column's name that are shown.
const LONGEST_NAME: usize = 80;
/// The most letters of a reason that are shown: enough for the names of both files.
const LONGEST_REASON: usize = 8_000;

/// A column's name as it is shown: a header may hold anything.
pub fn name(name: &str) -> String {
    one_line(name, LONGEST_NAME)
}

/// A column that both files have, as numbers or as text.
#[derive(Debug)]
pub struct Named<'a> {
    /// Its name.
    pub name: &'a str,
    /// What stands in it.
    pub cells: Cells<'a>,
}

impl Named<'_> {
    /// The column as it is compared.
    pub fn column(&self) -> Column<'_> {
        Column { name: self.name, cells: self.cells }
    }
}

/// A column that is not compared, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    column: String,
    reason: String,
}

impl LeftOut {
    /// A column that is not compared for this reason.
    pub fn new(column: &str, reason: String) -> Self {
        Self { column: column.to_owned(), reason }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (column, reason) = (name(&self.column), one_line(&self.reason, LONGEST_REASON));
        write!(f, "column `{column}` is not compared: {reason}")
    }
}

/// Every column that both files have, in the reference's order, and the others.
pub fn shared<'a>(reference: &'a Table, current: &'a Table, files: &Files<'_>) -> (Vec<Named<'a>>, Vec<LeftOut>) {
    let (mut columns, mut left_out, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for name in reference.numbers.columns.iter().chain(&current.numbers.columns).map(|c| c.name.as_str()) {
        if !seen.insert(name) {
            continue;
        }
        if name.is_empty() {
            left_out.push(LeftOut::new(name, "it has no name".to_owned()));
            continue;
        }
        match pair(name, reference, current, files) {
            Ok(column) => columns.push(column),
            Err(reason) => left_out.push(LeftOut::new(name, reason)),
        }
    }
    (columns, left_out)
}

/// The named columns, each once.
///
/// # Errors
/// Where one of them cannot be compared, with every one that cannot.
pub fn named<'a>(
    names: &'a [String],
    reference: &'a Table,
    current: &'a Table,
    files: &Files<'_>,
) -> anyhow::Result<Vec<Named<'a>>> {
    let (mut columns, mut faults, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for name in names.iter().filter(|name| seen.insert(name.as_str())) {
        match pair(name, reference, current, files) {
            Ok(column) => columns.push(column),
            Err(reason) => faults.push(format!("{}; {NEXT}", LeftOut::new(name, reason))),
        }
    }
    if !faults.is_empty() {
        bail!("{}", faults.join("\n"));
    }
    Ok(columns)
}

fn pair<'a>(name: &'a str, reference: &'a Table, current: &'a Table, files: &Files<'_>) -> Result<Named<'a>, String> {
    let (before, after) = match (held(name, reference, files.reference), held(name, current, files.current)) {
        (Ok(before), Ok(after)) => (before, after),
        (one, other) => return Err(one.err().into_iter().chain(other.err()).collect::<Vec<_>>().join("; ")),
    };
    let cells = match (before, after) {
        (Held { numbers: Ok(reference), .. }, Held { numbers: Ok(current), .. }) => {
            Cells::Numbers { reference, current }
        }
        (Held { text: Some(reference), .. }, Held { text: Some(current), .. }) => Cells::Text { reference, current },
        (before, after) => {
            let told =
                |held: Held<'_>, file| held.numbers.err().unwrap_or_else(|| format!("in {} it is numeric", path(file)));
            return Err(format!("{}; {}", told(before, files.reference), told(after, files.current)));
        }
    };
    Ok(Named { name, cells })
}

/// What a file holds in a column.
struct Held<'a> {
    /// Its numbers, or why it has none.
    numbers: Result<&'a [f64], String>,
    /// Its texts, if it can be read as text.
    text: Option<&'a Text>,
}

fn held<'a>(name: &str, table: &'a Table, file: &Path) -> Result<Held<'a>, String> {
    let Some(column) = table.numbers.columns.iter().find(|c| c.name == name) else {
        return Err(format!("{} does not have it, only {}", path(file), listed(&table.numbers)));
    };
    let numbers = column.values.as_deref().map_err(|reason| format!("in {} {reason}", path(file)));
    Ok(Held { numbers, text: table.texts.get(name) })
}

/// The names of a file's columns, as many as a message can hold.
fn listed(numbers: &Numbers) -> String {
    let names =
        numbers.columns.iter().take(LISTED).map(|c| format!("`{}`", name(&c.name))).collect::<Vec<_>>().join(", ");
    match numbers.columns.len().saturating_sub(LISTED) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use aria_core::numbers::Format;

    use super::*;

    fn files() -> Files<'static> {
        Files { reference: Path::new("old.csv"), current: Path::new("new.csv") }
    }

    fn read(text: &str) -> Table {
        Table::of(Format::Csv, text.as_bytes()).unwrap()
    }

    fn names<'a>(columns: &[Named<'a>]) -> Vec<&'a str> {
        columns.iter().map(|c| c.name).collect()
    }

    #[test]
    fn what_both_have_as_numbers_or_as_text_is_shared_and_the_rest_is_left_out_with_the_file_at_fault() {
        let (old, new) = (read("day,b,a,c,d\nmon,1,2,3,4\n"), read("a,b,day,d,e\n1,2,tue,x,4\n"));
        let (columns, left_out) = shared(&old, &new, &files());
        assert_eq!(names(&columns), ["day", "b", "a"]);
        assert!(matches!(columns[0].cells, Cells::Text { .. }) && matches!(columns[1].cells, Cells::Numbers { .. }));
        let told: Vec<String> = left_out.iter().map(ToString::to_string).collect();
        assert_eq!(told[0], "column `c` is not compared: new.csv does not have it, only `a`, `b`, `day`, `d`, `e`");
        assert_eq!(
            told[1],
            "column `d` is not compared: in old.csv it is numeric; in new.csv it is not numeric: row 1 holds `x`"
        );
        assert!(told[2].starts_with("column `e` is not compared: old.csv does not have it"));
    }

    #[test]
    fn an_index_without_a_name_is_no_measurement() {
        let table = read(",a\n0,1\n");
        let (columns, left_out) = shared(&table, &table, &files());
        assert_eq!(names(&columns), ["a"]);
        assert_eq!(left_out, [LeftOut::new("", "it has no name".to_owned())]);
    }

    #[test]
    fn every_named_column_that_cannot_be_compared_is_told_at_once() {
        let (old, new) = (read("a,b\n1,x\n"), read("a,b\n1,2\n"));
        let asked = ["b", "c", "a"].map(str::to_owned);
        let told = named(&asked, &old, &new, &files()).unwrap_err().to_string();
        assert!(told.contains("`b` is not compared: in old.csv") && told.contains("`c` is not compared"), "{told}");
        assert!(told.lines().all(|line| line.ends_with(NEXT)), "{told}");
    }

    #[test]
    fn a_column_without_a_value_is_of_any_kind() {
        let (full, empty, missing) = (read("kind,load\nwind,1\n"), read("kind,load\n"), read("kind,load\n,2\n"));
        for (old, new) in [(&full, &empty), (&empty, &full), (&full, &missing)] {
            let (columns, left_out) = shared(old, new, &files());
            assert!(matches!(columns[0].cells, Cells::Text { .. }) && left_out.is_empty(), "{columns:?}");
        }
    }

    #[test]
    fn a_column_named_twice_is_compared_once() {
        let table = read("a\n1\n");
        let asked = ["a", "a"].map(str::to_owned);
        assert_eq!(names(&named(&asked, &table, &table, &files()).unwrap()), ["a"]);
    }

    #[test]
    fn a_header_that_holds_anything_is_shown_in_a_line_and_cut() {
        let huge = "x".repeat(1_000_000);
        let (old, new) = (read(&format!("\"a\n\u{1b}[2J\",{huge},b\n1,2,3\n")), read("b\n1\n"));
        let told = shared(&old, &new, &files()).1.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(told[0], "column `a\\n\\u001b[2J` is not compared: new.csv does not have it, only `b`");
        assert_eq!(
            told[1],
            format!("column `{}…` is not compared: new.csv does not have it, only `b`", "x".repeat(80))
        );
        let asked = ["c".to_owned()];
        let told = named(&asked, &old, &new, &files()).unwrap_err().to_string();
        assert!(told.lines().count() == 1 && told.len() < 1_000, "{} bytes", told.len());
    }
}
