//! The rows of a text as they are read, whoever takes them: one reading for what is taken in and for what is only cut.

use super::broken::BrokenReason;
use super::cell::Cell;
use super::fault::Fault;
use super::{csv, ndjson, sniff};
use crate::artifact::Format;
use crate::series::Definition;
use crate::time::Timestamp;

/// Takes rows as they are read; the first that it refuses ends the reading.
///
/// `raw` is the row as it stands in the text, without its line end and, where they mean nothing, the spaces around it.
pub(super) trait Sink<'a> {
    /// A row: its time, and its cells in the order of the definition's columns.
    fn row(&mut self, raw: &'a [u8], time: &Cell<'_>, cells: &[Cell<'_>]) -> Result<(), BrokenReason>;

    /// A row that cannot be taken apart.
    fn unreadable_row(&mut self, raw: &'a [u8], fault: &Fault) -> Result<(), BrokenReason>;
}

/// A row of a text as it stands there, with the time that ingestion would read in it; none where it would refuse it.
pub(crate) struct Timed<'a> {
    pub(crate) time: Option<Timestamp>,
    pub(crate) raw: &'a [u8],
}

/// Gives each row of a CSV to `each`. The answer is its header, as it stands there.
pub(crate) fn rows_of_csv<'a>(
    bytes: &'a [u8],
    definition: &Definition,
    each: impl FnMut(Timed<'a>) -> Result<(), BrokenReason>,
) -> Result<&'a [u8], BrokenReason> {
    csv::read(sniff::table_bytes(Format::Csv, bytes)?, definition, &mut Times { definition, each })
}

/// Gives each line of objects to `each`.
pub(crate) fn rows_of_ndjson<'a>(
    bytes: &'a [u8],
    definition: &Definition,
    each: impl FnMut(Timed<'a>) -> Result<(), BrokenReason>,
) -> Result<(), BrokenReason> {
    ndjson::read(sniff::table_bytes(Format::Ndjson, bytes)?, definition, &mut Times { definition, each })
}

/// Looks at nothing of a row but its time.
struct Times<'d, F> {
    definition: &'d Definition,
    each: F,
}

impl<'a, F: FnMut(Timed<'a>) -> Result<(), BrokenReason>> Sink<'a> for Times<'_, F> {
    fn row(&mut self, raw: &'a [u8], time: &Cell<'_>, _: &[Cell<'_>]) -> Result<(), BrokenReason> {
        (self.each)(Timed { time: time.time(self.definition.cadence).ok(), raw })
    }

    fn unreadable_row(&mut self, raw: &'a [u8], _: &Fault) -> Result<(), BrokenReason> {
        (self.each)(Timed { time: None, raw })
    }
}
