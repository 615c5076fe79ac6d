//! A real nats-server with JetStream.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::process::Process;
use crate::{tools, until};

const PATIENCE: Duration = Duration::from_secs(30);
/// nats-server's own word for "any free port".
const ANY_PORT: &str = "-1";

/// A running nats-server with its state in a temporary folder.
#[derive(Debug)]
pub struct Nats {
    binary: PathBuf,
    folder: TempDir,
    process: Process,
    port: u16,
}

impl Nats {
    /// Starts a server on a free port and waits until it answers.
    ///
    /// # Errors
    /// Where there is no nats-server or it does not start.
    pub async fn start() -> Result<Self> {
        let binary = tools::find("nats-server", "ARIA_NATS_SERVER")?;
        let folder = TempDir::with_prefix("aria-nats-").context("cannot make a temporary folder")?;
        let (process, port) = launch(&binary, folder.path(), ANY_PORT)?;
        let nats = Self { binary, folder, process, port };
        nats.answers().await?;
        Ok(nats)
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// A new connection to it.
    ///
    /// # Errors
    /// Where it does not answer.
    pub async fn connect(&self) -> Result<async_nats::Client> {
        async_nats::connect(self.url()).await.with_context(|| format!("cannot connect to {}", self.url()))
    }

    /// Kills it, as a lost machine would. What it had acknowledged is still in its folder.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill().map(drop)
    }

    /// Starts it again after [`Self::kill`], on the same port and with the same state.
    ///
    /// # Errors
    /// Where it does not start, for one because somebody took its port meanwhile.
    pub async fn start_again(&mut self) -> Result<()> {
        let (process, _) = launch(&self.binary, self.folder.path(), &self.port.to_string())?;
        self.process = process;
        self.answers().await
    }

    /// Kills it and starts it again.
    ///
    /// # Errors
    /// As [`Self::kill`] and [`Self::start_again`].
    pub async fn restart(&mut self) -> Result<()> {
        self.kill()?;
        self.start_again().await
    }

    /// Waits until JetStream answers, which is later than the port does.
    async fn answers(&self) -> Result<()> {
        until("JetStream to answer", PATIENCE, async || {
            let jetstream = async_nats::jetstream::new(self.connect().await?);
            jetstream.query_account().await.map(drop).context("JetStream does not answer")
        })
        .await
    }
}

/// Starts the process and reads from its log on which port it listens.
fn launch(binary: &Path, folder: &Path, port: &str) -> Result<(Process, u16)> {
    let mut command = Command::new(binary);
    command.args(["-a", "127.0.0.1", "-p", port, "-js", "-sd"]).arg(folder);
    let process = Process::spawn("nats-server", &mut command)?;
    let listening =
        |line: &str| line.split_once("Listening for client connections on ")?.1.rsplit(':').next()?.parse().ok();
    let port = process.wait_for_line(PATIENCE, listening)?;
    Ok((process, port))
}
