//! The real `aria`, as an operator or a container runs it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::process::Process;
use crate::until;

/// A command that runs the built `aria` with nothing of this machine's own settings in its environment.
///
/// # Errors
/// Where it is not built. `make test` builds it first; `cargo test -p aria-tests` alone does not.
pub fn aria() -> Result<Command> {
    let mut command = Command::new(binary()?);
    for (key, _) in std::env::vars_os() {
        if key.to_str().is_some_and(|key| key.starts_with("ARIA_") || key.starts_with("AWS_")) {
            command.env_remove(key);
        }
    }
    Ok(command)
}

/// Names another build of `aria` to be put under the tests.
const VARIABLE: &str = "ARIA_BINARY";

/// The binary under test: the one that `ARIA_BINARY` names, else that of the same build, which cargo puts one folder
/// above the test executables and beside the other programs.
///
/// # Errors
/// Where it is not built.
pub fn binary() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os(VARIABLE) {
        let aria = PathBuf::from(named);
        ensure!(aria.is_file(), "{VARIABLE} names {}, which is no file", aria.display());
        return Ok(aria);
    }
    let test = std::env::current_exe().context("this test does not know its own file")?;
    let beside = test.parent().context("this test's file lies in no target folder")?;
    let folder = if beside.ends_with("deps") { beside.parent().unwrap_or(beside) } else { beside };
    let aria = folder.join("aria");
    ensure!(
        aria.is_file(),
        "there is no {}: build it with `cargo build --locked --workspace --bin aria`",
        aria.display()
    );
    Ok(aria)
}

/// A running `aria`. Dropping it kills it; a failed test shows what it wrote.
#[derive(Debug)]
pub struct Service {
    /// The process.
    pub process: Process,
}

impl Service {
    /// Starts `aria` with these arguments and this environment added.
    ///
    /// # Errors
    /// Where it is not built or cannot be started.
    pub fn spawn<K, V>(args: &[&str], env: impl IntoIterator<Item = (K, V)>) -> Result<Self>
    where
        K: AsRef<std::ffi::OsStr>,
        V: AsRef<std::ffi::OsStr>,
    {
        let name = format!("aria-{}", args.iter().take(2).copied().collect::<Vec<_>>().join("-"));
        let process = Process::spawn(&name, aria()?.args(args).envs(env))?;
        Ok(Self { process })
    }

    /// Waits until it says on this address that it is ready for work.
    ///
    /// # Errors
    /// Where it is not, after `patience`, or has ended.
    pub async fn ready(&mut self, http: SocketAddr, patience: Duration) -> Result<()> {
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::new();
        let address = format!("http://{http}/readyz");
        let answered = until("the service to be ready", patience, || {
            let (ended, asked) = (self.process.ended(), client.get(&address).send());
            async {
                if let Some(status) = ended? {
                    return Ok(Err(anyhow::anyhow!("it ended with {status}")));
                }
                asked.await?.error_for_status()?;
                Ok(Ok(()))
            }
        });
        answered.await.and_then(|answer| answer).with_context(|| self.process.output())
    }
}
