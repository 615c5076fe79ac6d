//! NDJSON: one object a line.

use super::*;

fn lines(text: &str) -> Checked {
    check_as(Format::Ndjson, text.as_bytes()).unwrap()
}

#[test]
fn numbers_texts_and_unix_seconds_are_read() {
    // 2021-01-01 is 18,628 days after the epoch: 1,609,459,200 seconds.
    let checked = lines(
        "{\"when\":\"2021-01-01T01:00:00Z\",\"ci\":301.5,\"cfe\":\"41\",\"other\":[{\"a\":1}]}\r\n\n\
         {\"when\":1609459200,\"ci\":\"300\",\"re\":null}\n",
    );
    let expected = [("2021-01-01T00:00:00Z".to_owned(), 300.0), ("2021-01-01T01:00:00Z".to_owned(), 301.5)];
    assert_eq!(kept(&checked), expected);
    assert_eq!(checked.table.values("cfe").unwrap(), [None, Some(41.0)]);
    assert_eq!(checked.quarantined, []);
}

#[test]
fn a_line_that_is_no_object_is_refused() {
    let good = r#"{"when":"2021-01-01T00:00:00Z","ci":300}"#;
    let later = |hour: &str| good.replace("T00", hour);
    let checked = lines(&format!("{good}\n[1,2]\n\n{good}x\n42\n{}\n{}\n", later("T01"), later("T02")));
    let rows: Vec<(u64, &str)> = checked.quarantined.iter().map(|q| (q.row, q.column.as_str())).collect();
    assert_eq!(rows, [(2, ""), (3, ""), (4, "")]);
    assert_eq!(checked.quarantined[0].value, "[1,2]");
    let reason = &checked.quarantined[1].reason;
    assert!(reason.starts_with("is no JSON object: trailing characters"), "{reason}");
    assert_eq!(checked.table.rows(), 3);
}

#[test]
fn a_line_that_quotes_itself_in_the_error_stays_short() {
    let good = r#"{"when":"2021-01-01T00:00:00Z","ci":300}"#;
    let checked = lines(&format!("{good}\n\"{}\"\n", "x".repeat(10_000)));
    assert!(checked.quarantined[0].reason.chars().count() < 200);
}

#[test]
fn a_row_without_the_value_is_refused() {
    let checked = lines("{\"when\":\"2021-01-01T00:00:00Z\",\"ci\":300}\n{\"when\":\"2021-01-01T01:00:00Z\"}\n");
    assert_eq!(checked.quarantined, [record(2, "ci", "", "is empty")]);
}

#[test]
fn a_value_of_another_kind_is_refused() {
    let good = "{\"when\":\"2021-01-01T00:00:00Z\",\"ci\":300}\n".to_owned();
    let bad = ["true", "[1]", "{\"a\":1}"].map(|v| format!("{{\"when\":\"2021-01-01T01:00:00Z\",\"ci\":{v}}}\n"));
    let later = good.replace("T00", "T02") + &good.replace("T00", "T03");
    let checked = lines(&(good + &bad.concat() + &later));
    let values: Vec<&str> = checked.quarantined.iter().map(|q| q.value.as_str()).collect();
    assert_eq!(values, ["true", "an array", "an object"]);
    assert_eq!(checked.table.rows(), 3);
}

#[test]
fn milliseconds_are_not_guessed_to_be_a_time() {
    let checked = lines("{\"when\":1609459200,\"ci\":300}\n{\"when\":1609459200000,\"ci\":300}\n");
    assert_eq!(checked.quarantined, [record(2, "when", "1609459200000", "is a time outside the years 1900 to 2199")]);
}

#[test]
fn a_column_that_no_object_has_is_missing() {
    let text = broken(Format::Ndjson, b"{\"when\":\"2021-01-01T00:00:00Z\",\"value\":1}\n").to_string();
    assert!(text.starts_with("column `ci` is missing, found `when`, `value`;"), "{text}");
}

#[test]
fn one_array_is_named() {
    assert!(matches!(broken(Format::Ndjson, b"  [\n{}\n]"), BrokenReason::JsonArray));
}

#[test]
fn a_deeply_nested_line_is_refused_without_harm() {
    let good = "{\"when\":\"2021-01-01T00:00:00Z\",\"ci\":300}\n";
    let deep = format!("{{\"x\":{}\n", "[".repeat(100_000));
    let checked = lines(&(good.to_owned() + &deep));
    assert_eq!(checked.quarantined[0].row, 2);
}

#[test]
fn a_number_beyond_all_measure_is_shown_in_80_letters() {
    let line = |hour: u32, value: &str| format!("{{\"when\":\"2021-01-01T0{hour}:00:00Z\",\"ci\":{value}}}\n");
    let text = line(0, "300") + &line(1, "1e300") + &line(2, "301");
    let checked = check_as(Format::Ndjson, text.as_bytes()).unwrap();
    assert_eq!(checked.quarantined[0].value, format!("1{}", "0".repeat(79)));
}
