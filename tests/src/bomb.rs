//! Files that are small and hold a great many rows, as somebody makes them who means harm.
//!
//! In Parquet a column of one value is a dictionary and one run: thirty million rows take a few hundred bytes. Written
//! by hand after the format's description (github.com/apache/parquet-format), since no writer makes such a file.

use std::iter::repeat_n;

const MARK: &[u8] = b"PAR1";
/// Parquet's physical types.
const INT64: i64 = 2;
const DOUBLE: i64 = 5;
/// Milliseconds of 2021-01-01T00:00:00Z.
const BEGIN: i64 = 1_609_459_200_000;

/// A Parquet file whose time and value columns say the same in each of its rows.
pub fn parquet(rows: u64, time: &str, value: &str) -> Vec<u8> {
    let mut file = MARK.to_vec();
    let columns = [(time, INT64, BEGIN.to_le_bytes()), (value, DOUBLE, 300.0_f64.to_le_bytes())];
    let chunks: Vec<Vec<u8>> =
        columns.iter().map(|(name, kind, cell)| chunk(&mut file, rows, name, *kind, cell)).collect();
    let footer = footer(rows, [time, value], &chunks);
    file.extend(&footer);
    file.extend((footer.len() as u32).to_le_bytes());
    file.extend(MARK);
    file
}

/// A CSV file of so many short rows.
pub fn csv(rows: usize, header: &str) -> Vec<u8> {
    let mut text = header.as_bytes().to_vec();
    text.extend(repeat_n(*b"x,1\n", rows).flatten());
    text
}

/// An NDJSON file of so many short rows.
pub fn ndjson(rows: usize) -> Vec<u8> {
    repeat_n(*b"{}\n", rows).flatten().collect()
}

/// Appends a dictionary of one value and a page with a run of it; gives the chunk as the footer describes it.
fn chunk(file: &mut Vec<u8>, rows: u64, name: &str, kind: i64, cell: &[u8]) -> Vec<u8> {
    let start = file.len() as i64;
    // A dictionary page (2) of one plain value, then a data page (0) in RLE_DICTIONARY (8): a bit width and a run.
    let dictionary =
        Struct::new().number(1, 2).number(2, 8).number(3, 8).part(7, Struct::new().number(1, 1).number(2, 0));
    file.extend(dictionary.end());
    file.extend(cell);
    let data_start = file.len() as i64;
    let run = [vec![1], varint(rows << 1), vec![0]].concat();
    let length = run.len() as i64;
    let header = Struct::new().number(1, rows as i64).number(2, 8).number(3, 3).number(4, 3);
    file.extend(Struct::new().number(1, 0).number(2, length).number(3, length).part(5, header).end());
    file.extend(run);
    let size = file.len() as i64 - start;
    let meta = Struct::new()
        .number(1, kind)
        .list(2, 0x25, &[zigzag(0), zigzag(8)])
        .list(3, 0x18, &[text(name)])
        .number(4, 0)
        .long(5, rows as i64)
        .long(6, size)
        .long(7, size)
        .long(9, data_start)
        .long(11, start);
    Struct::new().long(2, start).part(3, meta).end()
}

fn footer(rows: u64, names: [&str; 2], chunks: &[Vec<u8>]) -> Vec<u8> {
    let root = Struct::new().text(4, "schema").number(5, 2).end();
    // A point in time: adjusted to UTC, in milliseconds.
    let unit = Struct::new().part(1, Struct::new());
    let instant = Struct::new().part(8, Struct::new().flag(1).part(2, unit));
    let time = Struct::new().number(1, INT64).number(3, 0).text(4, names[0]).part(10, instant).end();
    let value = Struct::new().number(1, DOUBLE).number(3, 0).text(4, names[1]).end();
    let group = Struct::new().list(1, 0x2C, chunks).long(2, 200).long(3, rows as i64).end();
    Struct::new().number(1, 1).list(2, 0x3C, &[root, time, value]).long(3, rows as i64).list(4, 0x1C, &[group]).end()
}

/// A struct in Thrift's compact protocol.
struct Struct {
    bytes: Vec<u8>,
    last: u8,
}

impl Struct {
    fn new() -> Self {
        Self { bytes: Vec::new(), last: 0 }
    }

    fn field(mut self, id: u8, kind: u8, value: &[u8]) -> Self {
        self.bytes.push((id - self.last) << 4 | kind);
        self.bytes.extend(value);
        self.last = id;
        self
    }

    fn number(self, id: u8, value: i64) -> Self {
        self.field(id, 5, &zigzag(value))
    }

    fn long(self, id: u8, value: i64) -> Self {
        self.field(id, 6, &zigzag(value))
    }

    fn flag(self, id: u8) -> Self {
        self.field(id, 1, &[])
    }

    fn text(self, id: u8, value: &str) -> Self {
        self.field(id, 8, &text(value))
    }

    fn part(self, id: u8, value: Self) -> Self {
        self.field(id, 12, &value.end())
    }

    /// A list of fewer than fifteen; `head` is its length and the kind of its elements.
    fn list(self, id: u8, head: u8, elements: &[Vec<u8>]) -> Self {
        self.field(id, 9, &[&[head][..], &elements.concat()].concat())
    }

    fn end(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

fn text(value: &str) -> Vec<u8> {
    [varint(value.len() as u64), value.as_bytes().to_vec()].concat()
}

fn zigzag(value: i64) -> Vec<u8> {
    varint((value << 1 ^ value >> 63) as u64)
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 128 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
