//! Keys with numbers: dense, kept for as long as something is known of the key, then given to another.
//!
//! What windows keep of a key (its panes, its sessions, how many rows it has) lies in vectors by its number. Numbers
//! depend on the order of the calls alone.

mod snapshot;

use hashbrown::hash_table::{Entry as Entries, HashTable};

pub use self::snapshot::SavedNumbers;
use super::{
    groups::GroupRows,
    keys::{Key, KeyStore, Keys},
};

#[derive(Debug)]
pub struct NumberedKeys {
    table: HashTable<Entry>,
    hashes: Vec<u64>,
    keys: KeyStore,
    /// What the keys hold besides their places.
    key_bytes: usize,
    free: Vec<u32>,
}

/// Where a key is. The hash is the table's own: by it keys are told apart, and the table grows, without a look at them.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u64,
    number: u32,
}

/// The table's own hash: partitions share their top bits, which the table would look at first.
#[inline(always)]
fn spread(hash: u64) -> u64 {
    hash.rotate_left(32)
}

impl NumberedKeys {
    /// `keys` is an empty store whose slots can be used again.
    pub fn new(keys: KeyStore) -> Self {
        Self { table: HashTable::new(), hashes: Vec::new(), keys, key_bytes: 0, free: Vec::new() }
    }

    /// Keys that have a number.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Numbers ever given out: all are below this.
    pub fn numbers(&self) -> usize {
        self.hashes.len()
    }

    /// The numbers of all keys, in order.
    pub fn taken(&self) -> Vec<u32> {
        let mut taken: Vec<u32> = self.table.iter().map(|entry| entry.number).collect();
        taken.sort_unstable();
        taken
    }

    /// The keys by their numbers.
    pub fn keys(&self) -> &KeyStore {
        &self.keys
    }

    /// Bytes held, about. Cheap.
    pub fn held_bytes(&self) -> usize {
        const PLACE_BYTES: usize = 16;
        const ENTRY_BYTES: usize = size_of::<Entry>() + 1;
        self.key_bytes
            + self.keys.len() * PLACE_BYTES
            + self.hashes.capacity() * 8
            + self.table.capacity() * ENTRY_BYTES
    }

    /// Appends to `numbers` that of each of these rows' keys.
    pub fn assign(&mut self, keys: &Keys, hashes: &[u64], rows: &[u32], numbers: &mut Vec<u32>) {
        let hash = |row: u32| hashes.get(row as usize).copied().unwrap_or_default();
        match keys {
            Keys::Words(words) => {
                let word = |row: u32| words.get(row as usize).copied().unwrap_or_default();
                numbers.extend(rows.iter().map(|row| self.enter(hash(*row), word(*row)).0));
            }
            Keys::Text(text) => {
                numbers.extend(rows.iter().map(|row| self.enter(hash(*row), text.value(*row as usize).as_bytes()).0));
            }
            Keys::Rows(encoded) => {
                numbers.extend(rows.iter().map(|row| self.enter(hash(*row), encoded.row(*row as usize).data()).0));
            }
        }
    }

    /// Appends to `numbers` that of each of these rows' keys; `u32::MAX` where the key has none.
    pub fn look_up(&self, keys: &Keys, hashes: &[u64], rows: &[u32], numbers: &mut Vec<u32>) {
        let hash = |row: u32| hashes.get(row as usize).copied().unwrap_or_default();
        match keys {
            Keys::Words(words) => {
                let word = |row: u32| words.get(row as usize).copied().unwrap_or_default();
                numbers.extend(rows.iter().map(|row| self.seek(hash(*row), word(*row))));
            }
            Keys::Text(text) => {
                numbers.extend(rows.iter().map(|row| self.seek(hash(*row), text.value(*row as usize).as_bytes())));
            }
            Keys::Rows(encoded) => {
                numbers.extend(rows.iter().map(|row| self.seek(hash(*row), encoded.row(*row as usize).data())));
            }
        }
    }

    #[inline(always)]
    fn seek<K: Key>(&self, hash: u64, key: K) -> u32 {
        self.found(hash, key).unwrap_or(u32::MAX)
    }

    #[inline(always)]
    fn found<K: Key>(&self, hash: u64, key: K) -> Option<u32> {
        let hash = spread(hash);
        let is_it = |entry: &Entry| entry.hash == hash && key.is_at(&self.keys, entry.number);
        self.table.find(hash, is_it).map(|entry| entry.number)
    }

    /// The number of the key of a group, and whether it is new.
    #[inline]
    pub fn number(&mut self, groups: &GroupRows, group: u32) -> (u32, bool) {
        let hash = groups.hashes.get(group as usize).copied().unwrap_or_default();
        match &groups.keys {
            KeyStore::Words(_) => self.enter(hash, groups.keys.word(group)),
            KeyStore::Bytes { .. } | KeyStore::Boxes(_) => self.enter(hash, groups.keys.bytes(group)),
        }
    }

    /// The number of the key of a group, if it has one.
    pub fn find(&self, groups: &GroupRows, group: u32) -> Option<u32> {
        let hash = groups.hashes.get(group as usize).copied().unwrap_or_default();
        match &groups.keys {
            KeyStore::Words(_) => self.found(hash, groups.keys.word(group)),
            KeyStore::Bytes { .. } | KeyStore::Boxes(_) => self.found(hash, groups.keys.bytes(group)),
        }
    }

    /// Nothing is known of the key any more.
    pub fn forget(&mut self, number: u32) {
        let Some(hash) = self.hashes.get(number as usize).copied() else { return };
        if let Ok(entry) = self.table.find_entry(spread(hash), |entry| entry.number == number) {
            entry.remove();
            self.free.push(number);
        }
    }

    #[inline(always)]
    fn enter<K: Key>(&mut self, hash: u64, key: K) -> (u32, bool) {
        let Self { table, hashes, keys, key_bytes, free } = self;
        let own = spread(hash);
        let is_it = |entry: &Entry| entry.hash == own && key.is_at(keys, entry.number);
        let vacant = match table.entry(own, is_it, |entry| entry.hash) {
            Entries::Occupied(found) => return (found.get().number, false),
            Entries::Vacant(vacant) => vacant,
        };
        let number = match free.pop() {
            Some(number) => {
                if let Some(at) = hashes.get_mut(number as usize) {
                    *at = hash;
                }
                *key_bytes -= keys.bytes(number).len();
                key.replace(keys, number);
                number
            }
            None => {
                hashes.push(hash);
                key.push(keys);
                hashes.len() as u32 - 1
            }
        };
        vacant.insert(Entry { hash: own, number });
        *key_bytes += keys.bytes(number).len();
        (number, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(names: &[&str]) -> GroupRows {
        let mut keys = KeyStore::Bytes { ends: Vec::new(), bytes: Vec::new() };
        names.iter().for_each(|name| name.as_bytes().push(&mut keys));
        // One hash for all: they collide.
        GroupRows { hashes: vec![7; names.len()], tags: vec![0; names.len()], keys }
    }

    #[test]
    fn a_forgotten_key_gives_its_number_to_another() {
        let groups = groups(&["a", "bb", "", "c"]);
        let mut keys = NumberedKeys::new(KeyStore::Boxes(Vec::new()));
        assert_eq!([0, 1, 2].map(|group| keys.number(&groups, group)), [(0, true), (1, true), (2, true)]);
        assert_eq!((keys.number(&groups, 1), keys.find(&groups, 3)), ((1, false), None));
        keys.forget(1);
        keys.forget(1);
        assert_eq!((keys.len(), keys.find(&groups, 1)), (2, None));
        assert_eq!((keys.number(&groups, 3), keys.find(&groups, 3)), ((1, true), Some(1)));
        assert_eq!((keys.number(&groups, 1), keys.find(&groups, 0)), ((3, true), Some(0)));
        assert_eq!([0, 1, 2, 3].map(|number| keys.keys().bytes(number)), [&b"a"[..], b"c", b"", b"bb"]);
    }
}
