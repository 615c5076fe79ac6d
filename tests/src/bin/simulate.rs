//! Runs simulations of many seeds and prints what happened in them: `simulate --seeds 20000 [--from 1] [--enough N]`.
//!
//! With `--enough N` it stops once so many seeds ended badly. Exits with 1 where one of them ends in another state than
//! the undisturbed run, with 2 where it cannot say.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use aria_tests::simulation::{Counts, Input, Violation, run, undisturbed};

struct Asked {
    from: u64,
    seeds: u64,
    /// Seeds with violations after which no further seed is begun.
    enough: u64,
}

fn main() -> ExitCode {
    match simulate() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn simulate() -> Result<ExitCode> {
    let asked = asked(std::env::args().skip(1))?;
    let input = Arc::new(Input::usual()?);
    let whole = Arc::new(undisturbed(&input)?);
    println!(
        "undisturbed: {} batches, {} events, {} artifacts; {} models promoted, {} retrainings, {} forecasts",
        input.len(),
        whole.events(),
        whole.artifacts(),
        whole.count("model.promoted"),
        whole.count("retraining.requested"),
        whole.count("forecast.issued")
    );
    let (started, next) = (Instant::now(), Arc::new(AtomicU64::new(asked.from)));
    let found = Arc::new(AtomicU64::new(0));
    let threads = std::thread::available_parallelism()?.get();
    let last = asked.from + asked.seeds;
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let (input, whole) = (Arc::clone(&input), Arc::clone(&whole));
            let (next, found) = (Arc::clone(&next), Arc::clone(&found));
            std::thread::spawn(move || -> Result<(Counts, Vec<(u64, Vec<Violation>)>)> {
                let (mut sum, mut bad) = (Counts::default(), Vec::new());
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= last || found.load(Ordering::Relaxed) >= asked.enough {
                        return Ok((sum, bad));
                    }
                    let outcome = run(seed, &input, &whole)?;
                    sum.add(&outcome.counts);
                    if !outcome.violations.is_empty() {
                        found.fetch_add(1, Ordering::Relaxed);
                        bad.push((seed, outcome.violations));
                    }
                }
            })
        })
        .collect();
    let (mut sum, mut bad) = (Counts::default(), Vec::new());
    for worker in workers {
        let (counts, violations) = worker.join().map_err(|_| anyhow::anyhow!("a simulation panicked"))??;
        sum.add(&counts);
        bad.extend(violations);
    }
    println!("{} seeds from {} in {:.1} s: {sum}", asked.seeds, asked.from, started.elapsed().as_secs_f64());
    bad.sort_by_key(|(seed, _)| *seed);
    for (seed, violations) in bad.iter().take(20) {
        println!("seed {seed}:");
        violations.iter().take(10).for_each(|violation| println!("  {}", violation.0));
    }
    println!("{} seeds with violations", bad.len());
    Ok(ExitCode::from(u8::from(!bad.is_empty())))
}

fn asked(mut args: impl Iterator<Item = String>) -> Result<Asked> {
    let mut asked = Asked { from: 1, seeds: 1_000, enough: u64::MAX };
    while let Some(name) = args.next() {
        let value: u64 = args.next().with_context(|| format!("{name} needs a number"))?.parse()?;
        match name.as_str() {
            "--from" => asked.from = value,
            "--seeds" => asked.seeds = value,
            "--enough" => asked.enough = value,
            _ => bail!("unknown argument {name}: --seeds, --from and --enough are known"),
        }
    }
    Ok(asked)
}
