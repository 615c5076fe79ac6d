//! A real S3 server: SeaweedFS, all of it in one process.

use std::path::{Path, PathBuf};
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
/// Its parts; the first is the one that is asked.
const PARTS: [&str; 5] = ["s3", "master", "volume", "filer", "admin"];
const BUCKET: &str = "aria";
const KEY: &str = "aria-test";
const SECRET: &str = "aria-test-secret";
const DATA: &str = "data";
const CREDENTIALS: &str = "credentials.json";

/// A running S3 server with one bucket, its state in a temporary folder.
#[derive(Debug)]
pub struct S3 {
    // The process goes before its folder.
    process: Process,
    folder: TempDir,
    ports: Ports,
    binary: PathBuf,
}

/// The ports of its parts: HTTP first, then gRPC.
type Ports = [[u16; 2]; PARTS.len()];

impl Drop for S3 {
    fn drop(&mut self) {
        // If it cannot be killed, its own guard tries once more.
        self.process.kill().ok();
        for socket in sockets(&self.ports) {
            // Which of them there are depends on how far it came.
            std::fs::remove_file(socket).ok();
        }
    }
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
        format!("http://127.0.0.1:{}", self.ports[0][0])
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

    /// Kills it, as a lost machine would. What it had confirmed is still in its folder.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill().map(drop)
    }

    /// Starts it again after [`Self::kill`], on the same ports and with the same state.
    ///
    /// # Errors
    /// Where it does not start, for one because somebody took a port meanwhile.
    pub async fn start_again(&mut self) -> Result<()> {
        sockets(&self.ports).iter().for_each(|socket| drop(std::fs::remove_file(socket)));
        self.process = Process::spawn("seaweedfs", &mut command(&self.binary, self.folder.path(), &self.ports))?;
        self.answers().await
    }

    async fn launch(binary: &Path) -> Result<Self> {
        let folder = TempDir::with_prefix("aria-s3-").context("cannot make a temporary folder")?;
        let ports = free_ports::<{ 2 * PARTS.len() }>()?;
        let ports = std::array::from_fn(|part| [ports[2 * part], ports[2 * part + 1]]);
        prepare(folder.path())?;
        let process = Process::spawn("seaweedfs", &mut command(binary, folder.path(), &ports))?;
        let mut s3 = Self { process, folder, ports, binary: binary.to_owned() };
        s3.answers().await?;
        Ok(s3)
    }

    async fn answers(&mut self) -> Result<()> {
        let s3 = self;
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
        Ok(())
    }
}

/// Its folder for data and the file with who may do what.
fn prepare(folder: &Path) -> Result<()> {
    let identity = json!({
        "name": "aria",
        "credentials": [{ "accessKey": KEY, "secretKey": SECRET }],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    });
    std::fs::create_dir(folder.join(DATA)).context("cannot make the data folder")?;
    std::fs::write(folder.join(CREDENTIALS), json!({ "identities": [identity] }).to_string())
        .context("cannot write credentials")
}

/// The command that starts all parts on these ports.
fn command(binary: &Path, folder: &Path, ports: &Ports) -> Command {
    let (data, credentials) = (folder.join(DATA), folder.join(CREDENTIALS));
    let mut command = Command::new(binary);
    // Its caches and logs go into the folder as well, and none of the machine's own settings reaches it.
    command.env_clear().env("TMPDIR", folder).env("HOME", folder).current_dir(folder);
    command.arg(format!("-logdir={}", folder.display()));
    command.args(["mini", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"]);
    command.args(["-admin.ui=false", "-webdav=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]);
    command.arg(format!("-dir={}", data.display())).arg(format!("-bucket={BUCKET}"));
    command.arg(format!("-s3.config={}", credentials.display()));
    for (part, [http, grpc]) in PARTS.iter().zip(ports) {
        command.arg(format!("-{part}.port={http}")).arg(format!("-{part}.port.grpc={grpc}"));
    }
    command
}

/// The sockets that SeaweedFS opens in the system's folder for them, wherever it is told to keep its files.
fn sockets(ports: &Ports) -> Vec<PathBuf> {
    let names = PARTS.iter().zip(ports).flat_map(|(part, [http, grpc])| {
        [format!("seaweedfs-{part}-{http}.sock"), format!("seaweedfs-{part}-grpc-{grpc}.sock")]
    });
    names.map(|name| Path::new("/tmp").join(name)).collect()
}
