//! Measures the figures that the project states of its forecasts and prints them as a page: `figures DATA [PART]...`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use aria_tests::figures::{Part, markdown, measure};

fn main() -> ExitCode {
    match figures() {
        Ok(page) => {
            print!("{page}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn figures() -> Result<String> {
    let mut arguments = std::env::args().skip(1);
    let data =
        arguments.next().map(PathBuf::from).context("usage: figures DATA [italy|candidates|zones|carboncast]...")?;
    let part = |name: String| {
        let known = Part::ALL.iter().find(|(known, _)| *known == name);
        known
            .map(|(_, part)| *part)
            .with_context(|| format!("no part is called `{name}`: italy, candidates, zones or carboncast"))
    };
    let mut parts = arguments.map(part).collect::<Result<Vec<_>>>()?;
    if parts.is_empty() {
        parts = Part::ALL.map(|(_, part)| part).into();
    }
    Ok(markdown(&measure(&data, &parts)?))
}
