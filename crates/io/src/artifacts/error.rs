//! What can go wrong with artifacts, and which of it is worth another try.

use aria_core::document::DocumentError;

use super::location::LocationError;

/// An artifact that could not be stored or read.
///
/// No variant holds the client library's own error: a server's answer to a bad signature or an expired token quotes the
/// request, credentials included, and must reach neither logs nor dead letters.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The location names no store that can be opened.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// There is no such artifact.
    #[error("artifact `{key}` not found")]
    NotFound {
        /// Its key.
        key: String,
    },
    /// The stored bytes are not the ones that were named.
    #[error("artifact `{key}` is corrupt: its bytes do not have the length and digest in its name")]
    Corrupt {
        /// Its key.
        key: String,
    },
    /// The bytes came as others each time they were read: it is the transfer that changes them.
    #[error(
        "artifact `{key}` comes with other bytes each time it is read: something on the way to the store changes them"
    )]
    Garbled {
        /// Its key.
        key: String,
    },
    /// The bytes are intact and no document of the wanted kind.
    #[error("artifact `{key}` cannot be read: {source}")]
    Document {
        /// Its key.
        key: String,
        /// What is wrong with it.
        source: DocumentError,
    },
    /// A document has a value that JSON cannot hold.
    #[error("document cannot be written: {0}")]
    Unwritable(#[source] DocumentError),
    /// The store is another one than the artifacts lie in.
    #[error("the store at {location} is gone, or another one is in its place: mount or name the right one")]
    Other {
        /// Where the store should be.
        location: String,
    },
    /// The store does not let us in.
    #[error("access to `{key}` denied: {said}")]
    Denied {
        /// The key that was asked for.
        key: String,
        /// What the store said.
        said: String,
    },
    /// The store did not do it; it may the next time.
    #[error("store failed at `{key}`: {said}")]
    Unavailable {
        /// The key that was asked for.
        key: String,
        /// What the store said.
        said: String,
    },
    /// What is about to be deleted cannot be learnt, so that what was stored cannot be relied on.
    #[error("it is not known whether `{key}` is about to be deleted: {said}")]
    Unsure {
        /// The key that was stored.
        key: String,
        /// Why it is not known.
        said: String,
    },
    /// The store cannot do it, now or later.
    #[error("store does not support what `{key}` needs: {said}")]
    Unsupported {
        /// The key that was asked for.
        key: String,
        /// What the store said.
        said: String,
    },
}

impl StoreError {
    /// Whether the same request may succeed later. A denial may: it is about the store's settings, not about what was
    /// asked, and work must not be given up because a key was rotated.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Denied { .. }
            | Self::Garbled { .. }
            | Self::Unavailable { .. }
            | Self::Other { .. }
            | Self::Unsure { .. } => true,
            Self::Location(_)
            | Self::NotFound { .. }
            | Self::Corrupt { .. }
            | Self::Document { .. }
            | Self::Unwritable(_)
            | Self::Unsupported { .. } => false,
        }
    }

    /// The client library's error about a key.
    pub(super) fn about(key: &str, error: &object_store::Error) -> Self {
        use object_store::Error;
        let key = key.to_owned();
        let said = without_body(&error.to_string());
        match error {
            Error::NotFound { .. } => Self::NotFound { key },
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Self::Denied { key, said },
            Error::InvalidPath { .. }
            | Error::NotSupported { .. }
            | Error::NotImplemented { .. }
            | Error::UnknownConfigurationKey { .. } => Self::Unsupported { key, said },
            // The library's enum may grow; a failure that we cannot name is tried again before it is given up.
            _ => Self::Unavailable { key, said },
        }
    }
}

/// What a store said without the body of its answer, of which only the error code is kept.
pub(super) fn without_body(text: &str) -> String {
    let Some((before, body)) = text.split_once('<') else { return text.to_owned() };
    let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
    let before = before.trim_end_matches([' ', ':', '-']);
    match code {
        Some(code) if code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            format!("{before} ({code})")
        }
        _ => before.to_owned(),
    }
}
