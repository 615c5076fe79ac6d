//! Facts that belong to a change of state: kept with the new state until they are known to be published.

use serde::{Deserialize, Serialize};

use crate::event::Event;

/// The cause that an operator's command names in place of an event's id.
pub const BY_HAND: &str = "by-hand";

/// The facts that one delivery, or one command, gave rise to.
///
/// They are stored in the same compare-and-set as the state they go with. So whoever is killed in between, the state
/// never moves without its facts, and a second delivery finds them here instead of deciding again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbox {
    /// The id of the event that was handled, or [`BY_HAND`].
    pub cause: String,
    /// What is to be published because of it.
    pub events: Vec<Event>,
    /// Whether all of it has been published.
    pub settled: bool,
}

impl Outbox {
    /// Facts that are to be published.
    pub fn unsettled(cause: &str, events: Vec<Event>) -> Self {
        Self { cause: cause.to_owned(), events, settled: false }
    }
}

/// A state that is stored together with the facts of its newest change.
pub trait WithOutbox {
    /// The facts of the newest change, where it had any.
    fn outbox_mut(&mut self) -> Option<&mut Outbox>;
}

/// What a delivery finds where state and facts are kept together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It has been handled: these facts are to be published, again if need be.
    Handled(Vec<Event>),
    /// An earlier delivery's facts are not known to be published; this one has to come later, as that one will.
    Unsettled,
    /// The facts of an operator's command are not known to be published. The command may have been cut off, and nobody
    /// hands it in again: whoever finds them publishes them first.
    Abandoned(Outbox),
    /// It can be handled.
    Free,
}

/// Looks a delivery up in the outbox of the newest state.
pub fn look_up(outbox: Option<&Outbox>, cause: &str) -> Found {
    match outbox {
        // What is published is not published again: the broker forgets ids after a while.
        Some(outbox) if outbox.cause == cause && outbox.settled => Found::Handled(Vec::new()),
        Some(outbox) if outbox.cause == cause => Found::Handled(outbox.events.clone()),
        Some(outbox) if !outbox.settled && outbox.cause == BY_HAND => Found::Abandoned(outbox.clone()),
        Some(outbox) if !outbox.settled => Found::Unsettled,
        Some(_) | None => Found::Free,
    }
}

/// Notes that these facts are published; whether that is news. The cause alone does not tell facts apart: two commands
/// of an operator have the same one.
pub fn settle(outbox: Option<&mut Outbox>, published: &Outbox) -> bool {
    match outbox {
        Some(outbox) if !outbox.settled && outbox.cause == published.cause && outbox.events == published.events => {
            outbox.settled = true;
            true
        }
        Some(_) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(settled: bool) -> Outbox {
        Outbox { cause: "a".into(), events: Vec::new(), settled }
    }

    #[test]
    fn a_second_delivery_finds_what_the_first_decided() {
        assert_eq!(look_up(Some(&outbox(false)), "a"), Found::Handled(Vec::new()));
        assert_eq!(look_up(Some(&outbox(true)), "a"), Found::Handled(Vec::new()));
    }

    #[test]
    fn only_the_facts_that_were_published_are_settled_and_only_once() {
        let published = outbox(false);
        let mut held = published.clone();
        assert!(!settle(Some(&mut held), &Outbox { cause: "b".into(), ..published.clone() }));
        assert!(settle(Some(&mut held), &published));
        assert!(!settle(Some(&mut held), &published));
        assert!(!settle(None, &published));
    }

    #[test]
    fn one_command_s_facts_do_not_settle_another_s() {
        use crate::event::{BatchRejected, Fact};
        let series: crate::series::SeriesId = "it.ci_direct".parse().unwrap();
        let raw = crate::artifact::Ref::of(crate::artifact::Kind::Raw, &series, crate::artifact::Format::Csv, b"a");
        let fact = Fact::BatchRejected(BatchRejected { ordinal: 1, raw, reason: "empty".into(), quarantine: None });
        let event = Event { series, as_of: crate::time::Timestamp::EPOCH, fact };
        let mut rollback = Outbox::unsettled(BY_HAND, vec![event]);
        assert!(!settle(Some(&mut rollback), &Outbox::unsettled(BY_HAND, Vec::new())));
        assert!(!rollback.settled);
    }

    #[test]
    fn nothing_overtakes_unpublished_facts() {
        assert_eq!(look_up(Some(&outbox(false)), "b"), Found::Unsettled);
        assert_eq!(look_up(Some(&outbox(true)), "b"), Found::Free);
    }

    #[test]
    fn what_a_command_left_unpublished_is_found_by_whoever_comes_next() {
        let by_hand = |settled| Outbox { cause: BY_HAND.into(), ..outbox(settled) };
        assert_eq!(look_up(Some(&by_hand(false)), "a"), Found::Abandoned(by_hand(false)));
        assert_eq!(look_up(Some(&by_hand(true)), "a"), Found::Free);
    }
}
