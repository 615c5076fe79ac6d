//! Servers that a killed process left behind.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::warn;

use super::ServerError;
use super::process::{Signal, send};

const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The process that a pid file names, if it runs and is a server on this folder: the id may be another program's by
/// now.
pub(super) fn find(pid_file: &Path, folder: &Path) -> Option<u32> {
    let pid: u32 = std::fs::read_to_string(pid_file).ok()?.trim().parse().ok()?;
    let command = command_line(pid)?;
    (command.contains("nats-server") && command.contains(&folder.display().to_string())).then_some(pid)
}

/// Stops the server that an earlier process left behind on this folder, and forgets one that is gone.
pub(super) async fn stop(pid_file: &Path, folder: &Path, patience: Duration) -> Result<(), ServerError> {
    if let Some(pid) = find(pid_file, folder) {
        warn!(pid, "stopping the nats-server of an earlier run");
        send(pid, Signal::Terminate);
        if !gone(pid_file, folder, patience).await {
            send(pid, Signal::Kill);
            if !gone(pid_file, folder, patience).await {
                return Err(ServerError::Orphan { pid });
            }
        }
    }
    match std::fs::remove_file(pid_file) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(ServerError::Folder { folder: folder.to_owned(), source }),
    }
}

async fn gone(pid_file: &Path, folder: &Path, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while find(pid_file, folder).is_some() {
        if Instant::now() > deadline {
            return false;
        }
        sleep(LOOK_AGAIN).await;
    }
    true
}

/// What a process was started with; none where it does not run.
fn command_line(pid: u32) -> Option<String> {
    if cfg!(target_os = "linux") {
        let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        return Some(String::from_utf8_lossy(&bytes).replace('\0', " "));
    }
    let output = Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pid_that_is_another_program_s_by_now_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join("nats-server.pid");
        // This very test is no nats-server.
        std::fs::write(&pid_file, std::process::id().to_string()).unwrap();
        assert_eq!(find(&pid_file, folder.path()), None);
        stop(&pid_file, folder.path(), Duration::ZERO).await.unwrap();
        assert!(!pid_file.exists());
    }

    #[tokio::test]
    async fn without_a_pid_file_there_is_nothing_to_stop() {
        let folder = tempfile::tempdir().unwrap();
        stop(&folder.path().join("nats-server.pid"), folder.path(), Duration::ZERO).await.unwrap();
    }
}
