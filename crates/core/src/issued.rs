//! A forecast's metadata: where it came from, beside its values.

use serde::{Deserialize, Serialize};

use crate::artifact::Ref;
use crate::document::Document;
use crate::time::Timestamp;

/// An issued forecast: its values and everything they were made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// The first step that it forecasts.
    pub origin: Timestamp,
    /// The model that made it.
    pub model: Ref,
    /// The data that it was made from.
    pub snapshot: Ref,
    /// The values.
    pub values: Ref,
    /// Why the model is known to be drifted, where it is.
    pub degraded: Option<String>,
    /// Members of the model that could not take part, and why: the forecast is less sure, and its intervals are wider.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    /// Version of the code that made it.
    pub code_version: String,
}

impl Document for Issued {
    const NAME: &'static str = "forecast";
    const VERSION: u32 = 1;
}
