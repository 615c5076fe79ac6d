//! What a history leaves in a store, and what reaches it.

use std::collections::BTreeSet;

use aria_core::artifact::Format;
use aria_core::reach::Names;
use aria_core::series::SeriesId;
use aria_core::time::{DAY, Timestamp};
use aria_io::artifacts::Artifacts;
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
    let mut offline = Offline::new(definition).unwrap();
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
