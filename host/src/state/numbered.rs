//! Keys with numbers: dense, kept for as long as something is known of the key, then given to another.
//!
//! What windows keep of a key (its panes, its sessions, how many rows it has) lies in vectors by its number. Numbers
//! depend on the order of the calls alone.

mod snapshot;

pub use self::snapshot::SavedNumbers;
use super::{
    groups::GroupRows,
    keys::{Key, KeyStore, Keys},
    table::{CHUNK, NO_SLOT, SlotTable, own_hash},
};

#[derive(Debug)]
pub struct NumberedKeys {
    table: SlotTable,
    hashes: Vec<u64>,
    keys: KeyStore,
    /// What the keys hold besides their places.
    key_bytes: usize,
    free: Vec<u32>,
    /// Where the keys of a chunk may be.
    candidates: Vec<u32>,
}

impl NumberedKeys {
    /// `keys` is an empty store whose slots can be used again.
    pub fn new(keys: KeyStore) -> Self {
        Self {
            table: SlotTable::default(),
            hashes: Vec::new(),
            keys,
            key_bytes: 0,
            free: Vec::new(),
            candidates: Vec::new(),
        }
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
        let mut taken: Vec<u32> = self.table.slots().collect();
        taken.sort_unstable();
        taken
    }

    /// The numbers of some keys, so many at most, in no order that means anything. Cheap.
    pub fn some(&self, count: usize) -> Vec<u32> {
        self.table.slots().take(count).collect()
    }

    /// The keys by their numbers.
    pub fn keys(&self) -> &KeyStore {
        &self.keys
    }

    /// Bytes held, about. Cheap.
    pub fn held_bytes(&self) -> usize {
        const PLACE_BYTES: usize = 16;
        self.key_bytes + self.keys.len() * PLACE_BYTES + self.hashes.capacity() * 8 + self.table.held_bytes()
    }

    /// Appends to `numbers` that of each of these rows' keys.
    pub fn assign(&mut self, keys: &Keys, hashes: &[u64], rows: &[u32], numbers: &mut Vec<u32>) {
        let hash = |row: u32| hashes.get(row as usize).copied().unwrap_or_default();
        match keys {
            Keys::Words(words) => {
                let word = |row: u32| words.get(row as usize).copied().unwrap_or_default();
                self.assign_keys(hash, word, rows, numbers);
            }
            Keys::Text(text) => self.assign_keys(hash, |row| text.value(row as usize).as_bytes(), rows, numbers),
            Keys::Rows(encoded) => self.assign_keys(hash, |row| encoded.row(row as usize).data(), rows, numbers),
        }
    }

    #[inline(always)]
    fn assign_keys<K: Key>(
        &mut self,
        hash: impl Fn(u32) -> u64,
        key: impl Fn(u32) -> K,
        rows: &[u32],
        numbers: &mut Vec<u32>,
    ) {
        for chunk in rows.chunks(CHUNK) {
            if !self.table.is_far() {
                numbers.extend(chunk.iter().map(|row| self.enter(hash(*row), key(*row)).0));
                continue;
            }
            let mut candidates = std::mem::take(&mut self.candidates);
            self.table.look_ahead(chunk.iter().map(|row| own_hash(hash(*row), 0)), &mut candidates);
            self.keys.load(&candidates);
            numbers.extend(chunk.iter().zip(&candidates).map(|(row, candidate)| {
                let is_it = *candidate != NO_SLOT && key(*row).is_at(&self.keys, *candidate);
                if is_it { *candidate } else { self.enter(hash(*row), key(*row)).0 }
            }));
            self.candidates = candidates;
        }
    }

    /// Appends to `numbers` that of each of these rows' keys; [`NO_SLOT`] where the key has none.
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
        self.found(hash, key).unwrap_or(NO_SLOT)
    }

    #[inline(always)]
    fn found<K: Key>(&self, hash: u64, key: K) -> Option<u32> {
        self.table.find(own_hash(hash, 0), |number| key.is_at(&self.keys, number))
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
        if self.table.remove(own_hash(hash, 0), number) {
            self.free.push(number);
        }
    }

    #[inline(always)]
    fn enter<K: Key>(&mut self, hash: u64, key: K) -> (u32, bool) {
        if let Some(number) = self.found(hash, key) {
            return (number, false);
        }
        let Self { table, hashes, keys, key_bytes, free, .. } = self;
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
        table.insert(own_hash(hash, 0), number);
        *key_bytes += keys.bytes(number).len();
        (number, true)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use arrow::array::StringArray;
    use pelton_core::hash::{hash_bytes, hash_word};

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

    /// What the table must do, key by key: a number of its own for each key, and that of a forgotten one for the next.
    #[derive(Default)]
    struct Naive {
        known: HashMap<u64, u32>,
        free: Vec<u32>,
        numbers: u32,
    }

    impl Naive {
        fn assign(&mut self, word: u64) -> u32 {
            *self.known.entry(word).or_insert_with(|| {
                self.free.pop().unwrap_or_else(|| {
                    self.numbers += 1;
                    self.numbers - 1
                })
            })
        }

        fn forget(&mut self, number: u32) {
            let before = self.known.len();
            self.known.retain(|_, known| *known != number);
            if self.known.len() < before {
                self.free.push(number);
            }
        }
    }

    #[test]
    fn numbers_are_those_of_one_key_after_the_other_however_far_the_table_reaches() {
        let mut naive = Naive::default();
        let mut words = NumberedKeys::new(KeyStore::Words(Vec::new()));
        let mut texts = NumberedKeys::new(KeyStore::Boxes(Vec::new()));
        for batch in 0..12_u64 {
            let keys: Vec<u64> = (0..6_000).map(|row| hash_word(batch << 32 | row) % 40_000).collect();
            // Every other row is another partition's.
            let rows: Vec<u32> = (0..6_000).step_by(2).collect();
            let expected: Vec<u32> = rows.iter().map(|row| naive.assign(keys[*row as usize])).collect();
            let hashes: Vec<u64> = keys.iter().map(|key| hash_word(*key)).collect();
            let mut numbers = Vec::new();
            words.assign(&Keys::Words(keys.clone()), &hashes, &rows, &mut numbers);
            assert_eq!(numbers, expected, "batch {batch}");
            let text = StringArray::from_iter_values(keys.iter().map(|key| format!("key {key}")));
            let hashes: Vec<u64> = text.iter().flatten().map(|key| hash_bytes(key.as_bytes())).collect();
            numbers.clear();
            texts.assign(&Keys::Text(text.clone()), &hashes, &rows, &mut numbers);
            assert_eq!(numbers, expected, "batch {batch}");
            numbers.clear();
            texts.look_up(&Keys::Text(text), &hashes, &rows, &mut numbers);
            assert_eq!(numbers, expected, "batch {batch}");
            for number in expected.iter().step_by(97).chain(&[77_777]) {
                naive.forget(*number);
                words.forget(*number);
                texts.forget(*number);
            }
            assert_eq!((words.len(), texts.len()), (naive.known.len(), naive.known.len()));
            let mut taken: Vec<u32> = naive.known.values().copied().collect();
            taken.sort_unstable();
            assert_eq!((words.taken(), texts.taken()), (taken.clone(), taken));
        }
        assert!(words.table.is_far() && texts.table.is_far());
    }
}
