//! Two samples by classes: how many values of each fall into each category, value or bin.

use std::collections::BTreeMap;

use super::sample::Sample;
use super::walk;

/// How many values fall into a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Class {
    /// Of the reference.
    pub reference: u64,
    /// Of what is compared with it.
    pub current: u64,
}

/// The classes of two samples, none of them empty in both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    classes: Vec<Class>,
}

impl Table {
    /// A table of these classes; those that are empty in both samples are left out.
    pub fn new(classes: impl IntoIterator<Item = Class>) -> Self {
        Self { classes: classes.into_iter().filter(|class| class.reference + class.current > 0).collect() }
    }

    /// The table of categories, in the order of their names: the union of both sides'.
    pub fn of_categories<'a>(
        reference: impl IntoIterator<Item = (&'a str, u64)>,
        current: impl IntoIterator<Item = (&'a str, u64)>,
    ) -> (Vec<&'a str>, Self) {
        let mut classes: BTreeMap<&str, Class> = BTreeMap::new();
        for (name, count) in reference {
            classes.entry(name).or_default().reference += count;
        }
        for (name, count) in current {
            classes.entry(name).or_default().current += count;
        }
        classes.retain(|_, class| class.reference + class.current > 0);
        (classes.keys().copied().collect(), Self { classes: classes.into_values().collect() })
    }

    /// The table of values, each of them a class, in their order; none where both samples together have more than
    /// `most` of them.
    pub fn of_values(reference: &Sample, current: &Sample, most: usize) -> Option<(Vec<f64>, Self)> {
        let (mut values, mut classes) = (Vec::new(), Vec::new());
        for step in walk::steps(reference.sorted(), current.sorted()) {
            if values.len() == most {
                return None;
            }
            values.push(step.value);
            classes.push(Class { reference: step.first as u64, current: step.second as u64 });
        }
        Some((values, Self { classes }))
    }

    /// The classes in their order.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// How many values there are of the reference, and of what is compared with it.
    pub fn sizes(&self) -> (u64, u64) {
        self.classes.iter().fold((0, 0), |(a, b), class| (a + class.reference, b + class.current))
    }

    /// The share of each class in the reference, and in what is compared with it; nothing where either is empty.
    pub fn shares(&self) -> impl Iterator<Item = (f64, f64)> {
        let (n, m) = self.sizes();
        let known = if n > 0 && m > 0 { self.classes.as_slice() } else { &[] };
        known.iter().map(move |class| (class.reference as f64 / n as f64, class.current as f64 / m as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_of_either_side_are_classes_in_the_order_of_their_names() {
        let (names, table) = Table::of_categories([("wind", 3), ("coal", 1)], [("gas", 2), ("wind", 4)]);
        assert_eq!(names, ["coal", "gas", "wind"]);
        let counts: Vec<_> = table.classes().iter().map(|class| (class.reference, class.current)).collect();
        assert_eq!((counts, table.sizes()), (vec![(1, 0), (0, 2), (3, 4)], (4, 6)));
    }

    #[test]
    fn more_values_than_allowed_are_no_classes() {
        let sample = |values: &[f64]| Sample::new(values.to_vec()).unwrap();
        let (a, b) = (sample(&[1.0, 2.0, 2.0]), sample(&[-0.5, 2.0]));
        let (values, table) = Table::of_values(&a, &b, 3).unwrap();
        assert_eq!(values, [-0.5, 1.0, 2.0]);
        assert_eq!(table.classes()[2], Class { reference: 2, current: 1 });
        assert_eq!(Table::of_values(&a, &b, 2), None);
    }

    #[test]
    fn a_class_that_is_empty_on_both_sides_is_none() {
        assert!(Table::new([Class::default()]).classes().is_empty());
    }
}
