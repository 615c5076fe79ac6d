//! What a run leaves behind: the log, the cells, the artifacts, and what the consumers still have.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aria_io::bus::{ENDINGS, HEADS, MONITORS, REGISTRY};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, Info, pull};
use async_nats::jetstream::{self, stream::LastRawMessageErrorKind};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use object_store::path::Path as Key;
use object_store::{ObjectStore, prefix::PrefixStore};

use super::fault::Service;
use super::world::{Store, World};
use crate::Platform;

/// The stream of all events.
pub const STREAM: &str = "ARIA";
const PATIENCE: Duration = Duration::from_secs(20);
const AT_ONCE: usize = 8;
/// What belongs to one platform and is of no artifact.
const OWN: [&str; 2] = ["aria/mark", "probe/aria"];

/// What a run leaves behind.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// The messages of the log in their order.
    pub log: Vec<Logged>,
    /// The cells by bucket and series.
    pub cells: BTreeMap<String, Bytes>,
    /// The artifacts by key.
    pub artifacts: BTreeMap<String, Bytes>,
    /// Files in the store under no artifact's name: what a writer was killed over.
    pub unfinished: Vec<String>,
    /// What the services' consumers have.
    pub consumers: Vec<Consumer>,
}

/// A message of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Its place.
    pub sequence: u64,
    /// Its subject.
    pub subject: String,
    /// Its headers.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: Bytes,
}

/// What a service's consumer has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// The service.
    pub service: &'static str,
    /// Messages that were never handed out.
    pub pending: u64,
    /// Messages handed out and not acknowledged.
    pub in_hand: u64,
    /// Handings-out in all.
    pub delivered: u64,
    /// The subjects that it reads.
    pub subjects: Vec<String>,
}

impl Logged {
    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }
}

impl Consumer {
    /// Whether it has nothing left to do.
    pub fn is_done(&self) -> bool {
        self.pending == 0 && self.in_hand == 0
    }

    /// Handings-out beyond one for each message that it reads.
    pub fn redelivered(&self, log: &[Logged]) -> u64 {
        let reads = |logged: &&Logged| self.subjects.iter().any(|filter| matches(filter, &logged.subject));
        self.delivered.saturating_sub(log.iter().filter(reads).count() as u64)
    }
}

/// Whether a subject is one of a filter's, as NATS understands it.
fn matches(filter: &str, subject: &str) -> bool {
    let (mut wanted, mut found) = (filter.split('.'), subject.split('.'));
    loop {
        match (wanted.next(), found.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some(part), Some(token)) if part == "*" || part == token => {}
            _ => return false,
        }
    }
}

impl Record {
    /// Reads everything that a world holds.
    ///
    /// # Errors
    /// Where the broker or the store does not answer, or they do not belong together.
    pub async fn of(world: &World) -> Result<Self> {
        world.edges("record", PATIENCE).await?.verify().await.context("log and store do not belong together")?;
        let context = jetstream(world).await?;
        let (artifacts, unfinished) = artifacts(world).await?;
        let consumers = consumers(&context).await?;
        Ok(Self { log: log(&context).await?, cells: cells(&context).await?, artifacts, unfinished, consumers })
    }
}

/// A connection to the broker past every line.
///
/// # Errors
/// Where it does not answer.
pub async fn jetstream(world: &World) -> Result<jetstream::Context> {
    let client = async_nats::connect(format!("nats://{}", world.broker)).await.context("the broker does not answer")?;
    Ok(jetstream::new(client))
}

/// What the services' consumers have; one for each that exists.
///
/// # Errors
/// Where the broker does not answer.
pub async fn consumers(context: &jetstream::Context) -> Result<Vec<Consumer>> {
    let stream = context.get_stream(STREAM).await?;
    let infos: Vec<Info> = stream.consumers().try_collect().await?;
    let known = |info: Info| {
        let service = Service::WORKERS.iter().find(|service| service.name() == info.name)?;
        Some(Consumer {
            service: service.name(),
            pending: info.num_pending,
            in_hand: info.num_ack_pending as u64,
            delivered: info.delivered.consumer_sequence,
            subjects: info.config.filter_subjects,
        })
    };
    Ok(infos.into_iter().filter_map(known).collect())
}

/// The place of the newest message.
///
/// # Errors
/// Where the broker does not answer.
pub async fn last_sequence(context: &jetstream::Context) -> Result<u64> {
    Ok(context.get_stream(STREAM).await?.cached_info().state.last_sequence)
}

async fn log(context: &jetstream::Context) -> Result<Vec<Logged>> {
    let stream = context.get_stream(STREAM).await?;
    let config = pull::Config {
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::None,
        inactive_threshold: PATIENCE,
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await?;
    let expected = stream.cached_info().state.messages;
    let mut log = Vec::new();
    let mut messages = consumer.fetch().max_messages(expected as usize).expires(PATIENCE).messages().await?;
    while let Some(message) = messages.next().await {
        let message = message.map_err(|error| anyhow::anyhow!("the log cannot be read: {error}"))?;
        let sequence =
            message.info().map_err(|error| anyhow::anyhow!("a message without a place: {error}"))?.stream_sequence;
        log.push(Logged {
            sequence,
            subject: message.subject.to_string(),
            headers: headers(message.headers.as_ref()),
            body: message.payload.clone(),
        });
    }
    ensure!(log.len() as u64 == expected, "the log has {expected} messages, and {} could be read", log.len());
    Ok(log)
}

fn headers(headers: Option<&async_nats::HeaderMap>) -> BTreeMap<String, String> {
    let all = headers.into_iter().flat_map(|headers| headers.iter());
    let joined = |values: &[async_nats::HeaderValue]| values.iter().map(|v| v.as_str()).collect::<Vec<_>>().join(", ");
    all.map(|(name, values)| (name.to_string(), joined(values))).collect()
}

async fn cells(context: &jetstream::Context) -> Result<BTreeMap<String, Bytes>> {
    let mut cells = BTreeMap::new();
    for bucket in [HEADS, MONITORS, REGISTRY, ENDINGS] {
        let stream = context.get_stream(format!("KV_{bucket}")).await?;
        let subject = format!("$KV.{bucket}.{}", Platform::SERIES);
        match stream.get_last_raw_message_by_subject(&subject).await {
            Ok(message) => drop(cells.insert(bucket.to_owned(), message.payload)),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(cells)
}

type Artifacts = (BTreeMap<String, Bytes>, Vec<String>);

async fn artifacts(world: &World) -> Result<Artifacts> {
    match &world.store {
        Store::Folder(disk) => {
            let mut found = Artifacts::default();
            walk(disk.folder(), "", &mut found)?;
            Ok(found)
        }
        Store::S3 { .. } => {
            let store = bucket(&world.store).await?.context("no bucket")?;
            let keys: Vec<_> = store.list(None).map_ok(|meta| meta.location).try_collect().await?;
            let keys = keys.into_iter().filter(|key| !OWN.contains(&key.as_ref()));
            let read = |key: Key| {
                let store = &store;
                async move { anyhow::Ok((key.to_string(), store.get(&key).await?.bytes().await?)) }
            };
            let read = futures::stream::iter(keys.map(read)).buffer_unordered(AT_ONCE);
            Ok((read.try_collect().await?, Vec::new()))
        }
    }
}

/// A client of the bucket past the counter, where artifacts lie in one.
///
/// # Errors
/// Where the client cannot be made.
pub async fn bucket(store: &Store) -> Result<Option<PrefixStore<object_store::aws::AmazonS3>>> {
    let Store::S3 { server, location, .. } = store else { return Ok(None) };
    let client = server.lock().await.client()?;
    let prefix = location.rsplit('/').next().unwrap_or_default();
    Ok(Some(PrefixStore::new(client, prefix)))
}

fn walk(folder: &Path, prefix: &str, found: &mut Artifacts) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let key = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), &format!("{key}/"), found)?;
        } else if key.contains('#') {
            found.1.push(key);
        } else if !OWN.contains(&key.as_str()) {
            found.0.insert(key, std::fs::read(entry.path())?.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_filter_names_one_token_with_a_star_and_the_rest_with_an_arrow() {
        assert!(matches("aria.v1.batch.accepted.*.*", "aria.v1.batch.accepted.it.ci_direct"));
        assert!(matches("aria.v1.replay.drift.>", "aria.v1.replay.drift.batch.accepted.it.x"));
        assert!(!matches("aria.v1.batch.accepted.*.*", "aria.v1.batch.rejected.it.ci_direct"));
        assert!(!matches("aria.v1.batch.accepted.*.*", "aria.v1.batch.accepted.it"));
        assert!(!matches("aria.v1.replay.drift.>", "aria.v1.replay.drift"));
    }
}
