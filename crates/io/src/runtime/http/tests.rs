//! What clients may take of a process that answers HTTP.

use std::net::SocketAddr;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

use super::*;

const SOON: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(20);

/// A server with these bounds: `/` answers at once, `/endless` never stops.
async fn start(bounds: Bounds) -> (SocketAddr, Shutdown, JoinHandle<std::io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let endless = async || {
        let part = || Ok::<_, std::io::Error>(Bytes::from_static(&[b'a'; 65_536]));
        Body::from_stream(stream::repeat_with(part))
    };
    let routes = Router::new().route("/", get(async || "here\n")).route("/endless", get(endless));
    let shutdown = Shutdown::new();
    let served = tokio::spawn(serve_within(bounds, listener, routes, shutdown.clone(), SOON));
    (address, shutdown, served)
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

/// What the server says until it closes the connection.
async fn all_of(client: &mut TcpStream) -> String {
    let mut said = Vec::new();
    // A reset is an end too.
    let _ = tokio::time::timeout(PATIENCE, client.read_to_end(&mut said)).await.expect("the connection stays open");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn who_sends_no_whole_head_in_time_is_cut_off() {
    let (address, ..) = start(Bounds { head: SOON, ..Bounds::default() }).await;
    let mut client = connect(address).await;
    client.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n").await.unwrap();
    let said = all_of(&mut client).await;
    assert!(said.is_empty() || said.contains("408"), "{said}");
}

#[tokio::test]
async fn a_head_beyond_64_kib_or_a_hundred_headers_is_refused() {
    let (address, ..) = start(Bounds::default()).await;
    for headers in [format!("long: {}\r\n", "x".repeat(HEAD_BYTES)), "a: b\r\n".repeat(HEADERS + 1)] {
        let mut client = connect(address).await;
        let _ = client.write_all(format!("GET / HTTP/1.1\r\nhost: a\r\n{headers}\r\n").as_bytes()).await;
        let mut said = [0; 12];
        client.read_exact(&mut said).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&said), "HTTP/1.1 431");
    }
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_is_cut_off_and_gives_its_seat_to_the_next() {
    let (address, ..) = start(Bounds { connections: 1, standstill: SOON, ..Bounds::default() }).await;
    let mut idle = connect(address).await;
    idle.write_all(b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    // It reads nothing. The next one is answered all the same, once the first has been cut off.
    let mut next = connect(address).await;
    next.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    assert!(all_of(&mut next).await.ends_with("here\n"));
    drop(idle);
}

#[tokio::test]
async fn beyond_the_most_connections_clients_wait_until_one_leaves() {
    let (address, ..) = start(Bounds { connections: 1, ..Bounds::default() }).await;
    let held = connect(address).await;
    let mut next = connect(address).await;
    next.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut first = [0];
    assert!(tokio::time::timeout(SOON, next.read(&mut first)).await.is_err());
    drop(held);
    assert!(all_of(&mut next).await.ends_with("here\n"));
}

#[tokio::test]
async fn asked_to_leave_it_takes_nobody_in_and_cuts_off_what_does_not_end() {
    let (address, shutdown, served) = start(Bounds::default()).await;
    let mut client = connect(address).await;
    client.write_all(b"GET /endless HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut first = [0];
    client.read_exact(&mut first).await.unwrap();
    shutdown.request();
    tokio::time::timeout(PATIENCE, served).await.expect("it does not leave").unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
