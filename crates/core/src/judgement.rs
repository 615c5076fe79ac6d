//! An evaluation as it is stored: its figures, and everything they were made from.

use serde::{Deserialize, Serialize};

use crate::artifact::Ref;
use crate::document::Document;
use crate::evaluation::Evaluation;
use crate::event::Retraining;

/// The figures of an evaluation with their inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// What asked for the challenger, with the incumbent and the snapshot.
    pub retraining: Retraining,
    /// The challenger.
    pub challenger: Ref,
    /// Every contender's forecast of every held-out hour.
    pub predictions: Ref,
    /// The figures and the verdict.
    pub evaluation: Evaluation,
    /// Version of the code that judged.
    pub code_version: String,
}

impl Document for Judgement {
    const NAME: &'static str = "judgement";
    const VERSION: u32 = 1;
}
