//! How far from its series a time may lie: one that lies further is a wrong one, and would move the series' beginning
//! or end for good.
//!
//! A time is near where a chain of rows leads to it from the series, none of its steps longer than the contract allows:
//! so years may come in one file, in whatever order its rows stand, and a wrong row among them stays alone.

use super::Known;
use super::fault::Fault;
use crate::series::Contract;
use crate::time::{DAY, Timestamp};

/// Rows between which the feed never paused for long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// The time of the first.
    pub first: Timestamp,
    /// The time of the last.
    pub last: Timestamp,
    /// How many there are.
    pub rows: u64,
}

impl Stretch {
    /// One row.
    pub(crate) fn of(time: Timestamp) -> Self {
        Self { first: time, last: time, rows: 1 }
    }

    /// Both together.
    pub(crate) fn with(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last), rows: self.rows + other.rows }
    }
}

/// What a series that begins with these rows is: the stretch with the most of them, the newest where several have as
/// many. The parts come in the order of time.
pub(crate) fn main_stretch(parts: impl IntoIterator<Item = Stretch>, contract: &Contract) -> Option<Stretch> {
    let pause = seconds(contract.pause_days);
    let mut joined: Vec<Stretch> = Vec::new();
    for part in parts {
        match joined.last_mut().filter(|before| part.first.since(before.last) <= pause) {
            Some(before) => *before = before.with(part),
            None => joined.push(part),
        }
    }
    joined.into_iter().max_by_key(|stretch| stretch.rows)
}

/// The times that a series may come to have with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    first: Timestamp,
    newest: Timestamp,
    backfill_days: u32,
    pause_days: u32,
}

impl Reach {
    /// How far the series reaches with a batch of these rising times; none where there is neither.
    pub(super) fn of(times: &[Timestamp], known: Option<&Known>, contract: &Contract) -> Option<Self> {
        let (mut first, mut newest) = match known {
            Some(known) => (known.first, known.newest),
            None => main_stretch(times.iter().copied().map(Stretch::of), contract).map(|s| (s.first, s.last))?,
        };
        let (pause, backfill) = (seconds(contract.pause_days), seconds(contract.backfill_days));
        for time in times {
            if time.since(newest) > pause {
                break;
            }
            newest = newest.max(*time);
        }
        for time in times.iter().rev() {
            if first.since(*time) > backfill {
                break;
            }
            first = first.min(*time);
        }
        Some(Self { first, newest, backfill_days: contract.backfill_days, pause_days: contract.pause_days })
    }

    /// Why a time cannot be one of the series, where it cannot.
    pub(super) fn fault(&self, time: Timestamp) -> Option<Fault> {
        if time > self.newest {
            let days = whole_days(time.since(self.newest));
            return Some(Fault::Ahead { days, newest: self.newest, most: self.pause_days });
        }
        let days = whole_days(self.first.since(time));
        (time < self.first).then_some(Fault::Behind { days, first: self.first, most: self.backfill_days })
    }
}

fn seconds(days: u32) -> i64 {
    i64::from(days) * DAY
}

/// Days begun: a time beyond a limit is never said to lie within it.
fn whole_days(seconds: i64) -> i64 {
    (seconds + DAY - 1).div_euclid(DAY)
}
