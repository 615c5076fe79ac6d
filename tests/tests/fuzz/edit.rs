//! Changes to an input: each small, so that a failure shrinks to the few that matter.

use proptest::prelude::*;
use proptest::sample::Index;

/// The longest input that is made.
const LONGEST: usize = 64 << 10;

/// Numbers at which parsers slip: around powers of two, the ends of types, and beyond every float.
const NUMBERS: [&str; 20] = [
    "0",
    "-1",
    "127",
    "128",
    "255",
    "256",
    "32768",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551615",
    "1e308",
    "1e999",
    "0.1e-320",
];

/// The same for formats that store numbers as bytes.
const WORDS: [u64; 12] =
    [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, i64::MAX as u64, u64::MAX];

/// One change.
#[derive(Clone, Debug)]
pub enum Edit {
    /// A bit is turned.
    Flip { at: Index, bit: u8 },
    /// A byte becomes another.
    Set { at: Index, byte: u8 },
    /// Bytes come in between.
    Insert { at: Index, bytes: Vec<u8> },
    /// Bytes go.
    Delete { at: Index, length: usize },
    /// A span comes again.
    Repeat { at: Index, length: usize, times: usize },
    /// A word of the format comes in between, or over what is there.
    Word { at: Index, word: Index, over: bool },
    /// The next number in the text becomes another.
    Number { at: Index, number: Index },
    /// The bytes of a number, the lowest first, are written over what is there.
    Bytes { at: Index, word: Index, width: usize },
    /// From here on it is another input.
    Splice { at: Index, other: Index, from: Index },
    /// It ends here.
    Cut { at: Index },
}

/// An input of the corpus and what is changed about it.
#[derive(Clone, Debug)]
pub struct Mutation {
    input: Index,
    edits: Vec<Edit>,
}

/// Any mutation.
pub fn mutation() -> impl Strategy<Value = Mutation> {
    // Most inputs are changed in one place: more of them then get past the first check.
    let edits = prop_oneof![
        5 => prop::collection::vec(edit(), 1),
        2 => prop::collection::vec(edit(), 2..4),
        1 => prop::collection::vec(edit(), 4..9),
    ];
    (any::<Index>(), edits).prop_map(|(input, edits)| Mutation { input, edits })
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        3 => (at(), 0..8u8).prop_map(|(at, bit)| Edit::Flip { at, bit }),
        3 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set { at, byte }),
        1 => (at(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Edit::Insert { at, bytes }),
        2 => (at(), 1..24usize).prop_map(|(at, length)| Edit::Delete { at, length }),
        1 => (at(), 1..64usize, 1..40usize).prop_map(|(at, length, times)| Edit::Repeat { at, length, times }),
        3 => (at(), at(), any::<bool>()).prop_map(|(at, word, over)| Edit::Word { at, word, over }),
        2 => (at(), at()).prop_map(|(at, number)| Edit::Number { at, number }),
        2 => (at(), at(), prop::sample::select(vec![1, 2, 4, 8]))
            .prop_map(|(at, word, width)| Edit::Bytes { at, word, width }),
        1 => (at(), at(), at()).prop_map(|(at, other, from)| Edit::Splice { at, other, from }),
        1 => at().prop_map(|at| Edit::Cut { at }),
    ]
}

impl Mutation {
    /// The bytes that come of it.
    pub fn bytes(&self, corpus: &[Vec<u8>], words: &[&[u8]]) -> Vec<u8> {
        let mut bytes = self.input.get(corpus).clone();
        for edit in &self.edits {
            edit.make(&mut bytes, corpus, words);
            bytes.truncate(LONGEST);
        }
        bytes
    }
}

impl Edit {
    fn make(&self, bytes: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&[u8]]) {
        let end = bytes.len();
        let place = |at: &Index| at.index(end + 1);
        let span = |at: &Index, length: usize| place(at)..end.min(place(at) + length);
        match self {
            Self::Flip { at, bit } => change(bytes, place(at), |byte| byte ^ 1 << bit),
            Self::Set { at, byte } => change(bytes, place(at), |_| *byte),
            Self::Insert { at, bytes: inserted } => insert(bytes, place(at), inserted),
            Self::Delete { at, length } => drop(bytes.drain(span(at, *length))),
            Self::Repeat { at, length, times } => {
                let repeated = bytes[span(at, *length)].repeat(*times);
                insert(bytes, place(at), &repeated);
            }
            Self::Word { at, word, over } => {
                let (at, word) = (place(at), word.get(words));
                if *over { write(bytes, at, word) } else { insert(bytes, at, word) }
            }
            Self::Number { at, number } => replace_number(bytes, place(at), NUMBERS[number.index(NUMBERS.len())]),
            Self::Bytes { at, word, width } => {
                let number = word.get(&WORDS[..]).to_le_bytes();
                write(bytes, place(at), &number[..*width]);
            }
            Self::Splice { at, other, from } => {
                let other = other.get(corpus);
                bytes.truncate(place(at));
                bytes.extend_from_slice(&other[from.index(other.len() + 1)..]);
            }
            Self::Cut { at } => bytes.truncate(place(at)),
        }
    }
}

fn change(bytes: &mut [u8], at: usize, changed: impl Fn(u8) -> u8) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte = changed(*byte);
    }
}

fn insert(bytes: &mut Vec<u8>, at: usize, inserted: &[u8]) {
    bytes.splice(at..at, inserted.iter().copied());
}

/// Writes over what is there, as far as there is something.
fn write(bytes: &mut [u8], at: usize, written: &[u8]) {
    for (byte, with) in bytes.iter_mut().skip(at).zip(written) {
        *byte = *with;
    }
}

/// Puts a number in the place of the next one at or after a byte.
fn replace_number(bytes: &mut Vec<u8>, at: usize, number: &str) {
    let Some(start) = bytes.iter().skip(at).position(u8::is_ascii_digit).map(|after| at + after) else { return };
    let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    bytes.splice(start..start + length, number.bytes());
}
