//! Parsers under fuzzing: whatever bytes come, a parser takes them in or says what is wrong with them, keeps its laws,
//! and asks for no more time and memory than it may.
//!
//! The inputs of each target lie in `tests/corpus/<target>`: good ones, one of each fault, and every input that ever
//! failed, named for what it shows. A test runs all of them and a bounded number of mutations, the same ones each time;
//! `make fuzz` goes on from other seeds for as long as it is told.

mod batches;
mod corpus;
mod definitions;
mod documents;
mod edit;
mod engine;
mod events;
mod heavy;
mod http;
mod texts;

use peak_alloc::PeakAlloc;

/// Counts what is asked for, so that a law can speak of memory.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;
