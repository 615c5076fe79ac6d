//! Names of artifacts, to the wire and back.

use aria_core::artifact::{Format, Kind, Ref, Sha256Hex};

use super::error::{FieldError, FieldFault};
use super::field;
use super::generated as wire;

impl From<&Ref> for wire::ArtifactRef {
    fn from(name: &Ref) -> Self {
        let Ref { kind, series, sha256, format, size_bytes } = name;
        Self {
            kind: wire::ArtifactKind::from(*kind).into(),
            series: series.to_string(),
            sha256: sha256.to_string(),
            format: wire::ArtifactFormat::from(*format).into(),
            size_bytes: *size_bytes,
        }
    }
}

impl TryFrom<wire::ArtifactRef> for Ref {
    type Error = FieldError;

    fn try_from(name: wire::ArtifactRef) -> Result<Self, FieldError> {
        let wire::ArtifactRef { kind, series, sha256, format, size_bytes } = name;
        let sha256 = field::nonempty("sha256", sha256)?;
        Ok(Self {
            kind: field::choice::<wire::ArtifactKind, _>("kind", kind)?,
            series: field::series("series", &series)?,
            sha256: sha256.parse::<Sha256Hex>().map_err(|error| FieldError::at("sha256", error))?,
            format: field::choice::<wire::ArtifactFormat, _>("format", format)?,
            size_bytes,
        })
    }
}

impl From<Kind> for wire::ArtifactKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Raw => Self::Raw,
            Kind::Batch => Self::Batch,
            Kind::Quarantine => Self::Quarantine,
            Kind::Segment => Self::Segment,
            Kind::Snapshot => Self::Snapshot,
            Kind::Definition => Self::Definition,
            Kind::Monitor => Self::Monitor,
            Kind::Report => Self::Report,
            Kind::Score => Self::Score,
            Kind::Model => Self::Model,
            Kind::Predictions => Self::Predictions,
            Kind::Evaluation => Self::Evaluation,
            Kind::Forecast => Self::Forecast,
            Kind::Values => Self::Values,
        }
    }
}

impl TryFrom<wire::ArtifactKind> for Kind {
    type Error = FieldFault;

    fn try_from(kind: wire::ArtifactKind) -> Result<Self, FieldFault> {
        Ok(match kind {
            wire::ArtifactKind::Unspecified => return Err(FieldFault::Unspecified),
            wire::ArtifactKind::Raw => Self::Raw,
            wire::ArtifactKind::Batch => Self::Batch,
            wire::ArtifactKind::Quarantine => Self::Quarantine,
            wire::ArtifactKind::Segment => Self::Segment,
            wire::ArtifactKind::Snapshot => Self::Snapshot,
            wire::ArtifactKind::Definition => Self::Definition,
            wire::ArtifactKind::Monitor => Self::Monitor,
            wire::ArtifactKind::Report => Self::Report,
            wire::ArtifactKind::Score => Self::Score,
            wire::ArtifactKind::Model => Self::Model,
            wire::ArtifactKind::Predictions => Self::Predictions,
            wire::ArtifactKind::Evaluation => Self::Evaluation,
            wire::ArtifactKind::Forecast => Self::Forecast,
            wire::ArtifactKind::Values => Self::Values,
        })
    }
}

impl From<Format> for wire::ArtifactFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv,
            Format::Ndjson => Self::Ndjson,
            Format::Parquet => Self::Parquet,
            Format::Json => Self::Json,
        }
    }
}

impl TryFrom<wire::ArtifactFormat> for Format {
    type Error = FieldFault;

    fn try_from(format: wire::ArtifactFormat) -> Result<Self, FieldFault> {
        Ok(match format {
            wire::ArtifactFormat::Unspecified => return Err(FieldFault::Unspecified),
            wire::ArtifactFormat::Csv => Self::Csv,
            wire::ArtifactFormat::Ndjson => Self::Ndjson,
            wire::ArtifactFormat::Parquet => Self::Parquet,
            wire::ArtifactFormat::Json => Self::Json,
        })
    }
}
