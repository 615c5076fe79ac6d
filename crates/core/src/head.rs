//! The head of a series: how far its batches have come, and the snapshot that holds them.

use serde::{Deserialize, Serialize};

use crate::artifact::Ref;
use crate::document::Document;
use crate::outbox::Outbox;
use crate::time::Timestamp;

/// How far a series has come. Moved only by compare-and-set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Batches received and dealt with: the ordinal of the newest.
    pub ordinal: u64,
    /// Batches accepted among them.
    pub sequence: u64,
    /// The series with all accepted batches; none before the first.
    pub snapshot: Option<Ref>,
    /// The first step after the newest value.
    pub end: Option<Timestamp>,
    /// Facts that go with the newest change.
    pub outbox: Option<Outbox>,
}

impl Document for Head {
    const NAME: &'static str = "head";
    const VERSION: u32 = 1;
}

/// Whether a received batch can be taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is this batch's turn.
    Now,
    /// It has been dealt with.
    Past,
    /// This earlier batch has not been dealt with.
    NotYet(u64),
}

impl Head {
    /// Whether the batch with this ordinal can be taken up: batches are dealt with in the order they were received, since
    /// the latest received value of an hour wins.
    pub fn turn_of(&self, ordinal: u64) -> Turn {
        let next = self.ordinal + 1;
        match ordinal.cmp(&next) {
            std::cmp::Ordering::Less => Turn::Past,
            std::cmp::Ordering::Equal => Turn::Now,
            std::cmp::Ordering::Greater => Turn::NotYet(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_taken_up_in_the_order_they_were_received() {
        let head = Head { ordinal: 4, ..Head::default() };
        assert_eq!([4, 5, 6].map(|n| head.turn_of(n)), [Turn::Past, Turn::Now, Turn::NotYet(5)]);
    }
}
