//! The collector of garbage: finds what there is and what is reached, lets core decide, and deletes what may go.
//!
//! The order of looking is what makes it safe beside services that work. First the objects of the store, then the
//! cells, then the log: what a step stores after the first look is not in the list; what it names lies in a cell before
//! it is an event, and in the log after that; and what it stored before and does not name yet is younger than a step
//! may take. What is stored again while this goes on is held apart by [`aria_core::garbage::Condemned`].

mod collect;
mod log;
mod roots;
mod survey;
#[cfg(test)]
mod tests;

pub use collect::{CollectError, Collection, Collector, Moment, Watcher, clear_log};
pub use survey::{Survey, SurveyError, Unknown, survey};
