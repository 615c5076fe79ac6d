//! What CSV files look like in the wild.

use super::*;

#[test]
fn hours_out_of_order_are_sorted() {
    let text = "when,ci\n2021-01-01T02:00:00Z,302\n2021-01-01T00:00:00Z,300\n2021-01-01T01:00:00Z,301\n";
    let checked = check_as(Format::Csv, text.as_bytes()).unwrap();
    assert_eq!(checked.table.values("ci").unwrap(), [Some(300.0), Some(301.0), Some(302.0)]);
    assert_eq!(checked.quarantined_total, 0);
}

#[test]
fn of_doubled_hours_the_last_is_kept() {
    let hour = "2021-01-01T05:00:00Z";
    let checked = csv_rows(&format!("{hour},IT,1,40,35\n{hour},IT,2,40,35\n2021-01-01T06:00:00+01:00,IT,3,40,35\n"));
    let reason = "is superseded by row 4, which has the same time";
    assert_eq!(checked.quarantined, [record(2, "when", hour, reason), record(3, "when", hour, reason)]);
    assert_eq!((checked.rows_refused, checked.rows_repeated), (2, 2));
    assert_eq!(kept(&checked)[1], (hour.to_owned(), 3.0));
}

#[test]
fn a_good_row_is_not_superseded_by_a_bad_one() {
    let hour = "2021-01-01T05:00:00Z";
    let checked = csv_rows(&format!("{hour},IT,2,40,35\n{hour},IT,-1,40,35\n"));
    assert_eq!(kept(&checked)[1], (hour.to_owned(), 2.0));
    assert_eq!((checked.quarantined[0].row, checked.rows_refused, checked.rows_repeated), (3, 1, 0));
}

#[test]
fn a_file_that_holds_every_row_twice_is_not_broken() {
    let row = "2021-01-01T00:00:00Z,IT,300,40,35\n";
    let checked = check_as(Format::Csv, format!("{HEADER}{}", row.repeat(5)).as_bytes()).unwrap();
    assert_eq!((checked.table.rows(), checked.rows_refused, checked.rows_repeated), (1, 4, 4));
}

#[test]
fn gaps_stay_gaps() {
    let checked = csv_rows("");
    let history = checked.table.history("ci", crate::time::Cadence::Hour).unwrap();
    assert_eq!(history.values().len(), 10);
    assert_eq!(history.values().iter().filter(|v| v.is_nan()).count(), 8);
}

#[test]
fn a_missing_covariate_is_a_column_without_values() {
    let checked = check_as(Format::Csv, b"when,ci,re\n2021-01-01T00:00:00Z,300,35\n").unwrap();
    assert_eq!(checked.table.columns(), ["ci", "cfe", "re"]);
    assert_eq!(checked.table.values("cfe").unwrap(), [None]);
    assert_eq!(checked.table.values("re").unwrap(), [Some(35.0)]);
    assert_eq!(checked.quarantined_total, 0);
}

#[test]
fn a_byte_order_mark_carriage_returns_quotes_and_blank_lines_are_no_faults() {
    let text = "\u{FEFF}\"when\", ci ,note\r\n\"2021-01-01T00:00:00Z\",\" 300 \",\"a, \"\"b\"\"\"\r\n\r\n\
                2021-01-01T01:00:00Z,301,\"two\r\nlines\"\r\n   \r\n,,\r\n\r\n";
    let checked = check_as(Format::Csv, text.as_bytes()).unwrap();
    assert_eq!(checked.quarantined, []);
    assert_eq!(checked.table.values("ci").unwrap(), [Some(300.0), Some(301.0)]);
}

#[test]
fn a_row_of_another_width_is_refused() {
    let checked = csv_rows("2021-01-01T05:00:00Z,IT,300,5,40,35\n2021-01-01T06:00:00Z,IT\n");
    let expected = [
        record(2, "", "2021-01-01T05:00:00Z,IT,300,5,40,35", "has 6 fields where the header has 5"),
        record(3, "", "2021-01-01T06:00:00Z,IT", "has 2 fields where the header has 5"),
    ];
    assert_eq!(checked.quarantined, expected);
    assert_eq!(checked.table.rows(), 2);
}

#[test]
fn an_open_quotation_mark_costs_its_own_row_only() {
    let checked = csv_rows("2021-01-01T05:00:00Z,IT,\"300,40,35\n2021-01-01T06:00:00Z,IT,306,40,35\n");
    let line = "2021-01-01T05:00:00Z,IT,\"300,40,35";
    assert_eq!(checked.quarantined, [record(2, "", line, "opens a quotation mark that nothing closes")]);
    assert_eq!(checked.table.rows(), 3);
}

#[test]
fn an_open_quotation_mark_in_the_last_column_costs_its_own_row_only() {
    let checked = csv_rows("2021-01-01T05:00:00Z,IT,300,40,\"35\n2021-01-01T06:00:00Z,IT,306,40,35\n");
    let line = "2021-01-01T05:00:00Z,IT,300,40,\"35";
    assert_eq!(checked.quarantined, [record(2, "", line, "opens a quotation mark that nothing closes")]);
    assert_eq!(checked.table.rows(), 3);
}

#[test]
fn open_quotation_marks_without_end_are_given_up() {
    // Every line opens a quotation mark that its neighbours close and open again, so that each swallows all others.
    let text = format!("when,ci\n{}", "b\",\"a\n".repeat(20_000));
    assert!(matches!(broken(Format::Csv, text.as_bytes()), BrokenReason::Quotes { row } if row < 100));
}

#[test]
fn a_missing_column_is_named_with_those_found() {
    let reason = broken(Format::Csv, b"time,ci\n2021-01-01T00:00:00Z,300\n");
    let text = reason.to_string();
    assert!(text.starts_with("column `when` is missing, found `time`, `ci`; add it"), "{text}");
    let text = broken(Format::Csv, b"when,value\n2021-01-01T00:00:00Z,300\n").to_string();
    assert!(text.starts_with("column `ci` is missing, found `when`, `value`; add it"), "{text}");
}

#[test]
fn a_header_of_a_thousand_columns_stays_readable() {
    let header = (0..1000).map(|i| format!("c{i}")).collect::<Vec<_>>().join(",");
    let text = broken(Format::Csv, header.as_bytes()).to_string();
    assert!(text.contains("`c39` and 960 more"), "{text}");
}

#[test]
fn a_doubled_column_is_ambiguous() {
    let reason = broken(Format::Csv, b"when,ci,ci\n2021-01-01T00:00:00Z,300,301\n");
    assert!(matches!(reason, BrokenReason::DoubledColumn { column } if column == "ci"));
}

#[test]
fn another_separator_is_named() {
    for (mark, name) in [(";", "`;`"), ("\t", "tabulators"), ("|", "`|`")] {
        let text = broken(Format::Csv, format!("when{mark}ci\n2021{mark}300,5\n").as_bytes()).to_string();
        assert!(text.contains(&format!("separated by {name}, found `when{mark}ci`")), "{text}");
    }
}

#[test]
fn a_header_without_a_row_is_no_batch() {
    assert!(matches!(broken(Format::Csv, HEADER.as_bytes()), BrokenReason::NoRow));
    assert!(matches!(broken(Format::Csv, b"when,ci\r\n\r\n"), BrokenReason::NoRow));
}

#[test]
fn a_header_in_another_encoding_is_named() {
    let reason = broken(Format::Csv, b"qu\xE0ndo,ci\n2021-01-01T00:00:00Z,300\n");
    assert!(matches!(reason, BrokenReason::NotUtf8 { .. }), "{reason}");
}

#[test]
fn a_row_longer_than_a_mebibyte_is_refused_alone() {
    let checked = csv_rows(&format!(
        "\n2021-01-01T01:00:00Z,IT,300,{},x\r\n2021-01-01T02:00:00Z,IT,301,1,2\n",
        "9".repeat(1 << 20)
    ));
    assert_eq!(checked.table.rows(), 3);
    let shown = format!("2021-01-01T01:00:00Z,IT,300,{}", "9".repeat(52));
    assert_eq!(checked.quarantined, [record(2, "", &shown, "is longer than 1048576 bytes")]);
}

#[test]
fn a_quotation_mark_that_nothing_closes_for_a_mebibyte_costs_its_own_row_alone() {
    let good = "2021-01-01T02:00:00Z,IT,301,1,2\n".repeat(40_000);
    let checked = csv_rows(&format!("2021-01-01T01:00:00Z,IT,\"300,1,2\n{good}"));
    assert_eq!(
        checked.quarantined[0],
        record(2, "", "2021-01-01T01:00:00Z,IT,\"300,1,2", "opens a quotation mark that nothing closes")
    );
    assert_eq!((checked.table.rows(), checked.rows_refused), (3, 40_000));
}
