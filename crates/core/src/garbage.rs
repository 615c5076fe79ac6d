//! Garbage: what nothing needs any more, how long it is kept all the same, and what may be deleted.
//!
//! An artifact is *live* while a root reaches it through the names that documents hold. The roots are
//! - every cell: the head with the chain of snapshots before it, so with every accepted byte of the series; the monitor
//!   with the serving model and the forecasts it watches; the registry with the versions and moves that it lists; and
//!   the outbox of each, whose facts may be unpublished;
//! - every event that the log holds, also one that was handed in again, and also one that goes in the same run: what it
//!   alone names goes with the next run at the earliest, when nobody can still be reading it;
//! - every dead letter that the log holds and that was not dropped: handed in again, it has to find what it names.
//!
//! No live artifact is ever deleted, however old. What is not live is deleted once it is older than the policy's
//! [`Policy::orphans`]: whoever stores an artifact needs a moment until something names it. Exported files lie outside
//! the store and are no roots. What does not bear an artifact's name is not Aria's, and is never touched.
//!
//! An event goes when its class is old enough, and never before every service has dealt with everything up to it. These
//! stay whatever their age: the newest event of each subject, by which ordinals go on and the newest forecast is found;
//! the receipt of every batch that was taken in, which is lineage's way to the bytes of a batch too large for a
//! snapshot's tail; and the message and the batch of a dead letter that stays.
//!
//! Deleting is a race with whoever stores the same bytes again just then; [`Condemned`] is how the two see each other.

mod condemned;
mod log;
mod plan;
mod policy;
#[cfg(test)]
mod tests;

pub use condemned::{Condemned, MOST_CONDEMNED};
pub use log::{Batch, Class, Message, judge_log};
pub use plan::{Line, Plan, Reason, Stored, Verdict, What, judge_artifact};
pub use policy::{Keep, ParseKeepError, Policy, PolicyError};
