//! How drift is told, measured: `make drift-bench DATA=dir`. Alarms without a change, changes that are seen and how
//! soon, on real zones that the project does not ship and on the simulator, beside fixed thresholds as tools have them.
//!
//! Each series has 2021 to learn from, and 2022 and 2023 come day by day. A change is put in on a day and the stream
//! goes on from the state in which it was: once for each change and day.

mod change;
mod fixed;
mod policy;
mod report;
mod stream;
mod world;

use std::path::Path;

use anyhow::Result;
use aria_core::time::{DAY, Timestamp};
use rayon::prelude::*;

use self::change::{Change, Refused};
use self::fixed::Rule;
pub use self::policy::{Row, table};
pub use self::report::{markdown, policies};
use self::stream::Stream;
use self::world::World;

/// The first day that comes.
const FROM: &str = "2022-01-01";
/// The first day that no longer does.
const TO: &str = "2023-12-28";
/// Days between two days on which changes are put in.
const EVERY_DAYS: i64 = 80;
/// Days within which a change has to be seen.
const WITHIN_DAYS: i64 = 28;

/// What was measured of one series.
pub struct Measured {
    /// The series.
    pub series: String,
    /// Days on which Aria raised an alarm that had not been the fortnight before, with the check that did.
    pub alarms: Vec<(Timestamp, &'static str)>,
    /// Retrainings, and those whose model took over.
    pub retrainings: (u64, u64),
    /// Weeks with an alarm, by fixed rule, and weeks in all.
    pub weeks: (Vec<(Rule, u64)>, u64),
    /// Days until each change was seen, by who looked: none where it was not.
    pub seen: Vec<Seen>,
    /// What the contract made of each fault of a meter.
    pub refused: Vec<Refused>,
}

/// When one change was seen.
pub struct Seen {
    /// The change.
    pub change: Change,
    /// Days until Aria's alarm.
    pub aria: Option<i64>,
    /// Days until each fixed rule's.
    pub fixed: Vec<(Rule, Option<i64>)>,
}

/// Measures every series whose rows have these columns beside the values.
///
/// # Errors
/// Where a file is missing or is not what its folder's page says, or a model cannot be trained.
pub fn measure(data: &Path, covariates: &[&str]) -> Result<Vec<Measured>> {
    World::all(data, covariates)?.into_par_iter().map(|world| measure_one(&world)).collect()
}

fn measure_one(world: &World) -> Result<Measured> {
    let (from, to): (Timestamp, Timestamp) = (FROM.parse()?, TO.parse()?);
    let mut stream = Stream::begin(world, from)?;
    let mut forks = Vec::new();
    let mut now = from;
    while now < to {
        let days = now.since(from) / DAY;
        if days % EVERY_DAYS == EVERY_DAYS / 2 && now.plus(WITHIN_DAYS * DAY) < to && !stream.is_alarmed() {
            forks.push(stream.clone());
        }
        stream.step(world, now, None)?;
        now = now.plus(DAY);
    }
    let changes = forks.iter().flat_map(|fork| Change::ALL.map(|change| (fork, change)));
    let changes: Vec<(&Stream, Change)> = changes.collect();
    let seen = changes.into_par_iter().map(|(fork, change)| seen(world, fork, change)).collect::<Result<_>>()?;
    let errors = stream.first_day_errors(world);
    Ok(Measured {
        series: world.name().to_owned(),
        alarms: stream.alarms().to_vec(),
        retrainings: stream.retrainings(),
        weeks: fixed::weeks(world, &errors, from, to),
        seen,
        refused: forks.iter().flat_map(|fork| change::refused(world, fork.now())).collect(),
    })
}

/// Puts a change in where a stream stands, and lets it go on until the change is seen.
fn seen(world: &World, fork: &Stream, change: Change) -> Result<Seen> {
    let from = fork.now();
    let changed = change.put_into(world, from);
    let mut stream = fork.kept();
    let mut aria = None;
    for days in 0..WITHIN_DAYS {
        // The day that began with the change has passed when the next begins.
        stream.step(&changed, from.plus((days + 1) * DAY), change.worsens(from))?;
        if stream.alarms().last().is_some_and(|(at, _)| *at > from) {
            aria = aria.or(Some(days + 1));
        }
    }
    let errors = stream.first_day_errors(&changed);
    let fixed = fixed::seen(&changed, &errors, from, WITHIN_DAYS);
    Ok(Seen { change, aria, fixed })
}
