//! Merging tables: the latest value of each cell wins.

use super::{Table, TableError};
use crate::time::Timestamp;

/// Where a row stands: its time, then its table's place, so that sorting puts the latest word on an hour last.
type Place = (Timestamp, usize, usize);

pub(super) fn merge(tables: &[Table]) -> Result<Table, TableError> {
    let names = union_of_columns(tables);
    let mut places: Vec<Place> = Vec::with_capacity(tables.iter().map(|t| t.rows() as usize).sum());
    for (number, table) in tables.iter().enumerate() {
        places.extend(table.times().into_iter().enumerate().map(|(row, time)| (time, number, row)));
    }
    places.sort_unstable();
    let mut times: Vec<Timestamp> = places.iter().map(|(time, _, _)| *time).collect();
    times.dedup();
    let mut values = Vec::with_capacity(names.len());
    for name in &names {
        values.push(column(tables, name, &places, times.len())?);
    }
    Table::from_columns(&names, &times, values)
}

/// The columns of all tables in the order in which they first appear.
fn union_of_columns(tables: &[Table]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in tables.iter().flat_map(Table::columns) {
        if !names.iter().any(|n| n == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn column(tables: &[Table], name: &str, places: &[Place], length: usize) -> Result<Vec<f64>, TableError> {
    let mut sources = Vec::with_capacity(tables.len());
    for table in tables {
        let has_it = table.columns().contains(&name);
        sources.push(if has_it { table.values(name)? } else { Vec::new() });
    }
    let mut merged = Vec::with_capacity(length);
    let mut previous = None;
    for (time, table, row) in places {
        if previous != Some(*time) {
            merged.push(f64::NAN);
            previous = Some(*time);
        }
        let cell = sources.get(*table).and_then(|s| s.get(*row)).copied().flatten();
        if let (Some(value), Some(slot)) = (cell, merged.last_mut()) {
            *slot = value;
        }
    }
    Ok(merged)
}
