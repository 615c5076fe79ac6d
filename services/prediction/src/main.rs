//! The prediction service as a process of its own.

use std::process::ExitCode;

use aria_io::runtime::process;

fn main() -> ExitCode {
    process::serve("prediction", |edges, settings, shutdown| async move {
        aria_prediction::run(&edges, settings.limits, shutdown).await
    })
}
