//! How the groups of one pane are saved: in the order of their slots; the table is built anew.

use pelton_core::checkpoint::{Damage, packed::Packed};
use serde::{Deserialize, Serialize};

use super::{GroupRows, Groups};
use crate::state::{
    keys::{KeyCodec, SavedKeys},
    table::{SlotTable, own_hash},
};

/// [`Groups`] that all have the tag 0, as they are saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedGroups<'a> {
    hashes: Packed<'a, u64>,
    keys: SavedKeys<'a>,
}

impl Groups {
    /// `codec` is the one that encodes these keys. Tags are not saved: they are 0.
    pub fn save(&self, codec: &KeyCodec) -> SavedGroups<'_> {
        debug_assert!(self.rows.tags.iter().all(|tag| *tag == 0), "groups of one pane have no tags");
        SavedGroups { hashes: self.rows.hashes.as_slice().into(), keys: codec.save(&self.rows.keys) }
    }

    pub fn load(saved: SavedGroups<'_>, codec: &KeyCodec) -> Result<Self, Damage> {
        let hashes = saved.hashes.into_vec();
        let keys = codec.load(saved.keys, codec.store())?;
        Damage::unless(keys.len() == hashes.len(), "another number of keys than of their hashes")?;
        let mut table = SlotTable::with_capacity(hashes.len());
        for (slot, hash) in (0..).zip(&hashes) {
            table.insert(own_hash(*hash, 0), slot);
        }
        Ok(Self::with(table, GroupRows { hashes, tags: Vec::new(), keys }))
    }
}
