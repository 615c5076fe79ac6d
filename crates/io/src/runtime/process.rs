//! A service as a process: settings, telemetry, connections, work, drain. Written once for all of them.

use std::fmt::Display;
use std::future::Future;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tracing::error;

use super::config::{EXIT_CODE, Environment, Settings};
use super::{Edges, Shutdown, http, telemetry};
use crate::artifacts::Artifacts;
use crate::bus::Bus;

/// How long heavy work may take to end once everything else has.
const LAST_THREADS: Duration = Duration::from_secs(2);

/// What every program of Aria does first: one TLS provider for all clients.
pub fn prepare() {
    // An error says that it was chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Runs a worker service with its settings from the environment until a signal ends it.
///
/// Gives 64 where the settings cannot be used, before anything is started, and 1 where the service cannot go on.
pub fn serve<F, R, E>(name: &'static str, work: F) -> ExitCode
where
    F: FnOnce(Edges, Settings, Shutdown) -> R,
    R: Future<Output = Result<(), E>>,
    E: Display,
{
    run(name, |_, _, _| Router::new(), work)
}

/// Runs a service that answers HTTP beside or in place of other work.
pub fn serve_http(name: &'static str, routes: impl FnOnce(&Edges, &Settings, &Shutdown) -> Router) -> ExitCode {
    let idle = async |_: Edges, _: Settings, shutdown: Shutdown| {
        shutdown.requested().await;
        Ok::<(), String>(())
    };
    run(name, routes, idle)
}

fn run<F, R, E>(name: &'static str, routes: impl FnOnce(&Edges, &Settings, &Shutdown) -> Router, work: F) -> ExitCode
where
    F: FnOnce(Edges, Settings, Shutdown) -> R,
    R: Future<Output = Result<(), E>>,
    E: Display,
{
    prepare();
    let settings = match Settings::of_service(&Environment) {
        Ok(settings) => settings,
        Err(bad) => {
            tell(&bad);
            return ExitCode::from(EXIT_CODE);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(fault) => return failed(name, &fault),
    };
    let served = runtime.block_on(async {
        let metrics = telemetry::init(&settings.logging).map_err(|e| e.to_string())?;
        let shutdown = Shutdown::on_signals().map_err(|e| e.to_string())?;
        let listener =
            TcpListener::bind(settings.http).await.map_err(|e| format!("cannot listen on {}: {e}", settings.http))?;
        let Some(edges) = shutdown.cut_short(connect(name, &settings)).await else { return Ok(()) };
        let edges = edges.map_err(|e| super::chain(e.as_ref()))?;
        let own = routes(&edges, &settings, &shutdown);
        let routes = http::routes(edges.bus.clone(), metrics, shutdown.clone()).merge(own);
        let answering = tokio::spawn(http::serve(listener, routes, shutdown.clone(), settings.limits.drain));
        let worked = tokio::select! {
            worked = work(edges, settings, shutdown.clone()) => worked.map_err(|e| e.to_string()),
            overrun = super::overrun() => Err(overrun),
        };
        shutdown.request();
        let _ = answering.await;
        worked
    });
    // Not waited for without end: a step that hangs would keep the process, and with it its memory.
    runtime.shutdown_timeout(LAST_THREADS);
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => failed(name, &fault),
    }
}

async fn connect(name: &str, settings: &Settings) -> Result<Edges, Box<dyn std::error::Error + Send + Sync>> {
    let bus = Bus::connect(&settings.bus(name)).await?;
    bus.ensure().await?;
    let edges = Edges { bus, artifacts: Artifacts::open(&settings.outside.store)? };
    edges.join().await?;
    Ok(edges)
}

fn failed(name: &str, fault: &dyn Display) -> ExitCode {
    error!(service = name, %fault, "cannot go on");
    tell(&format_args!("{name}: {fault}"));
    ExitCode::FAILURE
}

/// Writes a line to the standard error, where anybody still reads it.
fn tell(text: &dyn Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
