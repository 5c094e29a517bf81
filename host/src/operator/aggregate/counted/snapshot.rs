//! How windows of a number of rows are saved: the open window of each key.

use pelton_core::checkpoint::{Damage, packed::Packed};
use serde::{Deserialize, Serialize};

use super::{Counted, Open};
use crate::{
    operator::aggregate::accumulators::Moving,
    state::{
        keys::KeyCodec,
        numbered::{NumberedKeys, SavedNumbers},
        picked::Picked,
    },
};

/// [`Counted`] as it is saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedCounted<'a> {
    keys: SavedNumbers<'a>,
    rows: Packed<'a, u64>,
    slots: Packed<'a, u32>,
    /// Keys that wait for early results.
    waiting: Packed<'a, u32>,
}

impl Counted {
    pub fn save(&self, codec: &KeyCodec) -> SavedCounted<'_> {
        SavedCounted {
            keys: self.keys.save(codec),
            rows: self.open.iter().map(|open| open.rows).collect(),
            slots: self.open.iter().map(|open| open.slot).collect(),
            waiting: self.waiting.as_slice().into(),
        }
    }

    /// `count` is what [`Counted::new`] was given.
    pub fn load(count: u64, saved: SavedCounted<'_>, codec: &KeyCodec) -> Result<Self, Damage> {
        let keys = NumberedKeys::load(saved.keys, codec)?;
        let taken = keys.are_taken();
        let is_whole = saved.rows.len() == saved.slots.len() && saved.rows.len() <= taken.len();
        Damage::unless(is_whole, "open windows of no key")?;
        let open: Vec<Open> =
            saved.rows.iter().zip(saved.slots.iter()).map(|(rows, slot)| Open { rows, slot }).collect();
        let is_sound = |(open, is_taken): (&Open, &bool)| open.rows < count && (*is_taken || open.rows == 0);
        Damage::unless(open.iter().zip(&taken).all(is_sound), "a window that is full, or of no key")?;
        let waiting = saved.waiting.into_vec();
        Damage::unless(waiting.iter().all(|key| (*key as usize) < taken.len()), "no key that waits")?;
        Ok(Self { count, keys, open, waiting })
    }

    /// Where accumulators are.
    pub fn slots(&self) -> Vec<u32> {
        self.open.iter().filter(|open| open.rows > 0).map(|open| open.slot).collect()
    }

    /// Takes the open windows of another partition's keys that belong here.
    pub fn adopt(&mut self, other: &Self, is_own: &dyn Fn(u64) -> bool, moving: &mut Moving<'_>) -> Picked {
        let picked = self.keys.adopt(&other.keys, is_own);
        self.open.resize(picked.first(), Open::default());
        for old in picked.old() {
            let mut open = other.open.get(*old as usize).copied().unwrap_or_default();
            if open.rows > 0 {
                open.slot = moving.slot(open.slot);
            }
            self.open.push(open);
        }
        self.waiting.extend(other.waiting.iter().filter_map(|key| picked.of(*key)));
        picked
    }
}
