//! Where settings come from: the process's environment, or a table in a test.

use std::collections::BTreeMap;

/// A value that is not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not valid UTF-8")]
pub struct NotUtf8;

/// Texts by key.
pub trait Strings {
    /// The text of a key; none where it is not set.
    fn get(&self, key: &str) -> Option<Result<String, NotUtf8>>;

    /// Every key that is set.
    fn keys(&self) -> Vec<String>;

    /// What whoever set a key calls it: an option of a command has a name of its own.
    fn called(&self, key: &str) -> String {
        key.to_owned()
    }
}

/// The environment of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Environment;

impl Strings for Environment {
    fn get(&self, key: &str) -> Option<Result<String, NotUtf8>> {
        Some(std::env::var_os(key)?.into_string().map_err(|_| NotUtf8))
    }

    fn keys(&self) -> Vec<String> {
        std::env::vars_os().map(|(key, _)| key.to_string_lossy().into_owned()).collect()
    }
}

impl Strings for BTreeMap<String, String> {
    fn get(&self, key: &str) -> Option<Result<String, NotUtf8>> {
        BTreeMap::get(self, key).cloned().map(Ok)
    }

    fn keys(&self) -> Vec<String> {
        BTreeMap::keys(self).cloned().collect()
    }
}
