//! How windows that overlap are saved: with the merges that have been made, so that those to come are the same.

use pelton_core::{
    checkpoint::{Damage, packed::Packed},
    two_stacks::{SavedStacks, TwoStacks},
};
use serde::{Deserialize, Serialize};

use super::{Results, Sliding};
use crate::{
    operator::aggregate::accumulators::Moving,
    state::{
        keys::KeyCodec,
        numbered::{NumberedKeys, SavedNumbers},
        picked::Picked,
    },
};

/// [`Sliding`] as it is saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedSliding<'a> {
    keys: SavedNumbers<'a>,
    stacks: SavedStacks<'a>,
    /// The slot of each scratch row.
    results: Packed<'a, u32>,
    spare: Option<u32>,
    /// Keys and panes that wait for early results.
    waiting_keys: Packed<'a, u32>,
    waiting_panes: Packed<'a, i64>,
    kept_from: i64,
}

impl Sliding {
    /// Between epochs, when nothing is touched.
    pub fn save(&self, codec: &KeyCodec) -> SavedSliding<'_> {
        debug_assert!(self.touched.is_empty(), "an epoch ends with nothing touched");
        SavedSliding {
            keys: self.keys.save(codec),
            stacks: self.stacks.save(),
            results: self.results.slots.as_slice().into(),
            spare: self.spare,
            waiting_keys: self.waiting.iter().map(|(key, _)| *key).collect(),
            waiting_panes: self.waiting.iter().map(|(_, pane)| *pane).collect(),
            kept_from: self.kept_from,
        }
    }

    /// `slide` is what [`Sliding::new`] was given.
    pub fn load(slide: i64, saved: SavedSliding<'_>, codec: &KeyCodec) -> Result<Self, Damage> {
        let keys = NumberedKeys::load(saved.keys, codec)?;
        let stacks = TwoStacks::load(saved.stacks)?;
        let taken = keys.are_taken();
        let is_taken = |key: &u32| taken.get(*key as usize).copied().unwrap_or_default();
        Damage::unless(stacks.active_keys().iter().all(is_taken), "panes of a key that is not known")?;
        let panes = stacks.payloads().len();
        Damage::unless(saved.waiting_keys.len() == saved.waiting_panes.len(), "keys that wait without a pane")?;
        let waiting: Vec<(u32, i64)> = saved.waiting_keys.iter().zip(saved.waiting_panes.iter()).collect();
        Damage::unless(waiting.iter().all(|(key, _)| (*key as usize) < taken.len()), "no key that waits")?;
        let results = Results { slots: saved.results.into_vec(), ..Results::default() };
        let (spare, kept_from) = (saved.spare, saved.kept_from);
        let newest = stacks.panes().map(|(_, start, _)| start).max();
        Ok(Self { slide, keys, stacks, results, spare, touched: Vec::new(), waiting, panes, kept_from, newest })
    }

    /// Where accumulators are: those of panes, of scratch rows, and the next one.
    pub fn slots(&self) -> Vec<u32> {
        let mut slots = self.stacks.payloads();
        slots.extend(self.results.slots.iter().chain(&self.spare));
        slots
    }

    /// Takes the panes of another partition's keys that belong here. Merges that had been made of them are made again when the next window
    /// closes, in another order perhaps.
    pub fn adopt(&mut self, other: &Self, is_own: &dyn Fn(u64) -> bool, moving: &mut Moving<'_>) -> Picked {
        let picked = self.keys.adopt(&other.keys, is_own);
        self.stacks.follow(&other.stacks);
        for (key, start, slot) in other.stacks.panes() {
            if let Some(key) = picked.of(key) {
                self.stacks.upsert(key, start, moving.slot(slot));
                self.panes += 1;
                self.newest = self.newest.max(Some(start));
            }
        }
        self.waiting.extend(other.waiting.iter().filter_map(|(key, pane)| Some((picked.of(*key)?, *pane))));
        self.kept_from = self.kept_from.max(other.kept_from);
        picked
    }
}
