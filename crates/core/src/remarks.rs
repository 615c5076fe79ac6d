//! What an operator should know of a platform and its series beyond their figures: what is late, stands still, is held
//! or degraded, since when, why, and what to do about it.

use std::fmt;

use serde::Serialize;

use crate::event::RetrainingId;
use crate::intake::Progress;
use crate::monitor::Phase;
use crate::series::SeriesId;
use crate::time::{Cadence, DAY, HOUR, Timestamp};

mod platform;
#[cfg(test)]
mod tests;

pub use platform::{Room, Service, of_room, of_service};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It passes by itself.
    Note,
    /// Something is late, or not as good as it should be.
    Warning,
    /// Something stands still until a person helps.
    Trouble,
}

/// One thing that an operator should know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// How bad it is.
    pub level: Level,
    /// What is so.
    pub what: String,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// Why.
    pub why: String,
    /// What to do: a command, or what to look at.
    pub next: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(since) = self.since {
            write!(f, ", since {since}")?;
        }
        write!(f, ": {}; {}", self.why, self.next)
    }
}

/// What was found of a series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// How far its batches have come.
    pub progress: Progress,
    /// The first step after its newest value.
    pub end: Option<Timestamp>,
    /// What its monitor waits for.
    pub phase: Phase,
    /// Retrainings in a row that brought no new model.
    pub failures: u32,
    /// The oldest batch without an end, and when it was received.
    pub open: Option<(u64, Timestamp)>,
    /// The data's time and the broker's time of the newest receipt.
    pub newest: Option<(Timestamp, Timestamp)>,
    /// The newest batches, where they were rejected.
    pub rejected: Option<Rejected>,
    /// Whether a model serves.
    pub has_model: bool,
    /// Since when and why the newest batch has no forecast.
    pub withheld: Option<(Timestamp, String)>,
    /// Since when and why the newest forecast is known to be worse.
    pub degraded: Option<(Timestamp, String)>,
    /// The newest request for a retraining, when the broker stored it, and why it was asked for.
    pub asked: Option<(RetrainingId, Timestamp, String)>,
    /// Facts that are not known to be published: whose, and the command that publishes them.
    pub unpublished: Vec<(&'static str, Option<&'static str>)>,
    /// Its dead letters.
    pub letters: Letters,
    /// What the definitions say.
    pub defined: Defined,
}

/// Batches at the end of a series that were all rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// How many.
    pub in_a_row: u64,
    /// The newest of them.
    pub ordinal: u64,
    /// When it was.
    pub at: Timestamp,
    /// Why, and what to do about it.
    pub reason: String,
}

/// The dead letters of a series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letters {
    /// How many.
    pub count: u64,
    /// When the oldest was stored.
    pub oldest: Option<Timestamp>,
    /// When and why one was whose chain cannot be ended, the newest of them.
    pub endless: Option<(Timestamp, String)>,
}

/// What the definitions say of a series, as far as they were looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Defined {
    /// They were not.
    #[default]
    Unknown,
    /// It is not among them.
    No,
    /// It is.
    Yes {
        /// The distance between two values.
        cadence: Cadence,
        /// Retrainings in a row without a new model after which only a person can ask.
        give_up_after: u32,
    },
}

/// What a dead letter says whose message is kept from being dealt with: see the worker.
pub const ENDLESS: &str = "its chain cannot be ended";

/// How long a batch may take before it counts as late: the slowest step, a training, takes minutes.
const SLOW: i64 = HOUR / 4;
/// How long anything may take before a person should look: what a step may take at most by default.
const STUCK: i64 = HOUR;
/// How far the newest value may lie behind the clock: a day's values come in the day after, and one may be missed.
const LATE: i64 = 2 * DAY;
/// A batch whose time is the clock's comes live; one of a replay brings the data's own.
const LIVE: i64 = DAY;

/// What an operator should know of a series, the worst first.
pub fn of_series(series: &SeriesId, seen: &Seen, now: Timestamp) -> Vec<Remark> {
    let found = [
        endless(series, seen),
        open(series, seen, now),
        undefined(series, seen),
        rejected(series, seen),
        retraining(seen, now),
        given_up(series, seen),
        late(seen, now),
        withheld(series, seen),
        degraded(series, seen),
        letters(series, seen),
    ];
    let unpublished = seen.unpublished.iter().map(|(whose, command)| unpublished(series, whose, *command));
    let mut remarks: Vec<Remark> = found.into_iter().flatten().chain(unpublished).collect();
    remarks.sort_by_key(|remark| std::cmp::Reverse(remark.level));
    remarks
}

/// What an operator should know of a series whose state cannot be read.
pub fn of_unreadable(series: &SeriesId, why: String) -> Remark {
    Remark {
        level: Level::Trouble,
        what: format!("the state of `{series}` cannot be read, and nothing of it goes on"),
        since: None,
        why,
        next:
            "another version of Aria wrote it, or somebody else did: start the version that did, or put the bucket's \
               entry back to the revision before"
                .to_owned(),
    }
}

fn endless(series: &SeriesId, seen: &Seen) -> Option<Remark> {
    let (since, reason) = seen.letters.endless.as_ref()?;
    Some(Remark {
        level: Level::Trouble,
        what: "a batch fails and cannot be ended, so that those behind it wait".to_owned(),
        since: Some(*since),
        why: reason.clone(),
        next: format!(
            "mend what it names, which is tried again by itself; then `aria deadletters drop --all --series {series}`"
        ),
    })
}

fn open(series: &SeriesId, seen: &Seen, now: Timestamp) -> Option<Remark> {
    let (ordinal, since) = seen.open?;
    let age = now.since(since);
    let level = level(age, SLOW, STUCK);
    let what = match seen.progress.unended() {
        0 | 1 => format!("batch {ordinal} has not ended"),
        count => format!("batch {ordinal} and {} behind it have not ended", count - 1),
    };
    Some(Remark {
        level,
        what,
        since: Some(since),
        why: whereabouts(seen, ordinal),
        next: match level {
            Level::Note => "it is on its way".to_owned(),
            Level::Warning | Level::Trouble => {
                format!("see `aria events {series} --batch {ordinal}`, and whether the service that has it runs")
            }
        },
    })
}

fn whereabouts(seen: &Seen, ordinal: u64) -> String {
    let asked = |id: &RetrainingId| match &seen.asked {
        Some((asked, _, why)) if asked == id => why.clone(),
        Some(_) | None => "its request is not in the log".to_owned(),
    };
    if ordinal > seen.progress.taken_up {
        return format!("ingestion has not taken up batch {}", seen.progress.taken_up + 1);
    }
    match &seen.phase {
        Phase::Retraining { id, held: Some(_) } => format!("held for retraining {} ({})", id.0, asked(id)),
        Phase::Retraining { id, held: None } => format!("waits for retraining {} ({})", id.0, asked(id)),
        Phase::Forecast { sequence } => format!("accepted batch {sequence} is with prediction"),
        Phase::Idle => "it is accepted, and drift has not checked it".to_owned(),
    }
}

fn undefined(series: &SeriesId, seen: &Seen) -> Option<Remark> {
    (seen.defined == Defined::No).then(|| Remark {
        level: Level::Warning,
        what: "the series is no longer defined".to_owned(),
        since: None,
        why: "no file of the definitions names it, so that every further batch is rejected".to_owned(),
        next: format!("put the definition of `{series}` back and start the services again, or hand in no more batches"),
    })
}

fn rejected(series: &SeriesId, seen: &Seen) -> Option<Remark> {
    let Rejected { in_a_row, ordinal, at, reason } = seen.rejected.as_ref()?;
    let what = match in_a_row {
        0 | 1 => format!("the newest batch, {ordinal}, was rejected"),
        count => format!("the newest {count} batches, up to {ordinal}, were rejected"),
    };
    Some(Remark {
        level: Level::Warning,
        what,
        since: Some(*at),
        why: reason.clone(),
        next: format!("mend the file and hand it in again; `aria events {series} --batch {ordinal}` names its bytes"),
    })
}

fn retraining(seen: &Seen, now: Timestamp) -> Option<Remark> {
    let Phase::Retraining { id, .. } = &seen.phase else { return None };
    let asked = seen.asked.as_ref().filter(|(asked, ..)| asked == id);
    let age = asked.map_or(0, |(_, since, _)| now.since(*since));
    let level = level(age, STUCK, 4 * STUCK);
    Some(Remark {
        level,
        what: format!("retraining {} is in flight", id.0),
        since: asked.map(|(_, since, _)| *since),
        why: asked.map_or_else(|| "its request is not in the log".to_owned(), |(.., why)| why.clone()),
        next: match level {
            Level::Note => "it ends by itself".to_owned(),
            Level::Warning | Level::Trouble => {
                "see whether training and evaluation run, and `aria deadletters list --service training`".to_owned()
            }
        },
    })
}

fn given_up(series: &SeriesId, seen: &Seen) -> Option<Remark> {
    let Defined::Yes { give_up_after, .. } = seen.defined else { return None };
    (give_up_after > 0 && seen.failures >= give_up_after).then(|| Remark {
        level: Level::Warning,
        what: format!("{} retrainings in a row brought no new model, and no more are asked for", seen.failures),
        since: None,
        why: format!("the policy gives up after {give_up_after}"),
        next: format!("see `aria models {series}`; `aria retrain {series} --reason WHY` asks again"),
    })
}

fn late(seen: &Seen, now: Timestamp) -> Option<Remark> {
    let (end, (as_of, stored)) = (seen.end?, seen.newest?);
    let is_live = stored.since(as_of).abs() <= LIVE;
    let step = match seen.defined {
        Defined::Yes { cadence, .. } => cadence.seconds(),
        Defined::Unknown | Defined::No => 0,
    };
    let behind = now.since(end);
    (is_live && behind > LATE + step).then(|| Remark {
        level: Level::Warning,
        what: format!("the data are late by {}", span(behind)),
        since: Some(end),
        why: format!("the newest batch came {stored} and the newest value lies before {end}"),
        next: "see whether the source still delivers, and hand in what is missing".to_owned(),
    })
}

fn withheld(series: &SeriesId, seen: &Seen) -> Option<Remark> {
    let (since, reason) = seen.withheld.as_ref()?;
    Some(Remark {
        // A series begins so.
        level: if seen.has_model { Level::Warning } else { Level::Note },
        what: "the newest batch has no forecast".to_owned(),
        since: Some(*since),
        why: reason.clone(),
        next: format!("hand in what is missing; `aria models {series}` says what became of its models"),
    })
}

fn degraded(series: &SeriesId, seen: &Seen) -> Option<Remark> {
    let (since, why) = seen.degraded.as_ref()?;
    Some(Remark {
        level: Level::Warning,
        what: "the newest forecast is by a model that is known to be drifted".to_owned(),
        since: Some(*since),
        why: why.clone(),
        next: format!("see `aria models {series}`; `aria retrain {series} --reason WHY` asks for a new one"),
    })
}

fn letters(series: &SeriesId, seen: &Seen) -> Option<Remark> {
    let count = seen.letters.count;
    (count > 0).then(|| Remark {
        level: Level::Warning,
        what: format!("{count} dead letters"),
        since: seen.letters.oldest,
        why: "services gave up on messages of the series".to_owned(),
        next: format!("see `aria deadletters list --series {series}`, then replay or drop them"),
    })
}

fn unpublished(series: &SeriesId, whose: &str, command: Option<&str>) -> Remark {
    let next = match command {
        Some(command) => format!("`{command} {series}` publishes them, and so does the next batch"),
        None => "the service that made the change publishes them by itself".to_owned(),
    };
    Remark {
        level: Level::Note,
        what: format!("facts of the {whose}'s newest change are not known to be published"),
        since: None,
        why: "a service or a command was cut off, or is at it".to_owned(),
        next,
    }
}

fn level(age: i64, warning: i64, trouble: i64) -> Level {
    if age >= trouble {
        Level::Trouble
    } else if age >= warning {
        Level::Warning
    } else {
        Level::Note
    }
}

/// A length of time, for people.
fn span(seconds: i64) -> String {
    if seconds >= 2 * DAY { format!("{} days", seconds / DAY) } else { format!("{} hours", seconds / HOUR) }
}
