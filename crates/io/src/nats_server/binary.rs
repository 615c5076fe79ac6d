//! Finding a nats-server that is new enough.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::ServerError;
use crate::runtime::config::{Strings, keys};

const NAME: &str = "nats-server";
const LEAST: (u32, u32) = (2, 10);
const LEAST_TEXT: &str = "2.10";
const ANSWER: Duration = Duration::from_secs(10);

/// Where to look for a nats-server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tools {
    /// This file and no other.
    pub named: Option<PathBuf>,
    /// The folder into which `make setup` installs.
    pub folder: Option<PathBuf>,
    /// The folders of the command search path, as the system writes them.
    pub path: Option<OsString>,
}

/// A nats-server that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary {
    /// The file.
    pub path: PathBuf,
    /// Its version.
    pub version: String,
}

impl Tools {
    /// The places that the settings name: `ARIA_NATS_SERVER`, else the folder of `make setup`, else `PATH`.
    pub fn from_strings(strings: &impl Strings, folder: &Path) -> Self {
        let text = |key| strings.get(key).and_then(Result::ok).filter(|text| !text.trim().is_empty());
        Self {
            named: text(keys::NATS_SERVER).map(PathBuf::from),
            folder: Some(folder.to_owned()),
            path: text("PATH").map(OsString::from),
        }
    }

    /// The first nats-server there is; it has to be new enough.
    ///
    /// # Errors
    /// Where there is none, or the first one is too old or no nats-server.
    pub async fn find(&self) -> Result<Binary, ServerError> {
        let candidates = self.candidates();
        let Some(path) = candidates.iter().find(|path| path.is_file()).cloned() else {
            return Err(ServerError::Missing { looked: self.looked() });
        };
        let said = version_line(&path).await;
        let Some((version, numbers)) = said.as_deref().ok().and_then(read_version) else {
            let said = said.unwrap_or_else(|error| error.to_string());
            return Err(ServerError::Unknown { path, said });
        };
        if numbers < LEAST {
            return Err(ServerError::Old { path, found: version, wanted: LEAST_TEXT });
        }
        Ok(Binary { path, version })
    }

    fn candidates(&self) -> Vec<PathBuf> {
        if let Some(named) = &self.named {
            return vec![named.clone()];
        }
        let on_path = self.path.iter().flat_map(|path| std::env::split_paths(path).collect::<Vec<_>>());
        self.folder.iter().cloned().chain(on_path).map(|folder| folder.join(NAME)).collect()
    }

    fn looked(&self) -> Vec<String> {
        if let Some(named) = &self.named {
            return vec![named.display().to_string()];
        }
        let folder = self.folder.iter().map(|folder| folder.display().to_string());
        folder.chain(self.path.iter().map(|_| "PATH".to_owned())).collect()
    }
}

async fn version_line(path: &Path) -> std::io::Result<String> {
    let mut command = Command::new(path);
    command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = timeout(ANSWER, command.output()).await.map_err(std::io::Error::from)??;
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}

/// Reads `nats-server: v2.15.1`.
fn read_version(line: &str) -> Option<(String, (u32, u32))> {
    let version = line.strip_prefix("nats-server: v")?.trim();
    let mut parts = version.split('.');
    let numbers = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some((version.to_owned(), numbers))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn server_that_says(line: &str) -> (tempfile::TempDir, Tools) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(NAME);
        std::fs::write(&file, format!("#!/bin/sh\necho '{line}'\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        let tools = Tools { folder: Some(folder.path().to_owned()), ..Tools::default() };
        (folder, tools)
    }

    #[tokio::test]
    async fn a_server_of_2_10_or_newer_is_taken() {
        for version in ["2.10.0", "2.15.1", "3.0.0-beta.1"] {
            let (_folder, tools) = server_that_says(&format!("nats-server: v{version}"));
            assert_eq!(tools.find().await.unwrap().version, version);
        }
    }

    #[tokio::test]
    async fn an_older_server_is_refused_with_its_version_and_the_next_step() {
        let (_folder, tools) = server_that_says("nats-server: v2.9.10");
        let message = tools.find().await.unwrap_err().to_string();
        assert!(message.contains("nats-server 2.9.10, 2.10 or newer") && message.contains("make setup"), "{message}");
    }

    #[tokio::test]
    async fn another_program_of_that_name_is_refused() {
        let (_folder, tools) = server_that_says("hello");
        assert!(matches!(tools.find().await, Err(ServerError::Unknown { said, .. }) if said == "hello"));
    }

    #[tokio::test]
    async fn a_missing_server_tells_where_it_was_looked_for_and_the_next_step() {
        let tools = Tools { folder: Some("tools/bin".into()), path: Some("/nowhere".into()), named: None };
        let message = tools.find().await.unwrap_err().to_string();
        assert!(message.contains("looked at tools/bin, PATH") && message.contains("make setup"), "{message}");
    }

    #[test]
    fn a_named_server_is_the_only_candidate() {
        let strings = BTreeMap::from([
            (keys::NATS_SERVER.to_owned(), "/opt/nats-server".to_owned()),
            ("PATH".to_owned(), "/usr/bin".to_owned()),
        ]);
        let tools = Tools::from_strings(&strings, Path::new(".tools/bin"));
        assert_eq!(tools.candidates(), [PathBuf::from("/opt/nats-server")]);
    }
}
