//! What an orchestrator asks of every service: is it alive, is it ready, what has it counted.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

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

/// Serves routes until the process is asked to leave, then lets open requests end.
///
/// # Errors
/// Where the socket fails.
pub async fn serve(listener: TcpListener, routes: Router, shutdown: Shutdown) -> std::io::Result<()> {
    axum::serve(listener, routes).with_graceful_shutdown(async move { shutdown.requested().await }).await
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
