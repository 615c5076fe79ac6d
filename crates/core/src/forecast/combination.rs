//! How much each member of an ensemble counts, learnt on forecasts whose hours had passed.
//!
//! For each day of the horizon the shares are those that would have had the least squared error, newer origins counting
//! more, drawn towards equal shares: the more, the less there is to learn from (Bates and Granger 1969; for the pull to
//! equal shares, Diebold and Shin 2019). Shares are not negative and add up to 1.

use super::rolling::Trial;
use crate::history::History;
use crate::time::{Cadence, DAY, Timestamp};

/// The age at which an origin counts a third, in days.
const MEMORY_DAYS: f64 = 90.0;
/// Days of errors as heavy as the pull to equal shares.
const PULL_DAYS: f64 = 2.0;
/// The fewest origins that shares are learnt from.
const FEWEST_ORIGINS: usize = 14;
/// Steps of the descent, far more than the few members take.
const STEPS: usize = 500;

/// The shares of the members by day of the horizon, from trials and the values known at `until`; none for those that do
/// not take part.
pub(super) fn shares(
    trials: &[Trial],
    takes_part: &[bool],
    days: usize,
    actual: &History,
    until: Timestamp,
) -> Vec<Vec<f64>> {
    let places: Vec<usize> = (0..takes_part.len()).filter(|place| takes_part[*place]).collect();
    let of_day = |day: usize| {
        let mut shares = vec![0.0; takes_part.len()];
        let found = shares_of_day(trials, &places, day, actual, until);
        places.iter().zip(found).for_each(|(place, share)| shares[*place] = share);
        shares
    };
    (0..days).map(of_day).collect()
}

fn shares_of_day(trials: &[Trial], places: &[usize], day: usize, actual: &History, until: Timestamp) -> Vec<f64> {
    let members = places.len();
    let equal = vec![1.0 / members as f64; members];
    let mut products = vec![vec![0.0; members]; members];
    let (mut total, mut origins) = (0.0, 0);
    for trial in trials {
        let errors = errors_of_day(trial, day, actual, until);
        if errors.is_empty() {
            continue;
        }
        let age = until.since(trial.origin) as f64 / DAY as f64;
        let weight = (-age / MEMORY_DAYS).exp();
        for left in 0..members {
            for right in 0..members {
                let product: f64 = errors.iter().map(|errors| errors[places[left]] * errors[places[right]]).sum();
                products[left][right] += weight * product / errors.len() as f64;
            }
        }
        total += weight;
        origins += 1;
    }
    if origins < FEWEST_ORIGINS || members < 2 {
        return equal;
    }
    products.iter_mut().flatten().for_each(|product| *product /= total);
    let size = (0..members).map(|place| products[place][place]).sum::<f64>() / members as f64;
    if size.is_finite() && size > 0.0 { descend(&products, size * PULL_DAYS / total, equal) } else { equal }
}

/// The errors of every member at each measured step of a day of the horizon that had passed at `until`.
pub(super) fn errors_of_day(trial: &Trial, day: usize, actual: &History, until: Timestamp) -> Vec<Vec<f64>> {
    let step = actual.cadence().seconds();
    steps_of_day(actual.cadence(), day)
        .map(|place| (place, trial.origin.plus(place as i64 * step)))
        .filter(|(_, target)| target.plus(step) <= until)
        .filter_map(|(place, target)| {
            let actual = actual.at(target)?;
            trial.forecasts.iter().map(|forecast| Some(forecast.get(place)? - actual)).collect()
        })
        .collect()
}

fn steps_of_day(cadence: Cadence, day: usize) -> std::ops::Range<usize> {
    day * cadence.per_day()..(day + 1) * cadence.per_day()
}

/// Minimises `w'Pw + pull |w - equal|^2` over shares by projected gradient descent.
fn descend(products: &[Vec<f64>], pull: f64, equal: Vec<f64>) -> Vec<f64> {
    let trace: f64 = (0..equal.len()).map(|place| products[place][place] + pull).sum();
    let mut shares = equal.clone();
    for _ in 0..STEPS {
        let slope = |place: usize| {
            let along: f64 = products[place].iter().zip(&shares).map(|(product, share)| product * share).sum();
            along + pull * (shares[place] - equal[place])
        };
        let moved = (0..shares.len()).map(|place| shares[place] - slope(place) / trace).collect();
        shares = nearest_shares(moved);
    }
    shares
}

/// The nearest point whose coordinates are not negative and add up to 1 (Duchi et al. 2008).
fn nearest_shares(mut point: Vec<f64>) -> Vec<f64> {
    let mut falling = point.clone();
    falling.sort_by(|a, b| b.total_cmp(a));
    let (mut sum, mut excess) = (0.0, 0.0);
    for (place, value) in falling.iter().enumerate() {
        sum += value;
        let level = (sum - 1.0) / (place + 1) as f64;
        if value - level > 0.0 {
            excess = level;
        }
    }
    point.iter_mut().for_each(|value| *value = (*value - excess).max(0.0));
    point
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        "2021-01-01".parse().unwrap()
    }

    /// Daily origins with a forecast of one day by each member, from the errors that they make at the day's steps.
    fn trials(days: usize, error: impl Fn(usize, usize, usize) -> f64, members: usize) -> (Vec<Trial>, History) {
        let actual = History::new(start(), Cadence::Hour, vec![100.0; 24 * days]);
        let trial = |day: usize| Trial {
            origin: start().plus(day as i64 * DAY),
            forecasts: (0..members).map(|m| (0..24).map(|hour| 100.0 + error(m, day, hour)).collect()).collect(),
        };
        ((0..days).map(trial).collect(), actual)
    }

    #[test]
    fn members_with_opposite_errors_share_so_that_the_errors_cancel() {
        // Errors 1 and -3 always: 0.75 x 1 - 0.25 x 3 = 0, but for the pull to equal shares. With products
        // [[1, -3], [-3, 9]], mean size 5 and pull p = 5 x 2 / total, the share s of the first solves
        // 16 s - 12 + 2 p (s - 1/2) = 0, halved: s = (12 + p) / (16 + 2 p).
        let (trials, actual) = trials(60, |member, _, _| if member == 0 { 1.0 } else { -3.0 }, 2);
        let until = start().plus(60 * DAY);
        let total: f64 = (1..=60).map(|age| (-f64::from(age) / 90.0).exp()).sum();
        let pull = 10.0 / total;
        let found = shares(&trials, &[true; 2], 1, &actual, until);
        assert!((found[0][0] - (12.0 + pull) / (16.0 + 2.0 * pull)).abs() < 1e-9, "{found:?}");
        assert!((found[0].iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_member_that_is_always_worse_has_no_share() {
        let (trials, actual) = trials(200, |member, day, hour| (1.0 + 9.0 * member as f64) * sign(day + hour), 2);
        let found = shares(&trials, &[true; 2], 1, &actual, start().plus(200 * DAY));
        assert_eq!(found[0], [1.0, 0.0]);
    }

    fn sign(of: usize) -> f64 {
        if of.is_multiple_of(2) { 1.0 } else { -1.0 }
    }

    #[test]
    fn a_member_that_stands_by_has_no_share() {
        let (trials, actual) = trials(60, |member, _, _| [1.0, 0.0, -1.0][member], 3);
        let found = shares(&trials, &[true, false, true], 1, &actual, start().plus(60 * DAY));
        assert!((found[0][0] - 0.5).abs() < 1e-9 && found[0][1] == 0.0 && (found[0][2] - 0.5).abs() < 1e-9);
    }

    #[test]
    fn hours_that_had_not_passed_do_not_count() {
        let (mut trials, actual) = trials(60, |member, _, _| if member == 0 { 1.0 } else { -3.0 }, 2);
        let until = start().plus(40 * DAY);
        let known = shares(&trials, &[true; 2], 1, &actual, until);
        trials.iter_mut().skip(40).for_each(|trial| trial.forecasts[0].fill(1e6));
        assert_eq!(shares(&trials, &[true; 2], 1, &actual, until), known);
    }

    #[test]
    fn too_few_origins_give_equal_shares() {
        let (trials, actual) = trials(13, |member, _, _| 5.0 * member as f64, 3);
        let found = shares(&trials, &[true; 3], 1, &actual, start().plus(13 * DAY));
        assert_eq!(found, [[1.0 / 3.0; 3]]);
    }

    #[test]
    fn the_nearest_shares_are_the_closed_form() {
        // (1, 0.5) lies 0.25 above the line in each coordinate; of (2, 0) only the first is left.
        assert_eq!(nearest_shares(vec![1.0, 0.5]), [0.75, 0.25]);
        assert_eq!(nearest_shares(vec![2.0, 0.0]), [1.0, 0.0]);
    }
}
