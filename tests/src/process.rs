//! A process that ends with its owner, and whose output is kept to be waited for and to be shown when a test fails.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::NamedTempFile;

/// How many lines a failed test shows of each process.
const SHOWN: usize = 80;

/// A running process. Dropping it kills it and waits for its end.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: Arc<Output>,
    log: NamedTempFile,
}

/// The lines that a process has written so far.
#[derive(Debug, Default)]
struct Output {
    state: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    written: Vec<String>,
    /// Streams that have ended: standard output and standard error.
    ended: usize,
}

impl Process {
    /// Starts a process with nothing on its standard input, and keeps what it writes.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn spawn(name: &str, command: &mut Command) -> Result<Self> {
        let log = NamedTempFile::with_prefix(format!("aria-{name}-")).context("cannot make a log file")?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {name}: {command:?}"))?;
        let output = Arc::new(Output::default());
        let streams: [Option<Box<dyn Read + Send>>; 2] =
            [child.stdout.take().map(|out| Box::new(out) as _), child.stderr.take().map(|err| Box::new(err) as _)];
        for stream in streams.into_iter().flatten() {
            let (output, log) = (Arc::clone(&output), log.reopen().context("cannot open the log file")?);
            std::thread::spawn(move || output.follow(stream, log));
        }
        Ok(Self { name: name.to_owned(), child, output, log })
    }

    /// The first line, of those written and those to come, of which `wanted` makes something.
    ///
    /// # Errors
    /// Where the process closes its output, or `patience` ends, before such a line.
    pub fn wait_for_line<T>(&self, patience: Duration, wanted: impl Fn(&str) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + patience;
        let mut seen = 0;
        let mut lines = self.output.lock();
        loop {
            if let Some(found) = lines.written.iter().skip(seen).find_map(|line| wanted(line)) {
                return Ok(found);
            }
            seen = lines.written.len();
            let left = deadline.saturating_duration_since(Instant::now());
            if lines.ended == 2 {
                bail!("{} ended before it wrote the line waited for:\n{}", self.name, lines.tail());
            }
            if left.is_zero() {
                bail!("{} did not write the line waited for within {patience:?}:\n{}", self.name, lines.tail());
            }
            lines = self.output.changed.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Everything it has written so far.
    pub fn output(&self) -> String {
        self.output.lock().written.join("\n")
    }

    /// The file with everything it has written so far; it goes with the process.
    pub fn log(&self) -> &Path {
        self.log.path()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended; none while it runs.
    ///
    /// # Errors
    /// Where the system does not tell.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("cannot ask for the end of {}", self.name))
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// Where it still runs after `patience`.
    pub async fn wait(&mut self, patience: Duration) -> Result<ExitStatus> {
        let name = self.name.clone();
        crate::until(&format!("the end of {name}"), patience, || {
            let ended = self.ended();
            async { ended?.context("it still runs") }
        })
        .await
    }

    /// Asks it to end, as an operator does, and waits until it has.
    ///
    /// # Errors
    /// Where it cannot be asked, or still runs after `patience`.
    pub async fn terminate(&mut self, patience: Duration) -> Result<ExitStatus> {
        if let Some(status) = self.ended()? {
            return Ok(status);
        }
        // The shell's own `kill`: there is one on every machine, and no unsafe call here.
        let asked = Command::new("/bin/sh").args(["-c", &format!("kill -TERM {}", self.id())]).status();
        anyhow::ensure!(asked.context("cannot start /bin/sh")?.success(), "cannot ask {} to end", self.name);
        self.wait(patience).await
    }

    /// Kills it where it stands, as a lost machine would, and waits for its end.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.child.kill().with_context(|| format!("cannot kill {}", self.name))?;
        self.child.wait().with_context(|| format!("cannot wait for the end of {}", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- the last that {} ({}) wrote ----\n{}", self.name, self.id(), self.output.lock().tail());
        }
        // Nobody is left to tell if either fails, and a process that has ended is as good as a killed one.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Output {
    fn lock(&self) -> std::sync::MutexGuard<'_, Lines> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(&self, stream: impl Read, mut log: impl Write) {
        let mut reader = BufReader::new(stream);
        let mut bytes = Vec::new();
        while matches!(reader.read_until(b'\n', &mut bytes), Ok(read) if read > 0) {
            log.write_all(&bytes).ok();
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            self.lock().written.push(line);
            self.changed.notify_all();
            bytes.clear();
        }
        self.lock().ended += 1;
        self.changed.notify_all();
    }
}

impl Lines {
    fn tail(&self) -> String {
        let first = self.written.len().saturating_sub(SHOWN);
        self.written.iter().skip(first).map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}
