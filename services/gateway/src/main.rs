//! The gateway as a process of its own.

use std::process::ExitCode;

use aria_gateway::Gateway;
use aria_io::runtime::process;

fn main() -> ExitCode {
    process::serve_http("gateway", |edges, settings| Gateway::new(edges.clone(), settings.series.clone()).routes())
}
