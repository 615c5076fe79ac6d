//! Walks Thrift's compact protocol without building anything, to check what a Parquet file claims before the library
//! reads it: the library asks for as much memory as a list says it needs, which no `catch_unwind` survives.
//!
//! The library tells fields by their number and takes their type for granted, so that a field of another type would be
//! read otherwise than it is walked here. The numbered fields that it reads must therefore have the type they should.

/// Bytes that are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Byte,
    Number,
    Double,
    Binary,
    List,
    Struct,
}

/// The type that a field must have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// The numbers of the fields that lead to it; the elements of a list stand at the path of the list.
    pub(super) path: &'static [i16],
    pub(super) kind: Kind,
    /// What it lists, where it is a list.
    pub(super) of: Option<Kind>,
}

/// What a walk comes past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// A number.
    Number(i64),
    /// The beginning of a structure.
    Struct,
}

/// Structures in structures; Parquet's own go to seven.
const DEEPEST: usize = 16;

const fn field(path: &'static [i16], kind: Kind) -> Expected {
    Expected { path, kind, of: None }
}

const fn list(path: &'static [i16], of: Kind) -> Expected {
    Expected { path, kind: Kind::List, of: Some(of) }
}

/// The fields of a page's header (`PageHeader` of parquet.thrift) that the library reads.
pub(super) const PAGE_HEADER: &[Expected] = &[
    field(&[1], Kind::Number),
    field(&[2], Kind::Number),
    field(&[3], Kind::Number),
    field(&[4], Kind::Number),
    field(&[5], Kind::Struct),
    field(&[5, 1], Kind::Number),
    field(&[5, 2], Kind::Number),
    field(&[5, 3], Kind::Number),
    field(&[5, 4], Kind::Number),
    field(&[5, 5], Kind::Struct),
    field(&[5, 5, 1], Kind::Binary),
    field(&[5, 5, 2], Kind::Binary),
    field(&[5, 5, 3], Kind::Number),
    field(&[5, 5, 4], Kind::Number),
    field(&[5, 5, 5], Kind::Binary),
    field(&[5, 5, 6], Kind::Binary),
    field(&[5, 5, 7], Kind::Bool),
    field(&[5, 5, 8], Kind::Bool),
    field(&[6], Kind::Struct),
    field(&[7], Kind::Struct),
    field(&[7, 1], Kind::Number),
    field(&[7, 2], Kind::Number),
    field(&[7, 3], Kind::Bool),
    field(&[8], Kind::Struct),
    field(&[8, 1], Kind::Number),
    field(&[8, 2], Kind::Number),
    field(&[8, 3], Kind::Number),
    field(&[8, 4], Kind::Number),
    field(&[8, 5], Kind::Number),
    field(&[8, 6], Kind::Number),
    field(&[8, 7], Kind::Bool),
    field(&[8, 8], Kind::Struct),
    field(&[8, 8, 1], Kind::Binary),
    field(&[8, 8, 2], Kind::Binary),
    field(&[8, 8, 3], Kind::Number),
    field(&[8, 8, 4], Kind::Number),
    field(&[8, 8, 5], Kind::Binary),
    field(&[8, 8, 6], Kind::Binary),
    field(&[8, 8, 7], Kind::Bool),
    field(&[8, 8, 8], Kind::Bool),
];

/// The fields of a file's footer (`FileMetaData` of parquet.thrift) that the library reads or skips by number.
pub(super) const FOOTER: &[Expected] = &[
    field(&[1], Kind::Number),
    list(&[2], Kind::Struct),
    field(&[2, 1], Kind::Number),
    field(&[2, 2], Kind::Number),
    field(&[2, 3], Kind::Number),
    field(&[2, 4], Kind::Binary),
    field(&[2, 5], Kind::Number),
    field(&[2, 6], Kind::Number),
    field(&[2, 7], Kind::Number),
    field(&[2, 8], Kind::Number),
    field(&[2, 9], Kind::Number),
    field(&[2, 10], Kind::Struct),
    field(&[3], Kind::Number),
    list(&[4], Kind::Struct),
    list(&[4, 1], Kind::Struct),
    field(&[4, 1, 1], Kind::Binary),
    field(&[4, 1, 2], Kind::Number),
    field(&[4, 1, 3], Kind::Struct),
    field(&[4, 1, 3, 1], Kind::Number),
    list(&[4, 1, 3, 2], Kind::Number),
    list(&[4, 1, 3, 3], Kind::Binary),
    field(&[4, 1, 3, 4], Kind::Number),
    field(&[4, 1, 3, 5], Kind::Number),
    field(&[4, 1, 3, 6], Kind::Number),
    field(&[4, 1, 3, 7], Kind::Number),
    field(&[4, 1, 3, 9], Kind::Number),
    field(&[4, 1, 3, 10], Kind::Number),
    field(&[4, 1, 3, 11], Kind::Number),
    field(&[4, 1, 3, 12], Kind::Struct),
    field(&[4, 1, 3, 12, 1], Kind::Binary),
    field(&[4, 1, 3, 12, 2], Kind::Binary),
    field(&[4, 1, 3, 12, 3], Kind::Number),
    field(&[4, 1, 3, 12, 4], Kind::Number),
    field(&[4, 1, 3, 12, 5], Kind::Binary),
    field(&[4, 1, 3, 12, 6], Kind::Binary),
    field(&[4, 1, 3, 12, 7], Kind::Bool),
    field(&[4, 1, 3, 12, 8], Kind::Bool),
    field(&[4, 1, 3, 14], Kind::Number),
    field(&[4, 1, 3, 15], Kind::Number),
    field(&[4, 1, 4], Kind::Number),
    field(&[4, 1, 5], Kind::Number),
    field(&[4, 1, 6], Kind::Number),
    field(&[4, 1, 7], Kind::Number),
    field(&[4, 2], Kind::Number),
    field(&[4, 3], Kind::Number),
    list(&[4, 4], Kind::Struct),
    field(&[4, 4, 1], Kind::Number),
    field(&[4, 4, 2], Kind::Bool),
    field(&[4, 4, 3], Kind::Bool),
    field(&[4, 5], Kind::Number),
    field(&[4, 6], Kind::Number),
    field(&[4, 7], Kind::Number),
    list(&[5], Kind::Struct),
    field(&[5, 1], Kind::Binary),
    field(&[5, 2], Kind::Binary),
    field(&[6], Kind::Binary),
    list(&[7], Kind::Struct),
];

/// Walks one structure and tells `pass` what it comes past and where; the bytes that it takes.
pub(super) fn walk(bytes: &[u8], shape: &[Expected], mut pass: impl FnMut(&[i16], Passed)) -> Result<usize, Malformed> {
    let mut walk = Walk { rest: bytes, path: Vec::with_capacity(DEEPEST), shape, pass: &mut pass };
    walk.structure(DEEPEST)?;
    Ok(bytes.len() - walk.rest.len())
}

struct Walk<'a, P: FnMut(&[i16], Passed)> {
    rest: &'a [u8],
    path: Vec<i16>,
    shape: &'a [Expected],
    pass: &'a mut P,
}

impl<P: FnMut(&[i16], Passed)> Walk<'_, P> {
    fn structure(&mut self, depth: usize) -> Result<(), Malformed> {
        let depth = depth.checked_sub(1).ok_or(Malformed)?;
        (self.pass)(&self.path, Passed::Struct);
        let mut id: i16 = 0;
        loop {
            let header = self.byte()?;
            if header == 0 {
                return Ok(());
            }
            id = match header >> 4 {
                0 => i16::try_from(zigzag(self.varint()?)).map_err(|_| Malformed)?,
                delta => id.checked_add(i16::from(delta)).ok_or(Malformed)?,
            };
            let kind = kind(header & 0x0F)?;
            self.path.push(id);
            let expected = self.shape.iter().find(|e| e.path == self.path.as_slice()).copied();
            if expected.is_some_and(|e| e.kind != kind) {
                return Err(Malformed);
            }
            match kind {
                // The value of a field of this type is part of its header.
                Kind::Bool => {}
                Kind::List => self.list(expected.and_then(|e| e.of), depth)?,
                Kind::Byte | Kind::Number | Kind::Double | Kind::Binary | Kind::Struct => self.value(kind, depth)?,
            }
            self.path.pop();
        }
    }

    fn list(&mut self, expected: Option<Kind>, depth: usize) -> Result<(), Malformed> {
        let depth = depth.checked_sub(1).ok_or(Malformed)?;
        let header = self.byte()?;
        let length = match header >> 4 {
            15 => self.varint()?,
            short => u64::from(short),
        };
        // An element takes at least a byte, so that a list never asks for more room than the file gives it.
        if length > self.rest.len() as u64 {
            return Err(Malformed);
        }
        if length == 0 {
            return Ok(());
        }
        let kind = kind(header & 0x0F)?;
        if expected.is_some_and(|e| e != kind) {
            return Err(Malformed);
        }
        for _ in 0..length {
            self.value(kind, depth)?;
        }
        Ok(())
    }

    fn value(&mut self, kind: Kind, depth: usize) -> Result<(), Malformed> {
        match kind {
            Kind::Bool | Kind::Byte => self.skip(1),
            Kind::Number => {
                let number = zigzag(self.varint()?);
                (self.pass)(&self.path, Passed::Number(number));
                Ok(())
            }
            Kind::Double => self.skip(8),
            Kind::Binary => {
                let length = self.varint()?;
                self.skip(length)
            }
            Kind::List => self.list(None, depth),
            Kind::Struct => self.structure(depth),
        }
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let (byte, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*byte)
    }

    fn skip(&mut self, length: u64) -> Result<(), Malformed> {
        let length = usize::try_from(length).map_err(|_| Malformed)?;
        self.rest = self.rest.get(length..).ok_or(Malformed)?;
        Ok(())
    }

    /// A number of at most 64 bits, seven to a byte.
    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut number: u64 = 0;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        // The tenth byte holds the one bit that is left.
        match self.byte()? {
            last @ (0 | 1) => Ok(number | u64::from(last) << 63),
            _ => Err(Malformed),
        }
    }
}

fn zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

fn kind(code: u8) -> Result<Kind, Malformed> {
    Ok(match code {
        1 | 2 => Kind::Bool,
        3 => Kind::Byte,
        4..=6 => Kind::Number,
        7 => Kind::Double,
        8 => Kind::Binary,
        9 => Kind::List,
        12 => Kind::Struct,
        _ => return Err(Malformed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of a structure and where they stand.
    fn numbers(bytes: &[u8]) -> Result<Vec<(Vec<i16>, i64)>, Malformed> {
        let mut found = Vec::new();
        walk(bytes, &[], |path, passed| {
            if let Passed::Number(number) = passed {
                found.push((path.to_vec(), number));
            }
        })?;
        Ok(found)
    }

    #[test]
    fn numbers_are_found_where_they_stand() {
        // Field 1: i32 7 (zigzag 14). Field 5: a struct whose field 2 is i64 -1 (zigzag 1). Field 6: a list of i32 1
        // and 2.
        let bytes = [0x15, 14, 0x4C, 0x26, 1, 0, 0x19, 0x25, 2, 4, 0];
        assert_eq!(numbers(&bytes).unwrap(), [(vec![1], 7), (vec![5, 2], -1), (vec![6], 1), (vec![6], 2)]);
    }

    #[test]
    fn the_bytes_of_the_structure_alone_are_taken() {
        assert_eq!(walk(&[0x15, 14, 0, 99, 99], &[], |_, _| {}), Ok(3));
    }

    #[test]
    fn a_list_longer_than_the_bytes_is_malformed() {
        // Field 1: a list of 2^28 structs.
        assert_eq!(numbers(&[0x19, 0xFC, 0x80, 0x80, 0x80, 0x80, 0x01, 0]), Err(Malformed));
    }

    #[test]
    fn a_field_of_another_type_than_it_should_have_is_malformed() {
        let expected = [field(&[1], Kind::Binary)];
        assert_eq!(walk(&[0x15, 14, 0], &expected, |_, _| {}), Err(Malformed));
        assert_eq!(walk(&[0x18, 1, b'x', 0], &expected, |_, _| {}), Ok(4));
        // Field 1: a list of one number where one of structs should be.
        assert_eq!(walk(&[0x19, 0x15, 2, 0], &[list(&[1], Kind::Struct)], |_, _| {}), Err(Malformed));
    }

    #[test]
    fn nesting_without_end_is_malformed() {
        assert_eq!(numbers(&[0x1C; 100_000]), Err(Malformed));
    }

    #[test]
    fn a_number_of_more_than_64_bits_is_malformed() {
        let largest = [&[0x16][..], &[0xFF; 9], &[0x01, 0]].concat();
        assert_eq!(numbers(&largest).unwrap(), [(vec![1], i64::MIN)]);
        let larger = [&[0x16][..], &[0xFF; 9], &[0x02, 0]].concat();
        assert_eq!(numbers(&larger), Err(Malformed));
    }
}
