//! How keys with numbers are saved: in the order of their numbers, with those that are free; the table is built anew.
//!
//! A number that is free keeps its last key, so that what is held is counted as before.

use pelton_core::checkpoint::{Damage, are_distinct_below, packed::Packed};
use serde::{Deserialize, Serialize};

use super::NumberedKeys;
use crate::state::{
    keys::{KeyCodec, SavedKeys},
    picked::Picked,
    table::{SlotTable, own_hash},
};

/// [`NumberedKeys`] as they are saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedNumbers<'a> {
    /// None, where they follow from the keys.
    hashes: Packed<'a, u64>,
    keys: SavedKeys<'a>,
    free: Packed<'a, u32>,
}

impl NumberedKeys {
    /// `codec` is the one that encodes these keys.
    pub fn save(&self, codec: &KeyCodec) -> SavedNumbers<'_> {
        SavedNumbers {
            hashes: codec.save_hashes(&self.hashes),
            keys: codec.save(&self.keys),
            free: self.free.as_slice().into(),
        }
    }

    pub fn load(saved: SavedNumbers<'_>, codec: &KeyCodec) -> Result<Self, Damage> {
        let keys = codec.load(saved.keys, codec.slots())?;
        let hashes = codec.load_hashes(saved.hashes, &keys);
        Damage::unless(keys.len() == hashes.len(), "another number of keys than of their hashes")?;
        let free = saved.free.into_vec();
        Damage::unless(are_distinct_below(hashes.len(), free.iter().copied()), "a number that is free twice")?;
        let key_bytes = (0..hashes.len() as u32).map(|number| keys.bytes(number).len()).sum();
        let table = SlotTable::with_capacity(hashes.len() - free.len());
        let mut loaded = Self { table, hashes, keys, key_bytes, free, candidates: Vec::new() };
        let taken = loaded.are_taken();
        let Self { table, hashes, .. } = &mut loaded;
        for (number, (hash, _)) in (0..).zip(hashes.iter().zip(taken)).filter(|(_, (_, is_taken))| *is_taken) {
            table.insert(own_hash(*hash, 0), number);
        }
        Ok(loaded)
    }

    /// Takes the keys of another partition that belong here, by the hash of each. No number here is free.
    pub fn adopt(&mut self, other: &Self, is_own: &dyn Fn(u64) -> bool) -> Picked {
        let hash = |number: &u32| other.hashes.get(*number as usize).copied().unwrap_or_default();
        let old: Vec<u32> = other.taken().into_iter().filter(|number| is_own(hash(number))).collect();
        let picked = Picked::new(old, self.hashes.len() as u32, other.hashes.len());
        self.keys.extend_of(&other.keys, picked.old());
        for (old, new) in picked.pairs() {
            self.hashes.push(hash(&old));
            self.table.insert(own_hash(hash(&old), 0), new);
            self.key_bytes += other.keys.bytes(old).len();
        }
        picked
    }

    /// By number, whether a key has it.
    pub fn are_taken(&self) -> Vec<bool> {
        let mut taken = vec![true; self.hashes.len()];
        for number in &self.free {
            if let Some(is_taken) = taken.get_mut(*number as usize) {
                *is_taken = false;
            }
        }
        taken
    }
}
