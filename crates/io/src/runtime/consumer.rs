//! A service's durable consumer: found, or made, or brought up to date.

use std::collections::BTreeSet;

use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, pull};
use tracing::{info, warn};

use super::Limits;
use crate::bus::{Bus, BusError, Health, Queue, STREAM, consumed_subjects};

/// Messages handed out and not acknowledged, over all replicas. Those that are far from their turn count too, and the
/// event that they wait for stands behind them in the log: with fewer than a backlog has, a service would wait for
/// ever. The brake is that a replica asks for one message per free hand.
const MOST_IN_HAND: i64 = 1_000_000;

/// The consumer of a service.
type Durable = Consumer<pull::Config>;

/// Finds the service's consumer; makes it where there is none, and changes it where its settings are others.
pub(crate) async fn bind(bus: &Bus, service: &str, facts: &[&str], limits: &Limits) -> Result<Queue, BusError> {
    if let Some(queue) = bus.queue_in_memory(service, consumed_subjects(service, facts)) {
        return Ok(queue);
    }
    durable(bus, service, facts, limits).await.map(Queue::server)
}

async fn durable(bus: &Bus, service: &str, facts: &[&str], limits: &Limits) -> Result<Durable, BusError> {
    let wanted = settings(service, facts, limits);
    let Some(found) = bus.consumer(service).await? else {
        let made = put(bus, service, wanted).await?;
        info!(service, ?facts, "made the consumer");
        return Ok(made);
    };
    let config = &found.cached_info().config;
    let reads = |subjects: &[String]| subjects.iter().cloned().collect::<BTreeSet<_>>();
    let same_facts = reads(&config.filter_subjects) == reads(&wanted.filter_subjects);
    if same_facts && config.ack_wait == wanted.ack_wait && config.max_ack_pending == wanted.max_ack_pending {
        return Ok(found);
    }
    match put(bus, service, wanted.clone()).await {
        Ok(changed) => {
            info!(service, ?facts, "changed the consumer");
            Ok(changed)
        }
        Err(error) if same_facts => {
            warn!(service, %error, "the consumer keeps its own waiting time");
            Ok(found)
        }
        // A broker that went away comes back; one that refuses does not change its mind.
        Err(error) if !matches!(bus.health(), Health::Refused { .. }) => Err(error),
        Err(_) => Err(BusError::OtherFacts {
            consumer: service.to_owned(),
            found: config.filter_subjects.join(", "),
            wanted: wanted.filter_subjects.join(", "),
        }),
    }
}

async fn put(bus: &Bus, service: &str, config: pull::Config) -> Result<Durable, BusError> {
    bus.jetstream()?
        .create_consumer_on_stream(config, STREAM)
        .await
        .map_err(|source| BusError::Consumer { consumer: service.to_owned(), source })
}

fn settings(service: &str, facts: &[&str], limits: &Limits) -> pull::Config {
    pull::Config {
        durable_name: Some(service.to_owned()),
        filter_subjects: consumed_subjects(service, facts),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: limits.ack_wait,
        // The worker gives up by itself, with a dead letter; the broker would do so in silence.
        max_deliver: -1,
        max_ack_pending: MOST_IN_HAND,
        ..pull::Config::default()
    }
}
