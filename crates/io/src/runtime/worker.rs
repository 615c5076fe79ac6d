//! The loop of a service: a message for every free hand, until asked to leave.

use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tracing::{Instrument, error, info, warn};

use super::consumer::bind;
use super::delivery::Desk;
use super::{Edges, Handler, Limits, Shutdown, backoff, chain};
use crate::bus::{Bus, BusError, Handed, Queue};

/// How long one request for a message stands.
const REQUEST: Duration = Duration::from_secs(10);
/// How long giving messages back may take once the drain is over.
const LAST_WORDS: Duration = Duration::from_secs(5);
const BACKLOG_EVERY: Duration = Duration::from_secs(15);

/// Why a worker cannot work.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// Its consumer cannot be used, and waiting would not help.
    #[error("service `{service}` cannot read its facts")]
    Bind {
        /// The service.
        service: &'static str,
        /// Why.
        source: BusError,
    },
}

/// Runs a service with the usual limits until it is asked to leave.
///
/// # Errors
/// Where its consumer cannot be used, and waiting would not help.
pub async fn work<H: Handler>(handler: H, edges: &Edges, shutdown: Shutdown) -> Result<(), WorkError> {
    work_with(handler, edges, Limits::default(), shutdown).await
}

/// Runs a service until it is asked to leave; then finishes what is in hand, and gives back what takes too long.
///
/// # Errors
/// Where its consumer cannot be used, and waiting would not help.
pub async fn work_with<H: Handler>(
    handler: H,
    edges: &Edges,
    limits: Limits,
    shutdown: Shutdown,
) -> Result<(), WorkError> {
    let facts = handler.consumes();
    let mut bus = edges.bus.named(H::SERVICE);
    let give_back = watch::Sender::new(false);
    let edges = Edges { bus: bus.clone(), artifacts: edges.artifacts.clone() };
    let desk = Arc::new(Desk::new(handler, edges, limits, shutdown.clone(), give_back.subscribe()));
    let hands = Arc::new(Semaphore::new(limits.concurrency.max(1)));
    let mut in_hand = JoinSet::new();
    let mut watcher = JoinSet::new();
    watcher.spawn(watch_backlog(bus.clone(), H::SERVICE));
    info!(service = H::SERVICE, ?facts, concurrency = limits.concurrency, "working");
    let mut failures = 0;
    while !shutdown.is_requested() {
        bus.note_connection();
        let bound = tokio::select! {
            () = shutdown.requested() => break,
            bound = bind(&bus, H::SERVICE, facts, &limits) => bound,
        };
        match bound {
            Ok(queue) => {
                desk.keep_alive_within(queue.ack_wait().unwrap_or(limits.ack_wait));
                let pulled = pull(&desk, &queue, &mut bus, &hands, &mut in_hand, &shutdown).await;
                failures = if pulled == Pulled::Something { 1 } else { failures + 1 };
            }
            Err(source) if !source.is_transient() => return Err(WorkError::Bind { service: H::SERVICE, source }),
            Err(error) => {
                failures += 1;
                warn!(service = H::SERVICE, error = chain(&error), failures, "cannot read messages yet");
            }
        }
        rest(failures, &shutdown).await;
    }
    drain(in_hand, &limits, &give_back, H::SERVICE).await;
    // A broker that is away must not keep the process.
    match timeout(LAST_WORDS, bus.flush()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(service = H::SERVICE, %error, "the broker may learn late what was given back"),
        Err(_) => warn!(service = H::SERVICE, "the broker does not answer and may learn late what was given back"),
    }
    info!(service = H::SERVICE, "left");
    Ok(())
}

/// Whether there was a message, or at least a connection, before reading broke off.
#[derive(PartialEq, Eq)]
enum Pulled {
    Nothing,
    Something,
}

/// Hands out messages until reading breaks off or the process is to leave.
async fn pull<H: Handler>(
    desk: &Arc<Desk<H>>,
    queue: &Queue,
    bus: &mut Bus,
    hands: &Arc<Semaphore>,
    in_hand: &mut JoinSet<()>,
    shutdown: &Shutdown,
) -> Pulled {
    let mut pulled = Pulled::Nothing;
    loop {
        let next = tokio::select! {
            biased;
            () = shutdown.requested() => return pulled,
            // The broker forgets a request when it goes; the client would notice when the request is long over.
            () = bus.reconnected() => return Pulled::Something,
            next = next_message(queue, hands) => next,
        };
        while let Some(ended) = in_hand.try_join_next() {
            report(ended);
        }
        match next {
            Ok(None) => {}
            Ok(Some((hand, message))) => {
                pulled = Pulled::Something;
                let desk = Arc::clone(desk);
                in_hand.spawn(async move { desk.deal_with(message, hand).await });
            }
            Err(error) => {
                warn!(service = H::SERVICE, %error, "reading messages again");
                return pulled;
            }
        }
    }
}

/// Waits for a free hand and then for a message; none where the broker has none for a while.
///
/// Only one message is asked for: more would be kept from other replicas while this one is busy.
async fn next_message(
    queue: &Queue,
    hands: &Arc<Semaphore>,
) -> Result<Option<(OwnedSemaphorePermit, Handed)>, async_nats::Error> {
    let hand = Arc::clone(hands).acquire_owned().await?;
    Ok(queue.next(REQUEST).await?.map(|message| (hand, message)))
}

/// Waits before the next try, but not when the process is to leave.
async fn rest(failures: u64, shutdown: &Shutdown) {
    let _ = timeout(backoff::after_disconnect(failures), shutdown.requested()).await;
}

/// Lets what is in hand finish; what does not by the deadline is given back to the broker.
async fn drain(mut in_hand: JoinSet<()>, limits: &Limits, give_back: &watch::Sender<bool>, service: &str) {
    let finish = async |in_hand: &mut JoinSet<()>| {
        while let Some(ended) = in_hand.join_next().await {
            report(ended);
        }
    };
    info!(service, in_hand = in_hand.len(), "finishing what is in hand");
    if timeout(limits.drain, finish(&mut in_hand)).await.is_ok() {
        return;
    }
    warn!(service, in_hand = in_hand.len(), "giving back what is not finished");
    give_back.send_replace(true);
    if timeout(LAST_WORDS, finish(&mut in_hand)).await.is_err() {
        warn!(service, in_hand = in_hand.len(), "leaving messages to the broker's waiting time");
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(stopped) = ended.map_err(super::clock::panicked) {
        error!(reason = stopped, "a delivery was dropped; the broker hands it out again");
    }
}

/// Keeps the gauges of a service's backlog up to date.
async fn watch_backlog(bus: Bus, service: &'static str) {
    let mut tick = interval(BACKLOG_EVERY);
    loop {
        tick.tick().await;
        if let Ok(Some(backlog)) = bus.backlog(service).in_current_span().await {
            gauge!("aria_backlog_pending", "service" => service).set(backlog.pending as f64);
            gauge!("aria_backlog_in_hand", "service" => service).set(backlog.in_hand as f64);
            gauge!("aria_backlog_redelivered", "service" => service).set(backlog.redelivered as f64);
        }
    }
}
