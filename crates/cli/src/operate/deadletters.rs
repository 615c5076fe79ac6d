//! `aria deadletters`: the messages that services could not process, to be read, handed in again, or dropped.

use anyhow::bail;
use aria_io::bus::{BusError, Letter, Start};
use aria_io::runtime::Edges;
use clap::{Args, Subcommand};
use futures::StreamExt;
use serde_json::{Value, json};

use super::print_json;
use crate::platform::Place;

/// Shows the messages that services could not process, hands them in again, or drops them.
#[derive(Args, Debug)]
pub struct Deadletters {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Lists them.
    List {
        #[command(flatten)]
        place: Place,
        /// Only those of this service.
        #[arg(long)]
        service: Option<String>,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Shows one with its headers.
    Show {
        #[command(flatten)]
        place: Place,
        /// Its number, as the list shows it.
        number: u64,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Drops one: it is neither listed nor handed in again. The log keeps it, and the reason.
    Drop {
        #[command(flatten)]
        place: Place,
        /// Its number, as the list shows it.
        number: u64,
        /// Why, for the record.
        #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
        reason: String,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Hands one to the service that could not process it.
    Replay {
        #[command(flatten)]
        place: Place,
        /// Its number, as the list shows it.
        number: u64,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Deadletters {
    /// Runs the command.
    ///
    /// # Errors
    /// Where no platform runs or there is no such dead letter.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::List { place, service, json } => list(&place.connect().await?, service.as_deref(), json).await,
            Action::Show { place, number, json } => show(&find(&place.connect().await?, number).await?, json),
            Action::Replay { place, number, json } => replay(&place.connect().await?, number, json).await,
            Action::Drop { place, number, reason, json } => {
                discard(&place.connect().await?, number, &reason, json).await
            }
        }
    }
}

/// How many dead letters are about a series.
///
/// # Errors
/// Where the broker does not answer.
pub async fn count(edges: &Edges, series: &aria_core::series::SeriesId) -> anyhow::Result<u64> {
    let ending = format!(".{series}");
    let letters = all(edges, None).await?;
    Ok(letters.iter().filter(|l| l.content.subject.ends_with(&ending)).count() as u64)
}

/// The dead letters in the order of the log; an unreadable one is told and passed over.
async fn all(edges: &Edges, service: Option<&str>) -> anyhow::Result<Vec<Letter>> {
    let mut stream = edges.bus.dead_letters(service, Start::First).await?;
    let mut letters = Vec::new();
    while let Some(next) = stream.next().await {
        match next {
            Ok(letter) => letters.push(letter),
            Err(error @ BusError::Undecodable { .. }) => note!("{error}"),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(letters)
}

/// The dead letter at a place of the log.
///
/// # Errors
/// Where there is none, or it was dropped; then with when and why.
async fn find(edges: &Edges, number: u64) -> anyhow::Result<Letter> {
    if let Some(dropped) = edges.bus.dropped_letters().await?.get(&number) {
        bail!("dead letter {number} was dropped at {}: {}", dropped.stored, dropped.content.reason);
    }
    let mut letters = edges.bus.dead_letters(None, Start::Sequence(number)).await?;
    match letters.next().await.transpose()? {
        Some(letter) if letter.sequence == number => Ok(letter),
        Some(_) | None => bail!("there is no dead letter {number}: see `aria deadletters list`"),
    }
}

async fn list(edges: &Edges, service: Option<&str>, json: bool) -> anyhow::Result<()> {
    let letters = all(edges, service).await?;
    if json {
        return print_json(&letters.iter().map(to_json).collect::<Vec<_>>());
    }
    if letters.is_empty() {
        say!("no dead letters");
    }
    for letter in &letters {
        let content = &letter.content;
        let (number, stored) = (letter.sequence, letter.stored);
        say!("{number:>6}  {stored}  {:<10} {}: {}", content.service, content.subject, content.reason);
    }
    Ok(())
}

fn show(letter: &Letter, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(&to_json(letter));
    }
    let content = &letter.content;
    say!("dead letter {} of {}, stored {}", letter.sequence, content.service, letter.stored);
    say!("  message   {} at place {} of the log", content.subject, content.stream_sequence);
    say!("  attempts  {}", content.attempts);
    say!("  reason    {}", content.reason);
    say!("  body      {} bytes", content.body.len());
    for (name, value) in &content.headers {
        say!("  header    {name}: {value}");
    }
    Ok(())
}

async fn replay(edges: &Edges, number: u64, json: bool) -> anyhow::Result<()> {
    let letter = find(edges, number).await?;
    let published = edges.bus.replay(&letter).await?;
    if json {
        let (sequence, again) = (published.sequence, published.duplicate);
        return print_json(&json!({"dead_letter": number, "sequence": sequence, "handed_in_before": again}));
    }
    let service = &letter.content.service;
    match published.duplicate {
        true => say!("dead letter {number} was handed to {service} before, at place {}", published.sequence),
        false => say!("dead letter {number} handed to {service} again, at place {}", published.sequence),
    }
    Ok(())
}

async fn discard(edges: &Edges, number: u64, reason: &str, json: bool) -> anyhow::Result<()> {
    let letter = find(edges, number).await?;
    let published = edges.bus.drop_letter(&letter, reason).await?;
    let Letter { content, .. } = &letter;
    if json {
        return print_json(&json!({
            "dead_letter": number, "service": content.service, "subject": content.subject,
            "message": content.stream_sequence, "failure": content.reason, "reason": reason,
            "sequence": published.sequence,
        }));
    }
    say!("dead letter {number} of {} dropped, as place {} of the log says", content.service, published.sequence);
    say!("  message   {} at place {} of the log", content.subject, content.stream_sequence);
    say!("  failure   {}", content.reason);
    say!("  reason    {reason}");
    Ok(())
}

fn to_json(letter: &Letter) -> Value {
    let content = &letter.content;
    json!({
        "number": letter.sequence, "stored": letter.stored, "service": content.service, "subject": content.subject,
        "message": content.stream_sequence, "attempts": content.attempts, "reason": content.reason,
        "headers": content.headers, "body_bytes": content.body.len(),
    })
}
