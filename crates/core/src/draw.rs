//! Whole numbers drawn evenly from a seeded stream, for what resamples: the seed is always an argument.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The numbers of a seed. One seed has 2^64 streams that do not overlap, so that a state needs to store how far it is
/// and no generator.
pub(crate) struct Draws(ChaCha8Rng);

impl Draws {
    /// The numbers of a seed's stream.
    pub(crate) fn seeded(seed: u64, stream: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(stream);
        Self(random)
    }

    /// A number below `bound`, each as likely; 0 where the bound is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        if bound == 0 {
            return 0;
        }
        // The last numbers of 2^64 that do not fill a whole round would favour the smallest results.
        let uneven = (u64::MAX % bound + 1) % bound;
        loop {
            let drawn = self.0.next_u64();
            if drawn <= u64::MAX - uneven {
                return (drawn % bound) as usize;
            }
        }
    }

    /// `count` different numbers below `bound` in the order in which they were drawn; all of them where there are
    /// fewer.
    pub(crate) fn distinct(&mut self, bound: usize, count: usize) -> Vec<usize> {
        let mut numbers: Vec<usize> = (0..bound).collect();
        let count = count.min(bound);
        for place in 0..count {
            let other = place + self.below(bound - place);
            numbers.swap(place, other);
        }
        numbers.truncate(count);
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_stream_always_draw_the_same_and_another_draws_otherwise() {
        let of = |seed, stream| Draws::seeded(seed, stream).distinct(70, 30);
        assert_eq!(of(1, 0), of(1, 0));
        assert_ne!(of(1, 0), of(1, 1));
        assert_ne!(of(1, 0), of(2, 0));
    }

    #[test]
    fn distinct_numbers_are_distinct_and_no_more_than_there_are() {
        let mut drawn = Draws::seeded(3, 0).distinct(5, 9);
        drawn.sort_unstable();
        assert_eq!(drawn, [0, 1, 2, 3, 4]);
        assert_eq!(Draws::seeded(3, 0).below(0), 0);
    }

    #[test]
    fn each_number_is_drawn_about_as_often() {
        // 30000 draws over 3 numbers: 10000 each with a deviation of 82.
        let mut draws = Draws::seeded(11, 0);
        let mut counts = [0_i32; 3];
        (0..30_000).for_each(|_| counts[draws.below(3)] += 1);
        assert!(counts.iter().all(|c| (c - 10_000).abs() < 410), "{counts:?}");
    }
}
