//! The log as the policy sees it, and what its messages hold.

use std::collections::{BTreeMap, BTreeSet};

use aria_core::event::{Event, Fact};
use aria_core::garbage::{Class, Message, What};
use aria_core::reach::Names;
use aria_core::series::SeriesId;
use futures::TryStreamExt;

use super::roots::Roots;
use crate::bus::{BusError, Content, Entry, Letter};
use crate::runtime::{Edges, chain};

/// What a message is called that is no event.
const NO_EVENT: &str = "no event";

/// The log as the policy sees it.
#[derive(Default)]
pub(super) struct Log {
    /// Its messages.
    pub(super) messages: Vec<Message>,
    /// What each of them is.
    pub(super) whats: Vec<What>,
    dropped: BTreeSet<u64>,
    letters: Vec<Letter>,
    unreadable: BTreeMap<u64, Unreadable>,
}

/// A message that this version cannot read.
struct Unreadable {
    series: Option<SeriesId>,
    why: String,
}

impl Log {
    /// Reads the whole log; everything that it names becomes a root.
    pub(super) async fn read(edges: &Edges, roots: &mut Roots) -> Result<Self, BusError> {
        let mut log = Self::default();
        let mut entries = edges.bus.whole_log().await?;
        while let Some(entry) = entries.try_next().await? {
            log.add(entry, roots);
        }
        log.add_letters(roots);
        log.tell_unreadable(roots);
        Ok(log)
    }

    fn add(&mut self, entry: Entry, roots: &mut Roots) {
        let Entry { sequence, stored, subject, size_bytes, content } = entry;
        let (what, class) = match content {
            Content::Event(event) => {
                roots.add(&event.series, || format!("event {sequence} of the log"), event.names());
                (What::Event(event.fact.name()), class(&event))
            }
            Content::Again(event) => {
                roots.add(&event.series, || format!("event {sequence} of the log"), event.names());
                (What::Event(event.fact.name()), Class::Other)
            }
            Content::DeadLetter(content) => {
                let letter = Letter { sequence, stored, content };
                let class = Class::DeadLetter { message: letter.content.stream_sequence, batch: batch(&letter) };
                self.letters.push(letter);
                (What::DeadLetter, class)
            }
            Content::Dropped(decision) => {
                self.dropped.insert(decision.dead_letter_sequence);
                (What::Dropped, Class::Dropped { letter: decision.dead_letter_sequence })
            }
            Content::Unreadable(why) => {
                let (series, why) = (series_of(&subject), format!("{subject}: {}", chain(&why)));
                self.unreadable.insert(sequence, Unreadable { series, why });
                (What::Event(NO_EVENT), Class::Other)
            }
        };
        self.messages.push(Message { sequence, subject, stored, size_bytes, class });
        self.whats.push(what);
    }

    /// What a dead letter names has to be there when it is handed in again.
    fn add_letters(&self, roots: &mut Roots) {
        for letter in self.letters.iter().filter(|letter| !self.dropped.contains(&letter.sequence)) {
            // One that is no event names nothing; its message is unreadable too, and told with that.
            if let Ok(event) = letter.event() {
                roots.add(&event.series, || format!("dead letter {}", letter.sequence), event.names());
            }
        }
    }

    /// What cannot be read may be from a newer version, and name anything, unless a service refused it and a person
    /// decided that nothing is to come of it.
    fn tell_unreadable(&self, roots: &mut Roots) {
        for (sequence, Unreadable { series, why }) in &self.unreadable {
            let mut about = self.letters.iter().filter(|letter| letter.content.stream_sequence == *sequence).peekable();
            let is_refused = about.peek().is_some();
            let waits = about.find(|letter| !self.dropped.contains(&letter.sequence));
            let next = match waits {
                Some(letter) => format!("`aria deadletters drop {}` says that nothing comes of it", letter.sequence),
                None if is_refused => continue,
                None => "it may be from a newer version of aria: use that one".to_owned(),
            };
            roots.not_known(series.clone(), format!("message {sequence} of the log on {why}; {next}"));
        }
    }
}

/// The batch that a dead letter receives, where it does.
fn batch(letter: &Letter) -> Option<(SeriesId, u64)> {
    let event = letter.event().ok()?;
    match event.fact {
        Fact::BatchReceived(received) => Some((event.series, received.ordinal)),
        _ => None,
    }
}

fn class(event: &Event) -> Class {
    match &event.fact {
        Fact::BatchReceived(received) => Class::Received((event.series.clone(), received.ordinal)),
        Fact::BatchRejected(rejected) => Class::Rejected((event.series.clone(), rejected.ordinal)),
        Fact::ForecastIssued(_) | Fact::ForecastWithheld(_) | Fact::PerformanceScored(_) => Class::Forecast,
        Fact::BatchAccepted(_)
        | Fact::DriftChecked(_)
        | Fact::RetrainingRequested(_)
        | Fact::ModelTrained(_)
        | Fact::TrainingFailed(_)
        | Fact::ModelPromoted(_)
        | Fact::ModelRejected(_) => Class::Other,
    }
}

/// The series at the end of a subject, whatever stands before it.
fn series_of(subject: &str) -> Option<SeriesId> {
    let mut parts = subject.rsplitn(3, '.');
    let (metric, zone, fact) = (parts.next()?, parts.next()?, parts.next()?);
    // `aria.v1.deadletter.<service>` ends in no series.
    if !fact.starts_with("aria.v1.") {
        return None;
    }
    format!("{zone}.{metric}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_of_a_subject_is_known_also_of_a_fact_that_is_not() {
        let series = |subject| series_of(subject).map(|series| series.to_string());
        assert_eq!(series("aria.v1.batch.received.it.ci_direct").as_deref(), Some("it.ci_direct"));
        assert_eq!(series("aria.v1.replay.drift.batch.accepted.it.ci_direct").as_deref(), Some("it.ci_direct"));
        assert_eq!(series("aria.v1.new.it.ci_direct").as_deref(), Some("it.ci_direct"));
        assert_eq!([series("aria.v1.deadletter.drift"), series("aria.v1.a.it.CI"), series("x")], [None, None, None]);
    }
}
