//! `aria deadletters`: the messages that services could not process, to be read, handed in again, or dropped.

mod again;
mod discard;

use std::collections::BTreeMap;

use anyhow::bail;
use aria_core::remarks::{ENDLESS, Letters};
use aria_core::series::SeriesId;
use aria_io::bus::{BusError, Letter, Start};
use aria_io::runtime::Edges;
use clap::{Args, Subcommand};
use futures::StreamExt;
use serde_json::{Value, json};

use super::print_json;
use crate::output::one_line;
use crate::platform::Place;
use crate::room::Room;

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
        /// Only those about this series.
        #[arg(long)]
        series: Option<SeriesId>,
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
    /// Drops one, or all: it is neither listed nor handed in again. The log keeps it, and the reason.
    Drop {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        which: Which,
        /// Why, for the record.
        #[arg(long, value_parser = super::reason::reason)]
        reason: String,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
    /// Hands one in again, or all: to the service that could not process it, or the bytes of a rejected batch as a
    /// further one.
    Replay {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        which: Which,
        /// Prints JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Which dead letters: one by its number, or all, or all of a service or about a series.
#[derive(Args, Debug)]
struct Which {
    /// Its number, as the list shows it.
    #[arg(required_unless_present = "all")]
    number: Option<u64>,
    /// All that are listed, in their order. Given again after a break, it goes on with those that are left.
    #[arg(long, conflicts_with = "number")]
    all: bool,
    /// With --all: only those of this service.
    #[arg(long, conflicts_with = "number")]
    service: Option<String>,
    /// With --all: only those about this series.
    #[arg(long, conflicts_with = "number")]
    series: Option<SeriesId>,
}

impl Deadletters {
    /// Runs the command.
    ///
    /// # Errors
    /// Where no platform runs, there is no such dead letter, or one of several is not dealt with.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.action {
            Action::List { place, service, series, json } => {
                list(&picked(&place.connect().await?, service.as_deref(), series.as_ref()).await?, json)
            }
            Action::Show { place, number, json } => show(&find(&place.connect().await?, number).await?, json),
            Action::Replay { place, which, json } => {
                let room = Room::of(&place)?;
                let edges = place.connect().await?;
                match which.number {
                    Some(number) => {
                        let letter = find(&edges, number).await?;
                        again::one(&edges, room, &letter, json).await
                    }
                    None => {
                        let letters = which.letters(&edges).await?;
                        again::all(&edges, room, &letters, json).await
                    }
                }
            }
            Action::Drop { place, which, reason, json } => {
                let edges = place.connect().await?;
                match which.number {
                    Some(number) => discard::one(&edges, &find(&edges, number).await?, &reason, json).await,
                    None => discard::all(&edges, &which.letters(&edges).await?, &reason, json).await,
                }
            }
        }
    }
}

impl Which {
    async fn letters(&self, edges: &Edges) -> anyhow::Result<Vec<Letter>> {
        picked(edges, self.service.as_deref(), self.series.as_ref()).await
    }
}

/// What the dead letters of each series come to.
///
/// # Errors
/// Where the broker does not answer.
pub async fn by_series(edges: &Edges) -> anyhow::Result<BTreeMap<SeriesId, Letters>> {
    let mut all_series: BTreeMap<SeriesId, Letters> = BTreeMap::new();
    for letter in all(edges, None).await? {
        let Some(series) = series_of(&letter) else { continue };
        let letters = all_series.entry(series).or_default();
        letters.count += 1;
        letters.oldest.get_or_insert(letter.stored);
        if letter.content.reason.contains(ENDLESS) {
            letters.endless = Some((letter.stored, letter.content.reason));
        }
    }
    Ok(all_series)
}

/// The series that a dead letter is about, as its subject says: the last two parts.
fn series_of(letter: &Letter) -> Option<SeriesId> {
    let mut parts = letter.content.subject.rsplitn(3, '.');
    let (metric, zone) = (parts.next()?, parts.next()?);
    format!("{zone}.{metric}").parse().ok()
}

/// The dead letters of a service and about a series, where these are named.
async fn picked(edges: &Edges, service: Option<&str>, series: Option<&SeriesId>) -> anyhow::Result<Vec<Letter>> {
    let mut letters = all(edges, service).await?;
    letters.retain(|letter| series.is_none_or(|series| series_of(letter).as_ref() == Some(series)));
    Ok(letters)
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

fn list(letters: &[Letter], json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(&letters.iter().map(to_json).collect::<Vec<_>>());
    }
    if letters.is_empty() {
        say!("no dead letters");
    }
    for letter in letters {
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
