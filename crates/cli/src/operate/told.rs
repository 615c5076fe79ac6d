//! Events as a person reads them: what each one says, in a line.

use aria_core::event::{Event, Fact, Promotion, Retraining, Verdict};
use aria_io::bus::Recorded;
use serde_json::{Value, json};

use crate::output::one_line;

/// The most letters of what an event says; the rest is to be had as JSON.
const LONGEST: usize = 1_000;

/// The end of an event's id, which tells it from others of its fact.
pub fn short(id: &str) -> &str {
    id.get(id.len().saturating_sub(12)..).unwrap_or(id)
}

/// An event in a line: when, what, its id, what it names.
pub fn line(recorded: &Recorded) -> String {
    let event = &recorded.event;
    let (time, fact) = (event.as_of, event.fact.name());
    format!("{time}  {fact:<20} {:<12}  {}", short(&recorded.id), said(event))
}

/// An event as JSON, with its place in the log.
pub fn json(recorded: &Recorded) -> Value {
    json!({
        "sequence": recorded.sequence, "stored": recorded.stored, "id": recorded.id, "cause": recorded.cause,
        "series": recorded.event.series, "as_of": recorded.event.as_of, "fact": recorded.event.fact.name(),
        "content": recorded.event.fact,
    })
}

/// What an event says beyond its fact, in a line: reasons, sources and evidence come from outside.
pub fn said(event: &Event) -> String {
    one_line(&in_words(event), LONGEST)
}

fn in_words(event: &Event) -> String {
    match &event.fact {
        Fact::BatchReceived(f) => format!("batch {} from {}: {}", f.ordinal, f.source, f.raw),
        Fact::BatchAccepted(f) => {
            format!("batch {}: {} rows, {} quarantined: {}", f.batch.ordinal, f.rows, f.rows_quarantined, f.table)
        }
        Fact::BatchRejected(f) => format!("batch {}: {}", f.ordinal, f.reason),
        Fact::DriftChecked(f) => format!("batch {}: {}: {}", f.batch.ordinal, verdict(&f.verdict), f.report),
        Fact::RetrainingRequested(f) => format!("{}: {}", asked(f), f.evidence),
        Fact::ModelTrained(f) => format!("{}: {}", asked(&f.retraining), f.model),
        Fact::TrainingFailed(f) => format!("{}: {}", asked(&f.retraining), f.reason),
        Fact::ModelPromoted(f) => match &f.by {
            Promotion::Evaluation { retraining, .. } => format!("{}: {}", asked(retraining), f.model),
            Promotion::Rollback { reason, probation: true } => format!("put back by itself: {reason}: {}", f.model),
            Promotion::Rollback { reason, probation: false } if f.pinned => format!("pinned: {reason}: {}", f.model),
            Promotion::Rollback { reason, probation: false } if f.previous.as_ref() == Some(&f.model) => {
                format!("no longer pinned: {reason}: {}", f.model)
            }
            Promotion::Rollback { reason, probation: false } => format!("rolled back: {reason}: {}", f.model),
        },
        Fact::ModelRejected(f) => format!("{}: {}: {}", asked(&f.retraining), f.reason, f.model),
        Fact::ForecastIssued(f) => {
            let degraded = f.degraded.as_ref().map(|why| format!(", degraded: {why}")).unwrap_or_default();
            format!("batch {}{degraded}: {}", f.batch.ordinal, f.forecast)
        }
        Fact::ForecastWithheld(f) => format!("batch {}: {}", f.batch.ordinal, f.reason),
        Fact::PerformanceScored(f) => format!("batch {}: {} days: {}", f.batch.ordinal, f.days, f.score),
    }
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Proceed { degraded: None, .. } => "proceed".to_owned(),
        Verdict::Proceed { degraded: Some(why), .. } => format!("proceed though {why}"),
        Verdict::Hold { retraining } => format!("hold for retraining {}", retraining.0),
        Verdict::Wait { reason } => format!("wait: {reason}"),
    }
}

fn asked(retraining: &Retraining) -> String {
    format!("retraining {} ({})", retraining.id.0, retraining.cause.as_str())
}

#[cfg(test)]
mod tests {
    use aria_core::artifact::{Format, Kind, Ref};
    use aria_core::event::BatchRejected;

    use super::*;

    #[test]
    fn an_id_shorter_than_the_screen_shows_is_shown_whole() {
        assert_eq!(short("abc"), "abc");
        assert_eq!(short("batch.received/0123456789abcdef"), "456789abcdef");
    }

    #[test]
    fn what_an_event_says_is_one_line_whatever_its_reason_holds() {
        let reason = format!("one\ntwo\u{1b}{}", "x".repeat(2_000));
        let series = "it.ci_direct".parse().unwrap();
        let raw = Ref::of(Kind::Raw, &series, Format::Csv, b"a");
        let fact = Fact::BatchRejected(BatchRejected { ordinal: 3, raw, reason, quarantine: None });
        let event = Event { series, as_of: "2021-03-01".parse().unwrap(), fact };
        let told = said(&event);
        assert!(told.starts_with("batch 3: one\\ntwo\\u001bxxx") && told.ends_with("x…"), "{told}");
        assert!(!told.contains('\n'));
    }
}
