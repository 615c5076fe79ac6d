//! What an orchestrator asks of every service: is it alive, is it ready, what has it counted. And how any HTTP is
//! served here: connections, heads and the patience with slow clients are bounded, so that no client can hold more.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tracing::{debug, warn};

use super::Shutdown;
use super::telemetry::Metrics;
use crate::bus::{Bus, Health};

/// How much clients may take of a process.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections at once; further ones wait in the system's own short line.
    pub connections: usize,
    /// How long the head of a request may take to arrive, and how long a connection may be kept without a request.
    pub head: Duration,
    /// How long a client may take none of what is sent to it.
    pub standstill: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections: 512, head: Duration::from_secs(30), standstill: Duration::from_secs(30) }
    }
}

/// The most bytes of a request's head, and of what is read or written ahead for a connection.
const HEAD_BYTES: usize = 64 << 10;
const HEADERS: usize = 100;
/// The pause after the system gave no connection, for one because no file can be opened.
const PAUSE: Duration = Duration::from_secs(1);

/// What the answers are taken from.
#[derive(Clone)]
struct Sources {
    bus: Bus,
    metrics: Metrics,
    shutdown: Shutdown,
}

/// `GET /healthz`, `/readyz` and `/metrics`, to be served alone or merged with a service's own routes.
pub fn routes(bus: Bus, metrics: Metrics, shutdown: Shutdown) -> Router {
    Router::new()
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(counted))
        .with_state(Sources { bus, metrics, shutdown })
}

/// Serves routes within the usual bounds until the process is asked to leave, then gives open requests as long as
/// `drain` to end.
///
/// # Errors
/// Where the socket fails.
pub async fn serve(listener: TcpListener, routes: Router, shutdown: Shutdown, drain: Duration) -> std::io::Result<()> {
    serve_within(Bounds::default(), listener, routes, shutdown, drain).await
}

/// Serves routes as [`serve`] does, within other bounds.
///
/// # Errors
/// As [`serve`].
pub async fn serve_within(
    bounds: Bounds,
    listener: TcpListener,
    routes: Router,
    shutdown: Shutdown,
    drain: Duration,
) -> std::io::Result<()> {
    let seats = Arc::new(Semaphore::new(bounds.connections.max(1)));
    let mut open = JoinSet::new();
    while let Some(accepted) = shutdown.cut_short(accept(&listener, &seats)).await {
        while open.try_join_next().is_some() {}
        if let Some((stream, seat)) = accepted {
            open.spawn(answer(stream, seat, routes.clone(), shutdown.clone(), bounds));
        }
    }
    drop(listener);
    let ended = async { while open.join_next().await.is_some() {} };
    if tokio::time::timeout(drain, ended).await.is_err() {
        warn!(?drain, "requests are still open and are cut off");
    }
    Ok(())
}

/// The next connection, once there is a seat for it.
async fn accept(listener: &TcpListener, seats: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let seat = Arc::clone(seats).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, seat)),
        // The client left before it was its turn.
        Err(error) if is_the_client_s(error.kind()) => None,
        Err(error) => {
            warn!(%error, "cannot take connections for a moment");
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

fn is_the_client_s(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset)
}

/// Answers the requests of one connection; it keeps its seat as long.
async fn answer(stream: TcpStream, seat: OwnedSemaphorePermit, routes: Router, shutdown: Shutdown, bounds: Bounds) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(bounds.standstill));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head)
        .max_headers(HEADERS)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(routes));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = shutdown.requested() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection broke off");
    }
    drop(seat);
}

async fn ready(State(sources): State<Sources>) -> (StatusCode, String) {
    if sources.shutdown.is_requested() {
        return (StatusCode::SERVICE_UNAVAILABLE, "leaving\n".to_owned());
    }
    match sources.bus.health() {
        Health::Connected => (StatusCode::OK, "ready\n".to_owned()),
        Health::Disconnected => (StatusCode::SERVICE_UNAVAILABLE, "no connection to the broker\n".to_owned()),
        Health::Refused { reason } => (StatusCode::SERVICE_UNAVAILABLE, format!("the broker refuses: {reason}\n")),
    }
}

async fn counted(State(sources): State<Sources>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], sources.metrics.render())
}

#[cfg(test)]
mod tests;
