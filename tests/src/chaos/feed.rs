//! Hands the batches in, as a client does who has to cope with the same faults as everybody: again, until it is told
//! that the batch is taken.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aria_core::event::Fact;
use aria_io::runtime::Edges;
use serde_json::Value;
use tokio::sync::watch;

use super::input::{Batch, Input};
use super::world::World;
use crate::Platform;

/// Between two tries.
const AGAIN: Duration = Duration::from_millis(100);
/// How long one try may take.
const TRY: Duration = Duration::from_secs(10);

/// Hands in every batch, each when no more than `ahead` of those before it are under way.
///
/// # Errors
/// Where a batch becomes another one than it is in an undisturbed run.
pub async fn feed(world: Arc<World>, input: Input, ahead: u64, mut ended: watch::Receiver<u64>) -> Result<u64> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let http = reqwest::Client::builder().no_proxy().build()?;
    let mut client = Client { world: &world, input, edges: None, http };
    let batches = input.batches()?;
    for (batch, ordinal) in batches.iter().zip(1_u64..) {
        ended.wait_for(|ended| ended + ahead >= ordinal).await.context("nobody follows the run")?;
        loop {
            match tokio::time::timeout(TRY, client.hand_in(batch)).await {
                Ok(Ok(taken)) => {
                    ensure!(taken == ordinal, "batch {ordinal} was taken for batch {taken}");
                    break;
                }
                Ok(Err(_)) | Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
    }
    Ok(batches.len() as u64)
}

struct Client<'a> {
    world: &'a World,
    input: Input,
    edges: Option<Edges>,
    http: reqwest::Client,
}

impl Client<'_> {
    /// Hands a batch in; gives its place among the batches.
    async fn hand_in(&mut self, batch: &Batch) -> Result<u64> {
        match self.input {
            Input::Uploads => self.upload(batch).await,
            Input::Plain | Input::Mixed | Input::Lost => self.announce(batch).await,
        }
    }

    async fn announce(&mut self, batch: &Batch) -> Result<u64> {
        let edges = match self.edges.take() {
            Some(edges) => edges,
            None => self.world.feeder_edges().await?,
        };
        if batch.is_stored {
            edges.artifacts.store(&batch.raw).await?;
        }
        let name = &batch.raw.name;
        let receipt = edges.bus.receive_once(&name.series, name, (batch.as_of, "test"), 0, None).await?;
        self.edges = Some(edges);
        let Fact::BatchReceived(received) = receipt.event.fact else { anyhow::bail!("no batch was announced") };
        Ok(received.ordinal)
    }

    async fn upload(&self, batch: &Batch) -> Result<u64> {
        let gateway = self.world.gateway.context("there is no gateway")?;
        let address = format!("http://{gateway}/v1/series/{}/batches", Platform::SERIES);
        let request = self.http.post(address).header("content-type", "text/csv");
        let answer = request.body(batch.raw.bytes.clone()).send().await?.error_for_status()?;
        let told: Value = serde_json::from_slice(&answer.bytes().await?)?;
        told["ordinal"].as_u64().context("the gateway names no ordinal")
    }
}
