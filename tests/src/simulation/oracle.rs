//! What a simulation has come to, and how that differs from one in which nothing went wrong.

use std::collections::{BTreeMap, BTreeSet};

use aria_core::event::Fact;
use aria_core::summary::ended;
use aria_io::bus::memory::{Broker, Message};
use aria_io::contracts::{self, DeadLetter};
use bytes::Bytes;
use futures::stream::TryStreamExt;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};

use super::cluster::SERVICES;

const BUCKETS: [&str; 4] = ["heads", "monitors", "registry", "endings"];
const DEAD_LETTER: &str = "aria.v1.deadletter.";
/// What is no event: dead letters, and what is handed in again.
const ASIDE: [&str; 2] = [DEAD_LETTER, "aria.v1.replay."];

/// Everything that is there at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    artifacts: BTreeMap<String, Bytes>,
    cells: BTreeMap<String, Bytes>,
    /// By id: the subject and the body, and how often the log holds it.
    events: BTreeMap<String, (String, Bytes, u64)>,
    /// By ordinal: the ends of a batch.
    ends: BTreeMap<u64, BTreeSet<String>>,
    /// By cause: the retrainings that were asked for.
    retrainings: BTreeMap<String, BTreeSet<String>>,
    /// The service and what it could not process.
    letters: BTreeSet<(String, String, Vec<u8>)>,
    unacknowledged: usize,
}

/// A difference that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(pub String);

impl End {
    pub(super) async fn of(broker: &Broker, store: &InMemory) -> anyhow::Result<Self> {
        let mut end = Self::default();
        let found: Vec<_> = store.list(None).try_collect().await?;
        for object in found.into_iter().filter(|object| !object.location.as_ref().starts_with("probe/")) {
            let bytes = store.get(&object.location).await?.bytes().await?;
            end.artifacts.insert(object.location.to_string(), bytes);
        }
        for bucket in BUCKETS {
            let cells = broker.stored(&format!("KV_{bucket}")).into_iter();
            end.cells.extend(cells.map(|message| (message.subject, message.payload)));
        }
        broker.stored("ARIA").iter().for_each(|message| end.note(message));
        end.unacknowledged = SERVICES.iter().map(|service| broker.unacknowledged(service)).sum();
        Ok(end)
    }

    /// How many events there are, each counted once.
    pub fn events(&self) -> usize {
        self.events.len()
    }

    /// How many artifacts there are.
    pub fn artifacts(&self) -> usize {
        self.artifacts.len()
    }

    /// How many events there are of one fact.
    pub fn count(&self, fact: &str) -> usize {
        let prefix = format!("aria.v1.{fact}.");
        self.events.values().filter(|(subject, ..)| subject.starts_with(&prefix)).count()
    }

    /// Whether a cell holds a text.
    pub fn has_cell_with(&self, text: &str) -> bool {
        self.cells.values().any(|cell| String::from_utf8_lossy(cell).contains(text))
    }

    /// How this end differs from the one of an undisturbed run, and what no run may end in. `foreign` events were put
    /// into the log a second time by another hand.
    pub fn violations(&self, undisturbed: &Self, foreign: u64) -> Vec<Violation> {
        let mut found = Vec::new();
        differences("artifact", &self.artifacts, &undisturbed.artifacts, &mut found);
        differences("cell", &self.cells, &undisturbed.cells, &mut found);
        let content = |end: &Self| {
            let events =
                end.events.iter().map(|(id, (subject, body, _))| (id.clone(), (subject.clone(), body.clone())));
            events.collect::<BTreeMap<_, _>>()
        };
        differences("event", &content(self), &content(undisturbed), &mut found);
        let twice: u64 = self.events.values().map(|(_, _, times)| times - 1).sum();
        if twice > foreign {
            found.push(Violation(format!("{twice} events lie in the log twice, {foreign} were put there on purpose")));
        }
        for (ordinal, ends) in self.ends.iter().filter(|(_, ends)| ends.len() != 1) {
            found.push(Violation(format!("batch {ordinal} has {} ends: {ends:?}", ends.len())));
        }
        for (cause, asked) in self.retrainings.iter().filter(|(_, asked)| asked.len() > 1) {
            found.push(Violation(format!("{cause} asked for {} retrainings", asked.len())));
        }
        if self.letters != undisturbed.letters {
            let told =
                |end: &Self| end.letters.iter().map(|(s, subject, _)| format!("{s} {subject}")).collect::<Vec<_>>();
            found.push(Violation(format!("dead letters {:?}, not {:?}", told(self), told(undisturbed))));
        }
        if self.unacknowledged > 0 {
            found.push(Violation(format!("{} messages are not acknowledged", self.unacknowledged)));
        }
        found
    }

    fn note(&mut self, message: &Message) {
        if message.subject.starts_with(DEAD_LETTER)
            && let Ok(letter) = DeadLetter::decode(&message.payload)
        {
            self.letters.insert((letter.service, letter.subject, letter.body));
        }
        if ASIDE.iter().any(|prefix| message.subject.starts_with(prefix)) {
            return;
        }
        let header = |name: &str| message.headers.get_last(name).map(|value| value.as_str().to_owned());
        let Some(id) = header("ce-id") else { return };
        let known = self.events.entry(id.clone());
        known.or_insert_with(|| (message.subject.clone(), message.payload.clone(), 0)).2 += 1;
        let Some((fact, _)) = contracts::parse_subject(&message.subject) else { return };
        let Ok(event) = contracts::decode(fact, &message.payload) else { return };
        if let Some(ordinal) = ended(&event.fact) {
            self.ends.entry(ordinal).or_default().insert(id.clone());
        }
        if let Some(ordinal) = event.fact.received_ordinal() {
            self.ends.entry(ordinal).or_default();
        }
        if let Fact::RetrainingRequested(_) = &event.fact {
            self.retrainings.entry(header("aria-cause").unwrap_or_default()).or_default().insert(id);
        }
    }
}

fn differences<T: PartialEq>(
    what: &str,
    here: &BTreeMap<String, T>,
    undisturbed: &BTreeMap<String, T>,
    found: &mut Vec<Violation>,
) {
    for (key, value) in undisturbed {
        match here.get(key) {
            None => found.push(Violation(format!("{what} {key} is missing"))),
            Some(other) if other != value => found.push(Violation(format!("{what} {key} has another content"))),
            Some(_) => {}
        }
    }
    for key in here.keys().filter(|key| !undisturbed.contains_key(*key)) {
        found.push(Violation(format!("{what} {key} is one too many")));
    }
}
