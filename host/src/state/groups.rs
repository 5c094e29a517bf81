//! Groups: which slot a key has. A slot is a dense number, given out in the order of first appearance.
//!
//! A group may carry a tag besides its key (the start of its pane), so that one table serves a batch whose rows
//! fall into several panes. The stable hash of the key is kept with it and never computed again.

mod snapshot;

use std::ops::Range;

use hashbrown::hash_table::{Entry as Entries, HashTable};

pub use self::snapshot::SavedGroups;
use super::keys::{Key, KeyStore, Keys};

#[derive(Debug)]
pub struct Groups {
    table: HashTable<Entry>,
    rows: GroupRows,
}

/// Where a group is. The hash is the table's own: by it groups are told apart, and the table grows, without a look at them.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u64,
    slot: u32,
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
        const ENTRY_BYTES: usize = size_of::<Entry>() + 1;
        let rows = self.rows.keys.held_bytes() + (self.rows.hashes.capacity() + self.rows.tags.capacity()) * 8;
        rows + self.table.capacity() * ENTRY_BYTES
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
        let Self { table, rows } = self;
        let hash_of_group = spread(hash, tag);
        let is_it = |entry: &Entry| {
            entry.hash == hash_of_group && key.is_at(&rows.keys, entry.slot) && rows.tag(entry.slot) == tag
        };
        match table.entry(hash_of_group, is_it, |entry| entry.hash) {
            Entries::Occupied(found) => (found.get().slot, false),
            Entries::Vacant(free) => {
                let slot = rows.hashes.len() as u32;
                free.insert(Entry { hash: hash_of_group, slot });
                rows.hashes.push(hash);
                if tag != 0 {
                    rows.tags.resize(slot as usize, 0);
                    rows.tags.push(tag);
                }
                key.push(&mut rows.keys);
                (slot, true)
            }
        }
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
        groups.assign(&keys, &[1, 1, 1, 1], 0..2, |_| 0, &mut slots);
        groups.assign(&keys, &[1, 1, 1, 1], 2..4, |row| i64::from(row == 3), &mut slots);
        assert_eq!(slots, [0, 1, 0, 2], "hashes may collide, and tags keep groups apart");
        assert_eq!(groups.rows().tags, [0, 0, 1]);
        let groups = groups.rows().clone();
        let mut other = Groups::new(KeyStore::Words(Vec::new()));
        assert_eq!(other.slot_of(&groups, 2, 0), (0, true));
        assert_eq!(other.slot_of(&groups, 0, 0), (0, false));
        let turned = groups.in_order(&[2, 1], KeyStore::Words(Vec::new()));
        assert_eq!((turned.tags.as_slice(), turned.len()), (&[1, 0][..], 2));
        let some = groups.select(&[2, 0, 2], vec![5, 6, 7], KeyStore::Words(Vec::new()));
        assert_eq!((some.hashes, some.tags), (vec![1, 1, 1], vec![5, 6, 7]));
        assert!(matches!(some.keys, KeyStore::Words(words) if words == [7, 7, 7]), "slot 2 has the key of slot 0");
    }
}
