//! A bounded memory of verified bytes: artifacts never change, so what was read once need not be read again.

use std::collections::{BTreeMap, HashMap};

use aria_core::artifact::Sha256Hex;
use bytes::Bytes;

/// Bytes by their digest; where there are too many, those not asked for the longest go first.
pub(super) struct Cache {
    limit_bytes: usize,
    size_bytes: usize,
    uses: u64,
    entries: HashMap<Sha256Hex, Entry>,
    by_last_use: BTreeMap<u64, Sha256Hex>,
}

struct Entry {
    bytes: Bytes,
    last_use: u64,
}

impl Cache {
    pub(super) fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, size_bytes: 0, uses: 0, entries: HashMap::new(), by_last_use: BTreeMap::new() }
    }

    pub(super) fn get(&mut self, digest: &Sha256Hex) -> Option<Bytes> {
        let entry = self.entries.get_mut(digest)?;
        self.uses += 1;
        self.by_last_use.remove(&entry.last_use);
        self.by_last_use.insert(self.uses, digest.clone());
        entry.last_use = self.uses;
        Some(entry.bytes.clone())
    }

    /// Keeps bytes, unless they are so long that they would push out most of the others.
    pub(super) fn insert(&mut self, digest: &Sha256Hex, bytes: Bytes) {
        if bytes.len() > self.limit_bytes / 4 || self.get(digest).is_some() {
            return;
        }
        self.uses += 1;
        self.size_bytes += bytes.len();
        self.by_last_use.insert(self.uses, digest.clone());
        self.entries.insert(digest.clone(), Entry { bytes, last_use: self.uses });
        while self.size_bytes > self.limit_bytes {
            self.forget_oldest();
        }
    }

    /// Forgets bytes.
    pub(super) fn remove(&mut self, digest: &Sha256Hex) {
        if let Some(entry) = self.entries.remove(digest) {
            self.by_last_use.remove(&entry.last_use);
            self.size_bytes -= entry.bytes.len();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((_, digest)) = self.by_last_use.pop_first() else { return };
        if let Some(entry) = self.entries.remove(&digest) {
            self.size_bytes -= entry.bytes.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(count: u8) -> Cache {
        let mut cache = Cache::new(40);
        for value in 0..count {
            insert(&mut cache, value);
        }
        cache
    }

    fn insert(cache: &mut Cache, value: u8) {
        let bytes = vec![value; 10];
        cache.insert(&Sha256Hex::of(&bytes), bytes.into());
    }

    fn holds(cache: &mut Cache, value: u8) -> bool {
        let bytes = vec![value; 10];
        cache.get(&Sha256Hex::of(&bytes)).is_some_and(|found| found == bytes)
    }

    #[test]
    fn what_fits_is_kept() {
        let mut cache = filled(4);
        assert!((0..4).all(|value| holds(&mut cache, value)));
    }

    #[test]
    fn what_was_not_asked_for_the_longest_goes_first() {
        let mut cache = filled(4);
        assert!(holds(&mut cache, 0));
        insert(&mut cache, 4);
        let held: Vec<_> = (0..5).filter(|value| holds(&mut cache, *value)).collect();
        assert_eq!(held, [0, 2, 3, 4]);
    }

    #[test]
    fn the_same_bytes_count_once() {
        let mut cache = filled(3);
        insert(&mut cache, 2);
        insert(&mut cache, 3);
        assert!((0..4).all(|value| holds(&mut cache, value)));
        assert_eq!(cache.size_bytes, 40);
    }

    #[test]
    fn bytes_over_a_quarter_of_the_limit_are_not_kept() {
        let mut cache = filled(4);
        let long = vec![9; 11];
        cache.insert(&Sha256Hex::of(&long), long.clone().into());
        assert_eq!(cache.get(&Sha256Hex::of(&long)), None);
        assert!((0..4).all(|value| holds(&mut cache, value)));
    }

    #[test]
    fn what_is_removed_is_forgotten_whole() {
        let mut cache = filled(3);
        cache.remove(&Sha256Hex::of(&[1; 10]));
        let held: Vec<_> = (0..3).filter(|value| holds(&mut cache, *value)).collect();
        assert_eq!((held, cache.size_bytes, cache.by_last_use.len()), (vec![0, 2], 20, 2));
    }

    #[test]
    fn the_limit_holds_however_much_comes() {
        let cache = filled(200);
        assert!(cache.size_bytes <= 40 && cache.entries.len() == 4 && cache.by_last_use.len() == 4);
    }
}
