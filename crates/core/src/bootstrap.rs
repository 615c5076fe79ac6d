//! The block bootstrap: which values of a series make up a series like it, in blocks so that neighbours stay together.
//!
//! Blocks that may begin anywhere are Künsch's (1989), "The jackknife and the bootstrap for general stationary
//! observations"; series closed to a circle, so that the ends count as much as the middle, are Politis and Romano's
//! (1992), "A circular block-resampling procedure for stationary data". It draws places, not values: one resample
//! serves any number of series that belong together.

use crate::draw::Draws;

/// Where blocks may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Where the whole block lies within the series (Künsch): no block joins the end to the beginning.
    Moving,
    /// Anywhere; a block that runs over the end goes on at the beginning (Politis and Romano).
    Circular,
}

/// What is drawn: a resample's `output_length` places of a series of `series_length` values in blocks of
/// `block_length`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    series_length: usize,
    block_length: usize,
    output_length: usize,
    scheme: Scheme,
}

/// Lengths of which no block can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is nothing to draw from.
    #[error("a series without values cannot be resampled")]
    EmptySeries,
    /// A block has no values, or more than the series.
    #[error("a block of {block} values cannot be taken from a series of {series}")]
    Block {
        /// Values of a block.
        block: usize,
        /// Values of the series.
        series: usize,
    },
}

impl Plan {
    /// A plan for resamples.
    ///
    /// # Errors
    /// Where the series is empty or no block fits into it.
    pub fn new(
        series_length: usize,
        block_length: usize,
        output_length: usize,
        scheme: Scheme,
    ) -> Result<Self, PlanError> {
        if series_length == 0 {
            return Err(PlanError::EmptySeries);
        }
        if block_length == 0 || block_length > series_length {
            return Err(PlanError::Block { block: block_length, series: series_length });
        }
        Ok(Self { series_length, block_length, output_length, scheme })
    }

    /// The places of one resample, each below the length of the series; the last block is cut to the length asked for.
    /// Resample `number` of a seed is always the same, and independent of the others.
    pub fn places(&self, seed: u64, number: u64) -> Vec<usize> {
        let mut draws = Draws::seeded(seed, number);
        let begins = match self.scheme {
            Scheme::Moving => self.series_length - self.block_length + 1,
            Scheme::Circular => self.series_length,
        };
        let mut places = Vec::with_capacity(self.output_length);
        while places.len() < self.output_length {
            let begin = draws.below(begins);
            let wanted = self.block_length.min(self.output_length - places.len());
            places.extend((0..wanted).map(|step| (begin + step) % self.series_length));
        }
        places
    }
}

/// The threshold, no lower than `least`, above which a resample raises no more alarms than are allowed, to nine digits.
///
/// `raised` counts the alarms at a threshold: the fewer, the higher it is.
pub fn threshold(least: f64, allowed: f64, raised: impl Fn(f64) -> usize) -> f64 {
    let is_allowed = |threshold: f64| raised(threshold) as f64 <= allowed;
    // At nothing a sum that is capped by its threshold raises no alarm either.
    if least > 0.0 && is_allowed(least) {
        return least;
    }
    let (mut low, mut high) = (least, 2.0 * least.max(1.0));
    while !is_allowed(high) && high.is_finite() {
        (low, high) = (high, 2.0 * high);
    }
    for _ in 0..30 {
        let middle = 0.5 * (low + high);
        if is_allowed(middle) { high = middle } else { low = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_of_which_no_block_can_be_made_are_refused() {
        let of = |series, block| Plan::new(series, block, 10, Scheme::Circular).unwrap_err();
        assert_eq!(of(0, 1), PlanError::EmptySeries);
        assert_eq!(of(5, 0), PlanError::Block { block: 0, series: 5 });
        assert_eq!(of(5, 6), PlanError::Block { block: 6, series: 5 });
    }

    #[test]
    fn every_place_of_a_circle_is_drawn_about_as_often() {
        // 400 resamples of 100 of 20 places: 2000 each. Blocks of 5 make counts of 5 dependent draws, so that the usual
        // chi-squared of 19 degrees is up to 5 times as large: far below 5 * 43.8 (p = 0.001).
        let plan = Plan::new(20, 5, 100, Scheme::Circular).unwrap();
        let mut counts = [0.0; 20];
        for number in 0..400 {
            plan.places(7, number).into_iter().for_each(|place| counts[place] += 1.0);
        }
        let chi_squared: f64 = counts.iter().map(|c: &f64| (c - 2000.0).powi(2) / 2000.0).sum();
        assert!(chi_squared < 219.0, "{chi_squared}");
    }

    #[test]
    fn a_block_as_long_as_the_series_moves_nowhere_but_around_a_circle() {
        assert_eq!(Plan::new(4, 4, 6, Scheme::Moving).unwrap().places(1, 0), [0, 1, 2, 3, 0, 1]);
        let circle = Plan::new(4, 4, 4, Scheme::Circular).unwrap();
        assert!((0..20).any(|number| circle.places(1, number) != [0, 1, 2, 3]));
    }

    proptest! {
        #[test]
        fn a_resample_consists_of_whole_blocks_within_the_series(
            series in 1..60_usize, block in 1..60_usize, output in 0..150_usize, seed: u64, circular: bool,
        ) {
            let block = block.min(series);
            let scheme = if circular { Scheme::Circular } else { Scheme::Moving };
            let plan = Plan::new(series, block, output, scheme).unwrap();
            let places = plan.places(seed, 0);
            prop_assert_eq!(places.len(), output);
            prop_assert!(places.iter().all(|place| *place < series));
            for block in places.chunks(block) {
                prop_assert!(block.windows(2).all(|pair| pair[1] == (pair[0] + 1) % series));
                prop_assert!(circular || block.windows(2).all(|pair| pair[1] > pair[0]));
            }
            prop_assert_eq!(&places, &plan.places(seed, 0));
        }
    }
}
