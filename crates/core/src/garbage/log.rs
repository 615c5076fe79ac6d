//! Which messages of the event log stay, and why.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{Reason, Verdict};
use super::{Keep, Policy};
use crate::series::SeriesId;
use crate::time::Timestamp;

/// A message of the event log, as far as its fate depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its place in the log.
    pub sequence: u64,
    /// Its subject.
    pub subject: String,
    /// When the broker stored it.
    pub stored: Timestamp,
    /// Its length.
    pub size_bytes: u64,
    /// What it is.
    pub class: Class,
}

/// What a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// The receipt of a batch.
    Received(Batch),
    /// The end of a batch that was rejected.
    Rejected(Batch),
    /// The end of a batch that was accepted, or the score of forecasts.
    Forecast,
    /// Any other event, one that was handed in again, or a message that is no event.
    Other,
    /// A message that a service could not process.
    DeadLetter {
        /// The message's place in the log.
        message: u64,
        /// The batch that it receives, where it does.
        batch: Option<Batch>,
    },
    /// The decision that the dead letter at this place is off the list.
    Dropped {
        /// The dead letter's place in the log.
        letter: u64,
    },
}

/// A batch: its series and its ordinal.
pub type Batch = (SeriesId, u64);

/// What of the log depends on more than one message.
struct Context<'a> {
    policy: &'a Policy,
    now: Timestamp,
    settled_through: u64,
    /// The newest message of each subject.
    newest: BTreeMap<&'a str, u64>,
    /// When each dead letter was taken off the list, of those that were.
    dropped: BTreeMap<u64, Timestamp>,
    /// The dead letters that stay.
    letters: BTreeSet<u64>,
    /// The messages that they are about.
    messages: BTreeSet<u64>,
    /// The batches that they are about.
    batches: BTreeSet<&'a Batch>,
    /// The rejection of each batch that was rejected.
    rejections: BTreeMap<&'a Batch, &'a Message>,
}

/// Decides about each message of the whole log, in its order; `settled_through` is the place up to which every service
/// has dealt with everything.
///
/// The verdicts are to be carried out in the order of the log: a dead letter goes before the decision that it is off
/// the list, which would put it back, and a receipt before the rejection that says that nobody needs it.
pub fn judge_log(log: &[Message], settled_through: u64, policy: &Policy, now: Timestamp) -> Vec<Verdict> {
    let context = Context::of(log, settled_through, policy, now);
    log.iter().map(|message| context.judge(message)).collect()
}

impl<'a> Context<'a> {
    fn of(log: &'a [Message], settled_through: u64, policy: &'a Policy, now: Timestamp) -> Self {
        let empty = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (newest, dropped, rejections) = empty;
        let (letters, messages, batches) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut context =
            Self { policy, now, settled_through, newest, dropped, letters, messages, batches, rejections };
        for message in log {
            context.newest.insert(&message.subject, message.sequence);
            match &message.class {
                // Of two decisions the first one stands.
                Class::Dropped { letter } => {
                    context.dropped.entry(*letter).or_insert(message.stored);
                }
                Class::Rejected(batch) => {
                    context.rejections.insert(batch, message);
                }
                Class::Received(_) | Class::Forecast | Class::Other | Class::DeadLetter { .. } => {}
            }
        }
        for letter in log {
            if let Class::DeadLetter { message, batch } = &letter.class
                && context.letter(letter).is_kept()
            {
                context.letters.insert(letter.sequence);
                context.messages.insert(*message);
                context.batches.extend(batch);
            }
        }
        context
    }

    fn judge(&self, message: &Message) -> Verdict {
        match &message.class {
            Class::DeadLetter { .. } => self.letter(message),
            Class::Dropped { letter } => self.decision(message, *letter),
            Class::Received(batch) => self.needed(message).unwrap_or_else(|| self.receipt(batch)),
            Class::Rejected(batch) => self.rejection(message, batch),
            Class::Forecast => self.needed(message).unwrap_or_else(|| self.by_age(self.policy.forecasts, message)),
            Class::Other => self.needed(message).unwrap_or_else(|| self.by_age(self.policy.events, message)),
        }
    }

    /// Why an event stays whatever its age.
    fn needed(&self, message: &Message) -> Option<Verdict> {
        if message.sequence > self.settled_through {
            return Some(Verdict::Kept(Reason::Unsettled));
        }
        if self.newest.get(message.subject.as_str()) == Some(&message.sequence) {
            return Some(Verdict::Kept(Reason::Newest));
        }
        self.messages.contains(&message.sequence).then_some(Verdict::Kept(Reason::DeadLetter))
    }

    /// A receipt goes where its batch was rejected and the rejection goes.
    fn receipt(&self, batch: &Batch) -> Verdict {
        self.rejections.get(batch).map_or(Verdict::Kept(Reason::Lineage), |end| self.rejection(end, batch))
    }

    fn rejection(&self, end: &Message, batch: &Batch) -> Verdict {
        if self.batches.contains(batch) {
            return Verdict::Kept(Reason::DeadLetter);
        }
        self.needed(end).unwrap_or_else(|| self.by_age(self.policy.rejected, end))
    }

    fn letter(&self, letter: &Message) -> Verdict {
        match self.dropped.get(&letter.sequence) {
            Some(since) => self.aged(self.policy.dropped, *since),
            None => self.by_age(self.policy.dead_letters, letter),
        }
    }

    fn decision(&self, decision: &Message, letter: u64) -> Verdict {
        if self.letters.contains(&letter) {
            return Verdict::Kept(Reason::DeadLetter);
        }
        self.by_age(self.policy.dropped, decision)
    }

    fn by_age(&self, keep: Keep, message: &Message) -> Verdict {
        self.aged(keep, message.stored)
    }

    fn aged(&self, keep: Keep, since: Timestamp) -> Verdict {
        if keep.is_over(since, self.now) { Verdict::Deleted(Reason::Expired) } else { Verdict::Kept(Reason::Young) }
    }
}
