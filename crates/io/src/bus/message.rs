//! Events as messages: which headers they carry, which subjects they are read from.

use std::str::FromStr;

use aria_core::event::Event;
use aria_core::time::Timestamp;
use async_nats::{HeaderMap, HeaderName, HeaderValue};

use super::error::Malformed;
use super::trace::TraceContext;
use crate::contracts::headers::{CAUSE, CE_ID, TRACEPARENT};
use crate::contracts::{self, EventId};

/// The beginning of every subject.
const ROOT: &str = "aria.v1.";
/// The beginning of the subjects on which dead letters are handed to a service again.
const REPLAY: &str = "aria.v1.replay.";

/// An event as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its id, the same for the same cause and content.
    pub id: String,
    /// The id of the event that caused it, or what else did.
    pub cause: String,
    /// The trace it belongs to.
    pub trace: TraceContext,
    /// The event.
    pub event: Event,
    /// Its place in the log.
    pub sequence: u64,
    /// When the broker stored it.
    pub stored: Timestamp,
    /// The same in milliseconds since 1970: what lies between two events of a batch is less than a second.
    pub stored_ms: i64,
}

/// What a message says.
pub(crate) struct Parts {
    pub(crate) id: String,
    pub(crate) cause: String,
    pub(crate) trace: TraceContext,
    pub(crate) event: Event,
}

/// The headers of an event.
pub(super) fn headers(id: &EventId, cause: &str, service: &str, trace: &TraceContext, event: &Event) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in contracts::headers::of(id, cause, service, event) {
        headers.insert(name, one_line(&value));
    }
    headers.insert(TRACEPARENT, trace.to_string());
    headers
}

/// Adds a header that was kept. The client panics at one that it cannot send.
pub(super) fn add_header(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Malformed> {
    let unsendable = || Malformed::Unsendable { name: name.to_owned() };
    let header = HeaderName::from_str(name).map_err(|_| unsendable())?;
    headers.append(header, HeaderValue::from_str(value).map_err(|_| unsendable())?);
    Ok(())
}

/// Reads an event; its body must be of the fact and the series that its subject names.
pub(crate) fn parts(subject: &str, headers: Option<&HeaderMap>, body: &[u8]) -> Result<Parts, Malformed> {
    let subject = first_subject(subject);
    let (fact, series) = contracts::parse_subject(&subject).ok_or(Malformed::Subject)?;
    let id = text_header(headers, CE_ID).ok_or(Malformed::Header { header: CE_ID })?.to_owned();
    let event = contracts::decode(fact, body)?;
    if event.series != series {
        return Err(Malformed::OtherSeries { series: event.series.to_string() });
    }
    let cause = text_header(headers, CAUSE).unwrap_or_default().to_owned();
    // A missing or broken trace is not worth losing an event for: the trace begins anew.
    let trace =
        text_header(headers, TRACEPARENT).and_then(|text| text.parse().ok()).unwrap_or_else(|| TraceContext::root(&id));
    Ok(Parts { id, cause, trace, event })
}

/// The subjects that a service consumes: its facts of every series, and dead letters handed to it again.
pub(crate) fn consumed_subjects(service: &str, facts: &[&str]) -> Vec<String> {
    let mut subjects: Vec<String> = facts.iter().map(|fact| contracts::fact_filter(fact)).collect();
    subjects.push(format!("{REPLAY}{service}.>"));
    subjects
}

/// A header's text.
pub(crate) fn text_header<'a>(headers: Option<&'a HeaderMap>, name: &str) -> Option<&'a str> {
    headers?.get_last(name).map(async_nats::HeaderValue::as_str)
}

/// The subject under which an event was published first, also of one that is handed to a service again.
pub(super) fn first_subject(subject: &str) -> String {
    let again = subject.strip_prefix(REPLAY).and_then(|rest| rest.split_once('.'));
    again.map_or_else(|| subject.to_owned(), |(_service, address)| format!("{ROOT}{address}"))
}

/// The subject on which a message is handed to one service again; none where its own subject is not Aria's.
pub(super) fn replay_subject(service: &str, subject: &str) -> Option<String> {
    Some(format!("{REPLAY}{service}.{}", first_subject(subject).strip_prefix(ROOT)?))
}

/// Text that may stand in a header: line breaks would end it.
fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use aria_core::artifact::{Format, Kind, Ref};
    use aria_core::event::{BatchReceived, Fact};

    use super::*;

    fn event() -> Event {
        let series = "it.ci_direct".parse().unwrap();
        let raw = Ref::of(Kind::Raw, &series, Format::Csv, b"abc");
        let fact = Fact::BatchReceived(BatchReceived { ordinal: 1, raw, source: "test".to_owned() });
        Event { series, as_of: "2023-03-26T01:00:00Z".parse().unwrap(), fact }
    }

    fn headers_of(event: &Event, cause: &str) -> HeaderMap {
        headers(&contracts::event_id(cause, event), cause, "gateway", &TraceContext::root("x"), event)
    }

    #[test]
    fn an_event_is_read_as_it_was_written() {
        let event = event();
        let (trace, id) = (TraceContext::root("x"), contracts::event_id("upload", &event));
        let headers = headers(&id, "upload", "gateway", &trace, &event);
        let read = parts(&contracts::subject(&event), Some(&headers), &contracts::encode(&event)).unwrap();
        assert_eq!((read.id.as_str(), read.cause.as_str()), (id.as_str(), "upload"));
        assert_eq!((read.event, read.trace), (event, trace));
    }

    #[test]
    fn a_cause_with_a_line_break_cannot_add_a_header() {
        let headers = headers_of(&event(), "a\r\nNats-Rollup: all");
        assert_eq!(text_header(Some(&headers), CAUSE), Some("a  Nats-Rollup: all"));
    }

    #[test]
    fn an_event_handed_again_to_one_service_is_read_like_the_first() {
        let event = event();
        let headers = headers_of(&event, "cause");
        let subject = "aria.v1.replay.ingestion.batch.received.it.ci_direct";
        assert_eq!(parts(subject, Some(&headers), &contracts::encode(&event)).unwrap().event, event);
    }

    #[test]
    fn a_body_about_another_series_than_the_subject_is_refused() {
        let event = event();
        let headers = headers_of(&event, "cause");
        let read = parts("aria.v1.batch.received.fr.ci_direct", Some(&headers), &contracts::encode(&event));
        assert!(matches!(read, Err(Malformed::OtherSeries { .. })));
    }

    #[test]
    fn subjects_without_a_fact_are_refused() {
        for subject in ["", "aria.v1.", "aria.v1.batch", "aria.v1.deadletter.training", "other.v1.a.b.c.d"] {
            let read = parts(subject, None, b"");
            assert!(matches!(read, Err(Malformed::Subject)), "{subject}");
        }
    }
}
