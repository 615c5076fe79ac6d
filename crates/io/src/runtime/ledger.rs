//! What this process knows of messages that it saw fail.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Messages remembered at most. One that another replica finished is never struck off here, so the oldest make room.
const MOST: usize = 10_000;

/// Failures of each message, by its place in the log.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    failures: Mutex<BTreeMap<u64, Failures>>,
}

/// How often a message failed, and why last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Failures {
    pub(super) count: u64,
    pub(super) reason: String,
}

impl Ledger {
    /// Failures of a message so far.
    pub(super) fn failures(&self, sequence: u64) -> Failures {
        self.open().get(&sequence).cloned().unwrap_or_default()
    }

    /// Notes one more; gives their number.
    pub(super) fn note(&self, sequence: u64, reason: &str) -> u64 {
        let mut all = self.open();
        let failures = all.entry(sequence).or_default();
        failures.count += 1;
        reason.clone_into(&mut failures.reason);
        let count = failures.count;
        Self::make_room(&mut all);
        count
    }

    /// Notes that a message has used its attempts up, for this reason, though it cannot be buried yet.
    pub(super) fn condemn(&self, sequence: u64, attempts: u64, reason: &str) {
        let mut all = self.open();
        let failures = all.entry(sequence).or_default();
        failures.count = failures.count.max(attempts);
        reason.clone_into(&mut failures.reason);
        Self::make_room(&mut all);
    }

    /// Strikes a message off that is dealt with.
    pub(super) fn forget(&self, sequence: u64) {
        self.open().remove(&sequence);
    }

    fn make_room(all: &mut BTreeMap<u64, Failures>) {
        while all.len() > MOST {
            all.pop_first();
        }
    }

    fn open(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Failures>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count_up_until_the_message_is_dealt_with() {
        let ledger = Ledger::default();
        ledger.note(7, "first");
        assert_eq!(ledger.note(7, "second"), 2);
        assert_eq!(ledger.failures(7), Failures { count: 2, reason: "second".to_owned() });
        ledger.forget(7);
        assert_eq!(ledger.failures(7), Failures::default());
    }

    #[test]
    fn a_condemned_message_has_no_attempt_left_and_keeps_its_reason() {
        let ledger = Ledger::default();
        ledger.note(7, "first");
        ledger.condemn(7, 12, "no such column");
        assert_eq!(ledger.failures(7), Failures { count: 12, reason: "no such column".to_owned() });
    }

    #[test]
    fn the_oldest_messages_make_room() {
        let ledger = Ledger::default();
        for sequence in 0..=MOST as u64 {
            ledger.note(sequence, "");
        }
        assert_eq!((ledger.failures(0).count, ledger.failures(1).count), (0, 1));
    }
}
