//! `aria up`: the whole platform in one process. `aria serve`: one service, as deployed.

use std::process::ExitCode;

use aria_io::runtime::Shutdown;
use aria_io::runtime::config::{Environment, Given, keys};
use aria_io::runtime::telemetry::{self, Logging};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

use crate::input;
use crate::options::Options;
use crate::platform::{Place, Platform, listen};

/// Runs all services, with a broker and a store of its own unless others are named.
///
/// Takes every setting of a single service from the environment (ARIA_*); an option holds over its setting.
#[derive(Args, Debug)]
pub struct Up {
    #[command(flatten)]
    place: Place,
    /// The folder with the definitions of the series, or ARIA_SERIES; without it the shipped ones.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    series: Option<String>,
    /// The address of the HTTP API, or ARIA_HTTP; without it 127.0.0.1:8080.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    http: Option<String>,
}

impl Up {
    /// Runs the command until a signal ends it.
    ///
    /// # Errors
    /// Where the settings cannot be used, something cannot be started, or a service ends though nobody asked.
    pub async fn run(self, default_logging: &Logging) -> anyhow::Result<()> {
        let given = Given::read(&self.options(), default_logging)?;
        let metrics = telemetry::init(&given.logging)?;
        let (definitions, from) = match &given.series {
            Some(definitions) => (definitions.clone(), ""),
            None => (input::shipped()?, " as shipped; --series names a folder with others"),
        };
        let names = definitions.iter().map(|d| d.id.to_string()).collect::<Vec<_>>().join(", ");
        let listener = listen(given.http).await?;
        let data = &self.place.data;
        let shutdown = Shutdown::on_signals()?;
        let mut platform = match Platform::start(data, &given, &definitions, shutdown.clone()).await {
            // What was cut off because it was to be is no failure.
            Err(_) if shutdown.is_requested() => return Ok(()),
            started => started?,
        };
        let address = platform.serve_http(listener, definitions, metrics)?;
        mention!("serving {names}{from}");
        mention!("HTTP API on http://{address}; state in {}; Ctrl-C ends it", data.display());
        let ended = platform.run().await;
        platform.stop().await;
        ended
    }

    fn options(&self) -> Options<Environment> {
        let options = self.place.options().with(keys::SERIES, "--series", self.series.as_ref());
        options.with(keys::HTTP, "--http", self.http.as_ref())
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
