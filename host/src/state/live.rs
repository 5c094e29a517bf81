//! The keys that have state at the moment: which slot each has. Slots of keys that go are given out again.
//!
//! Unlike [`Groups`](super::groups::Groups), which is built for a batch or a pane and dropped as a whole, this table lives as
//! long as the job. Invariant: which slot a key gets depends on the order of calls alone.

use hashbrown::hash_table::{Entry, HashTable};

use super::keys::{KeyStore, Keys};

#[derive(Debug)]
pub struct LiveKeys {
    table: HashTable<u32>,
    hashes: Vec<u64>,
    is_live: Vec<bool>,
    keys: SlotKeys,
    free: Vec<u32>,
}

/// Keys that can be replaced, by slot.
#[derive(Debug)]
enum SlotKeys {
    Words(Vec<u64>),
    Bytes { keys: Vec<Box<[u8]>>, held: usize },
}

/// One key, in either form.
trait Stored: Copy {
    fn is_at(self, keys: &SlotKeys, slot: u32) -> bool;
    fn put(self, keys: &mut SlotKeys, slot: u32);
}

impl Stored for u64 {
    #[inline(always)]
    fn is_at(self, keys: &SlotKeys, slot: u32) -> bool {
        matches!(keys, SlotKeys::Words(words) if words.get(slot as usize) == Some(&self))
    }

    #[inline(always)]
    fn put(self, keys: &mut SlotKeys, slot: u32) {
        let SlotKeys::Words(words) = keys else { return };
        match words.get_mut(slot as usize) {
            Some(word) => *word = self,
            None => words.push(self),
        }
    }
}

impl Stored for &[u8] {
    #[inline(always)]
    fn is_at(self, keys: &SlotKeys, slot: u32) -> bool {
        matches!(keys, SlotKeys::Bytes { keys, .. } if keys.get(slot as usize).is_some_and(|key| **key == *self))
    }

    #[inline(always)]
    fn put(self, keys: &mut SlotKeys, slot: u32) {
        let SlotKeys::Bytes { keys, held } = keys else { return };
        *held += self.len();
        match keys.get_mut(slot as usize) {
            Some(key) => *key = self.into(),
            None => keys.push(self.into()),
        }
    }
}

/// The table's own hash: partitions share their top bits, which the table would look at first.
#[inline(always)]
fn spread(hash: u64) -> u64 {
    hash.rotate_left(32)
}

impl LiveKeys {
    /// No keys; `store` is an empty store of the form that they will have.
    pub fn new(store: &KeyStore) -> Self {
        let keys = match store {
            KeyStore::Words(_) => SlotKeys::Words(Vec::new()),
            KeyStore::Bytes { .. } => SlotKeys::Bytes { keys: Vec::new(), held: 0 },
        };
        Self { table: HashTable::new(), hashes: Vec::new(), is_live: Vec::new(), keys, free: Vec::new() }
    }

    /// Slots ever given out: all are below this.
    pub fn slots(&self) -> usize {
        self.hashes.len()
    }

    /// Keys that have a slot.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The slots of all keys, in order.
    pub fn live(&self) -> impl Iterator<Item = u32> {
        self.is_live.iter().zip(0..).filter(|(is_live, _)| **is_live).map(|(_, slot)| slot)
    }

    /// Bytes held, about.
    pub fn held_bytes(&self) -> usize {
        let keys = match &self.keys {
            SlotKeys::Words(words) => words.len() * 8,
            SlotKeys::Bytes { keys, held } => keys.len() * 16 + held,
        };
        keys + self.hashes.len() * 9 + self.table.capacity() * 5
    }

    /// Appends to `slots` the slot of each of these rows, which is new for a key that had none.
    pub fn assign(&mut self, keys: &Keys, hashes: &[u64], rows: &[u32], slots: &mut Vec<u32>) {
        let hash = |row: u32| hashes.get(row as usize).copied().unwrap_or_default();
        match keys {
            Keys::Words(words) => {
                let word = |row: u32| words.get(row as usize).copied().unwrap_or_default();
                slots.extend(rows.iter().map(|row| self.slot(hash(*row), word(*row))));
            }
            Keys::Text(text) => {
                slots.extend(rows.iter().map(|row| self.slot(hash(*row), text.value(*row as usize).as_bytes())));
            }
            Keys::Rows(encoded) => {
                slots.extend(rows.iter().map(|row| self.slot(hash(*row), encoded.row(*row as usize).data())));
            }
        }
    }

    #[inline(always)]
    fn slot<K: Stored>(&mut self, hash: u64, key: K) -> u32 {
        let Self { table, hashes, is_live, keys, free } = self;
        let is_it = |slot: &u32| hashes.get(*slot as usize) == Some(&hash) && key.is_at(keys, *slot);
        let rehash = |slot: &u32| spread(hashes.get(*slot as usize).copied().unwrap_or_default());
        match table.entry(spread(hash), is_it, rehash) {
            Entry::Occupied(found) => *found.get(),
            Entry::Vacant(vacant) => {
                let slot = free.pop().unwrap_or(hashes.len() as u32);
                vacant.insert(slot);
                match (hashes.get_mut(slot as usize), is_live.get_mut(slot as usize)) {
                    (Some(at), Some(is_live)) => (*at, *is_live) = (hash, true),
                    _ => {
                        hashes.push(hash);
                        is_live.push(true);
                    }
                }
                key.put(keys, slot);
                slot
            }
        }
    }

    /// Forgets a key; its slot may be given to another.
    pub fn release(&mut self, slot: u32) {
        let Some(is_live) = self.is_live.get_mut(slot as usize) else { return };
        if !std::mem::take(is_live) {
            return;
        }
        let hash = self.hashes.get(slot as usize).copied().unwrap_or_default();
        if let Ok(entry) = self.table.find_entry(spread(hash), |at| *at == slot) {
            entry.remove();
        }
        if let SlotKeys::Bytes { keys, held } = &mut self.keys
            && let Some(key) = keys.get_mut(slot as usize)
        {
            *held -= std::mem::take(key).len();
        }
        self.free.push(slot);
    }

    /// The keys of these slots, in their order; `store` is an empty store of the right form.
    pub fn store(&self, slots: &[u32], mut store: KeyStore) -> KeyStore {
        match (&self.keys, &mut store) {
            (SlotKeys::Words(from), KeyStore::Words(words)) => {
                words.extend(slots.iter().map(|slot| from.get(*slot as usize).copied().unwrap_or_default()));
            }
            (SlotKeys::Bytes { keys, .. }, KeyStore::Bytes { ends, bytes }) => {
                for key in slots.iter().filter_map(|slot| keys.get(*slot as usize)) {
                    bytes.extend_from_slice(key);
                    ends.push(bytes.len());
                }
            }
            _ => {}
        }
        store
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;

    use super::*;

    #[test]
    fn slots_of_keys_that_went_are_used_again() {
        let mut live = LiveKeys::new(&KeyStore::Words(Vec::new()));
        let mut slots = Vec::new();
        // Equal hashes are not equal keys.
        live.assign(&Keys::Words(vec![7, 8, 7]), &[1, 1, 1], &[0, 1, 2], &mut slots);
        assert_eq!(slots, [0, 1, 0]);
        live.release(0);
        live.release(0);
        assert_eq!((live.len(), live.slots()), (1, 2));
        assert_eq!(live.live().collect::<Vec<_>>(), [1]);
        slots.clear();
        live.assign(&Keys::Words(vec![9, 8, 7]), &[3, 1, 1], &[0, 1, 2], &mut slots);
        assert_eq!(slots, [0, 1, 2]);
        let KeyStore::Words(words) = live.store(&[2, 0], KeyStore::Words(Vec::new())) else { unreachable!() };
        assert_eq!(words, [7, 9]);
    }

    #[test]
    fn the_bytes_of_released_keys_are_given_back() {
        let empty = || KeyStore::Bytes { ends: Vec::new(), bytes: Vec::new() };
        let mut live = LiveKeys::new(&empty());
        let before = live.held_bytes();
        let mut slots = Vec::new();
        let text = Keys::Text(StringArray::from(vec!["", "a long key that takes room", ""]));
        live.assign(&text, &[5, 6, 5], &[1, 0, 2], &mut slots);
        assert_eq!(slots, [0, 1, 1]);
        let KeyStore::Bytes { ends, bytes } = live.store(&[1, 0], empty()) else { unreachable!() };
        assert_eq!((ends, bytes.len()), (vec![0, 26], 26));
        let full = live.held_bytes();
        live.release(0);
        assert_eq!(full - live.held_bytes(), 26);
        assert!(before < full);
    }
}
