//! Connecting, staying connected, and telling why the broker refuses something.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::{ConnectErrorKind, ConnectOptions, Event, ServerError, connection::State, jetstream};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::address::{addresses, without_password};
use super::link::{Link, Server};
use super::{Bus, BusConfig, BusError};

const SLOWEST_RECONNECT: Duration = Duration::from_secs(2);
/// A connection that answers no ping for two of these is given up.
const PING: Duration = Duration::from_secs(10);
const ACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether the broker is there and lets the service do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Connected.
    Connected,
    /// The connection is down; the client keeps trying.
    Disconnected,
    /// The broker refused something that the service needs; a person has to look at its permissions.
    Refused {
        /// What the broker said.
        reason: String,
    },
}

/// What the broker refused last. A refusal reaches the caller as a timeout only, so it is kept here.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusal(Arc<Mutex<Option<String>>>);

impl Refusal {
    fn keep(&self, reason: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
    }

    /// A new connection starts with a clean slate: its permissions may have been corrected.
    fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn last(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How often the connection was made, so that a reader learns of a new one.
pub(super) type Connections = watch::Receiver<u64>;

pub(super) async fn connect(config: &BusConfig) -> Result<Bus, BusError> {
    let refusal = Refusal::default();
    let connections = Arc::new(watch::Sender::new(0));
    let deadline = Instant::now() + config.patience;
    let mut attempt = 0;
    let client = loop {
        let source = match options(config, &refusal, &connections).await?.connect(addresses(&config.url)).await {
            Ok(client) => break client,
            Err(source) => source,
        };
        attempt += 1;
        let is_refused =
            matches!(source.kind(), ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation);
        let pause = reconnect_delay(attempt + 1);
        if is_refused || Instant::now() + pause > deadline {
            return Err(BusError::Connect { url: without_password(&config.url), source });
        }
        warn!(url = without_password(&config.url), error = %source, "no broker yet");
        tokio::time::sleep(pause).await;
    };
    // The client tells of the first connection a little later; whoever reads has to know it from a second one.
    let mut made = connections.subscribe();
    let _ = tokio::time::timeout(ACK_TIMEOUT, made.wait_for(|count| *count > 0)).await;
    let jetstream =
        jetstream::ContextBuilder::new().timeout(ACK_TIMEOUT).ack_timeout(ACK_TIMEOUT).build(client.clone());
    let link = Link::Server(Server { client, jetstream, refusal, connections: made });
    Ok(Bus { link, config: Arc::new(config.clone()) })
}

pub(super) fn health(client: &async_nats::Client, refusal: &Refusal) -> Health {
    match (client.connection_state(), refusal.last()) {
        (_, Some(reason)) => Health::Refused { reason },
        (State::Connected, None) => Health::Connected,
        (State::Pending | State::Disconnected, None) => Health::Disconnected,
    }
}

async fn options(
    config: &BusConfig,
    refusal: &Refusal,
    connections: &Arc<watch::Sender<u64>>,
) -> Result<ConnectOptions, BusError> {
    let (kept, made) = (refusal.clone(), connections.clone());
    let name = config.name.clone();
    let options = ConnectOptions::new()
        .name(format!("aria-{}", config.name))
        .custom_inbox_prefix(format!("_INBOX_{}", config.name))
        .reconnect_delay_callback(reconnect_delay)
        .ping_interval(PING)
        .event_callback(move |event| {
            if event == Event::Connected {
                made.send_modify(|count| *count += 1);
            }
            tell(&name, &kept, &event);
            std::future::ready(())
        });
    let Some(path) = &config.credentials else { return Ok(options) };
    options.credentials_file(path).await.map_err(|source| BusError::Credentials { path: path.clone(), source })
}

fn tell(name: &str, refusal: &Refusal, event: &Event) {
    match event {
        Event::Connected => {
            refusal.forget();
            info!(client = name, "connected to the broker");
        }
        Event::Disconnected | Event::LameDuckMode => warn!(client = name, %event, "the broker is leaving"),
        Event::ServerError(ServerError::Other(reason)) if reason.to_lowercase().contains("permissions violation") => {
            refusal.keep(reason);
            error!(client = name, reason, "the broker refuses what this service needs: see its permissions");
        }
        Event::ServerError(reason) => error!(client = name, %reason, "the broker reports an error"),
        Event::ClientError(_) | Event::SlowConsumer(_) => warn!(client = name, %event, "the connection has trouble"),
        Event::Draining | Event::Closed => info!(client = name, %event, "the connection ends"),
    }
}

/// The first attempt, which is also that of a first connection, comes at once.
fn reconnect_delay(attempt: usize) -> Duration {
    let Some(doublings) = u32::try_from(attempt.min(9)).ok().and_then(|attempt| attempt.checked_sub(2)) else {
        return Duration::ZERO;
    };
    Duration::from_millis(40).saturating_mul(1 << doublings).min(SLOWEST_RECONNECT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconnecting_slows_down_to_two_seconds() {
        assert_eq!([0, 1, 2, 3].map(|attempt| reconnect_delay(attempt).as_millis()), [0, 0, 40, 80]);
        assert_eq!(reconnect_delay(1_000), SLOWEST_RECONNECT);
    }
}
