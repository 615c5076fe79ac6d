//! Probation: whether a model that took over should have left the one before it in its place.
//!
//! A contest is won on held-out weeks; service is another test. Twice within the days that a definition gives it, the
//! forecasts that the model issued are laid beside those that the one before it would have made from the same origins,
//! each from the data that was there then. Twice and not with every batch: who looks at a hundred batches finds a bad
//! one by chance. The drift monitor says when it is time ([`due`]), evaluation compares ([`judge`]), the registry
//! moves, and the next batch waits for it ([`awaited`]): a history decides the same however its events were delivered.

use serde::{Deserialize, Serialize};

use crate::accuracy::{self, FEWEST_ORIGINS};
use crate::artifact::Ref;
use crate::forecast::{Forecast, Point};
use crate::history::History;
use crate::monitor::{Serving, State};
use crate::registry::Registry;
use crate::series::{Definition, Policy};
use crate::time::{DAY, Timestamp};

/// The level of each look: more is spent on the last, which knows more.
///
/// The chance of taking a model back that is no worse is about twice as high, since errors depend on each other from
/// one day to the next beyond what so few days let a test see: simulated with a correlation of 0.3, it is 1.4 % and
/// 4.1 %.
const LEVELS: [f64; 2] = [0.005, 0.02];
/// The share of the serving model's error by which the one before must at least be better.
const EFFECT: f64 = 0.05;
/// The confidence of the bound that is told.
const CONFIDENCE: f64 = 0.95;
/// Days after the end of the probation in which its last look may still be taken, where scores came late.
const GRACE_DAYS: u32 = 7;

/// What the monitor knows of a model on probation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probation {
    /// Retrainings in a row that had brought no new model before this one; they count again if it is taken back.
    pub failures: u32,
    /// The newest look that was asked for, 1 or 2; 0 before the first.
    pub looks: u32,
    /// The sequence of the batch whose scores asked for it.
    pub asked: Option<u64>,
}

/// A look at a model on probation that is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Place of the takeover among the changes of the series' serving model.
    pub number: u64,
    /// Which look: 1 or 2.
    pub place: u32,
    /// The forecasts issued since the takeover whose first day is scored, one a day, in the order of time.
    pub forecasts: Vec<Ref>,
}

/// What a look says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The model stays.
    Stays {
        /// Why, with the numbers.
        reason: String,
    },
    /// The model before is better by more than chance, and goes back into service.
    GoesBack {
        /// The evidence.
        reason: String,
    },
}

/// Days after a takeover in which forecasts and their scores are looked at.
pub fn days_looked_at(policy: &Policy) -> u32 {
    policy.probation_days.saturating_add(GRACE_DAYS)
}

/// The look that is due with the scores of a check, where one is: one from the middle on, once as many days as can be
/// compared are scored, and one at the end.
pub fn due(state: &State, definition: &Definition, now: Timestamp) -> Option<Look> {
    let serving = state.serving.as_ref().filter(|serving| !serving.pinned)?;
    let probation = serving.probation.as_ref()?;
    let days = i64::from(definition.policy.probation_days);
    let served = now.since(serving.since);
    if days == 0 || 2 * served < days * DAY || served > i64::from(days_looked_at(&definition.policy)) * DAY {
        return None;
    }
    let place = if served >= days * DAY { 2 } else { 1 };
    if probation.looks >= place {
        return None;
    }
    let is_scored = |origin: Timestamp| state.days.iter().any(|score| score.origin == origin && score.day == 1);
    let since = |origin: Timestamp| serving.issues_from(origin) && is_scored(origin);
    let mut forecasts: Vec<_> = state.forecasts.iter().filter(|pending| since(pending.origin)).collect();
    forecasts.sort_by_key(|pending| pending.origin);
    let forecasts: Vec<Ref> = forecasts.into_iter().map(|pending| pending.forecast.clone()).collect();
    (forecasts.len() >= FEWEST_ORIGINS).then_some(Look { number: serving.number, place, forecasts })
}

/// What the monitor has to wait for before the next batch, where a look was asked for.
pub fn awaited(serving: &Serving, registry: &Registry) -> Option<&'static str> {
    let asked = serving.probation.as_ref()?.asked?;
    if registry.move_count > serving.number {
        return Some("the news of the newest change of the serving model");
    }
    (!registry.has_looked(asked)).then_some("the look at the model on probation")
}

/// Lays the forecasts that were issued beside those of the model before, from the same origins, in the order of time.
///
/// The model before goes back where it was better on first days by more than 5 % and more than chance, and not worse on
/// all hours that are known. First days decide, because hardly two of them share an hour; of whole horizons two weeks
/// hold only three that do not.
pub fn judge(place: u32, pairs: &[(Forecast, Forecast)], actual: &History, unit: &str) -> Outcome {
    let known: Vec<Losses> = pairs.iter().filter_map(|(serving, before)| Losses::of(serving, before, actual)).collect();
    let side = |of: fn(&Losses) -> [f64; 2], which: usize| known.iter().map(|losses| of(losses)[which]).collect();
    let (serving, before): (Vec<f64>, Vec<f64>) = (side(|l| l.first, 0), side(|l| l.first, 1));
    let test = match accuracy::compare(&serving, &before, accuracy::usual_lags(known.len()), CONFIDENCE) {
        Ok(test) => test,
        Err(why) => return Outcome::Stays { reason: format!("not told on probation: {why}") },
    };
    let level = LEVELS[usize::from(place as usize >= LEVELS.len())];
    let means = [(|l: &Losses| l.first) as fn(&Losses) -> [f64; 2], |l| l.whole].map(|of| {
        let mean = |which: usize| side(of, which).iter().sum::<f64>() / known.len() as f64;
        [mean(0), mean(1)]
    });
    let [[first, first_before], [whole, whole_before]] = means;
    let reason = format!(
        "look {place} over {} days {}: on first days it was off by {first:.2} {unit} and the model before by \
         {first_before:.2} ({:+.1} %, p = {:.4} of {level}), on all hours by {whole:.2} and {whole_before:.2}",
        known.len(),
        span(pairs),
        -100.0 * test.relative_gain,
        test.p_better
    );
    let is_better = test.p_better < level && test.relative_gain > EFFECT && whole_before < whole;
    if is_better { Outcome::GoesBack { reason } } else { Outcome::Stays { reason } }
}

/// Mean errors of one origin: of the serving model and of the one before.
struct Losses {
    first: [f64; 2],
    whole: [f64; 2],
}

impl Losses {
    /// None where less than three quarters of the first day is known.
    fn of(serving: &Forecast, before: &Forecast, actual: &History) -> Option<Self> {
        let per_day = serving.cadence.per_day();
        let pairs = |points: usize| {
            let both = serving.points.iter().zip(&before.points).take(points);
            both.filter(|(a, b)| a.target == b.target)
                .filter_map(|(a, b)| Some((a, b, actual.at(a.target).filter(|value| value.is_finite())?)))
                .collect::<Vec<_>>()
        };
        let (first, whole) = (pairs(per_day), pairs(serving.points.len()));
        (first.len() * 4 >= per_day * 3).then(|| Self { first: errors(&first), whole: errors(&whole) })
    }
}

fn errors(known: &[(&Point, &Point, f64)]) -> [f64; 2] {
    let sums = known.iter().fold([0.0, 0.0], |[serving, before], (a, b, actual)| {
        [serving + (a.value - actual).abs(), before + (b.value - actual).abs()]
    });
    sums.map(|sum| sum / known.len() as f64)
}

/// From the first origin to the end of the last one's first day.
fn span(pairs: &[(Forecast, Forecast)]) -> String {
    match (pairs.first(), pairs.last()) {
        (Some((first, _)), Some((last, _))) => format!("from {} to {}", first.origin, last.origin.plus(DAY)),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
