//! Laws that hold for any input.

use proptest::prelude::*;

use super::*;

/// A row of each kind, good or bad: its text, and its hour and value where it is good.
fn any_row() -> impl Strategy<Value = (String, Option<(u32, f64)>)> {
    let hour = 0..24u32;
    let text = |hour: u32, value: &str| format!("2021-01-01T{hour:02}:00:00Z,IT,{value},40,35");
    prop_oneof![
        4 => (hour.clone(), 1.0..1500.0f64).prop_map(move |(h, v): (u32, f64)| (text(h, &v.to_string()), Some((h, v)))),
        1 => (hour.clone(), prop::sample::select(vec!["NaN", "inf", "", "x", "-3", "1e9", "3,"]))
            .prop_map(move |(h, v)| (text(h, v), None)),
        1 => hour.prop_map(|h| (format!("2021-01-01T{h:02}:00:00,IT,300,40,35"), None)),
        1 => Just(("too,short".to_owned(), None)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_row_is_either_kept_or_refused_and_the_last_good_one_of_an_hour_is_kept(
        rows in prop::collection::vec(any_row(), 1..60),
    ) {
        let mut lenient = definition();
        lenient.contract.bad_share = 1.0;
        let text: String = rows.iter().map(|(row, _)| format!("{row}\n")).collect();
        let good: std::collections::BTreeMap<u32, f64> = rows.iter().filter_map(|(_, good)| *good).collect();
        let checked = check(&lenient, Format::Csv, format!("{HEADER}{text}").as_bytes(), None, received());
        if good.is_empty() {
            let no_good_row = matches!(*checked.unwrap_err().reason, BrokenReason::NoGoodRow { .. });
            prop_assert!(no_good_row);
        } else {
            let checked = checked.unwrap();
            let kept: Vec<f64> = checked.table.values("ci").unwrap().into_iter().flatten().collect();
            prop_assert_eq!(kept, good.into_values().collect::<Vec<_>>());
            prop_assert_eq!(checked.table.rows() + checked.rows_refused, rows.len() as u64);
            prop_assert_eq!(checked.quarantined.len() as u64, checked.rows_refused);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for format in [Format::Csv, Format::Ndjson, Format::Parquet, Format::Json] {
            let _ = check_as(format, &bytes);
        }
    }

    #[test]
    fn no_text_after_a_good_header_makes_it_panic(text in "[a-z0-9\",\\r\\n;{}:.TZ-]{0,300}") {
        let _ = check_as(Format::Csv, format!("{HEADER}{text}").as_bytes());
        let _ = check_as(Format::Ndjson, text.as_bytes());
    }

    #[test]
    fn no_bytes_in_the_frame_of_parquet_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let length = (bytes.len() as u32).to_le_bytes();
        let framed = [&b"PAR1"[..], &bytes, &length, b"PAR1"].concat();
        prop_assert!(check_as(Format::Parquet, &framed).is_err());
    }
}
