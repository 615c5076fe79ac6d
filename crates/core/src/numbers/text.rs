//! A column of text: what stands in each row, each text held once however often it stands.

use std::collections::HashMap;

/// The texts of a column, in the order of the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    names: Vec<String>,
    rows: Vec<Option<u32>>,
}

impl Text {
    /// The texts of rows; none is a row where one is missing.
    pub fn of<'a>(rows: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let mut builder = Builder::default();
        rows.into_iter().for_each(|row| builder.push(row));
        builder.build()
    }

    /// The different texts, in the order in which they first stand.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The place of each row's text among the names; none where it is missing.
    pub fn rows(&self) -> &[Option<u32>] {
        &self.rows
    }

    /// What stands in each row.
    pub fn values(&self) -> impl Iterator<Item = Option<&str>> {
        self.rows.iter().map(|row| self.names.get((*row)? as usize).map(String::as_str))
    }

    /// How many rows each text has.
    pub fn counts(&self) -> impl Iterator<Item = (&str, u64)> {
        let mut counts = vec![0; self.names.len()];
        for place in self.rows.iter().flatten() {
            if let Some(count) = counts.get_mut(*place as usize) {
                *count += 1;
            }
        }
        self.names.iter().map(String::as_str).zip(counts)
    }
}

/// A column of text that is being read.
#[derive(Debug, Default)]
pub(super) struct Builder {
    places: HashMap<String, u32>,
    rows: Vec<Option<u32>>,
}

impl Builder {
    pub(super) fn push(&mut self, row: Option<&str>) {
        let place = row.map(|text| match self.places.get(text) {
            Some(place) => *place,
            None => {
                // A table has at most as many rows as a file may hold, 2^30.
                let place = self.places.len() as u32;
                self.places.insert(text.to_owned(), place);
                place
            }
        });
        self.rows.push(place);
    }

    pub(super) fn build(self) -> Text {
        let mut names = vec![String::new(); self.places.len()];
        for (name, place) in self.places {
            names[place as usize] = name;
        }
        Text { names, rows: self.rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_counted_in_the_order_in_which_they_first_stand() {
        let text = Text::of([Some("wind"), None, Some("coal"), Some("wind")]);
        assert_eq!(text.counts().collect::<Vec<_>>(), [("wind", 2), ("coal", 1)]);
        assert_eq!(text.rows(), [Some(0), None, Some(1), Some(0)]);
        assert_eq!(text.values().collect::<Vec<_>>(), [Some("wind"), None, Some("coal"), Some("wind")]);
    }
}
