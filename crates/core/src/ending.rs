//! How far a series' accepted batches have come to their ends: what makes sure that each has exactly one.

use serde::{Deserialize, Serialize};

use crate::document::{self, Document};
use crate::event::{BatchId, Event};
use crate::outbox::{self, Found, Outbox, WithOutbox};

/// The ends of a series' accepted batches. Moved only by compare-and-set, before the end is published: whoever makes a
/// second end of a batch, for another reason or much later, finds that it has one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Endings {
    /// The sequence of the newest batch that has ended; the ones before it have too.
    pub sequence: u64,
    /// The end of that batch.
    pub outbox: Option<Outbox>,
}

/// Whether a batch can be ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It has no end.
    Now,
    /// The same event has ended it: this is to be published, again if need be.
    Again(Vec<Event>),
    /// It has ended, and the end is published or another event's to publish.
    Past,
}

impl Document for Endings {
    const NAME: &'static str = "endings";
    const VERSION: u32 = 2;

    fn earlier(version: u32, bytes: &[u8]) -> Result<Option<Self>, serde_json::Error> {
        if version == 1 { document::body::<First>(bytes).map(|first| Some(first.into())) } else { Ok(None) }
    }
}

/// Version 1: the newest end lay in no outbox.
#[derive(Deserialize)]
struct First {
    sequence: u64,
    newest: Option<FirstEnding>,
}

#[derive(Deserialize)]
struct FirstEnding {
    cause: String,
    event: Event,
    /// Absent at first: then it is not known, and the end is published again under its id where its cause comes back.
    #[serde(default)]
    settled: bool,
}

impl From<First> for Endings {
    fn from(First { sequence, newest }: First) -> Self {
        let outbox = newest.map(|FirstEnding { cause, event, settled }| Outbox { cause, events: vec![event], settled });
        Self { sequence, outbox }
    }
}

impl WithOutbox for Endings {
    fn outbox_mut(&mut self) -> Option<&mut Outbox> {
        self.outbox.as_mut()
    }
}

impl Endings {
    /// Whether an event may end a batch.
    pub fn turn_of(&self, batch: &BatchId, cause: &str) -> Turn {
        if batch.sequence > self.sequence {
            return Turn::Now;
        }
        match outbox::look_up(self.outbox.as_ref(), cause) {
            Found::Handled(events) if batch.sequence == self.sequence => Turn::Again(events),
            Found::Handled(_) | Found::Unsettled | Found::Abandoned(_) | Found::Free => Turn::Past,
        }
    }

    /// The state once an event has ended a batch whose turn it is.
    pub fn after(batch: &BatchId, cause: &str, event: Event) -> Self {
        Self { sequence: batch.sequence, outbox: Some(Outbox::unsettled(cause, vec![event])) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{Format, Kind, Ref};
    use crate::event::{Fact, ForecastWithheld};
    use crate::time::Timestamp;

    fn batch(sequence: u64) -> BatchId {
        let series = "it.ci_direct".parse().unwrap();
        let snapshot = Ref::of(Kind::Snapshot, &series, Format::Json, b"{}");
        BatchId { ordinal: sequence, sequence, snapshot, origin: Timestamp::EPOCH }
    }

    fn withheld(sequence: u64) -> Event {
        let fact = Fact::ForecastWithheld(ForecastWithheld { batch: batch(sequence), reason: "no model".into() });
        Event { series: "it.ci_direct".parse().unwrap(), as_of: Timestamp::EPOCH, fact }
    }

    #[test]
    fn ends_that_earlier_code_stored_are_read_as_what_they_are_now() {
        let golden = |name: &str| {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name);
            document::decode::<Endings>(&std::fs::read(path).unwrap()).unwrap()
        };
        // The samples of both versions were made of the same history.
        let now = golden("endings.v2.json");
        assert_eq!(golden("endings.v1.json"), now);
        let mut unknown = now;
        unknown.outbox.as_mut().unwrap().settled = false;
        assert_eq!(golden("endings.v1-unsettled.json"), unknown);
    }

    #[test]
    fn a_batch_that_has_ended_is_not_ended_by_another_event() {
        let endings = Endings::after(&batch(3), "checked", withheld(3));
        assert_eq!(endings.turn_of(&batch(3), "promoted"), Turn::Past);
        assert_eq!(endings.turn_of(&batch(2), "checked"), Turn::Past);
        assert_eq!(endings.turn_of(&batch(4), "promoted"), Turn::Now);
    }

    #[test]
    fn the_event_that_ended_a_batch_finds_the_end_again_when_it_is_delivered_twice() {
        let endings = Endings::after(&batch(3), "checked", withheld(3));
        assert_eq!(endings.turn_of(&batch(3), "checked"), Turn::Again(vec![withheld(3)]));
    }

    #[test]
    fn an_end_that_is_published_is_not_published_again_however_late_its_cause_comes_back() {
        let mut endings = Endings::after(&batch(3), "checked", withheld(3));
        assert!(outbox::settle(endings.outbox_mut(), &Outbox::unsettled("checked", vec![withheld(3)])));
        assert_eq!(endings.turn_of(&batch(3), "checked"), Turn::Again(Vec::new()));
    }
}
