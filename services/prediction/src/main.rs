//! The prediction service as a process of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    aria_prediction::process()
}
