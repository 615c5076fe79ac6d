//! Reads comma-separated values, row by row.
//!
//! A quotation mark that nothing closes would swallow every row after it: such a row is refused alone, and reading goes
//! on with the line after it. So is a row that is longer than any row of a table: each of its commas would ask for more
//! memory than it takes in the file.

use std::cell::Cell as Shared;
use std::io::{self, Read};

use ::csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};

use super::broken::BrokenReason;
use super::cell::{Cell, shown};
use super::columns::{Places, listed};
use super::fault::Fault;
use super::rows::Sink;
use crate::series::Definition;

/// How often, over the whole file, bytes may be read again because of open quotation marks.
const READINGS: usize = 8;
/// The longest row that is read.
const ROW_BYTES: usize = 1 << 20;
const LINE_END: usize = 2;

/// Gives the rows to a sink. The header, as it stands in the file, is the answer.
pub(super) fn read<'a>(
    bytes: &'a [u8],
    definition: &Definition,
    sink: &mut impl Sink<'a>,
) -> Result<&'a [u8], BrokenReason> {
    let left = Shared::new(0);
    let mut reader = reader(bytes, &left);
    let mut header = ByteRecord::new();
    left.set(ROW_BYTES + LINE_END);
    reader.read_byte_record(&mut header).map_err(|source| BrokenReason::Csv { row: 0, source })?;
    let places = header_places(&header, definition)?;
    let start = reader.position().byte() as usize;
    let mut rows = Rows { bytes, start, width: header.len(), places, reread: 0, given: 0 };
    while rows.read_on(sink)? {}
    Ok(line(bytes.get(..start).unwrap_or_default()))
}

/// The rows of a file from a byte on.
struct Rows<'a> {
    bytes: &'a [u8],
    start: usize,
    width: usize,
    places: Places,
    /// Bytes that were read again so far.
    reread: usize,
    /// Rows that were given to the sink so far.
    given: u64,
}

impl<'a> Rows<'a> {
    /// Gives rows until the end, or until an open quotation mark, after which `start` is the line that follows it.
    /// Whether there is more to read.
    fn read_on(&mut self, sink: &mut impl Sink<'a>) -> Result<bool, BrokenReason> {
        let rest = self.bytes.get(self.start..).unwrap_or_default();
        let left = Shared::new(0);
        let mut reader = reader(rest, &left);
        let mut record = ByteRecord::new();
        loop {
            let from = reader.position().byte() as usize;
            left.set(ROW_BYTES + LINE_END);
            match reader.read_byte_record(&mut record) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) if matches!(error.kind(), ErrorKind::Io(_)) => {
                    self.refuse_long_row(rest.get(from..).unwrap_or_default(), sink)?;
                    return Ok(true);
                }
                Err(source) => return Err(BrokenReason::Csv { row: self.given, source }),
            }
            if record.iter().all(|field| field.trim_ascii().is_empty()) {
                continue;
            }
            let raw = rest.get(from..reader.position().byte() as usize).unwrap_or_default();
            if raw.trim_ascii().len() > ROW_BYTES {
                self.refuse_long_row(rest.get(from..).unwrap_or_default(), sink)?;
                return Ok(true);
            }
            if let Some(lines) = self.swallowed_lines(&record, raw) {
                let line = lines.split(|b| *b == b'\n').next().unwrap_or_default();
                self.refuse_line(line, raw.len(), sink)?;
                // `lines` ends where the record does, so that what is left of it begins after the refused line.
                self.start += from + raw.len() - lines.len() + line.len() + 1;
                return Ok(true);
            }
            self.give_row(&record, raw, sink)?;
        }
    }

    /// The raw lines of a record that runs over several because a quotation mark is open: one that cannot be right. A
    /// line break inside a quoted field that is not needed is none.
    fn swallowed_lines(&self, record: &ByteRecord, raw: &'a [u8]) -> Option<&'a [u8]> {
        let needed = [Some(self.places.time), Some(self.places.value)];
        let broken_cell = |place: &usize| record.get(*place).is_some_and(|cell| cell.contains(&b'\n'));
        // What is still open at the end of the file is closed by nothing.
        let is_open = self.bytes.ends_with(raw) && raw.iter().filter(|byte| **byte == b'"').count() % 2 == 1;
        let cannot_be = is_open || record.len() != self.width || needed.iter().flatten().any(broken_cell);
        let lines = raw.trim_ascii_start();
        (cannot_be && lines.trim_ascii_end().contains(&b'\n')).then_some(lines)
    }

    fn refuse_line(
        &mut self,
        line: &'a [u8],
        record_bytes: usize,
        sink: &mut impl Sink<'a>,
    ) -> Result<(), BrokenReason> {
        self.reread = self.reread.saturating_add(record_bytes);
        if self.reread > self.bytes.len().saturating_mul(READINGS) {
            return Err(BrokenReason::Quotes { row: self.given + 1 });
        }
        self.given += 1;
        sink.unreadable_row(line.trim_ascii_end(), &Fault::OpenQuote)
    }

    /// Refuses the first line of a row that has no end within [`ROW_BYTES`]: the line is too long itself, or opens a
    /// quotation mark. Blank lines before it are no part of the row, and reading begins anew after them.
    fn refuse_long_row(&mut self, row: &'a [u8], sink: &mut impl Sink<'a>) -> Result<(), BrokenReason> {
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let start = self.bytes.len() - row.len();
        let blank = row.iter().take_while(|byte| is_end(byte)).count();
        if blank > 0 {
            self.start = start + blank;
            return Ok(());
        }
        let line = row.split(is_end).next().unwrap_or_default();
        self.start = start + line.len();
        if line.len() <= ROW_BYTES {
            return self.refuse_line(line, ROW_BYTES, sink);
        }
        self.given += 1;
        sink.unreadable_row(line, &Fault::LongRow { most: ROW_BYTES })
    }

    fn give_row(&mut self, record: &ByteRecord, raw: &'a [u8], sink: &mut impl Sink<'a>) -> Result<(), BrokenReason> {
        self.given += 1;
        if record.len() != self.width {
            let fault = Fault::Width { found: record.len(), expected: self.width };
            return sink.unreadable_row(line(raw), &fault);
        }
        let cell = |place: usize| match record.get(place).unwrap_or_default() {
            b"" => Cell::Empty,
            bytes => Cell::of(bytes),
        };
        let cells: Vec<Cell<'_>> = self.places.cells().map(|place| place.map_or(Cell::Empty, cell)).collect();
        sink.row(line(raw), &cell(self.places.time), &cells)
    }
}

/// What a reader took for a row, without the line ends around it.
fn line(raw: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b'\r' | b'\n');
    let first = raw.iter().position(is_text).unwrap_or(raw.len());
    let end = raw.iter().rposition(is_text).map_or(first, |last| last + 1);
    raw.get(first..end).unwrap_or_default()
}

/// A reader that fails where a record goes on beyond the bytes that are `left` for it.
fn reader<'a>(bytes: &'a [u8], left: &'a Shared<usize>) -> Reader<Bounded<'a>> {
    ReaderBuilder::new().flexible(true).has_headers(false).from_reader(Bounded { bytes, left })
}

/// Bytes of which only so many may be read for one record.
struct Bounded<'a> {
    bytes: &'a [u8],
    left: &'a Shared<usize>,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 && !self.bytes.is_empty() {
            return Err(io::Error::other(format!("a row has more than {ROW_BYTES} bytes")));
        }
        let room = buffer.len().min(left);
        let read = self.bytes.read(buffer.get_mut(..room).unwrap_or_default())?;
        self.left.set(left - read);
        Ok(read)
    }
}

fn header_places(header: &ByteRecord, definition: &Definition) -> Result<Places, BrokenReason> {
    let names: Vec<String> = header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    refuse_other_separators(&names)?;
    Places::find(definition, &names).map_err(|reason| {
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
