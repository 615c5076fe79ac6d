//! A plan: what there is, what becomes of it and why, counted; and what is to be deleted, one by one.

use std::collections::BTreeMap;
use std::fmt;

use super::{Message, Policy};
use crate::artifact::{Kind, Ref};
use crate::time::Timestamp;

/// What becomes of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It is deleted, for this reason.
    Deleted(Reason),
    /// It stays, for this reason.
    Kept(Reason),
}

/// Why something stays or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Nothing names it.
    Orphan,
    /// It is older than the policy keeps its class.
    Expired,
    /// A cell, an event or a dead letter reaches it.
    Reached,
    /// The policy keeps its class for longer.
    Young,
    /// Not every service has dealt with everything up to it.
    Unsettled,
    /// It is the newest event of its subject.
    Newest,
    /// It is the way from a snapshot to raw bytes.
    Lineage,
    /// A dead letter that stays needs it.
    DeadLetter,
    /// What its series reaches is not known.
    Unknown,
    /// It does not bear an artifact's name.
    Foreign,
}

/// What something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// An artifact of this kind.
    Artifact(Kind),
    /// An event of this fact, or a message that is none.
    Event(&'static str),
    /// A dead letter.
    DeadLetter,
    /// The decision that a dead letter is off the list.
    Dropped,
    /// An object that is no artifact.
    Foreign,
}

/// How much of something has the same fate for the same reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// How many.
    pub count: u64,
    /// Their length.
    pub bytes: u64,
    /// The oldest.
    pub oldest: Timestamp,
}

/// A stored artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub name: Ref,
    /// When it was stored last.
    pub modified: Timestamp,
}

/// What there is, what becomes of it and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Everything, counted.
    pub lines: BTreeMap<(What, Verdict), Line>,
    /// The artifacts that are to be deleted.
    pub artifacts: Vec<Stored>,
    /// The places of the messages that are to be deleted, in the order of the log.
    pub messages: Vec<u64>,
}

/// Decides about an artifact; `is_reached` where a root reaches it, `is_known` where all that its series reaches is
/// known.
pub fn judge_artifact(stored: &Stored, is_reached: bool, is_known: bool, policy: &Policy, now: Timestamp) -> Verdict {
    if is_reached {
        Verdict::Kept(Reason::Reached)
    } else if !policy.orphans.is_over(stored.modified, now) {
        Verdict::Kept(Reason::Young)
    } else if !is_known {
        Verdict::Kept(Reason::Unknown)
    } else {
        Verdict::Deleted(Reason::Orphan)
    }
}

impl Verdict {
    /// Whether it stays.
    pub fn is_kept(self) -> bool {
        matches!(self, Self::Kept(_))
    }
}

impl Plan {
    /// Takes an artifact in.
    pub fn artifact(&mut self, stored: Stored, verdict: Verdict) {
        let name = &stored.name;
        self.count(What::Artifact(name.kind), verdict, name.size_bytes, stored.modified);
        if !verdict.is_kept() {
            self.artifacts.push(stored);
        }
    }

    /// Takes a message of the log in.
    pub fn message(&mut self, what: What, message: &Message, verdict: Verdict) {
        self.count(what, verdict, message.size_bytes, message.stored);
        if !verdict.is_kept() {
            self.messages.push(message.sequence);
        }
    }

    /// Takes an object in that is no artifact.
    pub fn foreign(&mut self, size_bytes: u64, modified: Timestamp) {
        self.count(What::Foreign, Verdict::Kept(Reason::Foreign), size_bytes, modified);
    }

    fn count(&mut self, what: What, verdict: Verdict, bytes: u64, from: Timestamp) {
        let line = self.lines.entry((what, verdict)).or_insert(Line { count: 0, bytes: 0, oldest: from });
        line.count += 1;
        line.bytes += bytes;
        line.oldest = line.oldest.min(from);
    }
}

impl Reason {
    /// The reason's name in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Orphan => "orphan",
            Self::Expired => "expired",
            Self::Reached => "reached",
            Self::Young => "young",
            Self::Unsettled => "unsettled",
            Self::Newest => "newest",
            Self::Lineage => "lineage",
            Self::DeadLetter => "dead_letter",
            Self::Unknown => "unknown",
            Self::Foreign => "foreign",
        }
    }

    /// The reason in words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Orphan => "nothing names it",
            Self::Expired => "older than it is kept",
            Self::Reached => "a cell, an event or a dead letter reaches it",
            Self::Young => "not old enough",
            Self::Unsettled => "not every service has dealt with everything up to it",
            Self::Newest => "the newest of its subject",
            Self::Lineage => "the way from a snapshot to raw bytes",
            Self::DeadLetter => "a dead letter that stays needs it",
            Self::Unknown => "what its series reaches is not known",
            Self::Foreign => "no artifact of Aria's",
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Artifact(kind) => kind.as_str(),
            Self::Event(fact) => fact,
            Self::DeadLetter => "dead letter",
            Self::Dropped => "dropped dead letter",
            Self::Foreign => "other object",
        })
    }
}
