//! The training service as a process of its own.

use std::process::ExitCode;

use aria_io::runtime::process;

fn main() -> ExitCode {
    process::serve("training", |edges, settings, shutdown| async move {
        aria_training::run(&edges, settings.limits, shutdown).await
    })
}
