//! What an orchestrator asks of every service: is it alive, is it ready, what has it counted.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tracing::warn;

use super::Shutdown;
use super::telemetry::Metrics;
use crate::bus::{Bus, Health};

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

/// Serves routes until the process is asked to leave, then gives open requests as long as `drain` to end.
///
/// # Errors
/// Where the socket fails.
pub async fn serve(listener: TcpListener, routes: Router, shutdown: Shutdown, drain: Duration) -> std::io::Result<()> {
    let leaving = shutdown.clone();
    let served = axum::serve(listener, routes).with_graceful_shutdown(async move { leaving.requested().await });
    let overdue = async {
        shutdown.requested().await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        served = served => served,
        () = overdue => {
            warn!(?drain, "requests are still open and are cut off");
            Ok(())
        }
    }
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
