//! What breaks a whole batch, and that the message says the next step.

use super::*;
use crate::contract::Broken;

fn unit_of(values: [f64; 3], recent: f64) -> Result<Checked, super::super::Broken> {
    let rows = values.iter().enumerate().map(|(hour, v)| format!("2021-01-01T0{hour}:00:00Z,{v}\n"));
    let text = format!("when,ci\n{}", rows.collect::<String>());
    check(&definition(), Format::Csv, text.as_bytes(), Some(&known_at(recent)), received())
}

#[test]
fn nothing_is_an_empty_file() {
    for bytes in [&b""[..], b" \r\n\n", b"\xEF\xBB\xBF"] {
        for format in [Format::Csv, Format::Ndjson, Format::Parquet] {
            assert!(matches!(broken(format, bytes), BrokenReason::Empty));
        }
    }
}

#[test]
fn what_is_no_table_is_named_for_what_it_is() {
    let page = broken(Format::Csv, b"\n<!DOCTYPE html><html>").to_string();
    assert_eq!(page, "the file is an HTML or XML page, no table; hand in CSV, NDJSON or Parquet");
    let gzip = broken(Format::Csv, b"\x1F\x8B\x08\x00abc").to_string();
    assert_eq!(gzip, "the file is compressed with gzip; decompress it first");
    let image = broken(Format::Ndjson, b"\x89PNG\r\n\x1A\n").to_string();
    assert_eq!(image, "the file is a PNG image, no table; hand in CSV, NDJSON or Parquet");
    let sheet = broken(Format::Csv, b"PK\x03\x04...").to_string();
    assert_eq!(sheet, "the file is a zip archive or a spreadsheet; decompress it first");
    let binary = broken(Format::Csv, b"when,ci\n\x00\x01\x02").to_string();
    assert_eq!(binary, "the file is binary data, no table; hand in CSV, NDJSON or Parquet");
    let utf16 = broken(Format::Csv, b"\xFF\xFEw\x00h\x00").to_string();
    assert_eq!(utf16, "the file is not UTF-8 text but UTF-16; save it as UTF-8");
}

#[test]
fn a_file_of_another_format_is_named() {
    let parquet = broken(Format::Csv, b"PAR1.....PAR1").to_string();
    assert_eq!(parquet, "the file was handed in as csv but is parquet; hand it in as that");
    let text = broken(Format::Parquet, b"when,ci\n").to_string();
    assert_eq!(text, "the file was handed in as parquet but is text; hand it in as that");
    assert!(matches!(broken(Format::Json, b"{}"), BrokenReason::Document));
}

#[test]
fn more_bytes_than_allowed_are_refused_before_they_are_read() {
    let mut small = definition();
    small.contract.upload_bytes = 10;
    let reason = check(&small, Format::Csv, b"when,ci\nnot read", None, received()).unwrap_err().reason;
    assert!(matches!(*reason, BrokenReason::TooManyBytes { found: 16, most: 10 }));
    assert!(reason.to_string().contains("split it by time"));
}

#[test]
fn more_rows_than_allowed_are_refused() {
    let mut small = definition();
    small.contract.upload_rows = 2;
    let row = |hour| format!("2021-01-01T0{hour}:00:00Z,300\n");
    let two = format!("when,ci\n{}{}", row(0), row(1));
    assert!(check(&small, Format::Csv, two.as_bytes(), None, received()).is_ok());
    let three = two + "not even a good one\n";
    let reason = check(&small, Format::Csv, three.as_bytes(), None, received()).unwrap_err().reason;
    assert!(matches!(*reason, BrokenReason::TooManyRows { found: None, most: 2 }));
}

#[test]
fn a_batch_without_a_good_row_is_broken_and_its_rows_are_listed() {
    let error = check_as(Format::Csv, b"when,ci\nx,1\n2021-01-01T00:00:00Z,y\n").unwrap_err();
    assert!(matches!(*error.reason, BrokenReason::NoGoodRow { rows: 2 }));
    assert_eq!(error.quarantined_total, 2);
    assert_eq!(error.quarantined[1], record(2, "ci", "y", "is not a number"));
}

#[test]
fn more_bad_rows_than_allowed_break_the_batch() {
    let text = "when,ci\n2021-01-01T00:00:00Z,300\n2021-01-01T01:00:00Z,-1\n";
    assert_eq!(check_as(Format::Csv, text.as_bytes()).unwrap().table.rows(), 1);
    let reason = broken(Format::Csv, format!("{text}2021-01-01T02:00:00Z,-1\n").as_bytes());
    assert!(matches!(reason, BrokenReason::BadShare { bad: 2, rows: 3, most: 0.5 }));
    assert!(reason.to_string().starts_with("2 of 3 rows are bad, the contract allows a share of 0.5;"));
}

#[test]
fn a_unit_too_large_is_told_by_both_medians() {
    let reason = unit_of([1400.0, 1300.0, 1350.0], 270.0).unwrap_err().reason;
    assert_eq!(
        reason.to_string(),
        "the unit must be wrong: the median is 1350, that of the last four weeks 270, and the nearest of \
         them is apart by a factor of 4.0 where 2.5 is allowed; convert the values to gCO2eq/kWh"
    );
}

#[test]
fn a_unit_too_small_is_told_too() {
    let reason = unit_of([50.0, 60.0, 70.0], 270.0).unwrap_err().reason;
    // The least of the last four weeks, 216, over 60.
    assert!(matches!(*reason, BrokenReason::Unit { batch: 60.0, recent: 270.0, factor: 3.6, .. }));
}

#[test]
fn a_factor_that_is_allowed_is_no_fault() {
    assert!(unit_of([90.0, 80.0, 100.0], 270.0).is_ok());
    assert!(unit_of([840.0, 800.0, 850.0], 270.0).is_ok());
}

#[test]
fn a_unit_that_puts_every_row_out_of_range_is_the_reason_given() {
    // Kilograms instead of grams: all rows lie below the minimum, and the cause is the unit.
    let error = unit_of([0.3, 0.31, 0.32], 310.0).unwrap_err();
    assert!(matches!(*error.reason, BrokenReason::Unit { batch: 0.31, .. }));
    assert_eq!(error.quarantined_total, 3);
}

/// Checks a day of hours at these values after a restless month from 20 to 300, its median 90, that ended at 100.
fn check_hours_after_100(value: impl Fn(u32) -> f64) -> Result<u64, Broken> {
    check_hours_after(100.0, value)
}

fn check_hours_after(newest: f64, value: impl Fn(u32) -> f64) -> Result<u64, Broken> {
    let level = Level { median: 90.0, values: 672, range: Some((20.0, 300.0)), still: Some(1), newest: Some(newest) };
    let known = Known { level: Some(level), ..known_at(90.0) };
    let row = |hour: u32| format!("2021-01-01T{hour:02}:00:00Z,{}\n", value(hour));
    let text = format!("when,ci\n{}", (0..24).map(row).collect::<String>());
    check_day(&text, &known).map(|checked| checked.table.rows())
}

#[test]
fn a_unit_whose_values_a_restless_month_has_seen_too_is_told_by_the_jump_from_the_hour_before() {
    // 100 / 3.6 is 27.8, and the smaller of the two factors is that of the first value: 100 / 28.
    let error = check_hours_after_100(|hour| 28.0 - 0.2 * f64::from(hour)).unwrap_err();
    let BrokenReason::Jump { first: 28.0, median, before: 100.0, factor, .. } = *error.reason else {
        panic!("{error}")
    };
    // Six hours from 28.0 down to 27.0.
    assert!((median - 27.5).abs() < 1e-9 && (factor - 100.0 / 28.0).abs() < 1e-9, "{median} {factor}");
    let larger = check_hours_after_100(|hour| 360.0 + f64::from(hour)).unwrap_err();
    assert!(matches!(*larger.reason, BrokenReason::Jump { .. }), "{larger}");
}

#[test]
fn right_values_after_ones_in_a_wrong_unit_that_got_in_are_taken() {
    // A feed per megajoule stood at 25 and goes on at 90, the month's median.
    assert_eq!(check_hours_after(25.0, |hour| 90.0 + f64::from(hour)).unwrap(), 24);
}

#[test]
fn a_value_that_stands_alone_or_a_night_that_falls_slowly_is_no_jump() {
    assert!(check_hours_after_100(|hour| if hour == 0 { 28.0 } else { 95.0 + f64::from(hour) }).is_ok());
    // Down to a ninth, a fifth of it an hour.
    let falling = |hour: u32| 200.0 * 0.8_f64.powi(hour.min(9) as i32 + 1) + f64::from(hour) / 10.0;
    assert!(check_hours_after(200.0, falling).is_ok());
}

#[test]
fn the_first_batch_has_no_level_to_be_compared_with() {
    let text = b"when,ci\n2021-01-01T00:00:00Z,1400\n";
    assert!(check_as(Format::Csv, text).is_ok());
}

#[test]
fn more_refused_rows_than_are_listed_are_counted() {
    let mut lenient = definition();
    lenient.contract.bad_share = 1.0;
    let text = format!("when,ci\n{}2021-01-01T00:00:00Z,300\n", "x,1\n".repeat(10_005));
    let checked = check(&lenient, Format::Csv, text.as_bytes(), None, received()).unwrap();
    assert_eq!((checked.quarantined.len(), checked.quarantined_total, checked.rows_refused), (10_000, 10_005, 10_005));
    assert_eq!(checked.table.rows(), 1);
}

#[test]
fn a_value_column_called_like_the_tables_time_is_an_error() {
    let mut odd = definition();
    odd.source.value_column = crate::table::TIME_COLUMN.to_owned();
    let text = b"when,timestamp_utc\n2021-01-01T00:00:00Z,300\n";
    let reason = check(&odd, Format::Csv, text, None, received()).unwrap_err().reason;
    assert!(matches!(*reason, BrokenReason::Table(_)), "{reason}");
}

#[test]
fn the_quarantine_document_reads_back_as_it_was_written() {
    use crate::artifact::{Kind, Ref};
    let raw = Ref::of(Kind::Raw, &"it.ci_direct".parse().unwrap(), Format::Csv, b"x");
    let document = super::super::Quarantine { raw, total: 3, rows: vec![record(1, "ci", "x\"y", "is not a number")] };
    let bytes = crate::document::encode(&document).unwrap();
    assert_eq!(crate::document::decode::<super::super::Quarantine>(&bytes).unwrap(), document);
}

/// A day of hours that stands still from one hour to another.
fn day_standing_still(from: u32, until: u32) -> String {
    let value = |hour: u32| if (from..until).contains(&hour) { 250 } else { 260 + hour };
    let row = |hour: u32| format!("2021-01-01T{hour:02}:00:00Z,{}\n", value(hour));
    format!("when,ci\n{}", (0..24).map(row).collect::<String>())
}

fn check_day(text: &str, known: &Known) -> Result<Checked, Broken> {
    check(&definition(), Format::Csv, text.as_bytes(), Some(known), received())
}

#[test]
fn hours_of_a_stuck_meter_are_quarantined_from_the_first_on() {
    let checked = check_day(&day_standing_still(5, 11), &known_at(270.0)).unwrap();
    assert_eq!((checked.table.rows(), checked.rows_refused), (18, 6));
    let reason = "is the same for 6 hours and more, as from a stuck meter; raise contract.stuck_hours if it is true";
    assert_eq!(checked.quarantined[0], record(6, "ci", "250", reason));
    // Five hours may be true.
    assert_eq!(check_day(&day_standing_still(5, 10), &known_at(270.0)).unwrap().table.rows(), 24);
}

#[test]
fn a_day_of_a_stuck_meter_is_rejected_for_it() {
    let reason = check_day(&day_standing_still(0, 24), &known_at(270.0)).unwrap_err().reason;
    assert!(matches!(*reason, BrokenReason::Stuck { stuck: 24, rows: 24, hours: 6 }), "{reason}");
}

#[test]
fn a_series_that_stood_still_for_as_long_or_allows_it_is_not_stuck() {
    let level = Some(Level { median: 250.0, values: 672, range: Some((240.0, 260.0)), still: Some(24), newest: None });
    let known = Known { level, ..known_at(270.0) };
    assert_eq!(check_day(&day_standing_still(0, 24), &known).unwrap().table.rows(), 24);
    let mut lenient = definition();
    lenient.contract.stuck_hours = 0;
    let text = day_standing_still(0, 24);
    let checked = check(&lenient, Format::Csv, text.as_bytes(), Some(&known_at(270.0)), received()).unwrap();
    assert_eq!(checked.table.rows(), 24);
}

#[test]
fn equal_values_on_both_sides_of_a_gap_are_no_standstill() {
    let text = day_standing_still(5, 12).replace("2021-01-01T08:00:00Z,250\n", "");
    assert_eq!(check_day(&text, &known_at(270.0)).unwrap().table.rows(), 23);
}
