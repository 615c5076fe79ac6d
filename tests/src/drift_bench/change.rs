//! Changes that are put into a series, and what the contract makes of a meter's faults.

use aria_core::artifact::Format;
use aria_core::contract::{self, BrokenReason, Known};
use aria_core::history::History;
use aria_core::snapshot::Level;
use aria_core::time::{Cadence, DAY, HOUR, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::stream::Worsened;
use super::world::World;
use crate::figures::VALUE;

/// A change of the model or of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The errors of every forecast are half as large again.
    WorseModel,
    /// The values are a fifth higher, and nothing beside them.
    Level,
    /// The day runs six hours late around its mean.
    Shape,
    /// The change from hour to hour varies twice as much.
    Noise,
}

impl Change {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::WorseModel, Self::Level, Self::Shape, Self::Noise];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::WorseModel => "model 1.5 times worse",
            Self::Level => "level a fifth higher",
            Self::Shape => "day six hours late",
            Self::Noise => "noise doubled",
        }
    }

    /// What becomes of forecasts.
    pub fn worsens(self, from: Timestamp) -> Option<Worsened> {
        (self == Self::WorseModel).then_some(Worsened { from, factor: 1.5 })
    }

    /// The series with the change from a time on.
    pub fn put_into(self, world: &World, from: Timestamp) -> World {
        let own = &world.own;
        let begin = (from.since(own.start()) / own.cadence().seconds()).max(0) as usize;
        let mut values = own.values().to_vec();
        let (before, changed) = values.split_at_mut(begin.min(own.values().len()));
        match self {
            Self::WorseModel => {}
            Self::Level => changed.iter_mut().for_each(|value| *value *= 1.2),
            Self::Shape => changed.chunks_mut(24).for_each(late),
            Self::Noise => make_noisy(before, changed, from),
        }
        World { own: History::new(own.start(), own.cadence(), values), ..world.clone() }
    }
}

fn late(day: &mut [f64]) {
    let steps = 6.min(day.len());
    day.rotate_right(steps);
}

/// Adds noise to each value whose changes are, together with the usual ones, twice as large: three times their
/// variance.
fn make_noisy(before: &[f64], changed: &mut [f64], from: Timestamp) {
    let month = &before[before.len().saturating_sub(28 * 24)..];
    let changes: Vec<f64> = month.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let variance = changes.iter().map(|change| change * change).sum::<f64>() / changes.len().max(1) as f64;
    // The difference of two draws has twice the variance of one.
    let deviation = (1.5 * variance).sqrt();
    let mut random = ChaCha8Rng::seed_from_u64(from.seconds().unsigned_abs());
    for value in changed {
        // The sum of twelve even draws is normal enough, with variance 1.
        let sum: f64 = (0..12).map(|_| f64::from(random.next_u32()) / f64::from(u32::MAX)).sum();
        *value = (*value + deviation * (sum - 6.0)).max(1.0);
    }
}

/// What the contract made of a fault.
pub struct Refused {
    /// The fault.
    pub fault: &'static str,
    /// Wrong rows of the day, and those of them that reached the series.
    pub rows: (u64, u64),
}

/// What a meter makes of the value of an hour.
type Fault<'a> = Box<dyn Fn(usize, f64) -> f64 + 'a>;

/// Hands in the day after a time with faults of a meter.
pub fn refused(world: &World, at: Timestamp) -> Vec<Refused> {
    let day = world.own.between(at, at.plus(DAY));
    let month = world.own.between(at.plus(-28 * DAY), at);
    let known =
        Known { first: world.own.start(), newest: at.plus(-HOUR), level: Level::of(month.values().iter().copied()) };
    let stuck = |hour: usize, value: f64| if hour < 9 { value } else { day.values()[8] };
    let faults: [(&'static str, Fault<'_>, u64); 3] = [
        ("stuck from nine o'clock on", Box::new(stuck), 16),
        ("in kilograms", Box::new(|_, value| value / 1_000.0), 24),
        ("per megajoule", Box::new(|_, value| value / 3.6), 24),
    ];
    let of = |(fault, change, wrong): (&'static str, Fault<'_>, u64)| {
        let values: Vec<f64> = day.values().iter().enumerate().map(|(hour, value)| change(hour, *value)).collect();
        let text = csv(at, &values);
        let checked = contract::check(&world.definition, Format::Csv, text.as_bytes(), Some(&known), at.plus(DAY));
        let reached = match checked {
            Ok(checked) => wrong.saturating_sub(checked.rows_refused),
            Err(broken) if matches!(*broken.reason, BrokenReason::Table(_)) => wrong,
            Err(_) => 0,
        };
        Refused { fault, rows: (wrong, reached) }
    };
    faults.into_iter().map(of).collect()
}

fn csv(from: Timestamp, values: &[f64]) -> String {
    let step = Cadence::Hour.seconds();
    let row = |(hour, value): (usize, &f64)| format!("{},{value:.6}\n", from.plus(hour as i64 * step));
    format!("timestamp_utc,{VALUE}\n{}", values.iter().enumerate().map(row).collect::<String>())
}
