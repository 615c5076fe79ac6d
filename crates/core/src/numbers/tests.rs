//! Numbers and texts of files of any layout.

use polars::prelude::{Column as Stored, IntoSeries, NamedFrom, Series, TimeZone};

use super::*;
use crate::table::parquet::encode;

fn csv(text: &str) -> Result<Numbers, Unreadable> {
    read(Format::Csv, text.as_bytes())
}

fn parquet(columns: Vec<Series>) -> Vec<u8> {
    let columns = columns.into_iter().map(Stored::from).collect();
    encode(&mut DataFrame::new_infer_height(columns).unwrap()).unwrap()
}

fn values(numbers: &Numbers, name: &str) -> Result<Vec<f64>, NotNumeric> {
    numbers.columns.iter().find(|c| c.name == name).unwrap().values.clone()
}

/// The bits, so that NaN equals NaN.
fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|v| if v.is_nan() { f64::NAN.to_bits() } else { v.to_bits() }).collect()
}

#[test]
fn numbers_are_read_beside_columns_that_hold_none() {
    let numbers = csv("\u{feff}time, load ,price\n2023-01-01,1.5,-2e3\n2023-01-02,2,+.5\n").unwrap();
    assert_eq!(values(&numbers, "load"), Ok(vec![1.5, 2.0]));
    assert_eq!(values(&numbers, "price"), Ok(vec![-2_000.0, 0.5]));
    let time = NotNumeric::Cell { row: 1, value: "2023-01-01".to_owned() };
    assert_eq!(values(&numbers, "time"), Err(time));
}

#[test]
fn what_stands_for_a_missing_value_is_one_and_infinity_is_none() {
    let numbers = csv("a,b\n1,\n,2\nNaN,3\nNA,4\nn/a,5\nNULL,6\nNone, 7\n  ,8\ninf,-inf\n").unwrap();
    let nan = f64::NAN;
    assert_eq!(bits(&values(&numbers, "a").unwrap()), bits(&[1.0, nan, nan, nan, nan, nan, nan, nan, f64::INFINITY]));
    assert_eq!(bits(&values(&numbers, "b").unwrap())[..3], bits(&[nan, 2.0, 3.0]));
    assert_eq!(values(&numbers, "b").unwrap()[8], f64::NEG_INFINITY);
}

#[test]
fn a_row_of_missing_values_is_a_row() {
    assert_eq!(values(&csv("a,b\n1,2\n,\n3,4\n").unwrap(), "a").unwrap().len(), 3);
}

#[test]
fn the_first_cell_that_is_no_number_is_named() {
    let numbers = csv("a,b\n1,\"1,5\"\n2,3\nabc,4\nxyz,5\n").unwrap();
    assert_eq!(values(&numbers, "a"), Err(NotNumeric::Cell { row: 3, value: "abc".to_owned() }));
    let comma = values(&numbers, "b").unwrap_err();
    assert_eq!(comma, NotNumeric::Comma { row: 1, value: "1,5".to_owned() });
    assert!(comma.to_string().contains("write numbers with `.`"));
}

#[test]
fn a_name_that_stands_twice_names_no_column() {
    let numbers = csv("a,b,a\n1,2,3\n").unwrap();
    assert_eq!(values(&numbers, "a"), Err(NotNumeric::Doubled));
    assert_eq!(values(&numbers, "b"), Ok(vec![2.0]));
}

#[test]
fn what_is_no_table_says_what_it_is_and_what_to_do() {
    let cases: [(&[u8], &str); 7] = [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"a;b\n1;2\n", "separated by `;`"),
        (b"a,b\n1,2\n3\n", "row 2 has 1 cells and the header 2; correct the row"),
        (b"%PDF-1.7", "a PDF document, no table; give CSV or Parquet"),
        (b"\x1f\x8b\x08", "decompress it first"),
        (b"\xff\xfea\0", "UTF-16; save it as UTF-8"),
    ];
    for (bytes, expected) in cases {
        let told = read(Format::Csv, bytes).unwrap_err().to_string();
        assert!(told.contains(expected), "{told}");
    }
    let told = read(Format::Parquet, b"a,b\n1,2\n").unwrap_err().to_string();
    assert_eq!(told, "the file is named parquet but is text; name it for what it is");
}

#[test]
fn an_open_quotation_mark_takes_no_lines_and_is_named_by_its_line() {
    let cases = [
        ("a,b\n1,2\n3,\"4\n5,6\n", 3),
        ("a,b\r\n\r\n1,\"2\r\n5,6\r\n", 3),
        ("a,b\r1,2\r3,\"4\r5,6\r", 3),
        ("\"a,b\n1,2\n", 1),
        // A later mark closes it, and the rows between would be gone.
        ("a,b\n1,\"2\n3,4\n5,\"6\"\n7,8\n", 2),
        ("a,b\n\"x\ny\",1\n2,\"z\n3,4\n", 4),
    ];
    for (text, line) in cases {
        let told = csv(text).unwrap_err().to_string();
        assert!(told.starts_with(&format!("line {line} opens a quotation mark")), "{text}: {told}");
        assert!(told.ends_with("; correct the quotes"), "{told}");
    }
}

#[test]
fn quotation_marks_that_are_closed_or_mean_inches_are_read() {
    let text = "kind,b\n\"two\nlines\",1\n5\" pipe,2\n\"a \"\"b\"\"\",3\n";
    let numbers = csv(text).unwrap();
    assert_eq!(values(&numbers, "b"), Ok(vec![1.0, 2.0, 3.0]));
    let texts = texts(Format::Csv, text.as_bytes(), &numbers).unwrap();
    assert_eq!(texts["kind"].values().flatten().collect::<Vec<_>>(), ["two\nlines", "5\" pipe", "a \"b\""]);
}

#[test]
fn other_bytes_than_utf_8_are_refused_by_their_line_and_replaced_nowhere() {
    for (bytes, line) in [(b"k\xfchl,b\n1,2\n".as_slice(), 1), (b"a,b\nx,1\n\nk\xfchl,2\n", 4)] {
        let told = read(Format::Csv, bytes).unwrap_err().to_string();
        assert_eq!(told, format!("line {line} is no UTF-8 text; save the file as UTF-8"));
    }
}

#[test]
fn a_parquet_file_gives_its_numbers_of_every_width_and_says_what_the_rest_is() {
    let bytes = parquet(vec![
        Series::new("whole".into(), [Some(1_i32), None, Some(3)]),
        Series::new("long".into(), [1_i64 << 40, 2, 3]),
        Series::new("single".into(), [0.5_f32, f32::NAN, f32::INFINITY]),
        Series::new("text".into(), ["1", "2", "3"]),
    ]);
    let numbers = read(Format::Parquet, &bytes).unwrap();
    assert_eq!(bits(&values(&numbers, "whole").unwrap()), bits(&[1.0, f64::NAN, 3.0]));
    assert_eq!(values(&numbers, "long"), Ok(vec![(1_i64 << 40) as f64, 2.0, 3.0]));
    assert_eq!(bits(&values(&numbers, "single").unwrap()), bits(&[0.5, f64::NAN, f64::INFINITY]));
    assert_eq!(
        values(&numbers, "text"),
        Err(NotNumeric::Type { found: "text".to_owned(), wanted: "32- or 64-bit numbers" })
    );
}

#[test]
fn a_table_without_a_row_has_columns_without_a_value() {
    assert_eq!(values(&csv("a,b\n").unwrap(), "b"), Ok(vec![]));
    let empty = parquet(vec![Series::new("a".into(), Vec::<f64>::new())]);
    assert_eq!(values(&read(Format::Parquet, &empty).unwrap(), "a"), Ok(vec![]));
}

#[test]
fn what_holds_no_numbers_is_read_as_text_and_what_stands_for_nothing_is_missing() {
    let bytes = b"kind,load,when\n wind ,1,2023-01-01T00:00:00Z\nn/a,2,2023-01-01T01:00:00Z\nsolar,3,\n";
    let numbers = read(Format::Csv, bytes).unwrap();
    let texts = texts(Format::Csv, bytes, &numbers).unwrap();
    assert_eq!(texts["kind"].values().collect::<Vec<_>>(), [Some("wind"), None, Some("solar")]);
    assert_eq!(texts["when"].values().last(), Some(None));
    assert!(!texts.contains_key("load"));
}

#[test]
fn a_parquet_file_gives_its_texts_and_its_points_in_time() {
    let hours = Series::new("when".into(), [Some(1_672_531_200_000_i64), None]).i64().unwrap().clone();
    let hours = hours.into_datetime(TimeUnit::Milliseconds, Some(TimeZone::UTC)).into_series();
    let bytes = parquet(vec![Series::new("kind".into(), [Some("wind"), None]), hours]);
    let numbers = read(Format::Parquet, &bytes).unwrap();
    let texts = texts(Format::Parquet, &bytes, &numbers).unwrap();
    assert_eq!(texts["kind"].values().collect::<Vec<_>>(), [Some("wind"), None]);
    assert_eq!(texts["when"].values().collect::<Vec<_>>(), [Some("2023-01-01T00:00:00Z"), None]);
}

#[test]
fn times_of_every_unit_and_dates_of_a_parquet_file_are_read_alike() {
    let hour = 1_672_534_800_i64;
    let units =
        [(TimeUnit::Milliseconds, 1_000), (TimeUnit::Microseconds, 1_000_000), (TimeUnit::Nanoseconds, 1_000_000_000)];
    for (unit, per_second) in units {
        let when = Series::new("when".into(), [hour * per_second]).i64().unwrap().clone();
        let bytes = parquet(vec![when.into_datetime(unit, None).into_series()]);
        let numbers = read(Format::Parquet, &bytes).unwrap();
        let texts = texts(Format::Parquet, &bytes, &numbers).unwrap();
        assert_eq!(texts["when"].values().collect::<Vec<_>>(), [Some("2023-01-01T01:00:00Z")], "{unit:?}");
    }
    let day = Series::new("day".into(), [Some(19_358_i32), None]).cast(&DataType::Date).unwrap();
    let bytes = parquet(vec![day]);
    let numbers = read(Format::Parquet, &bytes).unwrap();
    let texts = texts(Format::Parquet, &bytes, &numbers).unwrap();
    assert_eq!(texts["day"].values().collect::<Vec<_>>(), [Some("2023-01-01"), None]);
}

#[test]
fn short_whole_numbers_of_a_parquet_file_are_numbers_and_true_and_false_are_text() {
    let bytes = parquet(vec![
        Series::new("byte".into(), [Some(-3_i8), None]),
        Series::new("short".into(), [300_i16, -300]),
        Series::new("holiday".into(), [Some(true), None]),
    ]);
    let numbers = read(Format::Parquet, &bytes).unwrap();
    assert_eq!(bits(&values(&numbers, "byte").unwrap()), bits(&[-3.0, f64::NAN]));
    assert_eq!(values(&numbers, "short"), Ok(vec![300.0, -300.0]));
    let texts = texts(Format::Parquet, &bytes, &numbers).unwrap();
    assert_eq!(texts["holiday"].values().collect::<Vec<_>>(), [Some("true"), None]);
}

#[test]
fn a_parquet_file_that_is_cut_off_is_refused() {
    let whole = parquet(vec![Series::new("a".into(), [1.0, 2.0])]);
    let cut = read(Format::Parquet, &whole[..whole.len() - 9]).unwrap_err().to_string();
    assert!(cut.contains("not readable as Parquet") && cut.contains("write it again"), "{cut}");
}

#[test]
fn a_parquet_file_without_numbers_is_a_table_all_the_same() {
    let numbers = read(Format::Parquet, &parquet(vec![Series::new("a".into(), ["x", "y"])])).unwrap();
    assert!(values(&numbers, "a").is_err());
}
