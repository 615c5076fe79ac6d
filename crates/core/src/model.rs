//! A model as it is stored: the fit, the intervals, the reference it is watched with, and where all of it came from.

use serde::{Deserialize, Serialize};

use crate::CODE_VERSION;
use crate::artifact::Ref;
use crate::document::Document;
use crate::drift::Reference;
use crate::event::{Cause, Retraining, RetrainingId};
use crate::forecast::{self, FitError, Fitted};
use crate::history::History;
use crate::series::{Definition, SeriesId};
use crate::time::Timestamp;

/// A trained model with everything that serving and watching it needs.
///
/// The reference is part of the model, so promotion moves both at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// The series it forecasts.
    pub series: SeriesId,
    /// Where it came from.
    pub origin: Provenance,
    /// The fitted forecaster, with the fit that is evaluated and the one that serves.
    pub fitted: Fitted,
    /// What later data is compared with; none where the history is too short for one.
    pub reference: Option<Reference>,
    /// The limits a reader of its forecasts must know.
    pub limits: Vec<String>,
}

/// Inputs, parameters and code of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The retraining that asked for it.
    pub retraining: RetrainingId,
    /// Why it was asked for.
    pub cause: Cause,
    /// The series' state it was trained on.
    pub snapshot: Ref,
    /// The definition with its parameters.
    pub definition: Ref,
    /// The first hour of its data.
    pub data_from: Timestamp,
    /// The first hour after its data.
    pub data_until: Timestamp,
    /// Steps in between that had no value.
    pub missing: u64,
    /// Version of the code that fitted it.
    pub code_version: String,
}

impl Document for Model {
    const NAME: &'static str = "model";
    const VERSION: u32 = 2;
    // The code that stored one took its calendar and its share of the usual week from itself.
    const NO_LONGER_READ: &'static str = "it does not say which features it forecasts with, so that its forecasts \
        would be wrong unseen; hand the series' history in anew under another name";
}

/// Trains what a retraining asks for: processes, splits in time order, fits, calibrates, learns the reference.
///
/// # Errors
/// Where the history cannot carry a model.
pub fn train(request: &Retraining, definition: (&Ref, &Definition), history: &History) -> Result<Model, FitError> {
    let (definition_ref, definition) = definition;
    let fitted = forecast::fit(definition, history)?;
    let (reference, limits) = match Reference::learn(history, definition) {
        Ok(reference) => (Some(reference), Vec::new()),
        Err(why) => (None, vec![format!("data drift is not watched: {why}")]),
    };
    let origin = Provenance {
        retraining: request.id.clone(),
        cause: request.cause,
        snapshot: request.snapshot.clone(),
        definition: definition_ref.clone(),
        data_from: history.start(),
        data_until: history.end(),
        missing: history.values().iter().filter(|v| v.is_nan()).count() as u64,
        code_version: CODE_VERSION.to_owned(),
    };
    Ok(Model { series: definition.id.clone(), origin, fitted, reference, limits })
}
