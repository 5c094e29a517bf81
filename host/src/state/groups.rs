//! Groups: which slot a key has. A slot is a dense number, given out in the order of first appearance.
//!
//! A group may carry a tag besides its key (the start of its pane), so that one table serves a batch whose rows
//! fall into several panes. The stable hash of the key is kept with it and never computed again.

mod snapshot;

use std::ops::Range;

pub use self::snapshot::SavedGroups;
use super::{
    keys::{Key, KeyStore, Keys},
    table::{CHUNK, NO_SLOT, SlotTable, own_hash},
};

#[derive(Debug)]
pub struct Groups {
    table: SlotTable,
    rows: GroupRows,
    /// Where the groups of a chunk may be.
    candidates: Vec<u32>,
}

/// What is known of each group, by slot.
#[derive(Debug, Clone)]
pub struct GroupRows {
    pub hashes: Vec<u64>,
    /// From the first on that is not 0; the groups behind the end have 0.
    pub tags: Vec<i64>,
    pub keys: KeyStore,
}

impl GroupRows {
    pub fn new(keys: KeyStore) -> Self {
        Self { hashes: Vec::new(), tags: Vec::new(), keys }
    }

    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    pub fn tag(&self, slot: u32) -> i64 {
        self.tags.get(slot as usize).copied().unwrap_or_default()
    }

    /// These groups, with their tags; `keys` is an empty store.
    pub fn in_order(&self, slots: &[u32], keys: KeyStore) -> Self {
        let tags = if self.tags.is_empty() { Vec::new() } else { slots.iter().map(|slot| self.tag(*slot)).collect() };
        self.select(slots, tags, keys)
    }

    /// These groups, as often as they are named, under other tags; `keys` is an empty store.
    pub fn select(&self, slots: &[u32], tags: Vec<i64>, mut keys: KeyStore) -> Self {
        let hash = |slot: &u32| self.hashes.get(*slot as usize).copied().unwrap_or_default();
        keys.extend_of(&self.keys, slots);
        Self { hashes: slots.iter().map(hash).collect(), tags, keys }
    }
}

impl Groups {
    pub fn new(keys: KeyStore) -> Self {
        Self::with(SlotTable::default(), GroupRows::new(keys))
    }

    fn with(table: SlotTable, rows: GroupRows) -> Self {
        Self { table, rows, candidates: Vec::new() }
    }

    pub fn rows(&self) -> &GroupRows {
        &self.rows
    }

    /// Bytes held, about.
    pub fn held_bytes(&self) -> usize {
        let rows = self.rows.keys.held_bytes() + (self.rows.hashes.capacity() + self.rows.tags.capacity()) * 8;
        rows + self.table.held_bytes()
    }

    /// Forgets the groups, but keeps their room.
    pub fn clear(&mut self) {
        self.table.clear();
        self.rows.hashes.clear();
        self.rows.tags.clear();
        self.rows.keys.clear();
    }

    /// The slot of a key, and whether it is new.
    #[inline(always)]
    pub fn slot<K: Key>(&mut self, hash: u64, tag: i64, key: K) -> (u32, bool) {
        let Self { table, rows, .. } = self;
        let own = own_hash(hash, tag);
        if let Some(slot) = table.find(own, |slot| key.is_at(&rows.keys, slot) && rows.tag(slot) == tag) {
            return (slot, false);
        }
        let slot = rows.hashes.len() as u32;
        table.insert(own, slot);
        rows.hashes.push(hash);
        if tag != 0 {
            rows.tags.resize(slot as usize, 0);
            rows.tags.push(tag);
        }
        key.push(&mut rows.keys);
        (slot, true)
    }

    /// Appends to `slots` that of each of these rows of a batch; `tag` names the tag of a row.
    pub fn assign(
        &mut self,
        keys: &Keys,
        hashes: &[u64],
        rows: Range<usize>,
        mut tag: impl FnMut(usize) -> i64,
        slots: &mut Vec<u32>,
    ) {
        let hashes = hashes.get(rows.clone()).unwrap_or_default();
        match keys {
            Keys::Words(words) => {
                let words = words.get(rows.clone()).unwrap_or_default();
                let keys = words.iter().zip(hashes).zip(rows);
                slots.extend(keys.map(|((word, hash), row)| self.slot(*hash, tag(row), *word).0));
            }
            Keys::Text(text) => {
                let keys = rows.zip(hashes);
                slots.extend(keys.map(|(row, hash)| self.slot(*hash, tag(row), text.value(row).as_bytes()).0));
            }
            Keys::Rows(encoded) => {
                let keys = rows.zip(hashes);
                slots.extend(keys.map(|(row, hash)| self.slot(*hash, tag(row), encoded.row(row).data()).0));
            }
        }
    }

    /// Appends to `slots` those here of groups of another table with the same codec, without tags.
    pub fn slots_of(&mut self, other: &GroupRows, groups: Range<u32>, slots: &mut Vec<u32>) {
        match &other.keys {
            KeyStore::Words(_) => self.slots_of_keys(other, groups, |group| other.keys.word(group), slots),
            KeyStore::Bytes { .. } | KeyStore::Boxes(_) => {
                self.slots_of_keys(other, groups, |group| other.keys.bytes(group), slots);
            }
        }
    }

    #[inline(always)]
    fn slots_of_keys<K: Key>(
        &mut self,
        other: &GroupRows,
        groups: Range<u32>,
        key: impl Fn(u32) -> K,
        slots: &mut Vec<u32>,
    ) {
        let hash = |group: u32| other.hashes.get(group as usize).copied().unwrap_or_default();
        let mut start = groups.start;
        while start < groups.end {
            let chunk = start..groups.end.min(start + CHUNK as u32);
            start = chunk.end;
            if !self.table.is_far() {
                slots.extend(chunk.map(|group| self.slot(hash(group), 0, key(group)).0));
                continue;
            }
            let mut candidates = std::mem::take(&mut self.candidates);
            self.table.look_ahead(chunk.clone().map(|group| own_hash(hash(group), 0)), &mut candidates);
            self.rows.keys.load(&candidates);
            slots.extend(chunk.zip(&candidates).map(|(group, candidate)| {
                let is_it = *candidate != NO_SLOT
                    && key(group).is_at(&self.rows.keys, *candidate)
                    && self.rows.tag(*candidate) == 0;
                if is_it { *candidate } else { self.slot(hash(group), 0, key(group)).0 }
            }));
            self.candidates = candidates;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use pelton_core::hash::hash_word;

    use super::*;

    #[test]
    fn a_key_has_one_slot_for_each_tag_in_order_of_appearance() {
        let mut groups = Groups::new(KeyStore::Words(Vec::new()));
        let mut slots = Vec::new();
        let keys = Keys::Words(vec![7, 8, 7, 7]);
        groups.assign(&keys, &[1, 1, 1, 1], 0..2, |_| 0, &mut slots);
        groups.assign(&keys, &[1, 1, 1, 1], 2..4, |row| i64::from(row == 3), &mut slots);
        assert_eq!(slots, [0, 1, 0, 2], "hashes may collide, and tags keep groups apart");
        assert_eq!(groups.rows().tags, [0, 0, 1]);
        let groups = groups.rows().clone();
        let mut other = Groups::new(KeyStore::Words(Vec::new()));
        slots.clear();
        other.slots_of(&groups, 2..3, &mut slots);
        other.slots_of(&groups, 0..3, &mut slots);
        assert_eq!(slots, [0, 0, 1, 0]);
        let turned = groups.in_order(&[2, 1], KeyStore::Words(Vec::new()));
        assert_eq!((turned.tags.as_slice(), turned.len()), (&[1, 0][..], 2));
        let some = groups.select(&[2, 0, 2], vec![5, 6, 7], KeyStore::Words(Vec::new()));
        assert_eq!((some.hashes, some.tags), (vec![1, 1, 1], vec![5, 6, 7]));
        assert!(matches!(some.keys, KeyStore::Words(words) if words == [7, 7, 7]), "slot 2 has the key of slot 0");
    }

    #[test]
    fn slots_are_the_same_whether_a_table_is_far_or_near() {
        let words: Vec<u64> = (0..60_000).map(|row| hash_word(row) % 40_000).collect();
        let hashes: Vec<u64> = words.iter().map(|word| hash_word(*word)).collect();
        let batch = GroupRows { hashes: hashes.clone(), tags: Vec::new(), keys: KeyStore::Words(words.clone()) };
        let text = |word: &u64| format!("key {word}").into_bytes();
        let mut texts = KeyStore::Bytes { ends: Vec::new(), bytes: Vec::new() };
        words.iter().for_each(|word| text(word).as_slice().push(&mut texts));
        let texts = GroupRows { hashes, tags: Vec::new(), keys: texts };
        let mut known = HashMap::new();
        let expected: Vec<u32> = words
            .iter()
            .map(|word| {
                let next = known.len() as u32;
                *known.entry(*word).or_insert(next)
            })
            .collect();
        for (batch, store) in
            [(batch, KeyStore::Words(Vec::new())), (texts, KeyStore::Bytes { ends: Vec::new(), bytes: Vec::new() })]
        {
            let mut groups = Groups::new(store);
            let mut slots = Vec::new();
            for start in (0..60_000).step_by(7_001) {
                groups.slots_of(&batch, start..(start + 7_001).min(60_000), &mut slots);
            }
            assert!(groups.table.is_far());
            assert_eq!((slots, groups.rows().len()), (expected.clone(), known.len()));
        }
    }
}
