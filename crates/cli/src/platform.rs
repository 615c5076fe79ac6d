//! The whole platform in one process: the broker where none is given, the store, and all services.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use aria_core::series::Definition;
use aria_io::artifacts::Artifacts;
use aria_io::bus::{Bus, BusConfig};
use aria_io::nats_server::{Server, Tools};
use aria_io::runtime::config::{Environment, Given, Intake, Outside, keys};
use aria_io::runtime::telemetry::Metrics;
use aria_io::runtime::{Edges, Limits, Shutdown, WorkError, http, overrun};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::options::Options;

/// Where the platform keeps its state and finds its parts.
#[derive(Args, Clone, Debug)]
pub struct Place {
    /// The folder for the broker's data and the artifacts.
    #[arg(long, default_value = "data")]
    pub data: PathBuf,
    /// A NATS server that runs already, or ARIA_NATS; without it the platform starts its own.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub nats: Option<String>,
    /// Where artifacts lie, or ARIA_STORE: a folder or s3://bucket/prefix; without it a folder beside the broker's.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub store: Option<String>,
}

/// The running platform.
pub struct Platform {
    /// The broker and the store.
    pub edges: Edges,
    server: Option<Server>,
    services: Services,
    shutdown: Shutdown,
    /// How long open requests may take to end when the process is asked to leave.
    drain: Duration,
    /// How much the gateway takes in before senders have to wait.
    intake: Intake,
}

/// The name under which the broker knows the command.
const CLIENT: &str = "aria";
/// The folder into which `make setup` installs the broker.
const TOOLS: &str = ".tools/bin";

impl Place {
    /// The settings of a command: these options over the environment.
    pub fn options(&self) -> Options<Environment> {
        Options::over(Environment).with(keys::NATS, "--nats", self.nats.as_ref()).with(
            keys::STORE,
            "--store",
            self.store.as_ref(),
        )
    }

    /// Connects to a platform that runs.
    ///
    /// # Errors
    /// Where what is told of the broker and the store cannot be meant, none runs here, or it does not answer.
    pub async fn connect(&self) -> anyhow::Result<Edges> {
        let outside = Outside::read(&self.options())?;
        let url = outside.nats.clone().or_else(|| Server::running(&self.data)).with_context(|| {
            format!(
                "no platform runs on {}: start one with `aria up`, or name its broker with --nats",
                self.data.display()
            )
        })?;
        let config = BusConfig { patience: Duration::from_secs(5), ..outside.access.bus(&url, CLIENT) };
        // The stream and the buckets are the platform's to make: whoever only looks must not change their settings.
        let bus = Bus::connect(&config).await?;
        let edges = Edges { bus, artifacts: Artifacts::open_existing(&store(&self.data, &outside))? };
        edges.verify().await?;
        Ok(edges)
    }
}

/// The store's location.
fn store(data: &Path, outside: &Outside) -> String {
    // From `.` on, since a folder's name may look like another kind of location.
    outside.store.clone().unwrap_or_else(|| Path::new(".").join(data).join("store").display().to_string())
}

/// Listens for the HTTP API.
///
/// # Errors
/// Where the address cannot be used.
pub async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: give another one with --http"))
}

impl Platform {
    /// Starts everything that is needed and is not named, and every worker service.
    ///
    /// # Errors
    /// Where the broker or the store cannot be started or used.
    pub async fn start(
        data: &Path,
        given: &Given,
        definitions: &[Definition],
        shutdown: Shutdown,
    ) -> anyhow::Result<Self> {
        let outside = &given.outside;
        let (url, server) = match &outside.nats {
            Some(url) => (url.clone(), None),
            None => {
                let server = Server::start(data, &Tools::from_strings(&Environment, Path::new(TOOLS))).await?;
                (server.url().to_owned(), Some(server))
            }
        };
        let config = outside.access.bus(&url, CLIENT);
        let bus =
            shutdown.cut_short(Bus::connect(&config)).await.context("asked to leave before the broker answered")??;
        bus.ensure().await?;
        let edges = Edges { bus, artifacts: Artifacts::open(&store(data, outside))? };
        edges.join().await?;
        let mut services = JoinSet::new();
        spawn_workers(&mut services, &edges, definitions, given.limits, &shutdown);
        Ok(Self { edges, server, services, shutdown, drain: given.limits.drain, intake: given.intake })
    }

    /// Starts the gateway too.
    ///
    /// # Errors
    /// Where the address is not known.
    pub fn serve_http(
        &mut self,
        listener: TcpListener,
        definitions: Vec<Definition>,
        metrics: Metrics,
    ) -> anyhow::Result<SocketAddr> {
        let address = listener.local_addr()?;
        let gateway = aria_gateway::Gateway::new(self.edges.clone(), definitions, self.intake, self.shutdown.clone());
        let routes = gateway.routes();
        let own = http::routes(self.edges.bus.clone(), metrics, self.shutdown.clone());
        let (shutdown, drain) = (self.shutdown.clone(), self.drain);
        self.services.spawn(async move {
            let served = http::serve(listener, routes.merge(own), shutdown, drain).await;
            ("gateway", served.map_err(anyhow::Error::from))
        });
        Ok(address)
    }

    /// Waits until the platform is asked to leave, or a service or the broker that it started cannot go on.
    ///
    /// # Errors
    /// With what ended though nobody asked.
    pub async fn run(&mut self) -> anyhow::Result<()> {
        let broker = async {
            match &self.server {
                Some(server) => (server.ended().await, server.log()),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.shutdown.requested() => Ok(()),
            overrun = overrun() => Err(anyhow::anyhow!(overrun)),
            (status, log) = broker => {
                anyhow::bail!("the nats-server ended ({status}); its log is {}; start again on the same folder", log.display())
            }
            Some(ended) = self.services.join_next() => {
                let (service, result) = ended.context("a service was stopped")?;
                result.with_context(|| format!("{service} ended"))
            }
        }
    }

    /// Lets every service finish what it does, then stops the broker.
    pub async fn stop(mut self) {
        self.shutdown.request();
        while self.services.join_next().await.is_some() {}
        if let Some(server) = self.server {
            drop(self.edges);
            server.stop().await;
        }
    }
}

type Services = JoinSet<(&'static str, anyhow::Result<()>)>;

fn spawn_workers(
    services: &mut Services,
    edges: &Edges,
    definitions: &[Definition],
    limits: Limits,
    shutdown: &Shutdown,
) {
    let known = definitions.to_vec();
    let mut spawn = Spawn { services, edges, shutdown };
    spawn.worker("ingestion", |e, s| async move { aria_ingestion::run(&e, known, limits, s).await });
    spawn.worker("training", |e, s| async move { aria_training::run(&e, limits, s).await });
    spawn.worker("evaluation", |e, s| async move { aria_evaluation::run(&e, limits, s).await });
    spawn.worker("drift", |e, s| async move { aria_drift::run(&e, limits, s).await });
    spawn.worker("prediction", |e, s| async move { aria_prediction::run(&e, limits, s).await });
}

/// What every worker is started with.
struct Spawn<'a> {
    services: &'a mut Services,
    edges: &'a Edges,
    shutdown: &'a Shutdown,
}

impl Spawn<'_> {
    fn worker<R>(&mut self, name: &'static str, run: impl FnOnce(Edges, Shutdown) -> R)
    where
        R: Future<Output = Result<(), WorkError>> + Send + 'static,
    {
        let work = run(self.edges.clone(), self.shutdown.clone());
        self.services.spawn(async move { (name, work.await.map_err(Into::into)) });
    }
}
