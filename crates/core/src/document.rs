//! JSON documents with a version, read back exactly as they were written.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A stored document and the version of its shape.
pub trait Document: Serialize + DeserializeOwned {
    /// The document's name in the stored bytes.
    const NAME: &'static str;
    /// The version that this code writes and reads.
    const VERSION: u32;
}

/// Bytes that are no document of the wanted kind.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// They are not JSON of the right shape.
    #[error("not a `{name}` document: {source}")]
    Shape {
        /// The wanted document.
        name: &'static str,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// They are another document, or one of another version.
    #[error("expected `{name}` version {version}, found `{found_name}` version {found_version}")]
    Other {
        /// The wanted document.
        name: &'static str,
        /// The version this code reads.
        version: u32,
        /// The document that was found.
        found_name: String,
        /// Its version.
        found_version: u32,
    },
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    document: String,
    version: u32,
    body: T,
}

#[derive(Deserialize)]
struct Label {
    document: String,
    version: u32,
}

/// The bytes of a document; the same document always gives the same bytes.
///
/// # Errors
/// Where a value has no JSON form.
pub fn encode<T: Document>(document: &T) -> Result<Vec<u8>, DocumentError> {
    #[derive(Serialize)]
    struct Borrowed<'a, T> {
        document: &'static str,
        version: u32,
        body: &'a T,
    }
    serde_json::to_vec(&Borrowed { document: T::NAME, version: T::VERSION, body: document })
        .map_err(|source| DocumentError::Shape { name: T::NAME, source })
}

/// Reads a document.
///
/// # Errors
/// Where the bytes are no JSON, another document, or of a version that this code does not read.
pub fn decode<T: Document>(bytes: &[u8]) -> Result<T, DocumentError> {
    let shape = |source| DocumentError::Shape { name: T::NAME, source };
    let label: Label = serde_json::from_slice(bytes).map_err(shape)?;
    if label.document != T::NAME || label.version != T::VERSION {
        return Err(DocumentError::Other {
            name: T::NAME,
            version: T::VERSION,
            found_name: label.document,
            found_version: label.version,
        });
    }
    let envelope: Envelope<T> = serde_json::from_slice(bytes).map_err(shape)?;
    Ok(envelope.body)
}

impl Document for crate::series::Definition {
    const NAME: &'static str = "definition";
    const VERSION: u32 = 1;
}
