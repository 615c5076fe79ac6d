//! The CarbonCast benchmark: intensity and generation by source of 2020 and 2021, weather forecasts as they were known,
//! and the forecasts that CarbonCast ships for the second half of 2021.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use aria_core::backtest::{Plan, Refit, run};
use aria_core::forecast::{Conditions, Covariate, Inputs, Run, Weather};
use aria_core::history::History;
use aria_core::score::Tally;
use aria_core::time::{Cadence, DAY, Timestamp};

use super::table::Table;
use super::{Peer, definition, score};

/// Hours from one value of a weather forecast to the next.
const BETWEEN: usize = 3;
/// Hours that a run reaches ahead.
const HOURS: usize = 96;
/// A source with less than this share of a zone's generation says nothing of its own.
const LEAST_SHARE: f64 = 0.01;

/// Forecasts the second half of 2021 by one model that is fitted on what was known on the first of July.
pub fn peer(data: &Path, zone: &str, time_zone: &str) -> Result<Peer> {
    let folder = data.join("carboncast").join(zone);
    let measured = Table::read(&folder.join(format!("{zone}_direct_emissions.csv.gz")))?;
    let times = measured.times("UTC time")?;
    let own = measured.history(&times, "carbon_intensity")?;
    let cut: Timestamp = "2021-07-01".parse()?;
    let inputs = Inputs {
        covariates: generation(&measured, &times, cut)?,
        weather: Some(Weather::new(0, runs(&folder, zone)?)?),
        own,
    };
    let theirs = Table::read(&shipped(&folder)?)?;
    let (starts, mut peer) = (theirs.times("UTC time")?, Tally::default());
    let place = theirs.place("forecasted_carbon_intensity_direct")?;
    let origins = daily(&starts.iter().step_by(96).copied().collect::<Vec<_>>())?;
    for (origin, rows) in origins.iter().zip(theirs.rows.chunks(96)) {
        let values =
            rows.iter().map(|row| row.get(place).unwrap_or_default().parse()).collect::<Result<Vec<f64>, _>>()?;
        peer.add_values(*origin, &values, &inputs.own).with_context(|| format!("no actual hours from {origin}"))?;
    }
    let last = *origins.last().context("CarbonCast's file is empty")?;
    let run =
        run(&definition(&zone.to_lowercase(), time_zone)?, &inputs, Plan { from: cut, to: last, refit: Refit::Never });
    let ours: Vec<_> = run.forecasts.iter().filter(|forecast| origins.contains(&forecast.origin)).collect();
    anyhow::ensure!(ours.len() == origins.len(), "{} forecasts for {} origins", ours.len(), origins.len());
    Ok(Peer { zone: zone.to_owned(), ours: score(&ours, &inputs.own), theirs: peer.score() })
}

/// The days of rows that follow one another day by day. Germany's 5 December 2021 stands there as a second 4 December,
/// in the weather and in CarbonCast's forecasts: the place tells the day.
fn daily(labels: &[Timestamp]) -> Result<Vec<Timestamp>> {
    let first = *labels.first().context("a file has no day")?;
    let days: Vec<Timestamp> = (0..labels.len() as i64).map(|day| first.plus(day * DAY)).collect();
    let wrong = days.iter().zip(labels).filter(|(day, label)| day != label).count();
    anyhow::ensure!(wrong <= 1, "{wrong} days do not stand where they belong");
    Ok(days)
}

/// The file of CarbonCast's own forecasts, which is named otherwise in each zone.
fn shipped(folder: &Path) -> Result<PathBuf> {
    let files = std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = files.filter_map(|file| Some(file.ok()?.path()));
    let is_it = |file: &PathBuf| file.to_string_lossy().contains("forecasts_direct");
    names.find(is_it).with_context(|| format!("no forecasts in {}", folder.display()))
}

/// Each larger source's share of the generation, and all of it.
fn generation(measured: &Table, times: &[Timestamp], cut: Timestamp) -> Result<Vec<Covariate>> {
    let sources = measured.header.iter().filter(|name| !["", "UTC time", "carbon_intensity"].contains(&name.as_str()));
    let sources: Vec<(&String, History)> =
        sources.map(|name| Ok((name, measured.history(times, name)?))).collect::<Result<_>>()?;
    let (_, first) = sources.first().context("no source")?;
    let start = first.start();
    let total: Vec<f64> =
        (0..first.values().len()).map(|hour| sources.iter().map(|(_, of)| of.values()[hour]).sum()).collect();
    let covariate = |name: &str, values: Vec<f64>| Covariate {
        name: name.to_owned(),
        delay: 0,
        history: History::new(start, Cadence::Hour, values),
    };
    let share = |of: &History| of.values().iter().zip(&total).map(|(value, total)| value / total).collect::<Vec<f64>>();
    let known = first.before(cut).values().len();
    let mean = |values: &[f64]| values[..known].iter().sum::<f64>() / known as f64;
    let shares = sources.iter().map(|(name, of)| (name, share(of))).filter(|(_, share)| mean(share) > LEAST_SHARE);
    let mut covariates: Vec<Covariate> = shares.map(|(name, share)| covariate(name, share)).collect();
    covariates.push(covariate("total", total));
    Ok(covariates)
}

/// The weather forecasts, each from its midnight on: values every three hours, with those between on the line.
fn runs(folder: &Path, zone: &str) -> Result<Vec<Run>> {
    let read = |variable: &str| Table::read(&folder.join(format!("{zone}_AVG_{variable}.csv.gz")));
    let [wind, sun, warmth, dew, rain] =
        [read("WIND_SPEED")?, read("DSWRF")?, read("TEMP")?, read("DPT")?, read("PCP")?];
    let times = wind.times("datetime")?;
    let run = |(row, issued): (usize, &Timestamp)| {
        let instants = |table: &Table| Ok::<_, anyhow::Error>(hourly(&numbers(table, row)?, 0.0));
        // A pair holds the mean, or the sum, of three hours and of six: what is left is that of the second three.
        let second_mean = |three: f64, six: f64| 2.0 * six - three;
        let second_sum = |three: f64, six: f64| six - three;
        let (wind, warmth, dew) = (instants(&wind)?, instants(&warmth)?, instants(&dew)?);
        let sun = hourly(&threes(&numbers(&sun, row)?, second_mean), 1.0);
        let rain = hourly(&threes(&numbers(&rain, row)?, second_sum), 1.0);
        let hour = |at: usize| Conditions {
            wind_ms: wind[at],
            sun_wm2: sun[at],
            temperature_k: warmth[at],
            dew_point_k: dew[at],
            rain_mm: rain[at],
        };
        let hours = (0..=HOURS).map(hour).collect();
        Ok(Run { issued: *issued, hours })
    };
    daily(&times)?.iter().enumerate().map(run).collect()
}

/// The values of a run, which follow five columns of where and what.
fn numbers(table: &Table, row: usize) -> Result<Vec<f64>> {
    let row = table.rows.get(row).context("a run is missing")?;
    Ok(row.iter().skip(5).map(str::parse).collect::<Result<_, _>>()?)
}

fn threes(pairs: &[f64], second: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    pairs.chunks_exact(2).flat_map(|pair| [pair[0].max(0.0), second(pair[0], pair[1]).max(0.0)]).collect()
}

/// Hourly values on the line between those every three hours, the first of which stands `first` hours after the issue.
fn hourly(values: &[f64], first: f64) -> Vec<f64> {
    let last = values.len() - 1;
    let at = |hour: usize| {
        let place = ((hour as f64 - first) / BETWEEN as f64).clamp(0.0, last as f64);
        let (left, share) = (place.floor() as usize, place.fract());
        values[left] + share * (values[(left + 1).min(last)] - values[left])
    };
    (0..=HOURS).map(at).collect()
}
