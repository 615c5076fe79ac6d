//! Aria's edges, one outside thing each: contracts, artifacts, the bus, and the worker that runs every service.

pub mod archive;
pub mod artifacts;
pub mod bus;
pub mod contracts;
pub mod garbage;
pub mod library;
pub mod nats_server;
pub mod reach;
pub mod runtime;
pub mod stores;
