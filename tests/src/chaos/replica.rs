//! A replica of a service: a process that is started again whenever it has ended, as a container engine would.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::clock::Clock;
use super::fault::Service;
use super::line::Line;

/// How soon one that ended by itself is started again.
const AT_ONCE: Duration = Duration::from_millis(100);

/// A supervised replica. Dropping it kills it for good.
#[derive(Debug)]
pub struct Replica {
    /// Which service it is of.
    pub service: Service,
    /// Which of its replicas it is, from 1.
    pub number: u8,
    /// Its line to the broker.
    pub broker: Line,
    /// Its line to the S3 server, where artifacts lie in one.
    pub store: Option<Line>,
    /// Its own clock, where it has one.
    pub clock: Option<Clock>,
    /// Held by the fault that it suffers, so that two of them do not get in each other's way.
    pub suffering: Mutex<()>,
    state: Arc<State>,
    supervising: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    /// 0 while it is down.
    pid: AtomicU32,
    pause_ms: AtomicU64,
    killed: AtomicBool,
    starts: AtomicU64,
    ended_by_itself: AtomicU64,
}

/// How a replica is started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program of the platform.
    pub program: PathBuf,
    /// What stands before it, to enter a disk.
    pub entry: Vec<OsString>,
    /// Its settings.
    pub env: Vec<(String, String)>,
    /// Where everything that it writes is kept, over all its lives.
    pub log: PathBuf,
}

impl Replica {
    /// Starts a replica.
    ///
    /// # Errors
    /// Where its log cannot be made.
    pub fn start(
        (service, number): (Service, u8),
        (broker, store): (Line, Option<Line>),
        clock: Option<Clock>,
        launch: Launch,
    ) -> Result<Self> {
        let state = Arc::new(State::default());
        let log = open(&launch.log)?;
        let supervising = tokio::spawn(supervise(service, launch, log, Arc::clone(&state)));
        Ok(Self { service, number, broker, store, clock, suffering: Mutex::default(), state, supervising })
    }

    /// Its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        Some(self.state.pid.load(Ordering::SeqCst)).filter(|pid| *pid > 0)
    }

    /// How often it was started.
    pub fn starts(&self) -> u64 {
        self.state.starts.load(Ordering::SeqCst)
    }

    /// How often it ended though nobody killed it.
    pub fn ended_by_itself(&self) -> u64 {
        self.state.ended_by_itself.load(Ordering::SeqCst)
    }

    /// Kills it where it stands; it is started again after this long. Tells whether it was there to be killed.
    ///
    /// # Errors
    /// Where the system refuses.
    pub async fn kill(&self, pause: Duration) -> Result<bool> {
        let Some(pid) = self.pid() else { return Ok(false) };
        self.state.pause_ms.store(u64::try_from(pause.as_millis()).unwrap_or(0), Ordering::SeqCst);
        self.state.killed.store(true, Ordering::SeqCst);
        signal("KILL", pid).await
    }

    /// Lets it stand still for a while. Tells whether it was there to be stopped.
    ///
    /// # Errors
    /// Where the system refuses.
    pub async fn freeze(&self, lasting: Duration) -> Result<bool> {
        let Some(pid) = self.pid() else { return Ok(false) };
        let stopped = signal("STOP", pid).await?;
        tokio::time::sleep(lasting).await;
        signal("CONT", pid).await?;
        Ok(stopped)
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // The child goes with the task.
        self.supervising.abort();
    }
}

/// Sends a signal; false where the process was gone.
async fn signal(name: &str, pid: u32) -> Result<bool> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("kill -{name} {pid}")]).stdin(Stdio::null()).stderr(Stdio::null());
    let status = command.status().await.context("cannot start /bin/sh")?;
    ensure!(status.success() || !Path::new(&format!("/proc/{pid}")).exists(), "cannot send {name} to {pid}");
    Ok(status.success())
}

fn open(log: &Path) -> Result<File> {
    OpenOptions::new().create(true).append(true).open(log).with_context(|| format!("cannot make {}", log.display()))
}

async fn supervise(service: Service, launch: Launch, log: File, state: Arc<State>) {
    loop {
        let Ok(mut child) = spawn(service, &launch, &log) else {
            tokio::time::sleep(AT_ONCE).await;
            continue;
        };
        state.starts.fetch_add(1, Ordering::SeqCst);
        state.pid.store(child.id().unwrap_or(0), Ordering::SeqCst);
        // However it ended, it is started again.
        let _ = child.wait().await;
        state.pid.store(0, Ordering::SeqCst);
        let pause = if state.killed.swap(false, Ordering::SeqCst) {
            Duration::from_millis(state.pause_ms.load(Ordering::SeqCst))
        } else {
            state.ended_by_itself.fetch_add(1, Ordering::SeqCst);
            AT_ONCE
        };
        tokio::time::sleep(pause).await;
    }
}

fn spawn(service: Service, launch: &Launch, log: &File) -> Result<Child> {
    let mut words: Vec<OsString> = launch.entry.clone();
    words.extend([launch.program.clone().into_os_string(), "serve".into(), service.name().into()]);
    let (program, args) = words.split_first().context("no program")?;
    let mut command = Command::new(program);
    for (key, _) in std::env::vars_os() {
        if key.to_str().is_some_and(|key| key.starts_with("ARIA_") || key.starts_with("AWS_")) {
            command.env_remove(key);
        }
    }
    command.args(args).envs(launch.env.iter().map(|(key, value)| (key, value)));
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?).kill_on_drop(true);
    Ok(command.spawn()?)
}
