//! How windows of one pane are saved: pane by pane.

use std::collections::BTreeMap;

use pelton_core::checkpoint::{Damage, are_distinct_below, packed::Packed};
use serde::{Deserialize, Serialize};

use super::{GONE, Pane, Touched, Whole};
use crate::{
    operator::aggregate::accumulators::Moving,
    state::{
        groups::{Groups, SavedGroups},
        keys::KeyCodec,
        picked::Picked,
    },
};

/// [`Whole`] as it is saved.
#[derive(Debug, Serialize, Deserialize)]
pub struct SavedWhole<'a>(Vec<SavedPane<'a>>);

#[derive(Debug, Serialize, Deserialize)]
struct SavedPane<'a> {
    start: i64,
    groups: SavedGroups<'a>,
    slots: Packed<'a, u32>,
    /// Groups that wait for early results.
    touched: Packed<'a, u32>,
}

impl Whole {
    pub fn save(&self, codec: &KeyCodec) -> SavedWhole<'_> {
        let panes = self.panes.iter().map(|(start, pane)| SavedPane {
            start: *start,
            groups: pane.groups.save(codec),
            slots: pane.slots.as_slice().into(),
            touched: pane.touched.groups().into(),
        });
        SavedWhole(panes.collect())
    }

    pub fn load(saved: SavedWhole<'_>, codec: &KeyCodec) -> Result<Self, Damage> {
        let mut panes = BTreeMap::new();
        for saved in saved.0 {
            let groups = Groups::load(saved.groups, codec)?;
            let slots = saved.slots.into_vec();
            Damage::unless(slots.len() == groups.rows().len(), "groups without accumulators")?;
            let touched = Touched::load(saved.touched.into_vec(), slots.len())?;
            let gone = slots.iter().filter(|slot| **slot == GONE).count();
            let is_new = panes.insert(saved.start, Pane { groups, slots, gone, touched }).is_none();
            Damage::unless(is_new, "two panes with one start")?;
        }
        Ok(Self { panes, ..Self::default() })
    }

    /// Where accumulators are.
    pub fn slots(&self) -> Vec<u32> {
        self.panes.values().flat_map(Pane::live).collect()
    }

    /// Takes the groups of another partition that belong here. Answers with what became of them, by the start of their pane.
    pub fn adopt(
        &mut self,
        other: &Self,
        codec: &KeyCodec,
        is_own: &dyn Fn(u64) -> bool,
        moving: &mut Moving<'_>,
    ) -> BTreeMap<i64, Picked> {
        let mut by_pane = BTreeMap::new();
        for (start, from) in &other.panes {
            let pane = self.panes.entry(*start).or_insert_with(|| Pane::of(Groups::new(codec.store())));
            let picked = pane.groups.adopt(&from.groups, is_own);
            let slots = picked.old().iter().filter_map(|old| from.slots.get(*old as usize));
            for slot in slots {
                pane.gone += usize::from(*slot == GONE);
                pane.slots.push(if *slot == GONE { GONE } else { moving.slot(*slot) });
            }
            pane.touched.adopt(&from.touched, &picked);
            by_pane.insert(*start, picked);
        }
        by_pane
    }
}

impl Touched {
    /// Of so many groups.
    pub fn load(groups: Vec<u32>, count: usize) -> Result<Self, Damage> {
        Damage::unless(are_distinct_below(count, groups.iter().copied()), "changes of no group")?;
        let mut touched = Self::default();
        groups.into_iter().for_each(|group| touched.insert(group));
        Ok(touched)
    }

    /// Takes those of another partition's groups.
    pub fn adopt(&mut self, other: &Self, picked: &Picked) {
        other.groups.iter().filter_map(|group| picked.of(*group)).for_each(|group| self.insert(group));
    }
}
