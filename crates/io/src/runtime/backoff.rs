//! How long to wait before a message is tried again.

use std::time::Duration;

const FIRST_RETRY: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_secs(60);
const LONGEST_IN_AN_OUTAGE: Duration = Duration::from_secs(10);

const FIRST_LOOK: Duration = Duration::from_millis(20);
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// What a batch takes at best.
const QUICKEST_TURN: Duration = Duration::from_millis(20);
const SHORTEST_ABSENCE: Duration = Duration::from_secs(1);
const LONGEST_ABSENCE: Duration = Duration::from_secs(60);

/// The wait after the given number of failures, doubling each time, give or take a quarter.
pub(super) fn after_failure(failures: u64, sequence: u64) -> Duration {
    let wait = doubled(FIRST_RETRY, failures.saturating_sub(1), LONGEST_RETRY);
    // Spread over 75 % to 125 %, so that what failed together is not tried again together.
    wait.mul_f64(0.75 + 0.5 * spread(sequence, failures))
}

/// The wait while the broker or the store serves nobody: short enough to go on soon after they are back.
pub(super) fn in_an_outage(delivered: u64, sequence: u64) -> Duration {
    let wait = doubled(FIRST_RETRY, delivered.saturating_sub(1), LONGEST_IN_AN_OUTAGE);
    wait.mul_f64(0.75 + 0.5 * spread(sequence, delivered))
}

/// The wait of a message that is next, once it has looked so often in vain. Not a failure, so it stays short.
pub(super) fn until_due(looks: u64) -> Duration {
    doubled(FIRST_LOOK, looks.saturating_sub(1), LONGEST_LOOK)
}

/// The wait of a message that is far from its turn: as long as those before it take at best, so that a long backlog is
/// not handed out over and over.
pub(super) fn until_near(ahead: u64) -> Duration {
    let wait = QUICKEST_TURN.saturating_mul(u32::try_from(ahead).unwrap_or(u32::MAX));
    wait.clamp(SHORTEST_ABSENCE, LONGEST_ABSENCE)
}

/// The wait before a lost connection is used again.
pub(super) fn after_disconnect(failures: u64) -> Duration {
    doubled(Duration::from_millis(50), failures.saturating_sub(1), Duration::from_secs(2))
}

fn doubled(first: Duration, doublings: u64, longest: Duration) -> Duration {
    let factor = 1u32.checked_shl(u32::try_from(doublings.min(30)).unwrap_or(30)).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(longest)
}

/// A number from 0 to 1 that differs from message to message and from attempt to attempt: SplitMix64's finaliser
/// (Steele, Lea and Flood, 2014). No randomness is needed to tell messages apart.
fn spread(sequence: u64, failures: u64) -> f64 {
    let mut bits = sequence.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(failures);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^= bits >> 31;
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_wait_twice_as_long_each_time_up_to_a_minute_give_or_take_a_quarter() {
        for (failures, middle) in [(1, 0.5), (2, 1.0), (3, 2.0), (8, 60.0), (u64::MAX, 60.0)] {
            for sequence in 0..100 {
                let wait = after_failure(failures, sequence).as_secs_f64();
                assert!((0.75 * middle..=1.25 * middle).contains(&wait), "{failures}: {wait}");
            }
        }
    }

    #[test]
    fn in_an_outage_no_message_waits_longer_than_about_ten_seconds() {
        assert!(in_an_outage(1, 7) < Duration::from_secs(1));
        assert!(in_an_outage(u64::MAX, 7) <= Duration::from_millis(12_500));
    }

    #[test]
    fn messages_that_failed_together_are_not_tried_again_together() {
        let waits: std::collections::BTreeSet<_> = (0..100).map(|sequence| after_failure(1, sequence)).collect();
        assert_eq!(waits.len(), 100);
    }

    #[test]
    fn the_same_failure_always_waits_the_same() {
        assert_eq!(after_failure(3, 17), after_failure(3, 17));
    }

    #[test]
    fn who_is_next_looks_after_20_ms_to_2_s_and_never_more_seldom() {
        let waits = [1, 2, 7, 8, 300, 100_000].map(|looks| until_due(looks).as_millis());
        assert_eq!(waits, [20, 40, 1_280, 2_000, 2_000, 2_000]);
    }

    #[test]
    fn who_is_far_from_its_turn_comes_back_about_when_it_is_near_and_within_a_minute() {
        let waits = [0, 1, 256, 1_000, 100_000, u64::MAX].map(|ahead| until_near(ahead).as_millis());
        assert_eq!(waits, [1_000, 1_000, 5_120, 20_000, 60_000, 60_000]);
    }
}
