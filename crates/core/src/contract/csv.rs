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
use super::judge::Judge;

/// How often, over the whole file, bytes may be read again because of open quotation marks.
const READINGS: usize = 8;
/// The longest row that is read.
const ROW_BYTES: usize = 1 << 20;
const LINE_END: usize = 2;

pub(super) fn read(bytes: &[u8], judge: &mut Judge<'_>) -> Result<(), BrokenReason> {
    let left = Shared::new(0);
    let mut reader = reader(bytes, &left);
    let mut header = ByteRecord::new();
    left.set(ROW_BYTES + LINE_END);
    let unreadable = |source| BrokenReason::Csv { row: judge.rows(), source };
    reader.read_byte_record(&mut header).map_err(unreadable)?;
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
                    self.refuse_long_row(rest.get(from..).unwrap_or_default(), judge)?;
                    return Ok(true);
                }
                Err(source) => return Err(BrokenReason::Csv { row: judge.rows(), source }),
            }
            if record.iter().all(|field| field.trim_ascii().is_empty()) {
                continue;
            }
            let raw = rest.get(from..reader.position().byte() as usize).unwrap_or_default();
            if raw.trim_ascii().len() > ROW_BYTES {
                self.refuse_long_row(rest.get(from..).unwrap_or_default(), judge)?;
                return Ok(true);
            }
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

    /// Refuses the first line of a row that has no end within [`ROW_BYTES`]: the line is too long itself, or opens a
    /// quotation mark. Blank lines before it are no part of the row, and reading begins anew after them.
    fn refuse_long_row(&mut self, row: &[u8], judge: &mut Judge<'_>) -> Result<(), BrokenReason> {
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
            return self.refuse_line(line, ROW_BYTES, judge);
        }
        judge.unreadable_row(&Cell::of(line).shown(), &Fault::LongRow { most: ROW_BYTES })
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
