//! The rules of the artifact store, against a real S3 server.

use anyhow::{Context, Result};
use aria_core::artifact::{Format, Kind};
use aria_io::artifacts::{Artifacts, conformance};
use aria_tests::S3;
use aria_tests::chaos::{Counter, Misdeed};

#[tokio::test(flavor = "multi_thread")]
async fn an_s3_server_upholds_the_rules_of_the_artifact_store() -> Result<()> {
    let s3 = S3::start().await?;
    let artifacts = Artifacts::open_with(&s3.store(), &s3.env())?;
    conformance::uphold(&artifacts, "s3").await?;
    assert!(artifacts.check().await?.honours_conditions, "it writes what is there already");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prefix_of_a_bucket_upholds_the_rules_and_all_of_it_lies_below_the_prefix() -> Result<()> {
    use futures::TryStreamExt;
    use object_store::ObjectStore;
    let s3 = S3::start().await?;
    let artifacts = Artifacts::open_with(&format!("{}/italy/one", s3.store()), &s3.env())?;
    conformance::uphold(&artifacts, "prefix").await?;
    let stored: Vec<_> = s3.client()?.list(None).try_collect().await.context("cannot list the bucket")?;
    assert!(!stored.is_empty());
    for object in stored {
        assert!(object.location.as_ref().starts_with("italy/one/"), "{} lies elsewhere", object.location);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_corrupted_on_its_way_is_not_taken_for_stored() -> Result<()> {
    let s3 = S3::start().await?;
    let counter = Counter::before(&s3.endpoint()).await?;
    let mut settings = s3.env();
    settings.retain(|(key, _)| key != "AWS_ENDPOINT_URL");
    settings.push(("AWS_ENDPOINT_URL".to_owned(), format!("http://{}", counter.address())));
    let artifacts = Artifacts::open_with(&s3.store(), &settings)?;
    let series = "it.ci_direct".parse()?;
    counter.set(Some((Misdeed::CorruptedUpload, 1)));
    let put = async || artifacts.put(Kind::Raw, &series, Format::Csv, b"a,b\n".to_vec()).await;
    assert!(put().await.is_err_and(|error| error.is_transient()), "it was taken for stored");
    assert!(counter.served().corrupted_uploads > 0);
    counter.set(None);
    let name = put().await?;
    assert_eq!(Artifacts::open_with(&s3.store(), &s3.env())?.get(&name).await?, "a,b\n");
    Ok(())
}
