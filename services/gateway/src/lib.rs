//! The gateway: Aria over HTTP. Takes batches in, tells what a series has come to, and passes events on as they happen.

mod answers;
mod feed;
mod problem;
mod upload;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use aria_core::series::{Definition, SeriesId};
use aria_io::runtime::config::Intake;
use aria_io::runtime::{Edges, Shutdown, process};
use axum::Router;
use axum::routing::{get, post};
use tokio::sync::{Mutex, Semaphore};

pub use problem::Problem;
use upload::Uploads;

/// Event feeds that may be open at once: half of the connections, so that requests find one.
const FEEDS: usize = 256;

/// The gateway to a platform.
#[derive(Clone)]
pub struct Gateway {
    edges: Edges,
    definitions: Arc<BTreeMap<SeriesId, Definition>>,
    /// Whoever announces a batch of a series here does so alone: side by side they would only race for one ordinal.
    turns: Arc<BTreeMap<SeriesId, Mutex<()>>>,
    backlog: u64,
    uploads: Uploads,
    feeds: Arc<Semaphore>,
    shutdown: Shutdown,
}

impl Gateway {
    /// A gateway for the defined series, whose event feeds end when the process is asked to leave.
    pub fn new(
        edges: Edges,
        definitions: impl IntoIterator<Item = Definition>,
        intake: Intake,
        shutdown: Shutdown,
    ) -> Self {
        let definitions: BTreeMap<_, _> = definitions.into_iter().map(|d| (d.id.clone(), d)).collect();
        let turns = definitions.keys().map(|series| (series.clone(), Mutex::default())).collect();
        let largest = definitions.values().map(|d| d.contract.upload_bytes).max().unwrap_or_default();
        Self {
            edges,
            definitions: Arc::new(definitions),
            turns: Arc::new(turns),
            backlog: intake.backlog,
            // What a series allows must find room, however little is to be held at once.
            uploads: Uploads::new(intake.upload_bytes.max(largest)),
            feeds: Arc::new(Semaphore::new(FEEDS)),
            shutdown,
        }
    }

    /// The routes under `/` and `/v1`.
    pub fn routes(self) -> Router {
        Router::new()
            .route("/", get(answers::index))
            .route("/v1/series", get(answers::series))
            .route("/v1/series/{series}", get(answers::status))
            .route("/v1/series/{series}/batches", post(answers::receive))
            .route("/v1/series/{series}/forecast", get(answers::forecast))
            .route("/v1/series/{series}/forecasts", get(answers::forecasts))
            .route("/v1/series/{series}/models", get(answers::models))
            .route("/v1/events", get(feed::events))
            .with_state(self)
    }
}

/// Runs the gateway as a process of its own, with its settings from the environment, until a signal ends it.
pub fn process() -> ExitCode {
    process::serve_http("gateway", |edges, settings, shutdown| {
        Gateway::new(edges.clone(), settings.series.clone(), settings.intake, shutdown.clone()).routes()
    })
}
