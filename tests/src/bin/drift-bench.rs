//! Measures how drift is told and what retraining is worth, and prints it as a page: `drift-bench DATA [PART]...`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use aria_tests::drift_bench;

/// All other columns that the data's publisher gives, and those of Italy's own definition.
const COVARIATES: [&[&str]; 2] = [&["ci_lifecycle_gco2eq_per_kwh", "cfe_pct", "re_pct"], &["cfe_pct", "re_pct"]];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let data =
        arguments.next().map(PathBuf::from).context("usage: drift-bench DATA [all|own|policy|policy-daily]...")?;
    let mut parts: Vec<String> = arguments.collect();
    if parts.is_empty() {
        parts = ["all", "own", "policy-daily"].map(str::to_owned).into();
    }
    for part in parts {
        let page = match part.as_str() {
            "all" => drift_bench::markdown(COVARIATES[0], &drift_bench::measure(&data, COVARIATES[0])?),
            "own" => drift_bench::markdown(COVARIATES[1], &drift_bench::measure(&data, COVARIATES[1])?),
            "policy" => drift_bench::policies(&drift_bench::table(&data, COVARIATES[1], false)?),
            "policy-daily" => drift_bench::policies(&drift_bench::table(&data, COVARIATES[1], true)?),
            other => bail!("no part is called `{other}`: all, own, policy or policy-daily"),
        };
        print!("{page}");
    }
    Ok(())
}
