//! The methods held against the libraries that define them, by tables that scripts in `tests/oracles` make.

mod multivariate;
mod streams;
mod two_sample;

use serde::de::DeserializeOwned;

/// A table of cases and of what the oracle says of them.
fn table<T: DeserializeOwned>(path: &str) -> T {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Fails where two numbers differ by more than `tolerance` of the expected one. Where an oracle has a zero, or the
/// rounding of one, there is no such share.
fn close(found: f64, expected: f64, tolerance: f64, what: &str) {
    let distance = (found - expected).abs();
    assert!(distance <= tolerance * expected.abs() + 1e-12, "{what}: {found} instead of {expected}");
}

/// Fails where numbers differ so, or are not as many.
fn all_close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    found.iter().zip(expected).for_each(|(found, expected)| close(*found, *expected, tolerance, what));
}
