//! What is handed in: the same batches for every schedule of the same input.

use anyhow::Result;
use aria_core::artifact::{Artifact, Format, Kind};
use aria_core::series::SeriesId;
use aria_core::time::{DAY, Timestamp};

use crate::{HEADER, Pace, Platform, wave};

/// Daily batches after the first one.
pub const DAYS: u64 = 60;
/// The first batch holds the history before them.
const HISTORY_DAYS: i64 = 58;
const BEGIN: &str = "2021-01-01";
/// The day from which the level moves quicker, which is a drift.
const QUICK_FROM: u64 = 30;
/// The clock of a gateway: as long as it stands still, what it announces is the same every time.
pub const GATEWAY_TIME: &str = "2021-06-01 00:00:00";

/// A history cut into batches, one way or another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input {
    /// Good batches.
    Plain,
    /// With refused rows, a batch that breaks its contract, and one that revises the day before.
    Mixed,
    /// As [`Self::Mixed`], with a batch whose bytes nobody stored.
    Lost,
    /// Good batches and one with refused rows, uploaded to the gateway.
    Uploads,
}

/// A batch as it is handed in.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The bytes and their name.
    pub raw: Artifact,
    /// The data's time at which it comes.
    pub as_of: Timestamp,
    /// Whether the bytes are stored before the batch is announced.
    pub is_stored: bool,
}

impl Input {
    /// Every input.
    pub const ALL: [Self; 4] = [Self::Plain, Self::Mixed, Self::Lost, Self::Uploads];

    /// The definition of the series: a short history and a short horizon, so that a training takes a second, and models
    /// that are watched closely: the first one, and two more after the level has begun to move quicker, all promoted.
    ///
    /// # Errors
    /// Where the shipped definition cannot be read.
    pub fn definition() -> Result<String> {
        let more = "horizon_hours = 24\n\n[policy]\ncooldown_days = 5\n\n[drift]\nwindow_days = 7\n";
        Ok(format!("{}{more}", Platform::definition()?))
    }

    /// Its batches in their order.
    ///
    /// # Errors
    /// Where a time cannot be written.
    pub fn batches(self) -> Result<Vec<Batch>> {
        let series: SeriesId = Platform::SERIES.parse()?;
        let begin: Timestamp = BEGIN.parse()?;
        let first = begin.plus(HISTORY_DAYS * DAY);
        let mut batches = vec![batch(&series, span(begin, first, Pace::Slow)?, first)];
        for day in 0..DAYS {
            let from = first.plus(day as i64 * DAY);
            let to = from.plus(DAY);
            let pace = if day < QUICK_FROM { Pace::Slow } else { Pace::Quick };
            batches.push(batch(&series, self.day(day, from, to, pace)?, to));
            if self == Self::Lost && day == 21 {
                let lost = format!("{HEADER}{to},1.0\n");
                batches.push(Batch { is_stored: false, ..batch(&series, lost, to) });
            }
        }
        Ok(batches)
    }

    /// The rows of a day, for better or worse.
    fn day(self, day: u64, from: Timestamp, to: Timestamp, pace: Pace) -> Result<String> {
        let good = span(from, to, pace)?;
        Ok(match (self, day) {
            (Self::Mixed | Self::Lost, 9) => format!("when,what\n{from},1\n"),
            (Self::Mixed | Self::Lost, 33) => span(from.plus(-DAY), to, Pace::Slow)?,
            (Self::Mixed | Self::Lost | Self::Uploads, 14) => format!("{good}{from},NaN\nnoon,300\n"),
            _ => good,
        })
    }
}

fn span(from: Timestamp, to: Timestamp, pace: Pace) -> Result<String> {
    wave(&from.to_string(), &to.to_string(), pace)
}

fn batch(series: &SeriesId, rows: String, as_of: Timestamp) -> Batch {
    Batch { raw: Artifact::of(Kind::Raw, series, Format::Csv, rows.into_bytes()), as_of, is_stored: true }
}
