//! Loads that somebody means harm with, or has a lot of data: memory stays within a stated bound, good work goes on,
//! and each bad input has its reason on record. A small form of each runs with all tests; `make heavy` runs the full
//! one and prints what it took.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use aria_core::event::Fact;
use aria_core::series::SeriesId;
use aria_core::summary::ended;
use aria_core::time::Timestamp;
use aria_io::bus::{Filter, HEADS, Start};
use aria_tests::{Fleet, Pace, Peak, Platform, bomb, wave};
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::{Client, StatusCode};
use serde_json::Value;

/// The most memory that any process may take, in MiB, whatever is handed in: see BOUNDS.md.
const MOST_MIB: u64 = 1_536;
const SERIES: &str = Platform::SERIES;
const CSV: &str = "text/csv";
const NDJSON: &str = "application/x-ndjson";
const PARQUET: &str = "application/vnd.apache.parquet";
/// Uploads on their way at once.
const AT_ONCE: usize = 16;

/// A client, and where it sends.
struct Sender {
    client: Client,
    fleet: Fleet,
}

impl Sender {
    async fn start(definitions: impl IntoIterator<Item = String>) -> Result<Self> {
        rustls::crypto::ring::default_provider().install_default().ok();
        Ok(Self { client: Client::new(), fleet: Fleet::start(definitions).await? })
    }

    /// Hands a batch in, waiting as it is told to; gives its ordinal.
    async fn send(&self, series: &str, media_type: &str, body: Vec<u8>) -> Result<u64> {
        let url = self.fleet.url(&format!("/v1/series/{series}/batches"));
        let mut cut_off = 0;
        loop {
            let request = self.client.post(&url).header("content-type", media_type).body(body.clone());
            // Who is refused while it still writes may see no more than that the connection ends.
            let answer = match request.send().await {
                Err(error) if cut_off < 20 => {
                    println!("sending again: {error}");
                    cut_off += 1;
                    continue;
                }
                answer => answer?,
            };
            let wait = answer.headers().get("retry-after").and_then(|v| v.to_str().ok()?.parse().ok());
            if let (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, Some(seconds)) =
                (answer.status(), wait)
            {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                continue;
            }
            let status = answer.status();
            let text = answer.text().await?;
            ensure!(status == StatusCode::ACCEPTED, "{status}: {text}");
            return serde_json::from_str::<Value>(&text)?["ordinal"].as_u64().context("no ordinal");
        }
    }

    /// Waits for the ends of so many batches; gives why those that were rejected were, by series and ordinal.
    async fn ends(&self, count: usize, patience: Duration) -> Result<Ends> {
        let bus = self.fleet.edges().await?.bus;
        let facts = ["batch.rejected", "forecast.issued", "forecast.withheld"];
        let mut events = bus.events(&Filter::all().facts(facts), Start::First).await?;
        let mut ends = Ends::default();
        let reading = async {
            while ends.all.len() < count {
                let recorded = events.next_readable().await.context("the event log ended")??;
                let (series, fact) = (recorded.event.series, recorded.event.fact);
                let ordinal = ended(&fact).context("no end")?;
                ensure!(ends.all.insert((series.clone(), ordinal)), "{series} {ordinal} ended twice");
                if let Fact::BatchRejected(rejected) = fact {
                    ends.rejected.insert((series, ordinal), rejected.reason);
                }
            }
            Ok::<_, anyhow::Error>(())
        };
        let ended = tokio::time::timeout(patience, reading).await;
        ended
            .unwrap_or_else(|_| Err(anyhow::anyhow!("the rest did not end in time")))
            .with_context(|| format!("{} of {count} batches have ended", ends.all.len()))?;
        Ok(ends)
    }

    /// Checks that no process took more than it may; says what each took.
    fn within(&self, what: &str) -> Result<()> {
        let peaks = self.fleet.peaks()?;
        let told: Vec<String> = peaks.iter().map(|Peak { name, mib }| format!("{name} {mib}")).collect();
        println!("{what}: peak MiB: {}", told.join(", "));
        let over: Vec<&Peak> = peaks.iter().filter(|peak| peak.mib > MOST_MIB).collect();
        ensure!(over.is_empty(), "beyond {MOST_MIB} MiB: {over:?}");
        Ok(())
    }
}

/// How batches ended.
#[derive(Default)]
struct Ends {
    all: BTreeSet<(SeriesId, u64)>,
    rejected: BTreeMap<(SeriesId, u64), String>,
}

/// Hands in files of so many rows each, more than a series takes, then a good day.
async fn too_many_rows(rows: usize, patience: Duration) -> Result<()> {
    let sender = Sender::start([Platform::definition()?]).await?;
    let begun = Instant::now();
    let header = aria_tests::HEADER;
    let (time, value) = header.trim().split_once(',').context("no columns")?;
    let files = [
        (CSV, bomb::csv(rows, header), "the file has more than 2000000 rows".to_owned()),
        (NDJSON, bomb::ndjson(rows), "the file has more than 2000000 rows".to_owned()),
        (
            PARQUET,
            bomb::parquet(rows as u64, time, value),
            format!("the file has {rows} rows, the contract allows 2000000"),
        ),
    ];
    let mut reasons = Vec::new();
    for (media_type, bytes, reason) in files {
        println!("{media_type}: {rows} rows in {} bytes", bytes.len());
        sender.send(SERIES, media_type, bytes).await?;
        reasons.push(reason);
    }
    let good = sender.send(SERIES, CSV, wave("2021-01-01", "2021-01-02", Pace::Slow)?.into_bytes()).await?;
    let ends = sender.ends(reasons.len() + 1, patience).await?;
    for (ordinal, reason) in (1..).zip(&reasons) {
        let found =
            ends.rejected.get(&(SERIES.parse()?, ordinal)).with_context(|| format!("{ordinal} not rejected"))?;
        ensure!(found.contains(reason.as_str()), "{ordinal}: {found}");
    }
    ensure!(!ends.rejected.contains_key(&(SERIES.parse()?, good)), "the good day was rejected");
    println!("{rows} rows in each of three files: rejected, and a good day after them, in {:.1?}", begun.elapsed());
    sender.within("too many rows")
}

/// Hands the largest uploads that a series takes in, two to each of so many series and all at once.
async fn largest_at_once(count: usize, bytes: usize, patience: Duration) -> Result<()> {
    let definition = Platform::definition()?;
    let sender = Sender::start((0..count).map(|number| definition.replace(SERIES, &name_of(number)))).await?;
    let begun = Instant::now();
    let sent = stream::iter(0..2 * count).map(|number| {
        // Each another one, so that none is stored already.
        let mut body = bomb::csv((bytes - 64) / 4, aria_tests::HEADER);
        body.extend(format!("{number},1\n").into_bytes());
        let (sender, name) = (&sender, name_of(number / 2));
        async move { sender.send(&name, CSV, body).await }
    });
    sent.buffer_unordered(2 * count).try_collect::<Vec<_>>().await?;
    let ends = sender.ends(2 * count, patience).await?;
    ensure!(ends.rejected.len() == 2 * count, "{} were rejected", ends.rejected.len());
    println!("{} uploads of {} MiB at once ended in {:.1?}", 2 * count, bytes >> 20, begun.elapsed());
    sender.within("the largest uploads at once")
}

/// Hands in as many good rows as a series takes in one upload, and waits for what comes of it.
async fn most_good_rows(rows: i64, patience: Duration) -> Result<()> {
    let definition = Platform::definition()?.replace("cadence = \"1h\"", "cadence = \"15min\"");
    let contract = "[contract]\nearliest = \"1900-01-01T00:00:00Z\"";
    let sender = Sender::start([definition.replace("[contract]", contract)]).await?;
    let begin: Timestamp = "1960-01-01".parse()?;
    let mut text = aria_tests::HEADER.to_owned();
    for row in 0..rows {
        let value = 300.0 + 80.0 * (row as f64 * std::f64::consts::TAU / 96.0).sin() + (row % 7) as f64;
        text.push_str(&format!("{},{value:.1}\n", begin.plus(row * 900)));
    }
    println!("{rows} good rows in {} bytes", text.len());
    let begun = Instant::now();
    sender.send(SERIES, CSV, text.into_bytes()).await?;
    let ends = sender.ends(1, patience).await?;
    ensure!(ends.rejected.is_empty(), "{:?}", ends.rejected);
    println!("{rows} good rows ended in {:.1?}", begun.elapsed());
    sender.within("the most good rows")
}

/// Hands so many bad files in, a good day after each `every` of them, and as many good days to another series.
async fn bad_files(count: usize, every: usize, patience: Duration) -> Result<()> {
    let other = "fr.ci_direct";
    let definitions = [Platform::definition()?, Platform::definition()?.replace(SERIES, other)];
    let sender = Sender::start(definitions).await?;
    let begun = Instant::now();
    let day = |number: usize| -> Result<Vec<u8>> {
        let (month, day) = (number / 28 % 12 + 1, number % 28 + 1);
        let from = format!("2021-{month:02}-{day:02}");
        Ok(wave(&from, &format!("{from}T12:00:00Z"), Pace::Slow)?.into_bytes())
    };
    let mut uploads: Vec<(&str, Vec<u8>)> = Vec::new();
    let mut good = 0;
    for number in 0..count {
        uploads.push((SERIES, format!("when,what\n{number},2\n").into_bytes()));
        if number % every == every - 1 {
            uploads.push((SERIES, day(good)?));
            uploads.push((other, day(good)?));
            good += 1;
        }
    }
    let total = uploads.len();
    let sent = stream::iter(uploads).map(|(series, body)| sender.send(series, CSV, body)).buffer_unordered(AT_ONCE);
    sent.try_collect::<Vec<_>>().await?;
    println!("{total} uploads taken in, {:.0} a second", total as f64 / begun.elapsed().as_secs_f64());
    let ends = sender.ends(total, patience).await?;
    ensure!(ends.rejected.len() == count, "{} of {count} bad files were rejected", ends.rejected.len());
    for ((series, ordinal), reason) in &ends.rejected {
        ensure!(series.as_str() == SERIES, "{series} {ordinal}: {reason}");
        ensure!(reason.contains("column `timestamp_utc` is missing"), "{ordinal}: {reason}");
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{count} bad files and {} good ones ended in {seconds:.1} s, {:.1} a second",
        2 * good,
        total as f64 / seconds
    );
    sender.within("bad files")
}

fn name_of(number: usize) -> String {
    format!("z{number}.ci_direct")
}

/// Hands a day each in to so many series; how long it took until all have ended.
async fn round(sender: &Sender, count: usize, days: [&str; 2], patience: Duration) -> Result<Duration> {
    let bytes = wave(days[0], days[1], Pace::Slow)?.into_bytes();
    let before = ends_so_far(sender).await?;
    let begun = Instant::now();
    let sent = stream::iter(1..=count).map(|number| {
        let bytes = bytes.clone();
        async move { sender.send(&name_of(number), CSV, bytes).await }
    });
    sent.buffer_unordered(AT_ONCE).try_collect::<Vec<_>>().await?;
    let ends = sender.ends(before + count, patience).await?;
    ensure!(ends.rejected.is_empty(), "{:?}", ends.rejected);
    Ok(begun.elapsed())
}

async fn ends_so_far(sender: &Sender) -> Result<usize> {
    let facts = ["batch.rejected", "forecast.issued", "forecast.withheld"];
    let bus = sender.fleet.edges().await?.bus;
    let mut events = bus.recorded_events(&Filter::all().facts(facts), Start::First).await?;
    let mut count = 0;
    while events.next_readable().await.transpose()?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// So many good series, then the same with one beside them whose state is damaged and whose every batch therefore
/// fails, and fails to end: `flood` of them.
async fn one_poisoned(count: usize, flood: usize, patience: Duration) -> Result<()> {
    let definition = Platform::definition()?;
    let definitions: Vec<String> = (0..=count).map(|number| definition.replace(SERIES, &name_of(number))).collect();
    let sender = Sender::start(definitions).await?;
    // The better of two rounds each: other work on the machine slows now one and now the other.
    let first = round(&sender, count, ["2021-01-01", "2021-01-02"], patience).await?;
    let alone = first.min(round(&sender, count, ["2021-01-02", "2021-01-03"], patience).await?);

    let poisoned: SeriesId = name_of(0).parse()?;
    sender.fleet.edges().await?.bus.cells(HEADS).swap(&poisoned, None, b"no document".to_vec()).await?;
    let raw = wave("2021-01-01", "2021-01-02", Pace::Slow)?.into_bytes();
    let edges = sender.fleet.edges().await?;
    let raw =
        edges.artifacts.put(aria_core::artifact::Kind::Raw, &poisoned, aria_core::artifact::Format::Csv, raw).await?;
    for _ in 0..flood {
        edges.bus.receive(&poisoned, &raw, "2021-01-02".parse()?, "poison", 0).await?;
    }
    let first = round(&sender, count, ["2021-01-03", "2021-01-04"], patience).await?;
    let beside = first.min(round(&sender, count, ["2021-01-04", "2021-01-05"], patience).await?);
    println!("{count} series: {alone:.1?} alone, {beside:.1?} beside one with {flood} batches that fail");
    // A second is what a small run differs by, by itself.
    ensure!(beside < alone.mul_f64(1.5) + Duration::from_secs(3), "the others are slowed from {alone:?} to {beside:?}");
    operators(&sender, count, poisoned.as_str()).await?;
    sender.within("one series poisoned")
}

/// What operators look at stays of use.
async fn operators(sender: &Sender, count: usize, poisoned: &str) -> Result<()> {
    let begun = Instant::now();
    let told = sender.fleet.run(&["status", "--json"]).await?;
    let took = begun.elapsed();
    let listed: Value = serde_json::from_slice(&told.stdout).context("status prints no JSON")?;
    let text = listed.to_string();
    ensure!(text.contains(poisoned), "nothing about {poisoned}");
    println!("aria status of {count} series: {took:.1?}");
    ensure!(took < Duration::from_secs(30), "aria status takes {took:?}");
    let begun = Instant::now();
    let series: Value = sender.client.get(sender.fleet.url("/v1/series")).send().await?.text().await?.parse()?;
    ensure!(series.as_array().map(Vec::len) == Some(count + 1), "{series}");
    println!("GET /v1/series: {:.1?}", begun.elapsed());
    Ok(())
}

const SHORT: Duration = Duration::from_secs(60);
const LONG: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn three_million_rows_in_one_upload_are_rejected_with_the_limit_and_the_next_batch_is_taken_in() -> Result<()> {
    too_many_rows(3_000_000, SHORT).await
}

#[tokio::test]
async fn a_hundred_bad_files_in_a_row_have_each_their_reason_on_record_and_good_ones_go_on_between_them() -> Result<()>
{
    bad_files(100, 25, SHORT).await
}

#[tokio::test]
async fn of_twenty_series_one_that_is_poisoned_does_not_slow_the_others() -> Result<()> {
    one_poisoned(20, 20, SHORT).await
}

#[tokio::test]
#[ignore = "minutes: make heavy"]
async fn heavy_thirty_million_rows_in_one_upload() -> Result<()> {
    too_many_rows(30_000_000, LONG).await
}

#[tokio::test]
#[ignore = "minutes: make heavy"]
async fn heavy_ten_thousand_bad_files_in_a_row() -> Result<()> {
    bad_files(10_000, 100, LONG).await
}

#[tokio::test]
#[ignore = "minutes: make heavy"]
async fn heavy_a_thousand_series_one_of_them_poisoned() -> Result<()> {
    one_poisoned(1_000, 1_000, LONG).await
}

#[tokio::test]
#[ignore = "minutes: make heavy"]
async fn heavy_eight_of_the_largest_uploads_at_once() -> Result<()> {
    largest_at_once(4, 256 << 20, LONG).await
}

#[tokio::test]
#[ignore = "minutes: make heavy"]
async fn heavy_two_million_good_rows_in_one_upload() -> Result<()> {
    most_good_rows(2_000_000, LONG).await
}
