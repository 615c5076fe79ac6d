//! How batches ended, as the event log tells: how long each took, and why the first one was rejected.

use std::collections::BTreeMap;

use anyhow::bail;
use aria_core::event::Fact;
use aria_core::summary::ended;
use aria_io::bus::Recorded;

use crate::outcome::Latency;

/// How the batches of one series ended, of those whose receipt was noted too.
#[derive(Debug, Default)]
pub struct Ends {
    /// When each was received, by ordinal, in milliseconds since 1970 by the broker's clock.
    received: BTreeMap<u64, i64>,
    /// How long each took, by ordinal, in milliseconds by the same clock: whoever fed it, and however often that was
    /// cut off.
    took: BTreeMap<u64, i64>,
    rejected: usize,
    first_reason: Option<String>,
}

impl Ends {
    /// Takes note of one event, in the order of the log.
    pub fn note(&mut self, recorded: &Recorded) {
        let fact = &recorded.event.fact;
        if let Fact::BatchReceived(batch) = fact {
            self.received.insert(batch.ordinal, recorded.stored_ms);
        }
        let Some(ordinal) = ended(fact) else { return };
        let Some(received) = self.received.remove(&ordinal) else { return };
        self.took.insert(ordinal, (recorded.stored_ms - received).max(0));
        if let Fact::BatchRejected(batch) = fact {
            self.rejected += 1;
            self.first_reason.get_or_insert_with(|| batch.reason.clone());
        }
    }

    /// Half of the batches, and all but one in a hundred, took no longer than this; none without a batch.
    pub fn latency(&self) -> Option<Latency> {
        let mut sorted: Vec<i64> = self.took.values().copied().collect();
        sorted.sort_unstable();
        let at = |share: f64| sorted.get(((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1)).copied();
        Some(Latency { p50: at(0.5)? as f64, p99: at(0.99)? as f64 })
    }

    /// What is to be said of rejected batches where some were rejected, and why the first was.
    ///
    /// # Errors
    /// Where every batch was rejected: nothing has come of them.
    pub fn rejections(&self) -> anyhow::Result<Option<String>> {
        let Some(reason) = &self.first_reason else { return Ok(None) };
        let all = self.took.len();
        if self.rejected == all {
            bail!("every batch was rejected, {all} of {all}; the first: {reason}");
        }
        Ok(Some(format!("{} of {all} batches were rejected; the first: {reason}", self.rejected)))
    }
}

#[cfg(test)]
mod tests {
    use aria_core::artifact::{Format, Kind, Ref};
    use aria_core::event::{BatchId, BatchReceived, BatchRejected, Event, ForecastWithheld};
    use aria_core::series::SeriesId;
    use aria_core::time::Timestamp;
    use aria_io::bus::trace::TraceContext;

    use super::*;

    fn recorded(stored_ms: i64, fact: Fact) -> Recorded {
        let (time, series) = (Timestamp::EPOCH, "it.x".parse().unwrap());
        let (id, trace) = (String::new(), TraceContext::root("x"));
        let event = Event { series, as_of: time, fact };
        Recorded { id: id.clone(), cause: id, trace, event, sequence: 1, stored: time, stored_ms }
    }

    fn raw() -> Ref {
        let series: SeriesId = "it.x".parse().unwrap();
        Ref::of(Kind::Raw, &series, Format::Csv, b"")
    }

    fn received(ordinal: u64, ms: i64) -> Recorded {
        recorded(ms, Fact::BatchReceived(BatchReceived { ordinal, raw: raw(), source: "x".into() }))
    }

    fn rejected(ordinal: u64, ms: i64, reason: &str) -> Recorded {
        let reason = reason.to_owned();
        recorded(ms, Fact::BatchRejected(BatchRejected { ordinal, raw: raw(), reason, quarantine: None }))
    }

    fn withheld(ordinal: u64, ms: i64) -> Recorded {
        let batch = BatchId { ordinal, sequence: ordinal, snapshot: raw(), origin: Timestamp::EPOCH };
        recorded(ms, Fact::ForecastWithheld(ForecastWithheld { batch, reason: "too little".into() }))
    }

    fn ends(events: &[Recorded]) -> Ends {
        let mut ends = Ends::default();
        events.iter().for_each(|event| ends.note(event));
        ends
    }

    #[test]
    fn a_batch_takes_the_time_from_its_receipt_to_its_end_by_the_broker_s_clock() {
        assert_eq!(Ends::default().latency(), None);
        // 30, 7 and 100 ms; the end of a batch whose receipt is not known says nothing.
        let events = [
            withheld(9, 1_000),
            received(1, 1_000),
            withheld(1, 1_030),
            received(2, 1_999),
            received(3, 2_000),
            withheld(2, 2_006),
            rejected(3, 2_100, "empty"),
        ];
        assert_eq!(ends(&events).latency(), Some(Latency { p50: 30.0, p99: 100.0 }));
    }

    #[test]
    fn one_slow_batch_of_a_hundred_is_beyond_the_99th_percentile_and_two_are_not() {
        let of = |slow: u64| {
            let took = |n: u64| if n < slow { 900 } else { 10 };
            let events: Vec<_> = (0..100).flat_map(|n| [received(n, 0), withheld(n, took(n))]).collect();
            ends(&events).latency()
        };
        assert_eq!(of(1), Some(Latency { p50: 10.0, p99: 10.0 }));
        assert_eq!(of(2), Some(Latency { p50: 10.0, p99: 900.0 }));
    }

    #[test]
    fn some_rejected_batches_are_told_and_nothing_but_rejected_ones_is_a_failure() {
        let first = [received(1, 0), rejected(1, 1, "empty")];
        let second = [received(2, 1), rejected(2, 2, "no table")];
        let third = [received(3, 2), withheld(3, 3)];
        assert_eq!(ends(&third).rejections().unwrap(), None);
        let some = ends(&[first.clone(), second.clone(), third].concat()).rejections().unwrap();
        assert_eq!(some.as_deref(), Some("2 of 3 batches were rejected; the first: empty"));
        let all = ends(&[first, second].concat()).rejections().unwrap_err().to_string();
        assert_eq!(all, "every batch was rejected, 2 of 2; the first: empty");
    }
}
