//! The shapes of the simulated grid over year, week and day, in Rome's local time. They know no noise and no level.

use std::f64::consts::TAU;

use jiff::civil::DateTime;

/// Monday to Sunday around one: Saturday and Sunday have less demand, so less of it is met by gas.
const WEEK: [f64; 7] = [1.017, 1.034, 1.040, 1.036, 1.016, 0.935, 0.922];

/// The factor of the season, around one: highest in winter, lowest in late spring, when hydro and sun meet little
/// demand. Two harmonics with the phases of Italy's mean months of 2021 to 2023, and 1.55 times their amplitude: single
/// years swing further than their mean does.
pub fn year(local: &DateTime) -> f64 {
    let angle = TAU * phase(local);
    1.0 + 0.155 * (angle + 0.135).cos() + 0.084 * (2.0 * angle - 1.488).cos()
}

/// The factor of the day of the week, around one, moving evenly from noon to noon.
pub fn week(local: &DateTime) -> f64 {
    let since_noon = hour(local) / 24.0 - 0.5;
    let today = local.weekday().to_monday_zero_offset().rem_euclid(7) as usize;
    let (neighbour, weight) =
        if since_noon < 0.0 { ((today + 6) % 7, -since_noon) } else { ((today + 1) % 7, since_noon) };
    WEEK[today] * (1.0 - weight) + WEEK[neighbour] * weight
}

/// What the hour adds to the day's mean, as a share of it; its mean over a day is nothing.
///
/// Two peaks, in the morning and the evening, and the trough that the sun cuts between them: deeper in summer.
pub fn day(local: &DateTime) -> f64 {
    let summer = 0.5 - 0.5 * (TAU * (phase(local) + 0.03)).cos();
    let mean = (0..24).map(|h| hour_share(f64::from(h), summer)).sum::<f64>() / 24.0;
    hour_share(hour(local), summer) - mean
}

fn hour_share(hour: f64, summer: f64) -> f64 {
    let trough = -(0.135 + 0.15 * summer) * bump(hour, 12.3 + 0.8 * summer, 3.2 + 0.5 * summer);
    let morning = 0.02 * bump(hour, 6.3, 1.4);
    let evening = (0.015 + 0.055 * summer) * bump(hour, 21.5, 2.6);
    trough + morning + evening
}

/// A bell of height one on the circle of 24 hours.
fn bump(hour: f64, centre: f64, width: f64) -> f64 {
    let distance = (hour - centre + 12.0).rem_euclid(24.0) - 12.0;
    (-0.5 * (distance / width).powi(2)).exp()
}

/// The part of the year that is over.
fn phase(local: &DateTime) -> f64 {
    (f64::from(local.date().day_of_year()) - 1.0 + hour(local) / 24.0) / 365.25
}

fn hour(local: &DateTime) -> f64 {
    f64::from(local.hour()) + f64::from(local.minute()) / 60.0
}
