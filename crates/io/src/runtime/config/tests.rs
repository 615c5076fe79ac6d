//! Settings are read whole or refused whole.

use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::runtime::telemetry::LogFormat;

const SERIES: &str = r#"
    id = "it.ci_direct"
    unit = "gCO2eq/kWh"
    cadence = "1h"
    time_zone = "Europe/Rome"
    [source]
    time_column = "timestamp_utc"
    value_column = "ci"
"#;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn strings(series: &Path, more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let series = series.to_str().unwrap();
    let least = [(keys::NATS, "nats://127.0.0.1:4222"), (keys::STORE, "data"), (keys::SERIES, series)];
    least.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn places(strings: &BTreeMap<String, String>) -> Vec<String> {
    Settings::of_service(strings).unwrap_err().faults.into_iter().map(|fault| fault.place).collect()
}

#[test]
fn three_settings_are_enough() {
    let folder = folder(&[("it.toml", SERIES), ("notes.txt", "no definition")]);
    let settings = Settings::of_service(&strings(folder.path(), &[])).unwrap();
    assert_eq!(settings.limits, Limits::default());
    assert_eq!(settings.series.iter().map(|d| d.id.as_str()).collect::<Vec<_>>(), ["it.ci_direct"]);
}

#[test]
fn what_is_set_is_taken() {
    let folder = folder(&[("it.toml", SERIES)]);
    let more = [
        (keys::ACK_WAIT, "7"),
        (keys::ATTEMPTS, "3"),
        (keys::CONCURRENCY, "9"),
        (keys::DRAIN, "11"),
        (keys::DUPLICATE_WINDOW, "120"),
        (keys::HTTP, "0.0.0.0:9000"),
        (keys::LOG, "debug"),
        (keys::LOG_FORMAT, "json"),
        (keys::BACKLOG, "5"),
        (keys::UPLOADS, "3"),
    ];
    let settings = Settings::of_service(&strings(folder.path(), &more)).unwrap();
    let limits = settings.limits;
    assert_eq!((limits.ack_wait.as_secs(), limits.attempts, limits.concurrency, limits.drain.as_secs()), (7, 3, 9, 11));
    assert_eq!(settings.intake, Intake { backlog: 5, upload_bytes: 3 << 20 });
    assert_eq!(settings.bus("drift").duplicate_window, Duration::from_secs(120));
    assert_eq!(settings.http.to_string(), "0.0.0.0:9000");
    assert_eq!(settings.logging, Logging { filter: "debug".to_owned(), format: LogFormat::Json });
}

#[test]
fn every_fault_of_every_setting_and_file_is_told_at_once() {
    let twice = SERIES.replace("gCO2eq/kWh", " ").replace("Europe/Rome", "Europe/Atlantis");
    let folder = folder(&[("a.toml", SERIES), ("b.toml", SERIES), ("c.toml", "id = 3"), ("d.toml", &twice)]);
    let more = [(keys::ATTEMPTS, "0"), (keys::HTTP, "here"), (keys::LOG_FORMAT, "xml"), ("ARIA_COLOUR", "blue")];
    let mut strings = strings(folder.path(), &more);
    strings.remove(keys::STORE);
    let file = |name: &str| folder.path().join(name).display().to_string();
    let expected = [
        "ARIA_COLOUR".to_owned(),
        keys::STORE.to_owned(),
        file("b.toml"),
        file("c.toml"),
        file("d.toml"),
        file("d.toml"),
        keys::HTTP.to_owned(),
        keys::ATTEMPTS.to_owned(),
        keys::LOG_FORMAT.to_owned(),
    ];
    assert_eq!(places(&strings), expected);
}

#[test]
fn an_empty_folder_of_series_is_a_fault() {
    let folder = folder(&[]);
    assert_eq!(places(&strings(folder.path(), &[])), [keys::SERIES]);
}

#[test]
fn an_empty_setting_counts_as_not_set() {
    let folder = folder(&[("it.toml", SERIES)]);
    assert_eq!(places(&strings(folder.path(), &[(keys::NATS, " "), (keys::ATTEMPTS, "")])), [keys::NATS]);
}

#[test]
fn missing_credentials_are_found_before_anything_starts() {
    let folder = folder(&[("it.toml", SERIES)]);
    assert_eq!(places(&strings(folder.path(), &[(keys::NATS_CREDENTIALS, "no/such.creds")])), [keys::NATS_CREDENTIALS]);
}

#[test]
fn a_file_without_a_user_s_credentials_is_no_credentials() {
    let folder = folder(&[("it.toml", SERIES), ("user.creds", "hunter2")]);
    let file = folder.path().join("user.creds").display().to_string();
    assert_eq!(places(&strings(folder.path(), &[(keys::NATS_CREDENTIALS, &file)])), [keys::NATS_CREDENTIALS]);
}

#[test]
fn a_broker_and_a_store_that_cannot_be_meant_are_found_before_anything_is_asked() {
    let folder = folder(&[("it.toml", SERIES)]);
    let more = [(keys::NATS, "http://me:hunter2@broker"), (keys::STORE, "s3:/x")];
    let bad = Settings::of_service(&strings(folder.path(), &more)).unwrap_err();
    assert_eq!(bad.faults.iter().map(|f| f.place.as_str()).collect::<Vec<_>>(), [keys::NATS, keys::STORE]);
    assert!(!bad.to_string().contains("hunter2"), "{bad}");
}

#[test]
fn the_settings_of_an_s3_server_are_checked_with_its_bucket() {
    let folder = folder(&[("it.toml", SERIES)]);
    let more = [(keys::STORE, "s3://aria"), ("AWS_ALLOW_HTTP", "perhaps")];
    assert_eq!(places(&strings(folder.path(), &more)), [keys::STORE]);
}

/// Settings of which one was given as an option of a command.
struct WithOption(BTreeMap<String, String>);

impl Strings for WithOption {
    fn get(&self, key: &str) -> Option<Result<String, NotUtf8>> {
        Strings::get(&self.0, key)
    }

    fn keys(&self) -> Vec<String> {
        Strings::keys(&self.0)
    }

    fn called(&self, key: &str) -> String {
        if key == keys::SERIES { "--series".to_owned() } else { key.to_owned() }
    }
}

#[test]
fn a_fault_is_told_under_the_name_that_it_was_given_by() {
    let folder = folder(&[]);
    let strings = WithOption(strings(folder.path(), &[(keys::ATTEMPTS, "0")]));
    let bad = Given::read(&strings, &Logging::default()).unwrap_err();
    assert_eq!(bad.faults.iter().map(|f| f.place.as_str()).collect::<Vec<_>>(), ["--series", keys::ATTEMPTS]);
}

#[test]
fn a_program_that_brings_its_own_broker_store_and_definitions_needs_no_setting() {
    let given = Given::read(&BTreeMap::new(), &Logging::default()).unwrap();
    assert_eq!((given.outside.nats, given.outside.store, given.series), (None, None, None));
    assert_eq!((given.limits, given.http.to_string().as_str()), (Limits::default(), "127.0.0.1:8080"));
}

#[test]
fn copies_in_a_cluster_are_refused_where_no_cluster_is_named() {
    let read = |settings: &[(&str, &str)]| {
        let settings: BTreeMap<_, _> = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Given::read(&settings, &Logging::default())
    };
    for copies in ["3", "9"] {
        let bad = read(&[(keys::NATS_REPLICAS, copies)]).unwrap_err();
        assert_eq!(bad.faults.iter().map(|f| f.place.as_str()).collect::<Vec<_>>(), [keys::NATS_REPLICAS]);
    }
    let given = read(&[(keys::NATS_REPLICAS, "3"), (keys::NATS, "nats://a")]).unwrap();
    assert_eq!(given.outside.access.bus("nats://a", "x").replicas, 3);
}

#[test]
fn a_command_that_only_reaches_the_platform_reads_nothing_else() {
    let strings = strings(Path::new("no/such/folder"), &[(keys::ATTEMPTS, "0"), (keys::NATS_REPLICAS, "3")]);
    let outside = Outside::read(&strings).unwrap();
    assert_eq!((outside.nats.as_deref(), outside.access.replicas), (Some("nats://127.0.0.1:4222"), 3));
    let shown = format!("{:?}", Outside { nats: Some("nats://user:secret@host".to_owned()), ..outside });
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn a_password_in_the_broker_s_address_is_never_shown() {
    let folder = folder(&[("it.toml", SERIES)]);
    let settings = Settings::of_service(&strings(folder.path(), &[(keys::NATS, "nats://user:secret@host")])).unwrap();
    let shown = format!("{settings:?} {:?}", settings.bus("drift"));
    assert!(!shown.contains("secret"), "{shown}");
}
