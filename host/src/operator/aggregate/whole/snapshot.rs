//! How windows of one pane are saved: pane by pane.

use std::collections::BTreeMap;

use pelton_core::checkpoint::{Damage, are_distinct_below, packed::Packed};
use serde::{Deserialize, Serialize};

use super::{Pane, Touched, Whole};
use crate::state::{
    groups::{Groups, SavedGroups},
    keys::KeyCodec,
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
            let is_new = panes.insert(saved.start, Pane { groups, slots, touched }).is_none();
            Damage::unless(is_new, "two panes with one start")?;
        }
        Ok(Self { panes, ..Self::default() })
    }

    /// Where accumulators are.
    pub fn slots(&self) -> Vec<u32> {
        self.panes.values().flat_map(|pane| &pane.slots).copied().collect()
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
}
