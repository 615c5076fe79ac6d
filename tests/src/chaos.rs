//! Breaks the platform and compares bytes: the real services as processes, a real NATS and a real S3 server, faults
//! from a seeded schedule, and an oracle that knows what an undisturbed run leaves behind.
//!
//! `make chaos` runs many schedules; a few that hold every kind of fault belong to `make test`.

mod clock;
mod counter;
mod demo;
mod disk;
mod drain;
mod draw;
mod fault;
mod feed;
mod inflict;
mod input;
mod line;
mod oracle;
mod plant;
mod progress;
mod record;
mod replica;
mod run;
mod schedule;
mod totals;
mod world;

pub use counter::Counter;
pub use demo::{Demos, Killed, Kills};
pub use disk::in_a_namespace;
pub use draw::Draw;
pub use fault::{Fault, Misdeed};
pub use input::Input;
pub use run::{Lane, Report, Setting, run};
pub use schedule::Schedule;
pub use totals::Totals;
