//! Subjects: `aria.v1.<fact name>.<zone>.<metric>` for events, `aria.v1.deadletter.<service>` for what was given up on
//! and `aria.v1.dropped.<service>` for what of that was dropped.

use aria_core::event::Event;
use aria_core::series::SeriesId;

/// Every subject of the event log.
pub const ALL_SUBJECTS: &str = "aria.v1.>";

/// The names of all facts, in the order of [`aria_core::event::Fact`].
pub const FACT_NAMES: [&str; 12] = [
    "batch.received",
    "batch.accepted",
    "batch.rejected",
    "drift.checked",
    "retraining.requested",
    "model.trained",
    "training.failed",
    "model.promoted",
    "model.rejected",
    "forecast.issued",
    "forecast.withheld",
    "performance.scored",
];

const PREFIX: &str = "aria.v1.";
const DEAD_LETTER: &str = "aria.v1.deadletter.";
const DROPPED: &str = "aria.v1.dropped.";

/// The subject under which an event is published.
pub fn subject(event: &Event) -> String {
    format!("{PREFIX}{}.{}", event.fact.name(), event.series)
}

/// The filter that matches a fact of every series.
pub fn fact_filter(fact_name: &str) -> String {
    format!("{PREFIX}{fact_name}.*.*")
}

/// The fact's name and the series of an event's subject; none for any other subject.
pub fn parse_subject(subject: &str) -> Option<(&'static str, SeriesId)> {
    let rest = subject.strip_prefix(PREFIX)?;
    FACT_NAMES.into_iter().find_map(|name| {
        let series = rest.strip_prefix(name)?.strip_prefix('.')?;
        Some((name, series.parse().ok()?))
    })
}

/// The subject of the messages that a service gave up on.
pub fn dead_letter_subject(service: &str) -> String {
    format!("{DEAD_LETTER}{service}")
}

/// The subject under which it is kept that dead letters of a service were dropped.
pub fn dropped_subject(service: &str) -> String {
    format!("{DROPPED}{service}")
}
