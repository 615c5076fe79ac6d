//! Reads comma-separated values, row by row.
//!
//! A quotation mark that nothing closes would swallow every row after it: such a row is refused alone, and reading goes
//! on with the line after it.

use ::csv::{ByteRecord, Reader, ReaderBuilder};

use super::broken::BrokenReason;
use super::cell::{Cell, shown};
use super::columns::{Places, listed};
use super::fault::Fault;
use super::judge::Judge;

/// How often, over the whole file, bytes may be read again because of open quotation marks.
const READINGS: usize = 8;

pub(super) fn read(bytes: &[u8], judge: &mut Judge<'_>) -> Result<(), BrokenReason> {
    let mut reader = ReaderBuilder::new().flexible(true).has_headers(false).from_reader(bytes);
    let mut header = ByteRecord::new();
    advance(&mut reader, &mut header, judge)?;
    let places = header_places(&header, judge)?;
    let mut rows = Rows { bytes, start: reader.position().byte() as usize, width: header.len(), places, reread: 0 };
    while rows.read_on(judge)? {}
    Ok(())
}

/// The rows of a file from a byte on.
struct Rows<'a> {
    bytes: &'a [u8],
    start: usize,
    width: usize,
    places: Places,
    /// Bytes that were read again so far.
    reread: usize,
}

impl Rows<'_> {
    /// Judges rows until the end, or until an open quotation mark, after which `start` is the line that follows it.
    /// Whether there is more to read.
    fn read_on(&mut self, judge: &mut Judge<'_>) -> Result<bool, BrokenReason> {
        let rest = self.bytes.get(self.start..).unwrap_or_default();
        let mut reader = ReaderBuilder::new().flexible(true).has_headers(false).from_reader(rest);
        let mut record = ByteRecord::new();
        loop {
            let from = reader.position().byte() as usize;
            if !advance(&mut reader, &mut record, judge)? {
                return Ok(false);
            }
            if record.iter().all(|field| field.trim_ascii().is_empty()) {
                continue;
            }
            let raw = rest.get(from..reader.position().byte() as usize).unwrap_or_default();
            if let Some(lines) = self.swallowed_lines(&record, raw) {
                let line = lines.split(|b| *b == b'\n').next().unwrap_or_default();
                self.refuse_line(line, raw.len(), judge)?;
                // `lines` ends where the record does, so that what is left of it begins after the refused line.
                self.start += from + raw.len() - lines.len() + line.len() + 1;
                return Ok(true);
            }
            self.judge_row(&record, raw, judge)?;
        }
    }

    /// The raw lines of a record that runs over several because a quotation mark is open: one that cannot be right. A
    /// line break inside a quoted field that is not needed is none.
    fn swallowed_lines<'b>(&self, record: &ByteRecord, raw: &'b [u8]) -> Option<&'b [u8]> {
        let needed = [Some(self.places.time), Some(self.places.value)];
        let broken_cell = |place: &usize| record.get(*place).is_some_and(|cell| cell.contains(&b'\n'));
        let cannot_be = record.len() != self.width || needed.iter().flatten().any(broken_cell);
        let lines = raw.trim_ascii_start();
        (cannot_be && lines.trim_ascii_end().contains(&b'\n')).then_some(lines)
    }

    fn refuse_line(&mut self, line: &[u8], record_bytes: usize, judge: &mut Judge<'_>) -> Result<(), BrokenReason> {
        self.reread = self.reread.saturating_add(record_bytes);
        if self.reread > self.bytes.len().saturating_mul(READINGS) {
            return Err(BrokenReason::Quotes { row: judge.rows() + 1 });
        }
        judge.unreadable_row(&Cell::of(line.trim_ascii_end()).shown(), &Fault::OpenQuote)
    }

    fn judge_row(&self, record: &ByteRecord, raw: &[u8], judge: &mut Judge<'_>) -> Result<(), BrokenReason> {
        if record.len() != self.width {
            let fault = Fault::Width { found: record.len(), expected: self.width };
            return judge.unreadable_row(&Cell::of(raw.trim_ascii()).shown(), &fault);
        }
        let cell = |place: usize| match record.get(place).unwrap_or_default() {
            b"" => Cell::Empty,
            bytes => Cell::of(bytes),
        };
        let cells: Vec<Cell<'_>> = self.places.cells().map(|place| place.map_or(Cell::Empty, cell)).collect();
        judge.row(&cell(self.places.time), &cells)
    }
}

fn advance(reader: &mut Reader<&[u8]>, record: &mut ByteRecord, judge: &Judge<'_>) -> Result<bool, BrokenReason> {
    reader.read_byte_record(record).map_err(|source| BrokenReason::Csv { row: judge.rows(), source })
}

fn header_places(header: &ByteRecord, judge: &Judge<'_>) -> Result<Places, BrokenReason> {
    let names: Vec<String> = header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    refuse_other_separators(&names)?;
    Places::find(judge.definition(), &names).map_err(|reason| {
        let other_encoding = header.iter().any(|name| std::str::from_utf8(name).is_err());
        if other_encoding { BrokenReason::NotUtf8 { found: "text in another encoding" } } else { reason }
    })
}

/// Refuses a header of one column whose name holds what other programs separate columns by.
pub(crate) fn refuse_other_separators(names: &[String]) -> Result<(), BrokenReason> {
    let [only] = names else { return Ok(()) };
    let separators = [(';', "`;`"), ('\t', "tabulators"), ('|', "`|`")];
    match separators.into_iter().find(|(mark, _)| only.contains(*mark)) {
        Some((_, separator)) => Err(BrokenReason::Separator { separator, found: listed(&[shown(only)]) }),
        None => Ok(()),
    }
}
