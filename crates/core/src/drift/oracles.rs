//! The methods held against the libraries that define them, by tables that scripts in `tests/oracles` make.

mod multivariate;
mod streams;
mod two_sample;

use serde::de::DeserializeOwned;

/// A table of cases and of what the oracle says of them.
fn table<T: DeserializeOwned>(path: &str) -> T {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Fails where two numbers differ by more than `tolerance` of the expected one, or of one where that is larger.
fn close(found: f64, expected: f64, tolerance: f64, what: &str) {
    let distance = (found - expected).abs();
    assert!(distance <= tolerance * expected.abs().max(1.0), "{what}: {found} instead of {expected}");
}
