//! What a process tells about itself: log lines on standard error and metrics for Prometheus.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// Upper bounds of the buckets of every duration, in seconds: from a lookup to a long training.
const SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0];

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// Which log lines there are and how they look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    /// Which lines, in the words of `tracing`: `info`, `aria_io=debug,info`.
    pub filter: String,
    /// How they look.
    pub format: LogFormat,
}

impl Default for Logging {
    fn default() -> Self {
        Self { filter: "info".to_owned(), format: LogFormat::Text }
    }
}

/// Why a process cannot tell about itself.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter of log lines cannot be read.
    #[error("`{filter}` is no filter of log lines; write one such as info or aria_io=debug,info")]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Log lines already go elsewhere.
    #[error("log lines are set up twice")]
    Logs(#[source] TryInitError),
    /// Metrics already go elsewhere.
    #[error("metrics cannot be set up")]
    Metrics(#[source] BuildError),
}

/// What has been counted so far; cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl Metrics {
    /// The metrics in Prometheus's text format.
    pub fn render(&self) -> String {
        // Without this, what histograms hold would grow between two looks.
        self.handle.run_upkeep();
        self.handle.render()
    }
}

/// Sets log lines and metrics up, once in the life of a process.
///
/// # Errors
/// Where the filter cannot be read, or something has set them up before.
pub fn init(logging: &Logging) -> Result<Metrics, TelemetryError> {
    init_logs(logging)?;
    init_metrics()
}

/// Sets up log lines only, for a command that serves no metrics.
///
/// # Errors
/// As [`init`].
pub fn init_logs(logging: &Logging) -> Result<(), TelemetryError> {
    let registry = tracing_subscriber::registry().with(filter(&logging.filter)?);
    // A line that cannot be written is lost: the library would tell it on the same closed pipe, and panic.
    match logging.format {
        LogFormat::Text => {
            let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
            let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(ansi);
            let lines = lines.with_target(false).log_internal_errors(false);
            registry.with(lines).try_init().map_err(TelemetryError::Logs)
        }
        LogFormat::Json => {
            let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
            let lines = lines.log_internal_errors(false);
            registry.with(lines).try_init().map_err(TelemetryError::Logs)
        }
    }
}

/// The filter of log lines.
///
/// # Errors
/// Where the text is none.
pub fn filter(text: &str) -> Result<EnvFilter, TelemetryError> {
    // The client's own lines repeat what the bus says.
    let text_with_client = format!("async_nats=warn,{text}");
    EnvFilter::builder()
        .parse(text_with_client)
        .map_err(|source| TelemetryError::Filter { filter: text.to_owned(), source })
}

fn init_metrics() -> Result<Metrics, TelemetryError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(TelemetryError::Metrics)?;
    describe();
    Ok(Metrics { handle })
}

fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_counter!("aria_deliveries_total", "Handlings of messages, by what became of them");
    describe_histogram!("aria_delivery_seconds", Unit::Seconds, "Time of one handling of a message, without waiting");
    describe_counter!("aria_events_published_total", "Events stored by the broker");
    describe_counter!("aria_dead_letters_total", "Messages that could not be processed");
    describe_gauge!("aria_in_hand", "Messages being dealt with by this process");
    describe_gauge!("aria_waiting", "Messages that wait in this process for their turn");
    describe_gauge!("aria_outage", "1 while the broker or the store serves nobody and everything waits, else 0");
    describe_gauge!("aria_backlog_pending", "Messages that wait for the service");
    describe_gauge!("aria_backlog_in_hand", "Messages in the hands of all replicas, postponed ones among them");
    describe_gauge!("aria_backlog_redelivered", "Messages in hand that were handed out more than once");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_cannot_be_read_is_refused_with_its_text() {
        let fault = filter("info,=,=x=").unwrap_err();
        assert!(fault.to_string().starts_with("`info,=,=x=` is no filter"), "{fault}");
    }

    #[test]
    fn what_was_counted_is_rendered() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = Metrics { handle: recorder.handle() };
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!("aria_dead_letters_total", "service" => "training").increment(2);
        });
        assert!(metrics.render().contains("aria_dead_letters_total{service=\"training\"} 2"));
    }
}
