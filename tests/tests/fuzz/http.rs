//! Requests to the gateway, as bytes on its socket: a real `aria serve gateway` with a real broker.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use aria_tests::{Nats, Service, free_ports};
use serde_json::Value;
use tempfile::TempDir;

use crate::engine::{Outcome, Target, run};

/// The longest that the gateway may be silent.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most memory that it may come to, in KiB: what it takes by itself in a build for tests, and a few uploads.
const MOST_KIB: u64 = 400 << 10;
/// Follows each request, so that one without an end has one, and says that nothing more will come.
const LAST: &[u8] = b"\r\n\r\nGET /healthz HTTP/1.1\r\nhost: aria\r\nconnection: close\r\n\r\n";

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b" ",
    b":",
    b"?",
    b"&",
    b"=",
    b"%00",
    b"%2e%2e",
    b"%FF",
    b"+",
    b"/",
    b"..",
    b"GET ",
    b"POST ",
    b"HTTP/1.1",
    b"content-length: 18446744073709551616\r\n",
    b"content-length: 0\r\n",
    b"transfer-encoding: chunked\r\n",
    b"content-encoding: gzip\r\n",
    b"content-type: text/csv\r\n",
    b"last-event-id: 18446744073709551615\r\n",
    b"expect: 100-continue\r\n",
    b"upgrade: h2c\r\n",
    b"FFFFFFFFFFFFFFFF\r\n",
    b"0\r\n\r\n",
    b"origin=",
    b"from=",
    b"series=",
];

const DEFINITION: &str = "id = \"it.ci_direct\"\nunit = \"g\"\ncadence = \"1h\"\ntime_zone = \"Europe/Rome\"\n\
    source = { time_column = \"when\", value_column = \"ci\" }\ncontract = { upload_bytes = 100000 }\n";

#[test]
fn the_gateway_answers_or_refuses_whatever_is_sent_and_lives_on() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let (nats, folder) = (runtime.block_on(Nats::start())?, TempDir::new()?);
    std::fs::create_dir(folder.path().join("series"))?;
    std::fs::write(folder.path().join("series/series.toml"), DEFINITION)?;
    let [port] = free_ports()?;
    let http = SocketAddr::from(([127, 0, 0, 1], port));
    let env = [
        ("ARIA_NATS", nats.url()),
        ("ARIA_HTTP", http.to_string()),
        ("ARIA_STORE", folder.path().join("store").display().to_string()),
        ("ARIA_SERIES", folder.path().join("series").display().to_string()),
    ];
    let mut gateway = Service::spawn(&["serve", "gateway"], env)?;
    runtime.block_on(gateway.ready(http, PATIENCE))?;
    let target = Target { name: "http", samples: &[], words: WORDS, mutations: 1_000, memory: |n| (4 << 20) + 100 * n };
    run(&target, |bytes| asked(http, bytes))?;
    ensure!(gateway.process.ended()?.is_none(), "the gateway has ended:\n{}", gateway.process.output());
    ensure!(
        answer(http, LAST.trim_ascii_start())?.starts_with(b"HTTP/1.1 200"),
        "the gateway lives, but does not answer"
    );
    let most = most_memory(gateway.process.id())?;
    ensure!(most < MOST_KIB, "the gateway took {most} KiB, where {MOST_KIB} are allowed");
    Ok(())
}

/// Sends bytes; what is answered to them is an answer or a refusal that says why.
fn asked(http: SocketAddr, bytes: &[u8]) -> Result<Outcome> {
    let answer = answer(http, &[bytes, LAST].concat())?;
    // Bytes that are no request are worth no answer.
    let Some((head, rest)) = split(&answer) else { return Ok(Outcome::Refused) };
    let head = std::str::from_utf8(head).context("the head of the answer is no text")?.to_ascii_lowercase();
    let status: u16 =
        head.get(9..12).and_then(|text| text.parse().ok()).with_context(|| format!("no status: {head}"))?;
    ensure!(status < 500, "it answers with {status}: {}", String::from_utf8_lossy(rest));
    if head.contains("application/problem+json") {
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).context("no length")?;
        let body = rest.get(..length.trim().parse()?).context("the answer is cut off")?;
        let document: Value = serde_json::from_slice(body).context("the answer is no JSON")?;
        ensure!(document["status"] == status, "the answer has another status than its head: {document}");
        ensure!(document["detail"].as_str().is_some_and(|text| !text.is_empty()), "no reason is given: {document}");
    }
    Ok(if status < 300 { Outcome::Taken } else { Outcome::Refused })
}

fn split(answer: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some((&answer[..end], &answer[end + 4..]))
}

/// What comes back until the gateway closes the connection, or begins an answer that has no end.
fn answer(http: SocketAddr, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut socket = TcpStream::connect(http).context("the gateway takes no connection")?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    // It may close before it has read all, which is its right.
    let _ = socket.write_all(bytes).and_then(|()| socket.shutdown(Shutdown::Write));
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => return Ok(answer),
            Ok(read) => answer.extend_from_slice(&buffer[..read]),
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
                return Ok(answer);
            }
            Err(error) => bail!("no answer: {error}"),
        }
        if split(&answer).is_some_and(|(head, _)| head.windows(17).any(|text| text == b"text/event-stream")) {
            return Ok(answer);
        }
    }
}

/// The most memory that a process ever had, in KiB.
fn most_memory(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("the system does not tell")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
