//! The platform as deployed: a broker, a store, and every service as a process of its own, so that the memory of each
//! can be told.

use std::net::SocketAddr;
use std::process::Output;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aria_io::artifacts::Artifacts;
use aria_io::bus::{Bus, BusConfig};
use aria_io::runtime::Edges;
use tempfile::TempDir;

use crate::memory::peak_mib;
use crate::{Nats, Service, aria, free_ports};

const PATIENCE: Duration = Duration::from_secs(90);
const SERVICES: [&str; 6] = ["ingestion", "training", "evaluation", "drift", "prediction", "gateway"];

/// Every service as a process, a broker, and a local store.
#[derive(Debug)]
pub struct Fleet {
    services: Vec<(&'static str, Service)>,
    gateway: SocketAddr,
    nats: Nats,
    folder: TempDir,
}

/// The most memory that a process has held at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peak {
    /// The process.
    pub name: &'static str,
    /// MiB.
    pub mib: u64,
}

impl Fleet {
    /// Starts everything for these definitions and waits until it is ready.
    ///
    /// # Errors
    /// Where something does not start.
    pub async fn start(definitions: impl IntoIterator<Item = String>) -> Result<Self> {
        let folder = TempDir::with_prefix("aria-fleet-").context("cannot make a temporary folder")?;
        let series = folder.path().join("series");
        std::fs::create_dir(&series)?;
        for (number, definition) in definitions.into_iter().enumerate() {
            std::fs::write(series.join(format!("{number}.toml")), definition)?;
        }
        let nats = Nats::start().await?;
        let env = [
            ("ARIA_NATS", nats.url()),
            ("ARIA_STORE", folder.path().join("store").display().to_string()),
            ("ARIA_SERIES", series.display().to_string()),
            ("ARIA_LOG", "error".to_owned()),
        ];
        let mut services = Vec::new();
        let mut gateway = SocketAddr::from(([127, 0, 0, 1], 0));
        // One after the other: the first one makes the streams and marks the store.
        for name in SERVICES {
            let (service, address) = launch(name, &env).await?;
            services.push((name, service));
            gateway = address;
        }
        Ok(Self { services, gateway, nats, folder })
    }

    /// An address of its HTTP API.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.gateway)
    }

    /// Its broker and its store.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn edges(&self) -> Result<Edges> {
        let bus = Bus::connect(&BusConfig::new(&self.nats.url(), "test")).await?;
        let store = self.folder.path().join("store");
        Ok(Edges { bus, artifacts: Artifacts::open(store.to_str().context("the folder's name is no text")?)? })
    }

    /// Runs `aria` beside it, to its end.
    ///
    /// # Errors
    /// Where it cannot be run.
    pub async fn run(&self, args: &[&str]) -> Result<Output> {
        let mut command = aria()?;
        command.args(args).current_dir(self.folder.path());
        command.env("ARIA_NATS", self.nats.url()).env("ARIA_STORE", self.folder.path().join("store"));
        tokio::task::spawn_blocking(move || command.output()).await?.context("aria does not run")
    }

    /// Runs `aria` beside it to a good end; gives what it printed.
    ///
    /// # Errors
    /// Where it fails.
    pub async fn done(&self, args: &[&str]) -> Result<String> {
        let output = self.run(args).await?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (told, warned) = (text(&output.stdout), text(&output.stderr));
        ensure!(output.status.success(), "{args:?} ended with {}: {told}{warned}", output.status);
        Ok(told)
    }

    /// Kills a service where it stands.
    ///
    /// # Errors
    /// Where there is none of this name.
    pub fn kill(&mut self, name: &str) -> Result<()> {
        let found = self.services.iter_mut().find(|(service, _)| *service == name);
        found.with_context(|| format!("there is no {name}"))?.1.process.kill().map(drop)
    }

    /// Its folder.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The most memory that each of its processes has held at once. All of them run: who ended has none.
    ///
    /// # Errors
    /// Where one of them has ended.
    pub fn peaks(&self) -> Result<Vec<Peak>> {
        let services = self.services.iter().map(|(name, service)| (*name, service.process.id()));
        let all = services.chain([("nats-server", self.nats.id())]);
        all.map(|(name, id)| Ok(Peak { name, mib: peak_mib(id).with_context(|| format!("{name} has ended"))? }))
            .collect()
    }
}

/// Starts a service on a free port, and again where somebody took the port meanwhile.
async fn launch(name: &str, env: &[(&'static str, String)]) -> Result<(Service, SocketAddr)> {
    for _ in 0..5 {
        let [port] = free_ports::<1>()?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let all = env.iter().cloned().chain([("ARIA_HTTP", address.to_string())]);
        let mut service = Service::spawn(&["serve", name], all)?;
        // Somebody else may answer there.
        let ready = service.ready(address, PATIENCE).await;
        if service.process.ended()?.is_none() {
            return ready.map(|()| (service, address));
        }
    }
    anyhow::bail!("{name} does not find a free port")
}
