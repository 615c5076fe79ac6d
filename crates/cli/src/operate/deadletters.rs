//! `aria deadletters`: the messages that services could not process, to be read, handed in again, or dropped.

use anyhow::bail;
use aria_core::again::{Again, Standing, again};
use aria_core::ending::Endings;
use aria_core::event::{BatchReceived, Event, Fact};
use aria_core::head::Head;
use aria_core::monitor::State;
use aria_core::registry::Registry;
use aria_io::bus::{BusError, Filter, Letter, Start};
use aria_io::runtime::Edges;
use aria_io::stores::Held;
use clap::{Args, Subcommand};
use futures::StreamExt;
use serde_json::{Value, json};

use super::{print_json, recorded};
use crate::output::one_line;
use crate::platform::Place;

/// Letters of a reason or a header that are shown; JSON has them all.
const MOST_LETTERS: usize = 4_000;

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
        #[arg(long, value_parser = super::reason::reason)]
        reason: String,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Hands one in again: to the service that could not process it, or the bytes of a rejected batch as a further one.
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
/// Where there is none, or it is off the list; then with since when and why.
async fn find(edges: &Edges, number: u64) -> anyhow::Result<Letter> {
    if let Some(dropped) = edges.bus.dropped_letters().await?.get(&number) {
        bail!("dead letter {number} is off the list since {}: {}", dropped.stored, in_a_line(&dropped.content.reason));
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
        say!("{number:>6}  {stored}  {:<10} {}: {}", content.service, content.subject, in_a_line(&content.reason));
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
    say!("  reason    {}", in_a_line(&content.reason));
    say!("  body      {} bytes", content.body.len());
    for (name, value) in &content.headers {
        say!("  header    {name}: {}", in_a_line(value));
    }
    Ok(())
}

/// Where a dead letter went when it was handed in again.
struct HandedIn {
    /// In words.
    told: String,
    /// The batch that its bytes became, where they did.
    batch: Option<u64>,
    /// The message's place in the log, where it is known.
    sequence: Option<u64>,
}

async fn replay(edges: &Edges, number: u64, json: bool) -> anyhow::Result<()> {
    let letter = find(edges, number).await?;
    let service = &letter.content.service;
    let handed_in = match decide(edges, &letter).await? {
        Again::OfNoUse(reason) => {
            bail!(
                "{service} would pass over dead letter {number}: {reason}; `aria deadletters drop {number}` takes it off the list"
            )
        }
        Again::AsBatch(received) => as_batch(edges, &letter, &received).await?,
        Again::HandIn => {
            let sequence = edges.bus.replay(&letter).await?.sequence;
            let told = format!("handed to {service} again, at place {sequence}");
            HandedIn { told, batch: None, sequence: Some(sequence) }
        }
    };
    // Off the list: what fails again becomes a dead letter of its own.
    edges.bus.drop_letter(&letter, &handed_in.told).await?;
    if json {
        let HandedIn { batch, sequence, .. } = handed_in;
        return print_json(&json!({"dead_letter": number, "sequence": sequence, "batch": batch}));
    }
    say!("dead letter {number} {}", handed_in.told);
    Ok(())
}

async fn decide(edges: &Edges, letter: &Letter) -> anyhow::Result<Again> {
    // What is no event is the service's to refuse again.
    let Ok(event) = letter.event() else { return Ok(Again::HandIn) };
    let (stores, series) = (edges.stores(), &event.series);
    let head: Held<Head> = stores.heads.load(series).await?;
    let monitor: Held<State> = stores.monitors.load(series).await?;
    let endings: Held<Endings> = stores.endings.load(series).await?;
    let registry: Held<Registry> = stores.registry.load(series).await?;
    let was_rejected = was_rejected(edges, &event).await?;
    let standing = Standing {
        was_rejected,
        head: &head.document,
        monitor: &monitor.document,
        endings: &endings.document,
        registry: &registry.document,
    };
    Ok(again(&letter.content.service, &event, &standing))
}

/// Whether an event is a batch that ended as rejected.
async fn was_rejected(edges: &Edges, event: &Event) -> anyhow::Result<bool> {
    let Fact::BatchReceived(received) = &event.fact else { return Ok(false) };
    let ends = recorded(edges, &Filter::all().facts(["batch.rejected"]).series(&event.series)).await?;
    let is_its_end = |fact: &Fact| matches!(fact, Fact::BatchRejected(end) if end.ordinal == received.ordinal);
    Ok(ends.iter().any(|end| is_its_end(&end.event.fact)))
}

/// Hands the bytes of a rejected batch in as a further one; not a second time where the command was cut off before.
async fn as_batch(edges: &Edges, letter: &Letter, rejected: &BatchReceived) -> anyhow::Result<HandedIn> {
    let (series, source) = (&rejected.raw.series, format!("dead letter {}", letter.sequence));
    let filter = Filter::all().facts(["batch.received"]).series(series);
    let is_this = |event: &Event| matches!(&event.fact, Fact::BatchReceived(received) if received.source == source);
    let before = recorded(edges, &filter).await?.into_iter().map(|recorded| recorded.event).find(is_this);
    let event = match before {
        Some(event) => event,
        None => {
            let head: Held<Head> = edges.stores().heads.load(series).await?;
            let as_of = letter.event()?.as_of;
            edges.bus.receive(series, &rejected.raw, as_of, &source, head.document.ordinal).await?.0
        }
    };
    let Fact::BatchReceived(received) = &event.fact else { bail!("`{}` is no batch", event.fact.name()) };
    let told = format!("handed in again as batch {}, for batch {} was rejected", received.ordinal, rejected.ordinal);
    Ok(HandedIn { told, batch: Some(received.ordinal), sequence: None })
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
    say!("  failure   {}", in_a_line(&content.reason));
    say!("  reason    {reason}");
    Ok(())
}

/// What a message brought along, in a line: nothing in it may look like Aria's own.
fn in_a_line(text: &str) -> String {
    one_line(text, MOST_LETTERS)
}

fn to_json(letter: &Letter) -> Value {
    let content = &letter.content;
    json!({
        "number": letter.sequence, "stored": letter.stored, "service": content.service, "subject": content.subject,
        "message": content.stream_sequence, "attempts": content.attempts, "reason": content.reason,
        "headers": content.headers, "body_bytes": content.body.len(),
    })
}
