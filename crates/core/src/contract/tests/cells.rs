//! A bad cell is named with its row, column, value and reason, and every good row is kept.

use super::*;

/// One bad row between two good ones: the record, and that the good ones are kept.
fn refused(row: &str, expected: Quarantined) {
    let checked = csv_rows(&format!("{row}\n"));
    assert_eq!(checked.quarantined, [expected]);
    assert_eq!((checked.quarantined_total, checked.rows_refused), (1, 1));
    let good = [("2021-01-01T00:00:00Z".to_owned(), 300.0), ("2021-01-01T09:00:00Z".to_owned(), 310.0)];
    assert_eq!(kept(&checked), good);
}

#[test]
fn a_time_that_does_not_parse_is_refused() {
    let reason = "is no time; write one such as 2023-03-26T01:00:00Z";
    refused("yesterday,IT,300,40,35", record(2, "when", "yesterday", reason));
    refused("31/01/2021 05:00,IT,300,40,35", record(2, "when", "31/01/2021 05:00", reason));
    refused("2021-02-30T00:00:00Z,IT,300,40,35", record(2, "when", "2021-02-30T00:00:00Z", reason));
}

#[test]
fn a_time_without_an_offset_is_refused() {
    let reason = "is a time without an offset, which could mean any zone; write Z or +01:00 after it";
    refused("2021-01-01T05:00:00,IT,300,40,35", record(2, "when", "2021-01-01T05:00:00", reason));
    refused("2021-01-01 05:00,IT,300,40,35", record(2, "when", "2021-01-01 05:00", reason));
}

#[test]
fn a_date_is_no_hour() {
    let reason = "is a date without an hour; write a time such as 2023-03-26T01:00:00Z";
    refused("2021-01-01,IT,300,40,35", record(2, "when", "2021-01-01", reason));
}

#[test]
fn an_empty_time_is_refused() {
    refused(",IT,300,40,35", record(2, "when", "", "is empty"));
}

#[test]
fn a_time_off_the_cadence_is_refused() {
    let reason = "is not the start of a step of an hour in UTC";
    refused("2021-01-01T05:30:00Z,IT,300,40,35", record(2, "when", "2021-01-01T05:30:00Z", reason));
    refused("2021-01-01T05:00:00.25Z,IT,300,40,35", record(2, "when", "2021-01-01T05:00:00.25Z", reason));
    // Kathmandu is 5:45 ahead.
    refused("2021-01-01T05:00:00+05:45,IT,300,40,35", record(2, "when", "2021-01-01T05:00:00+05:45", reason));
}

#[test]
fn a_time_outside_the_supported_years_is_refused() {
    refused(
        "1066-10-14T00:00:00Z,IT,300,40,35",
        record(2, "when", "1066-10-14T00:00:00Z", "is a time outside the years 1900 to 2199"),
    );
}

#[test]
fn an_hour_from_the_future_is_refused_and_the_running_one_is_kept() {
    let text = "when,ci\n2021-01-01T10:00:00Z,300\n2021-01-01T11:00:00Z,301\n2021-01-01T12:00:00Z,302\n";
    let received = time("2021-01-01T11:00:00Z");
    let checked = check(&definition(), Format::Csv, text.as_bytes(), None, received).unwrap();
    let reason = "is from the future: it was received at 2021-01-01T11:00:00Z";
    assert_eq!(checked.quarantined, [record(3, "when", "2021-01-01T12:00:00Z", reason)]);
    assert_eq!(checked.table.rows(), 2);
}

#[test]
fn an_empty_value_is_refused() {
    refused("2021-01-01T05:00:00Z,IT,,40,35", record(2, "ci", "", "is empty"));
    refused("2021-01-01T05:00:00Z,IT,  ,40,35", record(2, "ci", "  ", "is empty"));
}

#[test]
fn a_value_that_is_no_number_is_refused() {
    refused("2021-01-01T05:00:00Z,IT,n/a,40,35", record(2, "ci", "n/a", "is not a number"));
    refused("2021-01-01T05:00:00Z,IT,0x1F,40,35", record(2, "ci", "0x1F", "is not a number"));
}

#[test]
fn a_decimal_comma_is_named() {
    let reason = "is not a number; write the decimals after a point";
    refused("2021-01-01T05:00:00Z,IT,\"300,5\",40,35", record(2, "ci", "300,5", reason));
}

#[test]
fn nan_is_refused() {
    refused("2021-01-01T05:00:00Z,IT,NaN,40,35", record(2, "ci", "NaN", "is not a number but NaN"));
}

#[test]
fn infinity_is_refused_however_it_is_written() {
    for value in ["inf", "-Infinity", "1e999"] {
        refused(&format!("2021-01-01T05:00:00Z,IT,{value},40,35"), record(2, "ci", value, "is not finite"));
    }
}

#[test]
fn a_negative_value_is_below_the_minimum() {
    refused("2021-01-01T05:00:00Z,IT,-5,40,35", record(2, "ci", "-5", "is below the minimum of 1 gCO2eq/kWh"));
}

#[test]
fn an_absurd_value_is_above_the_maximum() {
    refused(
        "2021-01-01T05:00:00Z,IT,1500.01,40,35",
        record(2, "ci", "1500.01", "is above the maximum of 1500 gCO2eq/kWh"),
    );
}

#[test]
fn the_bounds_themselves_are_good() {
    let checked = csv_rows("2021-01-01T05:00:00Z,IT,1,40,35\n2021-01-01T06:00:00Z,IT,1500,40,35\n");
    assert_eq!((checked.table.rows(), checked.quarantined_total), (4, 0));
}

#[test]
fn a_bad_covariate_is_recorded_and_its_row_kept_without_it() {
    let checked = csv_rows("2021-01-01T05:00:00Z,IT,305,x,inf\n2021-01-01T06:00:00Z,IT,306,,34\n");
    let expected = [record(2, "cfe", "x", "is not a number"), record(2, "re", "inf", "is not finite")];
    assert_eq!(checked.quarantined, expected);
    assert_eq!((checked.quarantined_total, checked.rows_refused), (2, 0));
    assert_eq!(checked.table.values("ci").unwrap(), [Some(300.0), Some(305.0), Some(306.0), Some(310.0)]);
    assert_eq!(checked.table.values("cfe").unwrap(), [Some(40.0), None, None, Some(41.0)]);
    assert_eq!(checked.table.values("re").unwrap(), [Some(35.0), None, Some(34.0), Some(36.0)]);
}

#[test]
fn a_long_value_is_cut_to_80_characters() {
    let checked = csv_rows(&format!("2021-01-01T05:00:00Z,IT,{},40,35\n", "è".repeat(200)));
    assert_eq!(checked.quarantined[0].value, "è".repeat(80));
}

#[test]
fn a_cell_that_is_not_utf_8_is_refused_and_the_rest_kept() {
    let mut bytes = format!("{HEADER}2021-01-01T00:00:00Z,IT,300,40,35\n2021-01-01T01:00:00Z,IT,").into_bytes();
    bytes.extend(b"\xE8,40,35\n2021-01-01T02:00:00Z,Nord \xE8,302,42,37\n");
    let checked = check_as(Format::Csv, &bytes).unwrap();
    assert_eq!(checked.quarantined, [record(2, "ci", "\u{FFFD}", "is not UTF-8 text")]);
    assert_eq!(checked.table.rows(), 2);
}

#[test]
fn a_time_in_rome_is_kept_as_its_hour_in_utc() {
    // The night of 2021-10-31: 02:00 comes twice in Rome, first at +02:00, then at +01:00.
    let checked = csv_rows("2021-10-31T02:00:00+02:00,IT,305,40,35\n2021-10-31T02:00:00+01:00,IT,306,40,35\n");
    let times: Vec<String> = checked.table.times().iter().map(ToString::to_string).collect();
    assert_eq!(times[2..], ["2021-10-31T00:00:00Z", "2021-10-31T01:00:00Z"]);
}
