//! Runs simulations of many seeds and prints what happened in them: `simulate --seeds 20000 [--from 1] [--enough N]`.
//!
//! With `--enough N` it stops once so many seeds ended badly. Exits with 1 where one of them ends in another state than
//! the undisturbed run, with 2 where it cannot say.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use aria_tests::simulation::{Counts, End, Input, Violation, run, undisturbed};

/// Seeds with violations, and violations of each, that are shown.
const SHOWN: usize = 10;

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
    let whole = undisturbed(&input)?;
    println!(
        "undisturbed: {} batches, {} events, {} artifacts; {} models promoted, {} retrainings, {} forecasts",
        input.len(),
        whole.events(),
        whole.artifacts(),
        whole.count("model.promoted"),
        whole.count("retraining.requested"),
        whole.count("forecast.issued")
    );
    let started = Instant::now();
    let mut tried = all(&asked, &input, &whole)?;
    let (seeds, from, seconds) = (tried.seeds, asked.from, started.elapsed().as_secs_f64());
    println!("{seeds} seeds from {from} in {seconds:.1} s: {}", tried.counts);
    tried.bad.sort_by_key(|(seed, _)| *seed);
    for (seed, violations) in tried.bad.iter().take(SHOWN) {
        println!("seed {seed}:");
        violations.iter().take(SHOWN).for_each(|violation| println!("  {}", violation.0));
    }
    println!("{} seeds with violations", tried.bad.len());
    Ok(ExitCode::from(u8::from(!tried.bad.is_empty())))
}

/// What became of some seeds.
#[derive(Default)]
struct Tried {
    seeds: u64,
    counts: Counts,
    bad: Vec<(u64, Vec<Violation>)>,
}

/// Tries all seeds, with a thread for each processor.
fn all(asked: &Asked, input: &Arc<Input>, whole: &End) -> Result<Tried> {
    let (next, found) = (AtomicU64::new(asked.from), AtomicU64::new(0));
    let some = || {
        let mut tried = Tried::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= asked.from + asked.seeds || found.load(Ordering::Relaxed) >= asked.enough {
                return Ok::<_, anyhow::Error>(tried);
            }
            let outcome = run(seed, input, whole)?;
            tried.seeds += 1;
            tried.counts.add(&outcome.counts);
            if !outcome.violations.is_empty() {
                found.fetch_add(1, Ordering::Relaxed);
                tried.bad.push((seed, outcome.violations));
            }
        }
    };
    let threads = std::thread::available_parallelism()?.get();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(some)).collect();
        let mut sum = Tried::default();
        for worker in workers {
            let tried = worker.join().map_err(|_| anyhow::anyhow!("a simulation panicked"))??;
            sum.seeds += tried.seeds;
            sum.counts.add(&tried.counts);
            sum.bad.extend(tried.bad);
        }
        Ok(sum)
    })
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
