//! Adds the good rows of a batch to a series and stores the snapshot with them.

use aria_core::artifact::{Artifact, Format, Kind, Ref};
use aria_core::event::BatchReceived;
use aria_core::series::Definition;
use aria_core::snapshot::{self, Addition, Compaction, Companion, Manifest};
use aria_core::table::Table;
use aria_core::time::Timestamp;
use aria_io::artifacts::Artifacts;
use aria_io::library::{Series, merged, tables};
use aria_io::runtime::{Failure, cpu};

/// A batch on its way into its series.
pub struct Batch<'a> {
    /// How it was announced.
    pub received: &'a BatchReceived,
    /// When it came.
    pub at: Timestamp,
    /// The refused rows, stored, where there were any.
    pub quarantine: Option<Ref>,
    /// The good rows.
    pub table: Table,
    /// The other series that the series is forecast with, as they are now.
    pub companions: Vec<Companion>,
}

/// A series with a further batch, stored.
pub struct Appended {
    /// The batch's good rows.
    pub table: Ref,
    /// The snapshot.
    pub name: Ref,
    /// What the snapshot holds.
    pub manifest: Manifest,
}

/// Stores a batch's rows and the snapshot of the series with them, compacted where it is due.
pub async fn append(
    artifacts: &Artifacts,
    definition: &Definition,
    parent: Option<&Series>,
    batch: Batch<'_>,
) -> Result<Appended, Failure> {
    let series = &definition.id;
    let definition_artifact = Artifact::document(Kind::Definition, series, definition).map_err(Failure::permanent)?;
    artifacts.store(&definition_artifact).await?;
    let rows = table_artifact(Kind::Batch, definition, batch.table.clone()).await?;
    artifacts.store(&rows).await?;

    let names = snapshot::recent(parent.map(|p| &p.manifest), &batch.table, definition.cadence);
    let recent = merged(artifacts, definition, names).await?;
    let addition = Addition {
        ordinal: batch.received.ordinal,
        raw: batch.received.raw.clone(),
        table_ref: rows.name.clone(),
        quarantine: batch.quarantine,
        received: batch.at,
        table: &batch.table,
        companions: batch.companions,
    };
    let parent = parent.map(|p| (&p.snapshot, &p.manifest));
    let appended = snapshot::append(parent, (&definition_artifact.name, definition), &addition, &recent);
    let mut manifest = appended.map_err(Failure::permanent)?;
    if let Some(compaction) = manifest.compaction() {
        manifest = compact(artifacts, definition, &manifest, compaction).await?;
    }
    let document = Artifact::document(Kind::Snapshot, series, &manifest).map_err(Failure::permanent)?;
    artifacts.store(&document).await?;
    Ok(Appended { table: rows.name, name: document.name, manifest })
}

async fn compact(
    artifacts: &Artifacts,
    definition: &Definition,
    manifest: &Manifest,
    compaction: Compaction,
) -> Result<Manifest, Failure> {
    let loaded = tables(artifacts, compaction.tables()).await?;
    let (months, compaction) = cpu(move || (compaction.apply(&loaded), compaction)).await?;
    let mut segments = Vec::new();
    for month in months.map_err(Failure::permanent)? {
        let rows = table_artifact(Kind::Segment, definition, month.table.clone()).await?;
        artifacts.store(&rows).await?;
        segments.push(month.segment(rows.name));
    }
    Ok(manifest.compacted(&compaction, segments))
}

async fn table_artifact(kind: Kind, definition: &Definition, table: Table) -> Result<Artifact, Failure> {
    let bytes = cpu(move || table.to_parquet()).await?.map_err(Failure::permanent)?;
    Ok(Artifact::of(kind, &definition.id, Format::Parquet, bytes))
}
