//! The rules of the artifact store, against every kind of store that this machine has by itself.
//!
//! `artifacts.rs` of the system's tests runs them against an S3 server.

// In a test a panic is the report, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use aria_core::artifact::{Format, Kind, Ref};
use aria_io::artifacts::{Artifacts, StoreError, conformance};

#[tokio::test(flavor = "multi_thread")]
async fn memory_upholds_the_rules() {
    let artifacts = Artifacts::open("memory://").unwrap();
    conformance::uphold(&artifacts, "memory").await.unwrap();
    assert!(artifacts.check().await.unwrap().honours_conditions);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_folder_upholds_the_rules() {
    let folder = tempfile::tempdir().unwrap();
    let artifacts = open(&folder.path().join("made/on/the/way"));
    conformance::uphold(&artifacts, "folder").await.unwrap();
    assert!(artifacts.check().await.unwrap().honours_conditions);
}

#[tokio::test]
async fn an_artifact_lies_under_its_key_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let name = put(&open(folder.path()), b"a,b\n").await;
    assert_eq!(std::fs::read(folder.path().join(name.key())).unwrap(), b"a,b\n");
}

#[tokio::test]
async fn an_artifact_outlives_the_process_that_stored_it() {
    let folder = tempfile::tempdir().unwrap();
    let name = put(&open(folder.path()), b"a,b\n").await;
    assert_eq!(open(folder.path()).get(&name).await.unwrap(), "a,b\n");
}

#[tokio::test]
async fn a_write_cut_off_by_a_crash_hides_nothing_and_is_not_listed() {
    use futures::TryStreamExt;
    let folder = tempfile::tempdir().unwrap();
    let name = name(b"a,b\n");
    let half_written = folder.path().join(format!("{}#1", name.key()));
    std::fs::create_dir_all(half_written.parent().unwrap()).unwrap();
    std::fs::write(half_written, b"a,").unwrap();
    let artifacts = open(folder.path());
    assert!(matches!(artifacts.get(&name).await, Err(StoreError::NotFound { .. })));
    assert_eq!(put(&artifacts, b"a,b\n").await, name);
    assert_eq!(open(folder.path()).get(&name).await.unwrap(), "a,b\n");
    let listed: Vec<Ref> = artifacts.list(Kind::Raw, &name.series).try_collect().await.unwrap();
    assert_eq!(listed, [name]);
}

#[tokio::test]
async fn clones_share_what_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let artifacts = open(folder.path());
    let name = put(&artifacts, b"a,b\n").await;
    std::fs::remove_dir_all(folder.path().join("raw")).unwrap();
    assert_eq!(artifacts.clone().get(&name).await.unwrap(), "a,b\n");
    assert!(matches!(open(folder.path()).get(&name).await, Err(StoreError::NotFound { .. })));
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_takes_no_file_is_told_and_worth_another_try() {
    let folder = tempfile::tempdir().unwrap();
    let artifacts = open(folder.path());
    // A file where the kind's folder must go: stands for a full or read-only disk, and also fails as root.
    std::fs::write(folder.path().join("raw"), b"in the way").unwrap();
    let put = artifacts.put(Kind::Raw, &"it.ci_direct".parse().unwrap(), Format::Csv, b"a".to_vec()).await;
    let error = put.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable { key, .. } if key.starts_with("raw/it.ci_direct/")), "{error}");
    assert!(error.is_transient());
}

fn open(folder: &std::path::Path) -> Artifacts {
    Artifacts::open(folder.to_str().unwrap()).unwrap()
}

fn name(bytes: &[u8]) -> Ref {
    Ref::of(Kind::Raw, &"it.ci_direct".parse().unwrap(), Format::Csv, bytes)
}

async fn put(artifacts: &Artifacts, bytes: &[u8]) -> Ref {
    artifacts.put(Kind::Raw, &"it.ci_direct".parse().unwrap(), Format::Csv, bytes.to_vec()).await.unwrap()
}
