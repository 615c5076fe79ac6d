//! What any store must uphold, to be run against each one that Aria is used with.
//!
//! Part of the crate, not of its tests, so that the system's tests run the same rules against a real server; it spoils
//! stored bytes on purpose, only under the series that it makes for the run.

use aria_core::artifact::{Format, Kind, Ref};
use aria_core::document::Document;
use aria_core::series::SeriesId;
use bytes::Bytes;
use futures::future::{join_all, try_join_all};
use futures::stream::TryStreamExt;
use serde::{Deserialize, Serialize};

use super::{Artifacts, StoreError};

/// A rule that a store broke.
#[derive(Debug, thiserror::Error)]
pub enum Breach {
    /// It did something else than it must.
    #[error("the store breaks the rule: {rule}")]
    Rule {
        /// What must hold.
        rule: &'static str,
    },
    /// It failed on the way.
    #[error("the store failed on the way: {0}")]
    Store(#[from] StoreError),
    /// The run's name is no part of a series' name.
    #[error(transparent)]
    Run(#[from] aria_core::series::ParseSeriesError),
}

/// Runs every rule. `run` is a name of lower-case letters and digits that no earlier run against the store had.
///
/// # Errors
/// With the first rule that does not hold.
pub async fn uphold(artifacts: &Artifacts, run: &str) -> Result<(), Breach> {
    let case = Case { artifacts: artifacts.clone(), series: format!("conformance.{run}").parse()? };
    the_store_can_be_written_and_read(&case).await?;
    what_was_put_is_read_byte_for_byte(&case).await?;
    the_same_bytes_have_one_name_and_lie_there_once(&case).await?;
    writers_of_the_same_bytes_do_not_disturb_each_other(&case).await?;
    a_missing_artifact_is_told_by_its_key(&case).await?;
    changed_bytes_are_refused_and_mended_by_the_next_writer(&case).await?;
    truncated_bytes_are_refused_and_mended_by_the_next_writer(&case).await?;
    a_wrong_length_in_the_name_is_refused(&case).await?;
    a_list_holds_the_kind_and_series_asked_for_and_nothing_else(&case).await?;
    a_document_is_read_as_it_was_written(&case).await?;
    an_intact_artifact_that_is_no_such_document_is_told_apart(&case).await
}

struct Case {
    artifacts: Artifacts,
    series: SeriesId,
}

impl Case {
    async fn put(&self, text: &str) -> Result<Ref, StoreError> {
        self.artifacts.put(Kind::Raw, &self.series, Format::Csv, text.into()).await
    }

    /// One that has read nothing yet, as another process would be.
    fn stranger(&self) -> Artifacts {
        Artifacts { cache: Artifacts::empty_cache(), ..self.artifacts.clone() }
    }

    async fn spoil(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        self.artifacts.overwrite(key, bytes).await
    }
}

fn rule(holds: bool, rule: &'static str) -> Result<(), Breach> {
    if holds { Ok(()) } else { Err(Breach::Rule { rule }) }
}

async fn the_store_can_be_written_and_read(case: &Case) -> Result<(), Breach> {
    let first = case.artifacts.check().await?;
    let again = case.stranger().check().await?;
    rule(first == again, "it does the same whenever it is checked")
}

async fn what_was_put_is_read_byte_for_byte(case: &Case) -> Result<(), Breach> {
    let long: Vec<u8> = (0..6_000_000_u32).map(|place| (place % 251) as u8).collect();
    for bytes in [Vec::new(), vec![0, 255, 10, 13], long] {
        let name = case.artifacts.put(Kind::Values, &case.series, Format::Parquet, bytes.clone()).await?;
        rule(case.artifacts.get(&name).await? == bytes, "what was put is read by the one who put it")?;
        rule(case.stranger().get(&name).await? == bytes, "what was put is read by another at once")?;
    }
    Ok(())
}

async fn the_same_bytes_have_one_name_and_lie_there_once(case: &Case) -> Result<(), Breach> {
    let first = case.put("twice").await?;
    let second = case.stranger().put(Kind::Raw, &case.series, Format::Csv, b"twice".to_vec()).await?;
    rule(first == second, "the same bytes have one name")?;
    let listed: Vec<Ref> = case.artifacts.list(Kind::Raw, &case.series).try_collect().await?;
    rule(listed.iter().filter(|name| **name == first).count() == 1, "the same bytes lie there once")
}

async fn writers_of_the_same_bytes_do_not_disturb_each_other(case: &Case) -> Result<(), Breach> {
    let writers: Vec<Artifacts> = (0..16).map(|_| case.stranger()).collect();
    // Two rounds: SeaweedFS lets the losers of a race wait a second each.
    for round in 0..2 {
        let bytes = format!("a race of sixteen, round {round}").into_bytes();
        let races = writers.iter().map(|writer| writer.put(Kind::Batch, &case.series, Format::Json, bytes.clone()));
        let names = try_join_all(races).await?;
        let wanted = Ref::of(Kind::Batch, &case.series, Format::Json, &bytes);
        rule(names.iter().all(|name| *name == wanted), "racing writers get the same name")?;
        rule(case.stranger().get(&wanted).await? == bytes, "a race leaves the bytes intact")?;
    }
    Ok(())
}

async fn a_missing_artifact_is_told_by_its_key(case: &Case) -> Result<(), Breach> {
    let name = Ref::of(Kind::Model, &case.series, Format::Json, b"never stored");
    let told = matches!(case.artifacts.get(&name).await, Err(StoreError::NotFound { key }) if key == name.key());
    rule(told, "a missing artifact is told by its key")
}

async fn changed_bytes_are_refused_and_mended_by_the_next_writer(case: &Case) -> Result<(), Breach> {
    let name = case.put("intact").await?;
    case.spoil(&name.key(), Bytes::from_static(b"intacT")).await?;
    refused_then_mended(case, &name, "intact").await
}

async fn truncated_bytes_are_refused_and_mended_by_the_next_writer(case: &Case) -> Result<(), Breach> {
    let name = case.put("of full length").await?;
    case.spoil(&name.key(), Bytes::from_static(b"of full")).await?;
    refused_then_mended(case, &name, "of full length").await
}

async fn refused_then_mended(case: &Case, name: &Ref, text: &str) -> Result<(), Breach> {
    let readers = [case.stranger(), case.stranger()];
    for read in join_all(readers.iter().map(|reader| reader.get(name))).await {
        let refused = matches!(read, Err(StoreError::Corrupt { key }) if key == name.key());
        rule(refused, "spoilt bytes are refused by their key")?;
    }
    let again = case.put(text).await?;
    rule(again == *name, "mending keeps the name")?;
    rule(case.stranger().get(name).await? == text, "the next writer mends spoilt bytes")
}

async fn a_wrong_length_in_the_name_is_refused(case: &Case) -> Result<(), Breach> {
    let name = case.put("twelve bytes").await?;
    for size_bytes in [0, 11, 13, u64::MAX] {
        let wrong = Ref { size_bytes, ..name.clone() };
        for reader in [case.artifacts.clone(), case.stranger()] {
            let refused = matches!(reader.get(&wrong).await, Err(StoreError::Corrupt { .. }));
            rule(refused, "a name with another length than the bytes have is refused")?;
        }
    }
    Ok(())
}

async fn a_list_holds_the_kind_and_series_asked_for_and_nothing_else(case: &Case) -> Result<(), Breach> {
    let neighbour: SeriesId = format!("{}x", case.series).parse()?;
    let (kind, format) = (Kind::Snapshot, Format::Json);
    let mut wanted = Vec::new();
    for text in ["one", "two", "three"] {
        wanted.push(case.artifacts.put(kind, &case.series, format, text.into()).await?);
        case.artifacts.put(Kind::Report, &case.series, format, text.into()).await?;
        case.artifacts.put(kind, &neighbour, format, text.into()).await?;
    }
    case.spoil(&format!("snapshot/{}/notes.json", case.series), Bytes::from_static(b"left here by hand")).await?;
    let mut listed: Vec<Ref> = case.artifacts.list(kind, &case.series).try_collect().await?;
    listed.sort();
    wanted.sort();
    rule(listed == wanted, "a list holds the artifacts of the kind and series asked for and nothing else")?;
    let none: Vec<Ref> = case.artifacts.list(Kind::Forecast, &case.series).try_collect().await?;
    rule(none.is_empty(), "a list of what was never stored is empty")
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    text: String,
    weights: Vec<f64>,
}

impl Document for Note {
    const NAME: &'static str = "conformance-note";
    const VERSION: u32 = 1;
}

async fn a_document_is_read_as_it_was_written(case: &Case) -> Result<(), Breach> {
    let note = Note { text: "città\n".to_owned(), weights: vec![0.1, 1.0 / 3.0, -2.5e-308] };
    let name = case.artifacts.put_document(&case.series, Kind::Report, &note).await?;
    rule(name.kind == Kind::Report && name.format == Format::Json, "a document's name says what it is")?;
    rule(case.stranger().get_document::<Note>(&name).await? == note, "a document is read as it was written")
}

async fn an_intact_artifact_that_is_no_such_document_is_told_apart(case: &Case) -> Result<(), Breach> {
    let name = case.artifacts.put(Kind::Report, &case.series, Format::Json, b"[1]".to_vec()).await?;
    let read = case.artifacts.get_document::<Note>(&name).await;
    let told = matches!(read, Err(StoreError::Document { key, .. }) if key == name.key());
    rule(told, "an intact artifact that is no such document is told from a corrupt one")
}
