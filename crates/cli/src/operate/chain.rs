//! The chain of a batch: everything that came of its receipt, found by the causes that events name.

use std::collections::{BTreeMap, BTreeSet};

use aria_core::event::Fact;
use aria_io::bus::Recorded;

/// An event of a chain and how many causes lie between it and the receipt.
#[derive(Debug)]
pub struct Link<'a> {
    /// The event.
    pub recorded: &'a Recorded,
    /// Its distance from the receipt.
    pub depth: usize,
}

/// The events that the receipt of a batch led to, each right below its cause, in the order of the log.
pub fn of_batch(events: &[Recorded], ordinal: u64) -> Vec<Link<'_>> {
    let mut by_cause: BTreeMap<&str, Vec<&Recorded>> = BTreeMap::new();
    for event in events {
        by_cause.entry(event.cause.as_str()).or_default().push(event);
    }
    let is_receipt = |e: &&Recorded| matches!(&e.event.fact, Fact::BatchReceived(r) if r.ordinal == ordinal);
    let mut waiting: Vec<(&Recorded, usize)> = events.iter().filter(is_receipt).map(|e| (e, 0)).collect();
    waiting.reverse();
    let mut seen = BTreeSet::new();
    let mut chain = Vec::new();
    while let Some((recorded, depth)) = waiting.pop() {
        // The log is not trusted to be free of circles.
        if !seen.insert(recorded.sequence) {
            continue;
        }
        chain.push(Link { recorded, depth });
        let effects = by_cause.get(recorded.id.as_str()).into_iter().flatten().rev();
        waiting.extend(effects.map(|effect| (*effect, depth + 1)));
    }
    chain
}

#[cfg(test)]
mod tests {
    use aria_core::artifact::{Format, Kind, Ref};
    use aria_core::event::{BatchReceived, BatchRejected, Event};
    use aria_core::series::SeriesId;
    use aria_io::bus::trace::TraceContext;

    use super::*;

    fn recorded(sequence: u64, id: &str, cause: &str, fact: Fact) -> Recorded {
        let series: SeriesId = "it.x".parse().unwrap();
        let time = "2021-01-01".parse().unwrap();
        let event = Event { series, as_of: time, fact };
        let (id, cause, trace) = (id.into(), cause.into(), TraceContext::root(id));
        Recorded { id, cause, trace, event, sequence, stored: time, stored_ms: 0 }
    }

    fn raw() -> Ref {
        Ref::of(Kind::Raw, &"it.x".parse().unwrap(), Format::Csv, b"")
    }

    fn received(ordinal: u64) -> Fact {
        Fact::BatchReceived(BatchReceived { ordinal, raw: raw(), source: "test".into() })
    }

    fn rejected(ordinal: u64) -> Fact {
        Fact::BatchRejected(BatchRejected { ordinal, raw: raw(), reason: "empty".into(), quarantine: None })
    }

    #[test]
    fn a_chain_holds_what_the_receipt_led_to_and_nothing_of_other_batches() {
        let events = [
            recorded(1, "a", "raw/a", received(1)),
            recorded(2, "b", "raw/b", received(2)),
            recorded(3, "c", "a", rejected(1)),
            recorded(4, "d", "b", rejected(2)),
            recorded(5, "e", "c", rejected(1)),
        ];
        let chain: Vec<_> = of_batch(&events, 1).iter().map(|l| (l.recorded.sequence, l.depth)).collect();
        assert_eq!(chain, [(1, 0), (3, 1), (5, 2)]);
    }

    #[test]
    fn events_that_name_each_other_as_cause_end_the_chain_all_the_same() {
        let events = [recorded(1, "a", "b", received(1)), recorded(2, "b", "a", rejected(1))];
        assert_eq!(of_batch(&events, 1).len(), 2);
    }
}
