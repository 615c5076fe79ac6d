//! Adding a batch to a series.

use std::collections::BTreeMap;

use super::{Companion, LEVEL_SPAN, Level, Manifest, TailBatch};
use crate::artifact::Ref;
use crate::series::{Definition, SeriesId};
use crate::table::{Table, TableError};
use crate::time::Timestamp;

/// A batch that kept the contract.
#[derive(Clone, Debug)]
pub struct Addition<'a> {
    /// Place among the batches received for the series.
    pub ordinal: u64,
    /// The bytes as they were received.
    pub raw: Ref,
    /// The name of the good rows.
    pub table_ref: Ref,
    /// The refused rows, where there were any.
    pub quarantine: Option<Ref>,
    /// When it was received.
    pub received: Timestamp,
    /// The good rows.
    pub table: &'a Table,
    /// The other series that the series is forecast with, as they are now.
    pub companions: Vec<Companion>,
}

/// A batch that cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// It has no row.
    #[error("a batch without a row cannot be added to a series")]
    Empty,
    /// It was received before the newest batch of the series: added now, it would win over what revised it.
    #[error("batch {ordinal} cannot follow batch {newest}, which was received after it")]
    Order {
        /// The batch.
        ordinal: u64,
        /// The newest batch of the series.
        newest: u64,
    },
    /// It belongs to another series.
    #[error("a batch of `{batch}` cannot be added to `{series}`")]
    Series {
        /// The series of the batch's definition.
        batch: SeriesId,
        /// The series.
        series: SeriesId,
    },
    /// Its rows or those before it lack the value column.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// The state of a series with a further batch; `recent` is the merged content of what [`super::recent`] names.
///
/// # Errors
/// Where the batch is empty, out of order, of another series, or lacks the value column.
pub fn append(
    parent: Option<(&Ref, &Manifest)>,
    definition: (&Ref, &Definition),
    addition: &Addition<'_>,
    recent: &Table,
) -> Result<Manifest, AppendError> {
    let (definition_ref, definition) = definition;
    let (Some(first), Some(last)) = (addition.table.first(), addition.table.last()) else {
        return Err(AppendError::Empty);
    };
    let before = parent.map(|(_, manifest)| manifest);
    check_order(before, definition, addition)?;
    let column = &definition.source.value_column;
    let changes = changes(addition.table, recent, column)?;
    let end = last.plus(definition.cadence.seconds()).max(before.map_or(last, |m| m.end));
    let mut tail = before.map(|m| m.tail.clone()).unwrap_or_default();
    tail.push(tail_batch(addition, first, last));
    Ok(Manifest {
        series: definition.id.clone(),
        sequence: before.map_or(0, |m| m.sequence) + 1,
        ordinal: addition.ordinal,
        parent: parent.map(|(name, _)| name.clone()),
        definition: definition_ref.clone(),
        segments: before.map(|m| m.segments.clone()).unwrap_or_default(),
        tail,
        first: before.map_or(first, |m| m.first.min(first)),
        end,
        as_of: before.map_or(addition.received, |m| m.as_of.max(addition.received)),
        level: level(addition.table, recent, column, end)?,
        rows: before.map_or(0, |m| m.rows) + changes.added,
        revised: changes.revised,
        companions: addition.companions.clone(),
        code_version: crate::CODE_VERSION.to_owned(),
    })
}

fn check_order(before: Option<&Manifest>, definition: &Definition, addition: &Addition<'_>) -> Result<(), AppendError> {
    let Some(before) = before else { return Ok(()) };
    if before.series != definition.id {
        return Err(AppendError::Series { batch: definition.id.clone(), series: before.series.clone() });
    }
    if addition.ordinal <= before.ordinal {
        return Err(AppendError::Order { ordinal: addition.ordinal, newest: before.ordinal });
    }
    Ok(())
}

fn tail_batch(addition: &Addition<'_>, first: Timestamp, last: Timestamp) -> TailBatch {
    TailBatch {
        ordinal: addition.ordinal,
        raw: addition.raw.clone(),
        table: addition.table_ref.clone(),
        quarantine: addition.quarantine.clone(),
        received: addition.received,
        first,
        last,
        rows: addition.table.rows(),
    }
}

struct Changes {
    added: u64,
    revised: u64,
}

fn changes(batch: &Table, recent: &Table, column: &str) -> Result<Changes, TableError> {
    let known: BTreeMap<Timestamp, Option<f64>> = if recent.is_empty() {
        BTreeMap::new()
    } else {
        recent.times().into_iter().zip(recent.values(column)?).collect()
    };
    let mut changes = Changes { added: 0, revised: 0 };
    for (time, value) in batch.times().into_iter().zip(batch.values(column)?) {
        match known.get(&time) {
            None => changes.added += 1,
            Some(before) if *before != value => changes.revised += 1,
            Some(_) => {}
        }
    }
    Ok(changes)
}

fn level(batch: &Table, recent: &Table, column: &str, end: Timestamp) -> Result<Option<Level>, TableError> {
    let newest = |table: &Table| table.between(end.plus(-LEVEL_SPAN), end);
    let merged = Table::merge(&[newest(recent), newest(batch)])?;
    Ok(Level::of(merged.values(column)?.into_iter().flatten()))
}
