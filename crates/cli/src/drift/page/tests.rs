//! What the page of a comparison holds, and what it never does.

use std::path::Path;

use aria_core::drift::comparison::compare;
use aria_core::numbers::Format;

use super::*;
use crate::drift::file::{Files, Table};

fn page() -> String {
    let row = |i: i32, level: i32, kind: &str| format!("{},{},{kind}", i * 379 % 1_000 + level, i * 37 % 101);
    let table = |level: i32, kind: &str| {
        let kind = |i: i32| if i % 3 == 0 { "wind" } else { kind };
        let rows = (0..300).map(|i| format!("{},plant {level} {i}", row(i, level, kind(i))));
        let text = std::iter::once("a&b<b>,load,kind,plant".to_owned()).chain(rows).collect::<Vec<_>>().join("\n");
        Table::of(Format::Csv, text.as_bytes()).unwrap()
    };
    let (before, after) = (table(0, "coal"), table(400, "gas"));
    let files = Files { reference: Path::new("old.csv"), current: Path::new("new<i>.csv") };
    let (columns, left_out) = pick::shared(&before, &after, &files);
    let compared = compare(&columns.iter().map(Named::column).collect::<Vec<_>>(), None);
    html(&Report::new(&files, compared, left_out, None), &columns, None).unwrap()
}

#[test]
fn every_column_has_its_plots_and_ten_answers() {
    let page = page();
    // Two of each column of numbers, one of categories, none of names.
    assert_eq!(page.matches("<svg").count(), 5);
    assert_eq!(page.matches("<td class=\"told\">").count(), 40);
    assert!(page.contains("load: stable") && page.contains("kind: drifted"), "{page}");
}

#[test]
fn the_page_names_nothing_outside_itself_and_what_comes_from_data_is_escaped() {
    let page = page();
    for outside in ["http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link", "<img"] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("a&amp;b&lt;b&gt;: drifted") && page.contains("new&lt;i&gt;.csv"));
    assert!(!page.contains("<b>") && !page.contains("<i>"));
}
