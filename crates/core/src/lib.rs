//! Aria's decisions as plain functions over data.
//!
//! This crate knows no clock, randomness, environment, logging, async, broker or store: time, seeds and configuration are
//! arguments, and a decision is a value that the edges carry out.

pub mod artifact;
pub mod document;
pub mod event;
pub mod history;
pub mod series;
pub mod time;

/// Version of the code, part of every artifact's metadata.
pub const CODE_VERSION: &str = env!("CARGO_PKG_VERSION");
