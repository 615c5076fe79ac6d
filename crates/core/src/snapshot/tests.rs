//! Laws of snapshots: whatever comes in, late, revised or all at once, the latest word on each hour is what is read.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::*;
use crate::artifact::{Format, Kind, Sha256Hex};
use crate::document;
use crate::series::Definition;
use crate::time::HOUR;

fn definition() -> Definition {
    let text = r#"
        id = "it.ci_direct"
        unit = "gCO2eq/kWh"
        cadence = "1h"
        time_zone = "Europe/Rome"
        [source]
        time_column = "timestamp_utc"
        value_column = "ci"
        covariates = ["cfe"]
    "#;
    Definition::from_toml(text).unwrap()
}

fn new_year() -> Timestamp {
    "2021-01-01T00:00:00Z".parse().unwrap()
}

fn at(hour: i64) -> Timestamp {
    new_year().plus(hour * HOUR)
}

/// Rows of hours after the new year: the value and the covariate.
type Rows = BTreeMap<i64, (f64, Option<f64>)>;

fn table(rows: &Rows) -> Table {
    let cells = rows.iter().map(|(hour, (value, covariate))| (at(*hour), vec![Some(*value), *covariate]));
    Table::from_rows(&["ci", "cfe"], cells).unwrap()
}

fn hours(range: std::ops::Range<i64>, value: f64) -> Rows {
    range.map(|hour| (hour, (value, None))).collect()
}

/// What an edge does with a series, over a store in memory.
#[derive(Default)]
struct Series {
    store: HashMap<Sha256Hex, Vec<u8>>,
    heads: Vec<(Ref, Manifest)>,
    loaded: usize,
}

impl Series {
    fn put(&mut self, kind: Kind, bytes: Vec<u8>) -> Ref {
        let format = if kind == Kind::Snapshot { Format::Json } else { Format::Parquet };
        let name = Ref::of(kind, &"it.ci_direct".parse().unwrap(), format, &bytes);
        self.store.insert(name.sha256.clone(), bytes);
        name
    }

    fn load(&mut self, names: &[Ref]) -> Vec<Table> {
        self.loaded += names.len();
        names.iter().map(|n| Table::from_parquet(&self.store[&n.sha256]).unwrap()).collect()
    }

    fn add(&mut self, rows: &Rows) -> Manifest {
        let table = table(rows);
        let parent = self.heads.last().cloned();
        let names = owned(recent(parent.as_ref().map(|p| &p.1), &table, Cadence::Hour));
        let recent = Table::merge(&self.load(&names)).unwrap();
        let ordinal = self.heads.len() as u64 + 1;
        let addition = Addition {
            ordinal,
            raw: self.put(Kind::Raw, ordinal.to_le_bytes().to_vec()),
            table_ref: self.put(Kind::Batch, table.to_parquet().unwrap()),
            quarantine: None,
            received: at(24 * ordinal as i64),
            table: &table,
            companions: Vec::new(),
        };
        let definition_ref = self.put(Kind::Definition, document::encode(&definition()).unwrap());
        let parent = parent.as_ref().map(|(name, manifest)| (name, manifest));
        let mut manifest = append(parent, (&definition_ref, &definition()), &addition, &recent).unwrap();
        if let Some(compaction) = manifest.compaction() {
            let tables = self.load(&owned(compaction.tables()));
            let mut stored = Vec::new();
            for month in compaction.apply(&tables).unwrap() {
                let name = self.put(Kind::Segment, month.table.to_parquet().unwrap());
                stored.push(month.segment(name));
            }
            manifest = manifest.compacted(&compaction, stored);
        }
        let name = self.put(Kind::Snapshot, document::encode(&manifest).unwrap());
        self.heads.push((name, manifest.clone()));
        manifest
    }

    fn read(&mut self, manifest: &Manifest, from: Timestamp, until: Timestamp) -> Table {
        let names = owned(manifest.tables(from, until));
        Table::merge(&self.load(&names)).unwrap().between(from, until)
    }

    fn read_all(&mut self, manifest: &Manifest) -> Table {
        self.read(manifest, manifest.first, manifest.end)
    }
}

fn owned(names: Vec<&Ref>) -> Vec<Ref> {
    names.into_iter().cloned().collect()
}

/// The latest value of each hour, as plainly as it can be written.
fn latest(batches: &[Rows]) -> Rows {
    let mut all = Rows::new();
    for (hour, (value, covariate)) in batches.iter().flatten() {
        let entry = all.entry(*hour).or_insert((*value, *covariate));
        *entry = (*value, covariate.or(entry.1));
    }
    all
}

#[test]
fn the_first_batch_begins_the_series() {
    let mut series = Series::default();
    let manifest = series.add(&hours(0..24, 300.0));
    assert_eq!((manifest.sequence, manifest.ordinal, manifest.rows, manifest.revised), (1, 1, 24, 0));
    assert_eq!((manifest.first, manifest.end, manifest.as_of), (at(0), at(24), at(24)));
    assert_eq!(manifest.parent, None);
    assert_eq!(
        manifest.level,
        Some(Level { median: 300.0, values: 24, range: Some((300.0, 300.0)), still: Some(24), newest: Some(300.0) })
    );
}

#[test]
fn a_revised_hour_counts_once_and_its_latest_value_wins() {
    let mut series = Series::default();
    series.add(&hours(0..24, 300.0));
    // Hours 20 to 23 come again: 20 and 21 as they were, 22 and 23 with another value; 24 and 25 are added.
    let second = hours(20..22, 300.0).into_iter().chain(hours(22..26, 310.0)).collect();
    let manifest = series.add(&second);
    assert_eq!((manifest.rows, manifest.revised, manifest.end), (26, 2, at(26)));
    assert_eq!(series.read_all(&manifest).values("ci").unwrap()[19..23], [300.0, 300.0, 300.0, 310.0].map(Some));
}

#[test]
fn a_late_hour_of_long_ago_changes_neither_end_nor_level() {
    let mut series = Series::default();
    series.add(&hours(100..110, 900.0));
    series.add(&hours(20_000..20_010, 300.0));
    let manifest = series.add(&hours(105..112, 500.0));
    assert_eq!((manifest.end, manifest.first), (at(20_010), at(100)));
    assert_eq!((manifest.rows, manifest.revised), (22, 5));
    assert_eq!(
        manifest.level,
        Some(Level { median: 300.0, values: 10, range: Some((300.0, 300.0)), still: Some(10), newest: Some(300.0) })
    );
    let long_ago = series.read(&manifest, at(100), at(112)).values("ci").unwrap();
    assert_eq!(long_ago, [vec![Some(900.0); 5], vec![Some(500.0); 7]].concat());
}

#[test]
fn what_lies_between_a_late_batch_and_the_newest_weeks_is_not_loaded() {
    let mut series = Series::default();
    for day in 0..300 {
        series.add(&hours(day * 24..day * 24 + 24, 300.0));
    }
    let (_, newest) = series.heads.last().unwrap();
    let names = recent(Some(newest), &table(&hours(5..6, 1.0)), Cadence::Hour);
    // The month of the late hour, at most two months and the tail for the four weeks.
    assert!(names.len() <= 1 + 2 + newest.tail.len(), "{}", names.len());
    let months_between = newest.segments.iter().filter(|s| s.first > at(31 * 24) && s.last < at(270 * 24));
    assert!(months_between.count() >= 6);
}

#[test]
fn the_level_is_that_of_the_newest_four_weeks() {
    let mut series = Series::default();
    series.add(&hours(0..100, 100.0));
    let manifest = series.add(&hours(100..100 + 28 * 24, 300.0));
    assert_eq!(
        manifest.level,
        Some(Level {
            median: 300.0,
            values: 28 * 24,
            range: Some((300.0, 300.0)),
            still: Some(672),
            newest: Some(300.0)
        })
    );
    // The newest day revised to 500, and three hours of 700: 27 days of 300, less three hours, still hold the middle.
    let manifest = series.add(&hours(100 + 27 * 24..100 + 28 * 24 + 3, 500.0));
    assert_eq!(
        manifest.level,
        Some(Level {
            median: 300.0,
            values: 28 * 24,
            range: Some((300.0, 500.0)),
            still: Some(645),
            newest: Some(500.0)
        })
    );
    assert_eq!((manifest.revised, manifest.rows), (24, 100 + 28 * 24 + 3));
}

#[test]
fn a_tail_of_32_batches_goes_into_months_but_for_the_newest_seven() {
    let mut series = Series::default();
    let mut newest = series.add(&hours(0..24, 0.0));
    for day in 1..31 {
        newest = series.add(&hours(day * 24..day * 24 + 24, day as f64));
    }
    assert_eq!((newest.tail.len(), newest.segments.len()), (31, 0));
    newest = series.add(&hours(31 * 24..32 * 24, 31.0));
    assert_eq!((newest.tail.len(), newest.sequence), (7, 32));
    let [segment] = newest.segments.as_slice() else { panic!("{:?}", newest.segments) };
    assert_eq!((segment.month.to_string().as_str(), segment.rows), ("2021-01", 25 * 24));
    assert_eq!((segment.first, segment.last), (at(0), at(25 * 24 - 1)));
}

#[test]
fn a_bulk_load_goes_into_months_at_once() {
    let mut series = Series::default();
    let three_years = 3 * 365 * 24;
    let manifest = series.add(&hours(0..three_years, 300.0));
    assert_eq!((manifest.tail.len(), manifest.segments.len(), manifest.rows), (0, 36, three_years as u64));
    assert_eq!(manifest.segments.iter().map(|s| s.rows).sum::<u64>(), three_years as u64);
    series.loaded = 0;
    series.add(&hours(three_years..three_years + 24, 300.0));
    // Four weeks touch at most two months.
    assert!(series.loaded <= 2, "{}", series.loaded);
}

#[test]
fn only_the_months_of_moved_rows_are_written_again() {
    let mut series = Series::default();
    let loaded = series.add(&hours(0..3 * 365 * 24, 300.0));
    let mut rows = hours(3 * 365 * 24..3 * 365 * 24 + 24, 300.0);
    // One of the batches to come revises an hour of 2021-02.
    rows.insert(40 * 24, (1.0, None));
    let mut newest = series.add(&rows);
    for day in 1..32 {
        let start = (3 * 365 + day) * 24;
        newest = series.add(&hours(start..start + 24, 300.0));
    }
    let changed: Vec<String> =
        newest.segments.iter().filter(|s| !loaded.segments.contains(s)).map(|s| s.month.to_string()).collect();
    assert_eq!(changed, ["2021-02", "2024-01"]);
    assert_eq!(newest.segments.len(), 37);
}

#[test]
fn neither_manifest_nor_work_grows_with_the_number_of_batches() {
    let mut series = Series::default();
    let (mut longest_early, mut longest_late) = (0, 0);
    let (mut most_early, mut most_late) = (0, 0);
    // 1200 batches of one hour: 50 days, so that only the number of batches grows and hardly that of months.
    for hour in 0..1200 {
        series.loaded = 0;
        let manifest = series.add(&hours(hour..hour + 1, 300.0));
        let length = document::encode(&manifest).unwrap().len();
        if hour < 200 {
            (longest_early, most_early) = (longest_early.max(length), most_early.max(series.loaded));
        } else {
            (longest_late, most_late) = (longest_late.max(length), most_late.max(series.loaded));
        }
    }
    assert!(longest_late < longest_early + 1000, "{longest_early} bytes grew to {longest_late}");
    assert!(most_late <= most_early + 3, "{most_early} tables grew to {most_late}");
}

#[test]
fn every_older_state_stays_readable_as_it_was() {
    let mut series = Series::default();
    let batches: Vec<Rows> = (0..80).map(|day| hours(day * 20..day * 20 + 24, day as f64)).collect();
    for batch in &batches {
        series.add(batch);
    }
    for (count, (_, manifest)) in series.heads.clone().iter().enumerate() {
        assert_eq!(series.read_all(manifest), table(&latest(&batches[..=count])), "after batch {}", count + 1);
    }
}

#[test]
fn a_manifest_reads_back_as_it_was_written() {
    let mut series = Series::default();
    let manifest = series.add(&hours(0..24 * 900, 300.25));
    let bytes = document::encode(&manifest).unwrap();
    assert_eq!(document::decode::<Manifest>(&bytes).unwrap(), manifest);
}

#[test]
fn a_batch_that_came_before_the_newest_cannot_be_added() {
    let mut series = Series::default();
    let manifest = series.add(&hours(0..24, 300.0));
    let (name, _) = series.heads[0].clone();
    let table = table(&hours(24..25, 1.0));
    let addition = Addition {
        ordinal: 1,
        raw: name.clone(),
        table_ref: name.clone(),
        quarantine: None,
        received: at(30),
        table: &table,
        companions: Vec::new(),
    };
    let error = append(Some((&name, &manifest)), (&name, &definition()), &addition, &table).unwrap_err();
    assert!(matches!(error, AppendError::Order { ordinal: 1, newest: 1 }), "{error}");
}

#[test]
fn an_empty_batch_and_one_of_another_series_cannot_be_added() {
    let mut series = Series::default();
    let manifest = series.add(&hours(0..24, 300.0));
    let (name, _) = series.heads[0].clone();
    let add = |table: &Table, id: &str| {
        let definition = Definition { id: id.parse().unwrap(), ..definition() };
        let (raw, table_ref) = (name.clone(), name.clone());
        let addition =
            Addition { ordinal: 2, raw, table_ref, quarantine: None, received: at(30), table, companions: Vec::new() };
        append(Some((&name, &manifest)), (&name, &definition), &addition, &Table::empty(&[]).unwrap()).unwrap_err()
    };
    assert!(matches!(add(&table(&Rows::new()), "it.ci_direct"), AppendError::Empty));
    assert!(matches!(add(&table(&hours(30..31, 1.0)), "de.ci_direct"), AppendError::Series { .. }));
}

#[test]
fn a_compaction_with_a_table_too_few_is_refused() {
    let mut series = Series::default();
    let mut manifest = series.add(&hours(0..24, 1.0));
    while manifest.tail.len() < 31 {
        manifest = series.add(&hours(0..24, 1.0));
    }
    let extra = manifest.tail[0].clone();
    manifest.tail.push(TailBatch { ordinal: 99, ..extra });
    let compaction = manifest.compaction().unwrap();
    assert!(matches!(compaction.apply(&[]), Err(CompactionError::Tables { expected: 25, found: 0 })));
}

/// Batches of a few hours somewhere in five months, so that they are late, revise and overlap.
fn any_batches() -> impl Strategy<Value = Vec<Rows>> {
    let row = (1.0..1500.0, prop::option::of(0.0..100.0));
    let batch = (0..3_600i64, prop::collection::btree_map(0..80i64, row, 1..30));
    let batch = batch.prop_map(|(start, rows)| rows.into_iter().map(|(hour, row)| (start + hour, row)).collect());
    prop::collection::vec(batch, 1..90)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_read_is_the_latest_value_of_each_hour(
        batches in any_batches(), from in 0..3_700i64, length in 0..900i64,
    ) {
        let mut series = Series::default();
        let mut known = Rows::new();
        for (count, batch) in batches.iter().enumerate() {
            let revised = batch.iter().filter(|(hour, row)| known.get(hour).is_some_and(|k| k.0 != row.0)).count();
            known = latest(&batches[..=count]);
            let manifest = series.add(batch);
            prop_assert_eq!(manifest.revised, revised as u64);
            prop_assert_eq!(manifest.rows, known.len() as u64);
            prop_assert_eq!(Some(manifest.first), known.keys().next().map(|hour| at(*hour)));
            prop_assert_eq!(Some(manifest.end), known.keys().last().map(|hour| at(hour + 1)));
            let end = known.keys().last().unwrap() + 1;
            let newest = known.range(end - 28 * 24..).map(|(_, row)| row.0);
            prop_assert_eq!(manifest.level, Level::of(newest));
            prop_assert!(manifest.tail.len() <= 31);
        }
        let manifest = series.heads.last().unwrap().1.clone();
        prop_assert_eq!(series.read_all(&manifest), table(&known));
        let part: Rows = known.range(from..from + length).map(|(hour, row)| (*hour, *row)).collect();
        let read = series.read(&manifest, at(from), at(from + length));
        prop_assert_eq!(read.times(), table(&part).times());
        if !part.is_empty() {
            prop_assert_eq!(read, table(&part));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn the_same_batches_give_the_same_bytes(batches in any_batches()) {
        let (mut first, mut second) = (Series::default(), Series::default());
        for batch in &batches {
            first.add(batch);
            second.add(batch);
        }
        prop_assert_eq!(&first.store, &second.store);
        prop_assert_eq!(first.heads.last(), second.heads.last());
    }
}

#[test]
fn a_snapshot_of_version_1_is_read_as_one_without_companions() {
    let golden = |version: u32| {
        let name = format!("{}/golden/snapshot.v{version}.json", env!("CARGO_MANIFEST_DIR"));
        document::decode::<Manifest>(&std::fs::read(name).unwrap()).unwrap()
    };
    let (first, second) = (golden(1), golden(2));
    assert!(first.companions.is_empty());
    assert_eq!(second.companion(&"fr.daily".parse().unwrap()), Some(&second.companions[0].snapshot));
    assert_eq!(first, Manifest { companions: Vec::new(), ..second });
}
