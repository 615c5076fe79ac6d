//! `aria demo`: what `make run` does. A history replayed through the running platform, and what came of it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use aria_core::artifact::Sha256Hex;
use aria_core::replay::{self, Batch};
use aria_core::series::{Definition, SeriesId};
use aria_core::simulate::{self, Settings};
use aria_core::summary::Tally;
use aria_io::bus::{Filter, Start};
use aria_io::runtime::config::{Environment, Given, keys};
use aria_io::runtime::telemetry::{self, Logging, Metrics};
use aria_io::runtime::{Edges, Shutdown};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use tokio::net::TcpListener;

use crate::ends::Ends;
use crate::options::Options;
use crate::outcome::{self, Outcome, Summary};
use crate::platform::{Platform, listen};
use crate::{feed, input, outfile, simulate as simulated};

/// Replays a history day by day through all services and sums up what came of it.
#[derive(Args, Debug)]
pub struct Demo {
    /// The history; without one the simulator makes it.
    #[arg(long)]
    input: Option<PathBuf>,
    /// The series that the input belongs to.
    #[arg(long, default_value = "it.ci_direct")]
    series: String,
    /// Leaves when the history is through; otherwise everything stays up.
    #[arg(long)]
    once: bool,
    /// Writes forecasts.csv and summary.json into this folder.
    #[arg(long)]
    out: Option<PathBuf>,
    /// The folder for the runs' state. A run that was cut off goes on where it was; with --once, one that came to
    /// something is removed.
    #[arg(long, default_value = "data/demo")]
    data: PathBuf,
    /// The address of the HTTP API while everything stays up, or ARIA_HTTP; without it 127.0.0.1:8080.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    http: Option<String>,
}

/// What a run brings along, whatever the environment names.
const OWN: [&str; 5] = [keys::NATS, keys::NATS_CREDENTIALS, keys::NATS_REPLICAS, keys::STORE, keys::SERIES];
/// The ending of the folder of a run that is done and is being removed.
const DONE: &str = "done";
const FORECASTS: &str = "forecasts.csv";
const SUMMARY: &str = "summary.json";

/// What is replayed.
struct History {
    definition: Definition,
    batches: Vec<Batch>,
    source: String,
    simulated: bool,
    /// The same for the same input, definition and program: a run that was cut off is found again by it.
    id: String,
}

impl Demo {
    /// Runs the command.
    ///
    /// # Errors
    /// Where the settings or the input cannot be used, the output cannot be written, the platform fails, or every batch
    /// is rejected.
    pub async fn run(self, default_logging: &Logging) -> anyhow::Result<()> {
        let options = Options::over(Environment).with(keys::HTTP, "--http", self.http.as_ref()).without(&OWN);
        let given = Given::read(&options, default_logging)?;
        let metrics = telemetry::init(&given.logging)?;
        let history = self.history()?;
        self.check_out()?;
        let listener = listen(self.address(&given)).await?;
        let data = self.data.join(&history.id);
        let done = data.with_extension(DONE);
        forget(&done)?;
        mention!("starting the broker, the store and six services in {}", data.display());
        let definitions = [history.definition.clone()];
        let mut platform = Platform::start(&data, &given, &definitions, Shutdown::on_signals()?).await?;
        let ran = self.run_on(&mut platform, listener, metrics, &history).await;
        platform.stop().await;
        if ran.is_err() {
            note!("the data of the run, with any refused rows, stays in {}", data.display());
        } else if self.once {
            // Under another name first, for a run that is killed over half of the data must not go on with the rest.
            std::fs::rename(&data, &done).with_context(|| format!("cannot remove {}", data.display()))?;
            forget(&done)?;
        }
        ran
    }

    /// Runs the history through a platform, which is to be stopped however that ends.
    async fn run_on(
        &self,
        platform: &mut Platform,
        listener: TcpListener,
        metrics: Metrics,
        history: &History,
    ) -> anyhow::Result<()> {
        let address = platform.serve_http(listener, vec![history.definition.clone()], metrics)?;
        mention!("HTTP API on http://{address}");
        let edges = platform.edges.clone();
        let ends = tokio::select! {
            replayed = self.replay(&edges, history) => replayed?,
            ended = platform.run() => {
                return ended.and_then(|()| bail!("interrupted; the same command goes on from here"));
            }
        };
        ends.rejections()?;
        if !self.once {
            mention!("everything stays up; Ctrl-C ends it");
            platform.run().await?;
        }
        Ok(())
    }

    /// Finds out before the work whether what came of it can be written.
    fn check_out(&self) -> anyhow::Result<()> {
        let Some(out) = &self.out else { return Ok(()) };
        std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
        [FORECASTS, SUMMARY].iter().try_for_each(|file| outfile::check(&out.join(file)))
    }

    fn address(&self, given: &Given) -> SocketAddr {
        // A run that leaves by itself must not fail because another one holds the port.
        if self.once { SocketAddr::from(([127, 0, 0, 1], 0)) } else { given.http }
    }

    async fn replay(&self, edges: &Edges, history: &History) -> anyhow::Result<Ends> {
        let note = if history.simulated { " (simulated)" } else { "" };
        mention!("replaying {} daily batches of {}{note}", history.batches.len(), history.source);
        let series = &history.definition.id;
        feed::go_on(edges, series, &history.batches, &history.source).await?;
        let (tally, ends) = told(edges, series).await?;
        let summary = self.summarise(edges, history, tally, &ends).await?;
        mention!("{}", outcome::to_text(&summary));
        if let Ok(Some(rejections)) = ends.rejections() {
            mention!("{rejections}");
        }
        if let Some(out) = &self.out {
            outfile::write(&out.join(SUMMARY), &serde_json::to_string_pretty(&summary)?)?;
            mention!("{FORECASTS} and {SUMMARY} are in {}", out.display());
        }
        Ok(ends)
    }

    async fn summarise(&self, edges: &Edges, history: &History, tally: Tally, ends: &Ends) -> anyhow::Result<Summary> {
        let head = feed::head(edges, &history.definition.id).await?;
        let mut errors = Vec::new();
        let mut forecasts = outcome::to_csv([]);
        if let Some(snapshot) = head.snapshot {
            let outcome = Outcome::load(&edges.artifacts, &tally, &snapshot).await?;
            errors = outcome.errors();
            forecasts = outcome::to_csv(&outcome.forecasts);
        }
        if let Some(out) = &self.out {
            outfile::write(&out.join(FORECASTS), &forecasts)?;
        }
        let series = history.definition.id.to_string();
        Ok(Summary { series, simulated: history.simulated, tally, latency_ms: ends.latency(), errors })
    }

    fn history(&self) -> anyhow::Result<History> {
        let (definition, bytes, format, source, simulated) = match &self.input {
            Some(file) => {
                let definition = input::definition(&self.series, None)?;
                let bytes = input::read(file, definition.contract.upload_bytes)?;
                let format = input::format_of(file, &bytes)?;
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let simulated = input::is_simulated(&bytes);
                (definition, bytes, format, name, simulated)
            }
            None => {
                let definition = input::definition("simulated.ci_direct", None)?;
                (definition, simulated_history()?, aria_core::artifact::Format::Csv, "the simulator".to_owned(), true)
            }
        };
        let batches = replay::split(&bytes, format, &definition, 1)?;
        let id = run_id(&bytes, &definition)?;
        Ok(History { definition, batches, source, simulated, id })
    }
}

/// Removes the data of a run that is done, where there is any.
fn forget(done: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(done) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", done.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Everything the log says of a series.
///
/// # Errors
/// Where the broker does not answer.
pub async fn tally(edges: &Edges, series: &SeriesId) -> anyhow::Result<Tally> {
    Ok(told(edges, series).await?.0)
}

/// Everything the log says of a series, and of how its batches ended.
async fn told(edges: &Edges, series: &SeriesId) -> anyhow::Result<(Tally, Ends)> {
    let mut events = edges.bus.recorded_events(&Filter::all().series(series), Start::First).await?;
    let (mut tally, mut ends) = (Tally::default(), Ends::default());
    while let Some(recorded) = events.next_readable().await {
        let recorded = recorded?;
        tally.note(&recorded.event);
        ends.note(&recorded);
    }
    Ok((tally, ends))
}

/// A year and a half with a level that rises by a fifth after a year: there is something to see.
fn simulated_history() -> anyhow::Result<Vec<u8>> {
    let settings = Settings {
        from: simulated::FROM.parse()?,
        to: simulated::UNTIL.parse()?,
        seed: simulated::SEED,
        shifts: vec![simulated::SHIFT.parse()?],
    };
    Ok(simulate::to_csv(&simulate::grid(&settings)?).into_bytes())
}

fn run_id(bytes: &[u8], definition: &Definition) -> anyhow::Result<String> {
    let program = std::fs::read(std::env::current_exe()?).context("cannot read the program itself")?;
    let parts =
        [Sha256Hex::of(bytes), Sha256Hex::of(&aria_core::document::encode(definition)?), Sha256Hex::of(&program)];
    Ok(Sha256Hex::of(parts.map(|p| p.to_string()).concat().as_bytes()).short().to_owned())
}
