//! Headers of a message: CloudEvents 1.0 in NATS binary mode, and what the event log and tracing need.

use aria_core::event::Event;

use super::EventId;

/// The event's id, the same as [`MESSAGE_ID`].
pub const CE_ID: &str = "ce-id";
/// The fact's name: `batch.accepted`.
pub const CE_TYPE: &str = "ce-type";
/// Who published it: `/aria/<service>`.
pub const CE_SOURCE: &str = "ce-source";
/// The series.
pub const CE_SUBJECT: &str = "ce-subject";
/// The data's time at which the fact became true, in RFC 3339.
pub const CE_TIME: &str = "ce-time";
/// The version of CloudEvents, [`CLOUDEVENTS_VERSION`].
pub const CE_SPECVERSION: &str = "ce-specversion";
/// How to read the body, [`PROTOBUF`].
pub const CONTENT_TYPE: &str = "content-type";
/// The W3C trace context. Lower case: header names are compared as they are, and some servers rewrite capitals.
pub const TRACEPARENT: &str = "traceparent";
/// By which the event log knows a message that it already has.
pub const MESSAGE_ID: &str = "Nats-Msg-Id";
/// The id of the event that caused this one, or what an operator or a source gave as the cause.
pub const CAUSE: &str = "aria-cause";
/// The import that laid the event into this log, with all that came of it: no service acts on it.
pub const HISTORY: &str = "aria-history";

/// The value of [`CE_SPECVERSION`].
pub const CLOUDEVENTS_VERSION: &str = "1.0";
/// The value of [`CONTENT_TYPE`].
pub const PROTOBUF: &str = "application/protobuf";

/// The headers of an event, all but the trace context.
///
/// They are made from the event and its cause alone: an event published again has the same headers, byte for byte.
pub fn of(id: &EventId, cause: &str, service: &str, event: &Event) -> [(&'static str, String); 9] {
    [
        (MESSAGE_ID, id.to_string()),
        (CE_ID, id.to_string()),
        (CE_TYPE, event.fact.name().to_owned()),
        (CE_SOURCE, format!("/aria/{service}")),
        (CE_SUBJECT, event.series.to_string()),
        (CE_TIME, event.as_of.to_string()),
        (CE_SPECVERSION, CLOUDEVENTS_VERSION.to_owned()),
        (CONTENT_TYPE, PROTOBUF.to_owned()),
        (CAUSE, cause.to_owned()),
    ]
}
