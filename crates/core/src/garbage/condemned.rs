//! How whoever deletes artifacts and whoever stores them see each other.
//!
//! Keys are made from content, so bytes that nothing names, and that are about to be deleted, may be stored again at
//! that very moment, by a step that is run again. The one that deletes first puts the keys on record, then looks at
//! each object's age again, then deletes. The one that stores writes the object, also where it is there, so that its
//! age is new, and then looks at the record. Each writes before it reads, so one of the two sees the other: either the
//! object is young and stays, or the key is on record and the writer comes back when the deletion is over, and stores
//! it again.
//!
//! A deletion is over when the record changes, or when it has stood for longer than its lease allows: who deletes stops
//! at a third of that, so nobody waits for one that was killed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::document::Document;

/// The artifacts that are about to be deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condemned {
    /// Their keys; none where nobody deletes.
    pub keys: BTreeSet<String>,
    /// How long the one that put them on record may go on deleting, in seconds.
    pub lease_seconds: u32,
}

impl Document for Condemned {
    const NAME: &'static str = "condemned";
    const VERSION: u32 = 1;
}

/// The most artifacts on record at once: with the longest keys they fit a cell.
pub const MOST_CONDEMNED: usize = 1_000;

impl Condemned {
    /// How many leases the record has to stand before it is known that nobody deletes by it any more.
    const LEASES: u64 = 3;

    /// For how long, in seconds, a record has to stand unchanged before nobody deletes by it.
    pub fn over_after_seconds(&self) -> u64 {
        u64::from(self.lease_seconds.max(1)) * Self::LEASES
    }
}
