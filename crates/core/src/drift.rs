//! Drift: whether what arrives still looks like what the model learnt from. It decides nothing about retraining.
//!
//! Statistics stand in a file each and take checked [`Sample`]s; [`Reference`] is what a model version remembers of its
//! training data; [`data`] and [`prediction`] turn both into [`Finding`]s that a person can read. [`columns`] says the
//! same with every statistic of a file against a file. [`comparison`] lays two tables side by side that no model and no
//! calendar belongs to. Detectors of a [`stream`] take one value after the other and are states that can be stored;
//! [`pca`] and [`classifier`] look at the columns of [`rows`] together. Those are a library: no service uses them.

pub mod adwin;
pub mod anderson_darling;
pub mod chi_squared;
pub mod classifier;
pub mod columns;
pub mod comparison;
pub mod cramer_von_mises;
pub mod cusum;
mod dependence;
pub mod discovery;
mod distribution;
pub mod energy;
mod finding;
mod gamma;
pub mod hellinger;
pub mod histogram;
pub mod jensen_shannon;
mod kolmogorov;
pub mod ks;
pub mod kswin;
mod logistic;
pub mod martingale;
#[cfg(test)]
mod oracles;
pub mod page_hinkley;
pub mod pca;
pub mod psi;
mod reference;
pub mod relation;
pub mod rows;
mod sample;
mod season;
pub mod stream;
pub mod table;
mod walk;
pub mod wasserstein;
pub mod week;

pub use dependence::{effective_size, lag_one};
pub use finding::{Answer, Finding, Met, data, prediction};
pub use kolmogorov::{critical_distance, survival};
pub use reference::{Insufficient, Reference};
pub use sample::{Sample, SampleError};
pub use season::days_needed;
