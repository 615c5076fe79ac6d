//! Does to a world what a schedule says, and keeps account of what really happened.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use async_nats::HeaderMap;
use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::{Consumer, pull};
use futures::StreamExt;
use futures::future::{select_all, try_join_all};
use tokio::sync::watch;
use tokio::time::timeout;

use super::draw::Draw;
use super::fault::{Fault, Id, Moment, Peer, Place, Service, Trouble};
use super::line::Catch;
use super::oracle::Injected;
use super::plant;
use super::record::{self, Record, STREAM};
use super::replica::Replica;
use super::schedule::Step;
use super::world::{Store, World};
use crate::{Platform, until};

/// How long a snare waits for the request that closes it, and a foreign reader for messages.
const WAITS: Duration = Duration::from_secs(15);
const PULL: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(60);
/// The header by which the broker knows a message, and the beginning of those that set conditions.
const MESSAGE_ID: &str = "Nats-Msg-Id";
const CONDITIONS: &str = "Nats-";

/// What happened.
#[derive(Clone, Debug, Default)]
pub struct Happened {
    /// Faults by their kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Faults that found nothing to happen to.
    pub missed: Vec<String>,
    /// What was given to the platform beside its input.
    pub injected: Injected,
    /// What went wrong in doing so: of the harness, or of the broker's own promises.
    pub broken: Vec<String>,
}

/// Does what a schedule says.
#[derive(Debug)]
pub struct Inflictor {
    world: Arc<World>,
    expected: Arc<Record>,
    seed: u64,
    ended: watch::Receiver<u64>,
    happened: Mutex<Happened>,
}

impl Inflictor {
    /// On a world whose undisturbed run leaves this record.
    pub fn on(world: Arc<World>, expected: Arc<Record>, seed: u64, ended: watch::Receiver<u64>) -> Self {
        Self { world, expected, seed, ended, happened: Mutex::default() }
    }

    /// Waits for the beginning of a step, does it, and waits for its end.
    pub async fn carry_out(&self, step: Step) {
        let mut ended = self.ended.clone();
        if ended.wait_for(|ended| *ended >= step.after).await.is_err() {
            return;
        }
        match self.inflict(&step).await {
            Ok(true) => *self.happened().faults.entry(step.fault.kind()).or_default() += 1,
            Ok(false) => self.happened().missed.push(step.fault.to_string()),
            Err(error) => self.happened().broken.push(format!("{}: {error:#}", step.fault)),
        }
    }

    /// What happened so far.
    pub fn told(&self) -> Happened {
        self.happened().clone()
    }

    fn happened(&self) -> std::sync::MutexGuard<'_, Happened> {
        self.happened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whether it happened.
    async fn inflict(&self, step: &Step) -> Result<bool> {
        let (world, lasting) = (&self.world, step.lasting);
        match step.fault {
            Fault::Kill(service, number) => {
                let replica = world.find(service, number)?;
                let _suffering = replica.suffering.lock().await;
                replica.kill(lasting).await
            }
            Fault::KillAll(service) => {
                let mut killed = false;
                for replica in world.of(service) {
                    killed |= replica.kill(lasting).await?;
                }
                Ok(killed)
            }
            Fault::KillAt(service, moment) => self.kill_at(service, moment, lasting).await,
            Fault::Freeze(service, number) => {
                let replica = world.find(service, number)?;
                let _suffering = replica.suffering.lock().await;
                replica.freeze(lasting).await
            }
            Fault::HoldWrite(service) => self.hold_write(service, lasting).await,
            Fault::KillBroker => self.kill_broker(lasting).await,
            Fault::KillStore => self.kill_store(lasting).await,
            Fault::Line(place, peer, trouble) => self.trouble(place, peer, trouble, lasting).await,
            Fault::Store(misdeed, times) => {
                let Store::S3 { counter, .. } = &world.store else { return Ok(false) };
                counter.set(Some((misdeed, times)));
                tokio::time::sleep(lasting).await;
                counter.set(None);
                Ok(true)
            }
            Fault::FullDisk => self.fill_disk(lasting).await,
            Fault::Planted(rot) => plant::plant(world, &self.expected, rot, self.seed).await,
            Fault::Duplicate(service, id) => self.duplicate(service, id).await,
            Fault::Overtaken => self.overtake(lasting).await,
            Fault::Postpone(service, messages) => self.take(service, messages, Some(lasting)).await,
            Fault::Keep(service, messages) => self.take(service, messages, None).await,
            Fault::Jump(service, number, seconds) => {
                let replica = world.find(service, number)?;
                let Some(clock) = &replica.clock else { return Ok(false) };
                let _suffering = replica.suffering.lock().await;
                clock.jump(seconds)?;
                tokio::time::sleep(lasting).await;
                clock.jump(0)?;
                Ok(true)
            }
            Fault::Poison(service) => self.poison(service).await,
        }
    }

    async fn kill_at(&self, service: Service, moment: Moment, pause: Duration) -> Result<bool> {
        let words = format!("HPUB aria.v1.{}", service.publishes());
        let catch = if moment == Moment::Unsent { Catch::Stop } else { Catch::Deafen };
        let Some(caught) = self.snare(service, &words, catch).await else { return Ok(false) };
        self.world.find(service, caught)?.kill(pause).await
    }

    async fn hold_write(&self, service: Service, lasting: Duration) -> Result<bool> {
        let bucket = service.moves().context("the service moves no cell")?;
        let words = format!("HPUB $KV.{bucket}.");
        let held = self.snare(service, &words, Catch::Hold(lasting)).await.is_some();
        if held {
            tokio::time::sleep(lasting).await;
        }
        Ok(held)
    }

    /// Sets a snare for every replica of a service; gives the number of the one that went into it.
    async fn snare(&self, service: Service, words: &str, catch: Catch) -> Option<u8> {
        let replicas: Vec<_> = self.world.of(service).collect();
        let snares = replicas.iter().map(|replica| replica.broker.snare(words, catch));
        let (caught, place, _) = timeout(WAITS, select_all(snares)).await.ok()?;
        // The others go free.
        replicas.iter().for_each(|replica| replica.broker.clear());
        caught.ok()?;
        replicas.get(place).map(|replica| replica.number)
    }

    async fn kill_broker(&self, lasting: Duration) -> Result<bool> {
        let mut nats = self.world.nats.lock().await;
        nats.kill()?;
        tokio::time::sleep(lasting).await;
        nats.start_again().await?;
        Ok(true)
    }

    async fn kill_store(&self, lasting: Duration) -> Result<bool> {
        let Store::S3 { server, .. } = &self.world.store else { return Ok(false) };
        let mut s3 = server.lock().await;
        s3.kill()?;
        tokio::time::sleep(lasting).await;
        s3.start_again().await?;
        Ok(true)
    }

    async fn trouble(&self, place: Place, peer: Peer, trouble: Trouble, lasting: Duration) -> Result<bool> {
        let line = self.world.line(place, peer)?;
        let before = line.harm();
        line.set(Some(trouble));
        tokio::time::sleep(lasting).await;
        line.set(None);
        Ok(line.harm() != before || trouble == Trouble::Cut)
    }

    async fn fill_disk(&self, lasting: Duration) -> Result<bool> {
        let Store::Folder(disk) = &self.world.store else { return Ok(false) };
        disk.fill(&self.world.pids()).await?;
        tokio::time::sleep(lasting).await;
        disk.empty(&self.world.pids()).await?;
        Ok(true)
    }

    /// Publishes a stored message again that a service consumes: the newest one, which the broker still knows by its
    /// id, or under another id any one that is in the log.
    async fn duplicate(&self, service: Service, id: Id) -> Result<bool> {
        let subject = format!("aria.v1.{}.{}", service.consumes(), Platform::SERIES);
        // At the very beginning the services have not made the stream yet; later the broker may be away.
        let find = async || {
            let log = record::jetstream(&self.world).await?.get_stream(STREAM).await?;
            let newest = log.get_last_raw_message_by_subject(&subject).await?;
            if id == Id::Own {
                return Ok(newest);
            }
            let from = Draw::of(self.seed).within(1..=newest.sequence);
            Ok(log.get_first_raw_message_by_subject(&subject, from).await?)
        };
        let Ok(message) = until("a message to publish again", WAITS, find).await else { return Ok(false) };
        let mut headers = HeaderMap::new();
        for (name, values) in message.headers.iter().filter(|(name, _)| !name.to_string().starts_with(CONDITIONS)) {
            values.iter().for_each(|value| headers.append(name.clone(), value.clone()));
        }
        let own = message.headers.get(MESSAGE_ID).map(ToString::to_string).unwrap_or_default();
        let name = if id == Id::Own { own } else { format!("again/{}/{}", self.seed, message.sequence) };
        headers.insert(MESSAGE_ID, name.as_str());
        let publish = async || {
            let context = record::jetstream(&self.world).await?;
            let published = context.publish_with_headers(subject.clone(), headers.clone(), message.payload.clone());
            Ok(published.await?.await?)
        };
        let stored = until("the broker to answer", WAITS, publish).await?;
        match id {
            Id::Own if !stored.duplicate => {
                anyhow::bail!("the broker took {name} a second time, at {}", stored.sequence)
            }
            Id::Own => {}
            Id::Foreign => drop(self.happened().injected.copies.insert(stored.sequence)),
        }
        Ok(true)
    }

    /// Copies an announcement while ingestion stands still.
    async fn overtake(&self, lasting: Duration) -> Result<bool> {
        let freeze = async |replica: &Replica| {
            let _suffering = replica.suffering.lock().await;
            replica.freeze(lasting).await
        };
        let copy = async {
            // Once they stand, and early enough for further batches to come before they go on.
            tokio::time::sleep(lasting / 4).await;
            self.duplicate(Service::Ingestion, Id::Foreign).await
        };
        let (frozen, copied) = tokio::join!(try_join_all(self.world.of(Service::Ingestion).map(freeze)), copy);
        Ok(frozen?.contains(&true) && copied?)
    }

    /// Takes messages from a service's consumer, and hands them back for later, or never answers.
    async fn take(&self, service: Service, messages: u64, later: Option<Duration>) -> Result<bool> {
        let context = record::jetstream(&self.world).await?;
        let find = async || Ok(context.get_consumer_from_stream(service.name(), STREAM).await?);
        let Ok(consumer) = until("a consumer", WAITS, find).await else { return Ok(false) };
        let consumer: Consumer<pull::Config> = consumer;
        let mut taken = 0;
        let over = Instant::now() + WAITS;
        // Whether there is a message at this moment is chance: one is waited for, as by whoever sets a snare.
        while taken == 0 && Instant::now() < over {
            let ask = async || Ok(consumer.fetch().max_messages(messages as usize).expires(PULL).messages().await?);
            let mut found = until("the broker to answer", WAITS, ask).await?;
            while let Ok(Some(Ok(message))) = timeout(WAITS, found.next()).await {
                taken += 1;
                if let Some(later) = later {
                    message
                        .ack_with(AckKind::Nak(Some(later)))
                        .await
                        .map_err(|e| anyhow::anyhow!("cannot hand back: {e}"))?;
                }
            }
        }
        context.client().flush().await?;
        Ok(taken > 0)
    }

    async fn poison(&self, service: Service) -> Result<bool> {
        let context = record::jetstream(&self.world).await?;
        let subject = format!("aria.v1.{}.{}", service.consumes(), Platform::SERIES);
        let mut headers = HeaderMap::new();
        headers.insert("ce-id", format!("{}/poison-{}", service.consumes(), self.seed).as_str());
        let publish = async || {
            let sent = context.publish_with_headers(subject.clone(), headers.clone(), "\u{1}rubbish".into()).await?;
            Ok(sent.await?.sequence)
        };
        let sequence = until("the broker to take what is no event", PATIENCE, publish).await?;
        self.happened().injected.poison.insert(sequence, service.name());
        Ok(true)
    }
}
