//! Facts about batches, to the wire and back.

use aria_core::event::{BatchAccepted, BatchId, BatchReceived, BatchRejected, Event, Fact};

use super::error::FieldError;
use super::field;
use super::generated as wire;

pub(super) fn received(event: &Event, fact: &BatchReceived) -> wire::BatchReceived {
    let BatchReceived { ordinal, raw, source } = fact;
    wire::BatchReceived {
        series: event.series.to_string(),
        as_of_unix_seconds: Some(event.as_of.seconds()),
        ordinal: *ordinal,
        raw: Some(raw.into()),
        source: source.clone(),
    }
}

pub(super) fn accepted(event: &Event, fact: &BatchAccepted) -> wire::BatchAccepted {
    let BatchAccepted { batch, table, quarantine, rows, rows_quarantined, rows_repeated } = fact;
    wire::BatchAccepted {
        series: event.series.to_string(),
        as_of_unix_seconds: Some(event.as_of.seconds()),
        batch: Some(batch.into()),
        table: Some(table.into()),
        quarantine: quarantine.as_ref().map(Into::into),
        rows: *rows,
        rows_quarantined: *rows_quarantined,
        rows_repeated: *rows_repeated,
    }
}

pub(super) fn rejected(event: &Event, fact: &BatchRejected) -> wire::BatchRejected {
    let BatchRejected { ordinal, raw, reason, quarantine } = fact;
    wire::BatchRejected {
        series: event.series.to_string(),
        as_of_unix_seconds: Some(event.as_of.seconds()),
        ordinal: *ordinal,
        raw: Some(raw.into()),
        reason: reason.clone(),
        quarantine: quarantine.as_ref().map(Into::into),
    }
}

impl TryFrom<wire::BatchReceived> for Event {
    type Error = FieldError;

    fn try_from(message: wire::BatchReceived) -> Result<Self, FieldError> {
        let wire::BatchReceived { series, as_of_unix_seconds, ordinal, raw, source } = message;
        let fact =
            BatchReceived { ordinal: field::from_one("ordinal", ordinal)?, raw: field::required("raw", raw)?, source };
        field::event(&series, as_of_unix_seconds, Fact::BatchReceived(fact))
    }
}

impl TryFrom<wire::BatchAccepted> for Event {
    type Error = FieldError;

    fn try_from(message: wire::BatchAccepted) -> Result<Self, FieldError> {
        let wire::BatchAccepted {
            series,
            as_of_unix_seconds,
            batch,
            table,
            quarantine,
            rows,
            rows_quarantined,
            rows_repeated,
        } = message;
        let fact = BatchAccepted {
            batch: field::required("batch", batch)?,
            table: field::required("table", table)?,
            quarantine: field::optional("quarantine", quarantine)?,
            rows,
            rows_quarantined,
            rows_repeated,
        };
        field::event(&series, as_of_unix_seconds, Fact::BatchAccepted(fact))
    }
}

impl TryFrom<wire::BatchRejected> for Event {
    type Error = FieldError;

    fn try_from(message: wire::BatchRejected) -> Result<Self, FieldError> {
        let wire::BatchRejected { series, as_of_unix_seconds, ordinal, raw, reason, quarantine } = message;
        let fact = BatchRejected {
            ordinal: field::from_one("ordinal", ordinal)?,
            raw: field::required("raw", raw)?,
            reason,
            quarantine: field::optional("quarantine", quarantine)?,
        };
        field::event(&series, as_of_unix_seconds, Fact::BatchRejected(fact))
    }
}

impl From<&BatchId> for wire::BatchId {
    fn from(batch: &BatchId) -> Self {
        let BatchId { ordinal, sequence, snapshot, origin } = batch;
        Self {
            ordinal: *ordinal,
            sequence: *sequence,
            snapshot: Some(snapshot.into()),
            origin_unix_seconds: Some(origin.seconds()),
        }
    }
}

impl TryFrom<wire::BatchId> for BatchId {
    type Error = FieldError;

    fn try_from(batch: wire::BatchId) -> Result<Self, FieldError> {
        let wire::BatchId { ordinal, sequence, snapshot, origin_unix_seconds } = batch;
        Ok(Self {
            ordinal: field::from_one("ordinal", ordinal)?,
            sequence: field::from_one("sequence", sequence)?,
            snapshot: field::required("snapshot", snapshot)?,
            origin: field::time("origin_unix_seconds", origin_unix_seconds)?,
        })
    }
}
