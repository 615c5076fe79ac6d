//! The platform in one process, one thread and no time: the services' own handlers and the worker's own rules over a
//! broker and a store in memory, with every order of events and every fault drawn from a seed.
//!
//! What a process asks of the broker or the store is a point at which others may go first and at which it may be
//! killed.

mod chance;
mod cluster;
mod feed;
mod oracle;
mod store;
mod world;

pub use cluster::Counts;
pub use feed::Input;
pub use oracle::{End, Violation};
pub use world::{Outcome, run, twice, undisturbed};
