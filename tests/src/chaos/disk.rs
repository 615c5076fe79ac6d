//! A small disk of its own for a store in a folder, so that it can really be full.
//!
//! It is a tmpfs of a few megabytes in the user and mount namespace that the harness runs in, which needs no privilege
//! and takes the mount along when it ends. Where the machine allows no such namespace, processes are kept from writing
//! files instead (RLIMIT_FSIZE), and the report says so.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Set where the process runs in a namespace of its own.
const NAMESPACE: &str = "CHAOS_NAMESPACE";
/// Room for a whole run, which takes about six megabytes.
const SIZE: &str = "size=48m";
const BALLAST: &str = "ballast";
/// Bytes of the ballast that are written at once.
const BLOCK: usize = 64 << 10;

/// A disk that can be full.
#[derive(Debug)]
pub enum Disk {
    /// A disk of its own, mounted on this folder.
    Own(Mount),
    /// A folder of the machine's disk.
    Shared {
        /// The folder.
        folder: PathBuf,
        /// Why there is no disk of its own.
        why: String,
    },
}

/// A mounted disk. Dropping it takes it away.
#[derive(Debug)]
pub struct Mount(PathBuf);

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily, for a killed process may not be gone yet. The namespace would take it along in any case.
        std::process::Command::new("umount").arg("-l").arg(&self.0).stderr(Stdio::null()).status().ok();
    }
}

/// What `unshare` is asked for, the best first: with a process namespace, whatever was started ends with the program,
/// however that ends.
const NAMESPACES: [&[&str]; 2] = [
    &["--map-root-user", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"],
    &["--map-root-user", "--mount"],
];

/// The command that runs a program again in a user and mount namespace of its own; none where it runs in one, or the
/// machine allows none.
pub fn in_a_namespace(program: &Path) -> Option<std::process::Command> {
    let unshare = |namespaces: &[&str]| {
        let mut command = std::process::Command::new("unshare");
        command.args(namespaces);
        command
    };
    let is_allowed = |namespaces: &&&[&str]| {
        unshare(namespaces).arg("true").stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    if std::env::var_os(NAMESPACE).is_some() {
        return None;
    }
    let mut command = unshare(NAMESPACES.iter().find(is_allowed)?);
    command.arg(program).env(NAMESPACE, "1");
    Some(command)
}

impl Disk {
    /// A disk mounted on an empty folder.
    ///
    /// # Errors
    /// Where the folder cannot be used.
    pub async fn on(mount: &Path) -> Result<Self> {
        std::fs::create_dir_all(mount).with_context(|| format!("cannot make {}", mount.display()))?;
        match own(mount).await {
            Ok(own) => Ok(own),
            Err(error) => Ok(Self::Shared { folder: mount.to_owned(), why: format!("{error:#}") }),
        }
    }

    /// What stands before a command that is to learn that the disk is full.
    pub fn entry(&self) -> Vec<OsString> {
        match self {
            Self::Own(_) => Vec::new(),
            // A process over its limit is told so instead of being killed.
            Self::Shared { .. } => ["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"].map(OsString::from).to_vec(),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Own(Mount(folder)) | Self::Shared { folder, .. } => folder,
        }
    }

    /// Leaves no room, for these processes where the disk is not its own.
    ///
    /// # Errors
    /// Where it cannot be filled.
    pub async fn fill(&self, pids: &[u32]) -> Result<()> {
        match self {
            Self::Own(_) => fill(&self.folder().join(BALLAST)).await,
            Self::Shared { .. } => limit(pids, "1:unlimited").await,
        }
    }

    /// Makes room again.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub async fn empty(&self, pids: &[u32]) -> Result<()> {
        match self {
            Self::Own(_) => tokio::fs::remove_file(self.folder().join(BALLAST)).await.context("cannot make room"),
            Self::Shared { .. } => limit(pids, "unlimited:unlimited").await,
        }
    }

    /// How it gets full, for the report.
    pub fn means(&self) -> String {
        match self {
            Self::Own(_) => "a full tmpfs".to_owned(),
            Self::Shared { why, .. } => format!("RLIMIT_FSIZE, for there is no tmpfs: {why}"),
        }
    }
}

async fn own(mount: &Path) -> Result<Disk> {
    ensure!(std::env::var_os(NAMESPACE).is_some(), "the harness runs in no namespace of its own");
    let mut command = Command::new("mount");
    command.args(["-t", "tmpfs", "-o", SIZE, "aria"]).arg(mount);
    let output = command.output().await.context("cannot start mount")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(Disk::Own(Mount(mount.to_owned())))
}

/// Writes until nothing more fits.
async fn fill(ballast: &Path) -> Result<()> {
    let mut file = tokio::fs::File::create(ballast).await.context("cannot begin the ballast")?;
    for block in [BLOCK, 4 << 10, 1] {
        let bytes = vec![b'x'; block];
        loop {
            let written = async {
                file.write_all(&bytes).await?;
                file.flush().await
            };
            match written.await {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => break,
                Err(error) => return Err(error).context("cannot fill the disk"),
            }
        }
    }
    Ok(())
}

async fn limit(pids: &[u32], limit: &str) -> Result<()> {
    for pid in pids {
        let mut command = Command::new("prlimit");
        command.args(["--pid", &pid.to_string(), &format!("--fsize={limit}")]).stderr(Stdio::null());
        let status = command.status().await.context("cannot start prlimit")?;
        // One that has just ended has no limits.
        ensure!(status.success() || !Path::new(&format!("/proc/{pid}")).exists(), "prlimit refuses");
    }
    Ok(())
}
