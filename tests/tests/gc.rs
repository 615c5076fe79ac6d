//! Garbage is collected, and nothing else: on a platform at rest, and while it works and everything is killed.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use aria_core::artifact::{Format, Kind, Ref};
use aria_core::replay;
use aria_core::series::{Definition, SeriesId};
use aria_core::summary::ended;
use aria_io::artifacts::{Artifacts, Record};
use aria_io::bus::{Bus, BusConfig, Events, Filter, Start};
use aria_io::runtime::Edges;
use aria_tests::{Nats, Pace, Platform, Process, S3, Service, aria, everything_reached, free_ports, until, wave};
use serde_json::Value;
use tempfile::TempDir;

const SERIES: &str = Platform::SERIES;
const PATIENCE: Duration = Duration::from_secs(120);

fn json(text: &str) -> Result<Value> {
    serde_json::from_str(text).with_context(|| format!("no JSON: {text}"))
}

/// How many of something go, by a plan.
fn goes(plan: &Value, what: &str) -> u64 {
    let lines = plan["plan"].as_array().into_iter().flatten();
    lines.filter(|line| line["what"] == what && line["kept"] == false).filter_map(|line| line["count"].as_u64()).sum()
}

/// Every file below a folder, as the store names it.
fn files(folder: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(&next)? {
            let path = entry?.path();
            match path.is_dir() {
                true => waiting.push(path),
                false => drop(found.insert(path.strip_prefix(folder)?.display().to_string())),
            }
        }
    }
    Ok(found)
}

/// Makes every file of a store old, so that no time of grace hides a mistake.
fn age(store: &Path) -> Result<()> {
    let long_ago = SystemTime::now() - Duration::from_secs(30 * 86_400);
    for file in files(store)? {
        std::fs::File::options().write(true).open(store.join(file))?.set_modified(long_ago)?;
    }
    Ok(())
}

fn write(store: &Path, key: &str, bytes: &[u8]) -> Result<String> {
    let file = store.join(key);
    std::fs::create_dir_all(file.parent().context("no folder")?)?;
    std::fs::write(file, bytes)?;
    Ok(key.to_owned())
}

/// An artifact that nothing names.
fn orphan(store: &Path, kind: Kind, text: &str) -> Result<String> {
    write(store, &Ref::of(kind, &SERIES.parse()?, Format::Json, text.as_bytes()).key(), text.as_bytes())
}

/// `aria gc` that keeps nothing longer than it must, but for dead letters.
async fn collect(platform: &Platform, dead_letters: &str, more: &[&str]) -> Result<Value> {
    let mut args = vec!["gc", "--json", "--keep-dead-letters", dead_letters, "--keep-orphans", "61m"];
    for class in ["--keep-events", "--keep-forecasts", "--keep-rejected", "--keep-dropped"] {
        args.extend([class, "1s"]);
    }
    json(&platform.done(&[args.as_slice(), more].concat()).await?)
}

/// The plan, once some of this would go.
async fn once_it_goes(platform: &Platform, what: &str) -> Result<Value> {
    until(&format!("some {what} to be garbage"), PATIENCE, async || {
        let plan = collect(platform, "1d", &[]).await?;
        ensure!(goes(&plan, what) > 0, "{plan}");
        Ok(plan)
    })
    .await
}

async fn reject(platform: &Platform, name: &str) -> Result<()> {
    std::fs::write(platform.folder().join(name), format!("when,what\n1,{name}\n"))?;
    platform.refused(&["ingest", "--series", SERIES, name]).await.map(drop)
}

/// A platform with a model, forecasts, two rejected batches and three that brought forecasts.
async fn with_history() -> Result<Platform> {
    let platform = Platform::start().await?;
    platform.ingest("2021-01-01", "2021-03-20", Pace::Slow).await?;
    reject(&platform, "bad.csv").await?;
    reject(&platform, "worse.csv").await?;
    platform.ingest("2021-03-20", "2021-03-21", Pace::Slow).await?;
    platform.ingest("2021-03-21", "2021-03-22", Pace::Slow).await?;
    Ok(platform)
}

async fn is_whole(platform: &Platform) -> Result<usize> {
    let edges = platform.edges().await?;
    everything_reached(&edges, &edges.artifacts, &SERIES.parse()?).await
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_says_what_would_go() -> Result<()> {
    let platform = with_history().await?;
    let store = platform.data().join("store");
    let junk = orphan(&store, Kind::Model, "{\"nobody\":1}")?;
    age(&store)?;
    let (before, events) = (files(&store)?, platform.events().await?.len());
    let told = once_it_goes(&platform, "batch.rejected").await?;
    assert_eq!((goes(&told, "model"), goes(&told, "batch.received"), &told["deleted"]), (1, 1, &Value::Null));
    assert_eq!((files(&store)?, platform.events().await?.len()), (before, events));
    assert!(store.join(junk).is_file());
    let told = platform.done(&["gc"]).await?;
    assert!(told.contains("would be deleted\n  model") && told.contains("`aria gc --delete` deletes it"), "{told}");
    Ok(())
}

#[tokio::test]
async fn what_nothing_needs_goes_and_the_series_goes_on_as_if_nothing_were_missing() -> Result<()> {
    let platform = with_history().await?;
    let store = platform.data().join("store");
    let kinds = [Kind::Raw, Kind::Snapshot, Kind::Model, Kind::Forecast, Kind::Report];
    let junk: Vec<String> = kinds.iter().map(|kind| orphan(&store, *kind, "{\"nobody\":1}")).collect::<Result<_>>()?;
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let mut foreign = vec!["aria/mark".to_owned(), "probe/aria".to_owned()];
    for key in ["notes.txt", &format!("raw/{SERIES}/notes.csv"), &format!("raw/{digest}.csv"), &format!("x/{digest}")] {
        foreign.push(write(&store, key, b"left here by hand")?);
    }
    let forecasts = async || json(&platform.done(&["forecast", SERIES, "--json"]).await?);
    let newest = forecasts().await?;

    // What events alone named goes with the run after theirs. Of the reports of three checks, the one stays that the
    // newest check names; of the bytes, those of three batches, of the newest bad file and of what is not Aria's.
    age(&store)?;
    let left_of = |left: &BTreeSet<String>, kind: &str| left.iter().filter(|key| key.starts_with(kind)).count();
    let left = until("all garbage to be gone", PATIENCE, async || {
        collect(&platform, "1d", &["--delete"]).await?;
        let left = files(&store)?;
        let counts = (left_of(&left, "report/"), left_of(&left, "raw/simulated"));
        ensure!(counts == (1, 3 + 1 + 1), "{left:?}");
        Ok(left)
    })
    .await?;
    assert!(junk.iter().all(|key| !left.contains(key)), "{junk:?}");
    assert!(foreign.iter().all(|key| left.contains(key)), "{foreign:?} of {left:?}");
    assert_eq!(forecasts().await?, newest);
    is_whole(&platform).await?;
    let lineage = platform.done(&["lineage", "--series", SERIES]).await?;
    assert!(lineage.contains("raw bytes  3 in all"), "{lineage}");
    let status = json(&platform.done(&["status", SERIES, "--json"]).await?)?;
    let told = &status["series"][0];
    assert_eq!((&told["batches_received"], &told["batches_without_end"]), (&5.into(), &0.into()), "{status}");

    platform.ingest("2021-03-22", "2021-03-23", Pace::Slow).await?;
    let recorded = platform.event("the next end", |event| ended(&event.fact) == Some(6)).await?;
    assert_eq!(recorded.event.fact.name(), "forecast.issued");
    is_whole(&platform).await?;
    Ok(())
}

#[tokio::test]
async fn a_dead_letter_on_the_list_and_what_it_names_stay_until_it_is_off_the_list() -> Result<()> {
    let platform = with_history().await?;
    let (store, series) = (platform.data().join("store"), SERIES.parse()?);
    // Its bytes come too late: ingestion gave up, and an operator who has put them back can hand it in again.
    let bytes = wave("2021-03-22", "2021-03-23", Pace::Slow)?;
    let raw = Ref::of(Kind::Raw, &series, Format::Csv, bytes.as_bytes());
    let bus = platform.edges().await?.bus;
    bus.receive(&series, &raw, "2021-03-23".parse()?, "late", 5).await?;
    let letters = until("the dead letter", PATIENCE, async || {
        let letters = json(&platform.done(&["deadletters", "list", "--json"]).await?)?;
        letters[0]["number"].as_u64().context("none yet")
    });
    let number = letters.await?;
    write(&store, &raw.key(), bytes.as_bytes())?;
    platform.ingest("2021-03-23", "2021-03-24", Pace::Slow).await?;
    reject(&platform, "worst.csv").await?;
    age(&store)?;
    for what in ["batch.rejected", "report"] {
        once_it_goes(&platform, what).await?;
        collect(&platform, "1d", &["--delete"]).await?;
    }
    assert!(store.join(raw.key()).is_file());
    platform.done(&["deadletters", "replay", &number.to_string()]).await?;
    platform.event("its end", |event| ended(&event.fact) == Some(9)).await?;
    is_whole(&platform).await?;
    Ok(())
}

/// Where the deployed services find what they need.
fn deployed(nats: &Nats, s3: &S3, http: u16, series: &Path) -> Vec<(String, String)> {
    let own = [
        ("ARIA_NATS", nats.url()),
        ("ARIA_STORE", s3.store()),
        ("ARIA_HTTP", format!("127.0.0.1:{http}")),
        ("ARIA_SERIES", series.display().to_string()),
        ("ARIA_ACK_WAIT_SECONDS", "1".to_owned()),
        ("ARIA_HANDLING_SECONDS", GRACE_SECONDS.to_string()),
    ];
    s3.env().into_iter().chain(own.map(|(key, value)| (key.to_owned(), value))).collect()
}

/// The longest that a step may take; orphans are kept a moment longer.
const GRACE_SECONDS: u64 = 10;
const SERVICES: [&str; 5] = ["ingestion", "training", "evaluation", "drift", "prediction"];
/// Another service is killed after so many batches.
const KILLED_EVERY: u64 = 12;

/// Kills one service after the other, and starts each again, for as long as the history is fed; gives how many.
async fn kill_services(mut ends: Events, last: u64, mut start: impl FnMut(usize) -> Result<Service>) -> Result<usize> {
    let mut services: Vec<Service> = (0..SERVICES.len()).map(&mut start).collect::<Result<_>>()?;
    let mut killed = 0;
    while let Some(recorded) = ends.next_readable().await {
        let Some(ordinal) = ended(&recorded?.event.fact) else { continue };
        if ordinal >= last {
            break;
        }
        if ordinal.is_multiple_of(KILLED_EVERY) {
            let victim = killed % SERVICES.len();
            services[victim].process.kill()?;
            services[victim] = start(victim)?;
            killed += 1;
        }
    }
    Ok(killed)
}

/// What the runs of a collector came to.
#[derive(Debug, Default)]
struct Runs {
    whole: usize,
    killed: usize,
    deleted: u64,
}

impl Runs {
    /// One run to its end; where another's record had to be waited out, after that.
    async fn run(&mut self, spawn: impl Fn() -> Result<Process>) -> Result<Value> {
        let mut run = spawn()?;
        let status = run.wait(PATIENCE).await?;
        ensure!(status.success(), "{}", run.output());
        // Beside what it says of itself.
        let output = run.output();
        let from_brace = output.lines().skip_while(|line| *line != "{");
        let told = json(&from_brace.take_while(|line| *line != "}").chain(["}"]).collect::<String>())?;
        self.whole += 1;
        self.deleted += told["deleted"]["artifacts"].as_u64().unwrap_or(0);
        Ok(told)
    }

    /// One run that is killed while it deletes; or to its end, where it has nothing to delete.
    async fn kill(&mut self, bus: &Bus, spawn: impl Fn() -> Result<Process>) -> Result<()> {
        let mut run = spawn()?;
        let before = bus.read().await.ok().flatten().map_or(0, |record| record.revision);
        let deletes = until("it to delete", PATIENCE, || {
            let (ended, read) = (run.ended(), bus.read());
            async move {
                let record = read.await.ok().flatten();
                match (ended?, record) {
                    (_, Some(r)) if r.revision > before && !r.condemned.keys.is_empty() => Ok(true),
                    (Some(_), _) => Ok(false),
                    _ => anyhow::bail!("it looks around"),
                }
            }
        });
        if deletes.await? {
            run.kill()?;
            self.killed += 1;
        }
        Ok(())
    }
}

#[tokio::test]
async fn nothing_that_is_needed_is_lost_while_services_and_collectors_are_killed_over_s3() -> Result<()> {
    let (folder, nats, s3) = (TempDir::new()?, Nats::start().await?, S3::start().await?);
    let series_folder = folder.path().join("series");
    std::fs::create_dir(&series_folder)?;
    std::fs::write(series_folder.join("series.toml"), Platform::definition()?)?;
    // A history whose pace changes, so that models are trained, promoted and drift; its daily batches lie in the store
    // before anybody hands them in, as orphans do, and are garbage to the collector until they are stored again.
    let rest = wave("2021-03-10", "2021-05-01", Pace::Quick)?;
    let rest = rest.split_once('\n').context("no header")?.1.to_owned();
    let text = wave("2021-01-01", "2021-03-10", Pace::Slow)? + &rest;
    std::fs::write(folder.path().join("history.csv"), &text)?;
    let definition = Definition::from_toml(&Platform::definition()?)?;
    let batches = replay::split(text.as_bytes(), Format::Csv, &definition, 1)?;
    let series: SeriesId = SERIES.parse()?;
    let store = || Artifacts::open_with(&s3.store(), &s3.env());
    let artifacts = store()?;
    for batch in &batches {
        artifacts.put(Kind::Raw, &series, batch.format, batch.bytes.clone()).await?;
    }
    let mut junk = Vec::new();
    for n in 0..400 {
        let text = format!("{{\"nobody\":{n}}}");
        junk.push(artifacts.put(Kind::Report, &series, Format::Json, text.into_bytes()).await?);
    }

    let bus = Bus::connect(&BusConfig::new(&nats.url(), "test")).await?;
    bus.ensure().await?;
    let edges = Edges { bus: bus.clone(), artifacts };
    edges.join().await?;
    let ports = free_ports::<6>()?;
    let start = |n: usize| Service::spawn(&["serve", SERVICES[n]], deployed(&nats, &s3, ports[n], &series_folder));
    let (env, home) = (deployed(&nats, &s3, ports[5], &series_folder), folder.path().to_owned());
    let spawn = |args: &[&str]| -> Result<Process> {
        let own = ["ARIA_NATS", "ARIA_STORE", "ARIA_HANDLING_SECONDS"];
        let env = env.iter().filter(|(key, _)| key.starts_with("AWS_") || own.contains(&key.as_str()));
        let mut command = aria()?;
        Process::spawn("aria", command.args(args).current_dir(&home).envs(env.map(|(key, value)| (key, value))))
    };
    let gc = || {
        let orphans = format!("{}s", GRACE_SECONDS + 1);
        spawn(&["gc", "--delete", "--json", "--lease", "2", "--keep-orphans", &orphans, "--keep-events", "3s"])
    };

    let last = batches.len() as u64;
    let definition = ["--series", SERIES, "--definition", "series/series.toml"];
    let mut feed = spawn(&[&["replay", "history.csv"], &definition[..]].concat())?;
    let ends = bus.events(&Filter::all(), Start::First).await?;
    let killing = kill_services(ends, last, start);
    let mut runs = Runs::default();
    let collecting = async {
        while feed.ended()?.is_none() {
            runs.kill(&bus, gc).await?;
            if runs.killed > 0 {
                runs.run(gc).await?;
            }
            let more = (0..60).map(|n| format!("{{\"nobody\":\"{} {n}\"}}", junk.len()).into_bytes());
            for bytes in more.collect::<Vec<_>>() {
                junk.push(edges.artifacts.put(Kind::Report, &series, Format::Json, bytes).await?);
            }
        }
        ensure!(feed.wait(PATIENCE).await?.success(), "{}", feed.output());
        Ok(())
    };
    let both = async { tokio::try_join!(killing, collecting) };
    let (killed, ()) = tokio::time::timeout(5 * PATIENCE, both).await.context("it takes too long")??;
    // On a quick machine the history ends before two collectors came to their own end.
    while runs.whole < 2 {
        runs.run(gc).await?;
    }
    // What the last ones left behind is old in a moment.
    until("the orphans to be gone", PATIENCE, async || {
        let listed: BTreeSet<Ref> = futures::TryStreamExt::try_collect(store()?.list(Kind::Report, &series)).await?;
        let left = junk.iter().filter(|name| listed.contains(name)).count();
        if left > 0 {
            Runs::default().run(gc).await?;
        }
        ensure!(left == 0, "{left} are left");
        Ok(())
    })
    .await?;
    let reached = everything_reached(&edges, &store()?, &series).await?;
    println!("{reached} artifacts reached, {killed} services and {} collectors killed, {runs:?}", runs.killed);
    assert!(killed >= 5 && runs.killed >= 1 && runs.whole >= 2 && runs.deleted > 0, "{killed} {runs:?}");

    // The same forecasts as of a run that nobody disturbed and in which nothing is ever deleted.
    for args in [
        [&["backtest", "--input", "history.csv", "--out", "undisturbed.csv"], &definition[..]].concat(),
        vec!["forecast", SERIES, "--all", "--out", "served.csv"],
    ] {
        let mut run = spawn(&args)?;
        ensure!(run.wait(PATIENCE).await?.success(), "{}", run.output());
    }
    let read = |file: &str| std::fs::read_to_string(folder.path().join(file));
    let served = read("served.csv")?;
    assert!(served.lines().count() > 96 && served == read("undisturbed.csv")?, "other forecasts than undisturbed");
    Ok(())
}
