//! Whether a service works: what the broker sees of it beyond its backlog.

use aria_core::time::Timestamp;

use super::{Bus, BusError};

/// What the broker sees of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulse {
    /// Messages that were never handed out.
    pub pending: u64,
    /// Messages handed out and not acknowledged, postponed ones among them.
    pub in_hand: u64,
    /// Replicas that ask for a message now.
    pub asking: u64,
    /// When a message was last handed out.
    pub last: Option<Timestamp>,
}

impl Bus {
    /// What the broker sees of a service; none where it never ran.
    ///
    /// # Errors
    /// Where the broker does not answer.
    pub async fn pulse(&self, service: &str) -> Result<Option<Pulse>, BusError> {
        let Some(consumer) = self.consumer(service).await? else { return Ok(None) };
        let info = consumer.cached_info();
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        Ok(Some(Pulse {
            pending: info.num_pending,
            in_hand: count(info.num_ack_pending),
            asking: count(info.num_waiting),
            last: info.delivered.last_active.and_then(|at| Timestamp::from_seconds(at.unix_timestamp())),
        }))
    }
}
