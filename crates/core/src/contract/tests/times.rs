//! A time far from the series is refused and moves nothing; what a feed or a person may rightly hand in is kept.

use super::*;
use crate::time::{Cadence, DAY};

/// A series from 2021 to the end of 2023, or none before its first batch.
fn known() -> Option<Known> {
    Some(Known { first: time("2021-01-01"), newest: time("2023-12-31T23:00:00Z"), level: None })
}

fn definition_of(cadence: &str) -> Definition {
    Definition::from_toml(&DEFINITION.replace("1h", cadence)).unwrap()
}

/// So many steps from a time on.
fn steps(from: &str, count: i64, cadence: Cadence) -> Vec<Timestamp> {
    (0..count).map(|step| time(from).plus(step * cadence.seconds())).collect()
}

fn hours(from: &str, count: i64) -> Vec<Timestamp> {
    steps(from, count, Cadence::Hour)
}

/// Checks a batch of these times as a replay does: received at the end of the day of its last row.
fn checked(cadence: &str, known: Option<Known>, times: &[Timestamp]) -> Result<Checked, super::super::Broken> {
    let rows = times.iter().map(|time| format!("{time},300\n"));
    let text = format!("when,ci\n{}", rows.collect::<String>());
    let received = times.iter().max().unwrap().day_start().plus(DAY);
    check(&definition_of(cadence), Format::Csv, text.as_bytes(), known.as_ref(), received)
}

#[test]
fn what_may_rightly_come_late_early_or_all_at_once_is_kept() {
    let all = |case: &str, cadence: &str, known: Option<Known>, times: Vec<Timestamp>| {
        let checked = checked(cadence, known, &times).unwrap_or_else(|broken| panic!("{case}: {broken}"));
        assert_eq!((checked.table.rows(), checked.quarantined_total), (times.len() as u64, 0), "{case}");
    };
    all("the next day", "1h", known(), hours("2024-01-01", 24));
    all("three years at once", "1h", None, hours("2021-01-01", 26_280));
    all("twenty years at once", "1d", None, steps("2001-01-01", 7_305, Cadence::Day));
    all("years at once after a day", "1h", known(), hours("2024-01-01", 2 * 8_760));
    all("a day of quarter hours", "15min", known(), steps("2024-01-01", 96, Cadence::QuarterHour));
    all("a revision of last year", "1h", known(), hours("2022-05-05", 24));
    all("a day of 2017, without what lies between", "1h", known(), hours("2017-06-01", 24));
    all("the ten years before", "1d", known(), steps("2011-01-01", 3_653, Cadence::Day));
    all("after some weeks without a value", "1h", known(), hours("2024-02-10", 24));
    all("after nine months without a value", "1h", known(), hours("2024-10-01", 24));
    // 2023-12-31T23:00 and 300 days.
    all("after the longest pause", "1h", known(), hours("2024-10-26T23:00:00Z", 1));
    // 2021-01-01 less 1,830 days.
    all("before the longest gap", "1h", known(), hours("2015-12-29", 1));
    all("backwards", "1h", known(), hours("2024-01-01", 24).into_iter().rev().collect());
    let holed = [hours("2019-01-01", 72), hours("2021-01-01", 1_440)].concat();
    all("a beginning with a hole of two years", "1h", None, holed);
}

/// A good day of the series' next rows, and wrong times among them.
fn refused(case: &str, known: Option<Known>, good: &[Timestamp], wrong: &str, reason: &str) {
    let wrong = time(wrong);
    // In the midst, since its place among the rows must not matter.
    let mut times = good.to_vec();
    times.insert(good.len() / 2, wrong);
    let checked = checked("1h", known, &times).unwrap_or_else(|broken| panic!("{case}: {broken}"));
    let row = good.len() as u64 / 2 + 1;
    assert_eq!(checked.quarantined, [record(row, "when", &wrong.to_string(), reason)], "{case}");
    assert_eq!((checked.table.times(), checked.rows_refused), (good.to_vec(), 1), "{case}");
}

#[test]
fn one_time_far_from_the_series_is_refused_and_every_good_row_kept() {
    let day = hours("2024-01-01", 23);
    let after = "where 300 are allowed; correct it, or raise contract.pause_days if nothing was measured for so long";
    let before =
        "where 1830 are allowed; correct it, or raise contract.backfill_days if nothing was measured in between";
    let early = "is before 1990-01-01T00:00:00Z, the earliest time that can be true; correct it, or lower \
                 contract.earliest";
    // From 2024-01-01T22:00 to 2031-01-01T05:00 there are 2,556 days and 7 hours.
    let in_2031 = format!("is 2557 days after 2024-01-01T22:00:00Z, the newest time of the series, {after}");
    refused("a decade later", known(), &day, "2031-01-01T05:00:00Z", &in_2031);
    let next_year = format!("is 366 days after 2024-01-01T22:00:00Z, the newest time of the series, {after}");
    refused("a year later", known(), &day, "2025-01-01T05:00:00Z", &next_year);
    let in_2003 = format!("is 6577 days before 2021-01-01T00:00:00Z, the first time of the series, {before}");
    refused("two decades earlier", known(), &day, "2002-12-30T05:00:00Z", &in_2003);
    refused("a clock that was never set", known(), &day, "1970-01-01T00:00:00Z", early);
    refused("one in a first batch", None, &day, "1970-01-01T00:00:00Z", early);
    refused("a decade later in a first batch", None, &day, "2031-01-01T05:00:00Z", &in_2031);
    // From 2002-12-30T05:00 to 2021-01-01 there are 6,576 days and 19 hours.
    let years = hours("2021-01-01", 3 * 8_760);
    let after_years = format!("is 2559 days after 2023-12-31T23:00:00Z, the newest time of the series, {after}");
    refused("among years in a first batch", None, &years, "2031-01-02T05:00:00Z", &after_years);
    refused("two decades earlier among years in a first batch", None, &years, "2002-12-30T05:00:00Z", &in_2003);
}

#[test]
fn a_batch_of_nothing_but_far_times_is_broken_and_says_why() {
    let reason = |times: &[Timestamp]| checked("1h", known(), times).err().unwrap().reason.to_string();
    assert_eq!(
        reason(&hours("2031-03-01T05:00:00Z", 1)),
        "1 of 1 rows lie too far in time: row 1, `2031-03-01T05:00:00Z`, is 2617 days after 2023-12-31T23:00:00Z, the \
         newest time of the series, where 300 are allowed; correct it, or raise contract.pause_days if nothing was \
         measured for so long"
    );
    assert!(reason(&hours("2031-03-01", 24)).starts_with("24 of 24 rows lie too far in time: row 1, `2031-03-01T00"));
    assert!(reason(&hours("1970-01-01", 1)).starts_with("1 of 1 rows lie too far in time: row 1, `1970-01-01T00"));
    // An hour beyond the longest pause, and one before the longest gap.
    assert!(reason(&hours("2024-10-27T00:00:00Z", 1)).contains("is 301 days after 2023-12-31T23:00:00Z"));
    assert!(reason(&hours("2015-12-28T23:00:00Z", 1)).contains("is 1831 days before 2021-01-01T00:00:00Z"));
}

#[test]
fn more_far_times_than_the_contract_allows_bad_rows_are_the_reason_given() {
    let times = [hours("2024-01-01", 11), hours("2031-01-01", 13)].concat();
    let broken = checked("1h", known(), &times).err().unwrap();
    assert!(matches!(*broken.reason, BrokenReason::FarTimes { far: 13, rows: 24, .. }), "{broken}");
    assert_eq!(broken.quarantined_total, 13);
}

#[test]
fn of_a_first_batch_most_rows_are_the_series_and_of_as_many_the_newest() {
    let kept = |times: &[Timestamp]| checked("1h", None, times).unwrap().table.times();
    let (old, new) = (hours("2003-01-01", 3), hours("2021-01-01", 3));
    assert_eq!(kept(&[old.clone(), new.clone()].concat()), new);
    assert_eq!(kept(&[old.clone(), new[..2].to_vec()].concat()), old);
}

#[test]
fn how_far_is_too_far_is_the_definitions_to_say() {
    let mut wide = definition();
    wide.contract.pause_days = 3_000;
    let text = b"when,ci\n2031-03-01T05:00:00Z,300\n";
    assert!(check(&wide, Format::Csv, text, known().as_ref(), time("2031-03-02")).is_ok());
    wide.contract.earliest = time("2032-01-01");
    assert!(check(&wide, Format::Csv, text, known().as_ref(), time("2031-03-02")).is_err());
}
