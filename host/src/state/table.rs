//! The table behind keys: from a hash to the slot of its key, eight bytes a bucket.
//!
//! ```text
//! bucket   ┌───── own hash: 32 bits ─────┬─ slot + 1: 32 bits ─┐     0: free
//!          └ its top bits say where to look first; then the next buckets, round the end
//! ```
//!
//! Called by [`groups`](super::groups) and [`numbered`](super::numbered), which keep the keys and compare them. Keys are told apart, and the table
//! grows, by the buckets alone: growing walks both tables from front to back. A table beyond the caches is read in two steps: what a
//! chunk of rows needs is loaded for all of them, where one miss does not wait for another ([`SlotTable::look_ahead`]), and
//! then looked at. Invariant: from where an entry's hash points up to the entry itself no bucket is free.

use std::hint::black_box;

/// No slot; none is ever given out that is as large.
pub const NO_SLOT: u32 = u32::MAX;

/// Rows whose memory is loaded at once: their lines fit the first cache with room to spare.
pub const CHUNK: usize = 256;

const FREE: u64 = 0;
const BUCKETS_MIN: usize = 8;
/// A table of fewer buckets is in the caches: nothing is gained by looking ahead.
const FAR_BUCKETS: usize = 1 << 14;

#[derive(Debug, Default)]
pub struct SlotTable {
    /// A power of two of them, or none.
    buckets: Vec<u64>,
    taken: usize,
}

/// The part of a key's hash that a table goes by. Partitions share the top bits of hashes, so it is from the others.
#[inline(always)]
pub fn own_hash(hash: u64, tag: i64) -> u32 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    hash as u32 ^ ((tag as u64).wrapping_mul(ODD) >> 32) as u32
}

#[inline(always)]
fn bucket(own: u32, slot: u32) -> u64 {
    u64::from(own) << 32 | (u64::from(slot) + 1)
}

#[inline(always)]
fn own_of(bucket: u64) -> u32 {
    (bucket >> 32) as u32
}

#[inline(always)]
fn slot_of(bucket: u64) -> u32 {
    (bucket as u32).wrapping_sub(1)
}

impl SlotTable {
    /// No entries, with room for so many.
    pub fn with_capacity(entries: usize) -> Self {
        let mut table = Self::default();
        if entries > 0 {
            table.resize(buckets_for(entries));
        }
        table
    }

    pub fn len(&self) -> usize {
        self.taken
    }

    pub fn is_empty(&self) -> bool {
        self.taken == 0
    }

    pub fn held_bytes(&self) -> usize {
        size_of_val(self.buckets.as_slice())
    }

    /// All slots, in no order that means anything.
    pub fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.buckets.iter().filter(|bucket| **bucket != FREE).map(|bucket| slot_of(*bucket))
    }

    /// The slot that has this hash and that `is_it` takes.
    #[inline(always)]
    pub fn find(&self, own: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mut at = self.home(own);
        loop {
            let bucket = self.buckets.get(at).copied().unwrap_or(FREE);
            if bucket == FREE {
                return None;
            }
            if own_of(bucket) == own && is_it(slot_of(bucket)) {
                return Some(slot_of(bucket));
            }
            at = self.after(at);
        }
    }

    /// Adds a slot; whether another one has the same hash does not matter.
    #[inline]
    pub fn insert(&mut self, own: u32, slot: u32) {
        debug_assert!(slot != NO_SLOT, "a table has fewer slots");
        if self.taken + 1 > entries_max(self.buckets.len()) {
            self.resize(buckets_for(self.taken + 1));
        }
        self.put(bucket(own, slot));
        self.taken += 1;
    }

    /// Removes a slot; whether it was there.
    pub fn remove(&mut self, own: u32, slot: u32) -> bool {
        let mut gap = self.home(own);
        loop {
            match self.buckets.get(gap).copied().unwrap_or(FREE) {
                FREE => return false,
                found if found == bucket(own, slot) => break,
                _ => gap = self.after(gap),
            }
        }
        // Entries behind it move up, unless that is before where they are looked for.
        let mut at = gap;
        loop {
            at = self.after(at);
            let moved = self.buckets.get(at).copied().unwrap_or(FREE);
            if moved == FREE {
                break;
            }
            if self.distance(self.home(own_of(moved)), at) >= self.distance(gap, at) {
                self.set(gap, moved);
                gap = at;
            }
        }
        self.set(gap, FREE);
        self.taken -= 1;
        true
    }

    /// Forgets all, and keeps the room if much of it was used.
    pub fn clear(&mut self) {
        const UNUSED: usize = 32;
        if self.taken * UNUSED < self.buckets.len() {
            *self = Self::with_capacity(self.taken);
        } else {
            self.buckets.fill(FREE);
            self.taken = 0;
        }
    }

    /// Whether lookups wait for memory, so that to look ahead is worth its while.
    #[inline]
    pub fn is_far(&self) -> bool {
        self.buckets.len() >= FAR_BUCKETS
    }

    /// For each of these hashes, in `candidates` the first slot that has it, or [`NO_SLOT`]. What has to come from memory comes for all
    /// of them at once; so these should be at most [`CHUNK`].
    pub fn look_ahead(&self, own: impl Iterator<Item = u32> + Clone, candidates: &mut Vec<u32>) {
        load(&self.buckets, own.clone().map(|own| self.home(own)));
        candidates.clear();
        candidates.extend(own.map(|own| self.find(own, |_| true).unwrap_or(NO_SLOT)));
    }

    /// Where to look first.
    #[inline(always)]
    fn home(&self, own: u32) -> usize {
        ((u64::from(own) * self.buckets.len() as u64) >> 32) as usize
    }

    #[inline(always)]
    fn after(&self, at: usize) -> usize {
        (at + 1) & self.buckets.len().wrapping_sub(1)
    }

    /// Steps from one place on to another.
    #[inline(always)]
    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & self.buckets.len().wrapping_sub(1)
    }

    #[inline(always)]
    fn set(&mut self, at: usize, bucket: u64) {
        if let Some(place) = self.buckets.get_mut(at) {
            *place = bucket;
        }
    }

    #[inline(always)]
    fn put(&mut self, bucket: u64) {
        let mut at = self.home(own_of(bucket));
        while self.buckets.get(at).is_some_and(|place| *place != FREE) {
            at = self.after(at);
        }
        self.set(at, bucket);
    }

    fn resize(&mut self, buckets: usize) {
        let old = std::mem::replace(&mut self.buckets, vec![FREE; buckets]);
        old.into_iter().filter(|bucket| *bucket != FREE).for_each(|bucket| self.put(bucket));
    }
}

/// How many entries so many buckets take.
#[inline(always)]
fn entries_max(buckets: usize) -> usize {
    buckets / 4 * 3
}

fn buckets_for(entries: usize) -> usize {
    (entries + entries.div_ceil(3)).next_power_of_two().max(BUCKETS_MIN)
}

/// Loads what lies at these places into the caches. No load waits for another one, so that many are under way at once.
#[inline(always)]
pub fn load<T: Copy + Into<u64>>(values: &[T], places: impl Iterator<Item = usize>) {
    let value = |at: usize| values.get(at).map_or(0, |value| (*value).into());
    // The sum is used, so that the loads are not left out.
    black_box(places.fold(0_u64, |sum, at| sum ^ value(at)));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use pelton_core::hash::hash_word;

    use super::*;

    /// The table beside a map of own hash and key, which it must agree with.
    #[derive(Default)]
    struct Beside {
        table: SlotTable,
        keys: Vec<u64>,
        known: BTreeMap<u64, u32>,
    }

    impl Beside {
        /// Few hashes: many keys share one, and some lie at the table's end.
        fn own(&self, key: u64) -> u32 {
            match key % 4 {
                0 => u32::MAX - (key % 3) as u32,
                1 => (key % 5) as u32,
                _ => own_hash(hash_word(key), 0),
            }
        }

        fn found(&self, key: u64) -> Option<u32> {
            self.table.find(self.own(key), |slot| self.keys.get(slot as usize) == Some(&key))
        }

        fn add(&mut self, key: u64) {
            assert_eq!(self.found(key), self.known.get(&key).copied(), "key {key}");
            if !self.known.contains_key(&key) {
                let slot = self.keys.len() as u32;
                self.keys.push(key);
                self.table.insert(self.own(key), slot);
                self.known.insert(key, slot);
            }
        }

        fn remove(&mut self, key: u64) {
            let own = self.own(key);
            if let Some(slot) = self.known.remove(&key) {
                assert!(self.table.remove(own, slot) && !self.table.remove(own, slot));
            }
        }

        fn agree(&self) {
            assert_eq!(self.table.len(), self.known.len());
            let mut slots: Vec<u32> = self.table.slots().collect();
            slots.sort_unstable();
            let mut known: Vec<u32> = self.known.values().copied().collect();
            known.sort_unstable();
            assert_eq!(slots, known);
            for key in 0..600 {
                assert_eq!(self.found(key), self.known.get(&key).copied(), "key {key}");
            }
        }
    }

    #[test]
    fn it_agrees_with_a_map_while_keys_come_and_go() {
        crate::seeds::each("-p pelton --lib it_agrees_with_a_map", 0..20, |seed| {
            let mut both = Beside::default();
            for step in 0..3_000 {
                let random = hash_word(seed << 32 | step);
                let key = random % 600;
                // First it grows, then it shrinks.
                let added_of_ten = if step < 1_500 { 7 } else { 3 };
                match (random >> 32) % 10 < added_of_ten {
                    true => both.add(key),
                    false => both.remove(key),
                }
                if step % 500 == 0 {
                    both.agree();
                }
            }
            both.agree();
            for key in 0..600 {
                both.remove(key);
            }
            assert!(both.table.is_empty() && both.table.buckets.iter().all(|bucket| *bucket == FREE));
        });
    }

    #[test]
    fn a_table_that_grew_far_finds_every_key_also_ahead() {
        let mut table = SlotTable::default();
        let own = |slot: u32| own_hash(hash_word(slot.into()), 7);
        for slot in 0..50_000 {
            assert_eq!(table.find(own(slot), |at| at == slot), None);
            table.insert(own(slot), slot);
        }
        assert!(table.is_far() && entries_max(table.buckets.len()) >= table.len());
        let mut candidates = Vec::new();
        for start in (0..100_000).step_by(CHUNK) {
            let slots = start..start + CHUNK as u32;
            table.look_ahead(slots.clone().map(own), &mut candidates);
            for (slot, candidate) in slots.zip(&candidates) {
                let found = table.find(own(slot), |at| at == slot);
                assert_eq!(found, (slot < 50_000).then_some(slot));
                let first = table.find(own(slot), |_| true);
                assert_eq!(first.unwrap_or(NO_SLOT), *candidate, "the first one of this hash");
            }
        }
        table.clear();
        assert!(table.is_empty() && table.is_far() && table.slots().next().is_none());
        table.insert(own(1), 1);
        table.clear();
        assert!(!table.is_far(), "room for 50,000 is not kept for one");
        assert_eq!(table.find(own(1), |_| true), None);
    }

    #[test]
    fn room_that_was_asked_for_is_enough() {
        for entries in [0, 1, 5, 6, 7, 12, 13, 1_000, 12_288, 12_289] {
            let mut table = SlotTable::with_capacity(entries);
            let before = table.buckets.len();
            (0..entries as u32).for_each(|slot| table.insert(slot << 16, slot));
            assert_eq!(table.buckets.len(), before, "{entries}");
        }
    }
}
