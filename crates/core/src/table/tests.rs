//! Laws of tables: merging, storing and reading back.

use proptest::prelude::*;

use super::*;
use crate::time::HOUR;

fn at(hour: i64) -> Timestamp {
    "2021-01-01T00:00:00Z".parse::<Timestamp>().unwrap().plus(hour * HOUR)
}

/// A table with one column of these hours.
fn table(column: &str, cells: &[(i64, Option<f64>)]) -> Table {
    Table::from_rows(&[column], cells.iter().map(|(hour, cell)| (at(*hour), vec![*cell]))).unwrap()
}

#[test]
fn rows_are_sorted_by_time() {
    let table = table("ci", &[(2, Some(2.0)), (0, Some(0.0)), (1, None)]);
    assert_eq!(table.times(), [at(0), at(1), at(2)]);
    assert_eq!(table.values("ci").unwrap(), [Some(0.0), None, Some(2.0)]);
    assert_eq!((table.first(), table.last(), table.rows()), (Some(at(0)), Some(at(2)), 3));
}

#[test]
fn a_time_that_stands_twice_is_refused() {
    let error = Table::from_rows(&["ci"], [(at(0), vec![Some(1.0)]), (at(0), vec![Some(2.0)])]).unwrap_err();
    assert!(matches!(error, TableError::Order { row: 2, .. }), "{error}");
}

#[test]
fn a_number_that_is_not_finite_is_refused() {
    for number in [f64::NAN, f64::INFINITY] {
        let error = Table::from_rows(&["ci"], [(at(0), vec![Some(number)])]).unwrap_err();
        assert!(matches!(error, TableError::NotFinite { .. }), "{error}");
    }
}

#[test]
fn a_row_of_another_width_is_refused() {
    let error = Table::from_rows(&["ci"], [(at(0), vec![])]).unwrap_err();
    assert!(matches!(error, TableError::Width { found: 0, expected: 1, .. }), "{error}");
}

#[test]
fn an_unknown_column_is_named_with_those_there_are() {
    let error = table("ci", &[]).values("cfe").unwrap_err();
    assert_eq!(error.to_string(), "there is no column `cfe`; there are ci");
}

#[test]
fn a_span_takes_its_start_and_leaves_its_end() {
    let hours = table("ci", &[(0, Some(0.0)), (1, Some(1.0)), (2, Some(2.0)), (3, Some(3.0))]);
    assert_eq!(hours.between(at(1), at(3)).times(), [at(1), at(2)]);
    assert_eq!(hours.between(at(1).plus(1), at(2).plus(1)).times(), [at(2)]);
    assert!(hours.between(at(3), at(1)).is_empty());
    assert!(hours.between(at(9), at(12)).is_empty());
}

#[test]
fn history_puts_nan_at_gaps_and_empty_cells() {
    let history = table("ci", &[(0, Some(1.0)), (2, None), (4, Some(5.0))]).history("ci", Cadence::Hour).unwrap();
    assert_eq!((history.start(), history.end()), (at(0), at(5)));
    let present: Vec<Option<f64>> = (0..5).map(|hour| history.at(at(hour))).collect();
    assert_eq!(present, [Some(1.0), None, None, None, Some(5.0)]);
}

#[test]
fn days_of_23_and_25_hours_need_nothing_special() {
    // The clocks of Rome went forward on 2021-03-28 and back on 2021-10-31; the grid is in UTC and knows neither.
    for day in ["2021-03-28", "2021-10-31"] {
        let start: Timestamp = day.parse().unwrap();
        let rows = (0..24).map(|hour| (start.plus(hour * HOUR), vec![Some(hour as f64)]));
        let history = Table::from_rows(&["ci"], rows).unwrap().history("ci", Cadence::Hour).unwrap();
        assert_eq!(history.values(), (0..24).map(f64::from).collect::<Vec<_>>());
    }
}

#[test]
fn a_history_off_the_grid_or_of_nothing_is_an_error() {
    let off = Table::from_rows(&["ci"], [(at(0).plus(60), vec![Some(1.0)])]).unwrap();
    assert!(matches!(off.history("ci", Cadence::Hour), Err(TableError::OffGrid { .. })));
    assert!(matches!(table("ci", &[]).history("ci", Cadence::Hour), Err(TableError::Empty)));
}

#[test]
fn the_later_table_wins_and_an_empty_cell_erases_nothing() {
    let first = table("ci", &[(0, Some(1.0)), (1, Some(2.0)), (2, None)]);
    let later = table("ci", &[(1, Some(20.0)), (0, None), (3, Some(4.0)), (2, None)]);
    let merged = Table::merge(&[first, later]).unwrap();
    assert_eq!(merged.times(), [at(0), at(1), at(2), at(3)]);
    assert_eq!(merged.values("ci").unwrap(), [Some(1.0), Some(20.0), None, Some(4.0)]);
}

#[test]
fn columns_of_all_tables_are_kept() {
    let merged = Table::merge(&[table("ci", &[(0, Some(1.0))]), table("cfe", &[(0, Some(2.0)), (1, Some(3.0))])]);
    let merged = merged.unwrap();
    assert_eq!(merged.columns(), ["ci", "cfe"]);
    assert_eq!(merged.values("ci").unwrap(), [Some(1.0), None]);
    assert_eq!(merged.values("cfe").unwrap(), [Some(2.0), Some(3.0)]);
}

#[test]
fn nothing_merges_to_nothing() {
    assert!(Table::merge(&[]).unwrap().is_empty());
    let empty = table("ci", &[]);
    assert_eq!(Table::merge(&[empty.clone(), empty.clone()]).unwrap(), empty);
}

#[test]
fn numbers_come_back_bit_for_bit() {
    let odd = [0.1 + 0.2, -0.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, -f64::MAX, 1.0 / 3.0];
    let cells: Vec<(i64, Option<f64>)> = odd.iter().enumerate().map(|(i, v)| (i as i64, Some(*v))).collect();
    let back = Table::from_parquet(&table("ci", &cells).to_parquet().unwrap()).unwrap();
    let bits: Vec<u64> = back.values("ci").unwrap().into_iter().flatten().map(f64::to_bits).collect();
    assert_eq!(bits, odd.map(f64::to_bits));
}

#[test]
fn a_table_without_a_row_comes_back() {
    let empty = table("ci", &[]);
    assert_eq!(Table::from_parquet(&empty.to_parquet().unwrap()).unwrap(), empty);
}

#[test]
fn equal_rows_give_equal_bytes_however_they_came_together() {
    let whole = table("ci", &[(0, Some(1.0)), (1, None), (2, Some(3.0)), (3, Some(4.0))]);
    let bytes = whole.to_parquet().unwrap();
    let parts = [whole.between(at(0), at(1)), whole.between(at(2), at(4)), whole.between(at(1), at(2))];
    assert_eq!(Table::merge(&parts).unwrap().to_parquet().unwrap(), bytes);
    let longer = Table::merge(&[whole, table("ci", &[(9, Some(1.0))])]).unwrap();
    assert_eq!(longer.between(at(0), at(9)).to_parquet().unwrap(), bytes);
    assert_eq!(Table::from_parquet(&bytes).unwrap().to_parquet().unwrap(), bytes);
}

#[test]
fn parquet_that_holds_no_table_is_refused() {
    use polars::prelude::{NamedFrom, Series};
    let file = |columns: Vec<Series>| {
        let columns: Vec<Column> = columns.into_iter().map(Column::from).collect();
        parquet::encode(&mut DataFrame::new_infer_height(columns).unwrap()).unwrap()
    };
    let times = |ms: &[i64]| {
        let ticks = Series::new(TIME_COLUMN.into(), ms);
        let zone = Some(TimeZone::UTC);
        ticks.i64().unwrap().clone().into_datetime(TimeUnit::Milliseconds, zone).into_series()
    };
    let numbers = |values: &[f64]| Series::new("ci".into(), values);
    let read = |columns| Table::from_parquet(&file(columns)).unwrap_err();
    assert!(matches!(read(vec![numbers(&[1.0])]), TableError::TimeColumn { .. }));
    assert!(matches!(read(vec![times(&[0]), Series::new("ci".into(), ["x"])]), TableError::ColumnType { .. }));
    assert!(matches!(read(vec![times(&[1]), numbers(&[1.0])]), TableError::Time { row: 1 }));
    assert!(matches!(read(vec![times(&[i64::MIN]), numbers(&[1.0])]), TableError::Time { row: 1 }));
    assert!(matches!(read(vec![times(&[1000, 0]), numbers(&[1.0, 2.0])]), TableError::Order { row: 2, .. }));
    assert!(matches!(read(vec![times(&[0]), numbers(&[f64::NAN])]), TableError::NotFinite { .. }));
}

#[test]
fn truncated_bytes_are_an_error() {
    let bytes = table("ci", &[(0, Some(1.0)), (1, None), (2, Some(3.0))]).to_parquet().unwrap();
    for length in 0..bytes.len() {
        assert!(matches!(Table::from_parquet(&bytes[..length]), Err(TableError::Parquet(_))), "{length}");
    }
}

#[test]
fn a_changed_byte_never_panics() {
    let bytes = table("ci", &[(0, Some(1.0)), (1, None), (2, Some(3.0))]).to_parquet().unwrap();
    for place in 0..bytes.len() {
        for flip in [0x01, 0x10, 0x80, 0xFF] {
            let mut damaged = bytes.clone();
            damaged[place] ^= flip;
            let _ = Table::from_parquet(&damaged);
        }
    }
}

fn any_table() -> impl Strategy<Value = Table> {
    let cells = prop::collection::vec(prop::option::of(prop::num::f64::NORMAL), 2);
    prop::collection::btree_map(0..40i64, cells, 0..20)
        .prop_map(|rows| Table::from_rows(&["ci", "cfe"], rows.into_iter().map(|(hour, c)| (at(hour), c))).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_stored_table_comes_back(table in any_table()) {
        prop_assert_eq!(Table::from_parquet(&table.to_parquet().unwrap()).unwrap(), table);
    }

    #[test]
    fn it_does_not_matter_which_neighbours_merge_first(a in any_table(), b in any_table(), c in any_table()) {
        let all = Table::merge(&[a.clone(), b.clone(), c.clone()]).unwrap();
        let left = Table::merge(&[Table::merge(&[a.clone(), b.clone()]).unwrap(), c.clone()]).unwrap();
        let right = Table::merge(&[a, Table::merge(&[b, c]).unwrap()]).unwrap();
        prop_assert_eq!(&left, &all);
        prop_assert_eq!(&right, &all);
    }
}
