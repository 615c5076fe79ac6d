//! Drops dead letters that nobody wants back.

use aria_io::bus::Letter;
use aria_io::runtime::Edges;
use serde_json::{Value, json};

use super::in_a_line;
use crate::operate::print_json;

/// Drops one and says which it was.
///
/// # Errors
/// Where the broker does not confirm it.
pub async fn one(edges: &Edges, letter: &Letter, reason: &str, json: bool) -> anyhow::Result<()> {
    let sequence = edges.bus.drop_letter(letter, reason).await?.sequence;
    if json {
        return print_json(&told(letter, reason, sequence));
    }
    let Letter { content, sequence: number, .. } = letter;
    say!("dead letter {number} of {} dropped, as place {sequence} of the log says", content.service);
    say!("  message   {} at place {} of the log", content.subject, content.stream_sequence);
    say!("  failure   {}", in_a_line(&content.reason));
    say!("  reason    {reason}");
    Ok(())
}

/// Drops several, one after the other.
///
/// # Errors
/// Where the broker does not confirm one of them; those before it are dropped.
pub async fn all(edges: &Edges, letters: &[Letter], reason: &str, json: bool) -> anyhow::Result<()> {
    let mut dropped = Vec::new();
    for letter in letters {
        let sequence = edges.bus.drop_letter(letter, reason).await?.sequence;
        dropped.push(told(letter, reason, sequence));
        if !json {
            mention!("dead letter {} of {} dropped", letter.sequence, letter.content.service);
        }
    }
    if json {
        return print_json(&dropped);
    }
    say!("{} dead letters dropped", letters.len());
    Ok(())
}

fn told(letter: &Letter, reason: &str, sequence: u64) -> Value {
    let content = &letter.content;
    json!({
        "dead_letter": letter.sequence, "service": content.service, "subject": content.subject,
        "message": content.stream_sequence, "failure": content.reason, "reason": reason, "sequence": sequence,
    })
}
