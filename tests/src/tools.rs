//! Finding the servers that the set-up installs.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// The file of a server: the one that `variable` names, else the one that `make test` installs, else the first on PATH.
///
/// # Errors
/// Where it is in none of these places.
pub fn find(name: &str, variable: &str) -> Result<PathBuf> {
    if let Some(named) = std::env::var_os(variable) {
        let path = PathBuf::from(named);
        anyhow::ensure!(path.is_file(), "{variable} names {}, which is no file", path.display());
        return Ok(path);
    }
    let installed = crate::clone_root().join(".tools/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::iter::once(installed)
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .with_context(|| {
            format!("no {name} in .tools/bin nor on PATH: run `deploy/setup.sh --with-s3`, or set {variable}")
        })
}
