//! What is to be said of the services and the broker.

use std::time::Duration;

use aria_core::remarks::{self, Remark, Room, Service};
use aria_core::time::Timestamp;
use aria_io::bus::Pulse;
use aria_io::runtime::Edges;

/// The services that take messages.
const SERVICES: [&str; 5] = ["ingestion", "training", "evaluation", "drift", "prediction"];
/// How often a service that asks for nothing is looked at again, and how long after: between two requests it asks for
/// none.
const LOOKS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(100);

/// What an operator should know of the services and the broker.
///
/// # Errors
/// Where the broker does not answer.
pub async fn remarks(edges: &Edges, now: Timestamp) -> anyhow::Result<Vec<Remark>> {
    let mut all = Vec::new();
    for name in SERVICES {
        let found = service(edges, name).await?;
        all.extend(remarks::of_service(name, found.as_ref(), now));
    }
    let usage = edges.bus.storage().await?;
    all.extend(remarks::of_room(Room { used: usage.used, most: usage.most }));
    all.sort_by_key(|remark| std::cmp::Reverse(remark.level));
    Ok(all)
}

async fn service(edges: &Edges, name: &str) -> anyhow::Result<Option<Service>> {
    let mut looks = 1;
    loop {
        let Some(pulse) = edges.bus.pulse(name).await? else { return Ok(None) };
        let Pulse { pending, in_hand, asking, last } = pulse;
        if asking > 0 || looks == LOOKS {
            return Ok(Some(Service { pending, in_hand, asking, last }));
        }
        looks += 1;
        tokio::time::sleep(PAUSE).await;
    }
}
