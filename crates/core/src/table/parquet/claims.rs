//! Checks what a Parquet file claims of itself, its footer and the header of every page that is to be read, before the
//! library sets memory aside for it.

use super::ParquetError;
use super::thrift::{FOOTER, PAGE_HEADER, Passed, walk};

/// The longest footer: the library's form of it is some ten times as large.
const FOOTER_BYTES: u64 = 16 << 20;
/// Columns, row groups and remarks of a footer, all together: the library's form of each takes some hundred bytes,
/// asked for before the first is read, and one byte of the file can stand for it.
const LISTED: u64 = 200_000;
/// Where the footer lists them: columns, row groups, their columns and sorting columns, remarks, orders.
const LISTS: [&[i16]; 6] = [&[2], &[4], &[4, 1], &[4, 4], &[5], &[7]];
/// Groups of columns in groups; the library follows them by recursion.
const DEEPEST_SCHEMA: usize = 32;
/// The length of the footer and the mark at the end of a file.
const END: usize = 8;
const MARK: &[u8] = b"PAR1";

/// Encodings of values that the library reads without trusting a count inside them: plain and dictionary.
const ENCODINGS: [i64; 3] = [0, 2, 8];

const DATA: i64 = 0;
const INDEX: i64 = 1;
const DICTIONARY: i64 = 2;
const DATA_V2: i64 = 3;

/// Checks that the footer can be read in memory that its own length bounds.
pub(super) fn check_footer(bytes: &[u8]) -> Result<(), ParquetError> {
    let (body, end) = bytes.split_at_checked(bytes.len().saturating_sub(END)).unwrap_or((&[], bytes));
    let Some((length, mark)) = end.split_first_chunk::<4>() else {
        return Err(ParquetError::Impossible("it ends before its footer"));
    };
    if mark != MARK {
        return Err(ParquetError::Impossible("it does not end as it should; it may be cut off"));
    }
    let length = u64::from(u32::from_le_bytes(*length));
    if length > FOOTER_BYTES {
        return Err(ParquetError::Impossible("its footer is longer than 16 MiB"));
    }
    let footer = (body.len() as u64).checked_sub(length).and_then(|start| body.get(start as usize..));
    let footer = footer.ok_or(ParquetError::Impossible("its footer is longer than the file"))?;
    let (mut schema, mut listed) = (Schema::default(), 0);
    let malformed = |_| ParquetError::Impossible("its footer is malformed");
    walk(footer, FOOTER, |path, passed| {
        schema.pass(path, passed);
        listed += u64::from(passed == Passed::Struct && LISTS.contains(&path));
    })
    .map_err(malformed)?;
    if listed > LISTED {
        return Err(ParquetError::Impossible("its footer lists more than 200000 columns and row groups"));
    }
    if schema.is_bounded() { Ok(()) } else { Err(ParquetError::Impossible("its columns are nested without end")) }
}

/// How many children each element of the schema says it has, in the order in which they are listed.
#[derive(Default)]
struct Schema {
    children: Vec<i64>,
}

impl Schema {
    fn pass(&mut self, path: &[i16], passed: Passed) {
        match (path, passed) {
            ([2], Passed::Struct) => self.children.push(0),
            ([2, 5], Passed::Number(count)) => {
                if let Some(last) = self.children.last_mut() {
                    *last = count;
                }
            }
            _ => {}
        }
    }

    /// Whether the tree that the counts make is no deeper than it may be and has no more leaves than elements.
    fn is_bounded(&self) -> bool {
        let mut open: Vec<i64> = Vec::new();
        for count in &self.children {
            if *count < 0 || *count > self.children.len() as i64 {
                return false;
            }
            if let Some(parent) = open.last_mut() {
                *parent -= 1;
            }
            open.push(*count);
            while open.last().is_some_and(|left| *left <= 0) {
                open.pop();
            }
            if open.len() > DEEPEST_SCHEMA {
                return false;
            }
        }
        true
    }
}

/// The header of a page, as far as it is checked.
#[derive(Default)]
struct Page {
    kind: i64,
    decoded_bytes: i64,
    stored_bytes: i64,
    values: i64,
    encoding: i64,
    dictionary_values: i64,
    values_v2: i64,
    nulls_v2: i64,
    encoding_v2: i64,
    levels_v2: [i64; 2],
}

impl Page {
    fn pass(&mut self, path: &[i16], passed: Passed) {
        let Passed::Number(number) = passed else { return };
        let claim = match path {
            [1] => &mut self.kind,
            [2] => &mut self.decoded_bytes,
            [3] => &mut self.stored_bytes,
            [5, 1] => &mut self.values,
            [5, 2] => &mut self.encoding,
            [7, 1] => &mut self.dictionary_values,
            [8, 1] => &mut self.values_v2,
            [8, 2] => &mut self.nulls_v2,
            [8, 4] => &mut self.encoding_v2,
            [8, 5] => &mut self.levels_v2[0],
            [8, 6] => &mut self.levels_v2[1],
            _ => return,
        };
        *claim = number;
    }

    /// The values of the page, where what it says of itself is possible and `left` values are still to come.
    fn values(&self, left: i64) -> Result<i64, ParquetError> {
        let (values, encoding) = match self.kind {
            INDEX => return Ok(0),
            DICTIONARY if (0..=self.decoded_bytes).contains(&self.dictionary_values) => return Ok(0),
            DICTIONARY => return Err(ParquetError::Impossible("a dictionary claims more values than it has bytes")),
            DATA => (self.values, self.encoding),
            DATA_V2 => (self.values_v2, self.encoding_v2),
            _ => return Err(ParquetError::Impossible("a page is of an unknown kind")),
        };
        if !(0..=left).contains(&values) {
            return Err(ParquetError::Impossible("a page has another number of values than its column"));
        }
        if !ENCODINGS.contains(&encoding) {
            return Err(ParquetError::Encoding(encoding));
        }
        let [definition, repetition] = self.levels_v2;
        let levels_fit = definition >= 0
            && repetition >= 0
            && definition.saturating_add(repetition) <= self.decoded_bytes.min(self.stored_bytes);
        if self.kind == DATA_V2 && !(levels_fit && (0..=values).contains(&self.nulls_v2)) {
            return Err(ParquetError::Impossible("a page claims more levels or nulls than it has"));
        }
        Ok(values)
    }
}

/// Checks the headers of the pages of a column's chunk: together they hold the rows and no more. The bytes they have
/// once decompressed.
pub(super) fn check_pages(chunk: &[u8], rows: i64) -> Result<u64, ParquetError> {
    let mut rest = chunk;
    let mut left = rows;
    let mut decoded: u64 = 0;
    while left > 0 {
        let mut page = Page::default();
        let malformed = |_| ParquetError::Impossible("the header of a page is malformed");
        let header = walk(rest, PAGE_HEADER, |path, passed| page.pass(path, passed)).map_err(malformed)?;
        let page_end = usize::try_from(page.stored_bytes).ok().and_then(|stored| stored.checked_add(header));
        let after = page_end.and_then(|end| rest.get(end..));
        rest = after.ok_or(ParquetError::Impossible("a page is longer than its column"))?;
        let page_bytes = u64::try_from(page.decoded_bytes).ok().filter(|bytes| *bytes <= i32::MAX as u64);
        let page_bytes = page_bytes.ok_or(ParquetError::Impossible("a page has an impossible length"))?;
        decoded = decoded.saturating_add(page_bytes);
        left -= page.values(left)?;
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that ends with this footer.
    fn file(footer: &[u8]) -> Vec<u8> {
        [MARK, footer, &(footer.len() as u32).to_le_bytes(), MARK].concat()
    }

    /// A zigzag number of two bytes at most.
    fn number(value: i64) -> Vec<u8> {
        let zigzag = (value << 1 ^ value >> 63) as u64;
        assert!(zigzag < 1 << 14);
        if zigzag < 128 { vec![zigzag as u8] } else { vec![zigzag as u8 & 0x7F | 0x80, (zigzag >> 7) as u8] }
    }

    /// The header of a data page: its kind, both lengths, and a header with values and encoding.
    fn data_page(values: i64, encoding: i64) -> Vec<u8> {
        let [kind, decoded, stored] = [DATA, 40, 0].map(number);
        let [values, encoding] = [values, encoding].map(number);
        let lengths = [&[0x15][..], &kind, &[0x15], &decoded, &[0x15], &stored].concat();
        [&lengths[..], &[0x2C, 0x15], &values, &[0x15], &encoding, &[0, 0]].concat()
    }

    fn impossible<T: std::fmt::Debug>(result: Result<T, ParquetError>) -> &'static str {
        match result {
            Err(ParquetError::Impossible(claim)) => claim,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_footer_that_lists_more_than_it_holds_is_refused() {
        // Field 2, the schema: a list of 2^31 - 1 structs.
        let footer = [0x29, 0xFC, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0];
        assert_eq!(impossible(check_footer(&file(&footer))), "its footer is malformed");
    }

    #[test]
    fn a_footer_of_another_length_than_the_file_can_hold_is_refused() {
        let mut bytes = file(&[0]);
        assert!(check_footer(&bytes).is_ok());
        let length = bytes.len();
        bytes[length - 8] = 200;
        assert_eq!(impossible(check_footer(&bytes)), "its footer is longer than the file");
        bytes[length - 5] = 200;
        assert_eq!(impossible(check_footer(&bytes)), "its footer is longer than 16 MiB");
        assert_eq!(impossible(check_footer(b"PAR")), "it ends before its footer");
        assert_eq!(impossible(check_footer(b"PAR1PAR2")), "it does not end as it should; it may be cut off");
    }

    #[test]
    fn columns_nested_deeper_than_the_library_can_follow_are_refused() {
        let nested = |depth: usize| Schema { children: [vec![1; depth], vec![0]].concat() };
        assert!(nested(DEEPEST_SCHEMA).is_bounded());
        assert!(!nested(DEEPEST_SCHEMA + 1).is_bounded());
        let wide = Schema { children: [vec![100], vec![0; 100]].concat() };
        assert!(wide.is_bounded());
        assert!(!Schema { children: vec![-1] }.is_bounded());
        assert!(!Schema { children: vec![i64::MAX] }.is_bounded());
    }

    #[test]
    fn pages_that_hold_the_rows_pass_with_their_length() {
        let pages = [data_page(3, 0), data_page(2, 8)].concat();
        assert_eq!(check_pages(&pages, 5).unwrap(), 80);
    }

    #[test]
    fn a_page_that_claims_more_values_than_its_column_or_fewer_than_none_is_refused() {
        for values in [6, -1] {
            let claim = impossible(check_pages(&data_page(values, 0), 5));
            assert_eq!(claim, "a page has another number of values than its column");
        }
    }

    #[test]
    fn pages_with_fewer_values_than_their_column_are_refused() {
        assert_eq!(impossible(check_pages(&data_page(4, 0), 5)), "the header of a page is malformed");
    }

    #[test]
    fn an_encoding_with_counts_inside_is_named() {
        // 5 is DELTA_BINARY_PACKED.
        assert!(matches!(check_pages(&data_page(5, 5), 5), Err(ParquetError::Encoding(5))));
    }

    #[test]
    fn a_page_longer_than_its_column_is_refused() {
        let mut page = data_page(5, 0);
        page[5] = 2;
        // The stored length, the sixth byte, says that one byte follows the header.
        assert_eq!(impossible(check_pages(&page, 5)), "a page is longer than its column");
    }
}
