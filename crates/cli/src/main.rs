//! `aria`, the operator's command.

// Lines are written through `output`, which no closed pipe can make panic.
#![deny(clippy::print_stdout, clippy::print_stderr)]

#[macro_use]
mod output;

mod backtest;
mod demo;
mod drift;
mod ends;
mod feed;
mod input;
mod offline;
mod operate;
mod options;
mod outcome;
mod outfile;
mod page;
mod platform;
mod plot;
mod progress;
mod push;
mod room;
mod simulate;
mod up;

use std::process::ExitCode;

use aria_io::runtime::chain;
use aria_io::runtime::config::{self, Environment};
use aria_io::runtime::telemetry::{self, Logging};
use clap::{Parser, Subcommand};

/// Forecasts the carbon emissions of a grid, and keeps its forecasts right by itself.
#[derive(Parser, Debug)]
#[command(name = "aria", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Runs all services in one process.
    Up(up::Up),
    /// Runs one service, as deployed.
    Serve(up::Serve),
    /// Replays a history through all services and sums up.
    Demo(demo::Demo),
    /// Hands in files.
    Ingest(push::Ingest),
    /// Feeds a history as if live.
    Replay(push::Replay),
    /// Runs a history offline, with the same decisions.
    Backtest(backtest::Backtest),
    /// Compares two files column by column with every statistic of drift.
    Drift(drift::Drift),
    /// Makes a synthetic grid with known drift.
    Simulate(simulate::Simulate),
    /// Lists the series and how far each has come.
    Series(operate::series::Series),
    /// Says what each series is doing, and what is late or held and why.
    Status(operate::status::Status),
    /// Lists the models of a series and what became of them.
    Models(operate::models::Models),
    /// Shows the event log, or the chain of one batch.
    Events(operate::events::Events),
    /// Prints the newest forecast, or every one issued.
    Forecast(operate::forecast::Forecast),
    /// Shows what a forecast was made from, back to the raw bytes.
    Lineage(operate::lineage::Lineage),
    /// Asks for a new model by hand.
    Retrain(operate::retrain::Retrain),
    /// Puts an earlier model back.
    Rollback(operate::rollback::Rollback),
    /// Holds a model in its place.
    Pin(operate::pin::Pin),
    /// Lets go of a model that is pinned.
    Unpin(operate::pin::Unpin),
    /// Writes a whole series into one file: its data, models, history and lineage.
    Export(operate::export::Export),
    /// Lays a series that was exported into another platform.
    Import(operate::import::Import),
    /// Shows what services could not process, hands it in again, or drops it.
    Deadletters(operate::deadletters::Deadletters),
    /// Says what nothing needs any more, and deletes it with --delete.
    Gc(operate::gc::Gc),
}

fn main() -> ExitCode {
    aria_io::runtime::process::prepare();
    let command = Cli::parse().command;
    if let Command::Serve(serve) = command {
        return serve.run();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let ended = runtime.block_on(run(command));
    // A step that hangs would keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    let quiet = Logging { filter: "warn".to_owned(), ..Logging::default() };
    match command {
        Command::Up(up) => up.run(&quiet).await,
        Command::Demo(demo) => demo.run(&quiet).await,
        command => {
            telemetry::init_logs(&config::logging(&Environment, &quiet)?)?;
            look_or_ask(command).await
        }
    }
}

/// Runs a command that starts no services.
async fn look_or_ask(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Up(_) | Command::Demo(_) | Command::Serve(_) => Ok(()),
        Command::Ingest(ingest) => ingest.run().await,
        Command::Replay(replay) => replay.run().await,
        Command::Backtest(backtest) => backtest.run().await,
        Command::Drift(drift) => drift.run().await,
        Command::Simulate(simulate) => simulate.run(),
        Command::Series(series) => series.run().await,
        Command::Status(status) => status.run().await,
        Command::Models(models) => models.run().await,
        Command::Events(events) => events.run().await,
        Command::Forecast(forecast) => forecast.run().await,
        Command::Lineage(lineage) => lineage.run().await,
        Command::Retrain(retrain) => retrain.run().await,
        Command::Rollback(rollback) => rollback.run().await,
        Command::Pin(pin) => pin.run().await,
        Command::Unpin(unpin) => unpin.run().await,
        Command::Export(export) => export.run().await,
        Command::Import(import) => import.run().await,
        Command::Deadletters(deadletters) => deadletters.run().await,
        Command::Gc(gc) => gc.run().await,
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    if let Some(settings) = error.downcast_ref::<config::BadSettings>() {
        note!("{settings}");
        return ExitCode::from(config::EXIT_CODE);
    }
    note!("error: {}", chain(error.as_ref()));
    ExitCode::FAILURE
}
