//! The values of one column on the even grid of its cadence.

use crate::time::{Cadence, Timestamp};

/// Values of one column from `start` on, one a step; `NaN` where a step has no value.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    start: Timestamp,
    cadence: Cadence,
    values: Vec<f64>,
}

impl History {
    /// Values from `start` on; `NaN` stands for a step without a value, and an infinite value becomes one too.
    pub fn new(start: Timestamp, cadence: Cadence, mut values: Vec<f64>) -> Self {
        values.iter_mut().filter(|v| v.is_infinite()).for_each(|v| *v = f64::NAN);
        Self { start, cadence, values }
    }

    /// The first step.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// The first step after the last.
    pub fn end(&self) -> Timestamp {
        self.time(self.values.len())
    }

    /// The distance between two values.
    pub fn cadence(&self) -> Cadence {
        self.cadence
    }

    /// The values; `NaN` where there is none.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The time of a place in [`Self::values`].
    pub fn time(&self, index: usize) -> Timestamp {
        self.start.plus(self.cadence.seconds() * index as i64)
    }

    /// The place of a time in [`Self::values`], where it has one.
    pub fn index(&self, time: Timestamp) -> Option<usize> {
        let offset = time.since(self.start);
        let step = self.cadence.seconds();
        if offset < 0 || offset % step != 0 {
            return None;
        }
        let index = (offset / step) as usize;
        (index < self.values.len()).then_some(index)
    }

    /// Whole days, counted back from the end, of which more than half was measured: what there is to learn from,
    /// however long ago the first value was.
    pub fn measured_days(&self) -> u32 {
        let is_measured = |day: &&[f64]| 2 * day.iter().filter(|v| v.is_finite()).count() > day.len();
        self.values.rchunks_exact(self.cadence.per_day()).filter(is_measured).count() as u32
    }

    /// The value at a time, where there is one.
    pub fn at(&self, time: Timestamp) -> Option<f64> {
        self.index(time).map(|i| self.values[i]).filter(|v| v.is_finite())
    }

    /// The part in `from <= time < until`; what lies outside the history is left out.
    pub fn between(&self, from: Timestamp, until: Timestamp) -> Self {
        let place = |time: Timestamp| {
            let steps = time.since(self.start).div_euclid(self.cadence.seconds());
            let rest = time.since(self.start).rem_euclid(self.cadence.seconds()) != 0;
            (steps + i64::from(rest)).clamp(0, self.values.len() as i64) as usize
        };
        let (first, last) = (place(from), place(until));
        let values = self.values.get(first..last).unwrap_or_default().to_vec();
        Self { start: self.time(first), cadence: self.cadence, values }
    }

    /// What was known at `origin`: nothing at or after it.
    pub fn before(&self, origin: Timestamp) -> Self {
        self.between(self.start, origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three_hours() -> History {
        History::new("2021-01-01".parse().unwrap(), Cadence::Hour, vec![1.0, f64::NAN, 3.0])
    }

    #[test]
    fn a_step_without_a_value_is_none() {
        let history = three_hours();
        assert_eq!(history.at("2021-01-01T00:00:00Z".parse().unwrap()), Some(1.0));
        assert_eq!(history.at("2021-01-01T01:00:00Z".parse().unwrap()), None);
        assert_eq!(history.at("2021-01-01T03:00:00Z".parse().unwrap()), None);
    }

    #[test]
    fn a_day_counts_as_measured_where_more_than_half_of_it_was() {
        let hours = |count: usize, value: f64| vec![value; count];
        let check = |parts: &[Vec<f64>], expected: u32| {
            let history = History::new("2021-01-01".parse().unwrap(), Cadence::Hour, parts.concat());
            assert_eq!(history.measured_days(), expected, "{parts:?}");
        };
        let nan = f64::NAN;
        check(&[], 0);
        check(&[hours(24, 1.0)], 1);
        check(&[hours(11, nan), hours(13, 1.0)], 1);
        check(&[hours(12, nan), hours(12, 1.0)], 0);
        // The hours before the first whole day are none.
        check(&[hours(23, 1.0), hours(24, 1.0)], 1);
        // Three days, a hole of ten years, and one day.
        check(&[hours(72, 1.0), hours(3_650 * 24, nan), hours(24, 1.0)], 4);
    }

    #[test]
    fn nothing_at_or_after_the_origin_is_known_before_it() {
        let known = three_hours().before("2021-01-01T02:00:00Z".parse().unwrap());
        assert_eq!(known.values().len(), 2);
        assert_eq!(known.end(), "2021-01-01T02:00:00Z".parse().unwrap());
    }

    #[test]
    fn a_span_before_the_history_is_empty() {
        let span = three_hours().between("2020-01-01".parse().unwrap(), "2020-06-01".parse().unwrap());
        assert!(span.values().is_empty());
    }
}
