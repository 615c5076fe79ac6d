//! How a file is cut, and the order in which its parts come.

use super::*;

fn definition() -> Definition {
    Definition::from_toml(
        "id = \"it.x\"\nunit = \"g\"\ncadence = \"1h\"\ntime_zone = \"UTC\"\n[source]\ntime_column = \"t\"\nvalue_column = \"v\"",
    )
    .unwrap()
}

fn texts(batches: &[Batch]) -> Vec<&str> {
    batches.iter().map(|b| std::str::from_utf8(&b.bytes).unwrap()).collect()
}

#[test]
fn each_day_becomes_a_batch_that_comes_at_its_end() {
    let file = "t,v\n2021-01-01T22:00:00Z,1\n2021-01-01T23:00:00Z,2\n2021-01-02T00:00:00Z,3\n";
    let batches = split(file.as_bytes(), Format::Csv, &definition(), 1).unwrap();
    let expected = ["t,v\n2021-01-01T22:00:00Z,1\n2021-01-01T23:00:00Z,2\n", "t,v\n2021-01-02T00:00:00Z,3\n"];
    assert_eq!(texts(&batches), expected);
    assert_eq!(batches[0].as_of, "2021-01-02".parse().unwrap());
}

#[test]
fn a_row_without_a_time_goes_with_the_row_before_it() {
    let file = "t,v\nyesterday,0\n2021-01-01T22:00:00Z,1\nnoon,9\n";
    let batches = split(file.as_bytes(), Format::Csv, &definition(), 1).unwrap();
    assert_eq!(texts(&batches), ["t,v\nyesterday,0\n2021-01-01T22:00:00Z,1\nnoon,9\n"]);
}

/// A row at each of these times.
fn file(times: &[&str]) -> String {
    let rows = times.iter().map(|time| format!("{time}T00:00:00Z,1\n"));
    format!("t,v\n{}", rows.collect::<String>())
}

/// The days of the batches, in which they come, each with the time at which it comes.
fn turns(times: &[&str], span: Span) -> Vec<(String, String)> {
    let day = |t: &str| t.chars().take(10).collect::<String>();
    let batches = split_span(file(times).as_bytes(), Format::Csv, &definition(), 1, span).unwrap();
    let rows = |batch: &Batch| day(std::str::from_utf8(&batch.bytes).unwrap().trim_start_matches("t,v\n"));
    batches.iter().map(|batch| (rows(batch), day(&batch.as_of.to_string()))).collect()
}

fn check_turns(times: &[&str], expected: &[(&str, &str)]) {
    check_span(times, (None, None), expected);
}

fn check_span(times: &[&str], (from, to): (Option<&str>, Option<&str>), expected: &[(&str, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(rows, at)| ((*rows).to_owned(), (*at).to_owned())).collect();
    let time = |day: &str| day.parse().unwrap();
    let span = Span { from: from.map(time), to: to.map(time) };
    assert_eq!(turns(times, span), expected, "{times:?} {from:?} {to:?}");
}

#[test]
fn days_out_of_order_come_in_the_order_of_time() {
    let sorted = [("2021-01-01", "2021-01-02"), ("2021-01-02", "2021-01-03"), ("2021-01-03", "2021-01-04")];
    check_turns(&["2021-01-01", "2021-01-02", "2021-01-03"], &sorted);
    check_turns(&["2021-01-03", "2021-01-01", "2021-01-02"], &sorted);
}

#[test]
fn a_row_long_before_all_others_does_not_become_the_beginning() {
    let expected = [("2021-01-01", "2021-01-02"), ("1970-01-01", "2021-01-02"), ("2021-01-02", "2021-01-03")];
    check_turns(&["2021-01-01", "1970-01-01", "2021-01-02"], &expected);
}

#[test]
fn a_row_long_after_all_others_comes_last() {
    let expected = [("2021-01-01", "2021-01-02"), ("2021-01-02", "2021-01-03"), ("2031-01-01", "2031-01-02")];
    check_turns(&["2031-01-01", "2021-01-01", "2021-01-02"], &expected);
}

#[test]
fn days_measured_years_before_the_rest_come_as_a_back_fill_newest_first() {
    let expected = [
        ("2021-01-01", "2021-01-02"),
        ("2019-01-02", "2021-01-02"),
        ("2019-01-01", "2021-01-02"),
        ("2021-01-02", "2021-01-03"),
        ("2021-01-03", "2021-01-04"),
    ];
    check_turns(&["2019-01-01", "2019-01-02", "2021-01-01", "2021-01-02", "2021-01-03"], &expected);
}

#[test]
fn a_pause_that_the_contract_allows_keeps_the_order_of_time() {
    // 300 days after 2021-01-01 is 2021-10-28.
    let days = ["2021-01-01", "2021-10-28", "2021-10-29"];
    let expected = [("2021-01-01", "2021-01-02"), ("2021-10-28", "2021-10-29"), ("2021-10-29", "2021-10-30")];
    check_turns(&days, &expected);
}

/// Two days of 2019, three of 2021, and one wrong row.
const YEARS: [&str; 6] = ["1970-01-01", "2019-01-01", "2019-01-02", "2021-01-01", "2021-01-02", "2021-01-03"];

#[test]
fn a_span_leaves_out_the_back_fill_whose_rows_lie_before_it() {
    let expected = [("2021-01-01", "2021-01-02"), ("2021-01-02", "2021-01-03"), ("2021-01-03", "2021-01-04")];
    check_span(&YEARS, (Some("2021-01-01"), None), &expected);
}

#[test]
fn a_span_that_ends_before_most_of_the_file_comes_as_a_file_of_it_alone_would() {
    let expected = [("2019-01-01", "2019-01-02"), ("2019-01-02", "2019-01-03")];
    check_span(&YEARS, (Some("2019-01-01"), Some("2019-12-31")), &expected);
}

#[test]
fn a_span_keeps_the_periods_that_lie_in_it_whole() {
    // The 2nd of January 2021 and nothing that a minute of is missing.
    let expected = [("2021-01-02", "2021-01-03")];
    check_span(&YEARS, (Some("2021-01-02"), Some("2021-01-03")), &expected);
    check_span(&YEARS, (Some("2021-01-01T00:01:00Z"), Some("2021-01-03T23:59:00Z")), &expected);
}

#[test]
fn a_span_with_nothing_in_it_has_no_batch() {
    check_span(&YEARS, (Some("2030-01-01"), None), &[]);
}

#[test]
fn a_file_without_the_time_column_names_what_it_has() {
    let error = split(b"a,b\n1,2\n", Format::Csv, &definition(), 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column `t` is missing, found `a`, `b`; add it or name the right column in the series' definition"
    );
}

#[test]
fn parquet_of_any_layout_is_cut_by_its_times_and_keeps_its_types() {
    use polars::prelude::{Column, DataFrame};
    let times = ["2021-01-02T00:00:00+01:00", "2021-01-02T01:00:00+01:00", "2021-01-02T02:00:00+01:00"];
    let columns = vec![
        Column::new("other".into(), [true, false, true]),
        Column::new("v".into(), [1_i64, 2, 3]),
        Column::new("t".into(), times),
    ];
    let mut frame = DataFrame::new(3, columns).unwrap();
    let bytes = crate::table::parquet::encode(&mut frame).unwrap();
    let batches = split(&bytes, Format::Parquet, &definition(), 1).unwrap();
    // 2021-01-02T00:00 in Rome's winter is 23:00 UTC of the day before.
    assert_eq!(
        batches.iter().map(|b| b.as_of.to_string()).collect::<Vec<_>>(),
        ["2021-01-02T00:00:00Z", "2021-01-03T00:00:00Z"]
    );
    let rows = |batch: &Batch| Rows::read(&batch.bytes, &definition()).unwrap().times.len();
    assert_eq!(batches.iter().map(rows).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn lines_of_json_are_kept_as_they_are() {
    let file = "{\"t\":\"2021-01-01T22:00:00Z\",\"v\":1}\n{\"t\":\"2021-01-02T00:00:00Z\",\"v\":2}\n";
    let batches = split(file.as_bytes(), Format::Ndjson, &definition(), 1).unwrap();
    assert_eq!(batches.len(), 2);
}

#[test]
fn lines_are_cut_by_whatever_time_ingestion_would_read_in_them() {
    // 1609538400 is 2021-01-01T22:00:00Z, 1609545600 two hours later; the third line is no text, the fourth no object.
    let file = b"{\"t\":1609538400,\"v\":1}\n{\"t\":\"2021-01-02T00:00:00Z\",\"v\":2}\n{\"t\":\"\xE9\"}\n[\n{\"t\":1609545600,\"v\":3}";
    let batches = split(file, Format::Ndjson, &definition(), 1).unwrap();
    let lines: Vec<usize> = batches.iter().map(|b| b.bytes.split(|byte| *byte == b'\n').count() - 1).collect();
    assert_eq!(lines, [1, 4]);
    assert_eq!(batches[1].as_of, "2021-01-03".parse().unwrap());
}

#[test]
fn a_row_in_another_encoding_keeps_its_bytes() {
    let file = b"t,v,name\n2021-01-01T22:00:00Z,1,\xE9t\xE9\n";
    let batches = split(file, Format::Csv, &definition(), 1).unwrap();
    assert_eq!(batches[0].bytes, file);
}

#[test]
fn an_open_quotation_mark_hides_no_row_after_it() {
    let file = "t,v\n2021-01-01T22:00:00Z,\"1\n2021-01-01T23:00:00Z,2\n2021-01-02T00:00:00Z,3\n";
    let batches = split(file.as_bytes(), Format::Csv, &definition(), 1).unwrap();
    let expected = ["t,v\n2021-01-01T22:00:00Z,\"1\n2021-01-01T23:00:00Z,2\n", "t,v\n2021-01-02T00:00:00Z,3\n"];
    assert_eq!(texts(&batches), expected);
}

#[test]
fn an_open_quotation_mark_in_a_note_at_the_end_hides_no_row_after_it() {
    let file = "t,v,note\n2021-01-01T22:00:00Z,1,\"x\n2021-01-01T23:00:00Z,2,y\n2021-01-02T00:00:00Z,3,z\n";
    assert_eq!(split(file.as_bytes(), Format::Csv, &definition(), 1).unwrap().len(), 2);
}

#[test]
fn a_quoted_line_break_stays_in_its_row() {
    let file = "t,v,note\r\n2021-01-01T22:00:00Z,1,\"two\nlines\"\r\n\r\n2021-01-02T00:00:00Z,3,x\r\n";
    let batches = split(file.as_bytes(), Format::Csv, &definition(), 1).unwrap();
    let expected = ["t,v,note\n2021-01-01T22:00:00Z,1,\"two\nlines\"\n", "t,v,note\n2021-01-02T00:00:00Z,3,x\n"];
    assert_eq!(texts(&batches), expected);
}

#[test]
fn the_last_day_there_is_ends_with_the_last_time_there_is() {
    let batches = split(file(&["2199-12-31"]).as_bytes(), Format::Csv, &definition(), 1).unwrap();
    assert_eq!(batches[0].as_of, "2199-12-31T23:59:59Z".parse().unwrap());
}

#[test]
fn a_history_of_more_rows_than_an_upload_may_have_is_refused_at_the_first_row_too_many() {
    let mut small = definition();
    small.contract.upload_rows = 2;
    let days = ["2021-01-01", "2021-01-02", "2021-01-03"];
    assert_eq!(split(file(&days[..2]).as_bytes(), Format::Csv, &small, 1).unwrap().len(), 2);
    let lines = "{\"t\":\"2021-01-01T00:00:00Z\",\"v\":1}\n".repeat(3);
    for (format, bytes) in [(Format::Csv, file(&days)), (Format::Ndjson, lines)] {
        let refused = split(bytes.as_bytes(), format, &small, 1).unwrap_err();
        assert!(matches!(refused, SplitError::TooManyRows { most: 2 }), "{refused}");
    }
}
