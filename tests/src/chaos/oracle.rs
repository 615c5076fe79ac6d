//! Compares what a disturbed run left behind with what an undisturbed one does: byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use aria_core::artifact::Sha256Hex;
use aria_core::summary::ended;
use aria_io::contracts::{DeadLetter, decode, parse_subject};
use bytes::Bytes;

use super::record::{Logged, Record};

/// What a disturbed run was given beside its input.
#[derive(Clone, Debug, Default)]
pub struct Injected {
    /// Places in the log of stored messages that were published again under another id.
    pub copies: BTreeSet<u64>,
    /// Messages that are no event, by their place in the log, with the service that cannot process them.
    pub poison: BTreeMap<u64, &'static str>,
}

const DEAD_LETTER: &str = "aria.v1.deadletter.";
/// The header that differs when an event is published again, and the condition of a publication.
const NOT_COMPARED: [&str; 2] = ["traceparent", "Nats-Expected-Last-Subject-Sequence"];
/// Differences of a kind that are told one by one.
const TOLD: usize = 6;

/// Everything in which a run differs from what it should have come to; nothing where all is well.
pub fn violations(expected: &Record, found: &Record, injected: &Injected) -> Vec<String> {
    let mut told = Vec::new();
    let events = events(found, injected);
    ids(&events, &mut told);
    endings(&events, &mut told);
    causes(&events, &mut told);
    same_events(expected, &events, &mut told);
    dead_letters(expected, found, injected, &mut told);
    same("cell", &expected.cells, &found.cells, |_, _| String::new(), &mut told);
    same("artifact", &expected.artifacts, &found.artifacts, |key, bytes| explain(found, key, bytes), &mut told);
    intact(&found.artifacts, &mut told);
    for consumer in found.consumers.iter().filter(|consumer| !consumer.is_done()) {
        told.push(format!("{} has {} pending and {} in hand", consumer.service, consumer.pending, consumer.in_hand));
    }
    told
}

/// The events of a run without what it was given beside its input.
fn events<'a>(found: &'a Record, injected: &Injected) -> Vec<&'a Logged> {
    let is_own = |logged: &&Logged| {
        !injected.copies.contains(&logged.sequence)
            && !injected.poison.contains_key(&logged.sequence)
            && !logged.subject.starts_with(DEAD_LETTER)
    };
    found.log.iter().filter(is_own).collect()
}

/// The events that were compared.
pub fn compared(found: &Record, injected: &Injected) -> u64 {
    events(found, injected).len() as u64
}

/// Every id is in the log once.
fn ids(events: &[&Logged], told: &mut Vec<String>) {
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    for event in events {
        if let Some(first) = seen.insert(event.header("ce-id"), event.sequence) {
            told.push(format!("{} is in the log twice, at {first} and {}", event.header("ce-id"), event.sequence));
        }
    }
}

/// Every received batch has exactly one end.
fn endings(events: &[&Logged], told: &mut Vec<String>) {
    let mut ends: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for logged in events {
        let Some((fact, _)) = parse_subject(&logged.subject) else { continue };
        let Ok(event) = decode(fact, &logged.body) else { continue };
        if let Some(ordinal) = event.fact.received_ordinal() {
            ends.entry(ordinal).or_default();
        }
        if let Some(ordinal) = ended(&event.fact) {
            ends.entry(ordinal).or_default().push(logged.sequence);
        }
    }
    for (ordinal, ends) in ends.iter().filter(|(_, ends)| ends.len() != 1) {
        told.push(format!("batch {ordinal} has {} ends, at {ends:?}", ends.len()));
    }
}

/// One cause asks for one retraining at most.
fn causes(events: &[&Logged], told: &mut Vec<String>) {
    let mut asked: BTreeMap<&str, u64> = BTreeMap::new();
    for event in events.iter().filter(|event| event.header("ce-type") == "retraining.requested") {
        let times = asked.entry(event.header("aria-cause")).or_default();
        *times += 1;
        if *times == 2 {
            told.push(format!("{} asked for two retrainings", event.header("aria-cause")));
        }
    }
}

/// The same events, with the same subjects, headers and bodies.
fn same_events(expected: &Record, events: &[&Logged], told: &mut Vec<String>) {
    let wanted = events_by_id(&self::events(expected, &Injected::default()));
    same("event", &wanted, &events_by_id(events), |_, _| String::new(), told);
}

fn events_by_id(events: &[&Logged]) -> BTreeMap<String, Bytes> {
    let whole = |event: &Logged| {
        let headers = event.headers.iter().filter(|(name, _)| !NOT_COMPARED.contains(&name.as_str()));
        let headers: Vec<String> = headers.map(|(name, value)| format!("{name}: {value}\n")).collect();
        let head = format!("{}\n{}\n", event.subject, headers.concat());
        Bytes::from([head.as_bytes(), &event.body].concat())
    };
    events.iter().map(|event| (event.header("ce-id").to_owned(), whole(event))).collect()
}

/// The dead letters of an undisturbed run, and one for each message that is no event.
fn dead_letters(expected: &Record, found: &Record, injected: &Injected, told: &mut Vec<String>) {
    let poisoned = |sequence: &u64| {
        let logged = found.log.iter().find(|logged| logged.sequence == *sequence);
        logged.map(|logged| logged.header("ce-id").to_owned()).unwrap_or_default()
    };
    let mut wanted = letters(expected, told);
    wanted.extend(injected.poison.iter().map(|(sequence, service)| (format!("{service}: {}", poisoned(sequence)), 1)));
    let have = letters(found, told);
    for (letter, times) in &have {
        if wanted.get(letter) != Some(times) {
            told.push(format!("dead letter {letter}, {times} times: {}", reason(found, letter)));
        }
    }
    for letter in wanted.keys().filter(|letter| !have.contains_key(*letter)) {
        told.push(format!("no dead letter {letter}"));
    }
}

fn letter(logged: &Logged) -> Option<Result<(String, DeadLetter), String>> {
    logged.subject.strip_prefix(DEAD_LETTER)?;
    Some(match DeadLetter::decode(&logged.body) {
        Ok(letter) => {
            let id = letter.headers.iter().find(|(name, _)| name == "ce-id").map(|(_, id)| id.as_str());
            Ok((format!("{}: {}", letter.service, id.unwrap_or_default()), letter))
        }
        Err(error) => Err(format!("the dead letter at {} cannot be read: {error}", logged.sequence)),
    })
}

/// How often each message lies with the dead letters, by its service and its id.
fn letters(record: &Record, told: &mut Vec<String>) -> BTreeMap<String, u64> {
    let mut letters = BTreeMap::new();
    for found in record.log.iter().filter_map(letter) {
        match found {
            Ok((name, _)) => *letters.entry(name).or_default() += 1,
            Err(fault) => told.push(fault),
        }
    }
    letters
}

fn reason(record: &Record, wanted: &str) -> String {
    let found = record.log.iter().filter_map(letter).filter_map(Result::ok).find(|(name, _)| name == wanted);
    found.map(|(_, letter)| letter.reason).unwrap_or_default()
}

/// The same things under the same names.
fn same(
    what: &str,
    expected: &BTreeMap<String, Bytes>,
    found: &BTreeMap<String, Bytes>,
    explain: impl Fn(&str, &Bytes) -> String,
    told: &mut Vec<String>,
) {
    let mut differences = Vec::new();
    for (name, bytes) in expected {
        match found.get(name) {
            Some(other) if other == bytes => {}
            Some(other) => differences.push(format!("{what} {name} is another: {}", first_difference(bytes, other))),
            None => differences.push(format!("{what} {name} is missing")),
        }
    }
    for (name, bytes) in found.iter().filter(|(name, _)| !expected.contains_key(*name)) {
        differences.push(format!("{what} {name} is in no undisturbed run{}", explain(name, bytes)));
    }
    let more = differences.len().saturating_sub(TOLD);
    told.extend(differences.into_iter().take(TOLD));
    if more > 0 {
        told.push(format!("and {more} more differences of {what}s"));
    }
}

/// Where two texts differ first, with a little of both.
fn first_difference(expected: &[u8], found: &[u8]) -> String {
    let place = expected.iter().zip(found).take_while(|(a, b)| a == b).count();
    let part = |bytes: &[u8]| {
        let from = place.saturating_sub(40);
        let shown = bytes.get(from..bytes.len().min(place + 80)).unwrap_or_default();
        String::from_utf8_lossy(shown).escape_debug().to_string()
    };
    format!("of {} and {} bytes, at {place}: `{}` and `{}`", expected.len(), found.len(), part(expected), part(found))
}

/// Who refers to an artifact that no undisturbed run has, and whether its bytes are what its name says.
fn explain(found: &Record, key: &str, bytes: &Bytes) -> String {
    let digest = digest(key);
    let names = |text: &[u8]| text.windows(digest.len().max(1)).any(|part| part == digest.as_bytes());
    let by =
        found.artifacts.iter().filter(|(other, bytes)| *other != key && names(bytes)).map(|(other, _)| other.clone());
    let by = by.chain(found.log.iter().filter(|logged| names(&logged.body)).map(|logged| logged.subject.clone()));
    let by: Vec<String> = by.take(3).collect();
    let is_named = Sha256Hex::of(bytes).as_str() == digest;
    let by = if by.is_empty() { "by nobody".to_owned() } else { format!("by {}", by.join(", ")) };
    format!(", {} bytes, {}, referred to {by}", bytes.len(), if is_named { "intact" } else { "corrupt" })
}

fn digest(key: &str) -> &str {
    key.rsplit('/').next().and_then(|file| file.split('.').next()).unwrap_or_default()
}

/// Every artifact's bytes are what its name says.
fn intact(artifacts: &BTreeMap<String, Bytes>, told: &mut Vec<String>) {
    for (key, _) in artifacts.iter().filter(|(key, bytes)| Sha256Hex::of(bytes).as_str() != digest(key)) {
        told.push(format!("artifact {key} does not hold the bytes that its name says"));
    }
}
