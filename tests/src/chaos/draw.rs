//! The generator behind every schedule: the same seed always draws the same.

use std::ops::RangeInclusive;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Draws without end from one seed.
#[derive(Debug)]
pub struct Draw(ChaCha8Rng);

impl Draw {
    /// The draws of a seed.
    pub fn of(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number within a range. The remainder's bias is below one in 2^40 for the ranges of a schedule.
    pub fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (from, to) = (*range.start(), *range.end());
        from + self.0.next_u64() % (to.saturating_sub(from) + 1)
    }

    /// Whether something happens that happens once in so many times.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.within(1..=times) == 1
    }

    /// A span of time, in milliseconds.
    pub fn millis(&mut self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.within(range))
    }

    /// One of these, of which there is at least one.
    pub fn pick<T: Copy>(&mut self, first: T, others: &[T]) -> T {
        let place = self.within(0..=others.len() as u64) as usize;
        place.checked_sub(1).and_then(|place| others.get(place)).copied().unwrap_or(first)
    }
}
