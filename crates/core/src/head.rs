//! The head of a series: how far its batches have come, and the snapshot that holds them.

use serde::{Deserialize, Serialize};

use crate::artifact::Ref;
use crate::document::Document;
use crate::event::{Event, Fact};
use crate::outbox::{Outbox, WithOutbox};
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

impl WithOutbox for Head {
    fn outbox_mut(&mut self) -> Option<&mut Outbox> {
        self.outbox.as_mut()
    }
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
    /// Whether the batch with this ordinal can be taken up: batches are dealt with in the order they were received,
    /// since the latest received value of an hour wins.
    pub fn turn_of(&self, ordinal: u64) -> Turn {
        let next = self.ordinal + 1;
        match ordinal.cmp(&next) {
            std::cmp::Ordering::Less => Turn::Past,
            std::cmp::Ordering::Equal => Turn::Now,
            std::cmp::Ordering::Greater => Turn::NotYet(next),
        }
    }

    /// The ordinal of the newest batch that was dealt with, where it was rejected.
    pub fn rejected(&self) -> Option<u64> {
        let events = self.outbox.iter().flat_map(|outbox| &outbox.events);
        let rejected = |event: &Event| matches!(&event.fact, Fact::BatchRejected(r) if r.ordinal == self.ordinal);
        events.into_iter().any(rejected).then_some(self.ordinal)
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
    #[test]
    fn a_head_tells_whether_the_newest_batch_was_rejected() {
        use crate::artifact::{Format, Kind};
        use crate::event::{BatchReceived, BatchRejected};
        let series: crate::series::SeriesId = "it.ci_direct".parse().unwrap();
        let raw = Ref::of(Kind::Raw, &series, Format::Csv, b"a");
        let head = |fact| {
            let event = Event { series: series.clone(), as_of: Timestamp::EPOCH, fact };
            let outbox = Outbox { cause: "x".into(), events: vec![event], settled: true };
            Head { ordinal: 4, outbox: Some(outbox), ..Head::default() }
        };
        let (reason, quarantine) = ("empty".to_owned(), None);
        let rejected = Fact::BatchRejected(BatchRejected { ordinal: 4, raw: raw.clone(), reason, quarantine });
        assert_eq!(head(rejected).rejected(), Some(4));
        let other = Fact::BatchReceived(BatchReceived { ordinal: 4, raw, source: "x".into() });
        assert_eq!(head(other).rejected(), None);
        assert_eq!(Head::default().rejected(), None);
    }
}
