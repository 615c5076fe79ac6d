//! `aria simulate`: a synthetic Italian grid with known drift, as CSV.

use std::path::PathBuf;

use aria_core::simulate::{self, Settings, Shift};
use aria_core::time::Timestamp;
use clap::Args;

use crate::{outfile, output};

/// Makes an hourly Italian grid that never was, with drift where it is asked for.
#[derive(Args, Debug)]
pub struct Simulate {
    /// The file that is written.
    #[arg(long)]
    out: PathBuf,
    /// The first hour.
    #[arg(long, default_value = FROM)]
    from: Timestamp,
    /// The first hour after the last.
    #[arg(long, default_value = UNTIL)]
    to: Timestamp,
    /// The same seed gives the same bytes.
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// Drift to put in, such as `level:2022-03-01..:x1.2`; may be given several times.
    #[arg(long = "shift")]
    shifts: Vec<Shift>,
}

/// The simulated history of `make run` begins here.
pub const FROM: &str = "2021-01-01";
/// The simulated history of `make run` ends here.
pub const UNTIL: &str = "2022-07-01";
/// The seed of `make run`.
pub const SEED: u64 = 20_210_101;

impl Simulate {
    /// Runs the command.
    ///
    /// # Errors
    /// Where the settings are wrong or the file cannot be written.
    pub fn run(self) -> anyhow::Result<()> {
        let settings = Settings { from: self.from, to: self.to, seed: self.seed, shifts: self.shifts };
        outfile::check(&self.out)?;
        let hours = simulate::grid(&settings)?;
        outfile::write(&self.out, &simulate::to_csv(&hours))?;
        say!("{} simulated hours written to {}", hours.len(), output::path(&self.out));
        Ok(())
    }
}

/// The drift of `make run`.
pub const SHIFT: &str = "level:2022-03-01..:x1.2";
