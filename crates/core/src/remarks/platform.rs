//! What an operator should know of the services and the broker.

use super::{Level, Remark, SLOW, level};
use crate::time::Timestamp;

/// What the broker knows of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Messages that it has not been handed.
    pub pending: u64,
    /// Messages that it was handed and has not dealt with, waiting ones among them.
    pub in_hand: u64,
    /// Replicas that ask for a message now.
    pub asking: u64,
    /// When it was last handed a message.
    pub last: Option<Timestamp>,
}

/// What the broker's store holds, and what it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes in use.
    pub used: u64,
    /// The most; none where there is no bound.
    pub most: Option<u64>,
}

/// Messages that may wait for a service before it counts as behind: a minute's work and more.
const BEHIND: u64 = 1_000;
/// Shares of the broker's store, in percent.
const FILLING: u64 = 80;
const FULL: u64 = 95;

/// What an operator should know of a service; `found` is none where the broker never heard of it.
pub fn of_service(name: &str, found: Option<&Service>, now: Timestamp) -> Option<Remark> {
    let start = format!("start it (`aria serve {name}`); its log and GET /readyz say what it lacks");
    let Some(service) = found else {
        let (what, why) = (format!("{name} has never run"), "the broker has no consumer of it".to_owned());
        return Some(Remark { level: Level::Trouble, what, since: None, why, next: start });
    };
    let Service { pending, in_hand, asking, last } = *service;
    if asking == 0 && in_hand == 0 {
        let (what, why) = (format!("{name} does not run"), format!("no replica asks for messages; {pending} wait"));
        return Some(Remark { level: Level::Trouble, what, since: last, why, next: start });
    }
    let quiet = last.map_or(0, |last| now.since(last));
    if asking == 0 && level(quiet, SLOW, SLOW) != Level::Note {
        return Some(Remark {
            level: Level::Warning,
            what: format!("{name} takes no messages"),
            since: last,
            why: format!("every replica is busy or gone, with {in_hand} messages in hand; {pending} wait"),
            next: "see whether it runs, and what `aria_in_hand` and `aria_steps_left_over` of its metrics say"
                .to_owned(),
        });
    }
    (pending > BEHIND).then(|| Remark {
        level: Level::Warning,
        what: format!("{name} is behind by {pending} messages"),
        since: None,
        why: "more comes in than it works off".to_owned(),
        next: "start further replicas of it, or raise ARIA_CONCURRENCY; senders are told to wait meanwhile".to_owned(),
    })
}

/// What an operator should know of the broker's store.
pub fn of_room(room: Room) -> Option<Remark> {
    let most = room.most.filter(|most| *most > 0)?;
    let percent = u128::from(room.used) * 100 / u128::from(most);
    let percent = u64::try_from(percent).unwrap_or(u64::MAX);
    (percent >= FILLING).then(|| Remark {
        level: if percent >= FULL { Level::Trouble } else { Level::Warning },
        what: format!("the broker's store is {percent} % full"),
        since: None,
        why: format!("{} of {most} bytes are in use; a full store takes no events, and everything waits", room.used),
        next: "raise max_file_store of the broker, or let old events go".to_owned(),
    })
}
