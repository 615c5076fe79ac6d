//! The broker that `aria up` brings along: a nats-server process with its state in the data folder.
//!
//! Started on a free port of this machine only, found again after a restart, stopped with its owner.

mod binary;
mod error;
mod orphan;
mod process;

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tracing::{info, warn};

pub use binary::{Binary, Tools};
pub use error::ServerError;

use process::Process;

/// How long a server may take to recover its state and answer.
const START: Duration = Duration::from_secs(60);
/// How long a server may take to stop by itself.
const STOP: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The largest message. Facts are a few kilobytes; a dead letter holds a message and its headers.
const MAX_PAYLOAD_BYTES: u32 = 1 << 20;
/// How often the server forces its writes to disk. A killed server loses nothing; this is for a power cut.
const SYNC_INTERVAL: &str = "1s";

const PID: &str = "nats-server.pid";
const CONFIG: &str = "nats-server.conf";
const LOG: &str = "nats-server.log";
const LOCK: &str = "lock";
const PORT: &str = "port";
const PORTS: &str = "ports";
const STATE: &str = "state";

/// A running nats-server. Dropping it asks the server to stop; [`Self::stop`] waits for that too.
#[derive(Debug)]
pub struct Server {
    process: Process,
    folder: PathBuf,
    url: String,
    version: String,
    /// Held while the server runs, and let go by the system however this process ends.
    lock: File,
}

impl Server {
    /// Starts a server with its state in `nats` under the data folder, and waits until it answers.
    ///
    /// A server that an earlier, killed process left behind is stopped first.
    ///
    /// # Errors
    /// Where no fitting nats-server is found, another process uses the data folder, or the server does not start.
    pub async fn start(data: &Path, tools: &Tools) -> Result<Self, ServerError> {
        let binary = tools.find().await?;
        let folder = data.join("nats");
        let write = |source| ServerError::Folder { folder: folder.clone(), source };
        for part in [PORTS, STATE] {
            std::fs::create_dir_all(folder.join(part)).map_err(write)?;
        }
        let folder = folder.canonicalize().map_err(write)?;
        let lock = lock(&folder)?;
        orphan::stop(&folder.join(PID), &folder, STOP).await?;
        let process = Process::spawn(&binary.path, &arguments(&folder)?, &folder.join(LOG))?;
        let url = match ready(&process, &folder).await {
            Ok(url) => url,
            Err(error) => {
                process.stop(STOP).await;
                return Err(error);
            }
        };
        info!(url, version = binary.version, pid = process.id(), folder = %folder.display(), "started nats-server");
        Ok(Self { process, folder, url, version: binary.version, lock })
    }

    /// The address of the server that runs on a data folder, whoever started it; none where there is none.
    pub fn running(data: &Path) -> Option<String> {
        let folder = data.join("nats").canonicalize().ok()?;
        orphan::find(&folder.join(PID), &folder)?;
        address(&folder)
    }

    /// The server's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The server's version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The server's log file.
    pub fn log(&self) -> PathBuf {
        self.folder.join(LOG)
    }

    /// Waits until the server ends, by itself or not.
    pub async fn ended(&self) -> ExitStatus {
        self.process.ended().await
    }

    /// Stops the server and waits for it; one that does not stop by itself is killed.
    pub async fn stop(self) {
        let status = self.process.stop(STOP).await;
        let _ = std::fs::remove_file(self.folder.join(PID));
        info!(%status, "stopped nats-server");
    }

    /// Kills the server as a power cut would, and waits until it is gone.
    pub async fn kill(self) {
        self.process.kill().await;
        warn!("killed nats-server");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Closing the file would do, were it not open for a moment in every process that is just being started.
        if let Err(error) = self.lock.unlock() {
            warn!(%error, "the data folder stays locked until this process ends");
        }
    }
}

fn lock(folder: &Path) -> Result<File, ServerError> {
    let path = folder.join(LOCK);
    let fault = |source| ServerError::Folder { folder: folder.to_owned(), source };
    let lock = File::options().create(true).truncate(false).write(true).open(path).map_err(fault)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(ServerError::InUse { folder: folder.to_owned() }),
        Err(std::fs::TryLockError::Error(source)) => Err(fault(source)),
    }
}

/// The server's arguments. Paths stand here and not in its configuration, where they would need quoting.
fn arguments(folder: &Path) -> Result<Vec<String>, ServerError> {
    let fault = |source| ServerError::Folder { folder: folder.to_owned(), source };
    let config = folder.join(CONFIG);
    let text = format!("max_payload: {MAX_PAYLOAD_BYTES}\njetstream {{ sync_interval: \"{SYNC_INTERVAL}\" }}\n");
    std::fs::write(&config, text).map_err(fault)?;
    for stale in ports_files(folder) {
        std::fs::remove_file(stale).map_err(fault)?;
    }
    let path = |name: &str| {
        let path = folder.join(name);
        path.to_str().map(str::to_owned).ok_or(ServerError::NotUtf8 { path })
    };
    let port = free_port(folder);
    Ok([
        ("--config", path(CONFIG)?),
        ("--addr", Ipv4Addr::LOCALHOST.to_string()),
        ("--port", port),
        ("--store_dir", path(STATE)?),
        ("--pid", path(PID)?),
        ("--ports_file_dir", path(PORTS)?),
    ]
    .into_iter()
    .flat_map(|(name, value)| [name.to_owned(), value])
    .collect())
}

/// The port of last time where it is free, so that clients find the server again; any free one otherwise.
fn free_port(folder: &Path) -> String {
    const ANY: &str = "-1";
    let last = std::fs::read_to_string(folder.join(PORT)).ok().and_then(|text| text.trim().parse::<u16>().ok());
    match last {
        Some(port) if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() => port.to_string(),
        _ => ANY.to_owned(),
    }
}

/// Waits until the server has written its address and greets there.
async fn ready(process: &Process, folder: &Path) -> Result<String, ServerError> {
    let deadline = Instant::now() + START;
    loop {
        if let Some(url) = address(folder)
            && greets(&url).await
        {
            let port = url.rsplit(':').next().unwrap_or_default();
            if let Err(error) = std::fs::write(folder.join(PORT), port) {
                warn!(%error, "the server will have another port next time");
            }
            return Ok(url);
        }
        let log = folder.join(LOG);
        if let Ok(status) = timeout(LOOK_AGAIN, process.ended()).await {
            return Err(ServerError::Ended { status, said: last_lines(&log), log });
        }
        if Instant::now() > deadline {
            return Err(ServerError::Silent { waited: START, said: last_lines(&log), log });
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// What the server writes into its ports file.
#[derive(Deserialize)]
struct Ports {
    nats: Vec<String>,
}

fn address(folder: &Path) -> Option<String> {
    let text = ports_files(folder).into_iter().find_map(|file| std::fs::read(file).ok())?;
    serde_json::from_slice::<Ports>(&text).ok()?.nats.into_iter().next()
}

fn ports_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join(PORTS)).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "ports")).collect()
}

/// Whether a server with JetStream says hello at an address.
async fn greets(url: &str) -> bool {
    let Some(address) = url.strip_prefix("nats://") else { return false };
    let hello = async {
        let stream = TcpStream::connect(address).await.ok()?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await.ok()?;
        Some(line)
    };
    matches!(timeout(Duration::from_secs(2), hello).await, Ok(Some(line)) if line.contains("\"jetstream\":true"))
}

/// The end of a log, for an error message.
fn last_lines(log: &Path) -> String {
    const LINES: usize = 5;
    let text = std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n")
}
