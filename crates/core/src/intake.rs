//! Whether a further batch of a series is taken in now, or its sender has to wait: what was received and has not ended
//! is bounded, so that a sender that is faster than the services is told so and nothing grows without end.

/// How far the batches of a series have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The ordinal of the newest batch that was received.
    pub received: u64,
    /// The ordinal of the newest batch that ingestion has dealt with.
    pub taken_up: u64,
    /// How many of those were accepted; the others have ended.
    pub accepted: u64,
    /// How many accepted batches have ended.
    pub ended: u64,
}

impl Progress {
    /// Batches that were received and have not ended. What the cells know and the log does not yet counts as ended.
    pub fn unended(&self) -> u64 {
        let waiting = self.received.saturating_sub(self.taken_up);
        waiting.saturating_add(self.accepted.saturating_sub(self.ended))
    }
}

/// Batches of one series that may wait for their ends unless a setting says otherwise. A service works off some seven a
/// second: ten thousand are half an hour's work, which a back-fill of 27 years of days needs, and their events, cells
/// and waiting seats stay within what a small broker holds.
pub const BACKLOG: u64 = 10_000;

/// After how many seconds a refused sender should try again: a series works off some seventy batches in that time, and
/// one that stands still is not asked for too often.
pub const RETRY_AFTER_SECONDS: u64 = 10;

/// A series with as many batches on their way as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{unended} batches of the series have not ended, and no more than {most} may wait: send it again in \
     {RETRY_AFTER_SECONDS} s; `aria status` says what they wait for"
)]
pub struct Full {
    /// Batches that have not ended.
    pub unended: u64,
    /// The most there may be.
    pub most: u64,
}

/// Decides whether a further batch is taken in.
///
/// # Errors
/// Where its sender has to wait until others have ended.
pub fn admit(progress: Progress, most: u64) -> Result<(), Full> {
    let unended = progress.unended();
    if unended < most { Ok(()) } else { Err(Full { unended, most }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejected_batch_has_ended_and_an_accepted_one_ends_with_its_forecast() {
        // Ten received, seven dealt with, of which two were rejected and five accepted; three of these have ended.
        let progress = Progress { received: 10, taken_up: 7, accepted: 5, ended: 3 };
        assert_eq!(progress.unended(), 5);
    }

    #[test]
    fn a_series_takes_in_as_many_as_it_may_and_no_more() {
        let with = |received| Progress { received, ..Progress::default() };
        assert_eq!(admit(with(2), 3), Ok(()));
        assert_eq!(admit(with(3), 3), Err(Full { unended: 3, most: 3 }));
    }

    #[test]
    fn a_log_that_lags_behind_the_cells_counts_as_all_ended() {
        assert_eq!(Progress { received: 1, taken_up: 4, accepted: 4, ended: 9 }.unended(), 0);
    }
}
