//! Where artifacts lie: a local folder, a bucket of an S3 server, or this process's memory.

use std::fs;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, Checksum};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, RetryConfig};

use super::error::without_body;

/// Where artifacts lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Location {
    Folder(PathBuf),
    Bucket { bucket: String, prefix: Path },
    Memory,
}

/// A text that names no place for artifacts, or a place that cannot be opened.
///
/// Messages do not repeat the whole text: someone may have written credentials into it.
#[derive(Debug, thiserror::Error)]
pub enum LocationError {
    /// There is no text.
    #[error("store location is empty: give a folder, s3://<bucket>[/<prefix>] or memory://")]
    Empty,
    /// It begins with something else than the known schemes.
    #[error("store location begins with `{scheme}://`: give a folder, s3://<bucket>[/<prefix>] or memory://")]
    Scheme {
        /// What it begins with.
        scheme: String,
    },
    /// It begins with a scheme that two slashes should follow.
    #[error(
        "store location begins with `{scheme}:` and not with a scheme and `://`: give s3://<bucket>[/<prefix>] or \
         memory://, or a folder, with `./` before a name that looks like this"
    )]
    Slashes {
        /// What it begins with.
        scheme: String,
    },
    /// There is no such folder.
    #[error("store folder `{}` is not there: mount it, or name the right one", path.display())]
    NoFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A `file://` address that is not simply an absolute path.
    #[error("store location is a file:// address with a host or with `%`: give the folder's path")]
    FileAddress,
    /// The bucket's name is none.
    #[error(
        "store location has no bucket name of 3 to 63 lower-case letters, digits, `.` and `-` after s3://; credentials \
         belong in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    )]
    Bucket,
    /// The prefix cannot begin a key.
    #[error("store location has a prefix that cannot begin a key: leave out empty parts, `.` and `..`")]
    Prefix,
    /// The endpoint's address holds credentials.
    #[error("the S3 endpoint's address holds credentials: move them to AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")]
    EndpointCredentials,
    /// The folder cannot be made or opened.
    #[error("folder `{}` cannot be opened as a store: {said}", path.display())]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        said: String,
    },
    /// The settings of the S3 client are not accepted.
    #[error("the S3 settings (AWS_*) are not accepted: {said}")]
    Settings {
        /// What the client said.
        said: String,
    },
}

/// Finds out whether a text names a place for artifacts, and whether an S3 client takes these settings, named as in the
/// environment. Nothing is opened or made, and no server is asked.
///
/// # Errors
/// With what is wrong.
pub fn check_location(
    location: &str,
    settings: impl IntoIterator<Item = (String, String)>,
) -> Result<(), LocationError> {
    let Location::Bucket { bucket, prefix } = location.parse()? else { return Ok(()) };
    let mut builder = AmazonS3Builder::new();
    for (name, value) in settings {
        // The client passes over what it does not know in the environment, which is not Aria's alone.
        if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    bucket_store(builder, &bucket, &prefix).map(drop)
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        if text.is_empty() {
            return Err(LocationError::Empty);
        }
        match text.split_once("://") {
            None => folder(text),
            Some(("file", path)) => file_address(path),
            Some(("s3", rest)) => bucket(rest),
            Some(("memory", "")) => Ok(Self::Memory),
            Some((scheme, _)) => Err(LocationError::Scheme { scheme: scheme.to_owned() }),
        }
    }
}

impl Location {
    /// The location for logs and reports.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Folder(path) => path.display().to_string(),
            Self::Bucket { bucket, prefix } if prefix.is_root() => format!("s3://{bucket}"),
            Self::Bucket { bucket, prefix } => format!("s3://{bucket}/{prefix}"),
            Self::Memory => "memory://".to_owned(),
        }
    }

    /// The folder, where it is one.
    pub(super) fn folder(&self) -> Option<&std::path::Path> {
        match self {
            Self::Folder(path) => Some(path),
            Self::Bucket { .. } | Self::Memory => None,
        }
    }

    /// The client of the store that lies there; an S3 client takes its settings from the AWS_* environment.
    pub(super) fn open(&self) -> Result<Arc<dyn ObjectStore>, LocationError> {
        self.open_as(AmazonS3Builder::from_env)
    }

    /// The client of the store that lies there; an S3 client takes these settings, by their names in the environment,
    /// and looks for no others.
    pub(super) fn open_with(&self, settings: &[(String, String)]) -> Result<Arc<dyn ObjectStore>, LocationError> {
        let mut builder = AmazonS3Builder::new();
        for (name, value) in settings {
            let key = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>();
            let key = key.map_err(|error| LocationError::Settings { said: error.to_string() })?;
            builder = builder.with_config(key, value);
        }
        self.open_as(|| builder)
    }

    fn open_as(&self, s3: impl FnOnce() -> AmazonS3Builder) -> Result<Arc<dyn ObjectStore>, LocationError> {
        match self {
            Self::Folder(path) => folder_store(path),
            Self::Bucket { bucket, prefix } => bucket_store(s3(), bucket, prefix),
            Self::Memory => Ok(Arc::new(InMemory::new())),
        }
    }
}

/// A folder. `s3:/x` would be one too, and is surely meant for something else.
fn folder(text: &str) -> Result<Location, LocationError> {
    let is_scheme = |text: &&str| {
        text.len() > 1
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    };
    match text.split_once(':').map(|(scheme, _)| scheme).filter(is_scheme) {
        Some(scheme) => Err(LocationError::Slashes { scheme: scheme.to_owned() }),
        None => Ok(Location::Folder(text.into())),
    }
}

fn file_address(path: &str) -> Result<Location, LocationError> {
    if !path.starts_with('/') || path.contains('%') {
        return Err(LocationError::FileAddress);
    }
    Ok(Location::Folder(path.into()))
}

fn bucket(rest: &str) -> Result<Location, LocationError> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
    if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(allowed) {
        return Err(LocationError::Bucket);
    }
    let prefix = Path::parse(prefix).map_err(|_| LocationError::Prefix)?;
    Ok(Location::Bucket { bucket: bucket.to_owned(), prefix })
}

fn folder_store(path: &PathBuf) -> Result<Arc<dyn ObjectStore>, LocationError> {
    let fault = |said: String| LocationError::Folder { path: path.clone(), said };
    fs::create_dir_all(path).map_err(|error| fault(error.to_string()))?;
    let store = LocalFileSystem::new_with_prefix(path).map_err(|error| fault(error.to_string()))?;
    // An event names only what is stored: after a power cut the event log has the event, so the folder must have this.
    Ok(Arc::new(store.with_fsync(true)))
}

pub(super) fn bucket_store(
    settings: AmazonS3Builder,
    bucket: &str,
    prefix: &Path,
) -> Result<Arc<dyn ObjectStore>, LocationError> {
    // The client panics where no TLS provider is installed, even for plain http; an installed one is kept.
    rustls::crypto::ring::default_provider().install_default().ok();
    let endpoint = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint]
        .iter()
        .find_map(|key| settings.get_config_value(key))
        .unwrap_or_default();
    if endpoint.contains('@') {
        return Err(LocationError::EndpointCredentials);
    }
    let mut settings = settings.with_bucket_name(bucket).with_retry(retries());
    if settings.get_config_value(&AmazonS3ConfigKey::Checksum).is_none() {
        // Not every server compares the bytes with the digest in the signature, but with this one they do: what is
        // corrupted on its way must not be taken for stored.
        settings = settings.with_checksum_algorithm(Checksum::SHA256);
    }
    if endpoint.starts_with("http://") {
        settings = settings.with_allow_http(true);
    }
    let store = settings.build().map_err(|error| LocationError::Settings { said: without_body(&error.to_string()) })?;
    if prefix.is_root() {
        return Ok(Arc::new(store));
    }
    Ok(Arc::new(PrefixStore::new(store, prefix.clone())))
}

/// Hiccups are ridden out here; an outage is the worker's matter, which lets a message wait instead of holding it.
fn retries() -> RetryConfig {
    RetryConfig { max_retries: 4, retry_timeout: Duration::from_secs(20), ..RetryConfig::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket_at(bucket: &str, prefix: &str) -> Location {
        Location::Bucket { bucket: bucket.into(), prefix: Path::from(prefix) }
    }

    #[test]
    fn a_location_is_a_folder_a_bucket_or_memory() {
        let locations = [
            ("out/store", Location::Folder("out/store".into())),
            ("file:///srv/aria", Location::Folder("/srv/aria".into())),
            ("s3://aria-data", bucket_at("aria-data", "")),
            ("s3://aria-data/", bucket_at("aria-data", "")),
            ("s3://aria-data/italy/1", bucket_at("aria-data", "italy/1")),
            ("s3://aria-data/italy/1/", bucket_at("aria-data", "italy/1")),
            ("memory://", Location::Memory),
            ("./s3:/x", Location::Folder("./s3:/x".into())),
            ("runs/2021:1", Location::Folder("runs/2021:1".into())),
        ];
        for (text, wanted) in locations {
            assert_eq!(text.parse::<Location>().unwrap(), wanted, "{text}");
        }
    }

    #[test]
    fn any_other_location_is_refused_with_what_to_write() {
        let refusals = [
            ("", "store location is empty"),
            ("gs://bucket", "store location begins with `gs://`"),
            ("memory://x", "store location begins with `memory://`"),
            ("file://host/x", "store location is a file:// address"),
            ("file:///a%20b", "store location is a file:// address"),
            ("s3://", "store location has no bucket name"),
            ("s3:/x", "store location begins with `s3:` and not"),
            ("s3:aria", "store location begins with `s3:` and not"),
            ("file:/srv/aria", "store location begins with `file:` and not"),
            ("s3://Bucket", "store location has no bucket name"),
            ("s3://aria/../x", "store location has a prefix"),
            ("s3://aria/a//x", "store location has a prefix"),
        ];
        for (text, wanted) in refusals {
            let said = text.parse::<Location>().unwrap_err().to_string();
            assert!(said.starts_with(wanted), "{text}: {said}");
        }
    }

    #[test]
    fn credentials_in_a_location_are_refused_and_not_repeated() {
        let error = "s3://KEY:hunter2@aria/x".parse::<Location>().unwrap_err();
        assert!(matches!(error, LocationError::Bucket));
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn a_setting_that_s3_does_not_know_is_told_by_name() {
        let settings = [("AWS_COLOUR".to_owned(), "hunter2".to_owned())];
        let error = bucket_at("aria", "").open_with(&settings).unwrap_err().to_string();
        assert!(error.contains("aws_colour") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_location_is_checked_with_the_settings_of_its_server_and_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        assert!(check_location(store.to_str().unwrap(), []).is_ok());
        assert!(!store.exists());
        let check = |name: &str, value: &str| check_location("s3://aria", [(name.to_owned(), value.to_owned())]);
        assert!(check("AWS_PROFILE", "x").is_ok());
        assert!(matches!(check("AWS_ENDPOINT_URL", "http://me:x@host"), Err(LocationError::EndpointCredentials)));
        assert!(matches!(check("AWS_ALLOW_HTTP", "perhaps"), Err(LocationError::Settings { .. })));
    }

    #[test]
    fn credentials_in_the_endpoint_are_refused_and_not_repeated() {
        let settings = AmazonS3Builder::new().with_endpoint("http://me:hunter2@localhost:1");
        let error = bucket_store(settings, "aria", &Path::default()).unwrap_err();
        assert!(matches!(error, LocationError::EndpointCredentials));
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_told_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Location::Folder(file.path().join("store")).open().unwrap_err();
        assert!(error.to_string().contains(&file.path().display().to_string()), "{error}");
    }
}
