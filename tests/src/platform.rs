//! The whole platform as an operator starts it: `aria up` on a folder of its own, and `aria`'s other commands beside
//! it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aria_core::event::Event;
use aria_core::summary::Tally;
use aria_io::artifacts::Artifacts;
use aria_io::bus::{Bus, BusConfig, Filter, Recorded, Start};
use aria_io::nats_server::Server;
use aria_io::runtime::Edges;
use tempfile::TempDir;

use crate::process::Process;
use crate::{Pace, Service, aria, clone_root, nats_server, wave};

const PATIENCE: Duration = Duration::from_secs(60);
/// Where the platform keeps its state, as seen from its folder: the place that every command looks at by itself.
const DATA: &str = "data";
/// Where the definitions of its series lie, as seen from its folder.
const SERIES: &str = "series";

/// A running `aria up` with its own broker and a local store, all in a temporary folder.
#[derive(Debug)]
pub struct Platform {
    // The process goes before its folder.
    up: Service,
    http: SocketAddr,
    folder: TempDir,
    settings: Settings,
}

/// Settings of a platform beyond those that every test has.
type Settings = Vec<(&'static str, &'static str)>;

impl Platform {
    /// The simulated series.
    pub const SERIES: &str = "simulated.ci_direct";

    /// The definition of the simulated series with the shortest history before a first model is tried.
    ///
    /// # Errors
    /// Where the shipped definition cannot be read.
    pub fn definition() -> Result<String> {
        let shipped = clone_root().join("deploy/series").join(format!("{}.toml", Self::SERIES));
        let shipped = std::fs::read_to_string(shipped).context("cannot read the shipped definition")?;
        Ok(format!("{shipped}\n[forecast]\nhistory_days = 43\nholdout_days = 7\n"))
    }

    /// Starts a platform for the simulated series and waits until it answers.
    ///
    /// # Errors
    /// Where it does not start.
    pub async fn start() -> Result<Self> {
        Self::start_with(&Self::definition()?).await
    }

    /// Starts a platform for one series with this definition.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(definition: &str) -> Result<Self> {
        Self::start_told(definition, &[]).await
    }

    /// Starts a platform for one series with this definition and further settings.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_told(definition: &str, settings: &[(&'static str, &'static str)]) -> Result<Self> {
        let folder = TempDir::with_prefix("aria-up-").context("cannot make a temporary folder")?;
        std::fs::create_dir(folder.path().join(SERIES))?;
        std::fs::write(folder.path().join(SERIES).join("series.toml"), definition)?;
        let settings = settings.to_vec();
        let (up, http) = launch(folder.path(), &settings).await?;
        Ok(Self { up, http, folder, settings })
    }

    /// Starts it again on its folder, after it was stopped or killed.
    ///
    /// # Errors
    /// Where it does not start.
    pub async fn start_again(&mut self) -> Result<()> {
        (self.up, self.http) = launch(self.folder.path(), &self.settings).await?;
        Ok(())
    }

    /// Asks it to leave, as an operator does, and waits until it has.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        self.up.process.terminate(PATIENCE).await
    }

    /// Kills `aria up` where it stands. Its broker is a process of its own and goes on.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.up.process.kill()
    }

    /// Its folder, in which commands run.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join(DATA)
    }

    /// The process id of its broker, as the broker wrote it down.
    ///
    /// # Errors
    /// Where it has none.
    pub fn broker_pid(&self) -> Result<u32> {
        let file = self.data().join("nats/nats-server.pid");
        let text = std::fs::read_to_string(file).context("the broker has written no process id")?;
        text.trim().parse().context("the broker's process id is no number")
    }

    /// Kills its broker where it stands.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn kill_broker(&self) -> Result<()> {
        let killed = Command::new("/bin/sh").args(["-c", &format!("kill -KILL {}", self.broker_pid()?)]).status();
        ensure!(killed.context("cannot start /bin/sh")?.success(), "cannot kill the broker");
        Ok(())
    }

    /// Where its HTTP API listens.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// An address of its HTTP API.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    /// Runs `aria` beside it, to its end.
    ///
    /// # Errors
    /// Where it cannot be run.
    pub async fn run(&self, args: &[&str]) -> Result<Output> {
        let mut command = aria()?;
        command.args(args).current_dir(self.folder.path());
        tokio::task::spawn_blocking(move || command.output()).await?.context("aria does not run")
    }

    /// Runs `aria` beside it to a good end; gives what it printed.
    ///
    /// # Errors
    /// Where it fails.
    pub async fn done(&self, args: &[&str]) -> Result<String> {
        let output = self.run(args).await?;
        let (told, warned) = (text(&output.stdout), text(&output.stderr));
        ensure!(output.status.success(), "{args:?} ended with {}: {told}{warned}", output.status);
        Ok(told)
    }

    /// Runs `aria` beside it where it must fail with exit code 1; gives what it said of that.
    ///
    /// # Errors
    /// Where it ends in any other way.
    pub async fn refused(&self, args: &[&str]) -> Result<String> {
        let output = self.run(args).await?;
        let (told, warned) = (text(&output.stdout), text(&output.stderr));
        ensure!(output.status.code() == Some(1), "{args:?} ended with {}: {told}{warned}", output.status);
        Ok(warned)
    }

    /// Starts `aria` beside it without waiting for its end.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn spawn(&self, args: &[&str]) -> Result<Process> {
        let mut command = aria()?;
        command.args(args).current_dir(self.folder()).envs(self.settings.iter().copied());
        Process::spawn(&format!("aria-{}", args.first().unwrap_or(&"")), &mut command)
    }

    /// Starts another `aria up` on its folder.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn spawn_up(&self) -> Result<Process> {
        up(self.folder(), &self.settings)
    }

    /// Writes a history from `from` to `to` into a file of its folder.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, file: &str, from: &str, to: &str, pace: Pace) -> Result<()> {
        std::fs::write(self.folder().join(file), wave(from, to, pace)?).with_context(|| format!("cannot write {file}"))
    }

    /// Hands a history in as one batch and waits for its end.
    ///
    /// # Errors
    /// Where it is not taken in.
    pub async fn ingest(&self, from: &str, to: &str, pace: Pace) -> Result<String> {
        let file = format!("{from}.csv");
        self.write(&file, from, to, pace)?;
        self.done(&["ingest", "--series", Self::SERIES, &file]).await
    }

    /// Its broker and its store.
    ///
    /// # Errors
    /// Where its broker does not run.
    pub async fn edges(&self) -> Result<Edges> {
        let url = Server::running(&self.data()).context("no broker runs on the data folder")?;
        let bus = Bus::connect(&BusConfig::new(&url, "test")).await?;
        let store = self.data().join("store");
        Ok(Edges { bus, artifacts: Artifacts::open(store.to_str().context("the folder's name is no text")?)? })
    }

    /// The first event in its log, of those there and those to come, that is `wanted`.
    ///
    /// # Errors
    /// Where none comes in time.
    pub async fn event(&self, what: &str, wanted: impl Fn(&Event) -> bool) -> Result<Recorded> {
        let mut events = self.edges().await?.bus.events(&Filter::all(), Start::First).await?;
        let waiting = async {
            loop {
                let recorded = events.next_readable().await.context("the event log ended")??;
                if wanted(&recorded.event) {
                    return Ok(recorded);
                }
            }
        };
        let late = || format!("waited {} s for {what}:\n{}", PATIENCE.as_secs(), self.up.process.output());
        tokio::time::timeout(PATIENCE, waiting).await.with_context(late)?
    }

    /// The events that its log holds.
    ///
    /// # Errors
    /// Where its broker does not answer.
    pub async fn events(&self) -> Result<Vec<Recorded>> {
        let mut events = self.edges().await?.bus.recorded_events(&Filter::all(), Start::First).await?;
        let mut recorded = Vec::new();
        while let Some(next) = events.next_readable().await {
            recorded.push(next?);
        }
        Ok(recorded)
    }

    /// What became of everything that it received.
    ///
    /// # Errors
    /// Where its broker does not answer.
    pub async fn tally(&self) -> Result<Tally> {
        let mut tally = Tally::default();
        self.events().await?.iter().for_each(|recorded| tally.note(&recorded.event));
        Ok(tally)
    }
}

/// Starts `aria up` in a folder and reads from what it prints where its HTTP API is.
async fn launch(folder: &Path, settings: &Settings) -> Result<(Service, SocketAddr)> {
    let mut up = Service { process: up(folder, settings)? };
    let address = |line: &str| line.strip_prefix("HTTP API on http://")?.split(';').next()?.parse().ok();
    let http = up.process.wait_for_line(PATIENCE, address)?;
    up.ready(http, PATIENCE).await?;
    Ok((up, http))
}

fn up(folder: &Path, settings: &Settings) -> Result<Process> {
    let mut command = aria()?;
    command.args(["up", "--http", "127.0.0.1:0"]).current_dir(folder);
    command.env("ARIA_NATS_SERVER", nats_server()?).env("ARIA_SERIES", SERIES);
    // After a kill, nobody wants to wait for what was in hand as long as an operator would.
    command.env("ARIA_ACK_WAIT_SECONDS", "2");
    command.envs(settings.iter().copied());
    Process::spawn("aria-up", &mut command)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
