//! Aria's decisions as plain functions over data.
//!
//! This crate knows no clock, randomness, environment, logging, async, broker or store: time, seeds and configuration
//! are arguments, and a decision is a value that the edges carry out.

pub mod accuracy;
pub mod again;
pub mod archive;
pub mod artifact;
pub mod backtest;
pub mod belonging;
pub mod bootstrap;
pub mod budget;
pub mod card;
pub mod cell;
pub mod contract;
pub mod document;
mod draw;
pub mod drift;
pub mod ending;
pub mod evaluation;
pub mod event;
pub mod forecast;
pub mod garbage;
pub mod head;
pub mod history;
pub mod intake;
pub mod issued;
pub mod judgement;
pub mod model;
pub mod monitor;
pub mod numbers;
pub mod order;
pub mod outbox;
pub mod policy;
pub mod probation;
pub mod reach;
pub mod registry;
pub mod remarks;
pub mod replay;
pub mod report;
pub mod score;
pub mod series;
pub mod simulate;
pub mod skill;
pub mod snapshot;
pub mod summary;
pub mod table;
mod tail;
pub mod time;

/// Version of the code, part of every artifact's metadata.
pub const CODE_VERSION: &str = env!("CARGO_PKG_VERSION");
