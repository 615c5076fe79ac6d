//! What a history leaves in a store, and what reaches it.

mod probation;

use std::collections::BTreeSet;

use aria_core::artifact::Format;
use aria_core::forecast::{Candidate, Point};
use aria_core::reach::Names;
use aria_core::series::{Neighbour, SeriesId};
use aria_core::time::{DAY, Timestamp};
use aria_io::artifacts::Artifacts;
use aria_io::library::{self, Series};
use aria_io::reach::{Reading, Walk};
use futures::TryStreamExt;

use super::*;

const DEFINITION: &str = r#"
id = "it.daily"
unit = "gCO2eq/kWh"
cadence = "1d"
time_zone = "Europe/Rome"
[source]
time_column = "time"
value_column = "ci"
[contract]
maximum = 2000.0
[forecast]
history_days = 60
holdout_days = 14
"#;

/// Batches of one day each after a first one of many; one of them has a refused row, one is broken.
fn batches() -> Vec<Batch> {
    let begin: Timestamp = "2021-01-01".parse().unwrap();
    let row = |day: i64| {
        let value = 300.0 + 40.0 * (day as f64 / 7.0).sin() + (day * day % 17) as f64;
        format!("{},{value}\n", begin.plus(day * DAY))
    };
    let batch = |from: i64, to: i64, more: &str| {
        let rows: String = (from..to).map(row).collect();
        let as_of = begin.plus(to * DAY);
        Batch { bytes: format!("time,ci\n{rows}{more}").into_bytes(), format: Format::Csv, as_of }
    };
    let mut batches = vec![batch(0, 70, ""), batch(70, 80, &format!("{},NaN\n", begin.plus(80 * DAY)))];
    batches.push(Batch { bytes: b"time,other\n2021-03-22,1\n".to_vec(), ..batch(80, 81, "") });
    batches.extend((80..120).map(|day| batch(day, day + 1, "")));
    batches
}

async fn keys(artifacts: &Artifacts, series: &SeriesId) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for kind in Kind::ALL {
        let names: Vec<Ref> = artifacts.list(kind, series).try_collect().await.unwrap();
        keys.extend(names.iter().map(Ref::key));
    }
    keys
}

#[tokio::test]
async fn cells_and_events_reach_every_artifact_that_a_history_leaves_and_nothing_else() {
    let definition = Definition::from_toml(DEFINITION).unwrap();
    let series = definition.id.clone();
    let mut offline = Offline::new(definition, &[]).unwrap();
    for batch in batches() {
        offline.run(batch).await.unwrap();
    }
    let stores = offline.stores();
    let orphan = stores.artifacts.put(Kind::Raw, &series, Format::Csv, b"nothing names it".to_vec()).await.unwrap();
    let mut walk = Walk::new(&stores.artifacts, Reading::Everything);
    walk.begin_with_cells(stores, &series).await.unwrap();
    for event in &offline.published {
        walk.begin(event.fact.name(), event.names().into_iter().cloned());
    }
    let mut reached = BTreeSet::new();
    while let Some(found) = walk.next().await {
        assert!(reached.insert(found.unwrap().name.key()));
    }
    let mut stored = keys(&stores.artifacts, &series).await;
    assert!(stored.remove(&orphan.key()));
    assert_eq!(reached, stored);
    // Every kind that a platform writes is among them, so that none was passed over; monitors lie in cells alone.
    let kinds: BTreeSet<&str> = stored.iter().filter_map(|key| key.split('/').next()).collect();
    let wanted = Kind::ALL.into_iter().filter(|kind| *kind != Kind::Monitor).map(Kind::as_str);
    assert_eq!(kinds, wanted.collect());
}

/// Values that a seed draws, of no pattern.
fn drawn(day: i64) -> f64 {
    let bits = (day as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    300.0 + ((bits ^ (bits >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as f64 / 100_000.0
}

#[tokio::test]
async fn a_series_is_forecast_with_its_neighbour_as_it_was_at_each_batch() {
    let mut definition = Definition::from_toml(DEFINITION).unwrap();
    let leader = Definition::from_toml(&DEFINITION.replace("it.daily", "fr.daily")).unwrap();
    definition.forecast.candidates = vec![Candidate::RidgeCovariates];
    definition.forecast.neighbours = vec![Neighbour { series: leader.id.clone(), delay_hours: 0 }];
    let mut offline = Offline::new(definition, std::slice::from_ref(&leader)).unwrap();
    let begin: Timestamp = "2021-01-01".parse().unwrap();
    // What the neighbour was yesterday, the series is today.
    let batch = |from: i64, to: i64, behind: i64| {
        let row = |day: i64| format!("{},{}\n", begin.plus(day * DAY), drawn(day - behind));
        let rows: String = (from..to).map(row).collect();
        Batch { bytes: format!("time,ci\n{rows}").into_bytes(), format: Format::Csv, as_of: begin.plus(to * DAY) }
    };
    let mut newest = None;
    for (from, to) in std::iter::once((0, 400)).chain((400..403).map(|day| (day, day + 1))) {
        assert_eq!(offline.run_neighbour(&leader.id, batch(from, to, 0)).await.unwrap(), None);
        newest = offline.run(batch(from, to, 1)).await.unwrap().or(newest);
    }
    let stores = offline.stores().clone();
    let series = Series::open(&stores.artifacts, &newest.unwrap()).await.unwrap();
    let companion = series.manifest.companion(&leader.id).unwrap();
    let known = Series::open(&stores.artifacts, companion).await.unwrap();
    let issued = offline.tally().forecasts();
    let name = issued.last().unwrap().forecast.clone();
    assert_eq!(known.manifest.end, begin.plus(403 * DAY));
    // What the neighbour had not handed in by the time of a batch is not there for it, though it came first.
    offline.run_neighbour(&leader.id, batch(403, 420, 0)).await.unwrap();
    let next = offline.run(batch(403, 404, 1)).await.unwrap().unwrap();
    let next = Series::open(&offline.stores().artifacts, &next).await.unwrap();
    assert_eq!(next.manifest.companion(&leader.id), Some(companion));
    // The newest forecast's first day is the neighbour's newest value, which nothing else tells.
    let (_, forecast) = library::forecast(&stores.artifacts, &name).await.unwrap();
    let (first, second) = (forecast.points[0], forecast.points[1]);
    assert!((first.value - drawn(402)).abs() < 10.0, "{} and {}", first.value, drawn(402));
    assert!(second.upper_80 - second.lower_80 > 5.0 * (first.upper_80 - first.lower_80));
}

#[tokio::test]
async fn a_series_is_forecast_with_the_weather_runs_that_were_known() {
    let hourly = DEFINITION.replace("1d", "1h")
        + "horizon_hours = 24\ncandidates = [\"ridge_weather\"]\n\
        weather = { series = \"it.weather\", delay_hours = 6 }\n";
    let definition = Definition::from_toml(&hourly).unwrap();
    let weather = "id = \"it.weather\"\nquantity = \"weather\"\nunit = \"m/s\"\ncadence = \"1h\"\n\
        time_zone = \"UTC\"\n[source]\ntime_column = \"issued_utc\"\nvalue_column = \"wind_ms_0\"\n";
    let weather = Definition::from_toml(weather).unwrap();
    let mut offline = Offline::new(definition, std::slice::from_ref(&weather)).unwrap();
    let begin: Timestamp = "2021-01-01".parse().unwrap();
    // Nothing but the wind moves the series, and every run knows it.
    let wind = |hour: i64| (drawn(hour.div_euclid(12)) - 290.0) / 20.0;
    let runs = |from: i64, to: i64| {
        let header = weather.columns().join(",");
        let hours = |day: i64| (0..121).map(move |hour| format!("{},100,280,275,0", wind(24 * day + hour)));
        let row = |day: i64| format!("{},{}\n", begin.plus(day * DAY), hours(day).collect::<Vec<_>>().join(","));
        let rows: String = (from..to).map(row).collect();
        let bytes = format!("issued_utc,{header}\n{rows}").into_bytes();
        Batch { bytes, format: Format::Csv, as_of: begin.plus(to * DAY) }
    };
    let own = |from: i64, to: i64| {
        let row = |hour: i64| format!("{},{}\n", begin.plus(hour * DAY / 24), 400.0 - 20.0 * wind(hour));
        let rows: String = (24 * from..24 * to).map(row).collect();
        Batch { bytes: format!("time,ci\n{rows}").into_bytes(), format: Format::Csv, as_of: begin.plus(to * DAY) }
    };
    for (from, to) in [(0, 130), (130, 131), (131, 132)] {
        assert_eq!(offline.run_neighbour(&weather.id, runs(from, to)).await.unwrap(), None);
        offline.run(own(from, to)).await.unwrap().unwrap();
    }
    let issued = offline.tally().forecasts();
    let name = &issued.last().unwrap().forecast;
    let (document, forecast) = library::forecast(&offline.stores().artifacts, name).await.unwrap();
    assert!(document.without.is_empty(), "{:?}", document.without);
    // From 132 days on the newest run that is known is a day old; it tells the day that comes.
    let off = |(hour, point): (i64, &Point)| (point.value - (400.0 - 20.0 * wind(24 * 132 + hour))).abs();
    let mean = (0..).zip(&forecast.points).map(off).sum::<f64>() / 24.0;
    let spread = (0..24).map(|hour| (wind(24 * 132 + hour) - wind(24 * 131 + hour)).abs()).sum::<f64>() / 24.0 * 20.0;
    assert!(mean < 0.5 * spread, "{mean} of {spread}");
}
