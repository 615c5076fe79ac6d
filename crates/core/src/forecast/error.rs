//! Why there is no model or no forecast, and why a stored model cannot be used.

use forust_ml::errors::ForustError;

use super::calibration::TooFewErrors;
use super::recent::RecentError;
use super::ridge::SolveError;
use crate::time::{Cadence, Timestamp};

/// A stored model that this code cannot forecast with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// Its time zone is unknown.
    #[error("the model's time zone `{time_zone}` is unknown")]
    TimeZone {
        /// The zone's name.
        time_zone: String,
    },
    /// It was fitted on other calendar features than this code makes.
    #[error("the model has calendar features {found}, this code makes {made}: retrain the series")]
    CalendarFeatures {
        /// The model's.
        found: u32,
        /// This code's.
        made: u32,
    },
    /// It was fitted on other weather features than this code makes.
    #[error("the model has weather features {found}, this code makes {made}: retrain the series")]
    WeatherFeatures {
        /// The model's.
        found: u32,
        /// This code's.
        made: u32,
    },
    /// Its share of the usual week is no share.
    #[error("the model's share of the usual week is {share}, and must lie between 0 and 1")]
    ShapeShare {
        /// The share, as text.
        share: String,
    },
    /// It smooths over a window that Loess cannot have.
    #[error("the model has a Loess window of {length}: an odd number from 3 to four weeks is one")]
    Window {
        /// The length.
        length: usize,
    },
    /// A share that its smoothing keeps is no share.
    #[error("the model's smoothing keeps a share of {share}, and must keep between 0 and 1")]
    Smoothing {
        /// The share, as text.
        share: String,
    },
    /// Its pooled regression looks at other lags than this code makes.
    #[error("the model has pooled lags {found}, this code makes {made}: retrain the series")]
    PooledLags {
        /// The model's.
        found: u32,
        /// This code's.
        made: u32,
    },
    /// Its trees ask for other features than this code makes.
    #[error("the model's trees ask for features {found}, this code makes {made}: retrain the series")]
    TreeFeatures {
        /// The model's.
        found: u32,
        /// This code's.
        made: u32,
    },
    /// A tree asks for what is not there, or does not lead on.
    #[error("node {node} of a tree of the model asks for no feature, leads to no later node or is no number")]
    Tree {
        /// The node, from 0.
        node: usize,
    },
    /// Its weights do not fit its features.
    #[error("the model's weights of step {step} do not fit its features")]
    Weights {
        /// The step, from 0.
        step: usize,
    },
    /// A lag reaches beyond what a forecast reads.
    #[error("the model looks {lag} steps back, and a forecast reads 1 to {most}")]
    Lag {
        /// The lag.
        lag: usize,
        /// The longest lag.
        most: usize,
    },
    /// It has no members, or they forecast different horizons.
    #[error("the model's members do not forecast one horizon")]
    Members,
    /// A day of its horizon has not one share for each member.
    #[error("the model's shares do not fit its members and its horizon")]
    Shares,
    /// What it remembers of past errors does not fit its horizon.
    #[error("the errors that the model remembers do not fit its horizon")]
    Errors,
    /// Its bounds exclude every value.
    #[error("the model's bounds {minimum} to {maximum} exclude every value")]
    Bounds {
        /// The lower bound, as text.
        minimum: String,
        /// The upper bound, as text.
        maximum: String,
    },
}

/// Why there is no forecast.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PredictError {
    /// The history has another cadence than the model.
    #[error(
        "the model was trained on values every {} seconds, the history has one every {}",
        .model.seconds(),
        .history.seconds()
    )]
    Cadence {
        /// The model's.
        model: Cadence,
        /// The history's.
        history: Cadence,
    },
    /// The newest weeks cannot be forecast from.
    #[error(transparent)]
    Recent(#[from] RecentError),
    /// Too little was measured in the newest weeks.
    #[error("{measured} of the {steps} steps before {origin} were measured; a forecast needs half of them")]
    Sparse {
        /// The origin.
        origin: Timestamp,
        /// Steps with a value.
        measured: usize,
        /// Steps that are looked at.
        steps: usize,
    },
    /// The oldest of the weeks are missing and cannot be filled.
    #[error("the {days} days before {origin} are not complete, and there is nothing earlier to fill them with")]
    Incomplete {
        /// The origin.
        origin: Timestamp,
        /// Days that are looked at.
        days: i64,
    },
    /// The newest weeks cannot be taken apart into seasons and a level.
    #[error("the weeks before {origin} cannot be decomposed: {why}")]
    Seasons {
        /// The origin.
        origin: Timestamp,
        /// What is wrong with them.
        why: String,
    },
    /// A covariate is missing or too old.
    #[error("the covariate `{name}` {problem}")]
    Covariate {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Too few past errors are known for an interval.
    #[error("no interval around a forecast from {origin}: {why}")]
    Errors {
        /// The origin.
        origin: Timestamp,
        /// What is missing.
        why: TooFewErrors,
    },
    /// None of the members can forecast.
    #[error("no member of the model can forecast from {origin}: {reasons}")]
    NoMember {
        /// The origin.
        origin: Timestamp,
        /// Why, for each.
        reasons: String,
    },
    /// Values so large that the forecast is no number.
    #[error("the forecast of step {step} after {origin} is not finite")]
    NotFinite {
        /// The origin.
        origin: Timestamp,
        /// The step, from 0.
        step: usize,
    },
}

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The hours that no model was fitted on are too thin.
    #[error(transparent)]
    Errors(#[from] TooFewErrors),
    /// A covariate that the candidate needs cannot be used.
    #[error("the covariate `{name}` {problem}")]
    Covariate {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A candidate that looks at covariates has none.
    #[error(
        "`{candidate}` looks at covariates, and there is none that can be used: name columns in forecast.covariates or series in forecast.neighbours"
    )]
    NoCovariate {
        /// The candidate.
        candidate: &'static str,
    },
    /// Weather forecasts that candidates would look at cannot be used.
    #[error("the weather {problem}")]
    Weather {
        /// What is wrong with them.
        problem: &'static str,
    },
    /// A candidate's other inputs are missing on most of the newest days.
    #[error("another series or the weather that it looks at is missing on most days of the holdout")]
    NotThere,
    /// There is no candidate.
    #[error("no candidate is named")]
    NoCandidate,
    /// The history has another cadence than the definition.
    #[error(
        "the series is defined with a value every {} seconds, the history has one every {}",
        .definition.seconds(),
        .history.seconds()
    )]
    Cadence {
        /// The definition's.
        definition: Cadence,
        /// The history's.
        history: Cadence,
    },
    /// The history is too short.
    #[error("there are {days} days of history, and a model needs {needed}")]
    TooShort {
        /// Days that were measured.
        days: u32,
        /// Days that are needed.
        needed: u32,
    },
    /// Nothing was measured.
    #[error("no value before {cut} was measured")]
    Unmeasured {
        /// The end of the hours that were looked at.
        cut: Timestamp,
    },
    /// Every value is the same, or as good as.
    #[error("every value is {value}: there is nothing to learn")]
    Constant {
        /// The value, as text.
        value: String,
    },
    /// Too many gaps leave too few hours to learn from.
    #[error("gaps leave {rows} origins to learn step {step} from, and a model needs {needed}")]
    TooFewRows {
        /// The step of the horizon, from 0.
        step: usize,
        /// Origins that are there.
        rows: usize,
        /// Origins that are needed.
        needed: usize,
    },
    /// Trees cannot be grown.
    #[error("trees cannot be grown: {0}")]
    Grow(#[from] ForustError),
    /// The trees that were grown are no model.
    #[error("the trees that were grown cannot be used: {0}")]
    Grown(#[source] ModelError),
    /// The equations have no solution in finite numbers.
    #[error("step {step} of the horizon cannot be fitted")]
    Solve {
        /// The step, from 0.
        step: usize,
        /// Why.
        source: SolveError,
    },
}
