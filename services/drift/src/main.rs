//! The drift service as a process of its own.

use std::process::ExitCode;

use aria_io::runtime::process;

fn main() -> ExitCode {
    process::serve("drift", |edges, settings, shutdown| async move {
        aria_drift::run(&edges, settings.limits, shutdown).await
    })
}
