//! W3C trace context, carried from every event to the events it causes.
//!
//! Ids are derived from event ids, so that a repeated step tells the same trace and no randomness is needed.

use std::fmt;
use std::str::FromStr;

use aria_core::artifact::Sha256Hex;

const TRACE_DIGITS: usize = 32;
const SPAN_DIGITS: usize = 16;
const SAMPLED: &str = "01";

/// Which trace an event belongs to and which span published it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace: String,
    span: String,
    flags: String,
}

/// A text that is no trace context of version 00.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no W3C traceparent")]
pub struct ParseTraceError {
    text: String,
}

impl TraceContext {
    /// The trace that begins with this event.
    pub fn root(event_id: &str) -> Self {
        Self { trace: digits("trace", event_id, TRACE_DIGITS), span: span_of(event_id), flags: SAMPLED.to_owned() }
    }

    /// The same trace, continued by this event.
    pub fn child(&self, event_id: &str) -> Self {
        Self { trace: self.trace.clone(), span: span_of(event_id), flags: self.flags.clone() }
    }

    /// The trace's id: 32 hexadecimal digits, the same for everything that one batch causes.
    pub fn trace_id(&self) -> &str {
        &self.trace
    }

    /// The span's id: 16 hexadecimal digits.
    pub fn span_id(&self) -> &str {
        &self.span
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{}", self.trace, self.span, self.flags)
    }
}

impl FromStr for TraceContext {
    type Err = ParseTraceError;

    /// Reads version 00; of a later version the parts that version 00 knows, as the specification asks.
    fn from_str(text: &str) -> Result<Self, ParseTraceError> {
        let fault = || ParseTraceError { text: text.chars().take(80).collect() };
        let mut parts = text.split('-');
        let (Some(version), Some(trace), Some(span), Some(flags)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(fault());
        };
        let is_known = is_hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
        if !is_known || !is_id(trace, TRACE_DIGITS) || !is_id(span, SPAN_DIGITS) || !is_hex(flags, 2) {
            return Err(fault());
        }
        Ok(Self { trace: trace.to_owned(), span: span.to_owned(), flags: flags.to_owned() })
    }
}

fn span_of(event_id: &str) -> String {
    digits("span", event_id, SPAN_DIGITS)
}

/// The first digits of a digest; never all zero, which the specification forbids.
fn digits(purpose: &str, event_id: &str, count: usize) -> String {
    let digest = Sha256Hex::of(format!("{purpose}\0{event_id}").as_bytes());
    let digits: String = digest.as_str().chars().take(count).collect();
    if is_id(&digits, count) { digits } else { format!("{:0>count$}", 1) }
}

fn is_hex(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_id(text: &str, count: usize) -> bool {
    is_hex(text, count) && text.bytes().any(|b| b != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of https://www.w3.org/TR/trace-context/#traceparent-header-field-values.
    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_specification_s_example_is_read_and_written() {
        let context: TraceContext = EXAMPLE.parse().unwrap();
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.to_string(), EXAMPLE);
    }

    #[test]
    fn a_child_keeps_the_trace_and_the_flags_and_changes_the_span() {
        let parent: TraceContext = EXAMPLE.replace("-01", "-00").parse().unwrap();
        let child = parent.child("batch.accepted/1");
        assert_eq!(child.trace_id(), parent.trace_id());
        assert_ne!(child.span_id(), parent.span_id());
        assert!(child.to_string().ends_with("-00"));
    }

    #[test]
    fn the_same_event_always_has_the_same_span() {
        let parent: TraceContext = EXAMPLE.parse().unwrap();
        assert_eq!(parent.child("a"), parent.child("a"));
        assert_ne!(parent.child("a"), parent.child("b"));
    }

    #[test]
    fn what_is_written_can_be_read() {
        let root = TraceContext::root("batch.received/0");
        assert_eq!(root.to_string().parse(), Ok(root));
    }

    #[test]
    fn what_the_specification_forbids_is_refused() {
        let zero_trace = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let zero_span = "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01";
        let version = EXAMPLE.replacen("00", "ff", 1);
        let capitals = EXAMPLE.to_uppercase();
        let longer = format!("{EXAMPLE}-more");
        for text in ["", "00", zero_trace, zero_span, &version, &capitals, &longer] {
            assert!(text.parse::<TraceContext>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_later_version_may_carry_more() {
        let later = format!("{}-more", EXAMPLE.replacen("00", "01", 1));
        assert_eq!(later.parse::<TraceContext>().unwrap().trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }
}
