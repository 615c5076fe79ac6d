//! `aria up`: the whole platform in one process. `aria serve`: one service, as deployed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use aria_io::runtime::Shutdown;
use aria_io::runtime::telemetry::Metrics;
use clap::{Args, ValueEnum};

use crate::input;
use crate::platform::{Place, Platform};

/// Runs all services, with a broker and a store of its own unless others are named.
#[derive(Args, Debug)]
pub struct Up {
    #[command(flatten)]
    place: Place,
    /// The folder with the definitions of the series; without it the shipped ones.
    #[arg(long, env = "ARIA_SERIES")]
    series: Option<PathBuf>,
    /// The address of the HTTP API.
    #[arg(long, env = "ARIA_HTTP", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
}

impl Up {
    /// Runs the command until a signal ends it.
    ///
    /// # Errors
    /// Where something cannot be started, or a service ends though nobody asked.
    pub async fn run(self, metrics: Metrics) -> anyhow::Result<()> {
        let definitions = input::definitions(self.series.as_deref())?;
        let names = definitions.iter().map(|d| d.id.to_string()).collect::<Vec<_>>().join(", ");
        let mut platform = Platform::start(&self.place, definitions.clone(), Shutdown::on_signals()?).await?;
        let address = platform.serve_http(self.http, definitions, metrics).await?;
        mention!("serving {names}");
        mention!("HTTP API on http://{address}; state in {}; Ctrl-C ends it", self.place.data.display());
        let ended = platform.run().await;
        platform.stop().await;
        ended
    }
}

/// Runs one service with its settings from the environment.
#[derive(Args, Debug)]
pub struct Serve {
    /// Which.
    #[arg(value_enum)]
    service: Service,
}

/// A service.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Service {
    Ingestion,
    Training,
    Evaluation,
    Drift,
    Prediction,
    Gateway,
}

impl Serve {
    /// Runs the service until a signal ends it; 64 where its settings cannot be used.
    pub fn run(self) -> ExitCode {
        match self.service {
            Service::Ingestion => aria_ingestion::process(),
            Service::Training => aria_training::process(),
            Service::Evaluation => aria_evaluation::process(),
            Service::Drift => aria_drift::process(),
            Service::Prediction => aria_prediction::process(),
            Service::Gateway => aria_gateway::process(),
        }
    }
}
