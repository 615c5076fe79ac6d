//! What a simulation is fed with: batches of a made-up series, and what is poisoned on purpose.

use anyhow::{Context, Result};
use aria_core::artifact::{Artifact, Format, Kind};
use aria_core::series::Definition;
use aria_core::time::{DAY, Timestamp};
use aria_io::artifacts::Artifacts;
use aria_io::bus::Bus;
use aria_io::runtime::Failure;

use crate::{HEADER, Pace, Platform, wave};

/// Days in the usual first upload: enough for a first model that is worth having.
const FIRST_DAYS: i64 = 90;
/// Days at the slow pace that the first model knows.
const SLOW_DAYS: i64 = 2;
/// Days that show that a model was misled.
const PROBATION_DAYS: i64 = 16;
const BEGIN: &str = "2021-01-01";

/// Batches and the series they are of.
#[derive(Clone, Debug)]
pub struct Input {
    pub(super) definition: Definition,
    batches: Vec<Batch>,
    /// A message that is no event, put onto a subject that two services read.
    pub(super) poison: Option<&'static str>,
}

#[derive(Clone, Debug)]
struct Batch {
    bytes: Vec<u8>,
    as_of: Timestamp,
    /// Whether it is announced though its bytes were never stored, as by a store that lost them.
    is_lost: bool,
}

impl Input {
    /// The input whose every seed is tried: a first model, some that follow it, a bad batch, one whose bytes are gone,
    /// and a late one.
    ///
    /// # Errors
    /// As [`Self::of_days`].
    pub fn usual() -> Result<Self> {
        Self::of_days(FIRST_DAYS, 6)
    }

    /// A first upload of `first` days, and a batch for each of `days` days after it, one of which is no batch at all.
    ///
    /// # Errors
    /// Where the shipped definition cannot be read.
    pub fn of_days(first: i64, days: i64) -> Result<Self> {
        // Models age within days, so that a few batches see several retrainings.
        let text = format!("{}\n[policy]\ncooldown_days = 1\nrefresh_days = 3\nnew_days = 1\n", Self::daily()?);
        let definition = Definition::from_toml(&text)?;
        let begin: Timestamp = BEGIN.parse()?;
        let mut batches = vec![batch(begin, first, Pace::Slow)?];
        for day in 0..days {
            let pace = if day < SLOW_DAYS { Pace::Slow } else { Pace::Quick };
            batches.push(batch(begin.plus((first + day) * DAY), 1, pace)?);
            if day == days / 2 {
                let as_of = begin.plus((first + day + 1) * DAY);
                batches.push(Batch { bytes: b"hour;carbon\n1;2\n".to_vec(), as_of, is_lost: false });
                batches.push(Batch { bytes: b"nobody has these".to_vec(), as_of, is_lost: true });
                // Late rows of a day that was handed in already, with other values.
                batches.push(Batch { as_of, ..batch(begin.plus((first + day - 1) * DAY), 1, Pace::Quick)? });
            }
        }
        Ok(Self { definition, batches, poison: Some("aria.v1.model.promoted.simulated.ci_direct") })
    }

    /// The shipped definition with a value a day: a model has a fit for each hour of its horizon, and the simulation is
    /// about all the rest. A value a day has four.
    fn daily() -> Result<String> {
        let text = Platform::definition()?.replace("cadence = \"1h\"", "cadence = \"1d\"");
        Ok(text.replace("history_days = 43", "history_days = 60").replace("holdout_days = 7", "holdout_days = 14"))
    }

    /// The input with a model that takes over and is looked at twice on probation: before it takes over, the days go up
    /// and down in turn for a while, which it learns from, and never again.
    ///
    /// # Errors
    /// Where the shipped definition cannot be read.
    pub fn on_probation() -> Result<Self> {
        Self::misled(16, 120.0)
    }

    /// The same with a model that is misled for longer, and so badly that the first look takes it back.
    ///
    /// # Errors
    /// Where the shipped definition cannot be read.
    pub fn taken_back() -> Result<Self> {
        Self::misled(28, 60.0)
    }

    /// Days that lie so much too high and too low in turn, a retraining at their end, and days as before.
    fn misled(misleading: i64, by: f64) -> Result<Self> {
        let text = format!("{}\n[policy]\ncooldown_days = 15\nrefresh_days = {misleading}\n", Self::daily()?);
        let definition = Definition::from_toml(&text)?;
        let begin: Timestamp = BEGIN.parse()?;
        let mut batches = vec![batch(begin, FIRST_DAYS, Pace::Slow)?];
        batches.push(unsteady(begin.plus(FIRST_DAYS * DAY), misleading, by)?);
        for day in FIRST_DAYS + misleading..FIRST_DAYS + misleading + PROBATION_DAYS {
            batches.push(batch(begin.plus(day * DAY), 1, Pace::Slow)?);
        }
        Ok(Self { definition, batches, poison: None })
    }

    /// How many batches there are.
    pub fn len(&self) -> usize {
        self.batches.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Hands a batch in as a client does, who tries again until it is told that it succeeded.
    pub(super) async fn hand_in(&self, place: usize, artifacts: &Artifacts, bus: &Bus) -> Result<(), Failure> {
        let Some(batch) = self.batches.get(place) else { return Ok(()) };
        let series = &self.definition.id;
        let raw = Artifact::of(Kind::Raw, series, Format::Csv, batch.bytes.clone());
        if !batch.is_lost {
            artifacts.store(&raw).await?;
        }
        bus.receive_once(series, &raw.name, (batch.as_of, "simulation"), 0, None).await?;
        Ok(())
    }
}

/// A batch whose days lie too high and too low in turn.
fn unsteady(from: Timestamp, days: i64, by: f64) -> Result<Batch> {
    let steady = batch(from, days, Pace::Slow)?;
    let text = String::from_utf8(steady.bytes)?;
    let mut turned = HEADER.to_owned();
    for (row, line) in text.lines().skip(1).enumerate() {
        let (time, value) = line.split_once(',').context("a row without a value")?;
        let value: f64 = value.parse()?;
        turned.push_str(&format!("{time},{:.3}\n", value + if row % 2 == 0 { by } else { -by }));
    }
    Ok(Batch { bytes: turned.into_bytes(), ..steady })
}

fn batch(from: Timestamp, days: i64, pace: Pace) -> Result<Batch> {
    let as_of = from.plus(days * DAY);
    let hourly = wave(&from.to_string(), &as_of.to_string(), pace)?;
    let daily: Vec<&str> = hourly.lines().skip(1).step_by(24).collect();
    Ok(Batch { bytes: format!("{HEADER}{}\n", daily.join("\n")).into_bytes(), as_of, is_lost: false })
}
