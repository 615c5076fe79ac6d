//! Ways of making an interval around the same forecasts, side by side: what Aria's are chosen among.
//!
//! Each way sees the errors of a step as they become known: at an origin those of earlier origins whose hour has
//! passed.

use aria_core::forecast::Forecast;
use aria_core::history::History;

/// The share of the values that the intervals are to cover.
const LEVEL: f64 = 0.8;
/// Origins before the first that is judged: every way begins with their errors.
const BEGIN: usize = 90;
/// Newest errors that a rolling quantile is of.
const ROLLING: usize = 60;
/// The factor by which an error's weight falls with every day of its age, as in Aria's calibration.
const DAILY_DECAY: f64 = 0.98;
/// How far the level moves with an error (Gibbs and Candes 2021).
const ACI_STEP: f64 = 0.02;
/// How far the width moves with an error, as a share of it (Angelopoulos et al. 2023).
const TRACKER_STEP: f64 = 0.1;
const PER_DAY: usize = 24;

/// What a way of making intervals came to.
pub struct Way {
    /// Its name.
    pub name: &'static str,
    /// On the first day of the horizon, and over all of it.
    pub by_span: [Held; 2],
    /// The least share of values that it covered in any month, over the whole horizon.
    pub worst_month: f64,
}

/// How intervals held.
#[derive(Clone, Copy, Default)]
pub struct Held {
    /// The share of values that they covered.
    pub coverage: f64,
    /// The mean of width and, of a value outside, its distance from the interval times ten (Winkler 1972): the less,
    /// the better.
    pub winkler: f64,
}

/// Half widths by origin and step; none where there is no error to begin with.
type Widths = Vec<Vec<Option<f64>>>;

/// Gives the half widths of a step by origin from its errors, each of which is known so many origins later.
type MakeWidths = fn(&[Option<f64>], usize) -> Vec<Option<f64>>;

/// The intervals of every way around these forecasts, which follow one another by a day.
pub fn compare(forecasts: &[Forecast], actual: &History) -> Vec<Way> {
    let errors: Vec<Vec<Option<f64>>> = forecasts.iter().map(|forecast| errors(forecast, actual)).collect();
    let ways: [(&str, MakeWidths); 5] = [
        ("split conformal, fixed after 90 days", fixed),
        ("split conformal, the newest 60 days", rolling),
        ("weighted conformal (NexCP)", weighted),
        ("adaptive level (ACI)", adaptive),
        ("quantile tracker", tracked),
    ];
    let mut all: Vec<Way> = ways.map(|(name, way)| judged(name, forecasts, &errors, &by_step(&errors, way))).into();
    let ours = |forecast: &Forecast| forecast.points.iter().map(|p| Some((p.upper_80 - p.lower_80) / 2.0)).collect();
    let ours: Widths = forecasts.iter().map(ours).collect();
    all.push(judged("Aria: weighted, with a tracker by day", forecasts, &errors, &ours));
    all
}

fn errors(forecast: &Forecast, actual: &History) -> Vec<Option<f64>> {
    forecast.points.iter().map(|point| Some((point.value - actual.at(point.target)?).abs())).collect()
}

/// Lets a way see each step's errors by origin, and the origins after which one is known.
fn by_step(errors: &[Vec<Option<f64>>], way: MakeWidths) -> Widths {
    let steps = errors.first().map_or(0, Vec::len);
    let of_step = |step: usize| {
        let of: Vec<Option<f64>> = errors.iter().map(|by_step| by_step[step]).collect();
        way(&of, step / PER_DAY + 1)
    };
    let by_step: Vec<Vec<Option<f64>>> = (0..steps).map(of_step).collect();
    (0..errors.len()).map(|origin| by_step.iter().map(|widths| widths[origin]).collect()).collect()
}

fn fixed(errors: &[Option<f64>], known_after: usize) -> Vec<Option<f64>> {
    let width = quantile(&known(errors, BEGIN, known_after), LEVEL);
    vec![width; errors.len()]
}

fn rolling(errors: &[Option<f64>], known_after: usize) -> Vec<Option<f64>> {
    (0..errors.len()).map(|origin| quantile(newest(&known(errors, origin, known_after)), LEVEL)).collect()
}

fn weighted(errors: &[Option<f64>], known_after: usize) -> Vec<Option<f64>> {
    let width = |origin: usize| {
        let last = (origin + 1).checked_sub(known_after)?;
        let weigh = |(place, error): (usize, &Option<f64>)| {
            Some(((*error)?, DAILY_DECAY.powi(i32::try_from(origin - place).ok()?)))
        };
        let mut known: Vec<(f64, f64)> = errors[..last].iter().enumerate().filter_map(weigh).collect();
        known.sort_by(|a, b| a.0.total_cmp(&b.0));
        let wanted = LEVEL * (1.0 + known.iter().map(|(_, weight)| weight).sum::<f64>());
        let reached = known.iter().scan(0.0, |sum, (error, weight)| {
            *sum += weight;
            Some((*error, *sum))
        });
        reached.into_iter().find(|(_, sum)| *sum >= wanted).map(|(error, _)| error).or(known.last().map(|last| last.0))
    };
    (0..errors.len()).map(width).collect()
}

fn adaptive(errors: &[Option<f64>], known_after: usize) -> Vec<Option<f64>> {
    let (mut level, mut widths): (f64, Vec<Option<f64>>) = (LEVEL, Vec::new());
    for origin in 0..errors.len() {
        if let Some(left) = newly_left(errors, &widths, origin, known_after) {
            level = (level + ACI_STEP * (left - (1.0 - LEVEL))).clamp(0.0, 1.0);
        }
        let begun = origin >= BEGIN;
        widths.push(quantile(newest(&known(errors, origin, known_after)), level).filter(|_| begun));
    }
    widths
}

fn tracked(errors: &[Option<f64>], known_after: usize) -> Vec<Option<f64>> {
    let mut width = quantile(&known(errors, BEGIN, known_after), LEVEL);
    let mut widths: Vec<Option<f64>> = Vec::new();
    for origin in 0..errors.len() {
        if let Some(left) = newly_left(errors, &widths, origin, known_after) {
            width = width.map(|width| width * (1.0 + TRACKER_STEP * (left - (1.0 - LEVEL))));
        }
        widths.push(width.filter(|_| origin >= BEGIN));
    }
    widths
}

/// Whether the value whose hour has passed since the origin before left its interval: 1 or 0.
fn newly_left(errors: &[Option<f64>], widths: &[Option<f64>], origin: usize, known_after: usize) -> Option<f64> {
    let place = origin.checked_sub(known_after)?;
    let (error, width) = (errors[place]?, widths.get(place).copied().flatten()?);
    Some(if error > width { 1.0 } else { 0.0 })
}

/// The errors that are known at an origin, the oldest first.
fn known(errors: &[Option<f64>], origin: usize, known_after: usize) -> Vec<f64> {
    let last = (origin + 1).saturating_sub(known_after);
    errors[..last].iter().flatten().copied().collect()
}

fn newest(errors: &[f64]) -> &[f64] {
    &errors[errors.len().saturating_sub(ROLLING)..]
}

/// The conformal quantile: the error of rank `ceil((n + 1) level)`, the largest where there is none.
fn quantile(errors: &[f64], level: f64) -> Option<f64> {
    let mut sorted = errors.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (level * (sorted.len() + 1) as f64 - 1e-9).ceil().max(1.0) as usize;
    sorted.get(rank.min(sorted.len()).checked_sub(1)?).copied()
}

fn judged(name: &'static str, forecasts: &[Forecast], errors: &[Vec<Option<f64>>], widths: &Widths) -> Way {
    let judged = |origins: std::ops::Range<usize>, steps: usize| {
        let (mut covered, mut score, mut count) = (0.0, 0.0, 0.0);
        for (errors, widths) in errors[origins.clone()].iter().zip(&widths[origins]) {
            for (error, width) in errors.iter().zip(widths).take(steps) {
                let (Some(error), Some(width)) = (error, width) else { continue };
                covered += f64::from(u8::from(error <= width));
                score += 2.0 * width + 2.0 / (1.0 - LEVEL) * (error - width).max(0.0);
                count += 1.0;
            }
        }
        Held { coverage: covered / count, winkler: score / count }
    };
    let steps = errors.first().map_or(0, Vec::len);
    let month = |forecast: &Forecast| (forecast.origin.utc().year(), forecast.origin.utc().month());
    let mut worst = f64::INFINITY;
    let mut begin = BEGIN.min(forecasts.len());
    for of in forecasts[begin..].chunk_by(|a, b| month(a) == month(b)) {
        worst = worst.min(judged(begin..begin + of.len(), steps).coverage);
        begin += of.len();
    }
    let all = BEGIN.min(forecasts.len())..forecasts.len();
    Way { name, by_span: [judged(all.clone(), PER_DAY), judged(all, steps)], worst_month: worst }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_has_the_conformal_rank() {
        let errors: Vec<f64> = (1..=9).rev().map(f64::from).collect();
        // Rank ceil(10 x .8) = 8; and beyond the largest the largest.
        assert_eq!(quantile(&errors, 0.8), Some(8.0));
        assert_eq!(quantile(&errors[..2], 0.95), Some(9.0));
        assert_eq!(quantile(&[], 0.8), None);
    }

    #[test]
    fn an_error_is_known_once_its_hour_has_passed() {
        let errors: Vec<Option<f64>> = (0..10).map(|origin| Some(f64::from(origin))).collect();
        // Of the first day those of all origins before; of the fourth not those of the last three days.
        assert_eq!(known(&errors, 5, 1), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(known(&errors, 5, 4), [0.0, 1.0]);
    }

    #[test]
    fn a_tracker_moves_by_a_share_of_itself() {
        // Ninety errors of 1, then values that leave it: a width of 1 x (1 + 0.1 x 0.8) after the first.
        let errors: Vec<Option<f64>> = (0..93).map(|origin| Some(if origin < BEGIN { 1.0 } else { 5.0 })).collect();
        let widths = tracked(&errors, 1);
        assert_eq!(widths[BEGIN - 1], None);
        let moved: Vec<f64> = widths[BEGIN..].iter().flatten().copied().collect();
        let expected = [1.0, 1.08, 1.08 * 1.08];
        assert!(moved.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{moved:?}");
    }
}
