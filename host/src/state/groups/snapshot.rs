//! How the groups of one pane are saved: in the order of their slots; the table is built anew.

use pelton_core::checkpoint::{Damage, packed::Packed};
use serde::{Deserialize, Serialize};

use super::{GroupRows, Groups};
use crate::state::{
    keys::{KeyCodec, SavedKeys},
    picked::Picked,
    table::{SlotTable, own_hash},
};

/// [`Groups`] that all have the tag 0, as they are saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedGroups<'a> {
    /// None, where they follow from the keys.
    hashes: Packed<'a, u64>,
    keys: SavedKeys<'a>,
}

impl Groups {
    /// `codec` is the one that encodes these keys. Tags are not saved: they are 0.
    pub fn save(&self, codec: &KeyCodec) -> SavedGroups<'_> {
        debug_assert!(self.rows.tags.iter().all(|tag| *tag == 0), "groups of one pane have no tags");
        SavedGroups { hashes: codec.save_hashes(&self.rows.hashes), keys: codec.save(&self.rows.keys) }
    }

    pub fn load(saved: SavedGroups<'_>, codec: &KeyCodec) -> Result<Self, Damage> {
        let keys = codec.load(saved.keys, codec.store())?;
        let hashes = codec.load_hashes(saved.hashes, &keys);
        Damage::unless(keys.len() == hashes.len(), "another number of keys than of their hashes")?;
        let mut table = SlotTable::with_capacity(hashes.len());
        for (slot, hash) in (0..).zip(&hashes) {
            table.insert(own_hash(*hash, 0), slot);
        }
        Ok(Self::with(table, GroupRows { hashes, tags: Vec::new(), keys }))
    }

    /// Takes the groups of another partition's pane that belong here, by the hash of each. Their tags are 0.
    pub fn adopt(&mut self, other: &Self, is_own: &dyn Fn(u64) -> bool) -> Picked {
        let hashes = &other.rows.hashes;
        let own = (0..).zip(hashes).filter(|(_, hash)| is_own(**hash)).map(|(slot, _)| slot);
        let picked = Picked::new(own.collect(), self.rows.hashes.len() as u32, hashes.len());
        self.rows.keys.extend_of(&other.rows.keys, picked.old());
        for (old, new) in picked.pairs() {
            let hash = hashes.get(old as usize).copied().unwrap_or_default();
            self.rows.hashes.push(hash);
            self.table.insert(own_hash(hash, 0), new);
        }
        picked
    }
}
