//! The world of one schedule: a broker, a store, the services as processes of their own, and lines between them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use aria_io::artifacts::Artifacts;
use aria_io::bus::{Bus, BusConfig};
use aria_io::runtime::Edges;
use tokio::sync::Mutex;

use super::clock::Clock;
use super::counter::Counter;
use super::disk::Disk;
use super::fault::{Peer, Place, Service};
use super::input::{GATEWAY_TIME, Input};
use super::line::Line;
use super::replica::{Launch, Replica};
use super::schedule::{Schedule, Storage};
use crate::{Nats, S3, free_ports};

/// After a kill nobody wants to wait for what was in hand as long as an operator would.
const ACK_WAIT: &str = "1";

/// An S3 server that several schedules use one after the other, each under a prefix of its own.
pub type SharedS3 = Arc<Mutex<S3>>;

/// Everything that runs for one schedule.
#[derive(Debug)]
pub struct World {
    /// The replicas of all services.
    pub replicas: Vec<Replica>,
    /// The broker.
    pub nats: Mutex<Nats>,
    /// The broker's address, past every line.
    pub broker: SocketAddr,
    /// Where artifacts lie.
    pub store: Store,
    /// The lines of whoever hands batches in.
    pub feeder: (Line, Option<Line>),
    /// The gateway's address, where there is one.
    pub gateway: Option<SocketAddr>,
    /// Its files: logs, definitions, clocks.
    pub folder: PathBuf,
}

/// Where artifacts lie.
#[derive(Debug)]
pub enum Store {
    /// In a bucket.
    S3 {
        /// The server.
        server: SharedS3,
        /// The counter before it.
        counter: Counter,
        /// The location, as the platform is told it.
        location: String,
        /// The server's own settings for a client, past the counter.
        settings: Vec<(String, String)>,
    },
    /// On a disk of its own.
    Folder(Disk),
}

impl World {
    /// Starts everything that a schedule needs, with the state of the processes in this folder.
    ///
    /// # Errors
    /// Where a part of it cannot be started.
    pub async fn start(schedule: &Schedule, program: &Path, folder: &Path, s3: Option<&SharedS3>) -> Result<Self> {
        let series = folder.join("series");
        std::fs::create_dir_all(&series)?;
        std::fs::write(series.join("series.toml"), Input::definition()?)?;
        let nats = Nats::start().await?;
        let broker: SocketAddr = nats.url().trim_start_matches("nats://").parse()?;
        let store = Store::open(schedule, folder, s3).await?;
        let feeder = (Line::to(broker).await?, store.line().await?);
        let mut world = Self {
            replicas: Vec::new(),
            nats: Mutex::new(nats),
            broker,
            store,
            feeder,
            gateway: None,
            folder: folder.to_owned(),
        };
        for (service, number) in schedule.replicas() {
            let replica = world.replica(schedule, program, service, number).await?;
            world.replicas.push(replica);
        }
        Ok(world)
    }

    async fn replica(&mut self, schedule: &Schedule, program: &Path, service: Service, number: u8) -> Result<Replica> {
        let (broker, store) = (Line::to(self.broker).await?, self.store.line().await?);
        let name = format!("{}-{number}", service.name());
        let mut http = SocketAddr::from(([127, 0, 0, 1], 0));
        let clock_file = self.folder.join(format!("{name}.clock"));
        let mut clock = None;
        if service == Service::Gateway {
            http.set_port(free_ports::<1>()?[0]);
            self.gateway = Some(http);
            clock = Some(Clock::still(&clock_file, GATEWAY_TIME)?);
        } else if schedule.needs_clock() {
            clock = Some(Clock::right(&clock_file)?);
        }
        let mut env = self.store.env(store.as_ref());
        env.extend(clock.iter().flat_map(Clock::env));
        let own = [
            ("ARIA_NATS", format!("nats://{}", broker.address())),
            ("ARIA_SERIES", self.folder.join("series").display().to_string()),
            ("ARIA_HTTP", http.to_string()),
            ("ARIA_ACK_WAIT_SECONDS", ACK_WAIT.to_owned()),
        ];
        env.extend(own.map(|(key, value)| (key.to_owned(), value)));
        let entry = self.store.entry();
        let log = self.folder.join(format!("{name}.log"));
        let launch = Launch { program: program.to_owned(), entry, env, log };
        Replica::start((service, number), (broker, store), clock, launch)
    }

    /// The replicas of a service.
    pub fn of(&self, service: Service) -> impl Iterator<Item = &Replica> {
        self.replicas.iter().filter(move |replica| replica.service == service)
    }

    /// One replica.
    ///
    /// # Errors
    /// Where there is none.
    pub fn find(&self, service: Service, number: u8) -> Result<&Replica> {
        let found = self.of(service).find(|replica| replica.number == number);
        found.with_context(|| format!("there is no {}-{number}", service.name()))
    }

    /// One line.
    ///
    /// # Errors
    /// Where there is none.
    pub fn line(&self, place: Place, peer: Peer) -> Result<&Line> {
        let (broker, store) = match place {
            Place::Replica(service, number) => {
                let replica = self.find(service, number)?;
                (&replica.broker, replica.store.as_ref())
            }
            Place::Feeder => (&self.feeder.0, self.feeder.1.as_ref()),
        };
        match peer {
            Peer::Broker => Ok(broker),
            Peer::Store => store.context("there is no line to a store"),
        }
    }

    /// Every line.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        let pairs = self.replicas.iter().map(|replica| (&replica.broker, replica.store.as_ref()));
        let pairs = pairs.chain(std::iter::once((&self.feeder.0, self.feeder.1.as_ref())));
        pairs.flat_map(|(broker, store)| std::iter::once(broker).chain(store))
    }

    /// The processes that run.
    pub fn pids(&self) -> Vec<u32> {
        self.replicas.iter().filter_map(Replica::pid).collect()
    }

    /// The broker and the store past every line, for whoever only looks.
    ///
    /// # Errors
    /// Where the broker does not answer within `patience`.
    pub async fn edges(&self, name: &str, patience: Duration) -> Result<Edges> {
        let config = BusConfig { patience, ..BusConfig::new(&format!("nats://{}", self.broker), name) };
        Ok(Edges { bus: Bus::connect(&config).await?, artifacts: self.store.artifacts()? })
    }

    /// The broker and the store over the lines of whoever hands batches in, joined as every source does: an event in a
    /// log whose store has no mark yet looks like a lost store.
    ///
    /// # Errors
    /// Where one of them does not answer in time.
    pub async fn feeder_edges(&self) -> Result<Edges> {
        let (broker, store) = (&self.feeder.0, self.feeder.1.as_ref());
        let config = BusConfig {
            patience: Duration::from_secs(5),
            ..BusConfig::new(&format!("nats://{}", broker.address()), "test")
        };
        let edges = Edges { bus: Bus::connect(&config).await?, artifacts: self.store.artifacts_over(store)? };
        edges.join().await?;
        Ok(edges)
    }
}

impl Store {
    async fn open(schedule: &Schedule, folder: &Path, s3: Option<&SharedS3>) -> Result<Self> {
        if schedule.storage == Storage::Folder {
            return Ok(Self::Folder(Disk::on(&folder.join("store")).await?));
        }
        let server = Arc::clone(s3.context("no S3 server was started")?);
        let (endpoint, settings, bucket) = {
            let s3 = server.lock().await;
            (s3.endpoint(), s3.env(), s3.store())
        };
        // The folder's name is of this run alone, and so is the prefix.
        let prefix = folder.file_name().context("a folder without a name")?.to_string_lossy().into_owned();
        let counter = Counter::before(&endpoint).await?;
        Ok(Self::S3 { server, counter, location: format!("{bucket}/{prefix}"), settings })
    }

    /// A further line to it, where it is not a folder.
    async fn line(&self) -> Result<Option<Line>> {
        match self {
            Self::S3 { counter, .. } => Ok(Some(Line::to(counter.address()).await?)),
            Self::Folder(_) => Ok(None),
        }
    }

    /// What a service is told of it.
    fn env(&self, line: Option<&Line>) -> Vec<(String, String)> {
        let location = match self {
            Self::S3 { location, .. } => location.clone(),
            Self::Folder(disk) => disk.folder().display().to_string(),
        };
        let mut env = self.settings(line);
        env.push(("ARIA_STORE".to_owned(), location));
        env
    }

    /// A client's settings, over a line where one is given.
    fn settings(&self, line: Option<&Line>) -> Vec<(String, String)> {
        let Self::S3 { settings, .. } = self else { return Vec::new() };
        let endpoint = line.map(|line| format!("http://{}", line.address()));
        let over = |(key, value): &(String, String)| match (&endpoint, key.as_str()) {
            (Some(endpoint), "AWS_ENDPOINT_URL") => (key.clone(), endpoint.clone()),
            _ => (key.clone(), value.clone()),
        };
        settings.iter().map(over).collect()
    }

    fn entry(&self) -> Vec<std::ffi::OsString> {
        match self {
            Self::S3 { .. } => Vec::new(),
            Self::Folder(disk) => disk.entry(),
        }
    }

    /// The artifacts, past every line.
    ///
    /// # Errors
    /// Where they cannot be opened.
    pub fn artifacts(&self) -> Result<Artifacts> {
        self.artifacts_over(None)
    }

    fn artifacts_over(&self, line: Option<&Line>) -> Result<Artifacts> {
        match self {
            Self::S3 { location, .. } => Ok(Artifacts::open_with(location, &self.settings(line))?),
            Self::Folder(disk) => Ok(Artifacts::open(&disk.folder().display().to_string())?),
        }
    }
}
