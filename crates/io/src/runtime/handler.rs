//! What a service is to the worker: the facts it consumes and what it makes of each.

use std::error::Error;
use std::fmt;
use std::future::Future;

use aria_core::event::Event;
use aria_core::outbox::{self, Found, Outbox};
use aria_core::series::SeriesId;

use crate::artifacts::StoreError;
use crate::bus::BusError;
use crate::library::LibraryError;
use crate::stores::{CellError, Held};

/// A service's way with the facts it consumes. It has to be safe to run twice on the same delivery.
pub trait Handler: Send + Sync + 'static {
    /// The service's name: of its consumer, its dead letters and its metrics.
    const SERVICE: &'static str;

    /// The names of the facts it consumes.
    fn consumes(&self) -> &'static [&'static str];

    /// Loads, decides, stores, and gives what is to be published.
    fn handle(&self, delivery: &Delivery) -> impl Future<Output = Result<Outcome, Failure>> + Send;

    /// Learns that these facts of a series are published; called before the message of their cause is acknowledged.
    fn settled(&self, series: &SeriesId, published: &Outbox) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = (series, published);
        async { Ok(()) }
    }

    /// Ends the chain of a message that cannot be processed, before it goes to the dead letters. Where it is not its
    /// turn it waits as it would if nothing were wrong with it: to end out of order would leave a gap.
    fn give_up(&self, delivery: &Delivery, reason: &str) -> impl Future<Output = Result<Outcome, Failure>> + Send;
}

/// A fact handed to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The event's id, the cause of everything that is published for it.
    pub id: String,
    /// The event.
    pub event: Event,
    /// Which attempt this is, from 1, counting failures seen by this process; being postponed is none.
    pub attempt: u64,
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done once these events are published.
    Done(Vec<Event>),
    /// It is not its turn yet.
    Later(Wait),
    /// It is its turn once these facts of an earlier change are published under their own cause.
    First(Outbox),
}

/// What a delivery waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// What has not happened yet.
    pub reason: String,
    /// How many deliveries of the same fact and series have to be dealt with before this one; 0 where it is next.
    pub ahead: u64,
}

/// Whether a delivery may change the state that it is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim<T> {
    /// It is its turn, on this state.
    Mine(Held<T>),
    /// It is not, or there is nothing left to do: this becomes of it.
    Not(Outcome),
}

impl Outcome {
    /// What a delivery that is next in its line waits for.
    pub fn later(reason: impl Into<String>) -> Self {
        Self::Later(Wait { reason: reason.into(), ahead: 0 })
    }

    /// What becomes of a delivery because of the facts that lie beside the state it would change; none where it is free
    /// to be handled.
    pub fn by(outbox: Option<&Outbox>, delivery: &Delivery) -> Option<Self> {
        match outbox::look_up(outbox, &delivery.id) {
            Found::Handled(events) => Some(Self::Done(events)),
            Found::Abandoned(outbox) => Some(Self::First(outbox)),
            Found::Unsettled => Some(Self::later("the facts of the change before are not known to be published")),
            Found::Free => None,
        }
    }
}

/// Why a delivery could not be handled.
#[derive(Debug)]
pub struct Failure {
    /// What is to become of it.
    pub kind: FailureKind,
    source: Box<dyn Error + Send + Sync>,
}

/// What is to become of a delivery that could not be handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// It is tried again, a limited number of times.
    Transient,
    /// Someone else was first: it is tried again at once and the attempt does not count.
    Contended,
    /// It goes to the dead letters.
    Permanent,
}

impl Failure {
    /// A failure that may not happen again.
    pub fn transient(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: FailureKind::Transient, source: source.into() }
    }

    /// A failure that will happen every time.
    pub fn permanent(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind: FailureKind::Permanent, source: source.into() }
    }
}

impl Error for Failure {}

/// The failure and everything below it, in one line.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&chain(self.source.as_ref()))
    }
}

impl Delivery {
    /// The failure of a handler that is handed a fact it does not consume.
    pub fn unexpected(&self) -> Failure {
        Failure::permanent(format!("`{}` is not consumed here", self.event.fact.name()))
    }
}

impl From<CellError> for Failure {
    fn from(error: CellError) -> Self {
        match error {
            CellError::Bus(error) => error.into(),
            CellError::Importing { .. } => Self::transient(error),
            CellError::Document { .. } => Self::permanent(error),
        }
    }
}

impl From<LibraryError> for Failure {
    fn from(error: LibraryError) -> Self {
        if error.is_transient() { Self::transient(error) } else { Self::permanent(error) }
    }
}

impl From<BusError> for Failure {
    fn from(error: BusError) -> Self {
        let kind = match (error.is_contended(), error.is_transient()) {
            (true, _) => FailureKind::Contended,
            (false, true) => FailureKind::Transient,
            (false, false) => FailureKind::Permanent,
        };
        Self { kind, source: error.into() }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if error.is_transient() { Self::transient(error) } else { Self::permanent(error) }
    }
}

/// An error and its sources in one line, leaving out a source that the line above already quotes.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_race_is_tried_again_without_counting() {
        let conflict = BusError::Conflict { bucket: "heads".to_owned(), key: "it.ci_direct".to_owned() };
        assert_eq!(Failure::from(conflict).kind, FailureKind::Contended);
    }

    #[test]
    fn a_failure_tells_its_causes_in_one_line() {
        let source = std::io::Error::other("disk on fire");
        let path = "user.creds".into();
        let failure = Failure::from(BusError::Credentials { path, source });
        assert_eq!(failure.to_string(), "cannot read the broker's credentials in `user.creds`: disk on fire");
        assert_eq!(failure.kind, FailureKind::Permanent);
    }
}
