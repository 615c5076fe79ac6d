//! Parquet with typed columns.

use polars::prelude::{Column, DataFrame, DataType, IntoSeries, NamedFrom, Series, TimeUnit, TimeZone};
use polars_io::parquet::write::ParquetWriter;
use proptest::prelude::*;

use super::*;

/// Milliseconds of 2021-01-01T00:00:00Z, 18,628 days after the epoch.
const NEW_YEAR: i64 = 18_628 * 86_400_000;
const HOUR: i64 = 3_600_000;

fn file(columns: Vec<Series>) -> Vec<u8> {
    let columns: Vec<Column> = columns.into_iter().map(Column::from).collect();
    let mut frame = DataFrame::new_infer_height(columns).unwrap();
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
    bytes
}

fn instants(values: &[Option<i64>], unit: TimeUnit, zone: Option<TimeZone>) -> Series {
    Series::new("when".into(), values).i64().unwrap().clone().into_datetime(unit, zone).into_series()
}

fn two_hours() -> Series {
    instants(&[Some(NEW_YEAR), Some(NEW_YEAR + HOUR)], TimeUnit::Milliseconds, Some(TimeZone::UTC))
}

fn expected() -> [(String, f64); 2] {
    [("2021-01-01T00:00:00Z".to_owned(), 300.0), ("2021-01-01T01:00:00Z".to_owned(), 301.0)]
}

#[test]
fn times_of_every_resolution_are_read() {
    for (unit, scale) in
        [(TimeUnit::Milliseconds, 1), (TimeUnit::Microseconds, 1_000), (TimeUnit::Nanoseconds, 1_000_000)]
    {
        let ticks = [Some(NEW_YEAR * scale), Some((NEW_YEAR + HOUR) * scale)];
        let bytes = file(vec![Series::new("ci".into(), [300.0, 301.0]), instants(&ticks, unit, Some(TimeZone::UTC))]);
        assert_eq!(kept(&check_as(Format::Parquet, &bytes).unwrap()), expected());
    }
}

#[test]
fn times_as_text_or_unix_seconds_are_read() {
    let text = Series::new("when".into(), ["2021-01-01T00:00:00Z", "2021-01-01T02:00:00+01:00"]);
    let seconds = Series::new("when".into(), [NEW_YEAR / 1_000, (NEW_YEAR + HOUR) / 1_000]);
    for when in [text, seconds] {
        let bytes = file(vec![when, Series::new("ci".into(), [300.0, 301.0])]);
        assert_eq!(kept(&check_as(Format::Parquet, &bytes).unwrap()), expected());
    }
}

#[test]
fn values_of_every_numeric_type_and_texts_are_read() {
    let values = [
        Series::new("ci".into(), [300i32, 301]),
        Series::new("ci".into(), [300i64, 301]),
        Series::new("ci".into(), [300u32, 301]),
        Series::new("ci".into(), [300u64, 301]),
        Series::new("ci".into(), [300f32, 301.0]),
        Series::new("ci".into(), ["300", " 301 "]),
    ];
    for ci in values {
        let bytes = file(vec![two_hours(), ci]);
        assert_eq!(kept(&check_as(Format::Parquet, &bytes).unwrap()), expected());
    }
}

#[test]
fn bad_cells_are_named_like_those_of_text() {
    let when = instants(
        &[Some(NEW_YEAR), Some(NEW_YEAR + HOUR), Some(NEW_YEAR + 1), None, Some(NEW_YEAR + 2 * HOUR), Some(i64::MAX)],
        TimeUnit::Milliseconds,
        Some(TimeZone::UTC),
    );
    let ci = Series::new("ci".into(), [Some(300.0), Some(f64::NAN), Some(302.0), Some(303.0), None, Some(1.0)]);
    let cfe = Series::new("cfe".into(), ["x", "1", "2", "3", "4", "5"]);
    let mut lenient = definition();
    lenient.contract.bad_share = 0.9;
    let bytes = file(vec![when, ci, cfe]);
    let checked = check(&lenient, Format::Parquet, &bytes, None, received()).unwrap();
    let off_grid = "is not the start of a step of an hour in UTC";
    let expected = [
        record(1, "cfe", "x", "is not a number"),
        record(2, "ci", "NaN", "is not a number but NaN"),
        record(3, "when", "2021-01-01T00:00:00Z and a fraction of a second", off_grid),
        record(4, "when", "", "is empty"),
        record(5, "ci", "", "is empty"),
    ];
    assert_eq!(checked.quarantined[..5], expected);
    assert_eq!(checked.quarantined[5].row, 6);
    assert_eq!(checked.table.rows(), 1);
}

#[test]
fn times_without_a_zone_are_refused() {
    let when = instants(&[Some(NEW_YEAR)], TimeUnit::Milliseconds, None);
    let text = broken(Format::Parquet, &file(vec![when, Series::new("ci".into(), [300.0])])).to_string();
    assert!(text.starts_with("column `when` holds times without a zone; store times with the zone UTC"), "{text}");
}

#[test]
fn a_column_of_another_kind_is_refused() {
    let text = broken(Format::Parquet, &file(vec![two_hours(), Series::new("ci".into(), [true, false])])).to_string();
    assert!(text.starts_with("column `ci` holds true or false; store numbers"), "{text}");
}

#[test]
fn a_column_that_is_not_needed_may_hold_anything() {
    let flag = Series::new("flag".into(), [true, false]);
    let bytes = file(vec![flag, two_hours(), Series::new("ci".into(), [300.0, 301.0])]);
    assert_eq!(kept(&check_as(Format::Parquet, &bytes).unwrap()), expected());
}

#[test]
fn a_missing_column_is_named_with_those_found() {
    let text = broken(Format::Parquet, &file(vec![two_hours()])).to_string();
    assert!(text.starts_with("column `ci` is missing, found `when`;"), "{text}");
}

#[test]
fn a_table_without_a_row_is_no_batch() {
    let when = two_hours().slice(0, 0);
    let bytes = file(vec![when, Series::new_empty("ci".into(), &DataType::Float64)]);
    assert!(matches!(broken(Format::Parquet, &bytes), BrokenReason::NoRow));
}

#[test]
fn more_rows_than_allowed_are_refused_before_they_are_decoded() {
    let mut small = definition();
    small.contract.upload_rows = 1;
    let bytes = file(vec![two_hours(), Series::new("ci".into(), [300.0, 301.0])]);
    let reason = check(&small, Format::Parquet, &bytes, None, received()).unwrap_err().reason;
    assert!(matches!(*reason, BrokenReason::TooManyRows { found: Some(_), most: 1 }));
}

#[test]
fn what_decompresses_to_more_than_allowed_is_refused() {
    let hours = 100_000;
    let when: Vec<Option<i64>> = (0..hours).map(|h| Some(NEW_YEAR + h * HOUR)).collect();
    let same = vec!["300"; hours as usize];
    let bytes =
        file(vec![instants(&when, TimeUnit::Milliseconds, Some(TimeZone::UTC)), Series::new("ci".into(), same)]);
    let mut small = definition();
    small.contract.upload_bytes = bytes.len() as u64;
    let reason = check(&small, Format::Parquet, &bytes, None, received()).unwrap_err().reason;
    assert!(matches!(*reason, BrokenReason::TooManyBytes { .. }), "{reason}");
}

#[test]
fn what_a_table_was_stored_as_can_be_handed_in_again() {
    let mut own = definition();
    own.source.time_column = crate::table::TIME_COLUMN.to_owned();
    let table = csv_rows("").table;
    let bytes = table.to_parquet().unwrap();
    assert_eq!(check(&own, Format::Parquet, &bytes, None, received()).unwrap().table, table);
}

#[test]
fn damaged_files_are_errors() {
    let bytes = file(vec![two_hours(), Series::new("ci".into(), [300.0, 301.0])]);
    for length in 4..bytes.len() {
        let reason = broken(Format::Parquet, &bytes[..length]);
        assert!(matches!(reason, BrokenReason::Parquet(_)), "{length}: {reason}");
    }
}

#[test]
fn a_flipped_byte_anywhere_never_panics() {
    let bytes = file(vec![two_hours(), Series::new("ci".into(), [300.0, 301.0])]);
    for place in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut damaged = bytes.clone();
            damaged[place] ^= flip;
            let _ = check_as(Format::Parquet, &damaged);
        }
    }
}

/// A file with all that is read: several row groups, dictionaries, empty cells, text.
fn rich_file() -> Vec<u8> {
    let hours: Vec<Option<i64>> = (0..60).map(|h| (h % 11 != 3).then_some(NEW_YEAR + h * HOUR)).collect();
    let values: Vec<Option<f64>> = (0..60).map(|h| (h % 7 != 0).then_some(300.0 + f64::from(h % 5))).collect();
    let texts: Vec<Option<&str>> =
        (0..60).map(|h| [Some("40"), None, Some("a longer text than a view holds")][h % 3]).collect();
    let columns = [
        instants(&hours, TimeUnit::Microseconds, Some(TimeZone::UTC)),
        Series::new("ci".into(), values),
        Series::new("cfe".into(), texts),
        Series::new("re".into(), (0..60i32).collect::<Vec<_>>()),
    ];
    let mut frame = DataFrame::new_infer_height(columns.into_iter().map(Column::from).collect()).unwrap();
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).with_row_group_size(Some(16)).finish(&mut frame).unwrap();
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_changes_to_a_good_file_make_it_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        static FILE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(rich_file);
        let mut bytes = FILE.clone();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = check_as(Format::Parquet, &bytes);
    }
}
