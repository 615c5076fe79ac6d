//! The evaluation service as a process of its own.

use std::process::ExitCode;

use aria_io::runtime::process;

fn main() -> ExitCode {
    process::serve("evaluation", |edges, settings, shutdown| async move {
        aria_evaluation::run(&edges, settings.limits, shutdown).await
    })
}
