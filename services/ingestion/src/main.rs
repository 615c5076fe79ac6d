//! The ingestion service as a process of its own.

use std::process::ExitCode;

use aria_io::runtime::process;

fn main() -> ExitCode {
    process::serve("ingestion", |edges, settings, shutdown| async move {
        aria_ingestion::run(&edges, settings.series, settings.limits, shutdown).await
    })
}
