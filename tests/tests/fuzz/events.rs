//! Events and dead letters on the wire, and the names that lead to them.

use anyhow::{Context, Result, ensure};
use aria_core::artifact::Sha256Hex;
use aria_core::event::Event;
use aria_core::series::SeriesId;
use aria_core::time::Timestamp;
use aria_io::bus::Letter;
use aria_io::bus::trace::TraceContext;
use aria_io::contracts::{
    DeadLetter, DeadLetterDropped, EventId, FACT_NAMES, WireError, decode, encode, event_id, headers, parse_subject,
    subject,
};

use crate::engine::{Outcome, Target, run};

const WORDS: &[&[u8]] = &[
    b"\x0A",
    b"\x12",
    b"\x1A",
    b"\x22",
    b"\x08",
    b"\x10",
    b"\x18",
    b"\x00",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01",
    b"\xFF\xFF\xFF\xFF\x0F",
    b"\x0B",
    b"\x0C",
    b"it.ci_direct",
    b"raw",
    b"0000000000000000000000000000000000000000000000000000000000000000",
    b"\xC3\x28",
];

const NAMES: &[&[u8]] = &[
    b"aria.v1.",
    b"replay.",
    b"deadletter.",
    b"dropped.",
    b"batch.received",
    b"model.promoted",
    b".",
    b"/",
    b"*",
    b">",
    b"it.ci_direct",
    b"-",
    b"_",
    b"00-",
    b"4bf92f3577b34da6a3ce929d0e0e4736",
    b"00f067aa0ba902b7",
    b"\0",
    b"\n",
    b"ff",
    b"01",
];

/// The tree of a message: lists of small messages, the smallest of them of two bytes.
fn memory(bytes: usize) -> usize {
    (1 << 20) + 200 * bytes
}

#[test]
fn a_message_on_the_wire_is_the_event_that_was_sent_or_none() -> Result<()> {
    let samples = &[("proto/golden", ".bin")];
    let target = Target { name: "event", samples, words: WORDS, mutations: 20_000, memory };
    run(&target, |bytes| {
        let mut outcome = Outcome::Refused;
        for name in FACT_NAMES {
            match decode(name, bytes) {
                Ok(event) => {
                    ensure_sent(name, &event, bytes.len()).with_context(|| format!("as `{name}`"))?;
                    outcome = Outcome::Taken;
                }
                Err(WireError::UnknownFact { name }) => anyhow::bail!("`{name}` is unknown"),
                Err(error) => ensure!(!error.to_string().is_empty(), "it is refused without a reason"),
            }
        }
        if letter(bytes)? | dropped(bytes)? {
            outcome = Outcome::Taken;
        }
        Ok(outcome)
    })
}

/// It is what its subject, its headers and its JSON say, and is sent again as the same bytes.
fn ensure_sent(name: &str, event: &Event, received_bytes: usize) -> Result<()> {
    let body = encode(event);
    ensure!(body.len() <= received_bytes, "{received_bytes} bytes are sent on as {}", body.len());
    let read = decode(name, &body).context("what is sent on cannot be read")?;
    ensure!(read == *event && encode(&read) == body, "what is sent on is another event");
    let place = subject(event);
    ensure!(parse_subject(&place) == Some((event.fact.name(), event.series.clone())), "`{place}` is another subject");
    let id = event_id("cause", event);
    ensure!(id.as_str().parse() == Ok(id.clone()), "`{id}` is no id");
    for (header, value) in headers::of(&id, "cause", "test", event) {
        ensure!(!value.contains(['\r', '\n', '\0']), "header `{header}` breaks out of its line");
    }
    let json: Event = serde_json::from_str(&serde_json::to_string(event)?)?;
    ensure!(json == *event, "its JSON is another event");
    Ok(())
}

/// Whether it is a dead letter; one that is read is sent on as bytes that say the same.
fn letter(bytes: &[u8]) -> Result<bool> {
    let Ok(letter) = DeadLetter::decode(bytes) else { return Ok(false) };
    let sent = letter.encode();
    let read = DeadLetter::decode(&sent).context("a dead letter that is sent on cannot be read")?;
    ensure!(read.encode() == sent && read.id() == letter.id(), "a dead letter that is sent on is another one");
    let place = (&letter.service, &letter.subject, letter.stream_sequence, letter.attempts);
    ensure!(
        place == (&read.service, &read.subject, read.stream_sequence, read.attempts),
        "it is about another message"
    );
    // Whatever lies in it, an operator is told.
    if let Err(error) = (Letter { sequence: 1, stored: Timestamp::EPOCH, content: letter }).event() {
        ensure!(!error.to_string().is_empty(), "the message in it is refused without a reason");
    }
    Ok(true)
}

fn dropped(bytes: &[u8]) -> Result<bool> {
    let Ok(decision) = DeadLetterDropped::decode(bytes) else { return Ok(false) };
    let sent = decision.encode();
    let read = DeadLetterDropped::decode(&sent).context("a decision that is sent on cannot be read")?;
    ensure!(read.encode() == sent && read.id() == decision.id(), "a decision that is sent on is another one");
    Ok(true)
}

#[test]
fn a_name_is_read_as_it_is_written_or_not_at_all() -> Result<()> {
    let target = Target { name: "name", samples: &[], words: NAMES, mutations: 20_000, memory };
    run(&target, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return Ok(Outcome::Refused) };
        let mut found = 0;
        if let Some((fact, series)) = parse_subject(text) {
            ensure!(format!("aria.v1.{fact}.{series}") == text, "`{text}` is read as {fact} of {series}");
            found += 1;
        }
        if let Ok(series) = text.parse::<SeriesId>() {
            ensure!(format!("{}.{}", series.zone(), series.metric()) == text, "`{text}` is read as {series}");
            found += 1;
        }
        if let Ok(id) = text.parse::<EventId>() {
            ensure!(id.as_str() == text, "`{text}` is read as {id}");
            found += 1;
        }
        if let Ok(digest) = text.parse::<Sha256Hex>() {
            ensure!(digest.as_str() == text && text.starts_with(digest.short()), "`{text}` is read as {digest}");
            found += 1;
        }
        found += usize::from(trace(text)?) + usize::from(again(text)?);
        Ok(if found > 0 { Outcome::Taken } else { Outcome::Refused })
    })
}

/// Whether it is a trace context, of whose parts the known ones are kept.
fn trace(text: &str) -> Result<bool> {
    let Ok(context) = text.parse::<TraceContext>() else { return Ok(false) };
    let written = context.to_string();
    ensure!(written.parse() == Ok(context), "`{text}` is read as `{written}`, which is another trace");
    // A later version may hold more; what stands at the places of version 00 is the same.
    ensure!(text.get(2..55) == written.get(2..), "`{text}` is read as `{written}`");
    Ok(true)
}

/// Whether it is the subject of a dead letter whose message can be handed in again.
fn again(text: &str) -> Result<bool> {
    let body = std::fs::read(aria_tests::clone_root().join("proto/golden/batch.received.bin"))?;
    let content = DeadLetter {
        service: "ingestion".to_owned(),
        subject: text.to_owned(),
        stream_sequence: 1,
        attempts: 1,
        reason: String::new(),
        headers: Vec::new(),
        body: body.clone(),
    };
    let letter = Letter { sequence: 1, stored: Timestamp::EPOCH, content };
    match letter.event() {
        Ok(event) => {
            ensure!(encode(&event) == body, "`{text}` makes another event of it");
            ensure!(text.contains("batch.received."), "`{text}` is read as batch.received");
            Ok(true)
        }
        Err(error) => {
            ensure!(!error.to_string().is_empty(), "`{text}` is refused without a reason");
            Ok(false)
        }
    }
}
