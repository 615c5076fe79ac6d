//! Runs a target: every input of its corpus, then mutations of them, and tells what it did.
//!
//! `ARIA_FUZZ_TARGET`, `ARIA_FUZZ_SECONDS` and `ARIA_FUZZ_SEED`, which `make fuzz` sets, choose a target and make it go
//! on from other seeds; without them it does the same every time.

use std::cell::RefCell;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use aria_core::artifact::Sha256Hex;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::{MEMORY, corpus, edit};

/// The longest that one input may take, on a machine that has much else to do.
const SLOWEST: Duration = Duration::from_secs(20);
/// When an input counts as one that never ends.
const ENDLESS: Duration = Duration::from_secs(120);
/// Where the bounded run begins.
const FIRST_SEED: u64 = 1;

/// One at a time: memory is counted for the whole process.
static TURN: Mutex<()> = Mutex::new(());

/// What is fuzzed.
pub struct Target {
    /// Its name, that of its folder of inputs.
    pub name: &'static str,
    /// Further folders with inputs, as seen from the root of the clone, and how the names of files in them end.
    pub samples: &'static [(&'static str, &'static str)],
    /// Words that mean something in the format.
    pub words: &'static [&'static [u8]],
    /// Mutations of a bounded run, and of each round of a longer one.
    pub mutations: u32,
    /// The most bytes of memory that an input of so many bytes may take.
    pub memory: fn(usize) -> usize,
}

/// What became of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was read.
    Taken,
    /// It was refused with a reason.
    Refused,
}

/// How long to go on, and from where.
#[derive(Clone, Copy)]
struct Course {
    seed: u64,
    until: Option<Instant>,
}

impl Course {
    fn asked() -> Result<Self> {
        let number = |key: &str| {
            let text = std::env::var(key).ok().filter(|text| !text.is_empty());
            text.map(|text| text.parse::<u64>().with_context(|| format!("{key} is no number: `{text}`"))).transpose()
        };
        let (seconds, seed) = (number("ARIA_FUZZ_SECONDS")?, number("ARIA_FUZZ_SEED")?);
        let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        Ok(Self { seed: seed.unwrap_or(FIRST_SEED), until })
    }
}

/// Runs every input of the corpus and mutations of them against a law.
///
/// # Errors
/// With the first input that breaks the law, which is kept in a file, or that takes too much time or memory; and where
/// all inputs of the corpus came to the same, since the law then judges only one side.
pub fn run(target: &Target, law: impl Fn(&[u8]) -> Result<Outcome>) -> Result<()> {
    let turn = turn();
    // Without a backtrace, which takes fifty megabytes: a library that panics on a damaged file is shielded from.
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    if std::env::var("ARIA_FUZZ_TARGET").is_ok_and(|wanted| !wanted.is_empty() && wanted != target.name) {
        return Ok(());
    }
    let inputs = corpus::read(target.name, target.samples)?;
    let course = Course::asked()?;
    let session = Session::new(target, law, course.until.is_some());
    for input in &inputs {
        session.execute(&input.bytes).map_err(|fault| anyhow!("corpus/{}/{}: {fault}", target.name, input.name))?;
    }
    session.ensure_both()?;
    let corpus: Vec<Vec<u8>> = inputs.into_iter().map(|input| input.bytes).collect();
    let mut seed = course.seed;
    loop {
        session.round(seed, &corpus)?;
        if course.until.is_none_or(|until| Instant::now() >= until) {
            break;
        }
        seed = seed.wrapping_add(1);
    }
    session.tell(corpus.len(), course.seed, seed)?;
    drop(turn);
    Ok(())
}

/// Waits until no other test asks for memory: a test that measures has to make its input in its own turn too.
pub fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a piece of work gives and the most memory that it took at once; the caller has its [`turn`].
pub fn measured<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let done = work();
    (done, MEMORY.peak_usage().saturating_sub(before))
}

/// The executions of one run.
struct Session<'a, L> {
    target: &'a Target,
    law: L,
    watch: Watch,
    /// Where each input is kept before it is tried, for the case that it ends the process.
    kept_before: Option<PathBuf>,
    told: RefCell<Told>,
}

/// What there is to tell of a run.
#[derive(Default)]
struct Told {
    taken: u64,
    refused: u64,
    longest: Duration,
    most_memory: usize,
}

impl<'a, L: Fn(&[u8]) -> Result<Outcome>> Session<'a, L> {
    fn new(target: &'a Target, law: L, keeps: bool) -> Self {
        let kept_before = keeps.then(|| kept_in(&format!("fuzz-{}-last", target.name)));
        Self { target, law, watch: Watch::begin(target.name), kept_before, told: RefCell::default() }
    }

    fn round(&self, seed: u64, corpus: &[Vec<u8>]) -> Result<()> {
        let config = Config { cases: self.target.mutations, failure_persistence: None, ..Config::default() };
        let digest = Sha256Hex::of(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &digest.as_str().as_bytes()[..32]);
        let mut runner = TestRunner::new_with_rng(config, rng);
        let broken = runner.run(&edit::mutation(), |mutation| {
            let bytes = mutation.bytes(corpus, self.target.words);
            self.execute(&bytes).map_err(TestCaseError::fail)
        });
        let Err(broken) = broken else { return Ok(()) };
        let name = self.target.name;
        let TestError::Fail(reason, mutation) = broken else {
            bail!("{name}: the run from seed {seed} stopped: {broken}")
        };
        let file = keep(name, &mutation.bytes(corpus, self.target.words))?;
        bail!(
            "{name}: {reason}\nthe input lies in {}: when it is mended, keep it as tests/corpus/{name}/<what it shows>\n\
             the same again: make fuzz TARGET={name} SECONDS=0 SEED={seed}",
            file.display()
        )
    }

    /// Tries one input.
    fn execute(&self, bytes: &[u8]) -> Result<(), String> {
        if let Some(file) = &self.kept_before {
            std::fs::write(file, bytes).map_err(|error| error.to_string())?;
        }
        let _watched = self.watch.over(bytes);
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let began = Instant::now();
        let judged = catch_unwind(AssertUnwindSafe(|| (self.law)(bytes)));
        let (took, memory) = (began.elapsed(), MEMORY.peak_usage().saturating_sub(before));
        let outcome = match judged {
            Ok(outcome) => outcome.map_err(|fault| format!("{fault:#}"))?,
            Err(panic) => return Err(format!("it panics: {}", said(panic.as_ref()))),
        };
        let most = (self.target.memory)(bytes.len());
        if memory > most {
            return Err(format!("{} bytes took {memory} bytes of memory, where {most} are allowed", bytes.len()));
        }
        if took > SLOWEST {
            return Err(format!("{} bytes took {took:?}", bytes.len()));
        }
        self.told.borrow_mut().note(outcome, took, memory);
        Ok(())
    }

    fn ensure_both(&self) -> Result<()> {
        let told = self.told.borrow();
        ensure!(
            told.taken > 0 && told.refused > 0,
            "the corpus of {} is all taken in or all refused",
            self.target.name
        );
        Ok(())
    }

    /// Tells on standard error, where also the output of a test that passes is seen.
    fn tell(&self, inputs: usize, first: u64, last: u64) -> Result<()> {
        let told = self.told.borrow();
        let line = format!(
            "fuzz {}: {inputs} inputs kept, {} executions, {} taken in, {} refused; longest {:.1} ms, most memory {:.1} \
             MiB; seeds {first} to {last}",
            self.target.name,
            told.taken + told.refused,
            told.taken,
            told.refused,
            told.longest.as_secs_f64() * 1e3,
            told.most_memory as f64 / f64::from(1 << 20),
        );
        writeln!(std::io::stderr(), "{line}").context("cannot tell what was done")
    }
}

impl Told {
    fn note(&mut self, outcome: Outcome, took: Duration, memory: usize) {
        match outcome {
            Outcome::Taken => self.taken += 1,
            Outcome::Refused => self.refused += 1,
        }
        self.longest = self.longest.max(took);
        self.most_memory = self.most_memory.max(memory);
    }
}

/// Ends the process where an input never ends, since nothing else could.
struct Watch {
    sender: Sender<Option<Vec<u8>>>,
}

/// An input that is being tried.
struct Watched<'a>(&'a Watch);

impl Watch {
    fn begin(name: &'static str) -> Self {
        let (sender, receiver) = channel::<Option<Vec<u8>>>();
        std::thread::spawn(move || {
            let mut tried: Option<Vec<u8>> = None;
            loop {
                match receiver.recv_timeout(ENDLESS) {
                    Ok(input) => tried = input,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
                        let Some(input) = &tried else { continue };
                        let _ =
                            writeln!(std::io::stderr(), "fuzz {name}: no end in {ENDLESS:?}: {:?}", keep(name, input));
                        std::process::exit(101);
                    }
                }
            }
        });
        Self { sender }
    }

    fn over(&self, bytes: &[u8]) -> Watched<'_> {
        let _ = self.sender.send(Some(bytes.to_vec()));
        Watched(self)
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        let _ = self.0.sender.send(None);
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a word")
}

/// Keeps an input that breaks a law.
fn keep(name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let file = kept_in(&format!("fuzz-{name}-{}", Sha256Hex::of(bytes).short()));
    std::fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

fn kept_in(file: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(file)
}
