//! JSON documents with a version, read back exactly as they were written.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A stored document and the version of its shape.
pub trait Document: Serialize + DeserializeOwned {
    /// The document's name in the stored bytes.
    const NAME: &'static str;
    /// The version that this code writes.
    const VERSION: u32;
    /// Why documents of earlier versions that [`Self::earlier`] does not read cannot be, and what to do.
    const NO_LONGER_READ: &'static str = "export it with the code that stored it";

    /// A document that an earlier version of the code stored, brought up to this one; none where it cannot be.
    ///
    /// # Errors
    /// Where the bytes are not of that version's shape.
    fn earlier(_version: u32, _bytes: &[u8]) -> Result<Option<Self>, serde_json::Error> {
        Ok(None)
    }
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
    /// They were stored by earlier code, in a shape that cannot be read.
    #[error("`{name}` version {found_version} is no longer read, only {version}: {advice}")]
    Earlier {
        /// The wanted document.
        name: &'static str,
        /// The version this code reads.
        version: u32,
        /// The version that was found.
        found_version: u32,
        /// Why, and what to do.
        advice: &'static str,
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
    if label.document == T::NAME && label.version < T::VERSION {
        let (name, version, found_version) = (T::NAME, T::VERSION, label.version);
        let earlier = T::earlier(found_version, bytes).map_err(shape)?;
        return earlier.ok_or(DocumentError::Earlier { name, version, found_version, advice: T::NO_LONGER_READ });
    }
    if label.document != T::NAME || label.version != T::VERSION {
        return Err(DocumentError::Other {
            name: T::NAME,
            version: T::VERSION,
            found_name: label.document,
            found_version: label.version,
        });
    }
    body(bytes).map_err(shape)
}

/// The body of a document, whatever its name and version: for [`Document::earlier`].
///
/// # Errors
/// Where it has another shape.
pub fn body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice::<Envelope<T>>(bytes).map(|envelope| envelope.body)
}

impl Document for crate::series::Definition {
    const NAME: &'static str = "definition";
    const VERSION: u32 = 1;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::archive::{Arrival, Contents, Label};
    use crate::contract::Quarantine;
    use crate::ending::Endings;
    use crate::garbage::Condemned;
    use crate::head::Head;
    use crate::issued::Issued;
    use crate::judgement::Judgement;
    use crate::model::Model;
    use crate::monitor::{Report, Scores, State};
    use crate::registry::Registry;
    use crate::series::Definition;
    use crate::snapshot::Manifest;

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
    }

    fn golden_name<T: Document>() -> String {
        format!("{}.v{}.json", T::NAME, T::VERSION)
    }

    /// A stored document of each kind, as the code of its version wrote it: who changes the shape has to raise the
    /// version and add a document of it, and cannot lose a field or its meaning unseen.
    fn check<T: Document>() -> String {
        check_named::<T>(golden_name::<T>())
    }

    /// One with the fields that came to be within a version.
    fn check_with<T: Document>(what: &str) -> String {
        check_named::<T>(format!("{}.v{}-{what}.json", T::NAME, T::VERSION))
    }

    fn check_named<T: Document>(name: String) -> String {
        let stored = std::fs::read(folder().join(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let read: T = decode(&stored).unwrap_or_else(|error| panic!("{name}: {error}"));
        let written = encode(&read).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), String::from_utf8(stored).unwrap(), "{name}");
        name
    }

    #[test]
    fn every_stored_document_is_read_and_written_as_its_golden_sample() {
        let checked = [
            check::<Definition>(),
            check::<Quarantine>(),
            check::<Manifest>(),
            check::<Head>(),
            check::<State>(),
            check::<Registry>(),
            check::<Endings>(),
            check::<Condemned>(),
            check::<Report>(),
            check::<Scores>(),
            check::<Model>(),
            check::<Judgement>(),
            check::<Issued>(),
            check::<Label>(),
            check::<Contents>(),
            check::<Arrival>(),
            check_with::<State>("probation"),
            check_with::<State>("deferred"),
            check_with::<Registry>("pinned"),
            check_with::<Report>("columns"),
            check_with::<Report>("decision"),
            check_with::<Scores>("look"),
            check_with::<Scores>("revised"),
            check_with::<Model>("watched"),
            check_with::<Judgement>("compared"),
            // Read by the tests of `snapshot`, `ending` and `model`, in the shapes of their days.
            "snapshot.v1.json".to_owned(),
            "model.v2.json".to_owned(),
            "endings.v1.json".to_owned(),
            "endings.v1-unsettled.json".to_owned(),
        ];
        let files = std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        assert_eq!(files.collect::<BTreeSet<_>>(), BTreeSet::from(checked), "a golden sample is left over");
    }

    #[test]
    fn a_document_that_is_no_longer_read_says_why_and_what_to_do() {
        let earlier = br#"{"document":"model","version":1,"body":{}}"#;
        let refused = decode::<Model>(earlier).unwrap_err().to_string();
        assert!(refused.starts_with("`model` version 1 is no longer read, only 3: it does not say"), "{refused}");
        assert!(refused.ends_with("hand the series' history in anew under another name"), "{refused}");
    }

    #[test]
    fn a_document_of_another_version_is_refused_with_both_versions() {
        let newer = br#"{"document":"head","version":2,"body":{}}"#;
        let refused = decode::<Head>(newer).unwrap_err().to_string();
        assert_eq!(refused, "expected `head` version 1, found `head` version 2");
    }
}
