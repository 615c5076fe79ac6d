//! Progress of long work: one line that moves on a terminal, a plain line now and then elsewhere.

use std::io::IsTerminal;
use std::time::Instant;

use aria_core::event::{Event, Fact};
use aria_core::time::Timestamp;

use crate::output;

/// Plain lines are this many batches apart.
const EVERY: usize = 50;

/// Progress over a known number of batches.
#[derive(Debug)]
pub struct Progress {
    total: usize,
    begun: Instant,
    first: Option<usize>,
    terminal: bool,
}

impl Progress {
    /// Progress over `total` batches.
    pub fn new(total: usize) -> Self {
        Self { total, begun: Instant::now(), first: None, terminal: std::io::stdout().is_terminal() }
    }

    /// Shows that batch `done` of the total ended with this.
    pub fn step(&mut self, done: usize, as_of: Timestamp, end: &Event) {
        let first = *self.first.get_or_insert(done);
        if !self.terminal && !done.is_multiple_of(EVERY) && done != self.total {
            return;
        }
        let rate = (done - first + 1) as f64 / self.begun.elapsed().as_secs_f64().max(1e-3);
        let day = as_of.to_string();
        let day = day.get(..10).unwrap_or(&day);
        let line = format!("{done:>5} of {} batches, {day}, {rate:.0} a second: {}", self.total, told(&end.fact));
        if self.terminal {
            output::moving_line(format_args!("{line:.120}"));
        } else {
            mention!("{line}");
        }
    }

    /// Leaves the moving line.
    pub fn finish(&self) {
        if self.terminal && self.first.is_some() {
            mention!("");
        }
    }
}

fn told(fact: &Fact) -> String {
    match fact {
        Fact::BatchRejected(rejected) => format!("rejected: {}", rejected.reason),
        Fact::ForecastWithheld(withheld) => format!("withheld: {}", withheld.reason),
        Fact::ForecastIssued(issued) if issued.degraded.is_some() => "forecast issued, degraded".to_owned(),
        other => other.name().replace('.', " "),
    }
}
