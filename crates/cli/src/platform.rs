//! The whole platform in one process: the broker where none is given, the store, and all services.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use aria_core::series::Definition;
use aria_io::artifacts::Artifacts;
use aria_io::bus::{Bus, BusConfig};
use aria_io::nats_server::{Server, Tools};
use aria_io::runtime::config::{self, Environment};
use aria_io::runtime::telemetry::Metrics;
use aria_io::runtime::{Edges, Limits, Shutdown, WorkError, http};
use clap::Args;
use tokio::task::JoinSet;

/// Where the platform keeps its state and finds its parts.
#[derive(Args, Clone, Debug)]
pub struct Place {
    /// The folder for the broker's data and the artifacts.
    #[arg(long, default_value = "data")]
    pub data: PathBuf,
    /// A NATS server that runs already; without it the platform starts its own.
    #[arg(long, env = "ARIA_NATS")]
    pub nats: Option<String>,
    /// Where artifacts lie: a folder or s3://bucket/prefix; without it a folder beside the broker's data.
    #[arg(long, env = "ARIA_STORE")]
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
}

/// The folder into which `make setup` installs the broker.
const TOOLS: &str = ".tools/bin";

impl Place {
    /// The store's location.
    pub fn store(&self) -> String {
        self.store.clone().unwrap_or_else(|| self.data.join("store").display().to_string())
    }

    /// Connects to a platform that runs.
    ///
    /// # Errors
    /// Where none runs here, or it does not answer.
    pub async fn connect(&self) -> anyhow::Result<Edges> {
        let url = self.nats.clone().or_else(|| Server::running(&self.data)).with_context(|| {
            format!(
                "no platform runs on {}: start one with `aria up`, or name its broker with --nats",
                self.data.display()
            )
        })?;
        let config = BusConfig { patience: Duration::from_secs(5), ..BusConfig::new(url.trim(), "aria") };
        // The stream and the buckets are the platform's to make: whoever only looks must not change their settings.
        let bus = Bus::connect(&config).await?;
        Ok(Edges { bus, artifacts: Artifacts::open(&self.store())? })
    }
}

impl Platform {
    /// Starts everything that is needed and every worker service; how hard they try is told by the environment, as to a
    /// service of its own.
    ///
    /// # Errors
    /// Where these settings cannot be used, or the broker or the store cannot be started or used.
    pub async fn start(place: &Place, definitions: Vec<Definition>, shutdown: Shutdown) -> anyhow::Result<Self> {
        let limits = config::limits(&Environment)?;
        std::fs::create_dir_all(&place.data).with_context(|| format!("cannot make {}", place.data.display()))?;
        let server = match &place.nats {
            Some(_) => None,
            None => Some(Server::start(&place.data, &Tools::from_strings(&Environment, Path::new(TOOLS))).await?),
        };
        let url = match (&place.nats, &server) {
            (Some(url), _) => url.clone(),
            (None, Some(server)) => server.url().to_owned(),
            (None, None) => anyhow::bail!("there is no broker"),
        };
        let bus = Bus::connect(&BusConfig::new(&url, "aria")).await?;
        bus.ensure().await?;
        let edges = Edges { bus, artifacts: Artifacts::open(&place.store())? };
        edges.artifacts.check().await.context("the store cannot be used")?;
        let mut services = JoinSet::new();
        spawn_workers(&mut services, &edges, &definitions, limits, &shutdown);
        Ok(Self { edges, server, services, shutdown, drain: limits.drain })
    }

    /// Starts the gateway too.
    ///
    /// # Errors
    /// Where the address cannot be used.
    pub async fn serve_http(
        &mut self,
        address: SocketAddr,
        definitions: Vec<Definition>,
        metrics: Metrics,
    ) -> anyhow::Result<SocketAddr> {
        let listener = tokio::net::TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}: give another one with --http"))?;
        let address = listener.local_addr()?;
        let routes = aria_gateway::Gateway::new(self.edges.clone(), definitions, self.shutdown.clone()).routes();
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
