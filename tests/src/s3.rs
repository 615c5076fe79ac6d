//! A real S3 server: SeaweedFS, all of it in one process.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{ObjectStore, RetryConfig};
use serde_json::json;
use tempfile::TempDir;

use crate::process::Process;
use crate::{free_ports, tools, until};

const PATIENCE: Duration = Duration::from_secs(60);
/// Starts on other ports, for somebody may take one between its choice and its use.
const STARTS: usize = 3;
const REGION: &str = "us-east-1";
const BUCKET: &str = "aria";
const KEY: &str = "aria-test";
const SECRET: &str = "aria-test-secret";

/// A running S3 server with one bucket, its state in a temporary folder.
#[derive(Debug)]
pub struct S3 {
    // The process goes before its folder.
    process: Process,
    _folder: TempDir,
    port: u16,
}

impl S3 {
    /// Starts a server with an empty bucket `aria` and waits until the bucket answers.
    ///
    /// # Errors
    /// Where there is no SeaweedFS or it does not start.
    pub async fn start() -> Result<Self> {
        let binary = tools::find("weed", "ARIA_S3_SERVER")?;
        let mut failure = None;
        for _ in 0..STARTS {
            match Self::launch(&binary).await {
                Ok(s3) => return Ok(s3),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.context("no start was tried")?.context(format!("SeaweedFS did not start in {STARTS} tries")))
    }

    /// Its address.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The bucket as `--store` and `ARIA_STORE` name it.
    pub fn store(&self) -> String {
        format!("s3://{BUCKET}")
    }

    /// What a client has to find in its environment.
    pub fn env(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.endpoint().as_str()),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// A client of the bucket that fails at once instead of trying again.
    ///
    /// # Errors
    /// Where the client cannot be made.
    pub fn client(&self) -> Result<AmazonS3> {
        self.client_with_secret(SECRET)
    }

    /// As [`Self::client`], with a secret that need not be the right one.
    ///
    /// # Errors
    /// Where the client cannot be made.
    pub fn client_with_secret(&self, secret: &str) -> Result<AmazonS3> {
        // Without a TLS provider the client panics, even where no TLS is used. A second installation is refused: fine.
        rustls::crypto::ring::default_provider().install_default().ok();
        AmazonS3Builder::new()
            .with_endpoint(self.endpoint())
            .with_allow_http(true)
            .with_region(REGION)
            .with_bucket_name(BUCKET)
            .with_access_key_id(KEY)
            .with_secret_access_key(secret)
            .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
            .build()
            .context("cannot make an S3 client")
    }

    async fn launch(binary: &Path) -> Result<Self> {
        let folder = TempDir::with_prefix("aria-s3-").context("cannot make a temporary folder")?;
        let (mut command, port) = command(binary, folder.path())?;
        let process = Process::spawn("seaweedfs", &mut command)?;
        let mut s3 = Self { process, _folder: folder, port };
        let client = s3.client()?;
        let answered = until("the bucket to answer", PATIENCE, || {
            let ended = s3.process.ended();
            let client = &client;
            async move {
                // A server that ended will never answer, and need not be waited for.
                if let Some(status) = ended? {
                    return Ok(Err(anyhow::anyhow!("it ended with {status}")));
                }
                client.list_with_delimiter(None).await.context("the bucket does not answer")?;
                Ok(Ok(()))
            }
        })
        .await
        .and_then(|answer| answer);
        answered.with_context(|| s3.process.output())?;
        ensure!(s3.process.ended()?.is_none(), "somebody else answers on its port");
        Ok(s3)
    }
}

/// The command that starts everything on free ports, and the port of its S3 interface.
fn command(binary: &Path, folder: &Path) -> Result<(Command, u16)> {
    let credentials = folder.join("credentials.json");
    let identity = json!({
        "name": "aria",
        "credentials": [{ "accessKey": KEY, "secretKey": SECRET }],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    });
    let data = folder.join("data");
    std::fs::create_dir(&data).context("cannot make the data folder")?;
    std::fs::write(&credentials, json!({ "identities": [identity] }).to_string())
        .context("cannot write credentials")?;
    let names = ["s3", "master", "volume", "filer", "admin"];
    let ports = free_ports::<10>()?;
    let mut command = Command::new(binary);
    // Its sockets, caches and logs go into the folder as well, and none of the machine's own settings reaches it.
    command.env_clear().env("TMPDIR", folder).env("HOME", folder).current_dir(folder);
    command.arg(format!("-logdir={}", folder.display()));
    command.args(["mini", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-bucket=aria", "-master.telemetry=false"]);
    command.args(["-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]);
    command.arg(format!("-dir={}", data.display())).arg(format!("-s3.config={}", credentials.display()));
    for (name, pair) in names.iter().zip(ports.chunks(2)) {
        command.arg(format!("-{name}.port={}", pair[0])).arg(format!("-{name}.port.grpc={}", pair[1]));
    }
    Ok((command, ports[0]))
}
