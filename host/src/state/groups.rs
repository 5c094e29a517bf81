//! Groups: which slot a key has. A slot is a dense number, given out in the order of first appearance.
//!
//! A group may carry a tag besides its key (the start of its pane), so that one table serves a batch whose rows
//! fall into several panes. The stable hash of the key is kept with it and never computed again.

mod snapshot;

use hashbrown::hash_table::{Entry, HashTable};

pub use self::snapshot::SavedGroups;
use super::keys::{Key, KeyStore, Keys};

#[derive(Debug)]
pub struct Groups {
    table: HashTable<u32>,
    rows: GroupRows,
}

/// What is known of each group, by slot.
#[derive(Debug, Clone)]
pub struct GroupRows {
    pub hashes: Vec<u64>,
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

    /// These groups, as often as they are named, under other tags; `keys` is an empty store.
    pub fn select(&self, slots: &[u32], tags: Vec<i64>, mut keys: KeyStore) -> Self {
        let hash = |slot: &u32| self.hashes.get(*slot as usize).copied().unwrap_or_default();
        slots.iter().for_each(|slot| keys.push_of(&self.keys, *slot));
        Self { hashes: slots.iter().map(hash).collect(), tags, keys }
    }
}

/// The table's own hash: partitions share their top bits, which the table would look at first.
#[inline(always)]
fn spread(hash: u64, tag: i64) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    hash.rotate_left(32) ^ (tag as u64).wrapping_mul(ODD)
}

impl Groups {
    pub fn new(keys: KeyStore) -> Self {
        Self { table: HashTable::new(), rows: GroupRows::new(keys) }
    }

    pub fn rows(&self) -> &GroupRows {
        &self.rows
    }

    /// Bytes held, about.
    pub fn held_bytes(&self) -> usize {
        self.rows.keys.held_bytes() + self.rows.hashes.capacity() * 16 + self.table.capacity() * 5
    }

    /// Hands over the groups, and begins anew with an empty table of the same size; `keys` is an empty store.
    pub fn take(&mut self, keys: KeyStore) -> GroupRows {
        self.table.clear();
        std::mem::replace(&mut self.rows, GroupRows::new(keys))
    }

    /// The slot of a key, and whether it is new.
    #[inline(always)]
    pub fn slot<K: Key>(&mut self, hash: u64, tag: i64, key: K) -> (u32, bool) {
        let Self { table, rows: GroupRows { hashes, tags, keys } } = self;
        let is_it = |slot: &u32| {
            let at = *slot as usize;
            hashes.get(at) == Some(&hash) && tags.get(at) == Some(&tag) && key.is_at(keys, *slot)
        };
        let rehash = |slot: &u32| {
            let at = *slot as usize;
            spread(hashes.get(at).copied().unwrap_or_default(), tags.get(at).copied().unwrap_or_default())
        };
        match table.entry(spread(hash, tag), is_it, rehash) {
            Entry::Occupied(found) => (*found.get(), false),
            Entry::Vacant(free) => {
                let slot = hashes.len() as u32;
                free.insert(slot);
                hashes.push(hash);
                tags.push(tag);
                key.push(keys);
                (slot, true)
            }
        }
    }

    /// The slot of each row of a batch; `tag` names the tag of a row.
    pub fn assign(&mut self, keys: &Keys, row_hashes: &[u64], mut tag: impl FnMut(usize) -> i64, slots: &mut Vec<u32>) {
        slots.clear();
        slots.reserve(row_hashes.len());
        match keys {
            Keys::Words(words) => {
                let rows = words.iter().zip(row_hashes).enumerate();
                slots.extend(rows.map(|(row, (word, hash))| self.slot(*hash, tag(row), *word).0));
            }
            Keys::Text(text) => {
                let rows = text.iter().zip(row_hashes).enumerate();
                slots.extend(
                    rows.map(|(row, (text, hash))| self.slot(*hash, tag(row), text.unwrap_or_default().as_bytes()).0),
                );
            }
            Keys::Rows(encoded) => {
                let rows = encoded.iter().zip(row_hashes).enumerate();
                slots.extend(rows.map(|(row, (key, hash))| self.slot(*hash, tag(row), key.data()).0));
            }
        }
    }

    /// The slot here of a group of another table with the same codec, under another tag.
    pub fn slot_of(&mut self, other: &GroupRows, slot: u32, tag: i64) -> (u32, bool) {
        let hash = other.hashes.get(slot as usize).copied().unwrap_or_default();
        match &other.keys {
            KeyStore::Words(_) => self.slot(hash, tag, other.keys.word(slot)),
            KeyStore::Bytes { .. } | KeyStore::Boxes(_) => self.slot(hash, tag, other.keys.bytes(slot)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_slot_for_each_tag_in_order_of_appearance() {
        let mut groups = Groups::new(KeyStore::Words(Vec::new()));
        let mut slots = Vec::new();
        let keys = Keys::Words(vec![7, 8, 7, 7]);
        groups.assign(&keys, &[1, 1, 1, 1], |row| i64::from(row == 3), &mut slots);
        assert_eq!(slots, [0, 1, 0, 2], "hashes may collide, and tags keep groups apart");
        assert_eq!(groups.rows().tags, [0, 0, 1]);
        let groups = groups.take(KeyStore::Words(Vec::new()));
        let mut other = Groups::new(KeyStore::Words(Vec::new()));
        assert_eq!(other.slot_of(&groups, 2, 0), (0, true));
        assert_eq!(other.slot_of(&groups, 0, 0), (0, false));
        let some = groups.select(&[2, 0, 2], vec![5, 6, 7], KeyStore::Words(Vec::new()));
        assert_eq!((some.hashes, some.tags), (vec![1, 1, 1], vec![5, 6, 7]));
        assert!(matches!(some.keys, KeyStore::Words(words) if words == [7, 7, 7]), "slot 2 has the key of slot 0");
    }
}
