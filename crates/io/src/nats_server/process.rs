//! One child process: started, watched, stopped.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tracing::warn;

use super::ServerError;

/// A child process and the thread that waits for it.
///
/// The thread starts the child too: where the system can end a child with its parent, it does so when the very thread
/// that started it ends, and a thread of the async runtime may end early.
#[derive(Debug)]
pub(super) struct Process {
    id: u32,
    ended: watch::Receiver<Option<ExitStatus>>,
}

/// A signal that ends a process.
#[derive(Clone, Copy, Debug)]
pub(super) enum Signal {
    Terminate,
    Kill,
}

impl Process {
    /// Starts a program whose output goes to the end of a log file.
    pub(super) fn spawn(program: &Path, arguments: &[String], log: &Path) -> Result<Self, ServerError> {
        let fault = |source| ServerError::Start { path: program.to_owned(), source };
        let output = File::options().create(true).append(true).open(log).map_err(fault)?;
        let mut command = command(program, arguments);
        command.stdin(Stdio::null()).stdout(output.try_clone().map_err(fault)?).stderr(output);
        let (started, start) = std::sync::mpsc::sync_channel(1);
        let (tell, ended) = watch::channel(None);
        let keeper = move || match command.spawn() {
            Ok(child) => {
                let _ = started.send(Ok(child.id()));
                tell.send_replace(Some(wait(child)));
            }
            Err(error) => {
                let _ = started.send(Err(error));
            }
        };
        thread::Builder::new().name("nats-server".to_owned()).spawn(keeper).map_err(fault)?;
        let lost = |_| std::io::Error::other("the thread that starts it ended");
        let id = start.recv().map_err(lost).flatten().map_err(fault)?;
        Ok(Self { id, ended })
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Waits for the end of the process.
    pub(super) async fn ended(&self) -> ExitStatus {
        let mut ended = self.ended.clone();
        loop {
            if let Some(status) = *ended.borrow_and_update() {
                return status;
            }
            if ended.changed().await.is_err() {
                // The thread tells the end before it ends itself; without it nothing is known.
                return ExitStatus::default();
            }
        }
    }

    /// Asks the process to end and waits for it; kills it when it takes too long.
    pub(super) async fn stop(&self, patience: Duration) -> ExitStatus {
        self.signal(Signal::Terminate);
        match timeout(patience, self.ended()).await {
            Ok(status) => status,
            Err(_) => {
                warn!(pid = self.id, ?patience, "the process does not stop by itself");
                self.kill().await
            }
        }
    }

    /// Kills the process and waits for its end.
    pub(super) async fn kill(&self) -> ExitStatus {
        self.signal(Signal::Kill);
        self.ended().await
    }

    fn signal(&self, signal: Signal) {
        // Once its end is known, the id may be another process's.
        if self.ended.borrow().is_none() {
            send(self.id, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::Terminate);
    }
}

/// Sends a signal to a process. The system call would need `unsafe`; every shell can do it.
pub(super) fn send(id: u32, signal: Signal) {
    let name = match signal {
        Signal::Terminate => "TERM",
        Signal::Kill => "KILL",
    };
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", r#"kill -s "$0" "$1""#, name, &id.to_string()]);
    match shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(status) if status.success() => {}
        Ok(_) => tracing::debug!(pid = id, name, "the process is gone already"),
        Err(error) => warn!(pid = id, name, %error, "cannot send a signal"),
    }
}

fn wait(mut child: Child) -> ExitStatus {
    child.wait().unwrap_or_else(|error| {
        warn!(%error, "cannot wait for the process");
        ExitStatus::default()
    })
}

/// The command; on Linux through `setpriv`, where there is one, so that the child ends when this process is killed.
fn command(program: &Path, arguments: &[String]) -> Command {
    let mut command = match setpriv() {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "TERM", "--"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.args(arguments);
    command
}

/// The `setpriv` of util-linux; BusyBox's does not know the option.
fn setpriv() -> Option<PathBuf> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let folders: OsString = std::env::var_os("PATH")?;
    let mut files = std::env::split_paths(&folders).map(|folder| folder.join("setpriv"));
    files.find(|file| {
        let mut trial = Command::new(file);
        trial.args(["--pdeathsig", "TERM", "--", "true"]).stdin(Stdio::null()).stdout(Stdio::null());
        trial.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    })
}
