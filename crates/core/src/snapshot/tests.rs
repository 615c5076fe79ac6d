//! Laws of snapshots.
