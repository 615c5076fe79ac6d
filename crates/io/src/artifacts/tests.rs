//! Faults that a healthy store does not show: an S3 server that answers as it is told to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aria_core::artifact::{Format, Kind, Ref};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::error::without_body;
use super::location::bucket_store;
use super::{Artifacts, StoreError};

const SECRET: &str = "hunter2-secret";
const TOKEN: &str = "hunter2-token";

/// A status and a body.
type Answer = (u16, &'static str);

/// Artifacts on a server that gives these answers one after the other, and the requests that it has had.
async fn server(answers: Vec<Answer>) -> (Artifacts, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = requests.clone();
    tokio::spawn(async move {
        for (status, body) in answers {
            let (mut connection, _) = listener.accept().await.unwrap();
            let request = read_request(&mut connection).await;
            seen.lock().unwrap().push(request);
            let head = "etag: \"1\"\r\nlast-modified: Sun, 26 Mar 2023 00:00:00 GMT\r\nconnection: close";
            let answer = format!("HTTP/1.1 {status} x\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            connection.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let settings = AmazonS3Builder::new()
        .with_endpoint(&endpoint)
        .with_access_key_id("AKEXAMPLE")
        .with_secret_access_key(SECRET)
        .with_token(TOKEN);
    let store = bucket_store(settings, "aria", &Path::default()).unwrap();
    (Artifacts::over(store, &"s3://aria".parse().unwrap()), requests)
}

/// Reads a request to its end and gives its method.
async fn read_request(connection: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        connection.read_buf(&mut bytes).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return head.split(' ').next().unwrap().to_owned();
        }
    }
}

fn name(bytes: &[u8]) -> Ref {
    Ref::of(Kind::Raw, &"it.ci_direct".parse().unwrap(), Format::Csv, bytes)
}

async fn put(artifacts: &Artifacts, bytes: &[u8]) -> Result<Ref, StoreError> {
    artifacts.put(Kind::Raw, &"it.ci_direct".parse().unwrap(), Format::Csv, bytes.to_vec()).await
}

#[tokio::test]
async fn what_was_read_once_is_not_asked_for_again() {
    let (artifacts, requests) = server(vec![(200, "a,b\n")]).await;
    for _ in 0..3 {
        assert_eq!(artifacts.get(&name(b"a,b\n")).await.unwrap(), "a,b\n");
    }
    assert_eq!(*requests.lock().unwrap(), ["get"]);
}

#[tokio::test]
async fn a_corrupt_read_is_tried_once_more() {
    let (artifacts, requests) = server(vec![(200, "a,c\n"), (200, "a,b\n")]).await;
    assert_eq!(artifacts.get(&name(b"a,b\n")).await.unwrap(), "a,b\n");
    assert_eq!(*requests.lock().unwrap(), ["get", "get"]);
}

#[tokio::test]
async fn bytes_that_stay_corrupt_are_a_permanent_fault() {
    let (artifacts, _) = server(vec![(200, "a,c\n"), (200, "a,c\n")]).await;
    let error = artifacts.get(&name(b"a,b\n")).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }) && !error.is_transient());
}

#[tokio::test]
async fn bytes_that_are_others_each_time_are_a_fault_of_the_transfer_and_tried_again_later() {
    let (artifacts, _) = server(vec![(200, "a,c\n"), (200, "a,d\n")]).await;
    let error = artifacts.get(&name(b"a,b\n")).await.unwrap_err();
    assert!(matches!(error, StoreError::Garbled { .. }) && error.is_transient());
}

#[tokio::test]
async fn a_missing_artifact_is_a_permanent_fault() {
    let (artifacts, _) = server(vec![(404, "<Error><Code>NoSuchKey</Code></Error>")]).await;
    let error = artifacts.get(&name(b"a,b\n")).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }) && !error.is_transient());
}

#[tokio::test]
async fn a_conflict_that_left_nothing_behind_is_written_over() {
    let conflict = (409, "<Error><Code>ConditionalRequestConflict</Code></Error>");
    let (artifacts, requests) = server(vec![conflict, (200, "")]).await;
    assert_eq!(put(&artifacts, b"a,b\n").await.unwrap(), name(b"a,b\n"));
    assert_eq!(*requests.lock().unwrap(), ["put", "put"]);
}

#[tokio::test]
async fn an_artifact_that_is_there_is_written_again_so_that_its_age_is_new() {
    let (artifacts, requests) = server(vec![(412, ""), (200, "")]).await;
    assert_eq!(put(&artifacts, b"a,b\n").await.unwrap(), name(b"a,b\n"));
    assert_eq!(*requests.lock().unwrap(), ["put", "put"]);
}

#[tokio::test]
async fn a_store_that_ignores_conditions_is_told_and_still_of_use() {
    let (artifacts, _) = server(vec![(200, ""), (200, "aria was here\n"), (200, ""), (200, "")]).await;
    assert!(!artifacts.check().await.unwrap().honours_conditions);
    assert_eq!(put(&artifacts, b"a,b\n").await.unwrap(), name(b"a,b\n"));
}

#[tokio::test]
async fn a_store_that_gives_back_something_else_fails_the_check() {
    let (artifacts, _) = server(vec![(200, ""), (200, "not what was written")]).await;
    assert!(matches!(artifacts.check().await, Err(StoreError::Corrupt { .. })));
}

#[tokio::test]
async fn a_denial_is_transient_and_repeats_neither_token_nor_signature() {
    let body = "<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><CanonicalRequest>\
                x-amz-security-token:hunter2-token</CanonicalRequest></Error>";
    let (artifacts, _) = server(vec![(403, body)]).await;
    let error = put(&artifacts, b"a,b\n").await.unwrap_err();
    assert!(matches!(error, StoreError::Denied { .. }) && error.is_transient());
    assert!(error.to_string().contains("SignatureDoesNotMatch"), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn an_expired_token_is_transient_and_not_repeated() {
    let body = "<Error><Code>ExpiredToken</Code><Token-0>hunter2-token</Token-0></Error>";
    let (artifacts, _) = server(vec![(400, body)]).await;
    let error = artifacts.get(&name(b"a,b\n")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }) && error.is_transient());
    assert!(!format!("{error} {error:?} {artifacts:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_transient_fault() {
    let (artifacts, _) = server(vec![]).await;
    let error = tokio::time::timeout(Duration::from_secs(30), artifacts.get(&name(b"a,b\n"))).await.unwrap();
    assert!(error.unwrap_err().is_transient());
}

#[test]
fn of_an_answers_body_only_the_code_is_kept() {
    let cases = [
        ("Generic S3 error: 500 - <Error><Code>Busy</Code><X>s</X></Error>", "Generic S3 error: 500 (Busy)"),
        ("Generic S3 error: 502: <html>secret</html>", "Generic S3 error: 502"),
        ("400: <Error><Code>a b</Code></Error>", "400"),
        ("no body at all", "no body at all"),
    ];
    for (text, wanted) in cases {
        assert_eq!(without_body(text), wanted);
    }
}
