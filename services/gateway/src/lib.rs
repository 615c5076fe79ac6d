//! The gateway: Aria over HTTP. Takes batches in, tells what a series has come to, and passes events on as they happen.

mod answers;
mod feed;
mod problem;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use aria_core::series::{Definition, SeriesId};
use aria_io::runtime::{Edges, Shutdown, process};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

pub use problem::Problem;

/// The gateway to a platform.
#[derive(Clone)]
pub struct Gateway {
    edges: Edges,
    definitions: Arc<BTreeMap<SeriesId, Definition>>,
    shutdown: Shutdown,
}

impl Gateway {
    /// A gateway for the defined series, whose event feeds end when the process is asked to leave.
    pub fn new(edges: Edges, definitions: impl IntoIterator<Item = Definition>, shutdown: Shutdown) -> Self {
        let definitions = definitions.into_iter().map(|d| (d.id.clone(), d)).collect();
        Self { edges, definitions: Arc::new(definitions), shutdown }
    }

    /// The routes under `/` and `/v1`.
    pub fn routes(self) -> Router {
        let largest = self.definitions.values().map(|d| d.contract.upload_bytes).max().unwrap_or_default();
        Router::new()
            .route("/", get(answers::index))
            .route("/v1/series", get(answers::series))
            .route("/v1/series/{series}", get(answers::status))
            .route("/v1/series/{series}/batches", post(answers::receive))
            .route("/v1/series/{series}/forecast", get(answers::forecast))
            .route("/v1/series/{series}/forecasts", get(answers::forecasts))
            .route("/v1/series/{series}/models", get(answers::models))
            .route("/v1/events", get(feed::events))
            .layer(DefaultBodyLimit::max(usize::try_from(largest).unwrap_or(usize::MAX)))
            .with_state(self)
    }
}

/// Runs the gateway as a process of its own, with its settings from the environment, until a signal ends it.
pub fn process() -> ExitCode {
    process::serve_http("gateway", |edges, settings, shutdown| {
        Gateway::new(edges.clone(), settings.series.clone(), shutdown.clone()).routes()
    })
}
