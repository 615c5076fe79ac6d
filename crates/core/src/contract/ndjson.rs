//! Reads one JSON object a line. Only the wanted values are held in memory, whatever else a line carries.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::broken::BrokenReason;
use super::cell::Cell;
use super::columns::listed;
use super::fault::Fault;
use super::rows::Sink;
use crate::series::Definition;

/// The most names of columns that are remembered for an error.
const REMEMBERED: usize = 100;
/// The longest part of a parser's message that is kept, in characters: it may quote the line.
const MESSAGE: usize = 160;

/// Gives the rows to a sink.
pub(super) fn read<'a>(bytes: &'a [u8], definition: &Definition, sink: &mut impl Sink<'a>) -> Result<(), BrokenReason> {
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(BrokenReason::JsonArray);
    }
    let source = &definition.source;
    let wanted: Vec<&str> = std::iter::once(source.time_column.as_str()).chain(definition.columns()).collect();
    let mut seen = Seen::default();
    for line in bytes.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()) {
        match object(line, &wanted, &mut seen) {
            Ok(cells) => {
                let (time, cells) = cells.split_first().map_or((&Cell::Empty, &[][..]), |(t, c)| (t, c));
                sink.row(line, time, cells)?;
            }
            Err(fault) => sink.unreadable_row(line, &fault)?,
        }
    }
    for column in [&source.time_column, &source.value_column] {
        if seen.objects > 0 && !seen.wanted.iter().any(|w| w == column) {
            return Err(BrokenReason::MissingColumn { column: column.clone(), found: listed(&seen.names) });
        }
    }
    Ok(())
}

/// What the objects of a file have had so far.
#[derive(Default)]
struct Seen {
    objects: u64,
    names: Vec<String>,
    wanted: Vec<String>,
}

impl Seen {
    fn name(&mut self, name: &str, is_wanted: bool) {
        if self.names.len() < REMEMBERED && !self.names.iter().any(|n| n == name) {
            self.names.push(name.to_owned());
        }
        if is_wanted && !self.wanted.iter().any(|n| n == name) {
            self.wanted.push(name.to_owned());
        }
    }
}

fn object<'a>(line: &'a [u8], wanted: &[&str], seen: &mut Seen) -> Result<Vec<Cell<'a>>, Fault> {
    let text = std::str::from_utf8(line).map_err(|_| Fault::NotUtf8)?;
    let mut json = serde_json::Deserializer::from_str(text);
    let cells = Object { wanted, seen }.deserialize(&mut json);
    let cells = cells.and_then(|cells| json.end().map(|()| cells));
    cells.map_err(|error| Fault::NoObject(error.to_string().chars().take(MESSAGE).collect()))
}

/// Takes the wanted values out of an object.
struct Object<'w> {
    wanted: &'w [&'w str],
    seen: &'w mut Seen,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Vec<Cell<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Vec<Cell<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a value for each column")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        self.seen.objects += 1;
        let mut cells = vec![Cell::Empty; self.wanted.len()];
        while let Some(name) = object.next_key::<String>()? {
            let place = self.wanted.iter().position(|w| *w == name);
            self.seen.name(&name, place.is_some());
            match place.and_then(|place| cells.get_mut(place)) {
                Some(cell) => *cell = object.next_value_seed(Value)?,
                None => drop(object.next_value::<IgnoredAny>()?),
            }
        }
        Ok(cells)
    }
}

/// Takes one value, without holding what no cell can be.
struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Cell<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Cell<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Cell<'de>, E> {
        Ok(Cell::Empty)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Cell<'de>, E> {
        Ok(Cell::Other(if value { "true" } else { "false" }))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Cell<'de>, E> {
        Ok(Cell::Number(value as f64))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Cell<'de>, E> {
        Ok(Cell::Number(value as f64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Cell<'de>, E> {
        Ok(Cell::Number(value))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Cell<'de>, E> {
        Ok(Cell::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Cell<'de>, E> {
        Ok(Cell::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Cell<'de>, A::Error> {
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Cell::Other("an array"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Cell<'de>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cell::Other("an object"))
    }
}
